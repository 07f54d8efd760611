from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from adapter.domain.message import OutboxRow, Outcome, OwedAgain, PatientResult, Work
from adapter.domain.outputs import Change, Written
from adapter.pipeline.outcomes import left_out

AT = datetime(2025, 3, 10, 11, 30, tzinfo=UTC)
ANNA, BERTA, CARLA = "urn:mrn|1", "urn:mrn|2", "urn:mrn|3"
LATER = AT + timedelta(hours=1)


def written(resource_id="f1", kind="flag", at=AT, resource_type=None, **changes):
    body_type = resource_type or ("Flag" if kind == "flag" else "Observation")
    values = {
        "kind": kind,
        "resource_type": body_type,
        "id": resource_id,
        "body": {"resourceType": body_type, "id": resource_id, "status": "active"},
        "content_hash": f"hash of {resource_id}",
        "state": "open",
        "grounds": ("ehr|MedicationAdministration/m1",),
        "topic": "inactivation" if kind == "flag" else None,
        "verdict": None,
        "first_written": at,
        "last_written": at,
    }
    return Written(**(values | changes))


def result(patient, *resources, **changes):
    changed = tuple(Change(operation="create", after=resource) for resource in resources)
    return PatientResult(**({"patient": patient, "findings": (), "changes": changed} | changes))


def commit(state, *results, at=AT, targets=("hapi",)):
    assert state.commit(Work(at=at, results=results, deliver_to=targets)) is True


def row(patient, resource, generation=1, attempts=0, target="hapi"):
    return OutboxRow(
        target=target,
        patient=patient,
        resource_type=resource.resource_type,
        id=resource.id,
        body=resource.body,
        content_hash=resource.content_hash,
        attempts=attempts,
        generation=generation,
    )


def test_findings_are_replaced_patient_by_patient(state):
    commit(state, result(ANNA, findings=({"exposure": "adequate"},)), result(BERTA, findings=({"n": 1}, {"n": 2})))
    commit(state, result(ANNA, findings=(), unlinked=({"dose": None, "value": "0.10"},)))
    assert state.findings(ANNA) == ([], [{"dose": None, "value": "0.10"}])
    assert state.findings(BERTA) == ([{"n": 1}, {"n": 2}], [])
    assert (state.all_patients(), state.counts()["findings"]) == ([ANNA, BERTA], 3)


def test_a_written_resource_comes_back_whole(state):
    flag = written(
        body={"resourceType": "Flag", "value": Decimal("0.10"), "deep": [{"a": True, "b": None, "c": 3}]},
        state="retracted",
        grounds=("lab|s1", "ehr|m1"),
        verdict={"mechanism": "not-assessable", "activity": Decimal("0.030")},
        last_written=LATER,
    )
    commit(state, result(ANNA, flag))
    assert state.recall(ANNA).written == (flag,)
    assert str(state.recall(ANNA).written[0].body["value"]) == "0.10"
    assert state.recall(BERTA).written == ()


def test_a_resource_written_again_stands_in_its_new_state_only(state):
    commit(state, result(ANNA, written("b"), written("a", "interpretation")))
    closed = written("b", state="closed", content_hash="other", last_written=LATER)
    commit(state, result(ANNA, closed), at=LATER)
    assert state.recall(ANNA).written == (closed, written("a", "interpretation"))
    assert state.counts()["resources"] == 2


def test_what_is_recalled_cannot_be_changed_by_its_reader(state):
    commit(state, result(ANNA, written()))
    state.recall(ANNA).written[0].body["status"] = "changed"
    assert state.recall(ANNA).written[0].body["status"] == "active"


def test_a_resource_belongs_to_the_patient_it_was_first_written_for(state):
    commit(state, result(ANNA, written("f1"), written("o1", "activity")))
    commit(state, result(BERTA, written("f1")), at=LATER)
    assert state.owners(["o1", "f1", "unknown"]) == {"f1": ANNA, "o1": ANNA}
    assert state.owners([]) == {}


