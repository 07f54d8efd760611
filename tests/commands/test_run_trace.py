"""`troughline run --trace`: every field of an event names bytes, mapping line and table row it came from."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from golden_inputs import golden_inputs

from adapter.cli import main
from adapter.commands.run_message import Sources, looks_at
from adapter.commands.run_result import result_of
from adapter.commands.test import parts_of
from adapter.ingest.hl7v2 import read_message
from adapter.knowledge.load import load_knowledge
from adapter.knowledge.policies import load_rulebook

MAPPINGS = Path(__file__).parents[2] / "mappings"
KNOWLEDGE, _ = load_knowledge([MAPPINGS / "demo"])
RULEBOOK, _ = load_rulebook()
PARTS = parts_of(KNOWLEDGE, RULEBOOK)
WHERE = re.compile(r"([A-Z]{3})\[(\d+)\]-(\d+)(?:\((\d+)\))?(?:\.(\d+))?")
MESSAGE = "\r".join(
    [
        "MSH|^~\\&|LIS_NORTH|HOSP|TDM|HOSP|20251103101500+0100||ORU^R01^ORU_R01|A1|P|2.5.1||||||UNICODE UTF-8",
        "PID|1||99^^^STATE^NI~4711^^^HOSP^MR||TÉST^PÄTIENT||20190402|F",
        "OBR|1|P77|F991^LAB|ASPACT^Asparaginase activity^L",
        "OBX|1|NM|X9^Aktivität^99X^ASPACT^Asparaginase activity^L|2|420|U/l|||||F",
        "SPM|1|S1||SER^Serum^HL70487|||||||||||||20251103080000^20251103080500",
        "",
    ]
)


def traced(raw: bytes) -> dict:
    [look] = looks_at(raw, PARTS, Sources(), file="x")
    return result_of(look, 1, PARTS, trace=True)


def rows(origin: dict) -> list[str]:
    return [row.replace(f"{MAPPINGS.parent.as_posix()}/", "") for row in origin["rows"]]


def line(text: str, file: str = "mappings/v2/oru_activity.yaml") -> str:
    """Where a field of a mapping is named."""
    lines = (MAPPINGS.parent / file).read_text(encoding="utf-8").splitlines()
    return f"{file}:{next(n for n, found in enumerate(lines, 1) if found.split('#')[0].rstrip() == f'  {text}:')}"


def row_of(table: str, start: str) -> str:
    lines = (MAPPINGS.parent / table).read_text(encoding="utf-8").splitlines()
    return f"{table}:{next(n for n, found in enumerate(lines, 1) if found.startswith(start))}"


def test_the_fields_of_a_result_name_bytes_lines_rows_and_factor():
    raw = MESSAGE.encode()
    [origins] = traced(raw)["trace"]
    by_name = {origin["field"]: origin for origin in origins}

    def read(name: str) -> list[tuple[str, str]]:
        return [(place["where"], raw[slice(*place["bytes"])].decode()) for place in by_name[name]["places"]]

    assert read("patient") == [("PID[1]-3(2).1", "4711"), ("PID[1]-3(2).4", "HOSP")]
    assert read("key") == [("MSH[1]-4.1", "HOSP"), ("OBR[1]-3", "F991^LAB"), ("OBX[1]-4", "2")]
    assert read("collected") == [("SPM[1]-17.1", "20251103080000")]
    assert read("test") == [("OBX[1]-3.4", "ASPACT")]
    assert read("activity") == [("OBX[1]-5", "420"), ("OBX[1]-6", "U/l")]
    assert read("specimen_type") == [("SPM[1]-4", "SER^Serum^HL70487")]
    assert (by_name["activity"]["factor"], by_name["collected"]["said"]) == ("0.001", ["zone of MSH-7"])
    assert by_name["collected"]["mapping"] == line("collected")
    assert by_name["activity"]["mapping"] == line("activity")
    demo, shipped = "mappings/demo/tables", "mappings/tables"
    assert rows(by_name["patient"]) == [row_of(f"{demo}/identifier_systems.csv", ",HOSP,")]
    assert rows(by_name["test"]) == [row_of(f"{demo}/activity_tests.csv", ",ASPACT,")]
    assert rows(by_name["activity"]) == [row_of(f"{shipped}/units.csv", ",U/l,")]
    assert rows(by_name["status"]) == [row_of(f"{shipped}/result_status.csv", ",F,")]
    assert rows(by_name["specimen_type"]) == [row_of(f"{shipped}/specimen_types.csv", ",SER,")]
    assert rows(by_name["lloq_iu_per_ml"]) == [row_of(f"{demo}/quantification_limits.csv", ",ASPACT,")]


def test_the_fields_of_a_dose_name_paths_lines_and_rows():
    case = yaml.safe_load((MAPPINGS / "golden" / "ma-26-route-coded.yaml").read_text(encoding="utf-8"))
    [origins] = traced(case["input"].encode())["trace"]
    by_name = {origin["field"]: origin for origin in origins}
    places = {name: [place["where"] for place in origin["places"]] for name, origin in by_name.items()}
    assert places["route"] == ["MedicationAdministration.dosage.route"]
    assert places["started"] == ["MedicationAdministration.effective"]
    assert places["version"] == ["MedicationAdministration.meta"]
    file = "mappings/fhir/medication_administration_asparaginase.yaml"
    assert by_name["route"]["mapping"] == line("route", file)
    assert rows(by_name["route"]) == [row_of("mappings/tables/routes.csv", ",78421000,")]
    assert rows(by_name["unit"]) == [row_of("mappings/tables/units.csv", ",[IU]/m2,")]
    assert rows(by_name["product"]) == [row_of("mappings/demo/tables/asparaginase_products.csv", ",PEGASP,")]


def test_a_row_of_reactions_is_named_with_its_number():
    case = yaml.safe_load((MAPPINGS / "golden" / "ai-01-two-reactions.yaml").read_text(encoding="utf-8"))
    first, second = traced(case["input"].encode())["trace"]
    occurred = [next(o for o in origins if o["field"] == "occurred") for origins in (first, second)]
    assert [origin["places"][0]["where"] for origin in occurred] == [
        "AllergyIntolerance.reaction[0].onset",
        "AllergyIntolerance.recordedDate",
    ]


def cases() -> list:
    return [pytest.param(case.text, id=case.name) for case in golden_inputs()]


def filled(event: dict) -> set[str]:
    """The fields of an event that hold something; the parts of a result's version each by its name."""
    found = {name for name, value in event.items() if name != "event" and value not in (None, [], "", False)}
    versions = {name for name, value in event["version"].items() if value}
    if event["event"] == "ActivityMeasured":
        return found - {"version"} | {f"version.{name}" for name in versions}
    return found if versions else found - {"version"}


