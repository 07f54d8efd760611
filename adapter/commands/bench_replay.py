"""An archive of everything a sender sent, read again as `troughline replay` does it, and compared with the live run."""

from __future__ import annotations

import argparse
import hashlib
import io
import time
from collections.abc import Callable
from contextlib import closing, redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from adapter.app.parts import Loaded
from adapter.commands.bench_corridor import CODES_REMEMBERED, loaded_for
from adapter.commands.bench_load import Load
from adapter.commands.bench_service import BenchService
from adapter.commands.bench_verdict import Goal, at_least
from adapter.commands.bench_wire_runs import against
from adapter.commands.replay import CHOICES
from adapter.commands.replay_choose import PAGE, chosen
from adapter.commands.replay_dry import Trial, tried
from adapter.commands.store_parts import STATE_FILE, StoreParts, opened
from adapter.fhir import dumps
from adapter.ingest.hl7v2.header import Envelope, envelope_of
from adapter.ingest.relevance import Judgement, RelevanceFilter
from adapter.store.sqlite_state import SqliteState

Answer = TypeVar("Answer")
OF_FILTERING = 0.5
CONNECTIONS = 64
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
    changed: int
    """Messages that would change a fact, a finding or a resource."""

    @property
    def equal(self) -> bool:
        """Whether reading again came to what the live run came to."""
        return self.live_digest == self.replayed_digest and not self.changed

    def goals(self) -> list[Goal]:
        """What this run says of P8."""
        ratio = self.filtering.seconds / self.replay.seconds
        return [
            Goal(
                id="P8d",
                goal=f"{self.messages:,} archived messages read again: the state is that of the live run",
                measured="equal" if self.equal else f"DIFFERENT ({self.changed} messages would change something)",
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
            "changed": self.changed,
            "equal": self.equal,
        }


def replayed(folder: Path, count: int, seed: int) -> Replay:
    """Send so many messages to a service that archives all of them, end it, and read them again."""
    archived(folder, count, seed)
    return read_again(folder)


def archived(folder: Path, count: int, seed: int) -> None:
    """The live run: its store holds every message, relevant or not, and what came of them."""
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


def read_again(folder: Path) -> Replay:
    """Filter the archive of this folder, replay it, and compare."""
    loaded = loaded_for(folder, archive="full")
    with opened(loaded.settings.store) as store:
        with closing(SqliteState(store.folder / STATE_FILE)) as live:
            live_digest = digest_of(live)
        (messages, relevant), filtering = _paced(lambda: _filtered(loaded, store))
        copy: list[str] = []
        trial, replay = _paced(lambda: _replayed(loaded, store, lambda state: copy.append(digest_of(state))))
    return Replay(
        messages=messages,
        relevant=relevant,
        filtering=filtering,
        replay=replay,
        live_digest=live_digest,
        replayed_digest=copy[0],
        changed=trial.tally.changed,
    )


def digest_of(state: SqliteState) -> str:
    """A hash over every finding and every resource as it stands; when it was written does not count."""
    told = hashlib.sha256()
    for patient in state.all_patients():
        told.update(dumps({"patient": patient, "findings": state.findings(patient)}))
        for one in sorted(state.recall(patient).written, key=lambda one: (one.resource_type, one.id)):
            told.update(repr((one.kind, one.id, one.content_hash, one.state, one.grounds, one.topic)).encode())
    return told.hexdigest()


def _paced(work: Callable[[], Answer]) -> tuple[Answer, Pace]:
    begun, cpu_s = time.perf_counter(), time.process_time()
    answer = work()
    return answer, Pace(seconds=time.perf_counter() - begun, cpu_s=time.process_time() - cpu_s)


def _filtered(loaded: Loaded, store: StoreParts) -> tuple[int, int]:
    """Read and filter every message, and no more: how many there are, and how many concern us."""
    judge = RelevanceFilter(loaded.knowledge, CODES_REMEMBERED).judge_one
    messages = relevant = 0
    for inbox in store.inboxes:
        seq = 0
        while page := inbox.after(seq, PAGE):
            seq = page[-1].seq
            messages += len(page)
            relevant += sum(_concerns_us(judge, stored.arrival.raw) for stored in page)
    return messages, relevant


def _concerns_us(judge: Callable[[bytes, Envelope | None], Judgement], raw: bytes) -> bool:
    return judge(raw, envelope_of(raw)).relevance != "irrelevant"


def _replayed(loaded: Loaded, store: StoreParts, look: Callable[[SqliteState], None]) -> Trial:
    everything = argparse.Namespace(**dict.fromkeys(CHOICES))
    with redirect_stderr(io.StringIO()):
        return tried(loaded, store, chosen(store, everything).messages, look)
