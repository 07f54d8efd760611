"""A merge of two people waits for a person; what parts two records never waits, whomever it names."""

from __future__ import annotations

from datetime import timedelta

import adt
import hospital
import pytest

from adapter.pipeline.process import reread

OLD, NEW = "900001", "900002"
OLD_KEY, NEW_KEY = f"{hospital.MRN}|{OLD}", f"{hospital.MRN}|{NEW}"
BORN, OTHER_BORN = "20180504", "20110930"
OTHER = ("ZZOTHER^X", OTHER_BORN)
LINK = [{"type": "replaced-by", "other": {"identifier": {"system": hospital.MRN, "value": NEW}}}]


@pytest.fixture
def corridor(corridor_of_either_state):
    return corridor_of_either_state


def level(mrn, family="ZZTEST^INVENTED", born=BORN):
    raw = hospital.oru(f"L{mrn}{born}", filler=f"F{mrn}{born}", mrn=mrn)
    return raw.replace(b"||ZZTEST^INVENTED||20180504|", f"||{family}||{born}|".encode())


def record(mrn, version, *, family=None, born=None, **more):
    made = hospital.patient(mrn, version=version)
    made["meta"]["lastUpdated"] = f"2025-03-{19 + version}T08:00:00Z"
    named = {"name": [{"family": family}], "birthDate": born} if family else {}
    return {**made, **named, **more}


def pid(mrn, family="ZZTEST^INVENTED", born=BORN, number=1):
    return f"PID|{number}||{adt.cx(mrn)}||{family}||{born}"


def unlink(*persons):
    return adt.adt("A37", "U1", *persons, at="20250322090000+0000")


def parked(corridor):
    return [(one.reason, one.problems[-1].where) for one in corridor.state.parked()]


def codes(done):
    return [problem.code for problem in done.work.problems]


def release(corridor):
    (waiting,) = corridor.state.parked()
    return reread(waiting.message, corridor.parts, waiting.parked_at + timedelta(hours=1), released=True)


def together(corridor):
    return corridor.state.group(OLD_KEY) == corridor.state.group(NEW_KEY)


def test_an_unlink_that_names_the_other_child_parts_the_records(corridor):
    corridor.take(level(NEW))
    corridor.take(adt.merge(NEW, OLD))
    done = corridor.take(unlink(pid(OLD, *OTHER), pid(NEW, number=2)))
    assert codes(done) == ["merge-received", "demographics-differ"]
    assert (together(corridor), parked(corridor)) == (False, [])
    corridor.take(level(OLD, *OTHER))
    assert parked(corridor) == []
    assert codes(corridor.take(level(OLD))) == ["possible-wrong-patient"]


def test_an_unlink_with_the_persons_mixed_up_parts_them_and_teaches_nothing(corridor):
    corridor.take(level(OLD))
    corridor.take(level(NEW))
    corridor.take(adt.merge(NEW, OLD))
    corridor.take(unlink(pid(OLD, *OTHER), pid(NEW, number=2)))
    assert (together(corridor), parked(corridor)) == (False, [])
    assert codes(corridor.take(level(OLD, *OTHER))) == ["possible-wrong-patient"]


def test_a_patient_that_drops_its_link_is_taken_whomever_it_names(corridor):
    corridor.take(level(NEW))
    corridor.take(record(OLD, 1, link=LINK, name=[]))
    assert together(corridor)
    done = corridor.take(record(OLD, 2, family="Zzother", born="2011-09-30"))
    assert codes(done) == ["demographics-differ"]
    assert (together(corridor), parked(corridor)) == (False, [])


def test_a_patient_that_keeps_its_link_and_names_another_child_waits(corridor):
    corridor.take(level(NEW))
    corridor.take(record(OLD, 1, link=LINK, name=[]))
    corridor.take(record(OLD, 2, family="Zzother", born="2011-09-30", link=LINK))
    assert (together(corridor), parked(corridor)) == (True, [("possible-wrong-patient", "Patient.identifier")])


@pytest.mark.parametrize("person", [pid(NEW, *OTHER), f"PID|1||{adt.cx(NEW)}"])
def test_a_merge_of_two_records_known_as_two_people_waits_until_a_person_releases_it(corridor, person):
    corridor.take(level(OLD))
    corridor.take(level(NEW, *OTHER))
    done = corridor.take(adt.adt("A40", "M1", person, f"MRG|{adt.cx(OLD)}"))
    assert ([t.answer.code for t in done.translations], codes(done)) == (["AA"], ["possible-wrong-patient"])
    assert (together(corridor), parked(corridor)) == (False, [("possible-wrong-patient", "MSH[1]-9")])
    release(corridor)
    assert (together(corridor), parked(corridor)) == (True, [])
    assert codes(corridor.take(level(NEW))) == []


def test_a_merge_into_a_record_that_the_merge_itself_names_another_person_waits(corridor):
    corridor.take(level(OLD))
    corridor.take(adt.adt("A40", "M1", pid(NEW, *OTHER), f"MRG|{adt.cx(OLD)}"))
    assert (together(corridor), parked(corridor)) == (False, [("possible-wrong-patient", "MSH[1]-9")])


@pytest.mark.parametrize("person", [("ZZTEST^X", OTHER_BORN), ("ZZOTHER^X", BORN), ("", "")])
def test_a_merge_of_two_who_may_be_one_is_taken(corridor, person):
    corridor.take(level(OLD))
    corridor.take(level(NEW, *person))
    done = corridor.take(adt.merge(NEW, OLD))
    assert (codes(done), together(corridor)) == (["merge-received"], True)


def test_a_link_of_two_patients_known_as_two_people_waits_and_the_rest_of_the_patient_is_used(corridor):
    corridor.take(record(OLD, 1, family="Zztest", born="2018-05-04"))
    corridor.take(record(NEW, 1, family="Zzother", born="2011-09-30"))
    corridor.take(record(OLD, 2, family="Zztest", born="2018-05-04", link=LINK, deceasedBoolean=True))
    assert (together(corridor), parked(corridor)) == (False, [("possible-wrong-patient", "link")])
    assert corridor.state.known("ward", f"Patient/p{OLD}")["deceasedBoolean"] is True
    release(corridor)
    assert (together(corridor), parked(corridor)) == (True, [])


def test_a_released_merge_that_is_read_again_is_not_asked_for_again(corridor):
    corridor.take(level(OLD))
    corridor.take(level(NEW, *OTHER))
    corridor.take(adt.merge(NEW, OLD))
    message = corridor.state.parked()[0].message
    release(corridor)
    corridor.take(adt.unlink(NEW, OLD))
    done = reread(message, corridor.parts, corridor.parts.read(message).arrival.received_at)
    assert (codes(done), parked(corridor), together(corridor)) == ([], [], False)
    (row,) = [row for row in corridor.state.told_about([OLD_KEY]) if row.told[0].status == "merged"]
    assert row.told[0].pair == (NEW_KEY, OLD_KEY)