def test_patients_are_due_for_a_check_from_its_very_instant(state):
    commit(
        state,
        result(ANNA, next_check=LATER),
        result(BERTA, next_check=LATER - timedelta(seconds=1)),
        result(CARLA, next_check=None),
    )
    assert state.checks_due(LATER - timedelta(microseconds=1), 10) == [BERTA]
    assert state.checks_due(LATER, 10) == [BERTA, ANNA]
    assert state.checks_due(LATER, 1) == [BERTA]
    commit(state, result(BERTA, next_check=None))
    assert state.checks_due(LATER, 10) == [ANNA]


def test_every_change_is_owed_to_every_target(state):
    commit(state, result(ANNA, written("f1")), targets=("hapi", "shadow"))
    assert state.due("hapi", AT, 10) == [row(ANNA, written("f1"))]
    assert state.due("shadow", AT, 10) == [row(ANNA, written("f1"), target="shadow")]
    assert state.due("other", AT, 10) == []
    assert state.counts()["pending"] == 2


def test_whole_patients_are_due_in_order_and_what_is_referred_to_goes_first(state):
    flag, reading, level = written("f1"), written("i1", "interpretation"), written("z1", "activity")
    commit(state, result(BERTA, flag, reading, level))
    commit(state, result(ANNA, written("f2")), at=LATER)
    commit(state, result(CARLA, written("f3")), at=LATER)
    expected = [row(BERTA, level), row(BERTA, reading), row(BERTA, flag), row(ANNA, written("f2"))]
    assert state.due("hapi", LATER, 2) == expected
    assert state.due("hapi", LATER, 1) == expected[:3]
    assert state.due("hapi", LATER, 0) == []


def test_what_is_withheld_is_owed_only_where_it_may_stand_already(state):
    commit(state, result(ANNA, written("f1"), written("f2")), targets=("held", "left"))
    state.settle([Outcome(row=due, state="confirmed", remote_id=due.id) for due in state.due("held", AT, 10)])
    state.settle([left_out(due, "other-authority") for due in state.due("left", AT, 10)])
    targets = ("held", "left", "new")
    withheld = frozenset((target, "f1") for target in targets)
    changed = result(ANNA, written("f1", content_hash="newer"))
    assert state.commit(Work(at=LATER, results=(changed,), deliver_to=targets, withheld=withheld))
    assert [[due.id for due in state.due(target, LATER, 10)] for target in targets] == [["f1"], [], []]
    assert [due.remote_id for due in state.due("held", LATER, 10)] == ["f1"]


def test_what_was_owed_and_left_out_is_followed_again_once_it_is_owed_again(state):
    commit(state, result(ANNA, written("f1")))
    state.settle([left_out(due, "other-authority") for due in state.due("hapi", AT, 10)])
    commit(state, result(ANNA, written("f1", content_hash="newer")), at=LATER)
    withheld = frozenset({("hapi", "f1")})
    newest = result(BERTA, written("f1", content_hash="newest"))
    assert state.commit(Work(at=LATER, results=(newest,), deliver_to=("hapi",), withheld=withheld))
    assert [(due.patient, due.content_hash) for due in state.due("hapi", LATER, 10)] == [(BERTA, "newest")]


def test_an_unchanged_resource_is_owed_again_and_the_answer_to_what_went_before_does_not_settle_it(state):
    commit(state, result(ANNA, written("f1"), written("f2")))
    under_way = state.due("hapi", AT, 10)
    again = OwedAgain(target="hapi", patient=BERTA, resource_type="Flag", id="f1")
    unknown = replace(again, target="other")
    assert state.commit(Work(at=LATER, deliver_to=("hapi",), owed_again=(again, unknown)))
    state.settle([Outcome(row=due, state="confirmed", remote_id=due.id) for due in under_way])
    (owed,) = state.due("hapi", LATER, 10)
    assert (owed.id, owed.patient, owed.generation, owed.remote_id) == ("f1", BERTA, 2, "f1")
    assert state.due("other", LATER, 10) == []
    commit(state, result(BERTA, written("f1", content_hash="newer")), at=LATER)
    assert [due.generation for due in state.due("hapi", LATER, 10)] == [3]


