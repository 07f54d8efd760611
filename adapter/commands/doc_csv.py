"""The mapping as a spreadsheet: one row for each place, each place left behind, and each row of a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from adapter.commands.doc_book import Book

COLUMNS = (
    "kind",
    "input",
    "in-field",
    "in-name",
    "choice",
    "reader",
    "rule",
    "table",
    "required",
    "event",
    "out-field",
    "fhir output",
    "code",
    "system",
    "sender",
    "target",
    "note",
    "layer",
    "file",
    "line",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(book: Book) -> str:
    """UTF-8 text with a header; empty cells where a column says nothing of that kind of row."""
    written = io.StringIO()
    rows = csv.DictWriter(written, COLUMNS, restval="", lineterminator="\n")
    rows.writeheader()
    for row in (*_places(book), *_codes(book)):
        rows.writerow({name: _safe(text) for name, text in row.items()})
    return written.getvalue()


def _safe(text: str) -> str:
    """A cell no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _places(book: Book) -> Iterator[dict[str, str]]:
    for chapter in book.chapters:
        whole = {"input": chapter.input, "event": chapter.event, "layer": chapter.layer, "file": chapter.file}
        for line in chapter.lines:
            yield {
                **whole,
                "kind": "field",
                "in-field": line.place,
                "in-name": line.name,
                "choice": line.choice,
                "reader": line.reader,
                "rule": line.rule,
                "table": line.table,
                "required": line.required,
                "out-field": line.field,
                "fhir output": "; ".join(line.outputs),
                "line": str(line.line),
            }
        for left in chapter.left:
            yield {**whole, "kind": "not needed", "in-field": left.place, "in-name": left.name, "note": left.why}


def _codes(book: Book) -> Iterator[dict[str, str]]:
    for table in book.tables:
        for entry in table.entries:
            others = [f"{name}: {value}" for name, value in entry.others if value]
            yield {
                "kind": "code",
                "table": table.name,
                "out-field": "; ".join(table.read_by),
                "code": entry.code,
                "system": entry.system,
                "sender": entry.sender,
                "target": entry.target or "; ".join(others),
                "note": "; ".join(text for text in (entry.label, entry.note) if text),
                "layer": entry.layer,
                "file": f"{entry.layer}/tables/{table.name}.csv",
                "line": str(entry.line),
            }
