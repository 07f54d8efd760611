"""Which patients are one person: a function of the set of statements, whatever order they came in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.identities import IdentityTold, connected, grouped
from adapter.domain.times import exact_moment, iso_moment

PATIENTS = ("a", "b", "c", "d", "e")
START = datetime(2025, 3, 1, tzinfo=UTC)


def merged(survivor, absorbed, hour=1):
    return said("merged", survivor, absorbed, hour)


def unlinked(one, other, hour=1):
    return said("unlinked", one, other, hour)


def said(status, survivor, absorbed, hour):
    at = None if hour is None else exact_moment(START + timedelta(hours=hour))
    return IdentityTold(source="registry", key="M1", status=status, survivor=survivor, absorbed=absorbed, at=at)


statements = st.lists(
    st.builds(
        said,
        st.sampled_from(["merged", "unlinked"]),
        st.sampled_from(PATIENTS),
        st.sampled_from(PATIENTS),
        st.none() | st.integers(0, 4),
    ),
    max_size=8,
)


def test_the_surviving_record_comes_first():
    assert grouped([merged("b", "a")]) == {"a": ("b", "a"), "b": ("b", "a")}


def test_nothing_told_groups_nobody():
    assert grouped([]) == {}


def test_a_chain_ends_in_its_last_record_whichever_link_is_older():
    for first, second in ((1, 2), (2, 1)):
        assert grouped([merged("b", "a", first), merged("c", "b", second)])["a"] == ("c", "a", "b")


def test_a_merge_back_lets_the_survivor_of_the_newest_merge_survive():
    assert grouped([merged("b", "a", 1), merged("a", "b", 2)])["a"] == ("a", "b")
    assert grouped([merged("b", "a", 1), merged("c", "b", 2), merged("a", "c", 3)])["c"] == ("a", "b", "c")


def test_a_record_merged_with_itself_stands_alone():
    assert grouped([merged("a", "a")]) == {"a": ("a",)}
    assert grouped([unlinked("a", "a")]) == {"a": ("a",)}


def test_a_record_merged_elsewhere_later_leaves_the_first():
    assert grouped([merged("b", "a", 1), merged("c", "a", 2)]) == {"a": ("c", "a"), "b": ("b",), "c": ("c", "a")}


def test_an_unlink_counts_by_its_time():
    told = [merged("b", "a", 2)]
    assert grouped([*told, unlinked("a", "b", 3)])["a"] == ("a",)
    assert grouped([*told, unlinked("b", "a", 2)])["a"] == ("a",)
    assert grouped([*told, unlinked("a", "b", 1)])["a"] == ("b", "a")
    assert grouped([*told, unlinked("a", "b", 3), merged("b", "a", 4)])["a"] == ("b", "a")


@pytest.mark.parametrize(
    ("unlink", "merge", "together"),
    [
        ("2025-03-20", "2025-03-20T23:59:59Z", False),
        ("2025-03-20", "2025-03-21T00:00:00Z", True),
        ("2025-03-20T09:00Z", "2025-03-20T09:00:59Z", False),
        ("2025-03-20T09:00Z", "2025-03-20T09:01:00Z", True),
        ("2025-03-20T09:00:30Z", "2025-03-20T09:00:30.500Z", False),
        ("2025-03-20T09:00:30.400Z", "2025-03-20T09:00:30.500Z", True),
        ("2025-03-20T09:00:00Z", "2025-03-20", False),
        ("2025-03-20T20:00:00", "2025-03-21T07:59:59Z", False),
        ("2025-03-20T20:00:00", "2025-03-21T08:00:01Z", True),
    ],
)
def test_only_a_merge_that_is_surely_later_undoes_an_unlink(unlink, merge, together):
    zone = None if "T" in unlink and not unlink.endswith("Z") else UTC
    told = [
        at("unlinked", iso_moment(unlink, default_zone=zone)),
        at("merged", iso_moment(merge, default_zone=UTC)),
    ]
    assert (grouped(told)["a"] == ("b", "a")) is together
    assert grouped(reversed(told)) == grouped(told)


def at(status, when):
    return replace(said(status, "b", "a", None), at=when)


def test_an_unlink_of_a_record_far_up_the_chain_takes_out_the_one_that_ended_there():
    chain = [merged("b", "a", 1), merged("c", "b", 2)]
    assert grouped([*chain, unlinked("c", "a", 3)]) == {"a": ("a",), "b": ("c", "b"), "c": ("c", "b")}
    assert grouped([*chain, unlinked("b", "c", 3)]) == {"a": ("b", "a"), "b": ("b", "a"), "c": ("c",)}


def test_two_that_ended_in_a_third_and_are_two_people_are_both_themselves_again():
    told = [merged("c", "a", 1), merged("c", "b", 2), unlinked("a", "b", 3)]
    assert grouped(told) == {"a": ("a",), "b": ("b",), "c": ("c",)}


def test_an_unlink_of_strangers_changes_nothing():
    assert grouped([merged("b", "a", 1), unlinked("a", "c", 2)])["a"] == ("b", "a")


def test_a_statement_without_a_time_counts_as_the_oldest():
    assert grouped([unlinked("a", "b", None), merged("b", "a", 0)])["a"] == ("b", "a")
    assert grouped([merged("b", "a", None), unlinked("a", "b", 0)])["a"] == ("a",)


@given(statements, st.data())
def test_the_order_and_the_number_of_statements_never_matter(told, data):
    mixed = data.draw(st.permutations(told)) + data.draw(
        st.lists(st.sampled_from(told), max_size=3) if told else st.just([])
    )
    assert grouped(mixed) == grouped(told)


@given(statements)
def test_groups_part_the_patients_and_name_everybody_once(told):
    groups = grouped(told)
    assert set(groups) == {patient for one in told for patient in one.pair}
    for patient, group in groups.items():
        assert patient in group
        assert len(set(group)) == len(group)
        assert all(groups[other] == group for other in group)


MOMENTS = [
    *("2025", "2025-03", "2025-03-20", "2025-03-20T09:00", "2025-03-20T09:00Z", "2025-03-20T09:00:20Z"),
    *("2025-03-21", "2025-03-21T00:00:00Z", "2025-04"),
]
intervals = st.lists(
    st.builds(at, st.sampled_from(["merged", "unlinked"]), st.sampled_from(MOMENTS).map(iso_moment)), max_size=6
)


@given(intervals)
def test_two_records_are_together_when_a_merge_is_surely_later_than_every_unlink(told):
    """Told at the finest by whole seconds, so that the end of a second is no matter here."""
    unlinks = [one.at.latest + timedelta(seconds=59 if one.at.precision == "minute" else 0) for one in told]
    unlinks = [end for end, one in zip(unlinks, told, strict=True) if one.status == "unlinked"]
    merges = [one.at.earliest for one in told if one.status == "merged"]
    together = any(all(merge > end for end in unlinks) for merge in merges)
    assert len(grouped(told).get("a", ("a",))) == 1 + together


@given(statements)
def test_only_what_a_merge_connects_is_joined(told):
    merges = [one for one in told if one.status == "merged"]
    for patient, group in grouped(told).items():
        reached, _ = connected([patient], lambda asked: {one for one in merges if set(one.pair) & set(asked)})
        assert set(group) <= reached


@given(statements, st.sampled_from(PATIENTS), st.sampled_from(PATIENTS))
def test_two_parted_last_are_always_two(told, one, other):
    groups = grouped([*told, unlinked(one, other, 9)])
    assert one == other or groups[one] != groups[other]


@given(statements, st.sampled_from(PATIENTS), st.sampled_from(PATIENTS))
def test_a_merge_told_last_always_joins_into_its_survivor(told, survivor, absorbed):
    groups = grouped([*told, merged(survivor, absorbed, 9)])
    assert groups[absorbed] == groups[survivor]


@given(statements, st.sampled_from(PATIENTS))
def test_the_statements_connected_with_a_patient_are_all_that_his_group_rests_on(told, patient):
    _, found = connected([patient], lambda asked: {one for one in told if set(one.pair) & set(asked)})
    assert grouped(found).get(patient, (patient,)) == grouped(told).get(patient, (patient,))
