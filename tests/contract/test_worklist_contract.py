"""The work list on every store: what waits, for what, since when, and how it leaves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from adapter.domain.message import MessageRef, Parked, Work
from adapter.domain.problems import problem

AT = datetime(2025, 3, 10, 11, 30, tzinfo=UTC)


def message(seq=1, inbox="inbox", source="ehr"):
    return MessageRef(
        inbox=inbox, seq=seq, source=source, sender="LAB|HOSP", control_id="A1", digest="d" * 64, file="a.hl7"
    )


def waiting(seq, *references, at=AT, reason="unknown-patient", source="ehr"):
    return Parked(
        message=message(seq, source=source),
        reason=reason,
        problems=(problem("unknown-patient", where="MedicationAdministration.subject"),),
        waits_for=references,
        parked_at=at,
    )


def test_a_parked_message_is_found_by_what_it_waits_for(state):
    later = AT + timedelta(minutes=1)
    state.commit(Work(at=AT, message=message(1), parked=waiting(1, "Patient/p1", "Medication/x", at=later)))
    state.commit(Work(at=AT, message=message(2), parked=waiting(2, "Patient/p1")))
    assert state.waiting_for("ehr", ["Patient/p1", "Medication/x"]) == [message(2), message(1)]
    assert state.waiting_for("ehr", ["Medication/x"]) == [message(1)]
    assert state.waiting_for("lab", ["Patient/p1"]) == []
    assert state.waiting_for("ehr", []) == []


def test_what_messages_of_a_source_wait_for_is_told_once_and_in_order(state):
    state.commit(Work(at=AT, message=message(1), parked=waiting(1, "Patient/p1", "Medication/x")))
    state.commit(Work(at=AT, message=message(2), parked=waiting(2, "Patient/p1")))
    assert state.awaited("ehr", 10) == ["Medication/x", "Patient/p1"]
    assert state.awaited("ehr", 1) == ["Medication/x"]
    assert state.awaited("lab", 10) == []
    state.commit(Work(at=AT, message=message(3), resolved=(message(1),)))
    assert state.awaited("ehr", 10) == ["Patient/p1"]


def test_what_waits_on_for_something_else_is_found_by_that_and_has_waited_since_it_came(state):
    state.commit(Work(at=AT, message=message(1), parked=waiting(1, "Medication/x", reason="medication-unresolved")))
    later = AT + timedelta(hours=1)
    state.commit(Work(at=later, message=message(2), waiting=(waiting(1, "Patient/p1", at=later),)))
    assert state.waiting_for("ehr", ["Medication/x"]) == []
    assert state.waiting_for("ehr", ["Patient/p1"]) == [message(1)]
    assert state.parked() == [waiting(1, "Patient/p1")]


def test_the_work_list_is_read_whole_or_by_reason(state):
    unknown, near = waiting(1, "Patient/p2", "Patient/p1"), waiting(2, reason="near-miss")
    state.commit(Work(at=AT, message=message(1), parked=unknown))
    state.commit(Work(at=AT, message=message(2), parked=near))
    assert state.parked() == [unknown, near]
    assert state.parked("near-miss") == [near]
    assert state.counts()["parked"] == 2


def test_a_resolved_message_leaves_the_work_list_with_the_commit(state):
    state.commit(Work(at=AT, message=message(1), parked=waiting(1, "Patient/p1")))
    state.commit(Work(at=AT, message=message(2), resolved=(message(1),)))
    assert (state.parked(), state.waiting_for("ehr", ["Patient/p1"])) == ([], [])


def test_a_message_parked_again_waits_for_the_new_references_only(state):
    state.commit(Work(at=AT, message=message(1), parked=waiting(1, "Patient/p1")))
    state.commit(Work(at=AT, message=message(2), resolved=(message(1),), parked=waiting(1, "Medication/x")))
    assert state.parked() == [waiting(1, "Medication/x")]
    assert state.waiting_for("ehr", ["Patient/p1"]) == []


@pytest.mark.parametrize("resolved", [(), (message(1),)])
def test_a_message_parked_again_has_waited_since_it_was_parked_first(state, resolved):
    later = AT + timedelta(days=3)
    state.commit(Work(at=AT, message=message(1), parked=waiting(1, "Patient/p1")))
    state.commit(Work(at=later, resolved=resolved, parked=waiting(1, reason="near-miss", at=later)))
    assert state.parked() == [waiting(1, reason="near-miss")]


def test_a_message_that_left_the_work_list_and_comes_back_waits_anew(state):
    later = AT + timedelta(days=3)
    state.commit(Work(at=AT, message=message(1), parked=waiting(1, "Patient/p1")))
    state.commit(Work(at=AT, resolved=(message(1),)))
    state.commit(Work(at=later, parked=waiting(1, "Patient/p1", at=later)))
    assert state.parked() == [waiting(1, "Patient/p1", at=later)]
