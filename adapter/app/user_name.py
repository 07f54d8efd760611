"""Who works on a store, as the operating system knows him: for the audit lines."""

from __future__ import annotations

import os
import pwd


def user_name() -> str:
    """The name behind the process; with `sudo` also of who called it, and a number where the system has no name."""
    number = os.geteuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:  # a container may run as a number nobody has named
        name = f"user {number}"
    called_by = os.environ.get("SUDO_USER", "")
    return f"{called_by} as {name}" if called_by and called_by != name else name
