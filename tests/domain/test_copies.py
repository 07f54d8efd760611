"""An allergy that came again under another id counts once; one that says anything else counts too."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.copies import each_once
from adapter.domain.events import Coding, HypersensitivityRecorded, Recorded, Version
from adapter.domain.history import History, resolve
from adapter.domain.times import exact_moment, iso_moment

START = datetime(2025, 3, 3, 12, tzinfo=UTC)
ME = "urn:mrn|1"


def reaction(identity="a1", *, row=1, changed=1, number=1, **more):
    values = {
        "patient": ME,
        "source": "ehr",
        "key": f"AllergyIntolerance/{identity}/{row}",
        "record": f"AllergyIntolerance/{identity}",
        "verification": "confirmed",
        "version": Version(number=number, updated=exact_moment(START + timedelta(hours=changed))),
        "product": "pegaspargase",
        "occurred": exact_moment(START),
        "occurred_from": "reaction.onset",
        "manifestations": (Coding(code="4386001", system="sct"), Coding(code="126485001", system="sct")),
        "concepts": ("bronchospasm", "urticaria"),
        "severity": "severe",
    }
    return HypersensitivityRecorded(**(values | more))


def records_of(*rows):
    return [row.record for row in each_once(History(patient=ME, reactions=rows)).reactions]


def test_a_record_that_came_again_under_another_id_counts_once_and_the_older_one_stands():
    again = reaction("a0", changed=2)
    assert records_of(again, reaction()) == records_of(reaction(), again) == ["AllergyIntolerance/a1"]


def test_the_order_and_the_codes_of_what_was_seen_do_not_matter_where_our_words_are_the_same():
    again = reaction("a2", concepts=("urticaria", "bronchospasm"), manifestations=(Coding(code="X"), Coding(code="Y")))
    assert records_of(reaction(), again) == ["AllergyIntolerance/a1"]


@pytest.mark.parametrize(
    "change",
    [
        {"source": "other"},
        {"product": "crisantaspase"},
        {"concepts": ("bronchospasm",), "manifestations": (Coding(code="4386001"),)},
        {"manifestations": (Coding(code="1"), Coding(code="2"), Coding(code="3"))},
        {"occurred": exact_moment(START + timedelta(seconds=1))},
        {"occurred": iso_moment("2025-03-03")},
        {"occurred": None, "occurred_from": None},
        {"occurred_from": "recordedDate"},
        {"verification": "refuted"},
        {"severity": "mild"},
        {"grade": 3},
        {"text": "Adrenaline was given."},
    ],
)
def test_a_record_that_says_anything_else_stays_beside_it(change):
    assert len(records_of(reaction(), reaction("a2", changed=2, **change))) == 2


def test_two_rows_of_one_record_that_say_the_same_both_stay():
    assert len(records_of(reaction(), reaction(row=2))) == 2


def test_a_history_without_copies_is_the_very_same():
    history = History(patient=ME, reactions=(reaction(), reaction("a2", severity="mild")))
    assert each_once(history) is history


def test_a_withdrawal_of_the_old_id_leaves_the_new_record_standing():
    withdrawn = replace(
        reaction(number=2, changed=3), verification="entered-in-error", manifestations=(), concepts=(), occurred=None
    )
    facts = (reaction(), reaction("a2", changed=2), withdrawn)
    history = resolve(ME, [Recorded(arrival=n, event=event) for n, event in enumerate(facts)])
    assert [row.record for row in each_once(history).reactions] == ["AllergyIntolerance/a2"]


rows = st.lists(
    st.builds(
        reaction,
        st.sampled_from(["a1", "a2", "a3"]),
        changed=st.integers(0, 2),
        severity=st.sampled_from(["mild", "severe"]),
        source=st.sampled_from(["ehr", "clinic"]),
    ),
    max_size=5,
    unique_by=lambda row: (row.source, row.key),
)


@given(rows, st.data())
def test_each_statement_stands_exactly_once_whatever_their_order(reactions, data):
    kept = each_once(History(patient=ME, reactions=tuple(reactions))).reactions
    assert {(row.source, row.severity) for row in kept} == {(row.source, row.severity) for row in reactions}
    assert len(kept) == len({(row.source, row.severity) for row in reactions})
    mixed = each_once(History(patient=ME, reactions=tuple(data.draw(st.permutations(reactions))))).reactions
    assert set(mixed) == set(kept)
