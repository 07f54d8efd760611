"""The messages both sides get: files and folders, in the order in which they are played."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapter.commands.diff_faults import CannotCompare
from adapter.commands.play_folder import supporting_in
from adapter.commands.run_message import is_fhir
from adapter.ingest.fhir_bundle import literal_reference
from adapter.knowledge.plain_file import no_file, read_plain

STANDARD_INPUT = "-"
_HL7, _JSON = ".hl7", ".json"


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of messages."""

    shown: str
    path: Path | None
    content: bytes = b""
    """What stood on standard input, which can be read once only."""
    size_bytes: int

    def read(self) -> bytes:
        """Its bytes; CannotCompare when they cannot be read."""
        if self.path is None:
            return self.content
        try:
            return read_plain(self.path)
        except OSError as fault:
            raise CannotCompare(f"{self.shown} cannot be read: {fault.strerror}. Nothing was compared.") from None

    def holds_fhir(self, raw: bytes) -> bool:
        """`.json` is FHIR and `.hl7` is HL7 v2, as `play` reads them; of any other file its bytes decide."""
        if self.shown.endswith((_HL7, _JSON)):
            return self.shown.endswith(_JSON)
        return is_fhir(raw)


def files_of(names: Sequence[str]) -> list[File]:
    """Every file, the *.hl7 and *.json of a folder in byte order of their names; CannotCompare when one is missing."""
    files = [file for name in names for file in _files(name)]
    if not any(file.size_bytes for file in files):
        raise CannotCompare(f"{', '.join(names)}: there is no message in it to compare.")
    return files


def _files(name: str) -> Iterator[File]:
    if name == STANDARD_INPUT:
        content = sys.stdin.buffer.read()
        yield File(shown=name, path=None, content=content, size_bytes=len(content))
        return
    path = Path(name)
    try:
        inside = sorted(path.iterdir(), key=lambda one: one.name.encode()) if path.is_dir() else [path]
        found = [one for one in inside if one == path or (one.is_file() and one.suffix in (_HL7, _JSON))]
        if wrong := None if path.is_dir() else no_file(path):
            raise CannotCompare(f"{name} cannot be read: {wrong}. Name files or folders with messages.")
        yield from (File(shown=one.as_posix(), path=one, size_bytes=one.stat().st_size) for one in found)
    except OSError as fault:
        raise CannotCompare(f"{name} cannot be read: {fault.strerror}. Name files or folders with messages.") from None
    if not found:
        raise CannotCompare(f"The folder {name} holds no *.hl7 and no *.json file directly in it.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Supporting:
    """The patients, medications and orders anywhere in the corpus, which are known from the start (CONTRACTS 2)."""

    newest: Mapping[str, dict[str, Any]]
    """By reference, as they were last received."""
    changing: frozenset[str]
    """References of which the corpus holds several versions, or which rest on such: what is known of them moves."""


def supporting_of(files: Sequence[File]) -> Supporting:
    """Read every FHIR file once for what others refer to."""
    newest: dict[str, dict[str, Any]] = {}
    changing: set[str] = set()
    for file in files:
        raw = b"" if file.shown.endswith(_HL7) else file.read()
        if file.holds_fhir(raw):
            for reference, resource in supporting_in(raw):
                if newest.get(reference, resource) != resource:
                    changing.add(reference)
                newest[reference] = resource
    while more := {name for name, one in newest.items() if name not in changing and references_in(one) & changing}:
        changing |= more
    return Supporting(newest=newest, changing=frozenset(changing))


def references_in(value: Any) -> set[str]:  # noqa: ANN401 - any JSON
    """Every literal reference anywhere in a resource."""
    found: set[str] = set()
    waiting = [value]
    while waiting:
        match waiting.pop():
            case dict() as item:
                named = item.get("reference")
                found |= {literal_reference(named)} if isinstance(named, str) else set()
                waiting += item.values()
            case list() as items:
                waiting += items
    return found
