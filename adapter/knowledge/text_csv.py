"""CSV as spreadsheets of several countries write it: every cell is text and knows its line and column."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from adapter.knowledge.text_yaml import Fault

DELIMITERS = ",;\t"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell without the blanks around it, and where it begins."""

    text: str
    line: int
    column: int

    def fault(self, file: str, text: str, severity: Literal["error", "warning"] = "error") -> Fault:
        """A fault at this cell."""
        return Fault(file=file, line=self.line, column=self.column, text=text, severity=severity)


def read_cells(text: str, file: str, faults: list[Fault]) -> Iterator[list[Cell]]:
    """The cells of every line that is not blank; what cannot be read ends them with a fault."""
    lines = list(io.StringIO(text, newline=""))
    first = lines[0] if lines else ""
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    before = 0
    try:
        for cells in reader:
            places = _places(lines[before : reader.line_num], before + 1, delimiter)
            before = reader.line_num
            if any(cell.strip() for cell in cells):
                yield [
                    Cell(text=cell.strip(), line=line, column=column)
                    for cell, (line, column) in zip(cells, places, strict=False)
                ]
    except csv.Error as error:
        wrong = f'not readable as CSV: {error}; check the quotes (") of this line'
        faults.append(Fault(file=file, line=before + 1, column=1, text=wrong))


def _places(lines: Sequence[str], first: int, delimiter: str) -> list[tuple[int, int]]:
    """Line and column of each cell of one row, which may run over several lines inside quotes."""
    places = [(first, 1)]
    begins, quoted, inside = True, False, False
    for line, text in enumerate(lines, start=first):
        for column, character in enumerate(text, start=1):
            if character == '"' and (begins or quoted):
                inside, quoted = not inside, True
            elif character == delimiter and not inside:
                places.append((line, column + 1))
                begins, quoted = True, False
                continue
            begins = False
    return places
