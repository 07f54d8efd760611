"""`explain --store` reads findings as they stand beside a running service, and disturbs nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import hospital
import pytest
from feeding import drained, tell

from adapter.cli import main
from adapter.domain.message import PatientResult, Work
from adapter.domain.outputs import Change, Written
from adapter.store.sqlite_state import SqliteState

FIRST = datetime(2025, 3, 11, 13, 5, tzinfo=UTC)
LATER = datetime(2025, 3, 12, 9, 30, tzinfo=UTC)
PATIENT = f"{hospital.MRN}|900001"
DOSE = "MedicationAdministration/dose-900001-1"


@pytest.fixture
def explain(capsys):
    """Run the command on a store; returns exit code, stdout and stderr."""

    def run(store, *arguments):
        code = main(["explain", "--store", str(store), *arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def played(tmp_path, capsys):
    """The findings of one dose with one level, and of one level without a dose."""
    folder = tmp_path / "messages"
    folder.mkdir()
    for name, resource in (("1.json", hospital.patient()), ("2.json", hospital.dose())):
        (folder / name).write_bytes(hospital.fhir(resource).raw)
    (folder / "3.hl7").write_bytes(hospital.oru("A1", value="<0.03"))
    (folder / "4.hl7").write_bytes(hospital.oru("A2", value="0.30", filler="F2", collected="20240310120000+0000"))
    main(["play", str(folder), "--json"])
    result = json.loads(capsys.readouterr().out)
    return result["findings"], result["unlinked"]


def written(identifier: str, *grounds: str, at: datetime = FIRST, state: str = "open") -> Written:
    return Written(
        kind="interpretation",
        resource_type="Observation",
        id=identifier,
        body={"resourceType": "Observation", "id": identifier},
        content_hash=identifier,
        state=state,
        grounds=grounds,
        topic=None,
        verdict=None,
        first_written=FIRST,
        last_written=at,
    )


@pytest.fixture
def keep(tmp_path):
    """A store that holds findings and what was written for them; returns its folder."""

    def into(findings, unlinked, *outputs: Written):
        state = SqliteState(tmp_path / "store" / "state.db")
        changes = tuple(Change(operation="create", after=output) for output in outputs)
        result = PatientResult(patient=PATIENT, findings=findings, unlinked=unlinked, changes=changes, next_check=None)
        state.commit(Work(at=LATER, results=(result,)))
        state.close()
        return tmp_path / "store"

    return into


def test_a_stored_finding_gives_the_page_that_play_would_give(explain, played, keep, tmp_path, capsys):
    store = keep(*played)
    main(["explain", str(tmp_path / "messages")])
    page = capsys.readouterr().out
    assert explain(store, "--patient", PATIENT) == (0, page, "")


def test_the_page_says_when_the_interpretation_of_this_dose_was_last_written(explain, played, keep):
    (lone,) = played[1]
    sample = f"play|{lone['samples'][0]['key']}"
    flag = replace(written("f", f"play|{DOSE}", at=datetime(2025, 4, 1, tzinfo=UTC)), kind="flag", resource_type="Flag")
    store = keep(
        *played,
        written("other", "play|MedicationAdministration/other", at=datetime(2025, 4, 1, tzinfo=UTC)),
        written("retracted", f"play|{DOSE}", at=datetime(2025, 4, 1, tzinfo=UTC), state="retracted"),
        written("dose", f"play|{DOSE}", "play|LEVEL", at=LATER),
        written("sample", sample),
        flag,
    )
    _, out, _ = explain(store, "--patient", PATIENT, "--json")
    assert [tree["last_written"] for tree in json.loads(out)["explanations"]] == [
        "2025-03-12T09:30:00Z",
        "2025-03-11T13:05:00Z",
    ]
    _, page, _ = explain(store, "--patient", PATIENT, "--dose", DOSE)
    assert "\nLast written        2025-03-12T09:30:00Z\n" in page


def test_a_sample_that_had_a_dose_once_is_not_dated_by_that_doses_interpretation(explain, played, keep):
    (lone,) = played[1]
    sample = f"play|{lone['samples'][0]['key']}"
    store = keep([], played[1], written("dose", f"play|{DOSE}", sample))
    _, page, _ = explain(store, "--patient", PATIENT)
    assert page.startswith("Finding on          a level without a dose\n")
    assert "Last written" not in page


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--patient", f"{hospital.MRN}|900002"),
            "No finding is known here for this patient (--patient 'SYSTEM|VALUE').\n",
        ),
        (
            ("--patient", PATIENT, "--dose", "MedicationAdministration/dose-900001-2"),
            "No dose and no sample with this key is known here; without --dose every finding is shown with its key.\n",
        ),
    ],
)
def test_an_unknown_patient_or_key_ends_with_1(options, said, explain, played, keep):
    assert explain(keep(*played), *options) == (1, "", said)


def test_a_file_that_is_no_store_ends_with_2_and_no_traceback(explain, tmp_path):
    (tmp_path / "state.db").write_bytes(b"something else" * 100)
    code, out, err = explain(tmp_path, "--patient", PATIENT)
    assert (code, out) == (2, "")
    assert err.startswith(f"The store in {tmp_path} cannot be read. The store cannot be trusted any more (")
    assert err.count("\n") == 1


def test_findings_of_an_earlier_version_end_with_2_and_say_what_renews_them(explain, played, keep):
    findings = [{**finding, "evidence": {"rule_set": "1"}} for finding in played[0]]
    code, out, err = explain(keep(findings, []), "--patient", PATIENT)
    assert (code, out) == (2, "")
    assert err == (
        "These findings were written by an earlier version of the program and hold less than a page shows; "
        "the patient's next message renews them.\n"
    )


@pytest.mark.slow
@pytest.mark.loopback
def test_it_works_beside_a_running_service_and_the_service_goes_on(explain, running):
    tell(running, ["915001"])
    drained(running)
    patient = f"{hospital.MRN}|915001"
    code, out, err = explain(running.store, "--patient", patient, "--json")
    trees = json.loads(out)["explanations"]
    assert (code, err) == (0, "")
    assert [tree["key"] for tree in trees] == [f"MedicationAdministration/dose-915001-{number}" for number in (1, 2)]
    assert trees[1]["last_written"] is not None
    tell(running, ["915002"])
    drained(running)
    assert explain(running.store, "--patient", f"{hospital.MRN}|915002")[0] == 0
