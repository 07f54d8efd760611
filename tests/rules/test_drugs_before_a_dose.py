"""Which drugs stand before a dose, at the edges of minute, day and course (rulebook 2.10)."""

from __future__ import annotations

import pytest

from adapter.rules.interpretation import judge
from adapter.rules.premedication import surely_before


@pytest.mark.parametrize(
    ("given", "dose", "found"),
    [
        # Charted in one minute a drug was given for the dose; begun in one second it was not given before it.
        ("2025-03-03T10:00:00Z", "2025-03-03T10:00:00Z", True),
        ("2025-03-03T10:00:30Z", "2025-03-03T10:00:30Z", False),
        ("2025-03-03T10:00:29Z", "2025-03-03T10:00:30Z", True),
        ("2025-03-03T10:00:00Z", "2025-03-03T10:00:30Z", True),
        ("2025-03-03T10:01:00Z", "2025-03-03T10:00:30Z", False),
        ("2025-03-03T10:00:00Z", "3", True),
        ("3", "2025-03-03T10:00:00Z", True),
        ("4", "2025-03-03T10:00:00Z", False),
    ],
)
def test_a_drug_is_one_before_the_dose_up_to_the_minute_of_its_start(story, given, dose, found):
    assert bool(story().dose(dose, None).drug(given).only("5 12:00").premedication) is found


@pytest.mark.parametrize(
    ("started", "ended", "found"),
    [
        ("2025-01-20T10:00:00Z", "2025-03-03T10:00:00Z", True),
        ("2025-01-20T09:59:00Z", "2025-03-03T10:00:00Z", False),
        ("2025-02-20T10:00:00Z", "2025-03-02T10:00:00Z", True),
        ("2025-02-20T10:00:00Z", "2025-03-02T09:59:00Z", False),
    ],
    ids=["42-days", "longer", "ended-in-the-window", "ended-before-it"],
)
def test_a_course_of_steroids_counts_where_it_reaches_the_window_and_began_within_42_days(
    story, moment_at, started, ended, found
):
    told = story().dose().drug(started, "leukaemia-steroid", ended=moment_at(ended))
    assert bool(told.only("4 12:00").premedication) is found


@pytest.mark.parametrize("status", ["entered-in-error", "not-done", "on-hold"])
def test_a_drug_that_was_not_given_or_has_no_start_is_none(story, moment_at, status):
    told = story().dose().drug(status=status).drug(None, ended=moment_at("3 09:30"))
    assert told.only("4 12:00").premedication == ()


@pytest.mark.parametrize(
    ("given", "dose", "sure"),
    [
        ("3 09:30", "3 10:00", True),
        ("2", "3 10:00", True),
        ("3", "3 10:00", False),
        ("3 09:30", "3", False),
        ("2 20:00", "3", True),
        ("3", "2025-03-03T23:59:59Z", False),
        ("3", "2025-03-04T00:00:00Z", True),
    ],
)
def test_the_order_of_drug_and_dose_is_known_where_the_times_show_it(story, rulebook, moment_at, given, dose, sure):
    told = story().dose(dose, None).drug(given, "corticosteroid")
    (draft,) = judge(told.history(), rulebook, moment_at("10 12:00").latest).drafts
    assert surely_before(draft.dose.premedication[0], draft.dose.episode) is sure
