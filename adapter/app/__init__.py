"""Wiring: builds the real parts, starts processes, listeners and timers; the only home of the scheduler."""
