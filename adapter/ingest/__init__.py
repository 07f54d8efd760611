"""Translation of received messages to events: pure, no I/O, no clock."""