def test_only_the_present_state_is_owed(state):
    commit(state, result(ANNA, written("f1")))
    newer = written("f1", content_hash="newer", body={"resourceType": "Flag", "status": "inactive"})
    commit(state, result(ANNA, newer), at=LATER)
    assert state.due("hapi", LATER, 10) == [row(ANNA, newer, generation=2)]


def test_what_is_still_owed_keeps_its_place_in_the_queue(state):
    commit(state, result(BERTA, written("f1")), at=AT)
    commit(state, result(ANNA, written("f2")), at=AT + timedelta(minutes=1))
    commit(state, result(BERTA, written("f1")), at=LATER)
    assert [due.patient for due in state.due("hapi", LATER, 10)] == [BERTA, ANNA]
    assert state.oldest_pending("hapi") == AT


def test_a_confirmed_row_is_owed_no_more_until_its_resource_changes(state):
    commit(state, result(ANNA, written("f1")))
    state.settle([Outcome(row=row(ANNA, written("f1")), state="confirmed", remote_version="3")])
    assert (state.due("hapi", LATER, 10), state.oldest_pending("hapi")) == ([], None)
    assert state.outbox_counts("hapi") == {"pending": 0, "sent": 0, "confirmed": 1, "parked": 0}
    commit(state, result(ANNA, written("f1")), at=LATER)
    owed = replace(row(ANNA, written("f1"), generation=2), remote_version="3")
    assert state.due("hapi", LATER, 10) == [owed]
    assert state.oldest_pending("hapi") == LATER


def test_a_failed_row_is_due_again_from_its_retry_time_with_its_attempts_counted(state):
    commit(state, result(ANNA, written("f1")))
    outcome = Outcome(row=row(ANNA, written("f1")), state="pending", reason="503", retry_at=LATER)
    state.settle([outcome])
    assert state.due("hapi", LATER - timedelta(microseconds=1), 10) == []
    assert state.due("hapi", LATER, 10) == [row(ANNA, written("f1"), attempts=1)]


def test_a_newer_state_does_not_wait_for_the_retry_of_the_older_one(state):
    commit(state, result(ANNA, written("f1")))
    state.settle([Outcome(row=row(ANNA, written("f1")), state="pending", retry_at=LATER)])
    commit(state, result(ANNA, written("f1")), at=AT + timedelta(seconds=1))
    assert state.due("hapi", AT + timedelta(seconds=1), 10) == [row(ANNA, written("f1"), generation=2)]


SOON = LATER - timedelta(microseconds=1)


def unanswered(owed):
    """The outcome of an attempt of which nobody knows whether it arrived."""
    return Outcome(row=owed, state="pending", reason="timeout", retry_at=LATER, sent_hash="what was sent")


@pytest.mark.parametrize("newer", ["after the answer did not come", "while it was waited for"])
def test_a_newer_state_waits_while_the_older_one_may_still_arrive_and_its_patient_with_it(state, newer):
    commit(state, result(ANNA, written("f1"), written("f2")), result(BERTA, written("f3")))
    owed = next(row for row in state.due("hapi", AT, 10) if row.id == "f1")
    if newer == "while it was waited for":
        commit(state, result(ANNA, written("f1")), at=AT + timedelta(seconds=1))
    state.settle([unanswered(owed)])
    if newer == "after the answer did not come":
        commit(state, result(ANNA, written("f1")), at=AT + timedelta(seconds=1))
    assert [(row.patient, row.id) for row in state.due("hapi", SOON, 10)] == [(BERTA, "f3")]
    due = {row.id: row for row in state.due("hapi", LATER, 10)}
    assert due.keys() == {"f1", "f2", "f3"}
    assert (due["f1"].generation, due["f1"].attempts, due["f1"].sent_hash) == (2, 0, "what was sent")


def test_what_was_answered_and_what_has_no_newer_state_holds_nobody_back(state):
    commit(state, result(ANNA, written("f1"), written("f2")))
    first, second = state.due("hapi", AT, 10)
    state.settle([unanswered(first)])
    assert [row.id for row in state.due("hapi", SOON, 10)] == ["f1", "f2"]
    known = {"remote_hash": "what was sent", "sent_hash": "what was sent"}
    state.settle([Outcome(row=second, state="confirmed", **known)])
    commit(state, result(ANNA, written("f2")), at=AT + timedelta(seconds=1))
    assert [row.id for row in state.due("hapi", SOON, 10)] == ["f1", "f2"]


