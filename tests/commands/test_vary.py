"""`troughline vary`: the forms that are met in the field, as cases an analyst can accept."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import hospital
import pytest

from adapter.cli import main
from adapter.commands.golden_case import read_case
from adapter.knowledge.text_yaml import read_yaml

GOOD = (
    "MSH|^~\\&|LIS_NORTH|HOSP|TDM|HOSP|20251103101500+0100||ORU^R01^ORU_R01|A0001|P|2.5.1\r"
    "PID|1||4711^^^HOSP^MR||TEST^PATIENT||20190402|F\r"
    "OBR|1|P77|F991|ASPACT^Asparaginase activity^L|||20251103080000\r"
    "SPM|1|S1||SER^Serum^HL70487|||||||||||||20251103075500\r"
    "OBX|1|SN|ASPACT^Asparaginase activity^L||<^0.03|IU/mL^^L|>=0.1|L|||F|||20251103080000\r"
    "NTE|1|L|Below detection limit.\r"
)


@pytest.fixture(scope="module")
def cases(tmp_path_factory) -> dict[str, Path]:
    """Every variation, written and accepted once."""
    folder = tmp_path_factory.mktemp("vary")
    (folder / "good.hl7").write_bytes(GOOD.encode())
    out = folder / "out"
    assert main(["vary", str(folder / "good.hl7"), "--out", str(out)]) == 0
    assert main(["test", str(out), "--accept"]) == 0
    return {path.stem: path for path in sorted(out.glob("*.yaml"))}


def raw_of(path: Path) -> bytes:
    case, faults = read_case(path, path.name, ["v2/oru_activity.yaml"])
    assert faults == []
    assert case is not None
    return case.raw


def outcome(path: Path) -> dict:
    document, _ = read_yaml(path.read_bytes(), path.name)
    return document.data["expect"]


def statuses(path: Path) -> list[str]:
    return [event["status"] for event in outcome(path)["events"]]


def test_every_variation_is_a_case_that_test_accepts(cases):
    assert len(cases) > 250
    assert [name for name, path in cases.items() if not {"relevance", "events", "ack"} <= set(outcome(path))] == []


def test_what_was_accepted_passes(cases, tmp_path, capsys):
    for name in ("obx-05-st-at-most", "line-end-crlf", "msh-18-8859-1-in-iso-8859-1", "zone-hour-twice"):
        (tmp_path / f"{name}.yaml").write_bytes(cases[name].read_bytes())
    assert main(["test", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "4 golden cases: 4 passed\n"


@pytest.mark.parametrize(
    "name",
    [
        *("spm-before-result", "spm-after-result", "spm-two", "z-segment-after-obr", "segment-unknown", "line-end-lf"),
        *("line-end-crlf", "msh-12-2-3", "msh-12-empty", "msh-09-oru", "separators-truncation", "separators-others"),
        *("separators-trailing-fields", "separators-trailing-components", "neighbour-pdf-of-5-mb", "batch-of-one"),
        *("obx-02-empty", "obx-03-loinc-first", "obx-06-ucum", "pid-03-other-first", "twelfth-component-obx-03"),
        *("escape-unterminated", "zone-of-the-field"),
    ],
)
def test_what_is_only_another_form_is_read_the_same(cases, name):
    found = outcome(cases[name])
    assert found["relevance"] == "relevant"
    assert found["ack"] == "AA"
    assert [(e["status"], e["activity"]["high"], e["reported"]["text"]) for e in found["events"]] == [
        ("final", "0.03", "<0.03")
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sequence-p-f-c-d", ["preliminary", "final", "corrected", "entered-in-error"]),
        ("sequence-twice", ["final", "final"]),
        ("sequence-old-after-new", ["corrected", "final"]),
        ("sequence-c-without-f", ["corrected"]),
        ("sequence-wrong-patient", ["final", "entered-in-error", "final"]),
        ("orders-two", ["final", "final"]),
        ("obx-11-x-cannot-be-obtained", ["cancelled"]),
        ("null-obx-05", ["entered-in-error"]),
        ("obx-03-loinc-only", []),
    ],
)
def test_sequences_and_statuses_come_out_in_their_order(cases, name, expected):
    assert statuses(cases[name]) == expected


def test_line_ends_and_character_sets_are_the_bytes_that_are_read(cases):
    assert raw_of(cases["line-end-lf"]) == GOOD.replace("\r", "\n").encode()
    assert raw_of(cases["line-end-crlf"]) == GOOD.replace("\r", "\r\n").encode()
    assert "\u00b5U/mL".encode("iso-8859-1") in raw_of(cases["msh-18-8859-1-in-iso-8859-1"])
    assert b"|8859/1\r" in raw_of(cases["msh-18-8859-1-in-iso-8859-1"])
    assert "\u00b5U/mL".encode() in raw_of(cases["msh-18-unicode-utf-8"])
    lie = raw_of(cases["msh-18-unicode-utf-8-in-iso-8859-1"])
    assert b"|UNICODE UTF-8\r" in lie
    assert "\u00b5U/mL".encode("iso-8859-1") in lie
    for name in ("msh-18-8859-1-in-iso-8859-1", "msh-18-unicode-utf-8", "msh-18-unicode-utf-8-in-iso-8859-1"):
        assert outcome(cases[name])["events"][0]["reported"]["unit"] == "\u00b5U/mL"


def test_a_hidden_hour_needs_the_zone_of_the_sender(cases):
    assert outcome(cases["zone-hour-twice"])["events"][0]["collected"] == "2025-10-26T02:30:00+02:00"
    assert [found["code"] for found in outcome(cases["zone-none"])["problems"]] == ["zone-missing"]


def test_the_value_forms_and_units_all_have_a_case(cases):
    assert outcome(cases["obx-05-thousands"])["problems"] == [
        {"code": "value-unreadable", "severity": "error", "where": "OBX[1]-5"}
    ]
    assert outcome(cases["obx-05-st-haemolysed"])["ack"] == "AA"
    assert outcome(cases["obx-06-unknown"])["ack"] == "AE"
    units = [name for name in cases if name.startswith("obx-06-0")]
    assert len(units) > 60


def test_only_the_wanted_ones_are_written(tmp_path, capsys):
    (tmp_path / "good.hl7").write_bytes(GOOD.encode())
    wanted = ["--only", "spm-absent", "--only", "line-end-lf", "--json"]
    assert main(["vary", str(tmp_path / "good.hl7"), "--out", str(tmp_path / "out"), *wanted]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [case["name"] for case in told["cases"]] == ["spm-absent", "line-end-lf"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["line-end-lf.yaml", "spm-absent.yaml"]
    assert (tmp_path / "out" / "line-end-lf.yaml").read_text(encoding="utf-8") == (
        "case: segments end with LF\nmapping: v2/oru_activity.yaml\nwire:\n  line_end: LF\ninput: |\n"
        + "".join(f"  {line}\n" for line in GOOD.rstrip().split("\r"))
        + "expect:\n"
    )


def test_the_printed_command_accepts_with_the_tables_the_cases_were_made_with(tmp_path, capsys):
    site = tmp_path / "site tables"
    (site / "tables").mkdir(parents=True)
    (site / "tables" / "activity_tests.csv").write_text(
        "sender,code,system,target,label,note\n,WESTACT,L,asparaginase-activity,Activity,local\n", encoding="utf-8"
    )
    (tmp_path / "good.hl7").write_bytes(GOOD.replace("ASPACT", "WESTACT").encode())
    out = tmp_path / "out"
    made = ["vary", str(tmp_path / "good.hl7"), "--out", str(out), "--mappings", str(site), "--only", "spm-absent"]
    assert main(made) == 0
    printed = capsys.readouterr().out.splitlines()[-1]
    program, *arguments = shlex.split(printed)
    assert (program, arguments) == ("troughline", ["test", str(out), "--mappings", str(site), "--accept"])
    assert main(arguments) == 0
    assert outcome(out / "spm-absent.yaml")["relevance"] == "relevant"


def test_names_are_listed_and_nothing_is_written(tmp_path, capsys):
    (tmp_path / "good.hl7").write_bytes(GOOD.encode())
    assert main(["vary", str(tmp_path / "good.hl7"), "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    shown = dict(line.split(maxsplit=1) for line in lines)
    assert shown["spm-absent"] == "there is no specimen segment"
    assert len(shown) == len(lines)
    assert [path.name for path in tmp_path.iterdir()] == ["good.hl7"]


@pytest.mark.parametrize(
    ("content", "arguments", "said"),
    [
        (
            GOOD,
            ["--only", "spm-absnt"],
            "there is no variation 'spm-absnt' of this message; did you mean 'spm-absent'?",
        ),
        (GOOD.replace("ASPACT", "OTHER"), [], "holds no result of ours below an order"),
        (GOOD + GOOD, [], "holds 2 messages"),
        ('{"resourceType": "Patient"}', [], "is FHIR and no single MedicationAdministration or AllergyIntolerance"),
        (json.dumps({**hospital.dose(), "status": "finished"}), [], "is no good record to begin with"),
        (json.dumps({**hospital.dose(), "status": "entered-in-error"}), [], "name a record that counts"),
        ("nothing", [], "holds no MSH segment"),
        (GOOD.replace("^~\\&", "@~\\&").replace("^", "@"), [], "declares separators other than"),
    ],
)
def test_what_cannot_be_varied_is_told(tmp_path, capsys, content, arguments, said):
    (tmp_path / "good.hl7").write_bytes(content.encode())
    assert main(["vary", str(tmp_path / "good.hl7"), "--out", str(tmp_path / "out"), *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


NAMED = {"resourceType": "Patient", "id": "p", "name": [{"family": "Zorkowski", "given": ["Anneliese"]}]}


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (GOOD.replace("TEST^PATIENT", "Zorkowski^Anneliese"), "PID-5"),
        (GOOD.replace("TEST^PATIENT", "ZZTEST^ANNA~Zorkowski^Anneliese"), "PID-5"),
        (json.dumps({**hospital.dose(), "contained": [NAMED]}), "contained[0].name"),
        (
            json.dumps({**hospital.dose(), "contained": [{**NAMED, "name": [{"text": "A. Zorkowski"}]}]}),
            "contained[0].name",
        ),
        (json.dumps({**hospital.dose(), "subject": {"display": "Zorkowski, Anneliese"}}), "subject.display"),
        (json.dumps({**hospital.reaction(), "patient": {"display": "Zorkowski"}}), "patient.display"),
    ],
)
def test_a_message_that_names_a_patient_is_not_multiplied(tmp_path, capsys, content, place):
    (tmp_path / "good.hl7").write_bytes(content.encode())
    assert main(["vary", str(tmp_path / "good.hl7"), "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == (
        f"{tmp_path}/good.hl7 holds in {place} a name that may be a patient's, and cases are kept and shared: "
        "de-identify it first (`troughline deid`), or write a made-up name; names on the list of made-up names pass "
        "(TEST^PATIENT), and names that begin with ZZ.\n"
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "content",
    [
        GOOD.replace("TEST^PATIENT", "ZZTOP^ANNA~Test^Patient"),
        GOOD.replace("TEST^PATIENT", ""),
        json.dumps({**hospital.dose(), "contained": [{**NAMED, "name": [{"family": "ZZtop", "given": ["Anna"]}]}]}),
        json.dumps({**hospital.dose(), "subject": {**hospital.dose()["subject"], "display": "Mustermann, Max"}}),
    ],
)
def test_a_made_up_name_is_varied(tmp_path, capsys, content):
    (tmp_path / "good.hl7").write_bytes(content.encode())
    assert main(["vary", str(tmp_path / "good.hl7"), "--list"]) == 0
    assert capsys.readouterr().err == ""


def test_a_folder_with_files_is_left_alone(tmp_path, capsys):
    (tmp_path / "good.hl7").write_bytes(GOOD.encode())
    assert main(["vary", str(tmp_path / "good.hl7"), "--out", str(tmp_path)]) == 2
    assert "nothing is overwritten" in capsys.readouterr().err
    assert main(["vary", str(tmp_path / "none.hl7"), "--out", str(tmp_path / "out")]) == 2
    assert main(["vary", str(tmp_path / "good.hl7")]) == 2


@pytest.mark.parametrize(
    ("wire", "said"),
    [
        ("wire:\n  line_end: NL\n", "one.yaml:3: 'line_end' is one of CR, LF, CRLF"),
        ("wire:\n  charset: klingon\n", "one.yaml:3: 'charset' is a name of HL7 table 0211"),
        ("wire:\n  charset: ASCII\n", "one.yaml:3: this character set lacks a character"),
        ("wire:\n  chaset: ASCII\n", "one.yaml:3: 'chaset' is no key of 'wire'; did you mean 'charset'?"),
        ("wire: LF\n", "one.yaml:2: 'wire' holds line_end and charset"),
    ],
)
def test_a_mistake_about_the_bytes_is_told_with_its_line(tmp_path, capsys, wire, said):
    text = GOOD.replace("TEST^", "ZZT\u00cbST^").rstrip().replace("\r", "\n  ")
    (tmp_path / "one.yaml").write_text(f"case: one\n{wire}input: |\n  {text}\nexpect:\n", encoding="utf-8")
    assert main(["test", str(tmp_path)]) == 1
    assert said in capsys.readouterr().err.replace(":3:3: ", ":3: ")


@pytest.fixture(scope="module")
def records(tmp_path_factory) -> dict[str, Path]:
    """Every variation of a dose and of an allergy record, written and accepted once."""
    folder = tmp_path_factory.mktemp("vary-fhir")
    found: dict[str, Path] = {}
    person = {"identifier": {"system": hospital.MRN, "value": "900001"}}
    dose, allergy = {**hospital.dose(), "subject": person}, {**hospital.reaction(), "patient": person}
    for name, body in (("dose", dose), ("allergy", allergy)):
        (folder / f"{name}.json").write_text(json.dumps(body), encoding="utf-8")
        assert main(["vary", str(folder / f"{name}.json"), "--out", str(folder / name)]) == 0
        assert main(["test", str(folder / name), "--accept"]) == 0
        found |= {f"{name}/{path.stem}": path for path in sorted((folder / name).glob("*.yaml"))}
    return found


@pytest.mark.parametrize(
    ("name", "problems", "events"),
    [
        ("dose/status-completed", [], 1),
        ("dose/status-finished", ["fhir-invalid"], 0),
        ("dose/medication-other", [], 0),
        ("dose/medication-near", ["product-unmapped"], 0),
        ("dose/record-unknown-modifier", ["modifier-unknown"], 0),
        ("allergy/code-no-known-allergy", [], 0),
        ("allergy/code-other", [], 0),
    ],
)
def test_a_record_has_its_shapes_too(records, name, problems, events):
    found = outcome(records[name])
    assert [problem["code"] for problem in found["problems"]] == problems
    assert len(found["events"]) == events


def test_every_shape_of_a_record_is_accepted(records):
    assert len(records) > 80
    assert [name for name, path in records.items() if not {"relevance", "events", "http"} <= set(outcome(path))] == []
