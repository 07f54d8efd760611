from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from adapter.knowledge.load import load_knowledge
from adapter.knowledge.spec import FieldSpec, Mapping, OutputTemplate, Required, Select
from adapter.knowledge.text_yaml import Fault

Write = Callable[[str, str], Path]
HEADER = "sender,code,system,target,label,note\n"


def hash_of(folder: Path, *overlays: Path) -> str:
    knowledge, faults = load_knowledge(overlays, folder)
    assert faults == []
    assert knowledge is not None
    return knowledge.hash


def test_a_mapping_file_becomes_a_mapping_with_every_key_it_says(folder: Path):
    knowledge, faults = load_knowledge((), folder)
    assert faults == []
    assert knowledge is not None
    assert knowledge.mappings == (
        Mapping(
            id="oru-activity",
            version="1",
            event="ActivityMeasured",
            format="hl7v2",
            messages=("ORU^R01",),
            for_each="OBX",
            select=Select(codes=("OBX-3",), table="activity_tests", near=("asparagin",)),
            fields=(
                FieldSpec(
                    name="status", paths=("OBX-11",), reader="code", table="result_status", required=Required(), line=16
                ),
                FieldSpec(
                    name="activity",
                    paths=("OBX-5",),
                    reader="quantity",
                    table="units",
                    type_path="OBX-2",
                    unit_path="OBX-6",
                    line=21,
                ),
                FieldSpec(
                    name="collected",
                    paths=("SPM-17.1", "OBX-14"),
                    reader="time",
                    must_agree_minutes=120,
                    required=Required(field="status", values=("final", "corrected")),
                    line=28,
                ),
                FieldSpec(name="key", paths=("OBR-3 + (test) + OBX-4",), reader="key", line=35),
                FieldSpec(name="comment", paths=("NTE-3(*)",), join="lines", default="none", line=38),
                FieldSpec(
                    name="patient", paths=("PID-3(*)",), reader="identifier", table="identifier_systems", line=42
                ),
            ),
            not_needed=(("PID-5", "the name is not needed"),),
            file="mappings/v2/oru.yaml",
        ),
    )


def test_an_output_file_becomes_a_template_with_every_scalar_as_text(folder: Path):
    knowledge, _ = load_knowledge((), folder)
    assert knowledge is not None
    assert knowledge.outputs == {
        "flag": OutputTemplate(
            name="flag",
            version="2",
            resource={"resourceType": "Flag", "status": "${status}", "code": {"coding": [{"code": "${finding.code}"}]}},
            file="mappings/outputs/flag.yaml",
        )
    }


def test_a_template_knows_the_lines_of_its_nodes_and_is_the_same_template_wherever_they_are(
    folder: Path, write: Write, output_text: str
):
    knowledge, _ = load_knowledge((), folder)
    write("outputs/flag.yaml", f"# a comment\n{output_text}")
    moved, _ = load_knowledge((), folder)
    assert knowledge is not None
    assert moved is not None
    before, after = knowledge.outputs["flag"], moved.outputs["flag"]
    first = 1 + output_text.splitlines().index("resource:")
    assert before.lines == {
        (): first,
        ("resourceType",): first + 1,
        ("status",): first + 2,
        ("code",): first + 3,
        ("code", "coding"): first + 4,
        ("code", "coding", 0): first + 5,
        ("code", "coding", 0, "code"): first + 5,
    }
    assert after.lines == {path: line + 1 for path, line in before.lines.items()}
    assert (before, hash(before), knowledge.hash) == (after, hash(after), moved.hash)


def test_a_fhir_mapping_names_its_resource(folder: Path, write: Write):
    write("tables/products.csv", HEADER)
    write(
        "v2/oru.yaml",
        "mapping: dose\nversion: 1\nevent: AsparaginaseAdministered\ninput:\n  format: fhir\n  release: R4\n"
        "  resource: MedicationAdministration\nselect:\n  code:\n    - medication\n  table: products\n"
        "fields:\n  started:\n    from: effective.ofType(Period).start\n    as: time\n",
    )
    knowledge, faults = load_knowledge((), folder)
    assert faults == []
    assert knowledge is not None
    (mapping,) = knowledge.mappings
    assert (mapping.format, mapping.resource, mapping.messages) == ("fhir", "MedicationAdministration", ())
    assert (mapping.if_none, mapping.for_each) == ("nothing", None)
    assert mapping.field("started") == FieldSpec(
        name="started", paths=("effective.ofType(Period).start",), reader="time", line=13
    )
    assert mapping.field("ended") is None