def test_those_who_are_held_back_take_nobodys_turn(state):
    commit(state, result(ANNA, written("f1"), written("f2")))
    commit(state, result(BERTA, written("f3")), at=AT + timedelta(seconds=2))
    state.settle([unanswered(next(row for row in state.due("hapi", AT, 1) if row.id == "f1"))])
    commit(state, result(ANNA, written("f1")), at=AT + timedelta(seconds=1))
    assert [(row.patient, row.id) for row in state.due("hapi", SOON, 1)] == [(BERTA, "f3")]
    assert {row.patient for row in state.due("hapi", LATER, 1)} == {ANNA}


def test_a_newer_state_goes_once_the_older_one_is_confirmed_after_all(state):
    commit(state, result(ANNA, written("f1")))
    (first,) = state.due("hapi", AT, 1)
    state.settle([unanswered(first)])
    commit(state, result(ANNA, written("f1")), at=AT + timedelta(seconds=1))
    known = {"remote_hash": "what was sent", "sent_hash": "what was sent"}
    state.settle([Outcome(row=first, state="confirmed", **known)])
    assert [row.generation for row in state.due("hapi", SOON, 1)] == [2]


def test_a_patient_with_something_due_is_due_whole(state):
    commit(state, result(ANNA, written("f1"), written("f2")))
    state.settle([Outcome(row=row(ANNA, written("f1")), state="pending", retry_at=LATER)])
    assert [owed.id for owed in state.due("hapi", LATER - timedelta(microseconds=1), 10)] == ["f1", "f2"]
    state.settle([Outcome(row=row(ANNA, written("f2")), state="confirmed")])
    assert state.due("hapi", LATER - timedelta(microseconds=1), 10) == []


def test_what_is_about_to_be_sent_is_remembered_also_when_a_newer_state_is_owed(state):
    commit(state, result(ANNA, written("f1")))
    (owed,) = state.due("hapi", AT, 10)
    commit(state, result(ANNA, written("f1")), at=LATER)
    state.remember_sent([replace(owed, sent_hash="a b")])
    (newer,) = state.due("hapi", LATER, 10)
    assert (newer.generation, newer.sent_hash, newer.attempts) == (2, "a b", 0)


def test_the_outcome_of_an_older_generation_settles_nothing(state):
    commit(state, result(ANNA, written("f1")))
    old = state.due("hapi", AT, 10)
    commit(state, result(ANNA, written("f1")), at=LATER)
    state.settle([Outcome(row=old[0], state="confirmed")])
    assert state.due("hapi", LATER, 10) == [row(ANNA, written("f1"), generation=2)]


def test_a_parked_row_waits_for_a_person_or_a_newer_state(state):
    commit(state, result(ANNA, written("f1")))
    state.settle([Outcome(row=row(ANNA, written("f1")), state="parked", reason="422")])
    assert state.due("hapi", LATER, 10) == []
    assert state.outbox_counts("hapi")["parked"] == 1
    commit(state, result(ANNA, written("f1")), at=LATER)
    assert state.outbox_counts("hapi") == {"pending": 1, "sent": 0, "confirmed": 0, "parked": 0}


def test_a_row_under_way_is_not_due_and_a_newer_state_is(state):
    commit(state, result(ANNA, written("f1")), result(BERTA, written("f2")))
    state.mark_sent(state.due("hapi", AT, 1))
    assert state.due("hapi", AT, 10) == [row(BERTA, written("f2"))]
    assert state.outbox_counts("hapi") == {"pending": 1, "sent": 1, "confirmed": 0, "parked": 0}
    commit(state, result(ANNA, written("f1")), at=LATER)
    assert row(ANNA, written("f1"), generation=2) in state.due("hapi", LATER, 10)


def test_settling_nothing_changes_nothing(state):
    state.settle([])
    state.mark_sent([])
    state.settle([Outcome(row=row(ANNA, written("f1")), state="confirmed")])
    assert state.outbox_counts("hapi") == {"pending": 0, "sent": 0, "confirmed": 0, "parked": 0}


