"""The corridor: receive, process, deliver, reassess; rooms are called from here and never call each other."""
