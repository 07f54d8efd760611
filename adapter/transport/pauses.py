"""Pauses after failures: nobody is asked again before one is over, and each is longer than the one before."""

from __future__ import annotations

import time
from collections.abc import Callable

from adapter.transport.fhir_failures import Transient, later

MOST_DOUBLINGS = 10


class Pauses:
    """The pause of now, if there is one, and the failure it follows."""

    def __init__(self, *, first_s: float, longest_s: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._monotonic = monotonic
        self._failure: Transient | None = None
        self._failures = 0
        self._again_at = 0.0

    def check(self) -> None:
        """Raises the failure again, with the time that is left, as long as the pause lasts."""
        wait_s = self._again_at - self._monotonic()
        if self._failure is not None and wait_s > 0:
            raise later(self._failure, wait_s)

    def begin(self, failure: Transient) -> Transient:
        """The failure with the pause that follows it, which is no shorter than it asks for."""
        pause_s = min(self._first_s * (1 << min(self._failures, MOST_DOUBLINGS)), self._longest_s)
        pause_s = max(pause_s, failure.retry_after_s or 0.0)
        self._failures += 1
        self._again_at = self._monotonic() + pause_s
        self._failure = later(failure, pause_s)
        return self._failure

    def end(self) -> None:
        """Something has changed: it may be tried at once."""
        self._failure = None

    def went_well(self) -> None:
        """The next failure begins with a short pause again."""
        self._failure, self._failures = None, 0
