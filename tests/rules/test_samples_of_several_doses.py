"""A sample that may belong to several doses, and what one level of a dose does to another (rulings 6 and 14)."""

from __future__ import annotations

import pytest

from adapter.domain.events import Version

TWIN = {"key": "MedicationAdministration/d2"}


@pytest.mark.parametrize(
    ("other", "hours", "value"),
    [
        # Adequate on day 7 of pegaspargase, early for calaspargase: one mechanism, two exposures.
        ("calaspargase", "168", "0.5"),
        # An early low of pegaspargase, a low trough of the native enzyme: one exposure, two mechanisms.
        ("native-ecoli", "72", "0.06"),
    ],
)
def test_a_sample_of_two_doses_says_only_what_both_would_say_in_exposure_and_mechanism(
    story, after, other, hours, value
):
    told = story().dose().dose(product=other, **TWIN).level(after(hours), value)
    for finding in told.read().findings:
        assert (finding.exposure, finding.mechanism, finding.rules) == (
            "indeterminate",
            "not-assessable",
            ("D0", "D0"),
        )
        assert len(finding.evidence["samples"][0]["possibilities"]) == 2


def test_a_sample_of_two_doses_says_what_both_say_alike(story, after):
    told = story().dose().dose(product="native-ecoli", **TWIN).level(after("168"), "0.5")
    findings = told.read().findings
    assert [finding.mechanism for finding in findings] == ["no-evidence-of-inactivation"] * 2
    # One other fact about one of them might leave them apart.
    assert [finding.evidence["alternatives_of"] for finding in findings] == [None, None]


@pytest.mark.parametrize(
    ("collected", "rule"), [("16 12:00", "D9"), ("17", "D4b")], ids=["of-this-dose", "of-this-dose-or-the-next"]
)
def test_a_good_level_that_may_be_of_the_next_dose_keeps_no_activity_of_this_one(story, after, collected, rule):
    told = story().dose().reaction(grade=2).level(after("250"), "0.09").dose("17", None, **TWIN)
    first = told.level(collected, "0.11").read().findings[0]
    assert (first.rules[0], "discordant" in first.modifiers) == (rule, False)


@pytest.mark.parametrize(("day_7", "rule"), [(None, "D4b"), ("0.5", "D9")])
def test_what_a_low_on_day_14_would_have_meant_hangs_on_another_good_level(story, after, day_7, rule):
    """A good level does not count as the other sample of itself."""
    told = story().dose().reaction(grade=2)
    told = told.level(after("168"), day_7) if day_7 else told
    changes = told.level(after("336"), "0.5").only().evidence["would_change"]
    assert {change["if"]: change["rule"] for change in changes}[
        "the level were detectable and below the threshold"
    ] == rule


@pytest.mark.parametrize(("first", "rule"), [("72", "D4b"), ("168", "D9")])
def test_only_a_good_level_inside_a_window_keeps_a_later_low_from_the_reaction(story, after, first, rule):
    told = story().dose().reaction(grade=2).level(after(first), "0.5").level(after("250"), "0.06")
    assert told.only().rules[1] == rule


def test_a_sample_of_a_known_and_an_unnamed_product_says_nothing_of_either(story, after):
    told = story().dose().dose(product="unspecified-asparaginase", **TWIN).level(after("168"), "0.5")
    findings = told.read().findings
    assert {finding.dose.product: finding.rules[0] for finding in findings} == {
        "pegaspargase": "D0",
        "unspecified-asparaginase": "D2",
    }
    assert {(finding.exposure, finding.mechanism) for finding in findings} == {("indeterminate", "not-assessable")}


def test_a_withheld_sample_leaves_a_reaction_open_for_the_dose_it_followed(story, after):
    told = story().dose().dose(product="calaspargase", **TWIN).reaction(grade=2).level(after("168"), "0.5")
    mechanisms = {bool(f.reactions): (f.rules[0], f.mechanism) for f in told.read().findings}
    assert mechanisms == {True: ("D0", "reaction-unresolved"), False: ("D0", "not-assessable")}


@pytest.mark.parametrize(
    "known",
    [
        {"received_by_laboratory": "10 12:00"},
        {"resulted": "10 12:00"},
        {"updated": "10 12:00"},
        {"sent": "10 12:00"},
        {"received_by_laboratory": "10 12:00", "resulted": "2025-06-10T12:00Z"},
        {"resulted": "10 12:00", "updated": "2025-06-10T12:00Z", "sent": "2025-06-10T12:00Z"},
        {"updated": "10 12:00", "sent": "2025-06-10T12:00Z"},
    ],
    ids="-".join,
)
def test_without_a_collection_time_the_first_time_after_it_finds_the_dose(story, moment_at, known):
    times = {name: moment_at(at) for name, at in known.items()}
    version = Version(number=1, updated=times.pop("updated", None), sent=times.pop("sent", None))
    parts = {"received_by_laboratory": None, "resulted": None, **times}
    reading = story().dose().level(None, "0.5", version=version, **parts).read("2025-07-01T12:00Z")
    assert (len(reading.findings[0].samples), reading.unlinked) == (1, ())


def test_a_sample_without_a_time_is_ambiguous_for_that_reason_and_not_for_the_day_of_the_dose(story, moment_at):
    told = story().dose().dose("17", None, **TWIN)
    told.level(None, "0.5", received_by_laboratory=moment_at("17"))
    for finding in told.read().findings:
        assert "sample-time-missing" in finding.modifiers
        assert "same-day-ambiguous" not in finding.modifiers
