"""One kept message becomes one commit: what is used, what waits, what is freed, what is withdrawn."""

from __future__ import annotations

import re
from dataclasses import replace

import hospital
import pytest

from adapter.pipeline import process as processing
from adapter.pipeline import understand as understanding
from adapter.pipeline.process import reassess
from adapter.store.faults import CannotKeep, StoreBroken

PATIENT = f"{hospital.MRN}|900001"


def verdicts(corridor):
    doses, unlinked = corridor.state.findings(PATIENT)
    return [one["mechanism"] for one in doses], [one["modifiers"] for one in unlinked]


def test_a_dose_waits_for_its_patient_and_goes_on_when_he_comes(corridor):
    waiting = corridor.take(hospital.dose())
    assert (waiting.work.parked.reason, waiting.work.parked.waits_for) == ("unknown-patient", ("Patient/p900001",))
    assert [row.reason for row in corridor.state.parked()] == ["unknown-patient"]
    corridor.take(hospital.oru("A1"))
    freed = corridor.take(hospital.patient())
    assert [ref.seq for ref in freed.work.resolved] == [1]
    assert corridor.state.parked() == []
    assert verdicts(corridor) == (["no-evidence-of-inactivation"], [])


def test_a_patient_without_a_mapped_identifier_frees_nobody(corridor):
    corridor.take(hospital.dose())
    stranger = hospital.patient() | {"identifier": [{"system": "urn:elsewhere", "value": "900001"}]}
    assert corridor.take(stranger).work.resolved == ()
    assert [row.reason for row in corridor.state.parked() if row.message.seq == 1] == ["unknown-authority"]


def test_a_patient_who_gets_his_mapped_identifier_in_a_later_version_frees_what_waited(corridor):
    corridor.take(hospital.dose())
    corridor.take(hospital.patient(version=2) | {"identifier": [{"system": "urn:elsewhere", "value": "900001"}]})
    corridor.take(hospital.patient(version=1))
    assert [row.reason for row in corridor.state.parked()] == ["unknown-authority"], "an older version counts less"
    corridor.take(hospital.patient(version=3))
    assert corridor.state.parked() == []
    assert verdicts(corridor) == (["not-assessable"], [])


def test_patient_and_dose_in_one_bundle_need_not_wait(corridor):
    entries = [{"resource": one} for one in (hospital.dose(), hospital.patient())]
    done = corridor.take({"resourceType": "Bundle", "type": "collection", "entry": entries})
    assert done.work.parked is None or corridor.state.parked() == []
    assert [type(recorded.event).__name__ for recorded in done.work.events] == ["AsparaginaseAdministered"]


def test_a_deleted_resource_never_was(corridor):
    corridor.take(hospital.patient())
    corridor.take(hospital.dose())
    corridor.take(hospital.oru("A1"))
    assert verdicts(corridor)[0] == ["no-evidence-of-inactivation"]
    gone = corridor.take(b"", method="DELETE", target="MedicationAdministration/dose-900001-1")
    assert {change.operation for change in gone.changes if change.after.kind == "interpretation"} >= {"retract"}
    assert verdicts(corridor)[0] == []


def test_a_resource_that_breaks_its_definition_is_refused_with_its_expression(corridor):
    corridor.take(hospital.patient())
    work = corridor.take(hospital.dose() | {"status": "so-so"}).work
    assert [(p.code, p.where) for p in work.problems] == [("fhir-invalid", "MedicationAdministration.status")]
    assert (work.parked, work.events) == (None, ())
    assert corridor.state.findings(PATIENT) == ([], [])


def test_a_body_that_is_no_fhir_is_refused(corridor):
    assert [p.code for p in corridor.take(b"[1]").work.problems] == ["fhir-unreadable"]
    assert [p.code for p in corridor.take(b"{").work.problems] == ["fhir-unreadable"]


def test_an_entry_without_a_resource_is_named_and_the_others_are_read(corridor):
    entries = [{}, {"resource": hospital.patient()}, {"resource": 3}, {"resource": hospital.dose()}]
    done = corridor.take({"resourceType": "Bundle", "type": "collection", "entry": entries})
    assert [[p.where for p in t.problems] for t in done.translations] == [
        ["Bundle.entry[0].resource"],
        [],
        ["Bundle.entry[2].resource"],
        [],
    ]
    assert len(done.work.events) == 1


