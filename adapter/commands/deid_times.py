"""Dates that move by whole days: the time of day, the offset and the precision stay as they were sent."""

from __future__ import annotations

import re
from datetime import date, timedelta

NO_TIME = "NOT-A-TIME"
"""Written where something stood that is no time: its receiver shall find no time there either."""

_HL7 = re.compile(
    r"(?P<year>\d{4})(?:(?P<month>\d{2})(?:(?P<day>\d{2})(?P<rest>(?:\d{2}){0,3}(?:\.\d{1,9})?))?)?(?P<zone>\s*(?:Z|[+-]\d{4})?)",
    re.ASCII,
)
_ISO = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d{2})(?:-(?P<day>\d{2})"
    r"(?P<rest>(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)?)(?P<zone>\s*(?:Z|[+-]\d{2}:?\d{2})?))?)?",
    re.ASCII,
)
_MIDDLE = 15


def moved_hl7(text: str, days: int) -> str:
    """A time of HL7 v2, moved; `NOT-A-TIME` for anything else."""
    return _moved(_HL7, text, days, "")


def moved_iso(text: str, days: int) -> str:
    """A date or time of FHIR, moved; `NOT-A-TIME` for anything else."""
    return _moved(_ISO, text, days, "-")


def reborn(text: str, *, seen: date | None, days: int, draw: int) -> str:
    """A birth date drawn anew so that the age in years on the day `seen` stays what it was; only the date is kept.

    `draw` is any large number; without a day on which the patient was seen, only about the year stays.
    """
    joint = "-" if "-" in text[:5] else ""
    found = (_ISO if joint else _HL7).fullmatch(text.strip())
    born = _date(found) if found else None
    if found is None or born is None:
        return NO_TIME
    new = _drawn(born, seen or _far(born), days, draw)
    if new is None:
        return NO_TIME
    parts = [f"{new.year:04d}", f"{new.month:02d}", f"{new.day:02d}"]
    known = 3 if found["day"] else 2 if found["month"] else 1
    return joint.join(parts[:known])


def day_of(text: str) -> date | None:
    """The day a time of HL7 v2 or FHIR lies on; None when it names none."""
    found = _HL7.fullmatch(text.strip()) or _ISO.fullmatch(text.strip())
    return _date(found) if found and found["day"] else None


def age_in_years(born: date, on: date) -> int:
    """Completed years."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def _moved(form: re.Pattern[str], text: str, days: int, joint: str) -> str:
    found = form.fullmatch(text.strip())
    at = _date(found) if found else None
    if found is None or at is None:
        return NO_TIME
    try:
        new = at + timedelta(days=days)
    except OverflowError:
        return NO_TIME
    parts = [f"{new.year:04d}", f"{new.month:02d}", f"{new.day:02d}"]
    known = 3 if found["day"] else 2 if found["month"] else 1
    return joint.join(parts[:known]) + (found["rest"] or "") + (found["zone"] or "")


def _date(found: re.Match[str]) -> date | None:
    """The day; of a month or a year its middle, so that moving it is as near as can be."""
    year, month, day = found["year"], found["month"], found["day"]
    middle = 7 if month is None else int(month)
    try:
        return date(int(year), middle, _MIDDLE if day is None else int(day))
    except ValueError:
        return None


def _far(born: date) -> date:
    return born + timedelta(days=_MIDDLE)


def _drawn(born: date, seen: date, days: int, draw: int) -> date | None:
    """A day in the year of life that has the same age when the patient is seen, moved along with all times."""
    try:
        then = seen + timedelta(days=days)
        age = age_in_years(born, seen)
        last = _years_before(then, age)
        first = _years_before(then, age + 1) + timedelta(days=1)
    except (ValueError, OverflowError):
        return None
    span = (last - first).days + 1
    new = first + timedelta(days=draw % span)
    if new == born:
        new = first + timedelta(days=(draw + 1) % span)
    return new


def _years_before(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:  # 29 February
        return day.replace(year=day.year - years, day=28)
