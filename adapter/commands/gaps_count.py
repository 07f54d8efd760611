"""Codes that no table has, counted: over the messages of a store, or over the files of a folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from adapter.commands.missing_codes import (
    LONGEST_CODE_CHARS,
    LONGEST_SYSTEM_CHARS,
    LONGEST_TEXT_CHARS,
    MissingCode,
    shown,
    targets_of,
)
from adapter.commands.missing_codes_fhir import fhir_missing
from adapter.commands.missing_codes_hl7 import hl7_missing
from adapter.commands.run_message import body_of
from adapter.commands.store_parts import StoreParts
from adapter.commands.traffic import of_files, of_store, supporting
from adapter.commands.worklist_read import Site, missing_in
from adapter.domain.message import Arrival
from adapter.domain.times import instant_text
from adapter.ingest.code_lookup import ours_otherwise, spellings_of
from adapter.ingest.fhir_bundle import fhir_stamp
from adapter.ingest.hl7v2 import peek, split_messages
from adapter.ingest.relevance import TABLE, RelevanceFilter
from adapter.ingest.translate import translate_hl7
from adapter.store.census import CodeSeen, add_up, seen

REMEMBERED = 10_000
Key = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """One code of one sender that a table should have and has not."""

    missing: MissingCode
    count: int
    """Messages it came in."""
    first: datetime | None
    last: datetime | None
    """None where no message of a folder says when it was made."""
    seen_in: str
    """`inbox/412`, or the name of a file."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        told = {"first": self.first, "last": self.last}
        times = {name: instant_text(at) if at else None for name, at in told.items()}
        return {**self.missing.as_dict(), "count": self.count, **times, "seen_in": self.seen_in}


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What was found."""

    gaps: tuple[Gap, ...]
    others: tuple[CodeSeen, ...]
    """Codes of tests that no table has and that do not resemble ours: as a rule another matter."""


class _Counting:
    def __init__(self) -> None:
        self.gaps: dict[Key, Gap] = {}

    def add(self, found: Iterable[MissingCode], at: datetime | None, seen_in: str) -> None:
        """Count the codes of one message, each once."""
        for missing in {key_of(one): one for one in found}.values():
            key = key_of(missing)
            before = self.gaps.get(key)
            fresh = Gap(missing=missing, count=1, first=at, last=at, seen_in=seen_in)
            self.gaps[key] = fresh if before is None else _joined(before, at)


def key_of(missing: MissingCode) -> Key:
    """What makes two findings one gap."""
    return (missing.table, missing.sender, missing.system, missing.code)


def _joined(before: Gap, at: datetime | None) -> Gap:
    times = [one for one in (before.first, before.last, at) if one]
    return replace(before, count=before.count + 1, first=min(times, default=None), last=max(times, default=None))


def in_store(store: StoreParts, site: Site, since: datetime | None) -> Counted:
    """Over the kept messages of a store; codes of tests are counted by the census, which knows every message."""
    counting = _Counting()
    judge = RelevanceFilter(site.knowledge, REMEMBERED).judge
    for kept in of_store(store):
        arrival = kept.arrival
        if since and arrival.received_at < since:
            continue
        if arrival.kind == "fhir" or judge(arrival.raw).relevance != "irrelevant":
            counting.add(_found(store, site, arrival), arrival.received_at, kept.place)
    census: dict[tuple[str, str, str], CodeSeen] = {}
    for inbox in store.inboxes:
        add_up((row for row in inbox.census() if since is None or row.last >= since), census)
    gaps = [gap if since else _by_census(gap, census) for gap in counting.gaps.values()]
    return _counted(gaps, census, site)


def _found(store: StoreParts, site: Site, arrival: Arrival) -> list[MissingCode]:
    try:
        return missing_in(store, site, arrival)
    except Exception:  # noqa: BLE001 - such a message waits in the work list as an internal-error
        return []


def _by_census(gap: Gap, census: Mapping[tuple[str, str, str], CodeSeen]) -> Gap:
    missing = gap.missing
    row = census.get((missing.sender, missing.system, missing.code)) if missing.table == TABLE else None
    return replace(gap, count=row.count, first=row.first, last=row.last) if row else gap


def in_folder(folder: Path, site: Site) -> Counted:
    """Over the *.hl7 and *.json files directly in a folder (OSError: it cannot be read)."""
    bodies = of_files([folder])
    counting = _Counting()
    census: dict[tuple[str, str, str], CodeSeen] = {}
    known = supporting(bodies).get
    judge = RelevanceFilter(site.knowledge, REMEMBERED).judge
    rules, source = site.rules_at(""), site.settings.sources[0].name
    for body in bodies:
        if body.is_fhir:
            found = fhir_missing(body.raw, site.knowledge, known, source=source)
            counting.add(found, fhir_stamp(body_of(body.raw)), body.name)
            continue
        for message in split_messages(body.raw):
            judged = judge(message)
            stamp = next((t.stamp for t in translate_hl7(message, site.knowledge, rules, source=source)), None)
            if stamp:
                add_up(seen(peek(message).sender, judged.codes, first=stamp, last=stamp), census)
            if judged.relevance != "irrelevant":
                counting.add(hl7_missing(message, site.knowledge, rules), stamp, body.name)
    return _counted(list(counting.gaps.values()), census, site)


def _ours_otherwise(row: CodeSeen) -> Gap:
    """A code that is ours under another coding system or in other letters: irrelevant as it stands, and told first."""
    system = shown(row.system, LONGEST_SYSTEM_CHARS)
    missing = MissingCode(
        table=TABLE,
        sender=row.sender,
        code=row.code,
        system=system,
        text=shown(row.text, LONGEST_TEXT_CHARS),
        where="OBX-3",
        example=f"{row.code} is ours under another coding system or in other letters",
        near=True,
        shareable=True,
        targets=targets_of(TABLE),
    )
    return Gap(missing=missing, count=row.count, first=row.first, last=row.last, seen_in="the census")


def _counted(gaps: Sequence[Gap], census: Mapping[tuple[str, str, str], CodeSeen], site: Site) -> Counted:
    told = {(gap.missing.sender, gap.missing.system, gap.missing.code) for gap in gaps}
    table = site.knowledge.tables.get(TABLE)
    others = [
        row
        for place, row in census.items()
        if place not in told
        and shown(row.code, LONGEST_CODE_CHARS)
        and table
        and table.find(row.code, row.system, row.sender) is None
    ]
    spellings = spellings_of(table) if table else {}
    otherwise = [row for row in others if ours_otherwise(spellings, (row.code,), row.sender)]
    others = [row for row in others if row not in otherwise]
    gaps = [*gaps, *(_ours_otherwise(row) for row in otherwise)]
    return Counted(
        gaps=tuple(sorted(gaps, key=lambda gap: (gap.missing.table, -gap.count, key_of(gap.missing)))),
        others=tuple(sorted(others, key=lambda row: (-row.count, row.place))),
    )
