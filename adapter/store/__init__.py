"""What must survive a power cut: the inboxes, the state, and the in-memory variants `play` uses."""