@pytest.mark.parametrize(
    ("before", "after", "line", "words"),
    [
        ("otherwise: ignore", "otherwise: skip", 14, "'skip' is not one of ignore, reject, report"),
        ("as: quantity", "as: quantitty", 25, "'quantitty' is not one of"),
        ("as: quantity", "as: quantitty", 25, "; did you mean 'quantity'?"),
        ("OBX-11", "OBX.11", 17, "'OBX.11' is not a path; write SEG-field.component, e.g. OBX-5.2"),
        ("- OBX-14", "- OBX14", 31, "'OBX14' is not a path; write SEG-field.component, e.g. OBX-5.2"),
        ("- OBX-14", "- SPM-17.1", 31, "'SPM-17.1' stands here twice; the second is never reached"),
        (
            "table: result_status",
            "table: result_statuses",
            19,
            "there is no table tables/result_statuses.csv; did you mean 'result_status'?",
        ),
        ("table: units", "join: lines", 21, "'table' is missing"),
        ("when status is", "when state is", 34, "no field is called 'state'; did you mean 'status'?"),
        ("when status is final", "if status is final", 34, "'required' takes 'always' or 'when FIELD is a, b'"),
        ("must_agree: 2 hours", "must_agree: 2 h", 33, "'must_agree' takes a duration, for example '60 minutes'"),
        ("+ (test) +", "+ (status) +", 36, "'(status)' is no place of the input; a join may hold (test) after a path"),
        ("unit: OBX-6", "unit: OBX-6 + OBX-7", 24, "'OBX-6 + OBX-7' joins with '+'; only the key of a result may"),
        ("join: lines", "join: tabs", 40, "'tabs' is not one of commas, lines, spaces"),
        ("default: none", "defualt: none", 41, "'defualt' is not a key here; did you mean 'default'?"),
        ("event: ActivityMeasured", "event: ActivityMesured", 3, "; did you mean 'ActivityMeasured'?"),
        ("event: ActivityMeasured", "", 1, "'event' is missing"),
        ("mapping: oru-activity", "mapping: Oru Activity", 1, "'Oru Activity' is not a name; use lower-case letters"),
        ("version: 1", "version: one", 2, "'version' takes a whole number from 1 to"),
        ("- ORU^R01", "- ORU-R01", 7, "'ORU-R01' is not a message type; write for example ORU^R01"),
        ("  messages:\n    - ORU^R01\n", "", 4, "'messages' is missing; list for example ORU^R01"),
        ("for_each: OBX", "for_each: obx", 8, "'obx' cannot be the rows of ActivityMeasured; it takes OBX"),
        ("- asparagin", "- as", 13, "'as' is too short for a near word; it would match everything"),
        ("why: the name is not needed", "reason: the name", 47, "'why' is missing"),
        ("from: OBX-5\n", "from:\n      of: OBX-5\n", 22, "'from' takes a text or a list of texts"),
    ],
)
def test_a_mistake_in_a_mapping_is_a_sentence_with_its_line(
    folder: Path, write: Write, mapping_text: str, before: str, after: str, line: int, words: str
):
    assert before in mapping_text
    write("v2/oru.yaml", mapping_text.replace(before, after, 1))
    knowledge, faults = load_knowledge((), folder)
    assert knowledge is None
    assert any(f.line == line and words in f.text and f.file == "mappings/v2/oru.yaml" for f in faults), faults


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("effective.ofType(Period.start", "'effective.ofType(Period.start' is not a FHIRPath; a bracket is missing"),
        ("OBX-14", "'OBX-14' is an HL7 v2 path, but this mapping reads FHIR"),
        ("a.where(b = ''c)", "'a.where(b = 'c)' is not a FHIRPath; a quote is missing"),
        ("%resource.id", "'%resource.id' uses a variable; only plain FHIRPath from the resource or the row is read"),
    ],
)
def test_a_mistake_in_a_fhir_path_is_a_sentence(folder: Path, write: Write, path: str, words: str):
    write(
        "fhir/dose.yaml",
        "mapping: dose\nversion: 1\nevent: AsparaginaseAdministered\ninput:\n  format: fhir\n  release: R4\n"
        "  resource: MedicationAdministration\nselect:\n  code: medication\n  table: products\n"
        f"fields:\n  started:\n    from: '{path}'\n    as: time\n",
    )
    write("tables/products.csv", HEADER)
    _, faults = load_knowledge((), folder)
    assert faults == [Fault(file="mappings/fhir/dose.yaml", line=13, column=5, text=words)]


