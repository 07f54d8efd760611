"""A store as a stopped service leaves it: messages kept, answered and understood, without any process or socket."""

from __future__ import annotations

import argparse
import atexit
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import hospital

from adapter.app.inboxes import finder, message_ref, reader
from adapter.app.parts import play_parts
from adapter.domain.message import Arrival, Header
from adapter.ingest.relevance import Judgement
from adapter.pipeline.parts import Parts, Target
from adapter.pipeline.process import process
from adapter.pipeline.receive import Door, hl7_arrival
from adapter.store.memory_state import MemoryState
from adapter.store.sqlite_inbox import SqliteInbox
from adapter.store.sqlite_state import SqliteState

RECEIVED = datetime(2025, 3, 11, 13, 5, tzinfo=UTC)
OPTIONS = argparse.Namespace(config=None, mappings=[], policy=[], draft=False)


@cache
def shipped_parts() -> Parts:
    """Mappings and policies as shipped with the demo's tables, read once."""
    parts, faults = play_parts(OPTIONS, MemoryState())
    assert parts
    assert not faults
    return parts


def stored(folder: Path, fill: Callable[[KeptStore], None], *targets: str) -> Path:
    """The closed store that `fill` makes, in a folder of its own; made once, and then copied for every test."""
    return shutil.copytree(_made(fill, targets), folder)


@cache
def _made(fill: Callable[[KeptStore], None], targets: tuple[str, ...]) -> Path:
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    store = KeptStore(folder / "store", *targets)
    try:
        fill(store)
    finally:
        store.close()
    return store.folder


class KeptStore:
    """Both inboxes and the state, written by the real parts."""

    def __init__(self, folder: Path, *targets: str) -> None:
        self.folder = folder
        self.inboxes = {name: SqliteInbox(folder / f"{name}.db", name) for name in ("inbox", "inbox-core")}
        self.state = SqliteState(folder / "state.db")
        self.parts = replace(
            shipped_parts(),
            state=self.state,
            read=reader(list(self.inboxes.values())),
            holding=finder(list(self.inboxes.values())),
            targets=tuple(Target(name=name) for name in targets),
        )
        self.now = RECEIVED

    def hl7(self, raw: bytes, *, answer: str | None = "AA", relevance: str = "relevant", understood: bool = True):
        """Keep one HL7 message; each comes a minute after the one before."""
        door = Door(source="default", listener="mllp-main", archive_irrelevant="headers")
        arrival = hl7_arrival(raw, door, self._next(), Judgement(relevance=relevance))
        return self._keep("inbox", arrival, answer=answer, understood=understood)

    def fhir(self, resource: hospital.Resource, *, understood: bool = True):
        """Keep one FHIR resource."""
        arrival = Arrival(
            kind="fhir",
            source="default",
            listener="http",
            raw=hospital.fhir(resource).raw,
            received_at=self._next(),
            message_type=resource["resourceType"],
        )
        return self._keep("inbox-core", arrival, answer=None, understood=understood)

    def irrelevant(self, control_id: str) -> None:
        """Note the header of a message that does not concern us."""
        header = Header(
            received_at=self._next(),
            listener="mllp-main",
            sender="HOSPLAB|HOSP",
            message_type="ORU^R01",
            control_id=control_id,
            sent="20250311130500",
            size=321,
            digest="ab" * 32,
        )
        self.inboxes["inbox"].note_irrelevant([header])
        self.inboxes["inbox"].flush()

    def close(self) -> Path:
        """Close every file; gives the folder."""
        self.state.close()
        for inbox in self.inboxes.values():
            inbox.close()
        return self.folder

    def _next(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now

    def _keep(self, name: str, arrival: Arrival, *, answer: str | None, understood: bool):
        inbox = self.inboxes[name]
        (kept,) = inbox.keep([arrival])
        if answer:
            inbox.answered([(kept.seq, answer)])
            inbox.flush()
        stored = inbox.get(kept.seq)
        return process(stored, message_ref(name, stored), self.parts, self.now) if understood else None
