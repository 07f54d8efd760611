"""The value grammar of a reported activity: text, declared type and flags to one meaning (clinical rulebook 2.4)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from adapter.domain.activity import Activity, ActivityKind, Comparator
from adapter.domain.units import times

ValueKind = Literal["number", "below", "above", "range", "below-quantification", "none", "rejected", "unreadable"]

IMPLAUSIBLE_ABOVE_IU_PER_ML = Decimal(5)
IMPLAUSIBLE_BELOW_IU_PER_ML = Decimal("0.0025")
LONGEST_VALUE_CHARACTERS = 200
LARGEST_EXPONENT = 30
"""A number with more digits than that before or after its point is no laboratory result."""

_BELOW_QUANTIFICATION = frozenset(
    {
        "nd",
        "n.d.",
        "not detected",
        "not detectable",
        "none detected",
        "undetected",
        "undetectable",
        "negative",
        "blq",
        "bloq",
        "<lloq",
        "< lloq",
        "<loq",
        "< loq",
        "<lod",
        "< lod",
        "below lloq",
        "below loq",
        "below detection",
        "below detection limit",
        "below limit of detection",
        "below quantification",
        "below quantification limit",
        "below limit of quantification",
        "below the limit of detection",
        "below the limit of quantification",
    }
)
_NO_VALUE = frozenset({"", "see note", "see notes", "pending"})
_REJECTED = re.compile(
    r"\b(tnp|qns|ha?emoly[sz]ed|ha?emolysis|rejected|test not performed|quantity not sufficient"
    r"|quantity insufficient|insufficient quantity|lipa?emic|icteric|clotted)\b"
)
_DENIED = re.compile(r"\b(no|not|non|without)\b(?! performed| sufficient)")
_PLAIN = r"(?:[0-9]{1,30}(?:[.,][0-9]{0,30})?|[.,][0-9]{1,30})"
_TEXT = re.compile(
    rf"(?P<sign><=|>=|[<>=\u2264\u2265]|&lt;=?|&gt;=?)?\s*"
    rf"(?P<first>[+-]?{_PLAIN}(?:[eE][+-]?[0-9]{{1,2}})?)"
    rf"(?:\s*[-\u2013]\s*(?P<second>{_PLAIN}))?"
    r"\s*(?P<unit>[A-Za-z\u00b5\u03bc][^<>=,]{0,39}|\[[^<>=,]{1,39}|%)?"
)
_SIGNS: dict[str, Comparator | None] = {
    "": None,
    "=": None,
    "<": "<",
    "<=": "<=",
    ">": ">",
    ">=": ">=",
    "\u2264": "<=",
    "\u2265": ">=",
    "&lt;": "<",
    "&lt;=": "<=",
    "&gt;": ">",
    "&gt;=": ">=",
}
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """What a reported value means, in the unit it was sent in."""

    kind: ValueKind
    low: Decimal | None = None
    high: Decimal | None = None
    """None is unbounded, or unknown for `below-quantification`."""
    comparator: Comparator | None = None
    number: Decimal | None = None
    """The single number that was sent."""
    unit: str | None = None
    """A unit that stood inside the value."""
    text: str = ""
    """The value as one line."""


def read_value(
    components: Sequence[str], *, declared_type: str = "", flags: Sequence[str] = (), decimal_comma: bool = False
) -> Value:
    """The meaning of one OBX-5: its components, OBX-2, the flags of OBX-8, and the sender's decimal sign.

    Never raises: what is not in the grammar is `unreadable`, no value is `none`, a refused specimen is `rejected`.
    """
    parts = [_BLANKS.sub(" ", part).strip() for part in components]
    value = _read(parts, declared_type.strip().upper(), decimal_comma=decimal_comma)
    return _flagged(value, flags)


def activity_of(value: Value, factor: Decimal) -> Activity | None:
    """The interval in IU/mL a readable value stands for; None for no value, a refused specimen or an unreadable one."""
    match value.kind:
        case "none" | "rejected" | "unreadable":
            return None
        case _:
            return _activity(value.kind, value, factor)


def is_implausible(activity: Activity) -> bool:
    """Whether a level lies outside what any dose can give or any assay can see (ruling 2)."""
    if activity.kind == "below-quantification":
        return False
    if activity.low > IMPLAUSIBLE_ABOVE_IU_PER_ML:
        return True
    small = activity.kind == "number" and activity.low < IMPLAUSIBLE_BELOW_IU_PER_ML
    return small and activity.factor <= Decimal("0.001")


def _activity(kind: ActivityKind, value: Value, factor: Decimal) -> Activity:
    return Activity(
        kind=kind,
        low=times(value.low or Decimal(0), factor),
        high=None if value.high is None else times(value.high, factor),
        low_included=value.comparator != ">",
        high_included=value.comparator != "<",
        comparator=value.comparator,
        number=None if value.number is None else times(value.number, factor),
        factor=factor,
    )


def _read(parts: Sequence[str], declared_type: str, *, decimal_comma: bool) -> Value:
    filled = [part for part in parts if part]
    if len(filled) > 1 or (filled and not parts[0]):
        if declared_type in {"CE", "CWE", "CNE", "CF"}:
            return _read_coded(parts, decimal_comma=decimal_comma)
        return _read_structured(parts, decimal_comma=decimal_comma)
    return _read_text(filled[0] if filled else "", decimal_comma=decimal_comma)


def _read_coded(parts: Sequence[str], *, decimal_comma: bool) -> Value:
    readings = [_read_text(part, decimal_comma=decimal_comma) for part in parts[:2] if part]
    nothing = Value(kind="unreadable", text="".join(parts))
    return next((reading for reading in readings if reading.kind != "unreadable"), [*readings, nothing][0])


def _read_structured(parts: Sequence[str], *, decimal_comma: bool) -> Value:
    """A structured numeric (SN): comparator ^ number ^ separator ^ number."""
    sign, first, separator, second = [*parts, "", ""][:4]
    line = "".join(parts)
    if any(parts[4:]) or sign not in _SIGNS or bool(separator) != bool(second):
        return Value(kind="unreadable", text=line)
    read = _read_text(line, decimal_comma=decimal_comma)
    # `^^-^3` is half a range and no negative number, `^1E-^2` no power of ten.
    whole = bool(first) and (not separator or read.kind == "range")
    return read if whole else Value(kind="unreadable", text=line)


def _read_text(text: str, *, decimal_comma: bool) -> Value:
    word = text.casefold()
    if word != "n.d.":
        word = word.rstrip(".") or word
    if word in _NO_VALUE:
        return Value(kind="none", text=text)
    if word in _BELOW_QUANTIFICATION:
        return Value(kind="below-quantification", text=text)
    if len(text) > LONGEST_VALUE_CHARACTERS:
        return Value(kind="unreadable", text=text)
    if not re.search(r"[0-9]", text) and _REJECTED.search(word) and not _DENIED.search(word):
        return Value(kind="rejected", text=text)
    found = _TEXT.fullmatch(text)
    return _read_number(found, text, decimal_comma=decimal_comma) if found else Value(kind="unreadable", text=text)


def _read_number(found: re.Match[str], text: str, *, decimal_comma: bool) -> Value:
    first = _decimal(found["first"], decimal_comma=decimal_comma)
    unit = found["unit"].strip() if found["unit"] else None
    comparator = _SIGNS[found["sign"] or ""]
    if first is None:
        return Value(kind="unreadable", text=text)
    if found["second"] is None:
        return _signed(first, comparator, unit, text)
    second = _decimal(found["second"], decimal_comma=decimal_comma)
    if second is None or comparator or first.is_signed() or second < first:
        return Value(kind="unreadable", text=text)
    return Value(kind="range", low=first, high=second, unit=unit, text=text)


def _signed(number: Decimal, comparator: Comparator | None, unit: str | None, text: str) -> Value:
    match comparator:
        case None if number <= 0:
            return Value(kind="below-quantification", low=Decimal(0), number=number, unit=unit, text=text)
        case None:
            return Value(kind="number", low=number, high=number, number=number, unit=unit, text=text)
        case _ if number < 0 or (number == 0 and comparator in {"<", "<="}):
            return Value(kind="unreadable", text=text)
        case "<" | "<=":
            return Value(
                kind="below", low=Decimal(0), high=number, comparator=comparator, number=number, unit=unit, text=text
            )
        case _:
            return Value(kind="above", low=number, comparator=comparator, number=number, unit=unit, text=text)


def _decimal(text: str, *, decimal_comma: bool) -> Decimal | None:
    """A number of the grammar as plain digits; None when its comma could be a thousands separator."""
    if "," in text:
        whole = text.split(",", maxsplit=1)[0].lstrip("+-")
        if not decimal_comma and whole != "0":
            return None
        text = text.replace(",", ".")
    elif decimal_comma and re.fullmatch(r"[+-]?[1-9][0-9]{0,2}\.[0-9]{3}", text):
        return None
    number = Decimal(text)
    if abs(number.adjusted()) > LARGEST_EXPONENT:
        return None
    return Decimal(format(number, "f"))


def _flagged(value: Value, flags: Sequence[str]) -> Value:
    """Apply the flags that are content: `<`, `>` and QCF (ruling 3)."""
    signs = {flag.strip() for flag in flags}
    if "QCF" in signs:
        return Value(kind="rejected", text=value.text)
    wanted = signs & {"<", ">"}
    if not wanted or value.kind in {"none", "rejected", "unreadable"}:
        return value
    if len(wanted) > 1 or value.kind == "range":
        return Value(kind="unreadable", text=value.text)
    sign: Comparator = "<" if "<" in wanted else ">"
    if value.kind == "number" and value.number is not None:
        return _signed(value.number, sign, value.unit, value.text)
    above = value.kind == "above"
    return value if above == (sign == ">") else Value(kind="unreadable", text=value.text)
