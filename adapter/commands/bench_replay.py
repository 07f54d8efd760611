"""An archive of everything a sender sent, read again from nothing and compared with what the service made of it live.

`troughline replay` asks less: a message that says what it said before leaves its patient as he is.  Here every patient
is interpreted again, and filter, reading, rules and rendering all have to come to the same.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from adapter.app.inboxes import message_ref, reader
from adapter.app.parts import Loaded, service_parts
from adapter.commands.bench_corridor import CODES_REMEMBERED, INBOX, NOW, loaded_for
from adapter.commands.bench_load import Load
from adapter.commands.bench_service import BenchService
from adapter.commands.bench_verdict import Goal, at_least
from adapter.commands.bench_wire_runs import against
from adapter.commands.store_parts import STATE_FILE
from adapter.domain.message import Stored
from adapter.fhir import dumps
from adapter.ingest.hl7v2.header import envelope_of
from adapter.ingest.relevance import RelevanceFilter
from adapter.pipeline.process import process
from adapter.pipeline.understand import read_ahead
from adapter.store.sqlite_inbox import SqliteInboxReader
from adapter.store.sqlite_state import SqliteState

Answer = TypeVar("Answer")
OF_FILTERING = 0.5
CONNECTIONS = 64
PAGE = 500
GROUP = 200
ANEW = "anew.db"
AT_ONCE = 100_000
"""Messages of one load: the sender holds them in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long an archive was gone through."""

    seconds: float
    cpu_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What was read again, how fast, and whether it came to the same."""

    messages: int
    relevant: int
    """As the filter of now has it."""
    filtering: Pace
    replay: Pace
    live_digest: str
    replayed_digest: str

    @property
    def equal(self) -> bool:
        """Whether reading again came to what the live run came to."""
        return self.live_digest == self.replayed_digest

    def goals(self) -> list[Goal]:
        """What this run says of P8."""
        ratio = self.filtering.seconds / self.replay.seconds
        return [
            Goal(
                id="P8d",
                goal=f"{self.messages:,} archived messages read again: the state is that of the live run",
                measured="equal" if self.equal else "DIFFERENT",
                passed=self.equal,
                correctness=True,
            ),
            at_least("P8", "their rate / that of merely reading and filtering them", ratio, OF_FILTERING),
        ]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "messages": self.messages,
            "relevant": self.relevant,
            "filtering_per_s": self.messages / self.filtering.seconds,
            "filtering_cpu_us": self.filtering.cpu_s / self.messages * 1e6,
            "replay_per_s": self.messages / self.replay.seconds,
            "replay_cpu_us": self.replay.cpu_s / self.messages * 1e6,
            "live_digest": self.live_digest,
            "replayed_digest": self.replayed_digest,
            "equal": self.equal,
        }


def archived(folder: Path, count: int, seed: int, told: Callable[[int], None]) -> None:
    """The live run: its store holds every message, and what came of them; `told` hears of each load."""
    with BenchService(folder, archive="full") as service:
        for begin in range(0, count, AT_ONCE):
            load = Load(
                host="127.0.0.1",
                port=service.port,
                connections=CONNECTIONS,
                feed="unfiltered",
                count=min(AT_ONCE, count - begin),
                seed=seed + begin,
                series=f"A{begin}N",
            )
            against(service, "archive", load, to_the_end=False)
            service.wait_until_kept(begin + load.count)
            service.wait_until_understood()
            told(load.count)


def read_again(folder: Path) -> Replay:
    """Filter the archive of this folder, then work out anew what comes of it, and compare."""
    loaded = loaded_for(folder, archive="full")
    store = loaded.settings.store
    inbox = SqliteInboxReader(store / f"{INBOX}.db", INBOX)
    with closing(inbox), closing(SqliteState(store / STATE_FILE)) as live, closing(SqliteState(folder / ANEW)) as anew:
        messages, filtering = _paced(lambda: sum(1 for _ in _judged(loaded, inbox)))
        relevant, replay = _paced(lambda: _worked_out(loaded, inbox, anew))
        return Replay(
            messages=messages,
            relevant=relevant,
            filtering=filtering,
            replay=replay,
            live_digest=digest_of(live),
            replayed_digest=digest_of(anew),
        )


def digest_of(state: SqliteState) -> str:
    """A hash over every fact, finding and resource as it stands; when it was written does not count."""
    told = hashlib.sha256()
    for patient in state.all_patients():
        told.update(dumps({"patient": patient, "findings": state.findings(patient)}))
        remembered = state.recall(patient)
        told.update("".join(sorted(repr((row.event, row.origin)) for row in remembered.recorded)).encode())
        for one in sorted(remembered.written, key=lambda one: (one.resource_type, one.id)):
            told.update(repr((one.kind, one.id, one.content_hash, one.state, one.grounds, one.topic)).encode())
    return told.hexdigest()


def _paced(work: Callable[[], Answer]) -> tuple[Answer, Pace]:
    begun, cpu_s = time.perf_counter(), time.process_time()
    answer = work()
    return answer, Pace(seconds=time.perf_counter() - begun, cpu_s=time.process_time() - cpu_s)


def _judged(loaded: Loaded, inbox: SqliteInboxReader) -> Iterator[tuple[Stored, bool]]:
    """Every message in the order in which it was kept, and whether it concerns us by the tables of now."""
    judge = RelevanceFilter(loaded.knowledge, CODES_REMEMBERED).judge_one
    seq = 0
    while page := inbox.after(seq, PAGE):
        seq = page[-1].seq
        for stored in page:
            raw = stored.arrival.raw
            yield stored, judge(raw, envelope_of(raw)).relevance != "irrelevant"


def _worked_out(loaded: Loaded, inbox: SqliteInboxReader, state: SqliteState) -> int:
    """Do with every message what receiving and the engine do, into an empty state; gives how many concerned us."""
    parts = service_parts(loaded, state, reader([inbox]), lambda name: state.first_on(name, NOW.date()))
    ours = (stored for stored, concerns_us in _judged(loaded, inbox) if concerns_us)
    relevant = 0
    while group := list(islice(ours, GROUP)):
        relevant += len(group)
        ahead = read_ahead([stored.arrival for stored in group], parts)
        with state.together():
            for stored, told in zip(group, ahead, strict=True):
                process(stored, message_ref(INBOX, stored), parts, NOW, told=told)
    return relevant