def test_a_message_without_a_known_authority_waits(corridor):
    done = corridor.take(hospital.oru("A1", authority="ELSEWHERE"))
    assert (done.work.events, done.work.parked.reason) == ((), "unknown-authority")


def test_a_translator_that_fails_parks_the_message_and_stops_nothing(corridor, monkeypatch):
    def fail(*_, **__):
        raise AssertionError("0.62")

    monkeypatch.setattr(understanding, "translate_hl7", fail)
    parked = corridor.take(hospital.oru("A1")).work.parked
    assert (parked.reason, [p.text for p in parked.problems]) == (
        "internal-error",
        ["The message could not be read because of a fault of ours."],
    )
    assert corridor.state.cursor("inbox") == 1


def test_a_rule_that_fails_parks_the_message_and_stops_nothing(corridor, monkeypatch):
    corridor.take(hospital.patient())
    with monkeypatch.context() as patched:
        patched.setattr(processing, "interpreted", lambda *_: 1 / 0)
        done = corridor.take(hospital.oru("A1"))
    assert (done.work.parked.reason, done.work.events, done.changes) == ("internal-error", (), ())
    assert re.fullmatch(r"ZeroDivisionError at test_process\.py:\d+", done.fault)
    assert corridor.state.cursor("inbox") == 2
    corridor.take(hospital.oru("A2", filler="F2"))
    assert len(verdicts(corridor)[1]) == 1


@pytest.mark.parametrize("fault", [CannotKeep("full"), StoreBroken("torn")])
def test_a_failing_store_is_not_taken_for_a_fault_of_the_message(corridor, monkeypatch, fault):
    def fail(_):
        raise fault

    monkeypatch.setattr(corridor.state, "commit", fail)
    with pytest.raises(type(fault)):
        corridor.take(hospital.oru("A1"))
    assert corridor.state.cursor("inbox") == 0


def test_the_same_message_processed_twice_counts_once(corridor):
    corridor.take(hospital.patient())
    first = corridor.take(hospital.oru("A1"))
    before = corridor.state.counts()
    again = processing.process(corridor.inbox.get(2), first.work.message, corridor.parts, first.work.at)
    assert corridor.state.counts() == before
    assert [r.event for r in again.work.events] == [r.event for r in first.work.events]


def test_a_reassessment_at_the_same_time_changes_nothing(corridor):
    for one in (hospital.patient(), hospital.dose(), hospital.oru("A1", value="0.02")):
        last = corridor.take(one)
    assert reassess(PATIENT, corridor.parts, last.work.at).changes == ()


def test_provenance_names_the_message_it_comes_from(corridor):
    corridor.take(hospital.patient())
    done = corridor.take(hospital.oru("A1"))
    (trail,) = done.work.results[0].provenance
    named = {target["reference"] for target in trail["target"]}
    assert named == {change.reference for change in done.changes}
    assert done.work.deliver_to == ("ehr",)


def test_what_is_known_of_one_source_says_nothing_about_another(corridor):
    corridor.take(hospital.patient())
    other = replace(corridor.arrival(hospital.dose(), corridor.inbox.get(1).arrival.received_at), source="elsewhere")
    (translation,) = understanding.understand(other, corridor.parts)
    assert translation.parked == "unknown-patient"


@pytest.mark.parametrize("first", ["Patient", "Medication"])
def test_a_dose_that_waits_for_two_resources_goes_on_when_both_have_come_in_any_order(first, corridor):
    drug = {
        "resourceType": "Medication",
        "id": "m1",
        "code": hospital.dose()["medicationCodeableConcept"],
    }
    dose = {name: value for name, value in hospital.dose().items() if name != "medicationCodeableConcept"}
    corridor.take(dose | {"medicationReference": {"reference": "Medication/m1"}})
    came = sorted((hospital.patient(), drug), key=lambda one: one["resourceType"] != first)
    corridor.take(came[0])
    assert len(corridor.state.parked()) == 1
    corridor.take(came[1])
    assert corridor.state.parked() == []
    assert verdicts(corridor) == (["not-assessable"], [])
