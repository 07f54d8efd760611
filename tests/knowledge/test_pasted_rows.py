"""A table says itself what stands between its cells, and a row that has something else there is told as that."""

from __future__ import annotations

import pytest

from adapter.knowledge.tables import read_table
from adapter.knowledge.text_yaml import read_yaml

COLUMNS = ("sender", "code", "system", "target", "label", "note")
ROW = ("", "ASP", "L", "x", "", "")
NAMES = {",": "commas", ";": "semicolons", "\t": "tabs"}


def told(text: str) -> list[tuple[int, str]]:
    _, faults = read_table(text, "t", "t.csv")
    return [(fault.line, fault.text) for fault in faults]


@pytest.mark.parametrize("pasted", NAMES)
@pytest.mark.parametrize("file", NAMES)
def test_a_row_with_other_marks_than_its_file_is_told_as_that(file, pasted):
    lines = [file.join(COLUMNS), file.join(ROW), pasted.join(("", "ASQ", "L", "y", "", ""))]
    words = f"this line uses {NAMES[pasted]}, the file {NAMES[file]}; write it as the other lines are"
    assert told("\n".join(lines)) == ([] if pasted == file else [(3, words)])


@pytest.mark.parametrize(("row", "column"), [(",,L,x,a;b,", "code"), (",ASP,L,,one; two,", "target")])
def test_an_empty_cell_is_told_as_that(row, column):
    assert told(f"{','.join(COLUMNS)}\n{row}\n") == [(2, f"the column '{column}' is empty")]


@pytest.mark.parametrize("first", ["sep=;\n", "sep=;\r\n", '"sep=;"\n', "SEP=;\n", "\ufeffsep=;\n", "sep=;;;\n"])
def test_a_first_line_that_names_the_mark_is_taken_at_its_word(first):
    table, faults = read_table(f"{first}sender;code;system;target,x\n;A,B;L;x\n", "t", "t.csv")
    assert [fault.text for fault in faults] == ["the header has no column 'target'; is it 'target,x' here?"]
    table, faults = read_table(f"{first}sender;code;system;target\n;A,B;L;x\n;;L;x\n", "t", "t.csv")
    assert [(row.code, row.line) for row in table.rows] == [("A,B", 3)]
    assert [(fault.line, fault.column) for fault in faults] == [(4, 2)]


def test_who_saves_a_file_is_told_where_to_choose_its_encoding():
    assert read_yaml(b"a: \xff", "a.yaml")[1][0].text.endswith("(in an editor: encoding UTF-8)")
    assert read_table(b"\xff", "t", "t.csv")[1][0].text.endswith("(in a spreadsheet: 'CSV UTF-8')")