@pytest.mark.parametrize(
    ("before", "after", "line", "words"),
    [
        ("${status}", "${Status}", 5, "a placeholder is written ${name} or ${name.part}, in lower case"),
        ("${finding.code}", "$finding", 8, "a placeholder is written ${name} or ${name.part}, in lower case"),
        ("resourceType: Flag", "type: Flag", 3, "'resourceType' is missing"),
        ("version: 2", "version: 0", 2, "'version' takes a whole number from 1 to 9007199254740992"),
        ("output: flag", "outptu: flag", 1, "'outptu' is not a key here; did you mean 'output'?"),
    ],
)
def test_a_mistake_in_an_output_is_a_sentence_with_its_line(
    folder: Path, write: Write, output_text: str, before: str, after: str, line: int, words: str
):
    write("outputs/flag.yaml", output_text.replace(before, after, 1))
    knowledge, faults = load_knowledge((), folder)
    assert knowledge is None
    assert (line, words) in [(fault.line, fault.text) for fault in faults]


def test_two_files_may_not_share_a_name(folder: Path, write: Write, mapping_text: str, output_text: str):
    write("v2/second.yaml", mapping_text)
    write("outputs/second.yaml", output_text)
    _, faults = load_knowledge((), folder)
    assert [str(fault) for fault in faults] == [
        "mappings/v2/second.yaml:1: 'oru-activity' is the name of mappings/v2/oru.yaml already",
        "mappings/outputs/second.yaml:1: 'flag' is the name of mappings/outputs/flag.yaml already",
    ]


def test_results_of_hl7_v2_have_one_mapping(folder: Path, write: Write, mapping_text: str):
    write("v2/second.yaml", mapping_text.replace("mapping: oru-activity", "mapping: oul-activity"))
    knowledge, faults = load_knowledge((), folder)
    assert knowledge is None
    (fault,) = faults
    assert (fault.file, fault.line, fault.column) == ("mappings/v2/second.yaml", 1, 1)
    assert fault.text == (
        "mappings/v2/oru.yaml reads the results of HL7 v2 already, and only one mapping may; "
        "add the message type there, or give this file that name (oru.yaml) to replace it"
    )


def test_a_target_no_rule_understands_is_a_fault(folder: Path, write: Write):
    write("tables/units.csv", HEADER + ",IU/mL,*,IU/mL,,\n")
    _, faults = load_knowledge((), folder)
    (fault,) = faults
    assert (fault.file, fault.line) == ("mappings/tables/units.csv", 2)
    assert fault.text.startswith("'IU/mL' is not a target of units; did you mean '[IU]/mL'?; it takes [IU]/mL, ")


def test_an_overlay_adds_rows_and_replaces_files_of_the_same_relative_path(
    folder: Path, tmp_path: Path, output_text: str
):
    site = tmp_path / "site"
    for name, text in {
        "tables/units.csv": HEADER + ",U/mL,*,[IU]/mL,,\n,IU/mL,*,refused,,\n",
        "outputs/flag.yaml": output_text.replace("version: 2", "version: 3"),
    }.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)
    knowledge, faults = load_knowledge([site], folder)
    assert faults == []
    assert knowledge is not None
    assert [(r.code, r.target, r.file) for r in knowledge.tables["units"].rows] == [
        ("IU/mL", "refused", f"{site.as_posix()}/tables/units.csv"),
        ("U/mL", "[IU]/mL", f"{site.as_posix()}/tables/units.csv"),
    ]
    assert knowledge.outputs["flag"].version == "3"
    assert len(knowledge.mappings) == 1


