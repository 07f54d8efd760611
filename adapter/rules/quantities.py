"""Numbers as people read them: decimal text, hours and days."""

from __future__ import annotations

from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import lru_cache

from adapter.domain.times import Moment

_MICROSECONDS_PER_HOUR = 3_600_000_000
_HUNDREDTH = Decimal("0.01")
_TENTH = Decimal("0.1")
# Where the seconds stand in a time as it was sent: `2025-03-03T12:00:00Z`.
_SECONDS = slice(16, 19)


def plain(number: Decimal) -> str:
    """A decimal with its digits and without an exponent."""
    return format(number, "f")


def short(number: Decimal) -> str:
    """A decimal with at most two places, trailing zeros dropped."""
    text = format(number.quantize(_HUNDREDTH, rounding=ROUND_HALF_UP), "f").rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


@lru_cache(maxsize=4096)
def hours_text(elapsed: timedelta) -> str:
    """A duration in hours, at most two places."""
    return short(Decimal(elapsed // timedelta(microseconds=1)) / _MICROSECONDS_PER_HOUR)


def day_text(elapsed: timedelta) -> str:
    """A duration in days with one place, as `7.0`."""
    days = Decimal(elapsed // timedelta(microseconds=1)) / _MICROSECONDS_PER_HOUR / 24
    return format(days.quantize(_TENTH, rounding=ROUND_HALF_UP), "f")


def fraction_text(fraction: Fraction) -> str:
    """A fraction as a decimal with at most four places."""
    places = Decimal(fraction.numerator) / Decimal(fraction.denominator)
    text = format(places.quantize(Decimal("0.0001"), rounding=ROUND_HALF_UP), "f")
    return text.rstrip("0").rstrip(".")


def amount_text(amount: Decimal, unit: str | None) -> str:
    """An amount without idle zeros and with its unit as people write it: `2500 IU/m2`."""
    return f"{amount_digits(amount)} {unit_text(unit)}" if unit else f"{amount_digits(amount)} without a unit"


def amount_digits(amount: Decimal) -> str:
    """An amount without idle zeros: `2500`, `0.4`."""
    digits = plain(amount)
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def unit_text(unit: str) -> str:
    """A UCUM unit as people write it: `[IU]/m2` is IU/m2."""
    return unit.replace("[IU]", "IU").replace("[iU]", "IU")


def time_text(at: Moment) -> str:
    """A time as it was sent, without idle seconds: `2025-03-03T12:00Z`, `2025-03-03`."""
    text = at.text.removesuffix("+00:00") + "Z" if at.text.endswith("+00:00") else at.text
    if text[_SECONDS] == ":00" and text[_SECONDS.stop : _SECONDS.stop + 1] != ".":
        text = text[: _SECONDS.start] + text[_SECONDS.stop :]
    return text + (" (zone not known)" if at.zone_from == "unknown" else "")


def day_of(at: Moment | None) -> str:
    """The day of a time as it was sent, or that it is not known."""
    return at.text[:10] if at else "unknown date"
