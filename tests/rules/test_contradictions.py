"""The levels of one dose that contradict each other are found without comparing each with each (ruling 10)."""

from __future__ import annotations

from collections.abc import Sequence
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


def test_levels_by_different_methods_do_not_contradict_each_other(story):
    told = story().dose().level("10 12:00", "0.2", method="AHA").level("12 12:00", "0.9", method="MAAT")
    assert "discordant" not in told.only().modifiers
    assert "discordant" in told.level("13 12:00", "0.9", method="AHA").only().modifiers
