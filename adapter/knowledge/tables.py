"""Code tables: CSV as spreadsheets of several countries write it, read into rows with their line."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from adapter.knowledge.spec import Row, Table
from adapter.knowledge.text_yaml import Fault, decode, did_you_mean

STANDARD = ("sender", "code", "system", "target", "label", "note")
NEEDED = ("sender", "code", "system")
_BENT = re.compile(
    r"\d([.,]\d+)?E\+\d+|\d{1,2}-(jan|feb|mar|apr|mag|may|mai|giu|jun|lug|jul|ago|aug|set|sep|oct|ott|okt|nov|dec|dic|dez|gen)\w*"
    r"|#(NAME\?|REF!|N/A|VALUE!|NV|NOME\?|WERT!)",
    re.IGNORECASE,
)
Key = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFile:
    """The rows of one CSV file, before overlays."""

    name: str
    rows: tuple[Row, ...]


def read_table(content: bytes | str, name: str, file: str) -> tuple[TableFile, list[Fault]]:
    """The rows of one table file and what is wrong with it; never raises for any content."""
    text, fault = decode(content, file)
    if fault:
        return TableFile(name=name, rows=()), [fault]
    faults: list[Fault] = []
    lines = list(_cells(text, file, faults))
    if not lines:
        faults.append(
            Fault(file=file, line=1, text="the table has no header; its first line is sender,code,system,target")
        )
        return TableFile(name=name, rows=()), faults
    header = [cell.lower() for cell in lines[0][1]]
    faults.extend(_header_faults(header, file))
    if any(fault.severity == "error" for fault in faults):
        return TableFile(name=name, rows=()), faults
    rows = [row for line, cells in lines[1:] if (row := _row(header, cells, file, line, faults))]
    faults.extend(_bent(rows))
    return TableFile(name=name, rows=tuple(_unique(rows, faults))), faults


def lay_over(layers: Sequence[TableFile]) -> Table:
    """One table from a file and its overlays: the same (sender, code, system) replaces in place, others follow."""
    rows: dict[Key, Row] = {}
    for layer in layers:
        for row in layer.rows:
            rows[key_of(row)] = row
    index: dict[str, tuple[Row, ...]] = {}
    for row in rows.values():
        index[row.code] = (*index.get(row.code, ()), row)
    return Table(name=layers[0].name, rows=tuple(rows.values()), index=index)


def key_of(row: Row) -> Key:
    """What makes a row the same row: sender, code, system, and the method where a table has one."""
    return (row.sender, row.code, row.system, row.extra.get("method", ""))


def _cells(text: str, file: str, faults: list[Fault]) -> Iterator[tuple[int, list[str]]]:
    """Line number and stripped cells of every line that is not blank."""
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    before = 0
    try:
        for cells in reader:
            line, before = before + 1, reader.line_num
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                yield line, stripped
    except csv.Error as error:
        text = f'not readable as CSV: {error}; check the quotes (") of this line'
        faults.append(Fault(file=file, line=before + 1, text=text))


def _header_faults(header: list[str], file: str) -> Iterator[Fault]:
    for name in NEEDED:
        if name not in header:
            others = [cell for cell in header if cell not in STANDARD]
            yield Fault(file=file, line=1, text=f"the header has no column '{name}'{_instead(name, others)}")
    for name in {cell for cell in header if cell and header.count(cell) > 1}:
        yield Fault(file=file, line=1, text=f"the header names the column '{name}' twice")
    if "" in header:
        yield Fault(file=file, line=1, text="a column of the header has no name")
    for name in header:
        missing = [standard for standard in STANDARD if standard not in (*header, *NEEDED)]
        if name not in STANDARD and (hint := did_you_mean(name, missing)):
            yield Fault(file=file, line=1, text=f"'{name}' is not a standard column{hint}", severity="warning")


def _instead(name: str, others: list[str]) -> str:
    hint = did_you_mean(name, others)
    return hint.replace("did you mean", "is it").replace("?", " here?") if hint else ""


def _row(header: list[str], cells: list[str], file: str, line: int, faults: list[Fault]) -> Row | None:
    if len(cells) > len(header):
        text = f"the row has {len(cells)} cells, the header {len(header)}; quote a text that holds the delimiter"
        faults.append(Fault(file=file, line=line, text=text))
        return None
    values = dict(zip(header, [*cells, *[""] * (len(header) - len(cells))], strict=True))
    for name in ("code", "system", "target"):
        if name in header and not values[name]:
            hint = "; write * for any system" if name == "system" else ""
            faults.append(Fault(file=file, line=line, text=f"the column '{name}' is empty{hint}"))
            return None
    return Row(
        sender=values["sender"],
        code=values["code"],
        system=values["system"],
        target=values.get("target", ""),
        label=values.get("label", ""),
        note=values.get("note", ""),
        extra={name: value for name, value in values.items() if name not in STANDARD},
        file=file,
        line=line,
    )


def _unique(rows: Iterable[Row], faults: list[Fault]) -> Iterator[Row]:
    """Rows whose key stands for the first time; a second one with another target is a fault."""
    seen: dict[Key, Row] = {}
    for row in rows:
        first = seen.setdefault(key_of(row), row)
        if first is row:
            yield row
        elif (first.target, first.extra) != (row.target, row.extra):
            text = f"'{row.code}' has another meaning in line {first.line}; keep one row per sender, code and system"
            faults.append(Fault(file=row.file, line=row.line, text=text))
        else:
            text = f"the row repeats line {first.line} and is never used"
            faults.append(Fault(file=row.file, line=row.line, text=text, severity="warning"))


def _bent(rows: Sequence[Row]) -> Iterator[Fault]:
    """Warnings for codes a spreadsheet has changed on opening: exponents, dates, errors, lost leading zeros."""
    padded = {(row.system, len(row.code)) for row in rows if row.code.isdigit() and row.code.startswith("0")}
    for row in rows:
        lost = row.code.isdigit() and not row.code.startswith("0") and (row.system, len(row.code) + 1) in padded
        if lost or any(_BENT.fullmatch(cell) for cell in (row.code, row.target, *row.extra.values())):
            text = (
                f"'{row.code}' looks as if a spreadsheet had changed it; format the column as text and enter it again"
            )
            yield Fault(file=row.file, line=row.line, text=text, severity="warning")
