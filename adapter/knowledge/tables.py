"""Code tables: CSV as spreadsheets of several countries write it, read into rows with their line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from adapter.knowledge.damaged_cells import damaged
from adapter.knowledge.senders import same_sender, sender_faults
from adapter.knowledge.spec import Row, Table
from adapter.knowledge.text_csv import DELIMITERS, Cell, delimiter_of, read_cells
from adapter.knowledge.text_yaml import Fault, decode, did_you_mean

STANDARD = ("sender", "code", "system", "target", "label", "note")
NEEDED = ("sender", "code", "system")
WITHOUT_TARGET = {"quantification_limits": ("lloq", "unit")}
"""Tables whose rows say something else than a target, and in which columns."""
_MARKS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
UNITS = "units"
"""Its codes are spellings of units, in which `^` and `*` are signs of their own (10*3, 10^3)."""
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
    lines = list(read_cells(text, file, faults))
    if not lines:
        text = "the table has no header; its first line is sender,code,system,target"
        faults.append(Fault(file=file, line=1, column=1, text=text))
        return TableFile(name=name, rows=()), faults
    header = [cell.text.lower() for cell in lines[0]]
    of_header = list(_header_faults(header, lines[0], file, WITHOUT_TARGET.get(name, ("target",))))
    faults.extend(of_header)
    if any(fault.severity == "error" for fault in of_header):
        return TableFile(name=name, rows=()), faults
    delimiter = delimiter_of(text)
    rows = [row for cells in lines[1:] if (row := _row(header, cells, file, faults, delimiter))]
    faults.extend(damaged(rows, spellings=name == UNITS))
    for row in rows:
        faults.extend(sender_faults(row))
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
    return (same_sender(row.sender), row.code, row.system, row.extra.get("method", ""))


def _header_faults(header: list[str], cells: Sequence[Cell], file: str, told: tuple[str, ...]) -> Iterator[Fault]:
    """Faults of the first line; `told` are the columns beside the key without which a row says nothing."""
    needed = (*NEEDED, *told)
    for name in needed:
        if name not in header:
            others = [cell for cell in header if cell not in STANDARD]
            text = f"the header has no column '{name}'{_instead(name, others)}"
            yield Fault(file=file, line=cells[0].line, column=1, text=text)
    for number, (name, cell) in enumerate(zip(header, cells, strict=True)):
        if not name:
            yield cell.fault(file, "a column of the header has no name")
        elif name in header[:number]:
            yield cell.fault(file, f"the header names the column '{name}' twice")
        missing = [standard for standard in STANDARD if standard not in (*header, *needed)]
        if name and name not in STANDARD and (hint := did_you_mean(name, missing)):
            yield cell.fault(file, f"'{name}' is not a standard column{hint}", "warning")


def _instead(name: str, others: list[str]) -> str:
    hint = did_you_mean(name, others)
    return hint.replace("did you mean", "is it").replace("?", " here?") if hint else ""


def _row(header: list[str], cells: Sequence[Cell], file: str, faults: list[Fault], delimiter: str) -> Row | None:
    if len(cells) > len(header):
        text = f"the row has {len(cells)} cells, the header {len(header)}; quote a text that holds the delimiter"
        faults.append(cells[len(header)].fault(file, text))
        return None
    values = {**dict.fromkeys(header, ""), **{name: cell.text for name, cell in zip(header, cells, strict=False)}}
    row = Row(
        sender=values["sender"],
        code=values["code"],
        system=values["system"],
        target=values.get("target", ""),
        label=values.get("label", ""),
        note=values.get("note", ""),
        extra={name: value for name, value in values.items() if name not in STANDARD},
        file=file,
        line=cells[0].line,
        cells={name: (cell.line, cell.column) for name, cell in zip(header, cells, strict=False)},
    )
    for name in ("code", "system", "target"):
        if name in header and not values[name]:
            if other := _other_delimiter(cells, delimiter):
                text = f"this line uses {_MARKS[other]}, the file {_MARKS[delimiter]}; write it as the other lines are"
                faults.append(cells[0].fault(file, text))
                return None
            hint = "; write * for any system" if name == "system" else ""
            faults.append(row.fault(name, f"the column '{name}' is empty{hint}"))
            return None
    return row


def _other_delimiter(cells: Sequence[Cell], delimiter: str) -> str | None:
    """What a line pasted from elsewhere has between its cells; `gaps` prints rows with commas."""
    others = (mark for mark in DELIMITERS if mark != delimiter)
    return next((mark for mark in others if sum(cell.text.count(mark) for cell in cells) >= len(NEEDED) - 1), None)


def _unique(rows: Iterable[Row], faults: list[Fault]) -> Iterator[Row]:
    """Rows whose key stands for the first time; a second one with another target is a fault."""
    seen: dict[Key, Row] = {}
    for row in rows:
        first = seen.setdefault(key_of(row), row)
        if first is row:
            yield row
        elif (first.target, first.extra) != (row.target, row.extra):
            text = f"'{row.code}' has another meaning in line {first.line}; keep one row per sender, code and system"
            faults.append(row.fault("code", text))
        else:
            text = f"the row repeats line {first.line} and is never used"
            faults.append(row.fault("code", text, "warning"))