def test_demo_and_golden_are_never_read_as_part_of_the_mappings(folder: Path, write: Write):
    before = hash_of(folder)
    write("demo/tables/units.csv", "rubbish")
    write("golden/case.yaml", "\trubbish")
    assert hash_of(folder) == before


def test_files_nothing_reads_are_told(folder: Path, write: Write):
    write("table/units.csv", HEADER)
    write("tables/more.yaml", "a: 1\n")
    knowledge, faults = load_knowledge((), folder)
    assert knowledge is None
    assert [(fault.file, fault.severity) for fault in faults] == [
        ("mappings/table/units.csv", "error"),
        ("mappings/tables/more.yaml", "error"),
    ]
    assert faults[0].text.endswith("; did you mean tables/?")


def test_a_folder_that_is_missing_is_a_fault(folder: Path, tmp_path: Path):
    knowledge, faults = load_knowledge([tmp_path / "gone"], folder)
    assert knowledge is None
    assert faults == [Fault(file=(tmp_path / "gone").as_posix(), line=0, text="there is no such folder")]


def test_the_hash_ignores_comments_blank_lines_and_places(folder: Path, write: Write, mapping_text: str):
    before = hash_of(folder)
    write("v2/oru.yaml", "# a comment\n\n" + mapping_text.replace("as: time", "as: time   # when"))
    write("tables/units.csv", HEADER + "\n\n,IU/mL,*,[IU]/mL,,\n")
    assert hash_of(folder) == before


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("tables/units.csv", HEADER + ",iu/mL,*,[IU]/mL,,\n"),
        ("tables/units.csv", HEADER + ",IU/mL,*,[IU]/mL,,a note\n"),
        ("outputs/flag.yaml", "output: flag\nversion: 2\nresource:\n  resourceType: Flag\n"),
        ("tables/new.csv", HEADER + ",A,*,b,,\n"),
    ],
)
def test_the_hash_changes_with_any_content(folder: Path, write: Write, name: str, text: str):
    before = hash_of(folder)
    write(name, text)
    assert hash_of(folder) != before


def test_a_file_that_is_too_large_or_unreadable_is_a_fault(folder: Path, write: Write):
    write("tables/units.csv", "x" * (8 * 1024 * 1024 + 1))
    _, faults = load_knowledge((), folder)
    assert str(faults[0]) == "mappings/tables/units.csv: the file is larger than 8 MiB; is it the right one?"


def test_a_file_that_vanishes_or_is_forbidden_is_a_fault(folder: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    knowledge, faults = load_knowledge((), folder)
    assert knowledge is None
    assert [str(fault) for fault in faults[:1]] == [
        "mappings/tables/activity_tests.csv: cannot be read: Permission denied"
    ]
    assert len([fault for fault in faults if "cannot be read" in fault.text]) == 6


def test_a_mapping_without_fields_is_a_fault(folder: Path, write: Write, mapping_text: str):
    start, _, rest = mapping_text.partition("fields:")
    write("v2/oru.yaml", start + "not_needed:" + rest.partition("not_needed:")[2])
    _, faults = load_knowledge((), folder)
    assert [fault.text for fault in faults] == ["'fields' is missing; a mapping fills at least one field"]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.symlink_to("nowhere.csv"), "cannot be read: No such file or directory"),
        (lambda path: path.symlink_to(path.name), "cannot be read: Too many levels of symbolic links"),
        (os.mkfifo, "cannot be read: it is a pipe, not a file"),
    ],
)
def test_a_table_that_is_there_and_cannot_be_read_is_an_error(folder: Path, tmp_path: Path, make, said):
    site = tmp_path / "site"
    (site / "tables").mkdir(parents=True)
    make(site / "tables" / "units.csv")
    knowledge, faults = load_knowledge([site], folder)
    assert knowledge is None
    assert [(fault.severity, fault.text) for fault in faults] == [("error", said)]


def test_an_empty_folder_is_a_warning(folder: Path, tmp_path: Path):
    (tmp_path / "site").mkdir()
    knowledge, faults = load_knowledge([tmp_path / "site"], folder)
    assert knowledge is not None
    assert [(fault.severity, fault.text.partition(":")[0]) for fault in faults] == [("warning", "the folder is empty")]
