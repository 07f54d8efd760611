"""Cells a spreadsheet or a paste has damaged, and rows that are odd beside each other, are warned of."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapter.cli import main
from adapter.knowledge.rows_together import hidden_rows, senders_in_two_spellings, switched_off
from adapter.knowledge.spec import Table
from adapter.knowledge.tables import lay_over, read_table

HEADER = "sender,code,system,target\n"
CHANGED = "looks as if a spreadsheet had changed it; format the column as text and enter it again"


def told(row: str) -> list[str]:
    _, faults = read_table(f"{HEADER}{row}\n", "activity_tests", "a.csv")
    assert {fault.severity for fault in faults} <= {"warning"}
    return [fault.text for fault in faults]


def table(*rows: str) -> Table:
    found, faults = read_table(HEADER + "\n".join(rows), "activity_tests", "a.csv")
    assert not faults
    return lay_over([found])


@pytest.mark.parametrize(
    "code",
    ["Mar-15", "MRZ-2015", "15. Mrz", "15.Mrz", "5-Jan", "01. Mrz 2024", "déc-15", "'0123", '="0123"', "WAHR", "FALSE"],
)
def test_what_a_spreadsheet_makes_of_a_code_is_warned_of(code):
    cell = '"' + code.replace('"', '""') + '"'
    assert told(f",{cell},L,x") == [f"'{code}' {CHANGED}"]


@pytest.mark.parametrize(
    "code",
    [
        "MARKER-15",
        "SEP-1A",
        "MAR-155",
        "DEC10",
        "wahr",
        "20638-3",
        "5-HIAA",
        "1E5",
        "*",
        "β-HCG",
        "µIU/mL",
        "\u0410\u041a\u0422-\u0416",
    ],
)
def test_an_ordinary_code_is_not(code):
    assert told(f",{code},L,x") == []


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (",ASP*,L,x", "'ASP*' holds a *, which is no wildcard in a code: only a code with a * in it is found"),
        (
            ",ASP^Activity^L,L,x",
            "'ASP^Activity^L' holds a ^: is it a whole coded field? Write its first part here, its third as the system",
        ),
        (
            ",\u0410SP,L,x",
            "'\u0410SP' holds the Cyrillic letter '\u0410' (U+0410), which only looks Latin; write it anew",
        ),
        (
            "L\u0399S,ASP,L,x",
            "'L\u0399S' holds the Greek letter '\u0399' (U+0399), which only looks Latin; write it anew",
        ),
        (",A\u200bSP,L,x", "a character that cannot be seen (U+200B) stands in 'A\u200bSP'; write the cell anew"),
        (",A\u00a0SP,L,x", "a character that cannot be seen (U+00A0) stands in 'A\u00a0SP'; write the cell anew"),
        (",ASP,L,x\u200d", "a character that cannot be seen (U+200D) stands in 'x\u200d'; write the cell anew"),
    ],
)
def test_what_was_pasted_or_cannot_be_seen_is_warned_of(row, words):
    assert told(row) == [words]


def test_a_row_that_switches_a_narrower_sender_off_is_warned_of():
    found = list(switched_off(table(",ASP,L,asparaginase-activity", "LIS|*,ASP,*,not ours")))
    assert [(fault.line, fault.severity) for fault in found] == [(3, "warning")]
    assert found[0].text.startswith("this row switches 'ASP' off for 'LIS|*', which line 2 of a.csv makes ours")


@pytest.mark.parametrize(
    "rows",
    [
        (",ASP,L,asparaginase-activity", ",ASP,*,not ours"),  # the exact system wins
        (",ASP,L,asparaginase-activity", "LIS|*,ASP,LN,not ours"),
        ("LIS|*,ASP,L,asparaginase-activity", ",ASP,L,not ours"),
        ("LIS|*,ASP,L,asparaginase-activity", "LAB|WEST,ASP,L,not ours"),
        (",ASP,L,asparaginase-activity", "LIS|*,ASX,*,not ours"),
    ],
)
def test_a_row_that_takes_nothing_of_ours_away_is_not(rows):
    whole = table(*rows)
    assert list(switched_off(whole)) == []
    assert whole.find("ASP", "L", "LIS|WEST").target == "asparaginase-activity"  # type: ignore[union-attr]


def test_what_is_warned_of_is_what_the_table_finds():
    whole = table(",ASP,L,asparaginase-activity", "LIS|*,ASP,*,not ours")
    assert whole.find("ASP", "L", "LIS|WEST").target == "not ours"  # type: ignore[union-attr]


def test_a_sender_that_differs_only_in_case_is_warned_of():
    whole = table("LIS|*,A,L,x", "Lis,B,L,x", "lis|West,C,L,x")
    found = list(senders_in_two_spellings([whole]))
    assert [fault.line for fault in found] == [3]
    assert found[0].text == "'Lis' differs only in upper and lower case from 'LIS|*' (line 2 of a.csv): it is another"
    assert [fault.line for fault in senders_in_two_spellings([whole], ["lis"])] == [2, 3]
    assert not list(hidden_rows(whole))


def test_lint_tells_all_of_it_and_passes(tmp_path: Path, capsys):
    (tmp_path / "tables").mkdir()
    rows = [",ASP1,L,asparaginase-activity", "LIS|*,ASP1,L,not ours", "Lis|*,ASP^x,L,not ours"]
    (tmp_path / "tables" / "activity_tests.csv").write_text(HEADER + "\n".join(rows))
    assert main(["lint", "--mappings", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert all(words in out for words in ("switches 'ASP1' off", "holds a ^", "upper and lower case from 'LIS|*'"))
