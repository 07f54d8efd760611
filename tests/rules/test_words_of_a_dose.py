"""A dose is told by product, amount, route and times, and by how much of the order was given (rulebook 1.1, 6.2)."""

from __future__ import annotations

from decimal import Decimal

import pytest

END_FIRST = "The recorded end of the dose lies before its start."
UNKNOWN = "How much of the dose was given is not known."
ORDERED = {"ordered_amount": Decimal(2500)}


def sentence(story, *times, **parts):
    return story().dose(*times, **parts).only("4 12:00").sentence


@pytest.mark.parametrize(
    ("times", "parts", "told"),
    [
        ((), {}, "after the end (2025-03-03T12:00Z) of pegaspargase 2500 IU/m2 IV."),
        (("3 10:00", None), {}, "after the start (2025-03-03T10:00Z) of pegaspargase 2500 IU/m2 IV."),
        ((None, None), {}, "after pegaspargase 2500 IU/m2 IV without a start time."),
        ((), {"route": None}, "of pegaspargase 2500 IU/m2."),
        ((), {"amount": None}, "of pegaspargase IV."),
        ((), {"product": "calaspargase"}, "of calaspargase pegol 2500 IU/m2 IV."),
        ((), {"product": "no-such-product"}, "of no such product 2500 IU/m2 IV."),
    ],
)
def test_a_dose_is_told_as_far_as_it_is_known(story, times, parts, told):
    assert sentence(story, *times, **parts).startswith(
        f"No asparaginase activity level is known {told.partition('of ')[0]}"
    )
    assert told in sentence(story, *times, **parts)


@pytest.mark.parametrize(
    ("times", "told"),
    [
        (("3 10:00", "3 12:00"), False),
        (("3 10:00", "3 10:00"), False),
        (("3 10:00", "3 09:59"), True),
        (("3", "2"), True),
        (("3 10:00", None), False),
        ((None, "3 10:00"), False),
    ],
)
def test_an_end_before_the_start_is_told(story, times, told):
    assert (f". {END_FIRST} " in sentence(story, *times)) is told


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({**ORDERED, "amount": Decimal(2500)}, ""),
        (
            {**ORDERED, "amount": Decimal(2400)},
            "0.96 of the ordered dose (2400 of 2500 IU/m2) was given, counted as full",
        ),
        ({**ORDERED, "amount": Decimal(1000)}, "0.4 of the ordered dose (1000 of 2500 IU/m2) was given. "),
        ({**ORDERED, "amount": Decimal(0)}, "0 of the ordered dose (0 of 2500 IU/m2) was given. "),
        ({**ORDERED, "amount": Decimal(3000)}, "1.2 of the ordered dose (3000 of 2500 IU/m2) was given. "),
        ({"amount": Decimal(1000)}, ""),
        ({**ORDERED, "amount": None}, ""),
        ({**ORDERED, "amount": Decimal(1000), "status": "stopped"}, "0.4 of the ordered dose (1000 of 2500 IU/m2)"),
        ({**ORDERED, "amount": Decimal(1000), "status": "in-progress"}, ""),
        (
            {**ORDERED, "amount": Decimal(1000), "unit": None},
            "0.4 of the ordered dose (1000 of 2500 without a unit) was given. ",
        ),
    ],
)
def test_how_much_was_given_is_told_where_it_was_not_all(story, parts, told):
    words = sentence(story, **parts)
    assert told in words
    assert ("of the ordered dose" in words) is bool(told)


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({"status": "stopped", "amount": None}, True),
        ({"status": "completed", "amount": None}, False),
        ({"status": "in-progress", "amount": None}, False),
        ({"status": "stopped", "amount": Decimal(1000), **ORDERED}, False),
    ],
)
def test_that_nobody_knows_how_much_was_given_is_told_once_the_dose_is_over(story, parts, told):
    assert (f" {UNKNOWN} " in sentence(story, **parts)) is told


@pytest.mark.parametrize(
    ("product", "unit", "told"),
    [
        ("pegaspargase", "[IU]/m2", ""),
        ("pegaspargase", "mg/m2", "The dose is recorded in mg/m2, while pegaspargase is given in IU/m2: "),
        ("recombinant-crisantaspase", "mg/m2", ""),
        (
            "recombinant-crisantaspase",
            "[IU]/m2",
            "The dose is recorded in IU/m2, while recombinant crisantaspase is given in mg/m2: ",
        ),
        ("pegaspargase", "mL", ""),
        ("calaspargase", "mg", "The dose is recorded in mg, while calaspargase pegol is given in IU/m2: "),
        ("recombinant-crisantaspase", "mL", ""),
        ("pegaspargase", None, ""),
        ("no-such-product", "mg", ""),
    ],
)
def test_a_unit_that_does_not_fit_the_product_is_told(story, product, unit, told):
    words = sentence(story, product=product, unit=unit)
    assert told in words
    assert ("product or unit need a check." in words) is bool(told)


END_OF_ROWS = "the end (2025-03-03T12:00Z) of pegaspargase 5000 IU/m2 IV"
START_OF_LAST = "the last recorded start (2025-03-03T11:00Z) of pegaspargase 5000 IU/m2 IV"


@pytest.mark.parametrize(
    ("first", "second", "collected", "told"),
    [
        (("3 10:00", "3 10:30"), ("3 11:00", "3 12:00"), "10 12:00", f"168 h (day 7.0) after {END_OF_ROWS}"),
        (("3 10:00", "3 12:00"), ("3 10:30", "3 11:00"), "10 12:00", f"168 h (day 7.0) after {END_OF_ROWS}"),
        (("3 10:00", "3 12:00"), ("3 11:00", "3 12:00"), "10 12:00", f"168 h (day 7.0) after {END_OF_ROWS}"),
        (("3 10:00", None), ("3 11:00", "3 12:00"), "3 11:30", f"before {END_OF_ROWS}"),
        (("3 01:00", None), ("3 11:00", None), "10 11:00", f"168 h (day 7.0) after {START_OF_LAST}"),
        (("3 10:00", None), ("3 11:00", None), "3 10:30", f"before {START_OF_LAST}"),
        (("3 10:00", "3 10:30"), ("3 11:00", None), "3 10:45", f"before {START_OF_LAST}"),
    ],
)
def test_hours_and_side_are_those_of_the_time_that_is_named(story, first, second, collected, told):
    tale = story().dose(*first).dose(*second, key="MedicationAdministration/d2").level(collected, "0.3")
    assert f", {told}." in tale.only().sentence
