"""Administration rows become dose episodes: one per dose a clinician would count (CONTRACTS 2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Literal

from adapter.domain.events import AsparaginaseAdministered, Route
from adapter.domain.history import BEFORE_ALL
from adapter.domain.policy import Family, RuleBook
from adapter.domain.times import Moment
from adapter.rules.limits import Limits, limits_for

EPISODE_GAP = timedelta(hours=24)
UNSPECIFIED = "unspecified-asparaginase"
# The least settled state of the rows is the state of the episode.
_STATES = ("in-progress", "on-hold", "unknown", "stopped", "completed")

Portion = Literal["full", "partial", "negligible", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Instants:
    """The earliest and the latest instant something can have happened."""

    earliest: datetime
    latest: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One dose: its rows without copies, its times as intervals, and how much of it was given."""

    key: str
    source: str
    product: str
    family: Family
    limits: Limits
    rows: tuple[AsparaginaseAdministered, ...]
    copies: tuple[AsparaginaseAdministered, ...]
    status: str
    started: Moment | None
    ended: Moment | None
    began: Instants | None
    anchor: Instants | None
    """The end of the administration, its start where the end is unknown: elapsed time counts from here."""
    amount: Decimal | None
    ordered_amount: Decimal | None
    """In `unit`."""
    unit: str | None
    route: Route | None
    fraction: Fraction | None
    """Amount given / amount ordered; 1 for a completed dose without amounts, None when unknown (ruling 8)."""
    portion: Portion

    @property
    def settled(self) -> bool:
        """Whether the administration is over: completed or stopped."""
        return self.status in ("completed", "stopped")


def dose_episodes(doses: Iterable[AsparaginaseAdministered], rulebook: RuleBook) -> tuple[Episode, ...]:
    """All dose episodes of one patient by start and key; rows that were not done give none."""
    given = [dose for dose in doses if dose.status != "not-done"]
    rows_of: dict[str, list[AsparaginaseAdministered]] = {}
    for dose in sorted(given, key=_row_order):
        rows_of.setdefault(dose.product, []).append(dose)
    episodes = [_episode(group, rulebook) for rows in rows_of.values() for group in _groups(rows)]
    return tuple(sorted(episodes, key=episode_order))


def episode_order(episode: Episode) -> tuple[datetime, datetime, str, str]:
    """By start, end, key and source; doses without a time come first."""
    began = episode.began.earliest if episode.began else BEFORE_ALL
    anchor = episode.anchor.latest if episode.anchor else BEFORE_ALL
    return began, anchor, episode.key, episode.source


def _row_order(row: AsparaginaseAdministered) -> tuple[datetime, str, str]:
    return (row.started.earliest if row.started else BEFORE_ALL), row.key, row.source


def _groups(rows: Sequence[AsparaginaseAdministered]) -> list[list[AsparaginaseAdministered]]:
    """Rows of one product, in the order of start, joined by order, identifier or a gap under 24 hours."""
    joined = list(range(len(rows)))
    by_name: dict[str, int] = {}
    last_to_end: tuple[datetime, int] | None = None
    for place, row in enumerate(rows):
        for name in _names(row):
            _join(joined, by_name.setdefault(name, place), place)
        if last_to_end and row.started and _gap(last_to_end[0], row.started) < EPISODE_GAP:
            _join(joined, last_to_end[1], place)
        end = _earliest_end(row)
        if end and (last_to_end is None or end >= last_to_end[0]):
            last_to_end = end, place
    groups: dict[int, list[AsparaginaseAdministered]] = {}
    for place, row in enumerate(rows):
        groups.setdefault(_first_of(joined, place), []).append(row)
    return list(groups.values())


def _join(joined: list[int], one: int, other: int) -> None:
    """Put two rows into one group: every row points at an earlier row of its group, the first one at itself."""
    first, second = sorted((_first_of(joined, one), _first_of(joined, other)))
    joined[second] = first


def _first_of(joined: list[int], place: int) -> int:
    while joined[place] != place:
        joined[place] = joined[joined[place]]
        place = joined[place]
    return place


def _names(row: AsparaginaseAdministered) -> list[str]:
    # `#mr1` names something inside its own resource only; a reference means something inside its source only.
    orders = [name for name in (row.request, *row.part_of) if name and not name.startswith("#")]
    return [f"{row.source}|order|{name}" for name in orders] + [f"identifier|{name}" for name in row.identifiers]


def _earliest_end(row: AsparaginaseAdministered) -> datetime | None:
    end = row.ended or row.started
    return end.earliest if end else None


def _gap(end: datetime, started: Moment) -> timedelta:
    return started.latest - min(end, started.earliest)


