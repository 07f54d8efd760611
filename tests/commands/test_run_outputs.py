"""`troughline run --trace`: every element of every resource names the template line and the fields it came from."""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from counted_steps import steps
from golden_inputs import golden_inputs

from adapter.cli import main
from adapter.commands.run_message import Sources, looks_at
from adapter.commands.run_outputs import leaves
from adapter.commands.run_result import result_of
from adapter.commands.run_text import page_of
from adapter.commands.test import parts_of
from adapter.knowledge.load import load_knowledge
from adapter.knowledge.policies import load_rulebook
from adapter.knowledge.shipped import shipped
from adapter.writeback.made_of import DECIDES

MAPPINGS = shipped("mappings")
PAGE = Path(__file__).parent / "golden" / "run_trace.txt"
KNOWLEDGE, _ = load_knowledge([MAPPINGS / "demo"])
RULEBOOK, _ = load_rulebook()
PARTS = parts_of(KNOWLEDGE, RULEBOOK)
MESSAGE = "\r".join(
    [
        "MSH|^~\\&|LIS_NORTH|HOSP|TDM|HOSP|20251103101500+0100||ORU^R01^ORU_R01|A1|P|2.5.1",
        "PID|1||4711^^^HOSP^MR",
        "OBR|1|P77|F991|ASPACT^Asparaginase activity^L|||20251103080000",
        "OBX|1|NM|ASPACT^Asparaginase activity^L||420|U/l|||||F",
        "NTE|1||slightly lipaemic",
        "",
    ]
)
HOSPITAL = {"system": "https://hospital.example/mrn", "value": "4711"}
DOSE = {
    "resourceType": "MedicationAdministration",
    "id": "d1",
    "meta": {"versionId": "1"},
    "status": "completed",
    "medicationCodeableConcept": {
        "coding": [{"system": "https://hospital.example/formulary", "code": "PEGASP", "display": "Pegaspargase"}]
    },
    "subject": {"identifier": HOSPITAL},
    "effectiveDateTime": "2025-11-03T09:00:00+01:00",
    "dosage": {"dose": {"value": 1875, "unit": "IU", "system": "http://unitsofmeasure.org", "code": "[IU]"}},
}
ALLERGY = {
    "resourceType": "AllergyIntolerance",
    "id": "a1",
    "verificationStatus": {
        "coding": [
            {"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification", "code": "confirmed"}
        ]
    },
    "patient": {"identifier": HOSPITAL},
    "code": {"coding": [{"system": "https://hospital.example/formulary", "code": "PEGASP"}]},
    "reaction": [
        {
            "manifestation": [{"coding": [{"system": "http://snomed.info/sct", "code": "126485001"}]}],
            "onset": "2025-11-03T09:40:00+01:00",
        }
    ],
}


def bundle(*resources: dict[str, Any], stamp: str = "2025-11-20T08:00:00Z") -> bytes:
    entries = [{"resource": resource} for resource in resources]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "timestamp": stamp, "entry": entries}).encode()


def traced(raw: bytes, parts=PARTS) -> dict[str, Any]:
    [look] = looks_at(raw, parts, Sources(), file="message")
    return result_of(look, 1, parts, trace=True)


