"""The files of a de-identified corpus: numbered, for names of files identify too."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path

from adapter.commands.deid_corpus import Piece
from adapter.commands.deid_report import Report, Withheld
from adapter.commands.deid_work import Made, Work
from adapter.commands.golden_write import NoCaseError, case_text
from adapter.commands.new_folder import write_new

_BATCH_TRAILER = re.compile(rb"(BTS.)\d+")


Site = Callable[[bytes], dict[str, str]]
"""The `site:` of the case of a message, by the message as it came."""


def write_all(work: Work, out: Path, *, as_case: Site | None, progress: Callable[[int], None]) -> Report:
    """Write what may be shared, file by file; a file of which nothing may is not made. Raises OSError."""
    report = Report(out=out.as_posix(), patients=len(work.corpus.by_patient()))
    done = 0
    for place, pieces in groupby(work.corpus.pieces, key=lambda piece: piece.file):
        source = work.corpus.files[place]
        kept: list[tuple[Piece, bytes]] = []
        complete = True
        for piece in pieces:
            raw = _judged(work.made(piece), piece, source, report)
            if raw is not None:
                kept.append((piece, raw))
            complete = complete and (raw is not None or piece.kind == "envelope")
            done += 1
            progress(done)
        if not complete:
            kept = list(_recounted(kept))
        if any(piece.kind != "envelope" for piece, _ in kept):
            name = f"{place + 1:06d}"
            if as_case is None:
                _write_messages(kept, name, source, out, report)
            else:
                sites = [as_case(work.corpus.raw(piece)) for piece, _ in kept]
                _write_cases(kept, sites, name, source, out, report)
    return report


def _judged(made: Made, piece: Piece, source: Path, report: Report) -> bytes | None:
    """Count one piece; its bytes when it may be shared."""
    is_message = piece.kind != "envelope"
    report.messages += is_message
    if made.raw is None:
        if made.left_out:
            report.left_out.append((source.name, piece.number))
        elif made.why:
            report.withheld.append(Withheld(file=source.name, message=piece.number, why=made.why))
        report.add(made.notes)
        return None
    report.written += is_message
    if is_message:
        report.readings[piece.shown] = made.reading
    report.add(made.notes)
    return made.raw


def _write_messages(kept: list[tuple[Piece, bytes]], name: str, source: Path, out: Path, report: Report) -> None:
    ending = ".json" if kept[0][0].kind == "fhir" else ".hl7"
    write_new(out / f"{name}{ending}", b"".join(raw for _, raw in kept))
    report.files.append((source.name, f"{name}{ending}"))


def _write_cases(
    kept: list[tuple[Piece, bytes]], sites: list[dict[str, str]], name: str, source: Path, out: Path, report: Report
) -> None:
    for (piece, raw), site in zip(kept, sites, strict=True):
        if piece.kind == "envelope":
            continue
        case = f"{name}-{piece.number:04d}.yaml"
        try:
            text = case_text(f"message {piece.number} of file {piece.file + 1}", raw, site=site)
        except NoCaseError as fault:
            report.refuse(source.name, piece, str(fault))
            continue
        write_new(out / case, text.encode())
        report.files.append((source.name, case))


def _recounted(kept: list[tuple[Piece, bytes]]) -> Iterator[tuple[Piece, bytes]]:
    """The pieces of a file that lacks a message; the trailer of a batch counts those that are left in it."""
    count = 0
    for piece, raw in kept:
        if piece.kind != "envelope":
            count += 1
        elif raw.startswith(b"BHS"):
            count = 0
        yield piece, _BATCH_TRAILER.sub(rb"\g<1>%d" % count, raw, count=1) if raw.startswith(b"BTS") else raw
