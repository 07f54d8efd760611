"""`troughline deid`: nothing that identifies gets out, and the clinical question stays."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import stat
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import hospital
import pytest
import yaml
from fhir.resources.R4B import get_fhir_model_class

from adapter.app.parts import play_parts
from adapter.cli import main
from adapter.commands.deid_keep_list import load_keep_list, misspelt
from adapter.commands.deid_times import age_in_years
from adapter.knowledge.shipped import shipped
from adapter.knowledge.text_yaml import read_yaml
from adapter.pipeline.parts import Parts
from adapter.store.memory_state import MemoryState

STORIES = Path(__file__).parents[1] / "cases"
ORU = (
    "MSH|^~\\&|LIS_NORTH|HOSP|TDM|HOSP|20251103101500+0100||ORU^R01^ORU_R01|A1|P|2.5.1\r"
    "PID|1||4711^^^HOSP^MR~X99^^^OTHER^PI||Zorkowski^Anneliese||20190402|F|||Lindenweg 7^^Kyllburg||06563 123456\r"
    "NK1|1|Zorkowski^Berta|MTH|||06563-998877\r"
    "PV1|1|I|ONK^12||||88^Quandt^Otto|||||||||||V5566\r"
    "OBR|1|P77|F991|ASPACT^Asparaginase activity^L|||20251103080000|||||||||88^Quandt^Otto\r"
    "ZPI|1|Zorkowski\r"
    "OBX|1|ST|ASPACT^Asparaginase activity^L||< 0,03|IU/mL|>=0.1||||F||||LAB\r"
    "NTE|1|L|Below detection limit\r"
    "NTE|2|L|Mother of Anneliese called, result faxed\r"
)
IDENTIFYING = (
    "Zorkowski",
    "Anneliese",
    "4711",
    "Lindenweg",
    "Kyllburg",
    "123456",
    "998877",
    "Berta",
    "Quandt",
    "V5566",
)

Run = Callable[..., tuple[int, dict, str]]


@pytest.fixture(scope="module")
def parts() -> tuple[Parts, list]:
    """The tables of the demo, which are slow to check and the same for every test."""
    options = argparse.Namespace(config=None, mappings=[], policy=[], draft=False)
    return play_parts(options, MemoryState())


@pytest.fixture
def deid(tmp_path, capsys, monkeypatch, parts) -> Run:
    def run(source: Path | dict[str, str | bytes], *arguments: str, out: str = "out") -> tuple[int, dict, str]:
        folder = source if isinstance(source, Path) else tmp_path / f"in-{out}"
        if "--config" not in arguments:
            monkeypatch.setattr("adapter.commands.deid.play_parts", lambda *_, **__: parts)
        if isinstance(source, dict):
            folder.mkdir()
            for name, content in source.items():
                (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        code = main(
            ["deid", str(folder), "--out", str(tmp_path / out), "--key", str(tmp_path / "key"), "--json", *arguments]
        )
        told, err = capsys.readouterr()
        return code, json.loads(told) if told else {}, err

    return run


def written(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def places(report: dict) -> dict[tuple[str, str], int]:
    return {(row["place"], row["done"]): row["count"] for row in report["places"]}


def played(folder: Path, capsys, *arguments: str) -> dict:
    main(["play", str(folder), "--json", *arguments])
    return json.loads(capsys.readouterr().out)


def test_a_message_keeps_its_shape_and_loses_whom_it_is_about(deid, tmp_path):
    code, report, _ = deid({"zorkowski-4711.hl7": ORU})
    assert (code, report["written"], report["withheld"]) == (0, 1, [])
    [(name, raw)] = written(tmp_path / "out").items()
    assert name == "000001.hl7"
    text = raw.decode()
    assert [word for word in IDENTIFYING if word.casefold() in text.casefold()] == []
    lines = text.split("\r")
    assert [line[:3] for line in lines] == ["MSH", "PID", "NK1", "PV1", "OBR", "OBX", "NTE", "NTE", ""]
    assert lines[0].startswith("MSH|^~\\&|LIS_NORTH|HOSP|TDM|HOSP|")
    assert lines[2] == "NK1|1|||||"
    assert lines[5] == "OBX|1|ST|ASPACT^Asparaginase activity^L||< 0,03|IU/mL|>=0.1||||F||||LAB"
    assert lines[6:8] == ["NTE|1|L|Below detection limit", "NTE|2|L|"]


NOT_OURS = ORU.replace("ASPACT^Asparaginase activity", "WEST7^Asparaginase level").replace("|A1|", "|W1|")


def test_a_run_that_checked_no_reading_is_no_success(deid, tmp_path):
    code, report, err = deid({"a.hl7": NOT_OURS, "b.hl7": NOT_OURS.replace("|W1|", "|W2|")})
    assert (code, report["written"], report["withheld"]) == (1, 2, [])
    assert (report["checked"], report["unchecked"], report["reading_checked"]) == (0, 2, False)
    assert err.splitlines()[-1] == (
        "No message has a result of ours with these tables (0 of 2 written): the reading was not checked. Name the "
        "tables of the site with --mappings or --config; `troughline run` names the row that is missing."
    )
    assert len(written(tmp_path / "out")) == 2


def test_messages_whose_reading_was_not_checked_are_counted_beside_others(deid):
    code, report, err = deid({"a.hl7": ORU, "b.hl7": NOT_OURS})
    assert (code, report["written"], report["checked"], report["unchecked"]) == (0, 2, 1, 1)
    assert err.splitlines()[-1] == (
        "1 of 2 messages written has no result of ours with these tables: the reading was not checked there."
    )


def test_a_result_that_a_problem_keeps_back_is_checked_and_a_patient_record_is_no_gap(deid):
    code, report, err = deid({"a.hl7": ORU.replace("|IU/mL|", "|blorps/mL|"), "p.json": json.dumps(hospital.patient())})
    assert (code, report["checked"], report["unchecked"]) == (0, 1, 0)
    assert "not checked" not in err


@pytest.mark.slow
def test_every_story_is_read_the_same_afterwards(deid, tmp_path, capsys):
    """The command itself checks it patient by patient; here `play` is asked, over a few whole folders."""
    for number, story in enumerate(("silent-inactivation", "corrected-result", "three-infusion-rows-one-dose")):
        code, report, _ = deid(STORIES / story, out=f"out-{number}")
        assert (code, report["withheld"]) == (0, [])
        before, after = played(STORIES / story, capsys), played(tmp_path / f"out-{number}", capsys)
        for one, other in zip(before["findings"], after["findings"], strict=True):
            kept = ("exposure", "mechanism", "monitoring", "modifiers", "priority", "rules", "policy_hash")
            assert [one[name] for name in kept] == [other[name] for name in kept]
            assert [s["hours_since_dose"] for s in one["samples"]] == [s["hours_since_dose"] for s in other["samples"]]
            assert one["patient"] != other["patient"]
            assert one["dose"]["started"] != other["dose"]["started"]


def test_the_number_of_a_patient_is_the_same_in_hl7_and_in_fhir(deid, tmp_path):
    deid(STORIES / "silent-inactivation")
    files = written(tmp_path / "out")
    patient, dose, level = json.loads(files["000001.json"]), json.loads(files["000002.json"]), files["000003.hl7"]
    number = patient["identifier"][0]["value"]
    assert number != "900001"
    assert f"PID|1||{number}^^^HOSP^MR".encode() in level
    assert dose["subject"] == {"reference": f"Patient/{patient['id']}"}
    assert patient["birthDate"].replace("-", "").encode() in level


def test_age_in_years_stays_and_the_birthday_does_not(deid, tmp_path):
    deid({"a.hl7": ORU})
    lines = written(tmp_path / "out")["000001.hl7"].decode().split("\r")
    sent, born = lines[0].split("|")[6], lines[1].split("|")[7]
    assert born != "20190402"
    assert age_in_years(date.fromisoformat(born), date.fromisoformat(sent[:8])) == 6


def test_one_patient_moves_by_whole_days_and_another_by_others(deid, tmp_path):
    later = ORU.replace("20251103", "20251110").replace("|A1|", "|A2|").replace("F991", "F992")
    other = ORU.replace("4711", "8155").replace("X99", "X98").replace("F991", "F993").replace("|A1|", "|A3|")
    assert deid({"1.hl7": ORU, "2.hl7": later, "3.hl7": other})[0] == 0
    first, second, third = (_sent(raw) for raw in written(tmp_path / "out").values())
    was = datetime.fromisoformat("2025-11-03T10:15:00+01:00")
    assert (second - first).days == 7
    assert (second - first).seconds == 0
    assert (first - was).seconds == 0
    assert 1 <= abs((first - was).days) <= 180
    assert first != third


def _sent(raw: bytes) -> datetime:
    return datetime.strptime(raw.decode().split("|")[6], "%Y%m%d%H%M%S%z")


def test_a_merge_makes_two_numbers_one_patient_with_one_shift(deid, tmp_path):
    other = ORU.replace("4711", "8155").replace("X99", "X98").replace("F991", "F993").replace("|A1|", "|A3|")
    merge = (
        "MSH|^~\\&|ADT|HOSP|TDM|HOSP|20251120101500+0100||ADT^A40^ADT_A39|M1|P|2.5.1\r"
        "PID|1||4711^^^HOSP^MR\rMRG|8155^^^HOSP^MR\r"
    )
    assert deid({"1.hl7": ORU, "3.hl7": other, "4.hl7": merge})[0] == 0
    first, third, _ = (_sent(raw) for raw in written(tmp_path / "out").values())
    assert first == third


def test_what_is_off_the_list_is_reported_by_place_and_never_by_value(deid):
    _, report, err = deid({"a.hl7": ORU.replace("|LAB\r", "|LAB|||||||||Neumond\r")})
    done = places(report)
    assert done["OBX-24", "cleared"] == 1
    assert done["ZPI", "removed"] == 1
    assert done["NK1-2", "cleared"] >= 1
    assert done["PID-3", "pseudonym"] == 2
    told = json.dumps(report["places"]) + err
    assert [word for word in IDENTIFYING if word in told] == []


def test_the_town_of_a_patient_may_be_the_town_of_the_laboratory_and_his_name_may_not(deid):
    town = ORU.replace("|HOSP|TDM", "|KYLLBURG HOSPITAL|TDM")
    assert deid({"a.hl7": town}, out="town")[0] == 0
    code, report, _ = deid({"a.hl7": ORU.replace("|HOSP|TDM", "|ZORKOWSKI HOSPITAL|TDM")}, out="name")
    assert (code, report["withheld"][0]["why"]) == (1, ["MSH-4 holds what PID-5 held"])


@pytest.mark.slow
def test_a_clock_change_between_two_times_does_not_change_what_is_read(deid, tmp_path):
    """The dose has an offset and the level has none: a shift into summer would make seven days an hour less."""
    site = tmp_path / "site.yaml"
    site.write_text(
        f"senders:\n  - {{match: 'LIS_NORTH|HOSP', zone: Europe/Berlin}}\nmappings: [{shipped('mappings') / 'demo'}]\n",
        encoding="utf-8",
    )
    dose = {
        "resourceType": "MedicationAdministration",
        "id": "dose-77",
        "meta": {"versionId": "1"},
        "status": "completed",
        "medicationCodeableConcept": {"coding": [{"system": "https://hospital.example/formulary", "code": "PEGASP"}]},
        "subject": {"identifier": {"system": "https://hospital.example/mrn", "value": "4711"}},
        "effectiveDateTime": "2025-10-27T08:00:00+01:00",
    }
    level = ORU.replace("20251103101500+0100", "20251103101500")
    config = ("--config", str(site))
    for number in range(4):
        key = ("--key", str(tmp_path / f"key-{number}"))
        code, report, _ = deid({"1.json": json.dumps(dose), "2.hl7": level}, *config, *key, out=f"out-{number}")
        assert (code, report["withheld"]) == (0, [])


def test_a_name_known_from_another_message_of_the_patient_is_looked_for_too(deid):
    nameless = ORU.replace("Zorkowski^Anneliese", "").replace("|IU/mL|", "|Zorkowski|").replace("|A1|", "|A2|")
    nameless = nameless.replace("Zorkowski^Berta", "").replace("ZPI|1|Zorkowski", "ZPI|1|")
    assert deid({"b.hl7": nameless}, out="alone")[1]["withheld"] == []
    code, report, _ = deid({"a.hl7": ORU, "b.hl7": nameless}, out="both")
    assert (code, [one["file"] for one in report["withheld"]]) == (1, ["b.hl7"])


@pytest.mark.parametrize(
    ("kind", "value", "left"),
    [
        ("ST", "Zorkowski rang on 3 November", "TEXT REMOVED"),
        ("ST", "03/11/2025", "TEXT REMOVED"),
        ("ST", "06563123456", "TEXT REMOVED"),
        ("NM", "20251103", "TEXT REMOVED"),
        ("ST", "NH3 35", "TEXT REMOVED"),
        ("ED", "LAB^AP^PDF^Base64^Wm9ya293c2tp", "TEXT REMOVED^^^^"),
        ("ST", "haemolysed, said Zorkowski", "specimen rejected"),
        ("ST", "35 Zorkowskis", "35 unit"),
        ("ST", "35 umol/L", "35 umol/L"),
        ("SN", "^1^:^8", "^1^:^8"),
        ("ST", "not detected", "not detected"),
        ("NM", "4.2E-1", "4.2E-1"),
        ("TX", "specimen clotted", "specimen clotted"),
    ],
)
def test_of_a_result_only_what_the_grammar_or_the_words_know_stays(deid, tmp_path, kind, value, left):
    other = f"OBX|2|{kind}|NH3^Ammonia^L||{value}|umol/L|||||F\r"
    assert deid({"a.hl7": ORU + other})[0] == 0
    line = written(tmp_path / "out")["000001.hl7"].decode().split("\r")[-2]
    assert line.split("|")[5] == left


MANY_WORDS = "Einheiten pro Milliliter"


def test_a_unit_that_no_table_knows_is_counted_and_said_with_the_way_to_keep_it(tmp_path, capsys):
    raw = ORU.replace("|IU/mL|", f"|{MANY_WORDS}|") + "OBX|2|ST|NH3^Ammonia^L||35 Zorkowskis|umol/L|||||F\r"
    (tmp_path / "a.hl7").write_text(raw, encoding="utf-8", newline="")
    listed = tmp_path / "list.yaml"
    run = ["deid", str(tmp_path / "a.hl7"), "--key", str(tmp_path / "key"), "--out"]
    assert main([*run, str(tmp_path / "out")]) == 0
    lines = capsys.readouterr().out.splitlines()
    at = lines.index("2 units in no table, and made unreadable: 1 in OBX-5, 1 in OBX-6.")
    hint, _, line = lines[at + 1].rstrip(".").partition("under hl7v2: ")
    assert hint == (
        "  What names nobody can be kept: give it a row in units.csv of your tables, or a line in a list for --keep, "
    )
    assert MANY_WORDS.encode() not in written(tmp_path / "out")["000001.hl7"]
    listed.write_text(f"schema: 1\nhl7v2:\n  {line}\n", encoding="utf-8")
    assert main([*run, str(tmp_path / "kept"), "--keep", str(listed), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["units_unknown"] == {"OBX-5": 1}
    assert f"|< 0,03|{MANY_WORDS}|".encode() in written(tmp_path / "kept")["000001.hl7"]


def test_a_unit_with_a_row_stays_and_a_unit_of_an_amount_is_counted(tmp_path, capsys):
    site = tmp_path / "site"
    shutil.copytree(shipped("mappings") / "demo" / "tables", site / "tables")
    (site / "tables" / "units.csv").write_text(
        f"sender,code,system,target,label,note\n,{MANY_WORDS},*,[IU]/mL,,\n", encoding="utf-8"
    )
    dose = json.loads(json.dumps(hospital.dose()))
    dose["dosage"]["dose"]["unit"] = "Ampullen zu je 3750 Einheiten"
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.hl7").write_text(ORU.replace("|IU/mL|", f"|{MANY_WORDS}|"), encoding="utf-8", newline="")
    (tmp_path / "in" / "b.json").write_text(json.dumps(dose), encoding="utf-8")
    run = ["deid", str(tmp_path / "in"), "--key", str(tmp_path / "key"), "--mappings", str(site), "--json"]
    assert main([*run, "--out", str(tmp_path / "out")]) == 0
    assert json.loads(capsys.readouterr().out)["units_unknown"] == {"MedicationAdministration.dosage.dose.unit": 1}
    assert f"|< 0,03|{MANY_WORDS}|".encode() in written(tmp_path / "out")["000001.hl7"]


def test_a_date_among_results_moves_with_the_patient(deid, tmp_path):
    other = "OBX|2|DT|LMP^Last period^L||20251010||||||F\r"
    assert deid({"a.hl7": ORU + other})[0] == 0
    lines = written(tmp_path / "out")["000001.hl7"].decode().split("\r")
    moved = date.fromisoformat(lines[-2].split("|")[5])
    sent = date.fromisoformat(lines[0].split("|")[6][:8])
    assert sent - moved == date(2025, 11, 3) - date(2025, 10, 10)


def test_a_name_that_stands_where_codes_stand_keeps_the_message_back(deid, tmp_path):
    code, report, _ = deid({"a.hl7": ORU.replace("|IU/mL|", "|Zorkowski|"), "b.hl7": ORU.replace("|A1|", "|A2|")})
    assert code == 1
    [withheld] = report["withheld"]
    assert withheld["file"] == "a.hl7"
    assert any(why.startswith("OBX-6 holds what") for why in withheld["why"])
    assert list(written(tmp_path / "out")) == ["000002.hl7"]


def test_what_is_no_message_is_kept_back(deid, tmp_path):
    code, report, _ = deid({"a.hl7": "Zorkowski", "b.json": "{"})
    assert (code, len(report["withheld"])) == (1, 2)
    assert written(tmp_path / "out") == {}


def test_a_batch_stays_one_and_counts_what_is_left_of_it(deid, tmp_path):
    bad = ORU.replace("|IU/mL|", "|Zorkowski|").replace("|A1|", "|A2|")
    batch = f"FHS|^~\\&|LIS|HOSP\rBHS|^~\\&|LIS|HOSP|||20251103\r{ORU}{bad}BTS|2|Zorkowski\rFTS|1\r"
    code, report, _ = deid({"a.hl7": batch})
    assert (code, report["messages"], report["written"]) == (1, 2, 1)
    lines = written(tmp_path / "out")["000001.hl7"].decode().split("\r")
    assert [line[:3] for line in lines if line[:3] in ("FHS", "BHS", "MSH", "BTS", "FTS")] == [
        *("FHS", "BHS", "MSH", "BTS", "FTS")
    ]
    assert "BTS|1|" in lines


def test_a_bundle_of_two_patients_moves_each_by_his_own_days(deid, tmp_path):
    def dose(number: str) -> dict:
        return {
            "resource": {
                "resourceType": "MedicationAdministration",
                "id": f"dose-{number}",
                "status": "completed",
                "medicationCodeableConcept": {
                    "coding": [{"system": "https://hospital.example/formulary", "code": "PEGASP"}]
                },
                "subject": {"identifier": {"system": "https://hospital.example/mrn", "value": number}},
                "effectiveDateTime": "2025-11-10T09:00:00+01:00",
                "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">Zorkowski</div>'},
            }
        }

    bundle = {"resourceType": "Bundle", "type": "collection", "timestamp": "2025-11-11T00:00:00Z"}
    code, report, _ = deid({"a.json": json.dumps({**bundle, "entry": [dose("471100"), dose("815500")]})})
    assert report["withheld"] == []
    assert (code, report["patients"]) == (0, 2)
    made = json.loads(written(tmp_path / "out")["000001.json"])
    times = [entry["resource"]["effectiveDateTime"] for entry in made["entry"]]
    assert times[0] != times[1]
    assert {time[10:] for time in times} == {"T09:00:00+01:00"}
    assert "timestamp" not in made
    assert "Zorkowski" not in json.dumps(made)


def test_a_dose_and_a_reaction_keep_what_decides_and_nothing_else(deid, tmp_path):
    person = {"reference": "https://ehr.hospital.example/fhir/Patient/p4711", "display": "Anneliese Zorkowski"}
    dose = {
        "resourceType": "MedicationAdministration",
        "id": "row-1",
        "meta": {"versionId": "1", "profile": ["https://hospital.example/zorkowski"]},
        "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">Zorkowski</div>'},
        "extension": [{"url": "https://hospital.example/bed", "valueString": "Zorkowski"}],
        "status": "completed",
        "medicationCodeableConcept": {"text": "Pegaspargase, mixed by Quandt"},
        "subject": person,
        "effectiveDateTime": "2025-11-10T09:00:00+01:00",
        "performer": [{"actor": {"display": "Dr. Otto Quandt"}}],
        "request": {"reference": "MedicationRequest/order-9"},
        "partOf": [{"reference": "MedicationAdministration/row-0"}],
        "dosage": {"text": "for Zorkowski", "dose": {"value": 1875, "unit": "IU"}},
        "note": [{"text": "Quandt was here"}],
    }
    order = {
        "resourceType": "MedicationRequest",
        "id": "order-9",
        "status": "active",
        "intent": "order",
        "subject": person,
    }
    allergy = {
        "resourceType": "AllergyIntolerance",
        "id": "a-1",
        "verificationStatus": {"coding": [{"system": "http://terminology.hl7.org/x", "code": "confirmed"}]},
        "code": {"text": "Pegaspargase"},
        "patient": {"reference": "Patient/p4711"},
        "reaction": [
            {"manifestation": [{"text": "Hives"}], "description": "Anneliese had a grade 3 reaction, said Quandt"}
        ],
    }
    sources = {"1.json": dose, "2.json": order, "3.json": allergy}
    code, report, _ = deid({name: json.dumps(body) for name, body in sources.items()})
    assert (code, report["withheld"]) == (0, [])
    made, request, reaction = (json.loads(raw) for raw in written(tmp_path / "out").values())
    assert sorted(made) == sorted(
        [
            *("resourceType", "id", "meta", "status", "medicationCodeableConcept", "subject"),
            *("effectiveDateTime", "request", "partOf", "dosage"),
        ]
    )
    assert made["request"] == {"reference": f"MedicationRequest/{request['id']}"}
    assert re.fullmatch(r"MedicationAdministration/[a-z]{3}-\d", made["partOf"][0]["reference"])
    assert made["subject"]["reference"].startswith("https://server.example/fhir/Patient/")
    assert made["subject"]["reference"].endswith(reaction["patient"]["reference"].partition("/")[2])
    assert made["medicationCodeableConcept"] == {"text": "Pegaspargase (shortened)"}
    assert made["dosage"] == {"dose": {"value": 1875, "unit": "IU"}}
    assert reaction["reaction"] == [{"manifestation": [{"text": "Hives"}], "description": "grade 3"}]
    assert ("MedicationAdministration.note.text", "cleared") not in places(report)
    assert places(report)["MedicationAdministration.note", "cleared"] == 1


def test_a_name_in_another_script_and_a_year_of_birth_in_a_code_system(deid):
    said = ORU.replace("Zorkowski^Anneliese", "\u674e\u660e").replace("|IU/mL|", "|\u674e\u660e|")
    assert deid({"a.hl7": said}, out="script")[0] == 1
    version = {"system": "http://snomed.info/sct", "version": "2019", "code": "407314008"}
    patient = {"resourceType": "Patient", "id": "p1", "birthDate": "2019-04-02"}
    dose = {
        "resourceType": "MedicationAdministration",
        "id": "d1",
        "status": "completed",
        "category": {"coding": [version]},
        "medicationCodeableConcept": {"text": "Pegaspargase"},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2025-11-10",
    }
    assert deid({"1.json": json.dumps(patient), "2.json": json.dumps(dose)}, out="year")[0] == 0


def test_a_resource_type_off_the_list_is_left_out(deid, tmp_path):
    code, report, _ = deid({"a.json": json.dumps({"resourceType": "DocumentReference", "description": "Zorkowski"})})
    assert (code, report["left_out"]) == (0, [{"file": "a.json", "message": 1}])
    assert written(tmp_path / "out") == {}


def test_facilities_become_pseudonyms_when_that_is_wanted(deid, tmp_path):
    deid({"a.hl7": ORU}, "--facilities", "pseudonym")
    text = written(tmp_path / "out")["000001.hl7"].decode()
    assert "HOSP" not in text
    assert "LIS_NORTH" not in text


def test_a_site_may_let_more_through(deid, tmp_path):
    more = tmp_path / "more.yaml"
    more.write_text("schema: 1\nhl7v2:\n  - {path: ZPI-1, do: code, why: number of the visit}\n", encoding="utf-8")
    assert deid({"a.hl7": ORU}, "--keep", str(more))[0] == 0
    assert "\rZPI|1|\r" in written(tmp_path / "out")["000001.hl7"].decode()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("schema: 1\nhl7v2:\n  - {path: ZPI-1, do: cody, why: x}\n", "more.yaml:3: 'cody' is nothing that can be done"),
        ("schema: 1\nhl7v2:\n  - {path: ZPI, do: code, why: x}\n", "more.yaml:3: 'ZPI' is no place of a message"),
        ("schema: 1\nhl7v2:\n  - {path: ZPI-1, do: code}\n", "more.yaml:3: the line lacks why"),
        ("schema: 1\nfhir:\n  - {path: Patient.name, do: Cody, why: x}\n", "more.yaml:3: 'Cody' is nothing"),
        ("schema: 1\nhl7v2:\n  - {path: PID-99, do: code, why: x}\n", "more.yaml:3: HL7 2.5.1 to 2.8.2 have no PID-99"),
        ("schema: 2\n", "more.yaml:1: write 'schema: 1'"),
        ("schema: 1\nhl7: []\n", "more.yaml:2: 'hl7' is no key of a keep list; did you mean 'hl7v2'?"),
    ],
)
def test_a_mistake_in_a_keep_list_is_told_with_its_line(deid, tmp_path, text, said):
    more = tmp_path / "more.yaml"
    more.write_text(text, encoding="utf-8")
    code, _, err = deid({"a.hl7": ORU}, "--keep", str(more))
    assert code == 2
    assert said in err
    assert not (tmp_path / "out").exists()


def test_nothing_is_overwritten_and_nobody_else_may_read(deid, tmp_path):
    assert deid({"a.hl7": ORU})[0] == 0
    for path in (tmp_path / "key", tmp_path / "out" / "000001.hl7"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = written(tmp_path / "out")
    (tmp_path / "again").mkdir()
    code = main(["deid", str(tmp_path / "in-out"), "--out", str(tmp_path / "out"), "--key", str(tmp_path / "key")])
    assert code == 2
    assert written(tmp_path / "out") == before


def test_the_same_key_gives_the_same_result_and_another_key_another(deid, tmp_path):
    source = {"a.hl7": ORU}
    deid(source, out="one")
    deid(source, out="two")
    deid(source, "--key", str(tmp_path / "other"), out="three")
    one, two, three = (written(tmp_path / name) for name in ("one", "two", "three"))
    assert one == two
    assert one != three


def test_a_key_others_may_read_is_refused(deid, tmp_path):
    deid({"a.hl7": ORU}, out="one")
    (tmp_path / "key").chmod(0o644)
    code, _, err = deid({"a.hl7": ORU}, out="two")
    assert code == 2
    assert "chmod 600" in err


def test_a_key_is_never_made_in_the_folder_that_is_shared(deid, tmp_path):
    code, _, err = deid({"a.hl7": ORU}, "--key", str(tmp_path / "out" / "key"))
    assert code == 2
    assert "keep the key elsewhere" in err


def test_a_message_becomes_a_golden_case(deid, tmp_path, capsys):
    assert deid({"a.hl7": ORU}, "--as-case")[0] == 0
    assert list(written(tmp_path / "out")) == ["000001-0001.yaml"]
    assert main(["test", str(tmp_path / "out"), "--accept"]) == 0
    assert "1 golden case: 1 accepted" in capsys.readouterr().out


def test_a_case_of_a_site_is_read_as_at_the_site(deid, tmp_path, capsys):
    """A decimal comma, a time without a zone, no unit, and bytes of an undeclared character set."""
    site = tmp_path / "site.yaml"
    said = "zone: Europe/Berlin, decimal_comma: true, assumed_unit: '[IU]/mL', default_charset: 8859/1, unsupported: AA"
    demo = shipped("mappings") / "demo"
    site.write_text(
        f"sources: [{{name: default, zone: Europe/Berlin}}]\n"
        f"senders:\n  - {{match: 'LIS_NORTH|HOSP', {said}}}\nmappings: [{demo}]\n",
        encoding="utf-8",
    )
    level = ORU.replace("+0100", "").replace("< 0,03|IU/mL", "1,234|").replace("Below detection", "Aktivit\u00e4t")
    dose = json.dumps(hospital.dose() | {"effectivePeriod": {"start": "2025-03-03T10:00:00"}})
    files = {"a.hl7": level.encode("latin-1"), "b.hl7": ORU.replace("LIS_NORTH", "LIS_SOUTH"), "c.json": dose}
    code, report, err = deid(files, "--config", str(site), "--as-case")
    assert report, err
    assert (code, report["withheld"]) == (0, []), err
    assert main(["test", str(tmp_path / "out"), "--mappings", str(demo), "--accept"]) == 0
    capsys.readouterr()
    mine, other, ward = (yaml.safe_load(raw) for raw in written(tmp_path / "out").values())
    assert mine["site"] == {
        "zone": "Europe/Berlin",
        "decimal_comma": True,
        "assumed_unit": "[IU]/mL",
        "unsupported": "AA",
        "default_charset": "8859/1",
    }
    assert "site" not in other
    assert ward["site"] == {"zone": "Europe/Berlin"}
    [event] = mine["expect"]["events"]
    assert (event["activity"]["low"], event["collected"][-6:]) == ("1.234", "+01:00")
    assert event["comment"] == "Aktivit\u00e4t limit"


def test_a_person_reads_what_was_done(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.hl7").write_text(ORU, encoding="utf-8", newline="")
    (tmp_path / "in" / "notes.txt").write_text("Zorkowski", encoding="utf-8")
    code = main(["deid", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--key", str(tmp_path / "key")])
    out, err = capsys.readouterr()
    assert code == 0
    assert out.startswith(f"1 of 1 message of 1 patient written to {tmp_path}/out\n")
    assert "not read, for they end neither in .hl7 nor in .json: notes.txt" in out
    assert "Pseudonymised, not anonymous" in out
    assert "A new key lies in" in err


def test_every_line_of_the_shipped_list_names_a_place_that_exists():
    content = (shipped("config") / "deidentify.yaml").read_bytes()
    document, faults = read_yaml(content, "deidentify.yaml")
    assert faults == []
    assert list(misspelt(document)) == []
    keep, _ = load_keep_list()
    known = {
        kind: set(get_fhir_model_class(kind).model_fields)
        | {field.alias for field in get_fhir_model_class(kind).model_fields.values()}
        for kind in keep.resources
    }
    unknown = [path for path in keep.fhir if path.split(".")[1].split("[")[0] not in known[path.split(".")[0]]]
    assert unknown == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda folder: [str(folder / "none.hl7")], "none.hl7 cannot be read"),
        (lambda folder: [str(folder)], "holds no *.hl7 and no *.json file"),
        (lambda folder: [str(folder / "a.txt"), "--key", str(folder)], "cannot be used as the key"),
        (lambda folder: [str(folder / "a.txt"), "--key", str(folder / "a.txt")], "a.txt: "),
        (lambda folder: [str(folder / "a.txt"), "--keep", str(folder / "no.yaml")], "no.yaml: cannot be read"),
    ],
)
def test_what_cannot_be_done_is_told_without_a_traceback(tmp_path, capsys, change, said):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.txt").write_text(ORU, encoding="utf-8")
    (folder / "a.txt").chmod(0o600)
    arguments = ["--out", str(tmp_path / "out"), "--key", str(tmp_path / "key"), *change(folder)]
    assert main(["deid", *arguments]) == 2
    assert said in capsys.readouterr().err


TEST_PATIENT = ORU.replace("Zorkowski^Anneliese", "TEST^PATIENT").replace("Zorkowski^Berta", "TEST^MOTHER")


def of_the_test_patient(family: str) -> dict[str, str]:
    patient = hospital.patient("4711") | {"name": [{"family": family, "given": ["PATIENT"]}]}
    dose = hospital.dose("4711") | {
        "subject": {"reference": "Patient/p4711", "type": "Patient"},
        "category": {"coding": [{"code": "inpatient"}]},
    }
    level = TEST_PATIENT.replace("TEST^PATIENT", f"{family}^PATIENT")
    return {"1.json": json.dumps(patient), "2.json": json.dumps(dose), "3.hl7": level}


@pytest.mark.parametrize("family", ["TEST", "Completed", "Location", "Oru"])
def test_words_of_the_standards_in_their_own_places_are_no_names(deid, tmp_path, family):
    code, report, _ = deid(of_the_test_patient(family))
    assert (code, report["withheld"]) == (0, [])
    dose = json.loads(written(tmp_path / "out")["000002.json"])
    assert (dose["subject"]["reference"].partition("/")[0], dose["status"]) == ("Patient", "completed")


@pytest.mark.parametrize(
    ("family", "place", "change"),
    [
        ("Location", "MedicationAdministration.status", {"status": "location"}),
        (
            "Zorkowski",
            "MedicationAdministration.category.coding.code",
            {"category": {"coding": [{"code": "zorkowski"}]}},
        ),
        (
            "Location",
            "MedicationAdministration.dosage.dose.unit",
            {"dosage": {"dose": {"value": 1, "unit": "location"}}},
        ),
        ("Zorkowski", "MedicationAdministration.subject.type", {"subject": {"type": "Zorkowski"}}),
    ],
)
def test_the_same_words_as_names_are_found_at_any_other_place(deid, family, place, change):
    files = of_the_test_patient(family)
    subject = {"subject": {"reference": "Patient/p4711"} | change.get("subject", {})}
    files["2.json"] = json.dumps(json.loads(files["2.json"]) | change | subject)
    code, report, _ = deid(files)
    held = [why for one in report["withheld"] if one["file"] == "2.json" for why in one["why"]]
    assert code == 1
    assert any(why.startswith(f"{place} holds what ") for why in held)
