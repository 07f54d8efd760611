"""Both stores remember who is who, and everything that follows from it for findings, outputs and the outbox."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from adapter.domain.events import AsparaginaseAdministered, Recorded, Version
from adapter.domain.identities import IdentityTold, Membership, Statements
from adapter.domain.message import MessageRef, Outcome, Parked, PatientResult, Work
from adapter.domain.outputs import Change, Written
from adapter.domain.people import Person
from adapter.domain.times import exact_moment

AT = datetime(2025, 3, 10, 11, 30, tzinfo=UTC)
ANNA, BERTA, CARLA = "urn:mrn|1", "urn:mrn|2", "urn:mrn|3"
INTO_BERTA = Membership(patient=ANNA, survivor=BERTA)
BACK = Membership(patient=ANNA, survivor=ANNA)


def recorded(*patients):
    """One dose of each of these patients."""
    return tuple(Recorded(arrival=n, event=_dose(patient)) for n, patient in enumerate(patients, start=1))


def _dose(patient):
    return AsparaginaseAdministered(
        patient=patient,
        source="ehr",
        key=f"MedicationAdministration/{patient[-1]}",
        status="completed",
        version=Version(number=1),
        product="pegaspargase",
        started=exact_moment(AT),
    )


def told(survivor=BERTA, absorbed=ANNA, status="merged"):
    return IdentityTold(
        source="adt", key="M1", status=status, survivor=survivor, absorbed=absorbed, at=exact_moment(AT)
    )


def says(*rows, origin="d1", source="adt"):
    return Statements(source=source, origin=origin, told=rows)


def flag(resource_id="f1", state="open"):
    return Written(
        kind="flag",
        resource_type="Flag",
        id=resource_id,
        body={"resourceType": "Flag", "id": resource_id, "value": Decimal("0.10")},
        content_hash="h",
        state=state,
        grounds=("lab|s1",),
        topic="inactivation",
        verdict=None,
        first_written=AT,
        last_written=AT,
    )


def result(patient=BERTA, *changes, **more):
    return PatientResult(patient=patient, findings=({"n": 1},), changes=changes, next_check=AT, **more)


def create(resource_id="f1"):
    return Change(operation="create", after=flag(resource_id))


def test_nobody_is_merged_at_first(state):
    assert (state.group(ANNA), state.told_about([ANNA]), state.said_by("adt", "d1")) == ((ANNA,), (), ())


def test_statements_come_back_exactly_for_either_side(state):
    state.commit(Work(at=AT, statements=(says(told(), told(CARLA, BERTA)), says(told(CARLA, ANNA), origin="d2"))))
    assert state.said_by("adt", "d1") == (told(), told(CARLA, BERTA))
    assert state.told_about([ANNA]) == (says(told()), says(told(CARLA, ANNA), origin="d2"))
    assert state.told_about([BERTA]) == (says(told(), told(CARLA, BERTA)),)
    assert state.told_about([CARLA, ANNA])[0] == says(told(), told(CARLA, BERTA))
    assert state.told_about(["urn:mrn|9"]) == ()


def test_what_an_origin_says_now_replaces_what_it_said_before(state):
    state.commit(Work(at=AT, statements=(says(told(), told(CARLA, BERTA)), says(told(), source="ehr"))))
    state.commit(Work(at=AT, statements=(says(told(CARLA, ANNA)),)))
    assert state.said_by("adt", "d1") == (told(CARLA, ANNA),)
    assert state.told_about([BERTA]) == (says(told(), source="ehr"),)
    state.commit(Work(at=AT, statements=(says(),)))
    assert (state.said_by("adt", "d1"), state.told_about([CARLA])) == ((), ())


def test_a_group_has_its_survivor_first_and_can_be_parted_again(state):
    state.commit(Work(at=AT, memberships=(Membership(patient=CARLA, survivor=BERTA), INTO_BERTA)))
    assert {state.group(one) for one in (ANNA, BERTA, CARLA)} == {(BERTA, ANNA, CARLA)}
    state.commit(Work(at=AT, memberships=(BACK,)))
    assert (state.group(ANNA), state.group(BERTA)) == ((ANNA,), (BERTA, CARLA))
    moved = (Membership(patient=BERTA, survivor=CARLA), Membership(patient=CARLA, survivor=CARLA))
    state.commit(Work(at=AT, memberships=moved))
    assert state.group(BERTA) == (CARLA, BERTA)


def test_findings_of_a_merged_record_are_those_of_the_surviving_one(state):
    state.commit(Work(at=AT, events=recorded(ANNA, BERTA), results=(result(ANNA), result(BERTA))))
    assert state.all_patients() == [ANNA, BERTA]
    state.commit(Work(at=AT, memberships=(INTO_BERTA,), results=(result(BERTA),)))
    assert (state.all_patients(), state.findings(ANNA)) == ([BERTA], ([{"n": 1}], []))
    assert (state.checks_due(AT, 9), state.counts()["findings"]) == ([BERTA], 1)
    state.commit(Work(at=AT, memberships=(BACK,), results=(result(ANNA),)))
    assert (state.all_patients(), state.checks_due(AT, 9)) == ([ANNA, BERTA], [ANNA, BERTA])


def test_history_stays_with_the_record_it_was_told_for(state):
    state.commit(Work(at=AT, events=recorded(ANNA), memberships=(INTO_BERTA,)))
    assert (state.recall(ANNA).recorded, state.recall(BERTA).recorded) == (recorded(ANNA), ())


def test_the_surviving_record_is_known_even_when_nothing_was_ever_told_of_it_but_the_merge(state):
    state.commit(Work(at=AT, events=recorded(ANNA), memberships=(INTO_BERTA,)))
    assert state.all_patients() == [BERTA]


def test_a_resource_belongs_to_the_record_of_its_fact_and_is_owed_under_the_surviving_one(state):
    merged = result(BERTA, create(), owners=(("f1", ANNA),))
    state.commit(Work(at=AT, memberships=(INTO_BERTA,), results=(merged,), deliver_to=("hapi",)))
    assert state.owners(["f1"]) == {"f1": ANNA}
    assert ([w.id for w in state.recall(ANNA).written], state.recall(BERTA).written) == (["f1"], ())
    assert [(row.id, row.patient) for row in state.due("hapi", AT, 9)] == [("f1", BERTA)]


@pytest.mark.parametrize("patient", [ANNA, BERTA])
def test_either_number_finds_the_resources_of_both(state, patient):
    results = (result(ANNA, create("f1")), result(BERTA, create("f2")))
    state.commit(Work(at=AT, results=results, memberships=(INTO_BERTA,)))
    total, found = state.search("Flag", patients=[patient])
    assert (total, [body["id"] for body, _, _ in found]) == (2, ["f1", "f2"])


def test_what_is_still_owed_goes_out_under_the_record_it_is_read_under(state):
    state.commit(Work(at=AT, results=(result(ANNA, create("f1"), create("f2")),), deliver_to=("hapi", "other")))
    (first, _) = state.due("hapi", AT, 9)
    state.settle([Outcome(row=first, state="confirmed")])
    state.commit(Work(at=AT, memberships=(INTO_BERTA,)))
    assert [(row.id, row.patient) for row in state.due("hapi", AT, 9)] == [("f2", BERTA)]
    assert {row.patient for row in state.due("other", AT, 9)} == {BERTA}
    state.commit(Work(at=AT, memberships=(BACK,)))
    assert [(row.id, row.patient) for row in state.due("hapi", AT, 9)] == [("f2", ANNA)]


def test_a_resource_written_again_is_owed_under_the_record_of_now(state):
    state.commit(Work(at=AT, results=(result(ANNA, create()),), deliver_to=("hapi",)))
    later = datetime(2025, 3, 11, tzinfo=UTC)
    update = Change(operation="update", after=flag())
    state.commit(
        Work(
            at=later,
            message=MessageRef(inbox="inbox", seq=2, source="adt"),
            memberships=(INTO_BERTA,),
            results=(result(BERTA, update),),
            deliver_to=("hapi",),
        )
    )
    assert [row.patient for row in state.due("hapi", later, 9)] == [BERTA]
    assert state.owners(["f1"]) == {"f1": ANNA}


def known(patient=ANNA, born="b1", *family, source="lab", record=""):
    return Person(patient=patient, source=source, born=born, family=family or ("f1",), record=record)


def test_whom_a_number_stands_for_is_remembered_once_by_marks(state):
    assert state.people(ANNA) == ()
    state.commit(Work(at=AT, people=(known(), known(), known(BERTA), known(ANNA, "b2", "f1", "f2"))))
    assert state.people(ANNA) == (known(), known(ANNA, "b2", "f1", "f2"))
    assert state.people(BERTA) == (known(BERTA),)


def test_merged_records_are_known_as_all_of_their_persons(state):
    state.commit(Work(at=AT, people=(known(), known(BERTA, "b2")), memberships=(INTO_BERTA,)))
    assert state.people(ANNA) == state.people(BERTA) == (known(BERTA, "b2"), known())


def test_a_patient_resource_says_it_in_its_newest_version_only(state):
    first, second = known(record="Patient/p1"), known(BERTA, "b2", record="Patient/p1")
    state.commit(Work(at=AT, people=(known(), first, known(source="ehr", record="Patient/p1"))))
    state.commit(Work(at=AT, people=(second,)))
    assert state.people(ANNA) == (known(source="ehr", record="Patient/p1"), known())
    assert state.people(BERTA) == (second,)


def test_why_a_message_waits_is_known_while_it_does(state):
    message = MessageRef(inbox="inbox", seq=3, source="lab")
    assert state.reason(message) is None
    parked = Parked(message=message, reason="possible-wrong-patient", problems=(), parked_at=AT)
    state.commit(Work(at=AT, message=message, parked=parked))
    assert state.reason(message) == "possible-wrong-patient"
    state.commit(Work(at=AT, resolved=(message,)))
    assert state.reason(message) is None
