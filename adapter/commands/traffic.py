"""Messages as they were really sent: those a store has kept, read beside the running service, or those of files."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from adapter.commands.message_file import read_messages
from adapter.commands.run_message import body_of, is_fhir
from adapter.commands.store_parts import StoreParts
from adapter.domain.message import Arrival, Stored
from adapter.ingest.fhir_bundle import SUPPORTING, fhir_resources
from adapter.store.sqlite_inbox import SqliteInboxReader

PAGE = 500
SAY_EVERY = 20_000
KINDS_OF_FILES = (".hl7", ".json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One message of a store, and where it lies."""

    arrival: Arrival
    place: str
    """`inbox/412`"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """One file with messages."""

    name: str
    raw: bytes

    @property
    def is_fhir(self) -> bool:
        """Whether it holds JSON rather than HL7 v2."""
        return is_fhir(self.raw)


def of_store(store: StoreParts) -> Iterator[Kept]:
    """Every message of a store as each inbox kept them in order; hints are none. Long work is told on stderr."""
    number = 0
    for inbox in store.inboxes:
        for stored in every(inbox):
            number += 1
            if number % SAY_EVERY == 0:
                print(f"{number:,} messages looked through", file=sys.stderr)
            if stored.arrival.kind != "hint":
                yield Kept(arrival=stored.arrival, place=f"{inbox.name}/{stored.seq}")


def every(inbox: SqliteInboxReader) -> Iterator[Stored]:
    """Every message of an inbox in the order in which it kept them."""
    seq = 0
    while page := inbox.after(seq, PAGE):
        yield from page
        seq = page[-1].seq


def of_files(paths: Sequence[Path]) -> list[Body]:
    """The files named, and the *.hl7 and *.json directly in the folders named (OSError: one cannot be read)."""
    files = dict.fromkeys(file for path in paths for file in _files(path))
    return [Body(name=file.name, raw=read_messages(file)) for file in files]


def _files(path: Path) -> Iterable[Path]:
    if not path.is_dir():
        return (path,)
    return sorted(file for file in path.iterdir() if file.is_file() and file.suffix in KINDS_OF_FILES)


def supporting(bodies: Iterable[Body]) -> Mapping[str, dict[str, Any]]:
    """Patients, medications and orders anywhere in the files, for the resources that refer to them."""
    return {
        item.reference: item.resource
        for body in bodies
        if body.is_fhir
        for item in fhir_resources(body_of(body.raw))
        if item.resource and item.reference and item.resource.get("resourceType") in SUPPORTING
    }


def since_time(since: datetime | timedelta, latest: datetime) -> datetime:
    """The instant `--since` means: itself, or so long before the latest one, and never before all time."""
    if isinstance(since, datetime):
        return since
    try:
        return latest - since
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)
