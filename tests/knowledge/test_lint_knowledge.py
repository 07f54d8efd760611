from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from adapter.knowledge.hl7_names import unknown_place
from adapter.knowledge.lint import lint
from adapter.knowledge.paths import V2Path, read_v2_path
from adapter.knowledge.shipped import shipped

Write = Callable[[str, str], Path]
HEADER = "sender,code,system,target,label,note\n"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("OBX-5", V2Path(segment="OBX", field=5, repetition=None, component=None, subcomponent=None)),
        ("PID-3(5=MR).4.2", V2Path(segment="PID", field=3, repetition="5=MR", component=4, subcomponent=2)),
        ("NTE-3(*)", V2Path(segment="NTE", field=3, repetition="*", component=None, subcomponent=None)),
        ("PID-3(2).1", V2Path(segment="PID", field=3, repetition="2", component=1, subcomponent=None)),
        ("ZX1-12.1", V2Path(segment="ZX1", field=12, repetition=None, component=1, subcomponent=None)),
        *(
            (wrong, None)
            for wrong in ("OBX", "obx-5", "OBX-0", "OBX-5.0", "OBX-5()", "OBX-5.1.1.1", "OBX[1]-5", "OBX-5 ")
        ),
    ],
)
def test_v2_paths_are_read_as_the_standard_counts(text: str, path: V2Path | None):
    assert read_v2_path(text) == path


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("OBX-14", None),
        ("OBX-21.1", None),
        ("OBX-5.7", None),
        ("PID-3.4.3", None),
        ("ZAB-3.2", None),
        ("OBX-1.1", None),
        ("OBR-77", "HL7 2.5.1 to 2.8.2 have no OBR-77"),
        ("XYZ-1", "HL7 2.5.1 to 2.8.2 have no segment XYZ"),
        ("SPM-17.3", "SPM-17 has 2 components, not 3"),
        ("OBX-1.2", "OBX-1 has 1 component, not 2"),
        ("PID-3.4.9", "PID-3.4 has 3 subcomponents, not 9"),
    ],
)
def test_places_are_checked_against_the_versions_of_hl7(text: str, wrong: str | None):
    path = read_v2_path(text)
    assert path is not None
    assert unknown_place(path) == wrong


def test_a_clean_folder_has_nothing_to_say(folder: Path):
    assert lint((), folder) == []


def test_lint_tells_what_loading_leaves_out(folder: Path, write: Write, mapping_text: str):
    text = mapping_text.replace("- OBX-14", "- OBX-77\n      - SPM-17.1.1").replace("  near:\n    - asparagin\n", "")
    write("v2/oru.yaml", text)
    write("tables/spare.csv", HEADER + ",A,*,b,,\n")
    write("tables/result_status.csv", HEADER + ",F,*,final,,\n,f,*,corrected,,\n")
    assert [str(fault) for fault in lint((), folder)] == [
        (
            "mappings/tables/result_status.csv:3: warning: 'f' differs only in upper and lower case"
            " from a row with another target"
        ),
        "mappings/tables/spare.csv:1: warning: no mapping reads this table",
        "mappings/v2/oru.yaml:9: warning: 'near' lists no words: a code that is renamed would vanish in silence",
        "mappings/v2/oru.yaml:29: HL7 2.5.1 to 2.8.2 have no OBX-77",
        (
            "mappings/v2/oru.yaml:30: warning: collected: 'SPM-17.1.1' is never reached;"
            " 'SPM-17.1' is filled whenever it is"
        ),
    ]


def test_lint_reads_fhirpath(folder: Path, write: Write):
    write(
        "fhir/dose.yaml",
        "mapping: dose\nversion: 1\nevent: AsparaginaseAdministered\ninput:\n  format: fhir\n  release: R4\n"
        "  resource: MedicationAdministration\nselect:\n  code: medication\n  table: products\n  near:\n    - aspar\n"
        "fields:\n  started:\n    from:\n      - effective.ofType(Period).start\n      - effective..start\n"
        "    as: time\n  key:\n    from: id\n    as: key\n",
    )
    write("tables/products.csv", HEADER)
    assert [str(fault) for fault in lint((), folder)] == [
        (
            "mappings/fhir/dose.yaml:13: 'fields' lacks patient, product, status; "
            "without them there is no AsparaginaseAdministered"
        ),
        "mappings/fhir/dose.yaml:17: 'effective..start' is not readable as FHIRPath",
    ]


def test_a_field_no_event_has_is_a_fault_with_the_nearest_name(folder: Path):
    path = folder / "v2" / "oru.yaml"
    path.write_text(path.read_text().replace("  collected:\n", "  colected:\n"))
    (fault,) = [fault for fault in lint((), folder) if "colected" in fault.text]
    assert fault.text.startswith("'colected' is not a field of ActivityMeasured; did you mean 'collected'?")


