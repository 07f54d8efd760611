from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from adapter.domain.activity import Activity, Reported
from adapter.domain.events import (
    ActivityMeasured,
    AsparaginaseAdministered,
    HypersensitivityRecorded,
    PatientRecord,
    PremedicationGiven,
    Recorded,
    Version,
)
from adapter.domain.message import MessageRef, PatientState, Work
from adapter.domain.problems import problem
from adapter.domain.times import exact_moment

AT = datetime(2025, 3, 10, 11, 30, tzinfo=UTC)
ANNA, BERTA, CARLA = "urn:mrn|1", "urn:mrn|2", "urn:mrn|3"


def dose(patient=ANNA, key="MedicationAdministration/m1", number=None, **changes):
    values = {
        "patient": patient,
        "source": "ehr",
        "key": key,
        "status": "completed",
        "version": Version(number=number),
        "product": "pegaspargase",
        "started": exact_moment(AT),
        "amount": Decimal(2500),
        "unit": "[IU]/m2",
    }
    return AsparaginaseAdministered(**(values | changes))


def level(patient=ANNA, key="LAB/F1/asparaginase-activity/", low="0.10", **changes):
    values = {
        "patient": patient,
        "source": "lab",
        "key": key,
        "status": "final",
        "letter": "F",
        "version": Version(updated=exact_moment(AT)),
        "activity": Activity(kind="number", low=Decimal(low), high=Decimal(low), number=Decimal(low)),
        "reported": Reported(value=low, unit="IU/mL", text=low),
    }
    return ActivityMeasured(**(values | changes))


def reaction(patient=ANNA, row=1, number=1):
    return HypersensitivityRecorded(
        patient=patient,
        source="ehr",
        key=f"AllergyIntolerance/a1/{row}",
        record="AllergyIntolerance/a1",
        verification="confirmed",
        version=Version(number=number),
    )


def recorded(*events, first=1):
    return tuple(Recorded(arrival=n, event=event) for n, event in enumerate(events, start=first))


def message(seq=1, inbox="inbox", source="ehr"):
    return MessageRef(
        inbox=inbox, seq=seq, source=source, sender="LAB|HOSP", control_id="A1", digest="d" * 64, file="a.hl7"
    )


def record(patient=ANNA, reference="Patient/p1", number=None, **changes):
    return PatientRecord(source="ehr", reference=reference, patient=patient, version=Version(number=number), **changes)


def history_of(state, patient, facts=()):
    return state.recall(patient, facts).recorded


def test_an_unknown_patient_has_an_empty_history(state):
    assert state.recall(ANNA) == PatientState(patient=ANNA, recorded=(), records=(), written=())
    assert (state.all_patients(), state.findings(ANNA), state.counts()) == (
        [],
        ([], []),
        {"parked": 0, "findings": 0, "resources": 0, "pending": 0},
    )


def test_events_come_back_exactly_and_in_order_of_arrival(state):
    late, early = Recorded(arrival=9, event=dose()), Recorded(arrival=2, event=level())
    assert state.commit(Work(at=AT, events=(late, early))) is True
    assert history_of(state, ANNA) == (early, late)
    assert str(history_of(state, ANNA)[0].event.activity.number) == "0.10"
    assert state.all_patients() == [ANNA]


def test_a_message_is_committed_exactly_once(state):
    work = Work(at=AT, message=message(5), events=recorded(dose()))
    assert (state.cursor("inbox"), state.commit(work), state.cursor("inbox")) == (0, True, 5)
    again = Work(at=AT, message=message(5), events=recorded(level()), problems=(problem("near-miss"),))
    assert state.commit(again) is False
    assert state.commit(Work(at=AT, message=message(4), events=recorded(level()))) is False
    assert (history_of(state, ANNA), state.problem_counts(), state.cursor("inbox")) == (recorded(dose()), {}, 5)
    assert state.commit(Work(at=AT, message=message(6))) is True


