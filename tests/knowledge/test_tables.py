from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.knowledge.spec import Row, Table, sender_rank
from adapter.knowledge.tables import lay_over, read_table
from adapter.knowledge.text_yaml import Fault

HEADER = "sender,code,system,target,label,note\n"


def rows_of(content: bytes | str, name: str = "t") -> tuple[Row, ...]:
    table, faults = read_table(content, name, "t.csv")
    assert faults == []
    return table.rows


def faults_of(content: bytes | str) -> list[tuple[int, str, str]]:
    _, faults = read_table(content, "t", "t.csv")
    return [(fault.line, fault.severity, fault.text) for fault in faults]


def table_of(*texts: str) -> Table:
    return lay_over([read_table(HEADER + text, "t", f"{number}.csv")[0] for number, text in enumerate(texts)])


def test_a_row_keeps_its_six_columns_its_extra_ones_and_its_line():
    text = "sender,code,system,method,lloq,unit,note\n\n , A ,*,MAAT,0.03,IU/mL,from the lab\n"
    assert rows_of(text, "quantification_limits") == (
        Row(
            sender="",
            code="A",
            system="*",
            target="",
            label="",
            note="from the lab",
            extra={"method": "MAAT", "lloq": "0.03", "unit": "IU/mL"},
            file="t.csv",
            line=3,
        ),
    )


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_spreadsheets_of_all_countries_are_read(delimiter: str, mark: str, end: str):
    lines = [delimiter.join(cells) for cells in (["sender", "code", "system", "target"], ["", "1,5;\t", "L", "x"])]
    lines[1] = delimiter.join(["", '"1,5;\t2"', "L", "x"])
    (row,) = rows_of((mark + end.join(lines) + end).encode())
    assert (row.code, row.system, row.target) == ("1,5;\t2", "L", "x")


def test_a_quoted_line_break_does_not_shift_the_lines_after_it():
    text = HEADER + ',A,*,x,"two\nlines",\n,B,*,y,,\n'
    assert [(row.code, row.line) for row in rows_of(text)] == [("A", 2), ("B", 4)]


@pytest.mark.parametrize(
    ("text", "line", "severity", "words"),
    [
        ("", 1, "error", "the table has no header; its first line is sender,code,system,target"),
        ("sender,cod,system,target\n", 1, "error", "the header has no column 'code'; is it 'cod' here?"),
        ("sender,code,target\n", 1, "error", "the header has no column 'system'"),
        ("sender,code,system,Ziel\n", 1, "error", "the header has no column 'target'"),
        ("sender,code,system,targt\n", 1, "error", "the header has no column 'target'; is it 'targt' here?"),
        ("sender,code,code,system,target\n", 1, "error", "the header names the column 'code' twice"),
        ("sender,code,system,target,\n", 1, "error", "a column of the header has no name"),
        (
            "sender,code,system,target,labl\n",
            1,
            "warning",
            "'labl' is not a standard column; did you mean 'label'?",
        ),
        (
            HEADER + ",A,*,x,,,more\n",
            2,
            "error",
            "the row has 7 cells, the header 6; quote a text that holds the delimiter",
        ),
        (HEADER + ",,*,x,,\n", 2, "error", "the column 'code' is empty"),
        (HEADER + ",A,,x,,\n", 2, "error", "the column 'system' is empty; write * for any system"),
        (HEADER + ",A,*,,,\n", 2, "error", "the column 'target' is empty"),
        (
            HEADER + ",A,*,x,,\n,A,*,y,,\n",
            3,
            "error",
            "'A' has another meaning in line 2; keep one row per sender, code and system",
        ),
        (HEADER + ",A,*,x,,\n,A,*,x,again,\n", 3, "warning", "the row repeats line 2 and is never used"),
        (
            HEADER + ',A,*,x,"open,\n',
            2,
            "error",
            'not readable as CSV: unexpected end of data; check the quotes (") of this line',
        ),
    ],
)
def test_a_mistake_is_a_sentence_with_its_line_in_the_table(text: str, line: int, severity: str, words: str):
    assert faults_of(text) == [(line, severity, words)]


@pytest.mark.parametrize("code", ["1.23E+15", "1,23E+15", "5-gen", "5-Jan", "#NAME?", "#N/A"])
def test_values_a_spreadsheet_has_bent_are_warned_of(code: str):
    words = f"'{code}' looks as if a spreadsheet had changed it; format the column as text and enter it again"
    assert faults_of(f'{HEADER},"{code}",*,x,,\n') == [(2, "warning", words)]


