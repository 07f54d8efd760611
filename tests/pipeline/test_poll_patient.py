"""One patient is polled: his window, what vanished from it, and who is on the roster at all."""

from __future__ import annotations

from datetime import datetime, timedelta

import adt
import pytest
from polled_site import PolledSite
from records_server import START, RecordsServer, dose, patient

from adapter.pipeline.poll_patient import roster
from adapter.transport.fhir_client import Permanent, Transient

pytestmark = pytest.mark.loopback
ME = "https://hospital.example/mrn|900001"
BOTH = ("MedicationAdministration", "AllergyIntolerance")


@pytest.fixture
def server():
    server = RecordsServer()
    server.commit(patient())
    yield server
    server.close()


@pytest.fixture
def site(server, corridor, tmp_path):
    site = PolledSite(server, corridor, tmp_path, resources=BOTH)
    yield site
    site.close()


def allergy(identity="a1"):
    return {
        "resourceType": "AllergyIntolerance",
        "id": identity,
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "verificationStatus": {"coding": [{"code": "confirmed"}]},
        "code": {"coding": [{"system": "https://hospital.example/formulary", "code": "PEGASP"}]},
        "patient": {"reference": "Patient/p1"},
        "recordedDate": "2025-05-20T13:00:00Z",
        "reaction": [{"manifestation": [{"text": "Anaphylaxis"}], "severity": "severe"}],
    }


def doses_told(site):
    return [one["dose"]["key"] for one in site.corridor.state.findings(ME)[0]]


def test_a_patient_is_found_by_his_identifier_and_everything_in_his_window_is_kept(site, server):
    server.commit(dose(1))
    server.commit(dose(2, effectiveDateTime="2025-04-17T11:59:59Z"))
    server.commit(dose(3, effectiveDateTime="2025-04-17T12:00:00Z"))
    server.commit(allergy())
    server.commit(dose(9, patient="p2"))
    assert site.poll_patient() == {"kept": 4}
    assert site.kept() == [("d1", "1"), ("d3", "1")]
    assert site.kept("AllergyIntolerance") == [("a1", "1")]
    assert site.kept("Patient") == [("p1", "1")]
    assert site.poll_patient() == {"known": 4}
    assert server.times_asked("Patient?identifier=") == 1


def test_a_patient_the_server_does_not_know_is_none(site):
    assert site.poll_patient("https://hospital.example/mrn|900777") is None


def test_merged_records_are_asked_for_together_and_what_is_missing_of_either_is_withdrawn(site, server, corridor):
    server.commit(patient("p2", "900002"))
    server.commit(dose(1))
    server.commit(dose(2, patient="p2", effectiveDateTime="2025-05-27T10:00:00Z"))
    corridor.take(adt.merge("900002", "900001"))
    surviving = "https://hospital.example/mrn|900002"
    assert site.poll_patient(surviving) == {"kept": 4}
    doses, _ = corridor.state.findings(surviving)
    assert [one["dose"]["key"] for one in doses] == ["MedicationAdministration/d1", "MedicationAdministration/d2"]
    assert list(roster(corridor.state, START, timedelta(days=45))) == [surviving]
    server.delete("MedicationAdministration/d1")
    assert site.poll_patient(surviving) == {"known": 3, "deleted": 1}
    assert [one["dose"]["key"] for one in corridor.state.findings(surviving)[0]] == ["MedicationAdministration/d2"]


def test_a_dose_the_server_deleted_is_withdrawn_once(site, server):
    server.commit(dose(1))
    server.commit(dose(2, effectiveDateTime="2025-05-27T10:00:00Z"))
    site.poll_patient()
    assert doses_told(site) == ["MedicationAdministration/d1", "MedicationAdministration/d2"]
    server.delete("MedicationAdministration/d1")
    assert site.poll_patient() == {"known": 2, "deleted": 1}
    assert doses_told(site) == ["MedicationAdministration/d2"]
    held = site.corridor.inbox.last_seq()
    assert site.poll_patient() == {"known": 2}
    assert site.corridor.inbox.last_seq() == held


def test_a_deleted_reaction_is_withdrawn(site, server):
    server.commit(dose(1))
    server.commit(allergy())
    site.poll_patient()
    assert len(site.corridor.state.findings(ME)[0][0]["reactions"]) == 1
    server.delete("AllergyIntolerance/a1")
    assert site.poll_patient() == {"known": 2, "deleted": 1}
    assert site.corridor.state.findings(ME)[0][0]["reactions"] == []


