"""CSV as spreadsheets of several countries write it: every cell is text and knows its line and column."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from adapter.knowledge.text_yaml import Fault

DELIMITERS = ",;\t"
_SAID = re.compile(r'"?sep=([,;\t|])"?[,;\t|]*[\r\n]*', re.IGNORECASE)
MOST_BROKEN_LINES = 50
"""After so many a file is no table; each may have to be read to its end before that shows."""


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
    """The cells of every line that is not blank; a line that cannot be read is a fault, and hides no other."""
    lines = list(io.StringIO(text, newline=""))
    delimiter, before = _layout(lines)
    for _ in range(MOST_BROKEN_LINES):
        try:
            for first, last, cells in _rows(lines, before, delimiter):
                before = last
                places = _places(lines[first:last], first + 1, delimiter)
                if any(cell.strip() for cell in cells):
                    yield [
                        Cell(text=cell.strip(), line=line, column=column)
                        for cell, (line, column) in zip(cells, places, strict=False)
                    ]
        except csv.Error as error:
            wrong = f'not readable as CSV: {error}; check the quotes (") of this line'
            faults.append(Fault(file=file, line=before + 1, column=1, text=wrong))
            before += 1  # whatever it was meant to be, the next line may be whole
        else:
            return


def delimiter_of(text: str) -> str:
    """What stands between the cells of a file."""
    return _layout(text.splitlines(keepends=True)[:1])[0]


def _layout(lines: Sequence[str]) -> tuple[str, int]:
    """What stands between the cells, and how many lines come before the header: `sep=;` is said to spreadsheets."""
    first = lines[0] if lines else ""
    said = _SAID.fullmatch(first)
    return (said[1], 1) if said else (max(DELIMITERS, key=first.count), 0)


def _rows(lines: Sequence[str], start: int, delimiter: str) -> Iterator[tuple[int, int, list[str]]]:
    """Each row from a line on, with the lines it runs over; raises csv.Error for one that cannot be read."""
    reader = csv.reader(islice(lines, start, None), delimiter=delimiter, strict=True)
    first = start
    for cells in reader:
        last = start + reader.line_num
        yield first, last, cells
        first = last


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