def test_a_lost_leading_zero_is_warned_of_when_another_code_has_one():
    words = "'7731' looks as if a spreadsheet had changed it; format the column as text and enter it again"
    assert faults_of(f"{HEADER},07730,L,x,,\n,7731,L,y,,\n,7731,M,y,,\n") == [(3, "warning", words)]


def test_ordinary_codes_are_not_called_bent():
    assert faults_of(f"{HEADER},20638-3,LN,x,,\n,L01XX24,*,x,,\n,1E5,*,x,,\n,5-HIAA,*,x,,\n") == []


def test_an_overlay_replaces_the_row_of_the_same_sender_code_and_system_in_its_place():
    table = table_of(",A,*,one,,\n,B,*,two,,\n", ",A,*,three,,\nLAB|*,A,*,four,,\n")
    assert [(r.sender, r.code, r.target, r.file) for r in table.rows] == [
        ("", "A", "three", "1.csv"),
        ("", "B", "two", "0.csv"),
        ("LAB|*", "A", "four", "1.csv"),
    ]


def test_a_sender_wins_over_no_sender_and_an_exact_system_over_any():
    table = table_of(
        ",A,*,any,,\n,A,L,local,,\nLAB|*,A,*,lab,,\nLAB|HOSP,A,*,lab of the hospital,,\n*|HOSP,A,X,hospital,,\n"
    )
    found = {
        (system, sender): row.target if (row := table.find("A", system, sender)) else None
        for system in ("L", "X", "")
        for sender in ("", "LAB|HOSP", "LAB|ELSE", "ELSE|HOSP")
    }
    assert found == {
        ("L", ""): "local",
        ("X", ""): "any",
        ("", ""): "any",
        ("L", "LAB|HOSP"): "lab of the hospital",
        ("X", "LAB|HOSP"): "lab of the hospital",
        ("", "LAB|HOSP"): "lab of the hospital",
        ("L", "LAB|ELSE"): "lab",
        ("X", "LAB|ELSE"): "lab",
        ("", "LAB|ELSE"): "lab",
        ("L", "ELSE|HOSP"): "local",
        ("X", "ELSE|HOSP"): "hospital",
        ("", "ELSE|HOSP"): "any",
    }
    assert table.find("Z") is None


def test_sender_rank_tells_how_exactly_a_pattern_names_a_sender():
    ranks = [sender_rank(pattern, "LAB|HOSP") for pattern in ("", "*|*", "LAB", "*|HOSP", "LAB|HOSP", "LAB|X")]
    assert ranks == [0, 1, 2, 2, 3, -1]


def test_rows_of_one_code_differ_by_method_where_a_table_has_that_column():
    text = "sender,code,system,method,lloq,unit\n,A,*,MAAT,0.03,IU/mL\n,A,*,AHA,0.02,IU/mL\n"
    assert [row.extra["lloq"] for row in lay_over([read_table(text, "quantification_limits", "q.csv")[0]]).rows] == [
        "0.03",
        "0.02",
    ]


def test_a_file_that_is_not_utf8_has_no_rows_and_one_fault():
    table, faults = read_table(HEADER.encode() + b",\xb5kat/L,*,x,,\n", "t", "t.csv")
    assert table.rows == ()
    assert faults == [
        Fault(
            file="t.csv",
            line=2,
            column=2,
            text="the file is not UTF-8 here; save it as UTF-8 (in a spreadsheet: 'CSV UTF-8')",
        )
    ]


@given(
    st.one_of(
        st.binary(max_size=200),
        st.text(max_size=200),
        st.text(alphabet='sendrcoytmga,;\t"\r\n*', max_size=120).map(lambda tail: "sender,code,system,target\n" + tail),
    )
)
def test_no_content_raises_in_tables(content: bytes | str):
    table, faults = read_table(content, "t", "t.csv")
    assert all(isinstance(fault, Fault) for fault in faults)
    assert all(row.code and row.system for row in table.rows)


def test_a_table_of_limits_needs_a_number_and_a_unit_and_no_target():
    _, faults = read_table("sender;code;system;LLOQ;Einheit\n", "quantification_limits", "q.csv")
    assert [fault.text for fault in faults] == ["the header has no column 'unit'"]