def test_a_dose_that_came_back_is_kept_again(site, server):
    server.commit(dose(1))
    site.poll_patient()
    taken = server.records.pop("MedicationAdministration/d1")
    site.poll_patient()
    server.records["MedicationAdministration/d1"] = taken
    assert site.poll_patient() == {"known": 1, "kept": 1}
    assert site.kept() == [("d1", "1"), ("d1", "deleted"), ("d1", "1")]


def test_a_dose_that_is_only_left_out_of_the_list_stays(site, server):
    server.commit(dose(1))
    site.poll_patient()
    server.arrange = lambda _, rows: [one for one in rows if one["id"] != "d1"]
    assert site.poll_patient() == {"known": 2}
    assert doses_told(site) == ["MedicationAdministration/d1"]


@pytest.mark.parametrize(
    ("status", "told", "withdrawn"),
    [(404, None, True), (410, None, True), (403, Permanent, False), (500, Transient, False)],
)
def test_only_a_record_that_is_not_there_was_deleted(site, server, status, told, withdrawn):
    server.commit(dose(1))
    site.poll_patient()
    server.arrange = lambda _, rows: [one for one in rows if one["id"] != "d1"]
    server.script = lambda target: (status, {}, {}) if target.endswith("/MedicationAdministration/d1") else None
    if told:
        with pytest.raises(told):
            site.poll_patient()
    else:
        assert site.poll_patient() == {"known": 1, "deleted": 1}
    assert doses_told(site) == ([] if withdrawn else ["MedicationAdministration/d1"])


def test_a_server_that_no_longer_knows_the_patient_deletes_nothing(site, server):
    server.commit(dose(1))
    site.poll_patient()
    server.records.clear()
    assert site.poll_patient() is None
    assert doses_told(site) == ["MedicationAdministration/d1"]


@pytest.mark.parametrize(("on", "gone"), [("2025-04-18T11:59:59Z", False), ("2025-04-18T12:00:00Z", True)])
def test_nothing_near_the_edge_of_the_window_is_missed(site, server, on, gone):
    server.commit(dose(1, effectiveDateTime=on))
    site.poll_patient()
    server.delete("MedicationAdministration/d1")
    assert site.poll_patient() == ({"known": 1, "deleted": 1} if gone else {"known": 1})


def test_what_another_source_said_is_not_missed_here(site, server, corridor):
    server.commit(dose(1))
    site.poll_patient()
    other = PolledSite(server, corridor, site.folder / "other", resources=("AllergyIntolerance",))
    server.delete("MedicationAdministration/d1")
    assert other.poll_patient() == {"kept": 1}
    other.close()


class Courses:
    def __init__(self, **findings):
        self._findings = findings

    def all_patients(self):
        return sorted(self._findings)

    def findings(self, who):
        return self._findings[who]


def told(started=None, ended=None, collected=None, next_check=None):
    samples = [{"collected": collected}] if collected else []
    return {"dose": {"started": started, "ended": ended}, "samples": samples, "next_check": next_check}


def test_the_roster_holds_who_has_a_dose_or_sample_in_the_window_or_is_still_to_be_checked():
    courses = Courses(
        a_dose=([told("2025-05-02T12:00:00Z")], []),
        b_old_dose=([told("2025-05-02T11:59:59Z")], []),
        c_day_only=([told("2025-05-02")], []),
        d_ended_in_it=([told("2025-05-02T11:00:00Z", "2025-05-02T12:30:00Z")], []),
        e_level_without_dose=([], [{"dose": None, "samples": [{"collected": "2025-05-30T08:00:00+02:00"}]}]),
        f_to_be_checked=([told("2024-01-01T12:00:00Z", next_check="2026-01-01T00:00:00Z")], []),
        g_nothing=([], []),
    )
    assert list(roster(courses, START, timedelta(days=30))) == [
        "a_dose",
        "c_day_only",
        "d_ended_in_it",
        "e_level_without_dose",
        "f_to_be_checked",
    ]


def test_the_window_is_measured_by_the_time_of_the_server(site, server):
    server.now = datetime.fromisoformat("2035-06-01T12:00:00+00:00")
    server.commit(dose(1))
    server.commit(dose(2, effectiveDateTime="2035-05-30T10:00:00Z"))
    assert site.poll_patient() == {"kept": 2}
    assert site.kept() == [("d2", "1")]
