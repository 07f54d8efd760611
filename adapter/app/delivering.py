"""One delivery per target, with its workers: a target that is down never delays another."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import datetime

import structlog

from adapter.app.counters import ALARMS, DELIVERED
from adapter.pipeline.deliver import deliver
from adapter.pipeline.destination import Destination, Outbox
from adapter.store.faults import CannotKeep, StoreBroken
from adapter.store.ledger import STATES

IDLE_S = 1.0
FAULT_PAUSE_S = 2.0
EXIT_BROKEN = 70


class Delivering:
    """Sends what is due to one target as soon as it is due."""

    def __init__(self, destination: Destination, outbox: Outbox, clock: Callable[[], datetime]) -> None:
        self._destination = destination
        self._outbox = outbox
        self._clock = clock
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"deliver-{destination.name}", daemon=True)

    def start(self) -> None:
        """Begin with whatever was left over."""
        self._thread.start()

    def wake(self) -> None:
        """Something changed: look at once."""
        self._wake.set()

    def stop(self, patience_s: float) -> None:
        """Finish the transaction in hand and end."""
        self._stop.set()
        self._wake.set()
        self._thread.join(patience_s)

    def _run(self) -> None:
        log = structlog.get_logger().bind(target=self._destination.name)
        while not self._stop.is_set():
            pause_s = IDLE_S
            try:
                counts = deliver(self._destination, self._outbox, self._clock(), self._clock)
            except CannotKeep:
                ALARMS.labels("outbox-cannot-keep").inc()
                counts, pause_s = {}, FAULT_PAUSE_S
            except StoreBroken:
                log.critical("store-broken")
                os._exit(EXIT_BROKEN)
            except Exception as fault:  # noqa: BLE001 - a bug of ours must not end deliveries for good
                ALARMS.labels("delivery-failed").inc()
                log.error("delivery-failed", exception=type(fault).__name__)
                counts, pause_s = {}, FAULT_PAUSE_S
            for state, number in counts.items():
                if number and state in STATES:
                    DELIVERED.labels(self._destination.name, state).inc(number)
            if counts.get("failed"):
                ALARMS.labels("delivery-failed").inc(counts["failed"])
                log.error("delivery-failed", count=counts["failed"])
            if counts.get("several"):
                ALARMS.labels("delivery-several").inc(counts["several"])
                log.error("delivery-several", count=counts["several"])
            if counts.get("parked"):
                ALARMS.labels("delivery-parked").inc(counts["parked"])
                log.error("delivery-parked", count=counts["parked"])
            if not counts.get("confirmed"):
                self._wake.wait(pause_s)
                self._wake.clear()