@pytest.mark.slow
@pytest.mark.parametrize("text", cases())
def test_every_filled_field_is_traced_and_every_span_is_the_text_of_its_place(text):
    raw = text.encode() if text.lstrip().startswith("{") else text.rstrip("\n").replace("\n", "\r").encode() + b"\r"
    told = traced(raw)
    assert len(told["trace"]) == len(told["events"])
    for event, origins in zip(told["events"], told["trace"], strict=True):
        if "entered-in-error" in (event.get("status"), event.get("verification")) and not origins:
            continue  # a retraction by its key alone
        empty = {"reported"} if event["event"] == "ActivityMeasured" and not _reported(event) else set()
        assert {origin["field"] for origin in origins} == filled(event) - empty
        for place in (place for origin in origins for place in origin["places"] if place["bytes"]):
            assert raw[slice(*place["bytes"])].decode() == _text_at(raw, place["where"])


def _reported(event: dict) -> bool:
    return bool(event["reported"]["text"] or event["reported"]["unit"])


def _text_at(raw: bytes, where: str) -> str:
    """What a reader finds at a place, delimiters as sent."""
    segment, occurrence, number, repetition, component = WHERE.fullmatch(where).groups()
    found = next(s for s in read_message(raw).segments if (s.name, s.occurrence) == (segment, int(occurrence)))
    text = found.repetitions(int(number))[int(repetition or 1) - 1]
    return text.split("^")[int(component) - 1] if component else text


def test_the_page_has_a_line_per_field(tmp_path, capsys):
    file = tmp_path / "result.hl7"
    file.write_bytes(MESSAGE.encode())
    assert main(["run", str(file), "--trace"]) == 0
    page = capsys.readouterr().out
    part = page.split("\nwhere each field came from: 1\n")[1].split("\n\n")[0].splitlines()
    start = MESSAGE.encode().index(b"20251103080000^")
    wanted = f"    collected <- SPM[1]-17.1 (bytes {start}-{start + 14}); {line('collected')}; zone of MSH-7"
    assert part[0] == "  event 1, ActivityMeasured"
    assert wanted in part
    assert main(["run", str(file), "--json"]) == 0
    assert "trace" not in json.loads(capsys.readouterr().out)["messages"][0]
