"""The levels of one dose that contradict each other are found without comparing each with each (ruling 10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.rules.contradictions import Comparable, contradicting

BASE = datetime(2025, 3, 10, 12, 0, tzinfo=UTC)
TENTHS = st.integers(0, 12).map(lambda tenths: Decimal(tenths) / 10)


def pairwise(levels: Sequence[Comparable]) -> dict[str, str]:
    """The rule as it is written: every pair of levels, in the order of collection, the first verdict standing."""
    found: dict[str, str] = {}
    for first, second in combinations(levels, 2):
        verdict = against(first, second)
        if verdict:
            found.setdefault(first.name, verdict)
            found.setdefault(second.name, verdict)
    return found


def against(first: Comparable, second: Comparable) -> str | None:
    if first.earliest == first.latest == second.earliest == second.latest:
        return "straddles" if first.good != second.good else None
    if first.latest >= second.earliest or first.method != second.method or first.ceiling_iu_per_ml is None:
        return None
    return "discordant" if second.low_iu_per_ml > first.ceiling_iu_per_ml else None


@st.composite
def levels(draw) -> list[Comparable]:
    """Few instants, lengths, methods and values, so that most levels meet another one."""
    drawn = []
    for number in range(draw(st.integers(0, 12))):
        start = BASE + timedelta(hours=draw(st.integers(0, 8)))
        drawn.append(
            Comparable(
                name=f"lab|{number}",
                earliest=start,
                latest=start + timedelta(hours=draw(st.sampled_from((0, 0, 0, 1, 5)))),
                method=draw(st.sampled_from((None, "AHA", "MAAT"))),
                good=draw(st.booleans()),
                low_iu_per_ml=draw(TENTHS),
                ceiling_iu_per_ml=draw(st.one_of(st.none(), TENTHS)),
            )
        )
    return sorted(drawn, key=lambda level: (level.earliest, level.name))


@given(levels=levels())
def test_every_level_of_a_contradicting_pair_is_found_and_no_other(levels):
    assert dict(contradicting(levels)) == pairwise(levels)


def level(name: str, hour: int, low: str, ceiling: str | None = None, *, good: bool = True) -> Comparable:
    at = BASE + timedelta(hours=hour)
    return Comparable(
        name=name,
        earliest=at,
        latest=at,
        method="AHA",
        good=good,
        low_iu_per_ml=Decimal(low),
        ceiling_iu_per_ml=None if ceiling is None else Decimal(ceiling),
    )


@pytest.mark.parametrize(
    ("later", "found"),
    [("0.26", {}), ("0.27", {"first": "discordant", "last": "discordant"})],
)
def test_a_later_level_contradicts_above_the_ceiling_of_the_earlier_one_only(later, found):
    assert dict(contradicting([level("first", 0, "0.2", "0.26"), level("last", 1, later, "0.9")])) == found


def test_a_level_without_a_ceiling_is_never_exceeded():
    assert dict(contradicting([level("first", 0, "0.2"), level("last", 1, "0.9")])) == {}


def test_an_earlier_level_decides_before_the_other_tube_and_that_before_a_later_level():
    tubes = [level("low", 1, "0.0", "0.05", good=False), level("ok", 1, "0.5", "0.6")]
    assert dict(contradicting(tubes)) == {"low": "straddles", "ok": "straddles"}
    assert dict(contradicting([level("before", 0, "0.1", "0.2"), *tubes])) == {
        "before": "discordant",
        "low": "straddles",
        "ok": "discordant",
    }
    assert dict(contradicting([*tubes, level("after", 2, "0.1", "0.2")])) == {
        "low": "straddles",
        "ok": "straddles",
        "after": "discordant",
    }


def test_each_later_level_is_held_against_the_lowest_ceiling_before_it_and_not_against_a_later_one():
    rising = [level("high", 0, "0.7", "0.9"), level("low", 1, "0.2", "0.3"), level("last", 2, "0.5")]
    assert dict(contradicting(rising)) == {"low": "discordant", "last": "discordant"}
    falling = [level("high", 0, "0.9", "1.2"), level("low", 1, "0.1", "0.3"), level("last", 2, "0.1", "0.3")]
    assert dict(contradicting(falling)) == {}


def test_a_level_known_by_its_date_is_no_second_tube_of_the_instant_its_day_begins():
    day = level("day", 0, "0.05", "0.07", good=False)
    day = replace(day, latest=day.earliest + timedelta(hours=24))
    assert dict(contradicting([level("tube", 0, "0.5", "0.7"), day])) == {}
    other = replace(level("other", 0, "0.05", "0.07", good=False), name="other")
    assert set(dict(contradicting([level("tube", 0, "0.5", "0.7"), other, day]))) == {"tube", "other"}


@pytest.mark.parametrize(
    "unusable",
    [
        {"value": "0.05", "letter": "P"},
        {"value": "0.05", "remarks": ("unit-missing",)},
        {"value": None, "letter": "X"},
        {"value": "<0.2"},
        {"value": "0.05", "lloq_iu_per_ml": Decimal("0.2")},
    ],
    ids=["preliminary", "without-unit", "cancelled", "either-side", "below-a-high-quantification-limit"],
)
def test_only_levels_that_can_be_used_contradict_each_other(story, unusable):
    """A result that supports no verdict itself takes none away; and it hides no contradiction after it."""
    told = story().dose().level("9 12:00", **unusable).level("12 12:00", "0.9")
    assert (told.only().rules[1], "discordant" in told.only().modifiers) == ("D16", False)
    told = story().dose().level("9 12:00", **unusable).level("10 12:00", "0.2").level("12 12:00", "0.9")
    assert told.only().rules[1:3] == ("D3", "D3")
    assert "discordant" in told.only().modifiers


def test_levels_of_a_dose_whose_record_is_not_settled_contradict_nothing(story):
    """Whether and when it was given is open, so a rise may be another dose (ruling 5)."""
    told = story().dose(status="unknown").level("10 12:00", "0.05").level("12 12:00", "0.9")
    assert (told.only().rules[:2], "discordant" in told.only().modifiers) == (("D0", "D0"), False)


def test_a_level_that_may_belong_to_the_next_dose_does_not_contradict_one_of_this_dose(story):
    told = story().dose().level("15 12:00", "0.2").dose("17", None, key="MedicationAdministration/d2")
    first, second = told.level("17", "0.9").read().findings
    assert "discordant" not in (*first.modifiers, *second.modifiers)


def test_a_sample_taken_during_the_infusion_hides_no_contradiction_of_later_ones(story):
    told = story().dose().level("3 11:00", "0.4").level("10 12:00", "0.2").level("12 12:00", "0.9")
    assert told.only().rules[:3] == ("D0", "D3", "D3")


@pytest.mark.parametrize("policy", [True, False])
def test_a_level_the_history_calls_discordant_supports_no_verdict(story, rulebook, policy):
    """Two reports of one time that cannot both be true are found where the versions of a result are compared."""
    told = story(rulebook if policy else replace(rulebook, policies=()))
    finding = told.dose().level("10 12:00", "0.5", remarks=("discordant",)).level("11 12:00", "0.6").only()
    assert finding.rules[0] == "D3"
    assert (finding.evidence["samples"][0]["contradiction"], finding.evidence["samples"][1]["contradiction"]) == (
        "discordant",
        None,
    )


def test_levels_by_different_methods_do_not_contradict_each_other(story):
    told = story().dose().level("10 12:00", "0.2", method="AHA").level("12 12:00", "0.9", method="MAAT")
    assert "discordant" not in told.only().modifiers
    assert "discordant" in told.level("13 12:00", "0.9", method="AHA").only().modifiers
