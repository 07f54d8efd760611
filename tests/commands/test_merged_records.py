"""What the commands say of merged patient records: whichever number is asked for, the whole history is found."""

from __future__ import annotations

import json
import shutil

import adt
import hospital
import pytest
from kept_store import KeptStore

from adapter.cli import main

OLD, NEW = (f"{hospital.MRN}|{mrn}" for mrn in ("900001", "900002"))
SAID = f"Merged records: {OLD} ended in {NEW}; all that is known of them is one history there."


@pytest.fixture
def asked(capfdbinary):
    def run(*arguments):
        code = main([*map(str, arguments)])
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return run


@pytest.fixture
def day(tmp_path):
    """A dose under the old number, a merge, and a level under the new one."""
    store = KeptStore(tmp_path / "store", "hospital")
    store.fhir(hospital.patient())
    store.fhir(hospital.dose())
    store.hl7(adt.merge("900002", "900001"))
    store.hl7(hospital.oru("A1", mrn="900002", value="<0.03"))
    return store.close()


def test_find_by_either_number_finds_the_messages_of_both_and_the_merge(asked, day):
    pages = [asked("find", "--store", day, "--patient", patient) for patient in (OLD, NEW)]
    assert pages[0] == pages[1]
    code, out, err = pages[0]
    assert (code, err) == (0, "")
    assert out.startswith(SAID)
    assert f"PatientsMerged {OLD} into {NEW}" in out
    assert "ActivityMeasured" in out
    assert "AsparaginaseAdministered" in out
    assert out.count("target hospital: pending") >= 3


def test_find_of_the_merge_by_its_control_id_says_what_it_joined(asked, day):
    _, out, _ = asked("find", "--store", day, "--control-id", "M90000290000120250320090000")
    assert out.splitlines()[2] == f"  understood  PatientsMerged {OLD} into {NEW}"


def test_find_as_json_names_the_records(asked, day):
    _, out, _ = asked("find", "--store", day, "--patient", OLD, "--json")
    assert json.loads(out)["patients"] == [NEW, OLD]
    _, out, _ = asked("find", "--store", day, "--control-id", "A1", "--json")
    assert json.loads(out)["patients"] == []


@pytest.mark.parametrize("patient", [OLD, NEW])
def test_explain_by_either_number_shows_the_one_history(asked, day, patient):
    code, out, err = asked("explain", "--store", day, "--patient", patient, "--json")
    (explained,) = json.loads(out)["explanations"]
    assert (code, explained["patient"], err.strip()) == (0, NEW, SAID)


@pytest.mark.parametrize("patient", [OLD, NEW])
def test_explain_of_a_folder_knows_merged_records_too(asked, tmp_path, patient):
    files = {"1.json": hospital.patient(), "2.json": hospital.dose()}
    for name, resource in files.items():
        (tmp_path / name).write_text(json.dumps(resource))
    (tmp_path / "3.hl7").write_bytes(adt.merge("900002", "900001"))
    code, out, err = asked("explain", tmp_path, "--patient", patient, "--mappings", "mappings/demo", "--json")
    assert (code, [one["patient"] for one in json.loads(out)["explanations"]], err.strip()) == (0, [NEW], SAID)


def test_run_shows_what_a_merge_and_an_unlink_say_of_patient_records(asked, tmp_path):
    (tmp_path / "m.hl7").write_bytes(adt.merge("900002", "900001") + adt.unlink("900002", "900001"))
    _, out, _ = asked("run", tmp_path / "m.hl7", "--mappings", "mappings/demo")
    assert f"patient records: 1\n  {OLD} ends in {NEW}, since 2025-03-20T09:00:00+00:00\n" in out
    assert f"patient records: 1\n  {OLD} and {NEW} are two people, since 2025-03-21T09:00:00+00:00\n" in out
    _, out, _ = asked("run", tmp_path / "m.hl7", "--mappings", "mappings/demo", "--json")
    first, _ = json.loads(out)["messages"]
    assert first["identities"][0]["status"] == "merged"
    assert first["identities"][0]["absorbed"] == OLD


def test_diff_plays_the_messages_of_merged_records_together(asked, tmp_path):
    corpus, before = tmp_path / "corpus", tmp_path / "before"
    corpus.mkdir()
    shutil.copytree("mappings/demo", before)
    tests = before / "tables" / "activity_tests.csv"
    tests.write_text("".join(line for line in tests.read_text().splitlines(True) if "ASPACT" not in line))
    for name, resource in {"1.json": hospital.patient(), "2.json": hospital.dose()}.items():
        (corpus / name).write_text(json.dumps(resource))
    (corpus / "3.hl7").write_bytes(adt.merge("900002", "900001"))
    (corpus / "4.hl7").write_bytes(hospital.oru("A1", mrn="900002", value="<0.03"))
    _, out, err = asked("diff", corpus, "--from", before, "--mappings", "mappings/demo", "--json")
    (changed,) = json.loads(out)["patients"]
    (finding,) = changed["findings"]
    assert (changed["patient"], finding["key"], err) == (NEW, "MedicationAdministration/dose-900001-1", "")
