"""Application answers to another address: one thread per port sends them in order until each is acknowledged."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from contextlib import suppress
from pathlib import Path

import structlog

from adapter.app.counters import ANSWERS_OLDEST, ANSWERS_TOLD, ANSWERS_WAITING
from adapter.app.measured_log import MeasuredLog
from adapter.pipeline.apart import Heard, heard_of
from adapter.settings.site import ApplicationAnswers
from adapter.store.answers_told import note_told, told_to
from adapter.store.faults import CannotKeep, StoreBroken
from adapter.store.owed_answers import Owed, OwedAnswersReader
from adapter.transport.mllp_client import MllpClient, MllpTimeouts
from adapter.transport.tls_client import ClientTls, client_tls, what_failed

LOOK_EVERY_S = 0.2
BATCH = 100
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
JITTER = 0.25
GAUGES_EVERY_S = 1.0


class Answering:
    """Sends what one port owes; what is acknowledged is noted, so that a restart goes on behind it."""

    def __init__(self, listener: str, to: ApplicationAnswers, owed: OwedAnswersReader, store: Path) -> None:
        self._listener = listener
        self._to = to
        self._owed = owed
        self._store = store
        self._told = told_to(store, listener)
        self._noted = self._told
        self._gauged_at = 0.0
        self._stopping = threading.Event()
        self._log = MeasuredLog(structlog.get_logger().bind(listener=listener).warning)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="answering", daemon=True)

    def start(self) -> None:
        """Begin with whatever was left over."""
        self._thread.start()

    def stop(self, patience_s: float) -> None:
        """Finish the answer in hand and end."""
        self._stopping.set()
        self._thread.join(patience_s)

    async def _run(self) -> None:
        timeouts = MllpTimeouts(answer_s=float(self._to.timeout_s))
        async with MllpClient(timeouts=timeouts, tls=None) as client:
            pause_s = FIRST_PAUSE_S
            checked = False
            while not self._stopping.is_set():
                try:
                    checked = checked or self._checked()
                    busy = await self._step(client)
                except Exception as fault:  # noqa: BLE001 - a bug of ours must not end the answering for good
                    self._log.line("application-answer-not-told", {"reason": _reason(fault)})
                    await client.close()
                    await self._rest(pause_s * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311 (no secret)
                    pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
                    continue
                pause_s = FIRST_PAUSE_S
                if not busy:
                    await self._rest(LOOK_EVERY_S)
        self._note()

    def _checked(self) -> bool:
        """A file with less in it than was told is another file: all of it has to be told."""
        if self._owed.last_id() < self._told:
            self._told = 0
            # At once: answers made meanwhile may come past the old note, and it would then hold for this file too.
            self._note()
        return True

    async def _step(self, client: MllpClient) -> bool:
        batch = self._owed.after(self._listener, self._told, BATCH)
        self._gauge()
        for owed in batch:
            if self._stopping.is_set():
                return False
            await self._tell(client, owed)
            self._told = owed.id
            self._gauge()
        self._note()
        return bool(batch)

    async def _tell(self, client: MllpClient, owed: Owed) -> None:
        """Send one answer; returns once nothing more can come of it, raises OSError to have it sent again."""
        if not client.connected:
            await client.connect(self._to.host, self._to.port, tls=self._tls())
        match heard_of(owed.body, await client.send(owed.body)):
            case Heard.TAKEN:
                ANSWERS_TOLD.labels(self._listener, "confirmed").inc()
            case Heard.REFUSED:
                ANSWERS_TOLD.labels(self._listener, "refused").inc()
                self._log.line("application-answer-refused", {})
            case Heard.NOTHING_OF_IT:
                raise ConnectionError("no acknowledgment of it")

    def _tls(self) -> ClientTls | None:
        to = self._to
        if not to.tls:
            return None
        # Made anew for every connection: replaced files are taken without a restart.
        return client_tls(
            ca=to.tls_ca,
            certificate=to.tls_certificate,
            key=to.tls_key,
            any_name=to.tls_any_name,
            fingerprint=to.tls_fingerprint,
        )

    async def _rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self._stopping.is_set() and (left := until - time.monotonic()) > 0:
            self._gauge()
            await asyncio.sleep(min(left, LOOK_EVERY_S))

    def _gauge(self) -> None:
        now = time.monotonic()
        if now - self._gauged_at < GAUGES_EVERY_S:
            return
        self._gauged_at = now
        with suppress(CannotKeep, StoreBroken):
            oldest = next(iter(self._owed.after(self._listener, self._told, 1)), None)
            ANSWERS_WAITING.labels(self._listener).set(self._owed.waiting(self._listener, self._told))
            age_s = time.time() - oldest.made_at.timestamp() if oldest else 0.0
            ANSWERS_OLDEST.labels(self._listener).set(max(age_s, 0.0))

    def _note(self) -> None:
        if self._noted != self._told and note_told(self._store, self._listener, self._told):
            self._noted = self._told


def _reason(fault: BaseException) -> str:
    if isinstance(fault, (CannotKeep, StoreBroken)):
        return "the store cannot be read"
    # Of a fault of ours it names the kind, never its text.
    return what_failed(fault)
