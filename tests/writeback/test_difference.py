"""What is written, left alone, closed or retracted between two states of a patient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.outputs import Change, Wanted, Written
from adapter.fhir import content_hash, dumps
from adapter.writeback.changes import changes_due
from adapter.writeback.difference import closing_times, difference, next_key

Make = Callable[..., Any]
NOON = datetime(2025, 3, 12, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(hours=5)


def apply(written: Sequence[Written], changes: Sequence[Change]) -> list[Written]:
    state = {output.id: output for output in written} | {change.after.id: change.after for change in changes}
    return list(state.values())


def wanted(kind: Any = "flag", key: str = "k", text: str = "a", **changes: Any) -> Wanted:
    body = {
        "resourceType": "Flag" if kind == "flag" else "Observation",
        "id": key,
        "identifier": [{"value": key}, {"value": "other"}],
        "status": "active" if kind == "flag" else "preliminary",
        "text": {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{text}</p></div>'},
    }
    plain = {
        "kind": kind,
        "resource_type": body["resourceType"],
        "id": key,
        "body": body,
        "content_hash": content_hash(body),
        "grounds": ("lab|s1",),
        "topic": "inactivation" if kind == "flag" else None,
    }
    return Wanted(**(plain | changes))


def steps(*states: tuple[Sequence[Wanted], frozenset[str]]) -> list[list[tuple[str, str, str]]]:
    """(operation, reference, status) of each step, applied one after the other an hour apart."""
    written: list[Written] = []
    told = []
    for number, (wants, withdrawn) in enumerate(states):
        changes = difference(wants, written, withdrawn=withdrawn, now=NOON + timedelta(hours=number))
        written = apply(written, changes)
        told.append([(c.operation, c.reference, c.after.body["status"]) for c in changes])
    return told


GONE = frozenset({"lab|s1"})
HERE: frozenset[str] = frozenset()


@pytest.mark.parametrize("kind", ["activity", "interpretation", "flag"])
def test_the_same_want_twice_is_written_once(kind: str) -> None:
    assert [len(step) for step in steps(([wanted(kind)], HERE), ([wanted(kind)], HERE))] == [1, 0]


def test_another_content_is_an_update() -> None:
    assert steps(([wanted(text="a")], HERE), ([wanted(text="b")], HERE)) == [
        [("create", "Flag/k", "active")],
        [("update", "Flag/k", "active")],
    ]


def test_a_flag_nobody_wants_closes_and_stays_closed() -> None:
    assert steps(([wanted()], HERE), ([], HERE), ([], HERE)) == [
        [("create", "Flag/k", "active")],
        [("close", "Flag/k", "inactive")],
        [],
    ]


def test_a_flag_whose_ground_was_withdrawn_is_retracted() -> None:
    assert steps(([wanted()], HERE), ([], GONE), ([], GONE))[1:] == [
        [("retract", "Flag/k", "entered-in-error")],
        [],
    ]


@pytest.mark.parametrize("kind", ["activity", "interpretation"])
@pytest.mark.parametrize("withdrawn", [HERE, GONE])
def test_an_observation_never_closes(kind: str, withdrawn: frozenset[str]) -> None:
    assert steps(([wanted(kind)], HERE), ([], withdrawn))[1] == [("retract", "Observation/k", "entered-in-error")]


@pytest.mark.parametrize("kind", ["activity", "interpretation"])
def test_an_observation_whose_fact_comes_back_is_written_again_under_its_own_id(kind: str) -> None:
    assert steps(([wanted(kind)], HERE), ([], GONE), ([wanted(kind)], HERE), ([wanted(kind)], HERE))[2:] == [
        [("update", "Observation/k", "preliminary")],
        [],
    ]


@pytest.mark.parametrize("withdrawn", [HERE, GONE])
def test_an_ended_flag_that_is_wanted_again_is_a_new_one(withdrawn: frozenset[str]) -> None:
    second, third = next_key("k", 2), next_key("k", 3)
    again = ([wanted()], HERE)
    nobody = ([], withdrawn)
    told = steps(again, nobody, again, again, nobody, again)
    assert [[(operation, reference) for operation, reference, _ in step] for step in told[2:]] == [
        [("create", f"Flag/{second}")],
        [],
        [("close" if withdrawn is HERE else "retract", f"Flag/{second}")],
        [("create", f"Flag/{third}")],
    ]


def test_a_new_flag_of_the_chain_carries_its_own_key() -> None:
    first = difference([wanted()], [], withdrawn=HERE, now=NOON)
    closed = apply([], difference([], apply([], first), withdrawn=HERE, now=NOON))
    (change,) = difference([wanted()], closed, withdrawn=HERE, now=LATER)
    key = next_key("k", 2)
    assert change.after.body["identifier"] == [{"value": key}, {"value": "other"}]
    assert change.after.body["id"] == key
    assert change.after.content_hash not in {output.content_hash for output in closed}


def test_evaluation_times_are_filled_in_and_left_out_of_the_hash() -> None:
    (flag,) = difference([wanted()], [], withdrawn=HERE, now=NOON)
    assert flag.after.body["period"] == {"start": "2025-03-12T12:00:00Z"}
    assert flag.after.content_hash == wanted().content_hash
    (updated,) = difference([wanted(text="b")], [flag.after], withdrawn=HERE, now=LATER)
    assert updated.after.body["period"] == {"start": "2025-03-12T12:00:00Z"}
    assert (updated.after.first_written, updated.after.last_written) == (NOON, LATER)
    (closed,) = difference([], [updated.after], withdrawn=HERE, now=LATER)
    assert closed.after.body["period"] == {"start": "2025-03-12T12:00:00Z", "end": "2025-03-12T17:00:00Z"}
    assert closed.after.content_hash != updated.after.content_hash
    (interpretation,) = difference([wanted("interpretation")], [], withdrawn=HERE, now=NOON)
    assert interpretation.after.body["issued"] == "2025-03-12T12:00:00Z"
    (activity,) = difference([wanted("activity")], [], withdrawn=HERE, now=NOON)
    assert activity.after.body == wanted("activity").body


def test_an_ended_resource_says_so_in_its_narrative() -> None:
    written = apply([], difference([wanted("interpretation")], [], withdrawn=HERE, now=NOON))
    (change,) = difference([], written, withdrawn=GONE, now=LATER)
    assert change.after.body["text"]["div"] == (
        '<div xmlns="http://www.w3.org/1999/xhtml"><p>Entered in error: what this was based on was withdrawn.</p>'
        "<p>a</p></div>"
    )
    assert change.after.body["issued"] == "2025-03-12T17:00:00Z"
    flag = apply([], difference([wanted()], [], withdrawn=HERE, now=NOON))
    (closed,) = difference([], flag, withdrawn=HERE, now=LATER)
    assert closed.after.body["text"]["div"] == (
        '<div xmlns="http://www.w3.org/1999/xhtml"><p>Closed: the findings no longer call for it.</p><p>a</p></div>'
    )


def test_a_verdict_remembers_since_when_it_stands() -> None:
    verdict = {"mechanism": "m", "exposure": "e"}
    (first,) = difference([wanted("interpretation", verdict=verdict)], [], withdrawn=HERE, now=NOON)
    (same,) = difference(
        [wanted("interpretation", text="b", verdict=verdict)], [first.after], withdrawn=HERE, now=LATER
    )
    (other,) = difference(
        [wanted("interpretation", text="c", verdict={**verdict, "mechanism": "n"})],
        [first.after],
        withdrawn=HERE,
        now=LATER,
    )
    assert [change.after.verdict["since"] for change in (first, same, other) if change.after.verdict] == [
        "2025-03-12T12:00:00Z",
        "2025-03-12T12:00:00Z",
        "2025-03-12T17:00:00Z",
    ]


def test_no_reversal_notice_means_no_closing_time() -> None:
    assert closing_times(apply([], difference([wanted()], [], withdrawn=HERE, now=NOON))) is None


@given(
    st.lists(
        st.lists(
            st.tuples(
                st.sampled_from(["activity", "interpretation", "flag"]), st.sampled_from("abc"), st.sampled_from("xy")
            ),
            max_size=4,
            unique_by=lambda row: row[:2],
        ).map(lambda rows: [wanted(kind, f"{kind}-{key}", text) for kind, key, text in rows]),
        max_size=5,
    ),
    st.booleans(),
)
def test_asking_twice_never_changes_anything(states: list[list[Wanted]], withdraw: bool) -> None:
    written: list[Written] = []
    for number, wants in enumerate(states):
        now = NOON + timedelta(hours=number)
        withdrawn = GONE if withdraw else HERE
        changes = difference(wants, written, withdrawn=withdrawn, now=now)
        written = apply(written, changes)
        assert difference(wants, written, withdrawn=withdrawn, now=now + timedelta(minutes=1)) == ()
        assert len({change.after.id for change in changes}) == len(changes)
        standing = {output.content_hash for output in written if output.state == "open"}
        assert len(standing) == len(wants)


def test_rendering_the_same_history_twice_changes_nothing(make: SimpleNamespace, site: dict[str, Any]) -> None:
    dose, sample = make.dose(), make.sample("0.10")
    args = (
        make.interpretation(make.finding(dose=dose, samples=(sample,))),
        make.history(doses=(dose,), samples=(sample,)),
    )
    changes = changes_due(*args, [], **site, now=NOON)
    assert [(change.operation, change.after.kind) for change in changes] == [
        ("create", "activity"),
        ("create", "interpretation"),
        ("create", "flag"),
    ]
    assert b'"value":0.10,' in dumps(changes[0].after.body)
    written = [change.after for change in changes]
    assert changes_due(*args, written, **site, now=LATER) == ()


def test_a_withdrawn_dose_retracts_what_rested_on_it_and_leaves_the_level(
    make: SimpleNamespace,
    site: dict[str, Any],
    check_resource: Make,
) -> None:
    dose, sample = make.dose(), make.sample()
    first = changes_due(
        make.interpretation(make.finding(dose=dose, samples=(sample,))),
        make.history(doses=(dose,), samples=(sample,)),
        [],
        **site,
        now=NOON,
    )
    lone = make.finding("not-assessable", "indeterminate", samples=(sample,), modifiers=("no-dose-known",))
    second = changes_due(
        make.interpretation(unlinked=(lone,)),
        make.history(samples=(sample,), withdrawn=frozenset({f"play|{dose.key}"})),
        [change.after for change in first],
        **site,
        now=LATER,
    )
    assert [(c.operation, c.after.kind, c.after.topic) for c in second] == [
        ("create", "interpretation", None),
        ("create", "flag", "data-check"),
        ("create", "flag", "conclusion-reversed"),
        ("retract", "interpretation", None),
        ("retract", "flag", "inactivation"),
    ]
    for change in second:
        check_resource(change.after.body)
