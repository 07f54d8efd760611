"""A sentence of very many samples stays one a person can read: what the reading rests on, the latest, and a count."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from adapter.rules.listing import MOST_LISTED, MOST_RECENT

START = datetime(2025, 3, 3, 12, 0, tzinfo=UTC)


def sampled(story, values, letter="F"):
    """One dose with a sample each hour from day 5 on."""
    lines = story().dose()
    for number, value in enumerate(values):
        taken = START + timedelta(days=5, hours=number)
        lines.level(taken, value, letter=letter, key=f"LAB/{number:03d}/asparaginase-activity/1")
    return lines.only("2025-04-30T12:00Z")


def told_of(finding):
    """The values told, as sent."""
    return [value for value in (f"0.{number} IU/mL" for number in range(200, 500)) if value in finding.sentence]


@pytest.mark.parametrize(
    ("count", "told", "rest"),
    [
        (MOST_LISTED, MOST_LISTED, ""),
        (MOST_LISTED + 1, MOST_RECENT, f"{MOST_LISTED + 1 - MOST_RECENT} further samples"),
    ],
)
def test_all_of_a_few_levels_are_told_and_of_many_the_latest(story, count, told, rest):
    finding = sampled(story, [f"0.{200 + number}" for number in range(count)])
    assert told_of(finding) == [f"0.{number} IU/mL" for number in range(200 + count - told, 200 + count)]
    counted = " of this dose stand in the evidence only."
    assert (counted in finding.sentence) is bool(rest)
    assert rest in finding.sentence
    assert len(finding.evidence["samples"]) == count


def test_of_many_levels_those_the_reading_rests_on_are_told(story):
    values = ["0.200", "<0.03", *[f"<{1 + number}" for number in range(12)]]
    finding = sampled(story, values)
    (deciding,) = [s for s in finding.evidence["samples"] if s["decides_mechanism"]]
    assert deciding["told"] in finding.sentence
    (headline,) = [s for s in finding.evidence["samples"] if s["decides_exposure"]]
    assert headline["told"] in finding.sentence
    assert "further samples of this dose" in finding.sentence


def test_all_of_a_few_samples_without_a_level_are_told_and_of_many_the_latest(story):
    assert (
        sampled(story, [None] * MOST_LISTED, letter="X").sentence.count("was cancelled by the laboratory")
        == MOST_LISTED
    )
    finding = sampled(story, [None] * (MOST_LISTED + 2), letter="X")
    assert finding.sentence.count("was cancelled by the laboratory") == MOST_RECENT
    assert (
        f"{MOST_LISTED + 2 - MOST_RECENT} further samples of this dose stand in the evidence only." in finding.sentence
    )


def test_the_sentence_does_not_grow_with_the_samples(story):
    some, many = (len(sampled(story, ["0.5"] * count).sentence) for count in (20, 200))
    assert many <= some + 100


@pytest.mark.parametrize(
    ("reacted", "first", "second"),
    [
        # Low on day 7 and on day 14: the mechanism rests on the first, the exposure on the second.
        (False, ("168", "0.061"), ("336", "0.052")),
        # Activity was kept on day 7: the mechanism rests on it, the exposure on the low of day 14.
        (True, ("168", "0.501"), ("336", "0.052")),
        # The low between the windows says the same as the good level.
        (True, ("168", "0.501"), ("250", "0.052")),
    ],
)
def test_of_many_levels_the_one_of_the_mechanism_and_the_one_of_the_exposure_are_told(
    story, after, reacted, first, second
):
    told = story().dose().reaction(grade=2) if reacted else story().dose()
    for hours, value in (first, second):
        told.level(after(hours), value)
    for number in range(MOST_LISTED + 1):
        told.level(after(337 + number), f"<0.2{number:02d}", comment="first only" if number == 0 else None)
    sentence = told.only("2025-04-30T12:00Z").sentence
    assert f"{first[1]} IU/mL, collected" in sentence
    assert f"{second[1]} IU/mL, collected" in sentence
    assert "<0.207 IU/mL, collected" not in sentence
    assert "first only" not in sentence