def test_each_inbox_has_its_own_cursor(state):
    state.commit(Work(at=AT, message=message(5)))
    state.commit(Work(at=AT, message=message(2, "inbox-core")))
    state.commit(Work(at=AT, message=message(3, "inbox-core")))
    assert (state.cursor("inbox"), state.cursor("inbox-core"), state.cursor("other")) == (5, 3, 0)
    assert state.counts() == {
        "messages:inbox": 1,
        "messages:inbox-core": 2,
        "parked": 0,
        "findings": 0,
        "resources": 0,
        "pending": 0,
    }


def test_a_versioned_event_received_again_keeps_its_first_arrival(state):
    state.commit(Work(at=AT, events=recorded(dose(number=1), first=3)))
    state.commit(Work(at=AT, events=recorded(dose(number=1), first=8)))
    assert history_of(state, ANNA) == recorded(dose(number=1), first=3)


def test_an_unversioned_event_received_again_counts_as_the_newest(state):
    given, stopped = dose(), dose(status="stopped")
    state.commit(Work(at=AT, events=recorded(given, stopped, first=1)))
    state.commit(Work(at=AT, events=recorded(given, first=3)))
    assert history_of(state, ANNA) == (Recorded(arrival=2, event=stopped), Recorded(arrival=3, event=given))


def test_an_unversioned_event_never_gets_an_earlier_arrival(state):
    state.commit(Work(at=AT, events=recorded(dose(), first=7)))
    state.commit(Work(at=AT, events=recorded(dose(), first=2)))
    assert history_of(state, ANNA) == recorded(dose(), first=7)


def test_a_fact_that_moved_to_another_patient_is_seen_by_both(state):
    before, after = dose(ANNA, number=1), dose(BERTA, number=2)
    state.commit(Work(at=AT, events=recorded(before, after)))
    assert history_of(state, ANNA) == recorded(before, after)
    assert history_of(state, BERTA) == recorded(before, after)
    assert history_of(state, CARLA) == ()


def test_a_dose_that_became_another_kind_of_fact_is_seen_with_all_its_versions(state):
    other = PremedicationGiven(
        patient=BERTA,
        source="ehr",
        key="MedicationAdministration/m1",
        status="completed",
        version=Version(number=2),
        role="corticosteroid",
        started=None,
    )
    state.commit(Work(at=AT, events=recorded(dose(ANNA, number=1), other)))
    assert history_of(state, ANNA) == recorded(dose(ANNA, number=1), other)


def test_the_rows_of_an_allergy_record_move_together(state):
    old, new = (reaction(ANNA, row=1), reaction(ANNA, row=2)), (reaction(BERTA, row=1, number=2),)
    state.commit(Work(at=AT, events=recorded(*old, *new)))
    assert {r.event for r in history_of(state, BERTA)} == {*old, *new}
    assert state.holders([reaction(CARLA, row=3, number=3)]) == (ANNA, BERTA, CARLA)


def test_a_sample_key_never_shows_the_sample_of_another_patient(state):
    state.commit(Work(at=AT, events=recorded(level(ANNA), level(BERTA))))
    assert history_of(state, ANNA) == (Recorded(arrival=1, event=level(ANNA)),)
    assert history_of(state, ANNA, [level(BERTA)]) == (Recorded(arrival=1, event=level(ANNA)),)
    assert state.holders([level(ANNA)]) == (ANNA,)


def test_the_same_key_of_another_source_is_another_fact(state):
    other = dose(BERTA, source="pharmacy")
    state.commit(Work(at=AT, events=recorded(dose(ANNA), other)))
    assert history_of(state, ANNA) == recorded(dose(ANNA))
    assert state.holders([dose(CARLA)]) == (ANNA, CARLA)


def test_facts_not_committed_yet_bring_their_earlier_versions_with_them(state):
    state.commit(Work(at=AT, events=recorded(dose(ANNA, number=1))))
    assert history_of(state, BERTA) == ()
    assert history_of(state, BERTA, [dose(BERTA, number=2)]) == recorded(dose(ANNA, number=1))
    assert state.holders([dose(BERTA, number=2)]) == (ANNA, BERTA)


