"""Which doses a sample may belong to where their times are wide, equal, or too far back (rulings 4 to 6)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

DOSE_2 = {"key": "MedicationAdministration/d2"}
DOSE_3 = {"key": "MedicationAdministration/d3"}


@pytest.mark.parametrize(("collected", "linked"), [("2025-04-14T12:00Z", True), ("2025-04-14T12:01Z", False)])
def test_a_dose_that_may_still_run_is_read_up_to_42_days_and_once(story, collected, linked):
    reading = story().dose(status="on-hold").level(collected, "0.4").read("2025-05-01T00:00Z")
    assert [len(finding.samples) for finding in reading.findings] == [int(linked)]
    assert len(reading.unlinked) == int(not linked)


@pytest.mark.parametrize(("earlier", "doubtful"), [("2024-12-31T10:00Z", False), ("2025-01-10T10:00Z", True)])
def test_a_dose_too_old_for_the_sample_still_makes_another_one_doubtful(story, earlier, doubtful):
    """Of a dose charted in January, and one of 10 January, nobody knows which was the last."""
    told = story().dose(earlier, None).dose("2025-01", None, **DOSE_2).level("2025-03-10T10:00Z", "0.4")
    findings = told.read("2025-05-01T00:00Z").findings
    by_key = {finding.dose.key: finding for finding in findings}
    last = by_key["MedicationAdministration/d2"]
    assert len(last.samples) == 1
    assert ("same-day-ambiguous" in last.modifiers) is doubtful


def test_what_a_sample_would_say_is_told_in_the_order_of_the_doses(story):
    told = story().dose("17", None, **DOSE_2).dose("10 10:00", None, product="calaspargase").level("17", "0.5")
    for finding in told.read("20 12:00").findings:
        (sample,) = finding.evidence["samples"]
        assert [one["dose"][-2:] for one in sample["possibilities"]] == ["d1", "d2"]


def test_each_product_keeps_its_own_longest_time_between_dose_and_sample(story, rulebook):
    longer = {"calaspargase", "native-ecoli"}
    policies = tuple(
        replace(p, sample_link_days=replace(p.sample_link_days, value=Decimal(60))) if longer & set(p.products) else p
        for p in rulebook.policies
    )
    told = story(replace(rulebook, policies=policies)).dose()
    told.dose(**DOSE_2, product="calaspargase").dose(**DOSE_3, product="native-ecoli")
    reading = told.level("2025-04-22T12:00Z", "0.4").read("2025-05-01T00:00Z")
    assert {f.dose.product: len(f.samples) for f in reading.findings} == {
        "pegaspargase": 0,
        "calaspargase": 1,
        "native-ecoli": 1,
    }


@pytest.mark.parametrize("status", ["completed", "in-progress"])
@pytest.mark.parametrize(
    ("collected", "hours", "told"),
    [
        ("3 11:00", "-1", "before"),
        ("3 12:00", "0", "at"),
        ("3 13:00", "1", "1 h (day 0.0) after"),
        ("3", None, "possibly before"),
        ("10", None, "between 156 and 180 h after"),
    ],
)
def test_a_sample_stands_before_at_or_after_the_recorded_end_although_the_dose_may_still_run(
    story, moment_at, status, collected, hours, told
):
    finding = story().dose(status=status).level(collected, "0.4").only("18 12:00")
    assert finding.samples[0].hours_since_dose == hours
    at = moment_at(collected).text.replace(":00:00Z", ":00Z")
    assert f"0.4 IU/mL, collected {at}, {told} the end (2025-03-03T12:00Z) of pegaspargase" in finding.sentence


@pytest.mark.parametrize(
    ("received", "told"),
    [
        ("3 11:00", "not after"),
        ("3 12:00", "not after"),
        ("3 12:01", "at most 0.02 h after"),
        ("3", "at most 12 h after"),
        ("10 12:00", "at most 168 h after"),
    ],
)
def test_without_a_collection_time_the_receipt_is_the_latest_it_can_be(story, moment_at, received, told):
    finding = story().dose().level(None, "0.4", received_by_laboratory=moment_at(received)).only()
    assert f"0.4 IU/mL, collection time missing, {told} the end (2025-03-03T12:00Z) of pegaspargase" in finding.sentence
    assert finding.samples[0].hours_since_dose is None
    assert "during the administration" not in finding.sentence


@pytest.mark.parametrize(
    ("ended", "collected", "hours", "side", "reason"),
    [
        ("5 00:00", "4", ("-24", "0"), "before", "the sample was collected during the administration, or at its end"),
        ("4 23:59", "4", ("0", "0.02"), "possibly before", "the order of sample and dose is not known"),
        ("5", "5 00:00", ("-24", "0"), "before", "the sample was collected during the administration, or at its end"),
        ("5", "5 00:01", ("0", "0.02"), "possibly before", "the order of sample and dose is not known"),
    ],
)
def test_a_sample_is_certainly_inside_where_every_possible_time_is(story, ended, collected, hours, side, reason):
    finding = story().dose("3 10:00", ended).level(collected, "0.4").only()
    assert (finding.samples[0].hours_since_dose, finding.samples[0].hours_range) == (None, hours)
    assert f"The mechanism cannot be assessed: {reason} (rule D0)." in finding.sentence
    assert f", {side} the end (2025-03-0" in finding.sentence
    inside = "the sample was collected before the administration was over"
    because = finding.evidence["samples"][0]["because"]
    assert (inside in because) is (side == "before")
    order = "the order of sample and dose, or the dose the sample belongs to, is not known"
    assert (order in because) is ("same-day-ambiguous" in finding.modifiers) is (side == "possibly before")


@pytest.mark.parametrize(
    ("started", "reason"),
    [
        ("3 10:00", "the sample was collected during the administration, or at its end"),
        ("3 11:00", "the sample was collected during the administration, or at its end"),
        ("3", "the order of sample and dose is not known"),
    ],
)
def test_a_sample_is_inside_only_where_it_is_surely_behind_the_start(story, started, reason):
    finding = story().dose(started, "3 12:00").level("3 11:00", "0.4").only()
    assert f"The mechanism cannot be assessed: {reason} (rule D0)." in finding.sentence
    assert "the sample was collected before the administration was over" in finding.evidence["samples"][0]["because"]


@pytest.mark.parametrize("status", ["on-hold", "unknown", "in-progress"])
def test_a_sample_after_the_start_of_a_dose_that_is_not_over_is_not_said_to_be_inside_it(story, status):
    tale = story().dose().dose("10 10:00", None, status=status, key="MedicationAdministration/d2")
    first, second = tale.level("11 09:00", "0.3").read("18 12:00").findings
    assert "during the administration" not in first.sentence
    assert "the sample may belong to several doses, which lead to different readings (rule D0)" in first.sentence
    assert f"the dose record has status {status.replace('-', ' ')}, so a level cannot be assigned" in second.sentence