def output(told: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(one for one in told["outputs"] if one["kind"] == kind)


def element(output: dict[str, Any], path: str) -> dict[str, Any]:
    return next(one for one in output["elements"] if one["path"] == path)


def template_line(text: str, file: str) -> str:
    """`mappings/outputs/flag.yaml:41` of a line that holds a text."""
    lines = (MAPPINGS.parent / file).read_text(encoding="utf-8").splitlines()
    return f"{file}:{1 + next(n for n, line in enumerate(lines) if text in line)}"


def raw_of(text: str) -> bytes:
    return text.encode() if text.lstrip().startswith("{") else text.rstrip("\n").replace("\n", "\r").encode() + b"\r"


def messages() -> list:
    texts = {case.name: case.text for case in golden_inputs()}
    own = {
        "a level": MESSAGE.encode(),
        "a dose and a reaction": bundle(DOSE, ALLERGY),
        "two doses and a drug": bundle(
            DOSE, {**DOSE, "id": "d2", "effectiveDateTime": "2025-11-17T09:00:00+01:00"}, ALLERGY
        ),
    }
    return [pytest.param(raw_of(text), id=name) for name, text in texts.items()] + [
        pytest.param(raw, id=name) for name, raw in own.items()
    ]


@pytest.mark.slow
@pytest.mark.parametrize("raw", messages())
def test_every_element_of_every_resource_is_traced_with_its_value(raw):
    told = traced(raw)
    assert [one["resource"] for one in told["outputs"]] == list(told["resources"])
    for one in told["outputs"]:
        shown = list(leaves(told["resources"][one["resource"]]))
        assert [(e["path"], e["value"]) for e in one["elements"]] == shown
        assert {e["path"] for e in one["elements"] if e["template"] is None} <= {
            "Observation.issued",
            "Flag.period.start",
        }
        _check_lines(one)
        _check_numbers(one, len(told["events"]))
        _check_empty(one, told["events"])


def _check_lines(one: dict[str, Any]) -> None:
    """The line that is named is the one where the element, or its placeholder, is written."""
    lines = (MAPPINGS.parent / one["template"]).read_text(encoding="utf-8").splitlines()
    for written in (*one["elements"], *one["not_written"]):
        if written["template"] is None:
            assert written["beside"][0].startswith("time of evaluation")
            continue
        file, _, number = written["template"].rpartition(":")
        line = lines[int(number) - 1]
        assert file == one["template"]
        if "value" not in written:
            key = written["path"].rpartition(".")[2]
            assert line.lstrip().startswith(("- ", f"{key}:"))
        elif written["placeholders"]:
            assert all(f"${{{name}}}" in line for name in written["placeholders"])
        else:
            assert line.split(": ", 1)[1] == written["value"]


def _check_numbers(one: dict[str, Any], events: int) -> None:
    named = [origin["event"] for e in (*one["elements"], *one["decisions"]) for origin in e["fields"]]
    named += [number for d in one["decisions"] for other in d["other_events"] for number in other["events"]]
    assert set(named) | set(one["events"]) <= set(range(1, events + 1))
    used = {e["decided"] for e in one["elements"]} - {None}
    assert {decision["decision"] for decision in one["decisions"]} == used


def _check_empty(one: dict[str, Any], events: list[dict[str, Any]]) -> None:
    """A field that is told to be empty holds nothing, and one that holds something has its origin."""
    for told in (*one["elements"], *one["decisions"], *one["not_written"]):
        for gap in told["empty"]:
            event = events[gap["event"] - 1]
            assert not any(_holds(event[name]) for name in gap["fields"])
        for origin in told.get("fields", ()):
            assert _holds(events[origin["event"] - 1][origin["field"].partition(".")[0]])


def _holds(printed: Any) -> bool:
    if isinstance(printed, dict):
        return any(map(_holds, printed.values()))
    return printed not in (None, "", [], False)


def test_a_number_names_bytes_mapping_line_row_and_factor():
    found = element(output(traced(MESSAGE.encode()), "activity"), "Observation.valueQuantity.value")
    start = MESSAGE.encode().index(b"420|U/l")
    mapping = template_line("activity:", "mappings/v2/oru_activity.yaml")
    activity = next(origin for origin in found["fields"] if origin["field"] == "activity")
    assert found["value"] == Decimal(420)
    assert found["template"] == template_line("${value.number}", "mappings/outputs/observation_activity.yaml")
    assert found["placeholders"] == ["value.number"]
    assert {origin["field"] for origin in found["fields"]} == {"activity", "reported", "status"}
    assert activity == {
        "event": 1,
        "field": "activity",
        "places": [
            {"where": "OBX[1]-5", "bytes": [start, start + 3]},
            {"where": "OBX[1]-6", "bytes": [start + 4, start + 7]},
        ],
        "mapping": mapping,
        "rows": activity["rows"],
        "factor": "0.001",
        "said": [],
    }
    assert re.fullmatch(r"mappings/tables/units\.csv:\d+", activity["rows"][0])


def test_what_rules_decide_names_rules_policy_and_every_fact_they_read():
    told = traced(bundle(DOSE, ALLERGY))
    found = output(told, "flag")
    code = element(found, "Flag.code.coding[0].code")
    assert (code["value"], code["decided"], code["fields"]) == ("reaction-unresolved", "judged", [])
    judged, worded = found["decisions"]
    assert (judged["decision"], judged["rules"], judged["policies"]) == ("judged", ["D11"], ["CONS16@1"])
    read = {(origin["event"], origin["field"]): origin for origin in judged["fields"]}
    assert read[1, "started"]["places"] == [{"where": "Bundle.entry[0].resource.effective", "bytes": None}]
    assert read[2, "concepts"]["places"][0]["where"] == "Bundle.entry[1].resource.reaction[0].manifestation"
    assert {"event": 2, "fields": ["severity", "grade", "text"]} in judged["empty"]
    assert {(o["event"], o["field"]) for o in worded["fields"]} > set(read)
    assert judged["other_events"] == []


def test_other_facts_of_the_patient_are_named_because_they_tell_what_belongs_together():
    second = {**DOSE, "id": "d2", "effectiveDateTime": "2025-12-03T09:00:00+01:00"}
    told = traced(bundle(DOSE, ALLERGY, second, stamp="2025-12-20T08:00:00Z"))
    first = next(one for one in told["outputs"] if one["kind"] == "interpretation" and one["events"] == [1, 2])
    dose, *_ = first["decisions"]
    assert (dose["decision"], dose["other_events"]) == (
        "dose",
        [
            {
                "events": [3],
                "fields": ["status", "product", "started", "ended", "request", "part_of", "identifiers"],
            }
        ],
    )


def test_samples_without_any_dose_are_not_read_beside_each_other():
    second = "OBX|2|NM|ASPACT^Asparaginase activity^L|2|300|U/l|||||F\r"
    told = traced((MESSAGE + second).encode())
    whole = [one for one in told["outputs"] if one["kind"] == "interpretation"]
    assert [one["events"] for one in whole] == [[1], [2]] or [one["events"] for one in whole] == [[2], [1]]
    assert all(decision["other_events"] == [] for one in whole for decision in one["decisions"])


def test_versions_of_one_fact_in_one_message_are_all_named():
    corrected = "OBX|2|NM|ASPACT^Asparaginase activity^L||300|U/l|||||C\r"
    found = output(traced((MESSAGE + corrected).encode()), "activity")
    value = element(found, "Observation.valueQuantity.value")
    assert (found["events"], found["versions"]) == ([1, 2], [[1, 2]])
    assert {origin["event"] for origin in value["fields"]} == {1, 2}
    page = page_of(traced((MESSAGE + corrected).encode()))
    assert "    events 1-2 are versions of one fact; times and states decide which of them counts" in page.splitlines()


def test_a_note_is_traced_to_its_entry_and_what_was_not_written_to_its_empty_fields():
    found = output(traced(MESSAGE.encode()), "activity")
    note = element(found, "Observation.note[0].text")
    assert (note["value"], note["placeholders"]) == ("slightly lipaemic", ["notes.text"])
    assert [(origin["field"], origin["places"][0]["where"]) for origin in note["fields"]] == [("comment", "NTE[1]-3")]
    gaps = {gap["path"]: gap for gap in found["not_written"]}
    assert gaps["Observation.method"] == {
        "path": "Observation.method",
        "template": template_line("  method:", "mappings/outputs/observation_activity.yaml"),
        "placeholders": ["method"],
        "empty": [{"event": 1, "fields": ["method"]}],
        "decided": None,
    }


def test_the_template_of_an_overlay_is_named_where_it_replaces_the_shipped_one(tmp_path):
    (tmp_path / "outputs").mkdir()
    shipped_one = (MAPPINGS / "outputs" / "flag.yaml").read_text(encoding="utf-8")
    (tmp_path / "outputs" / "flag.yaml").write_text("# ours\n" + shipped_one, encoding="utf-8")
    knowledge, faults = load_knowledge([MAPPINGS / "demo", tmp_path])
    assert faults == []
    flag = output(traced(MESSAGE.encode(), parts_of(knowledge, RULEBOOK)), "flag")
    plain = output(traced(MESSAGE.encode()), "flag")
    line = int(element(plain, "Flag.code.text")["template"].rpartition(":")[2])
    assert element(flag, "Flag.code.text")["template"] == f"{flag['template']}:{line + 1}"
    assert Path(flag["template"]).name == "flag.yaml"
    assert flag["template"] != plain["template"]


def test_a_dose_alone_that_gives_no_resource_has_nothing_to_trace():
    told = traced(json.dumps({**DOSE, "meta": {"lastUpdated": "2025-11-03T09:30:00+01:00"}}).encode())
    assert (told["resources"], told["outputs"]) == ({}, [])
    assert "where each element came from: none" in page_of(told).splitlines()


def test_the_page_of_a_message_is_the_one_that_was_reviewed(tmp_path, capsys, monkeypatch, request):
    monkeypatch.chdir(tmp_path)
    Path("result.hl7").write_bytes(MESSAGE.encode())
    assert main(["run", "result.hl7", "--trace"]) == 0
    page = capsys.readouterr().out.replace(f"{MAPPINGS}/", "mappings/")
    if request.config.getoption("--renew-goldens"):
        PAGE.write_text(page, encoding="utf-8")
    assert page == PAGE.read_text(encoding="utf-8"), "read the difference; then: --renew-goldens -n 0"


def test_elements_are_traced_only_when_asked_for(tmp_path, capsys):
    file = tmp_path / "result.hl7"
    file.write_bytes(MESSAGE.encode())
    assert main(["run", str(file), "--json"]) == 0
    assert "outputs" not in json.loads(capsys.readouterr().out)["messages"][0]
    assert main(["run", str(file), "--json", "--trace"]) == 0
    assert len(json.loads(capsys.readouterr().out)["messages"][0]["outputs"]) == 3


def test_the_reference_names_every_decision():
    page = (Path(__file__).parents[2] / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    told = page.split("The decisions:\n\n")[1].split("\n\n")[0]
    assert told.splitlines() == [f"- `{group}`: {what}" for group, what in DECIDES.items()]


FEW, MANY = 10, 40


@pytest.mark.slow
@pytest.mark.parametrize("trace", [False, True], ids=["plain", "traced"])
def test_work_grows_no_faster_than_n_log_n_with_the_results_of_a_message(trace):
    def work(count: int) -> None:
        results = (MESSAGE.split("\r")[3].replace("||420", f"|{number}|420") for number in range(count))
        raw = "\r".join([*MESSAGE.split("\r")[:3], *results, ""]).encode()
        [look] = looks_at(raw, PARTS, Sources(), file="message")
        page_of(result_of(look, 1, PARTS, trace=trace))

    work(1)  # what is compiled once is no part of the work
    few, many = (steps(partial(work, count)) for count in (FEW, MANY))
    assert many / few < MANY * math.log(MANY) / (FEW * math.log(FEW))


@pytest.mark.parametrize(
    ("stamp", "said"),
    [
        ("20251103101500+0100", "time of evaluation, here the stamp of the message"),
        ("", "time of evaluation; the message has no stamp"),
    ],
)
def test_the_time_of_evaluation_says_what_it_was_taken_from(stamp, said):
    flag = output(traced(MESSAGE.replace("20251103101500+0100", stamp).encode()), "flag")
    assert element(flag, "Flag.period.start")["beside"] == [said]
    assert element(flag, "Flag.period.start")["template"] is None


def test_a_policy_is_named_with_what_chose_it():
    told = traced(bundle(DOSE, ALLERGY))
    method = element(output(told, "interpretation"), "Observation.method.text")
    assert (method["value"], method["decided"], method["policies"]) == ("CONS16@1", "dose", ["CONS16@1"])
    assert method["beside"] == ["name and version of the policy"]
