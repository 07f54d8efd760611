"""`troughline doc`: what is read from where and becomes what, for vendors, auditors and whoever comes after."""

from __future__ import annotations

import argparse
import sys
from codecs import BOM_UTF8 as BYTE_ORDER_MARK
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from adapter import __version__
from adapter.commands.doc_book import Book, book_of
from adapter.commands.doc_csv import as_csv
from adapter.commands.doc_html import as_html
from adapter.commands.faults import tell
from adapter.commands.whole_file import replace_whole
from adapter.fhir import dumps
from adapter.knowledge.load import read_folders

NAME = "mapping"


def as_json(book: Book) -> str:
    """The book for machines."""
    return dumps(asdict(book), indent=True).decode() + "\n"


FORMS: dict[str, Callable[[Book], str]] = {"html": as_html, "csv": as_csv, "json": as_json}


def run(options: argparse.Namespace) -> int:
    """0 when it is written, 1 when the mappings have a mistake, 2 when it cannot be written or read."""
    missing = [str(folder) for folder in options.mappings if not folder.is_dir()]
    if missing:
        print(f"{', '.join(missing)}: no such folder; name folders with mappings.", file=sys.stderr)
        return 2
    chosen = next((form for form in FORMS if getattr(options, form)), None)
    reading = read_folders(options.mappings)
    faults = [fault for fault in reading.faults if fault.severity == "error"]
    if faults:
        tell(faults)
        return 1
    book = book_of(reading, options.mappings, product=__version__)
    if options.out is None:
        sys.stdout.buffer.write(FORMS[chosen or "html"](book).encode())  # the page says itself that it is UTF-8
        return 0
    files = _files(options.out, chosen)
    if not files:
        print(f"{options.out}: name a file ending in .html, .csv or .json, or a folder.", file=sys.stderr)
        return 2
    return _written(files, book)


def _files(out: Path, chosen: str | None) -> dict[Path, str]:
    """Which files are written, with their form; none when the name tells no form."""
    ending = out.suffix.removeprefix(".").lower()
    if out.is_dir() or (not ending and not out.exists() and chosen is None):
        return {out / f"{NAME}.{form}": form for form in ([chosen] if chosen else ("html", "csv"))}
    form = chosen or (ending if ending in FORMS else None)
    return {out: form} if form else {}


def _written(files: dict[Path, str], book: Book) -> int:
    for path, form in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_whole(path, (BYTE_ORDER_MARK if form == "csv" else b"") + FORMS[form](book).encode())
        except OSError as fault:
            print(f"{fault.filename or path} cannot be written: {fault.strerror}.", file=sys.stderr)
            return 2
        print(path.as_posix())
    return 0
