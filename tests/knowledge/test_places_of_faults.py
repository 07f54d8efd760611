"""Whatever a file holds, only faults come out, and each tells its line and column."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.knowledge.lint import lint
from adapter.knowledge.load import load_knowledge
from adapter.knowledge.mapping_files import read_mapping
from adapter.knowledge.output_files import read_output
from adapter.knowledge.senders import same_sender
from adapter.knowledge.shipped import shipped
from adapter.knowledge.spec import sender_rank
from adapter.knowledge.tables import read_table
from adapter.knowledge.text_csv import read_cells
from adapter.knowledge.text_yaml import read_yaml

HEADER = "sender,code,system,target,label,note\n"
MAPPING = (shipped("mappings") / "v2" / "oru_activity.yaml").read_text(encoding="utf-8")
ANY_FILE = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.text(alphabet="ab:-#'\"|>{}[]&*!%@`,;\t\n ", max_size=120).map(str.encode),
)
CELL = st.text(alphabet='ab,;"\n\t |*^ é', max_size=6)


def all_placed(faults) -> bool:
    return all(fault.line >= 1 and fault.column and fault.column >= 1 and fault.text for fault in faults)


@given(ANY_FILE)
def test_any_bytes_as_yaml_give_a_document_or_faults_with_a_place(content):
    document, faults = read_yaml(content, "a.yaml")
    assert (document is None) == bool(faults)
    assert all_placed(faults)
    for read in (lambda found: read_mapping(found, ()), read_output):
        if document:
            made, faults = read(document)
            assert (made is None) == bool(faults)
            assert all_placed(faults)


@given(ANY_FILE)
def test_any_bytes_as_csv_give_rows_or_faults_with_a_place(content):
    for start in ("", HEADER):
        _, faults = read_table(start.encode() + content, "units", "t.csv")
        assert all_placed(faults)


@given(st.data())
def test_any_word_put_into_a_mapping_gives_a_mapping_or_faults_with_a_place(data):
    lines = MAPPING.splitlines()
    number = data.draw(st.integers(0, len(lines) - 1))
    word = data.draw(st.text(alphabet="abcOBX0123456789-.()*+: '\"#\t", max_size=12))
    document, faults = read_yaml("\n".join([*lines[:number], word, *lines[number + 1 :]]), "a.yaml")
    assert (document is None) == bool(faults)
    if document:
        mapping, faults = read_mapping(document, ("units", "activity_tests"))
        assert (mapping is None) == bool(faults)
    assert all_placed(faults)


@given(st.lists(st.lists(CELL, min_size=1, max_size=4), max_size=5), st.sampled_from(",;\t"))
def test_a_cell_stands_where_its_line_and_column_say(rows, delimiter):
    text = delimiter * 9 + "\n"
    text += "".join(delimiter.join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n" for row in rows)
    lines = text.split("\n")
    read = list(read_cells(text, "t.csv", []))
    assert [[cell.text for cell in row] for row in read] == [
        [cell.strip() for cell in row] for row in rows if any(cell.strip() for cell in row)
    ]
    for cell in (cell for row in read for cell in row):
        assert lines[cell.line - 1][cell.column - 1] == '"'


@pytest.mark.parametrize(
    ("row", "place", "said"),
    [
        (",A,*,nothing,,\n", (2, 6), "'nothing' is not a target of units"),
        ('"","A","*","nothing",,\n', (2, 12), "'nothing' is not a target of units"),
        (",A,,[IU]/mL,,\n", (2, 4), "the column 'system' is empty"),
        (",A,*,[IU]/mL,,,more\n", (2, 16), "the row has 7 cells, the header 6"),
        (",A,*,[IU]/mL,,\n,A,*,[IU]/L,,\n", (3, 2), "'A' has another meaning in line 2"),
        (",A,*,[IU]/mL,,\n*|*,A,*,[IU]/L,,\n", (3, 5), "'A' has another meaning in line 2"),
        ("LIS,A,*,[IU]/mL,,\nLIS|*,A,*,[IU]/L,,\n", (3, 7), "'A' has another meaning in line 2"),
        ("LIS|HOSP|X,A,*,[IU]/mL,,\n", (2, 1), "'LIS|HOSP|X' is no sender; write MSH-3|MSH-4, either part *"),
        ("LIS^1.2^ISO,A,*,[IU]/mL,,\n", (2, 1), "'LIS^1.2^ISO' is never a sender"),
        ("LIS |*,A,*,[IU]/mL,,\n", (2, 1), "'LIS |*' is never a sender"),
        ("LIS*|*,A,*,[IU]/mL,,\n", (2, 1), "'LIS*|*' holds a * beside other letters, which is no wildcard"),
    ],
)
def test_a_fault_of_a_table_stands_at_its_cell(tmp_path: Path, row, place, said):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "units.csv").write_text(HEADER + row, encoding="utf-8")
    knowledge, faults = load_knowledge([tmp_path])
    assert knowledge is None
    (fault,) = [fault for fault in faults if fault.severity == "error"]
    assert ((fault.line, fault.column), fault.text[: len(said)]) == (place, said)


@pytest.mark.parametrize(
    ("sender", "said"),
    [
        ("*|*", "'*|*' means any sender; leave the cell empty"),
        ("*", "'*' means any sender; leave the cell empty"),
        ("|", "'|' means any sender; leave the cell empty"),
        ("LIS|", "'LIS|' leaves a part out, which reads as any; write LIS|*"),
        ("|HOSP", "'|HOSP' leaves a part out, which reads as any; write *|HOSP"),
        ("", None),
        ("LIS", None),
        ("LIS|*", None),
        ("*|HOSP", None),
        ("LIS|ST MARY", None),
    ],
)
def test_a_sender_that_is_written_oddly_is_a_warning(sender, said):
    _, faults = read_table(f"{HEADER}{sender},A,*,x,,\n", "t", "t.csv")
    assert [(fault.severity, fault.text) for fault in faults] == ([("warning", said)] if said else [])


PART = st.sampled_from(["", "*", "LIS", "HOSP"])
PATTERN = st.one_of(PART, st.tuples(PART, PART).map("|".join))


@given(PATTERN, PATTERN, st.tuples(st.sampled_from(["LIS", "HOSP", "X"]), st.sampled_from(["HOSP", "Y", ""])))
def test_patterns_of_one_spelling_name_the_same_senders(one, other, sender):
    if same_sender(one) == same_sender(other):
        ranks = [sender_rank(pattern, "|".join(sender)) for pattern in (one, other)]
        assert (ranks[0] >= 0) == (ranks[1] >= 0)


def test_a_row_for_any_sender_replaces_the_shipped_one_however_it_is_spelled(tmp_path: Path):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "units.csv").write_text(HEADER + "*|*,E/mL,*,refused,,\n", encoding="utf-8")
    knowledge, _ = load_knowledge([tmp_path])
    assert knowledge is not None
    assert [row.target for row in knowledge.tables["units"].rows if row.code == "E/mL"] == ["refused"]


WHERE = "tables end in .csv and lie in tables/, the others end in .yaml and lie in v2, fhir, outputs, golden"


@pytest.mark.parametrize(
    ("name", "is_folder", "severity", "said"),
    [
        ("tables/units.CSV", False, "error", "nothing reads this file: its name must end in .csv, in small letters"),
        ("v2/oru.YAML", False, "error", "nothing reads this file: its name must end in .yaml, in small letters"),
        ("tables/units.csv", True, "error", "this is a folder with the name of a table; put the table itself here"),
        ("v2/oru.yaml", True, "error", "this is a folder with the name of a file; put the file itself here"),
        ("v2/oru.yml", False, "error", "nothing reads this file: its name must end in .yaml; rename it oru.yaml"),
        ("v2/oru_activity.csv", False, "error", f"nothing reads this file; {WHERE}; did you mean tables/?"),
        ("tables/old/units.csv", False, "error", f"nothing reads this file; {WHERE}; did you mean tables/?"),
        ("Tables/own.csv", False, "error", f"nothing reads this file; {WHERE}; did you mean tables/?"),
        ("table/own.csv", False, "error", f"nothing reads this file; {WHERE}; did you mean tables/?"),
        ("units.csv", False, "error", f"nothing reads this file; {WHERE}; did you mean tables/?"),
        ("oru_activity.yml", False, "error", f"nothing reads this file; {WHERE}; did you mean v2/?"),
        ("Outputs/own.yaml", False, "error", f"nothing reads this file; {WHERE}; did you mean outputs/?"),
        ("notes.csv", False, "warning", f"nothing reads this file; {WHERE}"),
        ("labels/own.csv", False, "warning", f"nothing reads this file; {WHERE}"),
        ("compose.yaml", False, "warning", f"nothing reads this file; {WHERE}"),
        ("tables/~$units.csv", False, "warning", "a spreadsheet has this file open"),
        ("tables/.~lock.units.csv#", False, "warning", "a spreadsheet has this file open"),
        (
            "tables/units.xlsx",
            False,
            "warning",
            "nothing reads a spreadsheet; save it as 'CSV UTF-8' under the name ta",
        ),
        (
            "tables/units.csv.txt",
            False,
            "warning",
            "nothing reads this file: its name ends in .txt; rename it units.csv",
        ),
    ],
)
def test_what_lies_where_nothing_reads_it_is_told(tmp_path: Path, name, is_folder, severity, said):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir() if is_folder else path.write_text("", encoding="utf-8")
    _, faults = load_knowledge([tmp_path])
    assert [(f.file, f.severity, f.text[: len(said)]) for f in faults] == [(path.as_posix(), severity, said)]


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("own.csv", HEADER, "tables"),
        ("own.csv", HEADER.replace(",", ";"), "tables"),
        ("deep/own.yaml", "mapping: own\nevent: E\nfields:\n  a: b\n", "v2"),
        ("own.yml", "output: own\nresource:\n\tx: y\n", "outputs"),
    ],
)
def test_what_would_be_read_if_it_lay_right_is_an_error_by_what_it_holds(tmp_path: Path, name, text, place):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    assert [str(fault) for fault in load_knowledge([tmp_path])[1]] == [
        f"{path.as_posix()}: nothing reads this file; {WHERE}; did you mean {place}/?"
    ]


def test_a_folder_of_tables_named_as_the_folder_of_mappings_is_told_with_the_one_above(tmp_path: Path):
    own = tmp_path / "site" / "tables"
    own.mkdir(parents=True)
    (own / "units.csv").write_text(HEADER, encoding="utf-8")
    inner = f"{own.as_posix()}/units.csv: nothing reads this file; {WHERE}"
    knowledge, faults = load_knowledge([own])
    assert knowledge is None
    assert [str(fault) for fault in faults] == [f"{inner}; name the folder above: {own.parent.as_posix()}"]
    assert [str(fault) for fault in load_knowledge([tmp_path])[1]] == [
        f"{inner}; did you mean tables/? Or name {own.parent.as_posix()} as a folder of mappings"
    ]
    assert load_knowledge([own.parent])[1] == []
    (own / "units.csv").rename(own / "ours.csv").write_text("no header of ours\n", encoding="utf-8")
    assert [fault.severity for fault in load_knowledge([own])[1]] == ["error"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Units.csv", ": no mapping reads this table; did you mean units.csv? Rename it"),
        ("unit.csv", ": no mapping reads this table; did you mean units.csv? Rename it"),
        ("activity-tests.csv", ": no mapping reads this table; did you mean activity_tests.csv? Rename it"),
        ("banana.csv", ": warning: no mapping reads this table"),
    ],
)
def test_a_table_nearly_named_like_one_that_is_read_is_an_error(tmp_path: Path, name, said):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / name).write_text(HEADER + ",E/mL,*,refused,,\n", encoding="utf-8")
    assert [str(fault) for fault in lint([tmp_path])] == [f"{tmp_path.as_posix()}/tables/{name}:1{said}"]


def test_no_table_is_called_unread_while_a_mapping_cannot_be_read(tmp_path: Path):
    for folder in ("v2", "tables"):
        (tmp_path / folder).mkdir()
    (tmp_path / "v2" / "oru_activity.yaml").write_text("mapping: [\n", encoding="utf-8")
    (tmp_path / "tables" / "banana.csv").write_text(HEADER + ",E/mL,*,refused,,\n", encoding="utf-8")
    assert {fault.file for fault in lint([tmp_path])} == {f"{tmp_path.as_posix()}/v2/oru_activity.yaml"}