def test_provenance_is_written_once_delivered_last_and_is_no_output_of_its_own(state):
    trail = {"resourceType": "Provenance", "id": "p1", "recorded": "2025-03-10T11:30:00Z"}
    commit(state, result(ANNA, written("f1"), provenance=(trail,)))
    commit(state, result(ANNA, provenance=(trail | {"recorded": "later"},)), at=LATER)
    assert [(due.resource_type, due.generation) for due in state.due("hapi", AT, 10)] == [
        ("Flag", 1),
        ("Provenance", 1),
    ]
    assert state.resource("Provenance", "p1") == (trail, 1, AT)
    assert (state.counts()["resources"], state.recall(ANNA).written) == (1, (written("f1"),))


def test_versions_of_a_resource_count_up(state):
    commit(state, result(ANNA, written("f1")))
    commit(state, result(ANNA, written("f1", body={"status": "inactive"})), at=LATER)
    assert state.resource("Flag", "f1") == ({"status": "inactive"}, 2, LATER)
    assert state.resource("Observation", "f1") is None


def test_two_changes_of_one_resource_in_one_commit_end_in_the_last(state):
    commit(state, result(ANNA, written("f1"), written("f1", body={"status": "inactive"})))
    assert state.resource("Flag", "f1") == ({"status": "inactive"}, 2, AT)
    assert [due.generation for due in state.due("hapi", AT, 10)] == [2]


def test_all_resources_of_some_types_are_given_by_reference(state):
    commit(state, result(ANNA, written("f1"), written("o1", "activity")), result(BERTA, written("f0")))
    assert list(state.resources("Flag")) == ["Flag/f0", "Flag/f1"]
    assert state.resources("Observation", "Flag")["Observation/o1"] == written("o1", "activity").body
    assert state.resources() == {}


def searchable(resource_id, *, status="active", codes=(), identifiers=(), kind="flag"):
    body = {
        "resourceType": "Flag" if kind == "flag" else "Observation",
        "id": resource_id,
        "status": status,
        "code": {"coding": [{"system": system, "code": code} for system, code in codes]},
        "identifier": [{"system": system, "value": value} for system, value in identifiers] + [{"value": resource_id}],
    }
    return written(resource_id, kind, body=body)


@pytest.fixture
def shelf(state):
    commit(
        state,
        result(ANNA, searchable("f1", codes=[("s", "x"), ("s", "y")], identifiers=[("k", "1")])),
        result(ANNA, searchable("f3", codes=[("t", "x")], status="inactive"), searchable("o1", kind="activity")),
    )
    commit(state, result(BERTA, searchable("f2", codes=[("s", "z")], identifiers=[("k", "2")])), at=LATER)
    return state


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ({}, ["f1", "f3", "f2"]),
        ({"patients": [ANNA]}, ["f1", "f3"]),
        ({"patients": [ANNA, BERTA]}, ["f1", "f3", "f2"]),
        ({"patients": []}, []),
        ({"ids": ["f2", "f3", "o1"]}, ["f3", "f2"]),
        ({"ids": []}, []),
        ({"code": [[("s", "x")]]}, ["f1"]),
        ({"code": [[(None, "x")]]}, ["f1", "f3"]),
        ({"code": [[("s", None)]]}, ["f1", "f2"]),
        ({"code": [[("", "x")]]}, []),
        ({"code": [[("s", "x"), ("s", "z")]]}, ["f1", "f2"]),
        ({"code": [[(None, "x")], [("s", "y")]]}, ["f1"]),
        ({"code": [[]]}, []),
        ({"identifier": [[("k", "2")]]}, ["f2"]),
        ({"identifier": [[("", "f3")]]}, ["f3"]),
        ({"identifier": [[("k", "1"), (None, "f2")]]}, ["f1", "f2"]),
        ({"status": [[(None, "inactive")]]}, ["f3"]),
        ({"status": [[(None, "active")]], "patients": [BERTA]}, ["f2"]),
        ({"last_updated": [("gt", AT)]}, ["f2"]),
        ({"last_updated": [("ge", AT), ("lt", LATER)]}, ["f1", "f3"]),
        ({"last_updated": [("le", AT)]}, ["f1", "f3"]),
        ({"last_updated": [("eq", LATER)]}, ["f2"]),
        ({"last_updated": [("ne", LATER)]}, ["f1", "f3"]),
    ],
)
def test_a_search_finds_what_meets_every_condition(shelf, conditions, found):
    total, entries = shelf.search("Flag", **conditions)
    assert (total, [body["id"] for body, _, _ in entries]) == (len(found), found)


