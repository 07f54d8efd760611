"""The monitoring clock of every product: each state, each border, and the next instant anything changes (ruling 22).

The dose ends on 3 March 2025 12:00 UTC.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from verdicts import verdict

DOSE_2 = {"key": "MedicationAdministration/d2"}
SECOND = timedelta(seconds=1)
CLOCKS = [
    ("crisantaspase", "42", "58", "78"),
    ("recombinant-crisantaspase", "42", "58", "78"),
    # A policy of one window: once it has closed the level is missed, and never overdue before (ruling 22).
    ("calaspargase", "432", "528", None),
    ("native-ecoli", "60", "78", None),
    ("pegaspargase", "144", "192", "360"),
]


def just(after, hours):
    return after(Decimal(hours) + Decimal("0.01"))


@pytest.mark.parametrize(("product", "opens", "closes", "last"), CLOCKS)
def test_a_dose_without_a_sample_over_time(story, after, said, product, opens, closes, last):
    told = story().dose(product=product)

    def seen(as_of):
        finding = told.only(as_of)
        return said(finding), finding.next_check

    not_due = verdict("no-result", "not-assessable", "not-due", "first-dose", None, "D19")
    assert seen(after("-100")) == (not_due, after(opens))
    assert seen(after(opens) - timedelta(microseconds=1)) == (not_due, after(opens))
    due = ({**not_due, "monitoring": "due"}, after(closes) + SECOND)
    assert seen(after(opens)) == due
    assert seen(after(closes)) == due
    assert seen(after(closes) + SECOND - timedelta(microseconds=1)) == due
    missed = ({**not_due, "monitoring": "missed", "rules": ("D20",)}, None)
    if last is None:
        assert seen(after(closes) + SECOND) == missed
        return
    overdue = {**not_due, "monitoring": "sample-overdue", "priority": "P2", "rules": ("D20",)}
    assert seen(after(closes) + SECOND) == (overdue, after(last) + SECOND)
    assert seen(after(last)) == (overdue, after(last) + SECOND)
    assert seen(after(last) + SECOND) == missed


@pytest.mark.parametrize(("product", "opens", "closes"), [clock[:3] for clock in CLOCKS])
def test_the_next_dose_of_the_family_ends_the_waiting_whatever_product_it_is(story, after, product, opens, closes):
    told = story().dose(product=product)
    next_dose = after((Decimal(opens) + Decimal(closes)) / 2)
    other = {"ecoli": "pegaspargase", "erwinia": "crisantaspase"}
    family = told.only().dose.family
    told.dose(next_dose, None, product=other[family], **DOSE_2)

    def first(as_of):
        finding = told.read(as_of).findings[0]
        return finding.monitoring, finding.next_check

    assert first(after(opens)) == ("due", next_dose)
    assert first(next_dose - timedelta(microseconds=1)) == ("due", next_dose)
    assert first(next_dose) == ("missed", None)


@pytest.mark.parametrize(("product", "opens", "closes"), [clock[:3] for clock in CLOCKS])
def test_a_dose_of_the_other_family_does_not_end_the_waiting(story, after, product, opens, closes):
    told = story().dose(product=product)
    other = {"ecoli": "crisantaspase", "erwinia": "pegaspargase"}[told.only().dose.family]
    told.dose(just(after, opens), None, product=other, **DOSE_2)
    assert told.read(after(closes)).findings[0].monitoring == "due"


ONE_LEVEL = [
    # product, hours, value, state at the close of the first window + 0.01 h
    ("crisantaspase", "48", "0.2", "complete"),
    ("crisantaspase", "48", "0.06", "complete"),
    ("crisantaspase", "48", "<0.03", "confirmation-due"),
    ("crisantaspase", "48", "<0.2", "sample-overdue"),
    ("crisantaspase", "30", "0.2", "sample-overdue"),
    ("crisantaspase", "30", "0.06", "complete"),
    ("calaspargase", "500", "0.2", "complete"),
    ("calaspargase", "500", "0.06", "complete"),
    ("calaspargase", "500", "<0.03", "confirmation-due"),
    ("calaspargase", "500", "<0.2", "missed"),
    ("calaspargase", "300", "0.2", "missed"),
    ("calaspargase", "300", "0.06", "missed"),
    ("calaspargase", "100", "0.06", "confirmation-due"),
    ("native-ecoli", "72", "0.2", "complete"),
    ("native-ecoli", "72", "0.06", "complete"),
    ("native-ecoli", "72", "<0.03", "confirmation-due"),
    ("native-ecoli", "72", "<=0.1", "missed"),
    ("native-ecoli", "30", "0.2", "missed"),
]


@pytest.mark.parametrize(("product", "hours", "value", "state"), ONE_LEVEL)
def test_only_a_level_that_settles_the_exposure_silences_the_clock(story, after, product, hours, value, state):
    closes = {"crisantaspase": "58", "calaspargase": "528", "native-ecoli": "78"}[product]
    told = story().dose(product=product).level(after(hours), value)
    assert told.only(just(after, closes)).monitoring == state


@pytest.mark.parametrize(
    ("product", "hours"), [("crisantaspase", "58.5"), ("crisantaspase", "48"), ("native-ecoli", "72")]
)
@pytest.mark.parametrize("letter", ["I", "P"])
def test_a_result_is_overdue_120_hours_after_the_collection_of_any_product(story, after, product, hours, letter):
    told = story().dose(product=product).level(after(hours), "0.3" if letter == "P" else "pending", letter=letter)
    overdue_at = after(Decimal(hours) + 120)
    before = told.only(overdue_at - timedelta(microseconds=1))
    assert (before.monitoring, before.next_check) == ("missed", overdue_at)
    finding = told.only(overdue_at)
    assert (finding.monitoring, finding.priority, finding.next_check) == ("result-overdue", "P2", None)


def test_a_suspicion_outlives_every_window_until_the_next_dose_answers(story, after):
    told = story().dose(product="calaspargase").level(after("500"), "<0.03")
    assert told.only(after("5000")).monitoring == "confirmation-due"
    told.dose(after("600"), None, product="calaspargase", **DOSE_2).level(after("1104"), "0.4")
    assert told.read(after("5000")).findings[0].monitoring == "complete"


def test_a_result_after_the_windows_is_read_all_the_same(story, after, said):
    told = story().dose(product="native-ecoli").level(after("72"), "0.3", reported=after("300"))
    assert said(told.only(after("300"))) == verdict(
        "adequate", "no-evidence-of-inactivation", "complete", "first-dose", None, "D16 D16", "72"
    )


@pytest.mark.parametrize("product", ["crisantaspase", "calaspargase", "native-ecoli"])
def test_an_open_reaction_is_urgent_from_the_first_instant(story, after, said, product):
    told = story().dose(product=product).reaction("3 12:20", grade=1, product=product)
    assert said(told.only(after("1"))) == verdict(
        "no-result", "reaction-unresolved", "not-due", "first-dose", "P1", "D11"
    )
    assert said(told.only(after("2000"))) == verdict(
        "no-result", "reaction-unresolved", "missed", "first-dose", "P1", "D11"
    )


def test_an_unspecified_product_has_no_clock(story, said):
    finding = story().dose(product="unspecified-asparaginase").only("20 12:00")
    assert said(finding) == verdict("no-result", "not-assessable", None, "product-ambiguous first-dose", "P2", "D2")
    assert finding.next_check is None
