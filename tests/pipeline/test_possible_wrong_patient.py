"""A number that is known with another birth date and another family name: what comes is put aside for a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import adt
import hospital
import pytest

from adapter.domain.message import MessageRef
from adapter.pipeline.process import reread

PATIENT = f"{hospital.MRN}|900001"
BORN, OTHER_BORN = "20180504", "20110930"


@pytest.fixture
def corridor(corridor_of_either_state):
    return corridor_of_either_state


def level(control_id, family="ZZTEST^INVENTED", born=BORN, **more):
    pid = b"||ZZTEST^INVENTED||20180504|"
    raw = hospital.oru(control_id, filler=control_id, **more)
    assert pid in raw
    return raw.replace(pid, f"||{family}||{born}|".encode())


def person(mrn="900001", family="Zztest", born="2018-05-04", *, version=1, identity=None):
    made = hospital.patient(mrn, version=version)
    return {**made, "id": identity or made["id"], "name": [{"family": family}], "birthDate": born}


def levels(corridor):
    return len(corridor.state.findings(PATIENT)[1])


def parked(corridor):
    return [(one.reason, one.problems[-1].where) for one in corridor.state.parked()]


def codes(done):
    return [problem.code for problem in done.work.problems]


def test_a_level_of_another_person_under_a_known_number_waits_and_is_answered_aa(corridor):
    corridor.take(level("A1"))
    done = corridor.take(level("A2", "ZZOTHER^X", OTHER_BORN))
    assert [t.answer.code for t in done.translations] == ["AA"]
    assert (codes(done), done.work.events, done.changes) == (["possible-wrong-patient"], (), ())
    assert parked(corridor) == [("possible-wrong-patient", "PID[1]-3")]
    assert levels(corridor) == 1


@pytest.mark.parametrize(("family", "born"), [("ZZOTHER^X", BORN), ("ZZTEST^INVENTED", OTHER_BORN)])
def test_one_that_differs_alone_is_told_once_and_used(corridor, family, born):
    corridor.take(level("A1"))
    assert codes(corridor.take(level("A2", family, born))) == ["demographics-differ"]
    assert codes(corridor.take(level("A3", family, born))) == []
    assert (parked(corridor), levels(corridor)) == ([], 3)


@pytest.mark.parametrize(
    "family", ["Zztest^Invented", "ZZTÉST^X", "van der ZZTEST^X", "ZZOTHER^X~ZZTEST^X", "Zzother-Zztest^X"]
)
def test_case_accents_particles_and_double_names_make_no_other_person(corridor, family):
    corridor.take(level("A1"))
    corridor.take(level("A2", family, OTHER_BORN))
    assert (parked(corridor), levels(corridor)) == ([], 2)


@pytest.mark.parametrize(("family", "born"), [("", OTHER_BORN), ("ZZOTHER^X", ""), ("ZZOTHER^X", "2011"), ('""', '""')])
def test_what_is_not_told_on_both_sides_is_not_compared(corridor, family, born):
    corridor.take(level("A1"))
    corridor.take(level("A2", family, born))
    assert (parked(corridor), levels(corridor)) == ([], 2)


def test_a_patient_resource_is_compared_with_the_results(corridor):
    corridor.take(person())
    corridor.take(level("A2", "ZZOTHER^X", OTHER_BORN))
    assert parked(corridor) == [("possible-wrong-patient", "PID[1]-3")]


def test_a_patient_resource_of_another_person_waits_and_so_do_his_doses(corridor):
    corridor.take(level("A1"))
    corridor.take(person(family="Zzother", born="2011-09-30"))
    corridor.take(hospital.dose())
    assert [reason for reason, _ in parked(corridor)] == ["possible-wrong-patient", "unknown-patient"]
    assert corridor.state.findings(PATIENT)[0] == []


def test_a_dose_that_comes_in_one_bundle_with_such_a_patient_waits_too(corridor):
    corridor.take(level("A1"))
    entries = [{"resource": person(family="Zzother", born="2011-09-30")}, {"resource": hospital.dose()}]
    corridor.take({"resourceType": "Bundle", "type": "collection", "entry": entries})
    assert [reason for reason, _ in parked(corridor)] == ["possible-wrong-patient"]
    assert corridor.state.findings(PATIENT)[0] == []


def test_a_newer_version_of_a_patient_that_is_known_is_its_sources_word(corridor):
    corridor.take(person())
    corridor.take(level("A1"))
    done = corridor.take(person(family="Zzother", born="2011-09-30", version=2))
    assert (codes(done), parked(corridor)) == (["demographics-differ"], [])
    assert codes(corridor.take(level("A2", "ZZOTHER^X", OTHER_BORN))) == []


def test_an_older_version_of_a_patient_is_not_compared_and_changes_nothing(corridor):
    corridor.take(person(version=2))
    corridor.take(person(family="Zzother", born="2011-09-30", version=1))
    assert parked(corridor) == []
    corridor.take(level("A1"))
    assert codes(corridor.take(level("A2", "ZZOTHER^X", OTHER_BORN))) == ["possible-wrong-patient"]


def release(corridor, *, released=True):
    (waiting,) = [one for one in corridor.state.parked() if one.reason == "possible-wrong-patient"]
    return reread(waiting.message, corridor.parts, waiting.parked_at + timedelta(hours=1), released=released)


def test_a_person_releases_it_and_then_the_number_is_known_so(corridor):
    corridor.take(level("A1"))
    corridor.take(level("A2", "ZZOTHER^X", OTHER_BORN))
    release(corridor)
    assert (parked(corridor), levels(corridor)) == ([], 2)
    assert codes(corridor.take(level("A3", "ZZOTHER^X", OTHER_BORN))) == []
    assert levels(corridor) == 3


def test_reading_it_again_for_another_reason_releases_nothing(corridor):
    corridor.take(level("A1"))
    corridor.take(level("A2", "ZZOTHER^X", OTHER_BORN))
    release(corridor, released=False)
    assert (parked(corridor), levels(corridor)) == ([("possible-wrong-patient", "PID[1]-3")], 1)


def test_a_release_of_a_message_that_waits_for_something_else_is_compared_first(corridor):
    corridor.take(level("A1"))
    elsewhere = level("A2", "ZZOTHER^X", OTHER_BORN, authority="ELSEWHERE")
    corridor.take(elsewhere)
    (waiting,) = corridor.state.parked()
    assert waiting.reason == "unknown-authority"
    assert isinstance(waiting.message, MessageRef)
    assert corridor.state.reason(waiting.message) == "unknown-authority"
    assert corridor.state.reason(replace(waiting.message, seq=99)) is None


def test_a_merge_told_of_another_person_than_the_record_waits(corridor):
    corridor.take(hospital.patient("900002"))
    corridor.take(level("A1"))
    pid = f"PID|1||{adt.cx('900001')}||ZZOTHER^X||{OTHER_BORN}"
    corridor.take(adt.adt("A40", "M1", pid, f"MRG|{adt.cx('900002')}"))
    assert parked(corridor) == [("possible-wrong-patient", "PID[1]-3")]
    assert corridor.state.group(PATIENT) == (PATIENT,)


def test_both_records_of_a_merged_patient_may_be_told_of_under_either_number(corridor):
    corridor.take(level("A1"))
    corridor.take(level("A2", "ZZOTHER^X", OTHER_BORN, mrn="900002"))
    corridor.take(adt.merge("900002", "900001"))
    release(corridor)
    corridor.take(level("A3", mrn="900002"))
    assert parked(corridor) == []


def test_no_word_of_a_name_and_no_birth_date_is_remembered(corridor):
    corridor.take(level("A1"))
    (known,) = corridor.state.people(PATIENT)
    told = repr(known).casefold()
    assert "zztest" not in told
    assert "2018" not in told.replace(known.born, "").replace("".join(known.family), "")