def test_a_page_begins_behind_the_last_entry_of_the_one_before(shelf):
    total, first = shelf.search("Flag", count=1)
    assert (total, first) == (
        3,
        [(searchable("f1", codes=[("s", "x"), ("s", "y")], identifiers=[("k", "1")]).body, 1, AT)],
    )
    total, second = shelf.search("Flag", count=1, after=(AT, "f1"))
    assert (total, [(body["id"], version, at) for body, version, at in second]) == (3, [("f3", 1, AT)])
    total, third = shelf.search("Flag", count=5, after=(AT, "f3"))
    assert (total, [(body["id"], at) for body, _, at in third]) == (3, [("f2", LATER)])
    assert shelf.search("Flag", count=5, after=(LATER, "f2")) == (3, [])


def test_a_search_for_the_total_alone_gives_no_entries(shelf):
    assert shelf.search("Flag", count=0) == (3, [])


def test_a_changed_resource_is_found_by_its_new_codes_only(shelf):
    commit(shelf, result(ANNA, searchable("f1", codes=[("s", "w")])), at=LATER)
    assert shelf.search("Flag", code=[[("s", "x")]])[0] == 0
    assert shelf.search("Flag", code=[[("s", "w")]])[0] == 1


HELD = {"strategy": "search-first", "remote_id": "77", "remote_version": "3", "remote_hash": "a", "sent_hash": "b"}


def test_what_a_target_holds_is_remembered_and_an_outcome_that_says_nothing_changes_nothing(state):
    commit(state, result(ANNA, written("f1"), written("f2")))
    state.settle([Outcome(row=row(ANNA, written("f1")), state="confirmed", **HELD)])
    commit(state, result(ANNA, written("f1")), at=LATER)
    owed = replace(row(ANNA, written("f1"), generation=2), **HELD)
    assert state.due("hapi", LATER, 10)[0] == row(ANNA, written("f2"))
    assert state.due("hapi", LATER, 10)[1] == owed
    state.settle([Outcome(row=owed, state="pending", reason="busy", sent_hash="c")])
    assert state.due("hapi", LATER, 10)[1] == replace(owed, attempts=1, sent_hash="c")


def test_the_outcome_of_an_older_generation_still_tells_what_the_target_holds(state):
    commit(state, result(ANNA, written("f1")))
    commit(state, result(ANNA, written("f1")), at=LATER)
    state.settle([Outcome(row=row(ANNA, written("f1"), generation=1), state="confirmed", **HELD)])
    assert state.due("hapi", LATER, 10) == [replace(row(ANNA, written("f1"), generation=2), **HELD)]


def test_where_a_target_holds_resources_is_told_target_by_target(state):
    commit(state, result(ANNA, written("f1"), written("f2")), targets=("hapi", "epic"))
    state.settle([Outcome(row=row(ANNA, written("f1"), target="epic"), state="confirmed", **HELD)])
    assert state.places("epic", ["f1", "f2", "f3"]) == {"Flag/f1": "Flag/77", "Flag/f2": None}
    assert state.places("hapi", ["f1"]) == {"Flag/f1": None}
    assert state.places("hapi", []) == {}


def test_a_strategy_a_target_was_brought_down_to_is_remembered(state):
    assert state.strategies("hapi") == {}
    state.remember_strategy("hapi", "Flag", "conditional-create")
    state.remember_strategy("hapi", "Flag", "search-first")
    state.remember_strategy("epic", "Observation", "search-first")
    assert state.strategies("hapi") == {"Flag": "search-first"}
    assert state.strategies("epic") == {"Observation": "search-first"}
