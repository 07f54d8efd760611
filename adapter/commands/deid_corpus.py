"""The messages of files and folders, in their order, kept aside while they are looked at twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

from adapter.commands.deid_people import Name, People, names_in_message, names_in_resource
from adapter.commands.deid_times import day_of
from adapter.commands.message_file import read_messages
from adapter.commands.run_message import is_fhir
from adapter.fhir import UnreadableJsonError, loads
from adapter.ingest.fhir_bundle import FhirItem, fhir_resources, fhir_stamp, reference_to
from adapter.ingest.hl7v2 import Message, NotHl7, peek, read_batch, read_message
from adapter.ingest.hl7v2.charsets import wide_codec
from adapter.ingest.hl7v2.heads import heads

ENDINGS = (".hl7", ".json")
_FRAMING = b"\xef\xbb\xbf\x0b\x1c\r\n \t"
Kind = Literal["hl7v2", "fhir", "envelope", "unreadable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One message, FHIR body, or header or trailer of a batch, and where its bytes are kept."""

    file: int
    number: int
    """Within the file, from 1; 0 for what is no message."""
    kind: Kind
    start: int
    size: int
    people: tuple[Name | None, ...] = ()
    """The patient of the message, or of each entry of the Bundle."""

    @property
    def shown(self) -> str:
        """How the message is named in the play that checks it: in the order of the corpus."""
        return f"{self.file + 1:07d}-{self.number:07d}{'.json' if self.kind == 'fhir' else '.hl7'}"


@dataclass(slots=True, kw_only=True)
class Corpus:
    """Everything that is to be de-identified."""

    files: Sequence[Path]
    aside: IO[bytes]
    """A file without a name: the bytes of every piece, so that no source is read twice."""
    pieces: list[Piece] = field(default_factory=list)
    people: People = field(default_factory=People)
    supporting: dict[str, int] = field(default_factory=dict)
    """`Medication/m1` to the piece that holds it, for records of no patient."""

    def raw(self, piece: Piece) -> bytes:
        """The bytes of a piece as they came."""
        self.aside.seek(piece.start)
        return self.aside.read(piece.size)

    def by_patient(self) -> dict[Name, list[Piece]]:
        """The pieces of each patient, in their order."""
        found: dict[Name, list[Piece]] = {}
        for piece in self.pieces:
            for name in dict.fromkeys(self.people.who(name) for name in piece.people if name):
                found.setdefault(name, []).append(piece)
        return found


def files_of(named: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """The files to read, and those of a folder that are left aside because of their ending."""
    files: list[Path] = []
    aside: list[Path] = []
    for path in named:
        if not path.is_dir():
            files.append(path)
            continue
        inside = sorted((f for f in path.iterdir() if f.is_file()), key=lambda f: f.name.encode())
        files += [f for f in inside if f.suffix in ENDINGS]
        aside += [f for f in inside if f.suffix not in ENDINGS]
    return files, aside


def read_corpus(files: Sequence[Path], aside: IO[bytes], progress: Any) -> Corpus:  # noqa: ANN401 - called with a number
    """Read every file once; who is who is known afterwards. Raises OSError."""
    corpus = Corpus(files=files, aside=aside)
    for place, path in enumerate(files):
        number = 0
        for kind, raw in _parts(read_messages(path)):
            number += kind != "envelope"
            _add(corpus, place, number if kind != "envelope" else 0, kind, raw)
        progress(place + 1)
    return corpus


def _parts(raw: bytes) -> Iterator[tuple[Kind, bytes]]:
    """The messages of a file with the headers and trailers of its batches."""
    if is_fhir(raw):
        yield "fhir", raw
        return
    found = list(heads(raw))
    if not found:
        messages = read_batch(raw).messages if wide_codec(raw) else (raw,)
        yield from (("hl7v2", message) for message in messages)
        return
    before = raw[: found[0][1]]
    lead = before if not before.strip(_FRAMING) else b""
    if before and not lead:
        yield "envelope", before
    ends = [start for _, start in found[1:]] + [len(raw)]
    for (name, start), end in zip(found, ends, strict=True):
        yield ("hl7v2" if name == b"MSH" else "envelope"), lead + raw[start:end]
        lead = b""


def _add(corpus: Corpus, file: int, number: int, kind: Kind, raw: bytes) -> None:
    start = corpus.aside.seek(0, 2)
    corpus.aside.write(raw)
    people: tuple[Name | None, ...] = ()
    if kind == "hl7v2":
        message = message_in(raw)
        people = _met(corpus, message, raw) if message else ()
        kind = "hl7v2" if message else "unreadable"
    elif kind == "fhir":
        body = body_in(raw)
        kind = "fhir" if body else "unreadable"
        people = _met_in_body(corpus, body, len(corpus.pieces)) if body else ()
    corpus.pieces.append(Piece(file=file, number=number, kind=kind, start=start, size=len(raw), people=people))


def message_in(raw: bytes) -> Message | None:
    """The message, when the bytes are one."""
    try:
        return read_message(raw)
    except NotHl7:
        return None


def body_in(raw: bytes) -> dict[str, Any] | None:
    """The FHIR body, when the bytes are one."""
    try:
        body = loads(raw.removeprefix(b"\xef\xbb\xbf"))
    except UnreadableJsonError:
        return None
    return body if isinstance(body, dict) and isinstance(body.get("resourceType"), str) else None


def _met(corpus: Corpus, message: Message, raw: bytes) -> tuple[Name | None, ...]:
    names = names_in_message(message)
    corpus.people.meet(names, day_of(peek(raw).sent.partition("^")[0]))
    return (names[0] if names else None,)


def _met_in_body(corpus: Corpus, body: dict[str, Any], piece: int) -> tuple[Name | None, ...]:
    stamp = fhir_stamp(body)
    on = stamp.date() if stamp else None
    items = fhir_resources(body)
    people: list[Name | None] = [None] * (max((item.index for item in items), default=0) + 1)
    for item in items:
        names = _names(item, body)
        corpus.people.meet(names, on)
        people[item.index] = names[0] if names else None
        if item.resource and not names and (reference := reference_to(item.resource)):
            corpus.supporting.setdefault(reference, piece)
    return tuple(people)


def _names(item: FhirItem, body: dict[str, Any]) -> list[Name]:
    """The names of the patient of one entry; a Patient is known by the URL of its entry too."""
    if item.resource is None:
        deleted = item.reference or ""
        return [f"record:{deleted}"] if deleted.startswith("Patient/") else []
    names = names_in_resource(item.resource)
    entries = body.get("entry")
    entry = entries[item.index] if isinstance(entries, list) and item.index < len(entries) else None
    url = entry.get("fullUrl") if isinstance(entry, dict) else None
    if item.resource.get("resourceType") == "Patient" and isinstance(url, str) and url.startswith("urn:"):
        names.append(f"record:{url}")
    return names
