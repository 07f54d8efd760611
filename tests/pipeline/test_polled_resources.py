"""What becomes of a polled resource: what it refers to is read, other drugs stay where they are."""

from __future__ import annotations

import pytest
from polled_site import PolledSite
from records_server import RecordsServer, dose, patient

pytestmark = pytest.mark.loopback


@pytest.fixture
def server():
    server = RecordsServer()
    server.commit(patient())
    yield server
    server.close()


@pytest.fixture
def site(server, corridor, tmp_path):
    site = PolledSite(server, corridor, tmp_path)
    yield site
    site.close()


def test_other_drugs_are_left_at_their_server_and_their_medication_is_read_once(site, server):
    server.commit({"resourceType": "Medication", "id": "m1", "code": {"text": "Paracetamol"}})
    for number in range(1, 4):
        other = dose(number)
        del other["medicationCodeableConcept"]
        server.commit({**other, "medicationReference": {"reference": "Medication/m1"}})
    assert site.poll() == {"irrelevant": 3}
    assert site.corridor.inbox.last_seq() == 0
    assert server.times_asked("/Medication/m1") == 1


@pytest.mark.parametrize(
    "named",
    [
        {},
        {"medicationCodeableConcept": "PEGASP"},
        {"medicationCodeableConcept": {"coding": {"code": "PEGASP"}}},
        {"medicationCodeableConcept": {"coding": [{"code": 7}]}},
        {"medicationReference": {"reference": 7}},
    ],
)
def test_a_dose_whose_drug_cannot_be_read_is_kept_and_told(site, server, named):
    broken = {name: value for name, value in dose(1).items() if name != "medicationCodeableConcept"}
    server.commit({**broken, **named})
    assert site.poll() == {"kept": 1}
    assert sum(site.corridor.state.problem_counts().values()) >= 1


def test_a_dose_of_another_drug_is_left_there_also_when_it_breaks_its_definition(site, server):
    server.commit(dose(1, medicationCodeableConcept={"text": "Paracetamol"}, status="banana"))
    server.commit(dose(2, status="banana"))
    assert site.poll() == {"irrelevant": 1, "kept": 1}
    assert site.kept() == [("d2", "1")]


def test_a_medication_that_is_only_referred_to_is_read_and_kept_before_the_dose(site, server):
    coding = {"system": "https://hospital.example/formulary", "code": "PEGASP"}
    server.commit({"resourceType": "Medication", "id": "m1", "code": {"coding": [coding]}})
    told = {"status": "active", "intent": "order", "subject": {"reference": "Patient/p1"}}
    medication = {"medicationReference": {"reference": "Medication/m1"}}
    server.commit({"resourceType": "MedicationRequest", "id": "r1", **told, **medication})
    ours = dose(1, medicationReference={"reference": "Medication/m1"}, request={"reference": "MedicationRequest/r1"})
    del ours["medicationCodeableConcept"]
    server.commit(ours)
    assert site.poll() == {"kept": 1}
    kept = [stored.arrival.message_type for stored in site.corridor.inbox.after(0, 10)]
    assert sorted(kept[:-1]) == ["Medication", "MedicationRequest", "Patient"]
    assert kept[-1] == "MedicationAdministration"
    assert site.corridor.state.parked() == []


def test_a_dose_changed_into_another_drug_is_kept_for_it_withdraws_what_it_said(site, server):
    server.commit(dose(1))
    site.poll()
    server.pass_time(60)
    server.commit(dose(1, medicationCodeableConcept={"text": "Paracetamol"}))
    assert site.poll() == {"kept": 1}
    findings, _ = site.corridor.state.findings("https://hospital.example/mrn|900001")
    assert findings == []


def test_a_reference_its_server_does_not_have_is_asked_for_again_after_a_while_only(site, server):
    server.delete("Patient/p1")
    server.commit(dose(1))
    site.poll()
    assert [row.reason for row in site.corridor.state.parked()] == ["unknown-patient"]
    awaited = site.corridor.state.awaited("ward", 10)
    assert awaited == ["Patient/p1"]
    server.commit(patient())
    assert site.intake.resolve(awaited) == 0
    assert server.times_asked("/Patient/p1") == 1
    site.monotonic_s += 601
    assert site.intake.resolve(awaited) == 1
    assert site.corridor.state.parked() == []
    assert site.intake.resolve(site.corridor.state.awaited("ward", 10)) == 0


def test_other_mappings_make_the_next_poll_reach_back_over_the_whole_window(site, server, knowledge):
    other = dose(1, medicationCodeableConcept={"coding": [{"system": "urn:house", "code": "X7"}]})
    server.commit(other)
    assert site.poll() == {"irrelevant": 1}
    server.pass_time(3600)
    assert (site.poll(), site.poll()) == ({"irrelevant": 1}, {})
    site.corridor = site.corridor.with_parts(knowledge=type(knowledge)(**{**_fields(knowledge), "hash": "other"}))
    assert (site.poll(), site.poll()) == ({"irrelevant": 1}, {})


def _fields(knowledge):
    return {name: getattr(knowledge, name) for name in knowledge.__dataclass_fields__}
