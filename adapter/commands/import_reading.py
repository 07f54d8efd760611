"""A file that is read as far as it goes, and what is told of it then."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Literal

from adapter.app.parts import Loaded
from adapter.commands.import_dry import NotedRejects, Trial
from adapter.commands.import_one import taken
from adapter.commands.import_plan import CORE_INBOX, CannotImport, Plan
from adapter.commands.import_progress import Telling
from adapter.commands.import_result import SHOWN, OfFile, Spot
from adapter.domain.message import Arrival, Parked
from adapter.pipeline.importing import Keep, Rejects
from adapter.store.faults import CannotKeep
from adapter.store.imports import Mark
from adapter.store.rejected_lines import FOLDER, LINES, PLACES
from adapter.store.state_reader import SqliteStateReader
from adapter.transport.import_files import UnreadableFile

AGAIN = "The same command goes on from there."


@dataclass(slots=True, kw_only=True)
class Read:
    """One file as far as it was read."""

    plan: Plan
    mark: Mark
    rejects: Rejects = field(default_factory=NotedRejects)
    fault: str | None = None
    """Why that is not its end."""
    seconds: float = 0.0


def read_file(loaded: Loaded, plan: Plan, keep: Keep, rejects: Rejects, progress: Telling) -> Read:
    """Read one file; raises CannotImport when its lines cannot be kept, and OSError when it cannot be opened."""
    settings = loaded.settings
    read = Read(plan=plan, mark=plan.mark, rejects=rejects)
    progress.begin(plan)
    begun = time.monotonic()

    def told(mark: Mark) -> None:
        read.mark, read.seconds = mark, time.monotonic() - begun
        progress.told(mark)

    try:
        taken(plan, keep, rejects, settings.http.body_limit_bytes, settings.store, _now, told)
    except UnreadableFile as fault:
        read.fault = str(fault)
    except CannotKeep as fault:
        raise CannotImport(f"{plan.name}: {fault} Kept up to line {read.mark.number}. {AGAIN}") from None
    return read


def of_trial(read: Read, trial: Trial) -> OfFile:
    """What would come of a file."""
    reasons, waiting = trial.waiting(read.plan.name)
    spots = read.rejects.spots if isinstance(read.rejects, NotedRejects) else []
    return _of_file(read, "read", spots, reasons, waiting)


def of_import(read: Read, state: SqliteStateReader, loaded: Loaded) -> OfFile:
    """What came of a file, with what of it waits in the work list now."""
    store = loaded.settings.store
    waiting = [Spot(number=_number(one), reason=one.reason) for one in _waiting(read, state)]
    waiting += _known_and_waiting(read, state, loaded)
    reasons, waits = Counter(one.reason for one in waiting), waiting[:SHOWN]
    before = read.plan.mark.done
    spots, file = [], None
    if read.mark.rejected:
        home = store / FOLDER
        spots, file = _spots(home / f"{read.plan.rejects}{PLACES}"), f"{home}/{read.plan.rejects}{LINES}"
    return _of_file(read, "imported-before" if before else "imported", spots, reasons, waits, file)


def _of_file(
    read: Read,
    state: Literal["imported", "imported-before", "stopped", "read"],
    rejected: Sequence[Spot],
    reasons: dict[str, int],
    waiting: Sequence[Spot],
    file: str | None = None,
) -> OfFile:
    mark = read.mark
    return OfFile(
        file=str(read.plan.path or read.plan.name),
        state="stopped" if read.fault else state,
        lines=mark.number,
        bytes=mark.offset,
        kept=mark.kept,
        known=mark.known,
        rejected=mark.reasons,
        rejected_spots=rejected,
        rejected_file=file,
        waiting=reasons,
        waiting_spots=waiting,
        lines_a_second=round((mark.number - read.plan.mark.number) / read.seconds) if read.seconds else None,
        fault=read.fault,
    )


def _waiting(read: Read, state: SqliteStateReader) -> list[Parked]:
    """The lines of a file in the work list, in the order of the file."""
    mark = read.mark
    mine = [
        one
        for one in state.parked_messages()
        if one.message.inbox == CORE_INBOX
        and mark.first_seq <= one.message.seq <= mark.last_seq
        and (one.message.file or "").rpartition(":")[0] == read.plan.name
    ]
    return sorted(mine, key=lambda one: one.message.seq)


def _known_and_waiting(read: Read, state: SqliteStateReader, loaded: Loaded) -> list[Spot]:
    """The lines that came before with another file, or another reading of this one, and wait since then.

    The file is read once more for them, if it holds such lines and something waits that may be one.
    """
    mark, path = read.mark, read.plan.path
    mine = {one.message.digest for one in _waiting(read, state)}
    others = {
        one.message.digest: one.reason
        for one in state.parked_messages()
        if (one.message.inbox, one.message.source) == (CORE_INBOX, mark.source) and one.message.digest not in mine
    }
    if not others or not mark.known or path is None:
        return []
    found: list[Spot] = []

    def note(arrivals: Sequence[Arrival], behind: Mark) -> Mark:
        for one in arrivals:
            if one.digest in others:
                number = (one.file or "").rpartition(":")[2]
                found.append(Spot(number=number, reason=others.pop(one.digest)))
        return behind

    anew, settings = replace(read.plan, mark=replace(mark, offset=0, number=0)), loaded.settings
    with suppress(UnreadableFile, OSError):
        taken(anew, note, NotedRejects(), settings.http.body_limit_bytes, settings.store, _now, lambda _: None)
    return found


def _now() -> datetime:
    return datetime.now(UTC)


def _number(one: Parked) -> str:
    return (one.message.file or "").rpartition(":")[2]


def _spots(places: Path) -> list[Spot]:
    with places.open("rb") as file:
        told = [json.loads(line) for line in islice(file, SHOWN)]
    return [Spot(number=str(one["number"]), reason=one["reason"], offset=one["offset"]) for one in told]
