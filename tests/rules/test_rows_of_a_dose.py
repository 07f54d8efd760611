"""What the rows of one dose add up to: its name, times, state, and how much of it was given (CONTRACTS 2, ruling 8)."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from adapter.rules.episodes import Instants, dose_episodes

ROW_2 = {"key": "MedicationAdministration/d2"}
ROW_3 = {"key": "MedicationAdministration/d3"}
ERWINIA = {"product": "crisantaspase"}


def march(day, hour=0, minute=0, second=0):
    return datetime(2025, 3, day, hour, minute, second, tzinfo=UTC)


@pytest.fixture
def episodes(rulebook):
    """The dose episodes of a story, its rows in the order of the history or turned round."""

    def of(told, *, turned=False):
        return dose_episodes(told.history().doses[:: -1 if turned else 1], rulebook)

    return of


def names(found):
    return [(episode.source, episode.key.rpartition("/")[2], episode.product) for episode in found]


@pytest.mark.parametrize(
    ("peg", "erwinia", "first"),
    [
        # The start counts before the end, the end before the key, the key before the source.
        ({"key": "b", "started": "3 10:00"}, {"key": "a", "started": "3 11:00"}, "pegaspargase"),
        ({"key": "b", "ended": "3 11:00"}, {"key": "a", "ended": "3 12:00"}, "pegaspargase"),
        ({"key": "b", "source": "one"}, {"key": "a", "source": "two"}, "crisantaspase"),
        ({"key": "a", "source": "two"}, {"key": "a", "source": "one"}, "crisantaspase"),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_doses_are_told_by_start_end_key_and_source_however_they_arrive(story, episodes, peg, erwinia, first, turned):
    told = story().dose(**peg).dose(**ERWINIA, **erwinia)
    assert names(episodes(told, turned=turned))[0][2] == first


def test_doses_alike_in_time_and_key_are_told_by_source_whatever_was_given_before(story, episodes):
    told = story().dose("2025-01-03T10:00:00Z", None, key="b").dose(key="a", source="two")
    told.dose(key="a", source="one", **ERWINIA)
    assert names(episodes(told)) == [
        ("ehr", "b", "pegaspargase"),
        ("one", "a", "crisantaspase"),
        ("two", "a", "pegaspargase"),
    ]


@pytest.mark.parametrize(
    ("one", "other", "name"),
    [
        ({"key": "b", "started": "3 10:00"}, {"key": "a", "started": "3 11:00"}, ("ehr", "b")),
        ({"key": "b", "ended": "3 11:00"}, {"key": "a"}, ("ehr", "a")),
        ({"key": "a", "source": "two"}, {"key": "a", "source": "one", "ended": "3 11:00"}, ("one", "a")),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_a_dose_has_the_name_of_its_first_row_however_the_rows_arrive(story, episodes, one, other, name, turned):
    (episode,) = episodes(story().dose(**one).dose(**other), turned=turned)
    assert (episode.source, episode.key) == name


def test_a_row_belongs_to_a_dose_whose_longest_row_ended_less_than_24_hours_before(story, episodes):
    """An infusion over days may have shorter rows inside it."""
    long = story().dose("3 10:00", "5 12:00").dose("3 12:00", "3 13:00", **ROW_2).dose("6 10:00", None, **ROW_3)
    assert [len(episode.rows) for episode in episodes(long)] == [3]


def test_a_row_belongs_to_a_dose_through_the_row_just_before_it(story, episodes):
    chain = story().dose("3 10:00", None).dose("4 06:00", None, **ROW_2).dose("5 02:00", None, **ROW_3)
    assert [len(episode.rows) for episode in episodes(chain)] == [3]


def test_rows_known_by_their_ends_only_are_not_joined_by_time(story, episodes):
    assert len(episodes(story().dose(None, "3 12:00").dose(None, "3 13:00", **ROW_2))) == 2


@pytest.mark.parametrize(
    ("one", "other", "status"),
    [
        ("completed", "stopped", "stopped"),
        ("stopped", "unknown", "unknown"),
        ("unknown", "on-hold", "on-hold"),
        ("on-hold", "in-progress", "in-progress"),
        ("completed", "in-progress", "in-progress"),
    ],
)
def test_the_least_settled_row_gives_the_state(story, episodes, one, other, status):
    told = story().dose(status=one).dose("3 14:00", "3 15:00", status=other, **ROW_2)
    assert [episode.status for episode in episodes(told)] == [status]


@pytest.mark.parametrize(
    "second",
    [
        {"amount": Decimal(1000)},
        {"unit": "[IU]"},
        {"started": "3 10:01"},
        {"ended": "3 12:01"},
        {"ended": None},
        {"started": "3"},
    ],
    ids=["amount", "unit", "start", "end", "no-end", "precision"],
)
def test_a_row_that_differs_in_anything_is_no_copy(story, episodes, second):
    (episode,) = episodes(story().dose().dose(**{**ROW_2, **second}))
    assert (len(episode.rows), episode.copies) == (2, ())


@pytest.mark.parametrize(("exact", "day"), [("2025-03-03T00:00:00Z", "3"), ("2025-03-03T23:59:59Z", "3")])
def test_a_row_with_a_date_is_no_copy_of_one_at_either_end_of_that_day(story, episodes, exact, day):
    (episode,) = episodes(story().dose(exact, None).dose(day, None, **ROW_2))
    assert len(episode.rows) == 2


def test_a_copy_is_known_after_other_rows_too(story, episodes):
    told = story().dose(identifiers=("urn:x|1",)).dose("3 14:00", "3 15:00", **ROW_2)
    (episode,) = episodes(told.dose("3 16:00", "3 17:00", identifiers=("urn:x|1",), **ROW_3))
    assert [[row.key[-2:] for row in rows] for rows in (episode.rows, episode.copies)] == [["d1", "d2"], ["d3"]]


@pytest.mark.parametrize(
    ("one", "other", "began", "anchor"),
    [
        (("3 10:00", "3 12:00"), ("3 14:00", "3 15:00"), (march(3, 10), march(3, 10)), (march(3, 15), march(3, 15))),
        (("3 10:00", "3 16:00"), ("3 14:00", "3 15:00"), (march(3, 10), march(3, 10)), (march(3, 16), march(3, 16))),
        # A date alone may be before or after the known time.
        (("3", None), ("3 14:00", None), (march(3), march(3, 14)), (march(3, 14), march(3, 23, 59, 59))),
        (("3 14:00", "3"), (None, None), (march(3, 14), march(3, 14)), (march(3, 14), march(3, 23, 59, 59))),
    ],
)
def test_a_dose_began_with_its_first_row_and_ended_with_its_last(story, episodes, one, other, began, anchor):
    order = {"request": "MedicationRequest/1"}
    (episode,) = episodes(story().dose(*one, **order).dose(*other, **order, **ROW_2))
    assert episode.began == Instants(earliest=began[0], latest=began[1])
    assert episode.anchor == Instants(earliest=anchor[0], latest=anchor[1])


@pytest.mark.parametrize(
    ("started", "earliest", "latest"),
    [
        ("2025-03-03T23:59:59Z", march(3, 23, 59, 59), march(3, 23, 59, 59)),
        # An end before the start: either may be wrong.
        ("2025-03-04T00:00:00Z", march(3), march(4)),
    ],
)
def test_an_end_on_the_day_of_the_start_does_not_precede_it(story, episodes, started, earliest, latest):
    (episode,) = episodes(story().dose(started, "3"))
    assert episode.anchor == Instants(earliest=earliest, latest=latest)


def told_amounts(episode):
    fraction = None if episode.fraction is None else str(episode.fraction)
    return episode.amount, episode.ordered_amount, episode.unit, fraction


UNIT = "[IU]/m2"
D = Decimal


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([{"amount": D(1500)}, {"amount": D(1000)}], (D(2500), None, UNIT, "1")),
        ([{"amount": D(1500)}, {"amount": None}], (None, None, None, "1")),
        ([{"amount": D(1500)}, {"amount": None, "status": "stopped"}], (None, None, None, None)),
        ([{"amount": D(1500)}, {"amount": D(1000), "unit": "[IU]"}], (None, None, None, "1")),
        ([{"amount": None}, {"amount": D(-100)}], (None, None, None, None)),
        ([{"amount": D(2500)}, {"amount": D(-100)}], (D(2400), None, UNIT, None)),
        # Nothing given is nothing, whatever was ordered.
        ([{"amount": D(0)}], (D(0), None, UNIT, "0")),
        ([{"amount": D(0), "ordered_amount": D(0)}], (D(0), D(0), UNIT, "0")),
        ([{"amount": D(2500), "ordered_amount": D(0)}], (D(2500), D(0), UNIT, "1")),
        ([{"amount": D("0.4"), "ordered_amount": D(1)}], (D("0.4"), D(1), UNIT, "2/5")),
        ([{"amount": None, "ordered_amount": D(2500)}], (None, None, None, "1")),
        ([{"amount": None, "ordered_amount": D(2500), "status": "stopped"}], (None, None, None, None)),
    ],
)
def test_a_dose_is_the_sum_of_its_rows_where_all_are_known_in_one_unit(story, episodes, rows, told):
    lines = story()
    for number, row in enumerate(rows, start=1):
        lines.dose(f"3 1{number}:00", None, key=f"MedicationAdministration/d{number}", **row)
    (episode,) = episodes(lines)
    assert told_amounts(episode) == told


@pytest.mark.parametrize(
    ("one", "other", "ordered"),
    [
        # Rows that name one order share it, rows that name two add them.
        (("MedicationRequest/1", 2500), ("MedicationRequest/1", 2500), D(2500)),
        (("MedicationRequest/1", 1250), ("MedicationRequest/2", 1000), D(2250)),
        # An order without a name of its own may be the same one again, so the largest counts once.
        ((None, 2500), (None, 2500), D(2500)),
        ((None, 2500), (None, 1250), D(2500)),
        (("MedicationRequest/1", 2500), (None, 2500), D(2500)),
        (("#mr1", 2500), ("#mr2", 2500), D(2500)),
        (("#mr1", 2500), ("MedicationRequest/1", 2500), D(2500)),
        # What one row lacks is not known of the dose.
        (("MedicationRequest/1", 2500), ("MedicationRequest/1", None), None),
        ((None, None), (None, 2500), None),
    ],
)
def test_an_order_is_counted_once_and_only_where_every_row_has_one(story, episodes, one, other, ordered):
    told = story()
    for number, (request, amount) in enumerate((one, other), start=1):
        value = None if amount is None else D(amount)
        key = f"MedicationAdministration/d{number}"
        told.dose(
            f"3 1{number}:00", None, key=key, request=request, ordered_amount=value, amount=D(500), status="stopped"
        )
    (episode,) = episodes(told)
    assert episode.ordered_amount == ordered
    assert episode.fraction == (None if ordered is None else Fraction(1000) / Fraction(ordered))


@pytest.mark.parametrize(
    ("given", "portion"),
    [("1250", "full"), ("1249.99", "partial"), ("250", "partial"), ("249.99", "negligible"), ("0", "negligible")],
)
def test_half_of_a_dose_is_read_as_full_and_a_tenth_as_part_of_it(story, episodes, given, portion):
    (episode,) = episodes(story().dose(amount=D(given), ordered_amount=D(2500)))
    assert episode.portion == portion


def test_without_an_amount_a_dose_that_was_stopped_is_of_unknown_portion(story, episodes):
    (episode,) = episodes(story().dose(amount=None, status="stopped"))
    assert (episode.portion, episode.fraction) == ("unknown", None)