def _episode(group: Sequence[AsparaginaseAdministered], rulebook: RuleBook) -> Episode:
    rows, copies = _without_copies(group)
    first = rows[0]
    began, anchor = _began(rows), _anchor(rows)
    product = rulebook.products.get(first.product)
    limits = limits_for(first.product, began.earliest.date() if began else None, rulebook)
    status = min((row.status for row in rows), key=_STATES.index)
    amount, unit = _amount(rows)
    fraction = _fraction(rows, amount, status)
    return Episode(
        key=first.key,
        source=first.source,
        product=first.product,
        family=product.family if product else "unknown",
        limits=limits,
        rows=rows,
        copies=copies,
        status=status,
        started=first.started,
        ended=max((row.ended for row in rows if row.ended), key=lambda end: end.latest, default=None),
        began=began,
        anchor=anchor,
        amount=amount,
        ordered_amount=_ordered(rows) if amount is not None else None,
        unit=unit,
        route=first.route if len({row.route for row in group}) == 1 else None,
        fraction=fraction,
        portion=_portion(fraction, limits),
    )


def _without_copies(
    group: Sequence[AsparaginaseAdministered],
) -> tuple[tuple[AsparaginaseAdministered, ...], tuple[AsparaginaseAdministered, ...]]:
    """A copy has an identifier of a row before it, or its times and amount."""
    rows: list[AsparaginaseAdministered] = []
    copies: list[AsparaginaseAdministered] = []
    known: set[object] = set()
    for row in group:
        marks = {*row.identifiers, (_times(row), row.amount, row.unit)}
        if known.isdisjoint(marks):
            rows.append(row)
            known |= marks
        else:
            copies.append(row)
    return tuple(rows), tuple(copies)


def _times(row: AsparaginaseAdministered) -> tuple[tuple[datetime, datetime] | None, ...]:
    return tuple((at.earliest, at.latest) if at else None for at in (row.started, row.ended))


def _began(rows: Sequence[AsparaginaseAdministered]) -> Instants | None:
    starts = [row.started for row in rows if row.started]
    if not starts:
        return None
    return Instants(earliest=min(s.earliest for s in starts), latest=min(s.latest for s in starts))


def _anchor(rows: Sequence[AsparaginaseAdministered]) -> Instants | None:
    spans = [_end_of(row.started, row.ended) for row in rows if row.started]
    if not spans:
        return None
    return Instants(earliest=max(s.earliest for s in spans), latest=max(s.latest for s in spans))


def last_row(rows: Sequence[AsparaginaseAdministered]) -> AsparaginaseAdministered | None:
    """The row elapsed time counts from: that with the latest end, or start where no end is known."""
    timed = [(_end_of(row.started, row.ended).latest, row) for row in rows if row.started]
    return max(timed, key=lambda one: one[0])[1] if timed else None


def _end_of(started: Moment, ended: Moment | None) -> Instants:
    if ended is None:
        return Instants(earliest=started.earliest, latest=started.latest)
    if ended.latest < started.earliest:
        # An end before its start: either may be wrong, so the end lies anywhere between them.
        return Instants(earliest=ended.earliest, latest=started.latest)
    return Instants(earliest=max(started.earliest, ended.earliest), latest=ended.latest)


def _amount(rows: Sequence[AsparaginaseAdministered]) -> tuple[Decimal | None, str | None]:
    amounts = [row.amount for row in rows if row.amount is not None]
    if len({row.unit for row in rows}) != 1 or len(amounts) < len(rows):
        return None, None
    return sum(amounts, Decimal(0)), rows[0].unit


def _fraction(rows: Sequence[AsparaginaseAdministered], amount: Decimal | None, status: str) -> Fraction | None:
    ordered = _ordered(rows)
    if any(row.amount is not None and row.amount < 0 for row in rows):
        return None
    if amount is not None and ordered is not None and ordered > 0:
        return Fraction(amount) / Fraction(ordered)
    if amount == 0:
        return Fraction(0)
    return Fraction(1) if status == "completed" else None


def _ordered(rows: Sequence[AsparaginaseAdministered]) -> Decimal | None:
    ordered = [(row.request, row.ordered_amount) for row in rows if row.ordered_amount is not None]
    if len(ordered) < len(rows):
        return None
    by_order = dict(ordered)
    if all(name and not name.startswith("#") for name in by_order):
        return sum(by_order.values(), Decimal(0))
    # Without a common name for the order, rows of one dose repeat it rather than share it out.
    return max(amount for _, amount in ordered)


def _portion(fraction: Fraction | None, limits: Limits) -> Portion:
    if fraction is None:
        return "unknown"
    if limits.policy is None or fraction >= _exactly(limits.policy.partial_fraction.value):
        return "full"
    return "partial" if fraction >= _exactly(limits.policy.negligible_fraction.value) else "negligible"


@lru_cache(maxsize=64)
def _exactly(limit: Decimal) -> Fraction:
    return Fraction(limit)


def short_gap(earlier: Episode, later: Episode, limit: timedelta) -> bool:
    """Whether a dose began less than a limit after the end of another."""
    if earlier.anchor is None:
        return False
    assert later.began  # noqa: S101 - doses without a time come first
    return later.began.earliest - earlier.anchor.latest < limit
