"""The numbers one dose is read with: its policy's, or the project's own where no policy speaks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from adapter.domain.history import BEFORE_ALL
from adapter.domain.policy import Cited, Policy, Product, RuleBook, TimePoint

# Without a policy there is no verdict, but reactions and premedication are still linked and implausible numbers
# still pointed out; all design values of the clinical rulebook (2.2, 2.3, 2.10).
REACTION_LINK_H = Decimal(72)
PREMEDICATION_ANTIHISTAMINE_H = Decimal(6)
PREMEDICATION_STEROID_H = Decimal(24)
SEVERE_GRADE = Decimal(3)
SAMPLE_LINK_DAYS = Decimal(42)
IMPLAUSIBLE_ABOVE_IU_PER_ML = Decimal(5)
IMPLAUSIBLE_BELOW_IU_PER_ML = Decimal("0.0025")
LAST_INSTANT = datetime(9999, 12, 31, tzinfo=UTC)
_MICROSECONDS = {"h": Decimal(3_600_000_000), "d": Decimal(86_400_000_000)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Product and policy of one dose, and the few limits that hold without a policy."""

    product: Product | None
    policy: Policy | None

    @property
    def reaction_link(self) -> timedelta:
        """How long after the end of the dose an onset still belongs to it."""
        return hours(self.policy.reaction_link_h.value if self.policy else REACTION_LINK_H)

    @property
    def severe_grade(self) -> int:
        """The CTCAE grade from which a reaction is severe."""
        return int(self.policy.severe_grade.value if self.policy else SEVERE_GRADE)

    @property
    def antihistamine_window(self) -> timedelta:
        """How long before the start an H1 or H2 blocker counts as premedication."""
        return hours(self.policy.premedication_antihistamine_h.value if self.policy else PREMEDICATION_ANTIHISTAMINE_H)

    @property
    def steroid_window(self) -> timedelta:
        """How long before the start a corticosteroid counts."""
        return hours(self.policy.premedication_steroid_h.value if self.policy else PREMEDICATION_STEROID_H)

    @property
    def implausible_above_iu_per_ml(self) -> Decimal:
        """No dose can give more."""
        return self.policy.implausible_above.value if self.policy else IMPLAUSIBLE_ABOVE_IU_PER_ML

    @property
    def implausible_below_iu_per_ml(self) -> Decimal:
        """No assay quantifies less."""
        return self.policy.implausible_below.value if self.policy else IMPLAUSIBLE_BELOW_IU_PER_ML

    @property
    def sample_link(self) -> timedelta:
        """The oldest dose a sample may be read against (ruling 4)."""
        return days(self.policy.sample_link_days.value if self.policy else SAMPLE_LINK_DAYS)


def limits_for(product: str, on: date | None, rulebook: RuleBook) -> Limits:
    """The limits of a product's dose started on a date; a product that is not known has no policy."""
    known = rulebook.products.get(product)
    return Limits(product=known, policy=rulebook.policy_for(product, on) if known and on else None)


@lru_cache(maxsize=256)
def hours(value: Decimal) -> timedelta:
    """A decimal number of hours as an exact duration."""
    return timedelta(microseconds=int(value * _MICROSECONDS["h"]))


@lru_cache(maxsize=256)
def days(value: Decimal) -> timedelta:
    """A decimal number of days as an exact duration."""
    return timedelta(microseconds=int(value * _MICROSECONDS["d"]))


def span(cited: Cited) -> timedelta:
    """A cited number of hours as an exact duration."""
    return hours(cited.value)


@lru_cache(maxsize=256)
def windows(policy: Policy) -> tuple[TimePoint, ...]:
    """The sampling windows in the order of time."""
    return tuple(sorted(policy.time_points, key=lambda point: (point.min_h.value, point.max_h.value)))


@lru_cache(maxsize=256)
def _opened_and_closed(policy: Policy) -> tuple[tuple[timedelta, timedelta, TimePoint], ...]:
    return tuple((span(window.min_h), span(window.max_h), window) for window in windows(policy))


def window_at(policy: Policy, elapsed: timedelta) -> TimePoint | None:
    """The sampling window an elapsed time falls into, both ends included."""
    for opens, closes, window in _opened_and_closed(policy):
        if opens <= elapsed <= closes:
            return window
    return None


def threshold_at(policy: Policy, elapsed: timedelta) -> Decimal:
    """The threshold in IU/mL for an elapsed time: of the last window opened, or of the first before it opens."""
    opened = [window for opens, _, window in _opened_and_closed(policy) if opens <= elapsed]
    return (opened[-1] if opened else windows(policy)[0]).threshold.value


def shifted(at: datetime, by: timedelta) -> datetime:
    """An instant moved by a duration, held at the ends of the calendar."""
    try:
        return at + by
    except OverflowError:
        return LAST_INSTANT if by > timedelta(0) else BEFORE_ALL