@pytest.mark.parametrize(
    ("name", "row", "said"),
    [
        ("units", ",IU/ml,*,[IU]/L,,", "'IU/ml' means [IU]/mL everywhere; it cannot be mapped to '[IU]/L'"),
        ("units", ",IU/L,*,[IU]/mL,,", "'IU/L' means [IU]/L everywhere; it cannot be mapped to '[IU]/mL'"),
        (
            "activity_tests",
            ",asparaginase,text,asparaginase-activity,,",
            "a row for the text 'asparaginase' can only say",
        ),
        ("identifier_systems", ",STM,*,stmary mrn,,", "'stmary mrn' is not an identifier system"),
    ],
)
def test_a_row_that_could_harm_is_a_fault(folder: Path, write: Write, name: str, row: str, said: str):
    write(f"tables/{name}.csv", f"sender,code,system,target,label,note\n{row}\n")
    assert [fault.text[: len(said)] for fault in lint((), folder) if fault.severity == "error"] == [said]


@pytest.mark.parametrize(
    ("limit", "unit", "said"),
    [
        ("0,03", "IU/mL", "lloq '0,03' is not a positive number such as 0.03; write a decimal point"),
        ("abc", "IU/mL", "lloq 'abc' is not a positive number"),
        ("0", "IU/mL", "lloq '0' is not a positive number"),
        ("0.03", "", "'' is no activity unit"),
        ("0.03", "ng/mL", "'ng/mL' is no activity unit"),
        ("30", "IU/mL", "a quantification limit of 30 IU/mL is above the threshold"),
        ("101", "IU/L", "a quantification limit of 101 IU/L is above the threshold"),
        ("100", "IU/L", None),
        ("0.03", "IU/ml", None),
    ],
)
def test_a_quantification_limit_is_a_number_with_a_unit_below_the_threshold(
    folder: Path, write: Write, limit: str, unit: str, said: str | None
):
    head = "sender,code,system,method,lloq,unit,note"
    write("tables/quantification_limits.csv", f'{head}\n,ASP,L,,"{limit}",{unit},\n')
    faults = [fault.text for fault in lint((), folder) if fault.severity == "error"]
    assert [fault[: len(said)] for fault in faults] == [said] if said else faults == []


def test_lint_reports_what_loading_reports(folder: Path, write: Write):
    write("v2/oru.yaml", "mapping: [\n")
    (fault,) = [fault for fault in lint((), folder) if fault.severity == "error"]
    assert fault.file == "mappings/v2/oru.yaml"


@pytest.mark.parametrize(
    ("test", "limit", "warned"),
    [
        (",OUR1,L", ",OUR1,L", False),
        ("LIS|HOSP,OUR1,L", ",OUR1,*", False),
        (",OUR1,*", "LIS|*,OUR1,L", False),
        (",OUR1,L", ",OUR2,L", True),
        (",OUR1,L", ",OUR1,LN", True),
        ("LIS_A|*,OUR1,L", "LIS_B|*,OUR1,L", True),
    ],
)
def test_a_limit_of_no_test_is_warned_of(tmp_path, test, limit, warned):
    (tmp_path / "tables").mkdir()
    tests, limits = tmp_path / "tables" / "activity_tests.csv", tmp_path / "tables" / "quantification_limits.csv"
    tests.write_text(f"sender,code,system,target\n{test},asparaginase-activity\n,OUR2,L,not ours\n", encoding="utf-8")
    limits.write_text(f"sender,code,system,method,lloq,unit\n{limit},,0.03,IU/mL\n", encoding="utf-8")
    said = "is no test of activity_tests for this sender and system: no result has this limit"
    told = [(fault.file, fault.line, fault.severity, said in fault.text) for fault in lint([tmp_path])]
    assert told == ([(limits.as_posix(), 2, "warning", True)] if warned else [])


@pytest.mark.parametrize(
    ("path", "reader"),
    [
        ("OBX-7", "the field 'reference_range'"),
        ("OBX-3", "'select'"),
        ("NTE-3", "the field 'comment'"),
        ("OBX-6", "the field 'activity'"),
        ("ORC-3", None),
        ("OBX-8.2", None),
    ],
)
def test_a_place_that_is_read_cannot_be_called_not_needed(tmp_path, path, reader):
    text = (shipped("mappings") / "v2" / "oru_activity.yaml").read_text(encoding="utf-8")
    (tmp_path / "v2").mkdir()
    own = tmp_path / "v2" / "oru_activity.yaml"
    own.write_text(text.replace("path: PID-5", f"path: {path}"), encoding="utf-8")
    line = next(n for n, one in enumerate(own.read_text().splitlines(), start=1) if f"path: {path}" in one)
    said = f"{own.as_posix()}:{line}: '{path}' is read by {reader}, so it is needed; take it out here, or there"
    assert [str(fault) for fault in lint([tmp_path])] == ([said] if reader else [])