def test_a_patient_record_is_recalled_by_the_patient_it_names_now(state):
    state.commit(Work(at=AT, patients=(record(ANNA, number=1), record(ANNA, "Patient/p2", deceased=True))))
    assert state.recall(ANNA).records == (record(ANNA, number=1), record(ANNA, "Patient/p2", deceased=True))
    state.commit(Work(at=AT, patients=(record(BERTA, number=2),)))
    assert state.recall(ANNA).records == (record(ANNA, "Patient/p2", deceased=True),)
    assert state.recall(BERTA).records == (record(BERTA, number=2),)


def test_an_older_patient_record_changes_nothing(state):
    state.commit(Work(at=AT, patients=(record(BERTA, number=2),)))
    state.commit(Work(at=AT, patients=(record(ANNA, number=1),)))
    assert (state.recall(ANNA).records, state.recall(BERTA).records) == ((), (record(BERTA, number=2),))


def test_a_record_without_a_mapped_identifier_belongs_to_nobody(state):
    state.commit(Work(at=AT, patients=(record(ANNA), record(None))))
    assert state.recall(ANNA).records == ()


def test_a_reference_names_the_patients_of_every_source(state):
    elsewhere = PatientRecord(source="lis", reference="Patient/p1", patient=ANNA)
    state.commit(
        Work(at=AT, patients=(record(BERTA), elsewhere, record(CARLA, "Patient/p2"), record(None, "Patient/p3")))
    )
    assert state.named_by("Patient/p1") == (ANNA, BERTA)
    assert (state.named_by("Patient/p3"), state.named_by("Patient/p9")) == ((), ())


def meta(version=None, updated=None):
    given = {"versionId": version, "lastUpdated": updated}
    return {"id": "p1", "meta": {name: value for name, value in given.items() if value}, "stamp": f"{version}{updated}"}


@pytest.mark.parametrize(
    ("first", "second", "wins"),
    [
        (meta("9"), meta("10"), "second"),
        (meta("10"), meta("9"), "first"),
        (meta("a"), meta("b"), "second"),
        (meta(updated="2025-03-10T10:00:00Z"), meta(updated="2025-03-10T10:00:01Z"), "second"),
        (meta(updated="2025-03-10T10:00:01Z"), meta(updated="2025-03-10T10:00:00Z"), "first"),
        (meta("2", "2025-03-10T10:00:01Z"), meta("3", "2025-03-10T10:00:00Z"), "second"),
        (meta(updated="soon"), meta(updated="2025-03-10T10:00:00Z"), "second"),
        (meta("7"), meta(), "second"),
    ],
)
def test_the_newest_version_of_a_supporting_resource_is_known(state, first, second, wins):
    for seq, resource in enumerate((first, second), start=1):
        state.commit(Work(at=AT, message=message(seq), known=(("Patient/p1", resource),)))
    assert state.known("ehr", "Patient/p1") == {"first": first, "second": second}[wins]


def test_a_supporting_resource_keeps_its_digits_and_belongs_to_its_source(state):
    order = {"resourceType": "MedicationRequest", "dose": Decimal("0.10"), "repeat": 3, "asNeeded": False}
    state.commit(Work(at=AT, message=message(1), known=(("MedicationRequest/r1", order),)))
    assert state.known("ehr", "MedicationRequest/r1") == order
    assert str(state.known("ehr", "MedicationRequest/r1")["dose"]) == "0.10"
    assert state.known("lab", "MedicationRequest/r1") is None


def test_problems_are_counted_by_code(state):
    state.commit(Work(at=AT, problems=(problem("near-miss"), problem("unit-missing"), problem("near-miss"))))
    state.commit(Work(at=AT, problems=(problem("near-miss"),)))
    assert state.problem_counts() == {"near-miss": 3, "unit-missing": 1}
