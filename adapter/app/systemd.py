"""What systemd is told of the service, by sd_notify(3): ready, stopping, and that it is alive."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping

ADDRESS, WATCHDOG_USEC, WATCHDOG_PID = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"
OURS = frozenset({ADDRESS, WATCHDOG_USEC, WATCHDOG_PID})
"""Variables for this process alone: what it starts must not speak for it."""
FEEDINGS = 4
"""Within the time after which systemd takes the service for dead: one or two may come late."""


class Systemd:
    """The manager that started this process, if it wants to hear; elsewhere every word is lost and harmless."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._address = environment.get(ADDRESS, "")
        meant = environment.get(WATCHDOG_PID, str(os.getpid())) == str(os.getpid())
        given = environment.get(WATCHDOG_USEC, "")
        self._feed_every_s = int(given) / 1e6 / FEEDINGS if meant and given.isdecimal() and int(given) else None
        self._fed_at: float | None = None

    def ready(self, status: str) -> None:
        """Every door is open; `status` is for the eyes of a person."""
        self._tell("READY=1", f"STATUS={status}")

    def stopping(self) -> None:
        """The service ends by its own will."""
        self._tell("STOPPING=1")

    def alive(self, now_s: float) -> None:
        """Put off the end that systemd makes of a silent service; called as often as one likes."""
        if self._feed_every_s is None or (self._fed_at is not None and now_s - self._fed_at < self._feed_every_s):
            return
        self._fed_at = now_s
        self._tell("WATCHDOG=1")

    def _tell(self, *states: str) -> None:
        if not self._address.startswith(("/", "@")):
            return
        place = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        # Whether anybody hears must never decide over the service.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, kind) as speaking:
            speaking.sendto("\n".join(states).encode(), place)
