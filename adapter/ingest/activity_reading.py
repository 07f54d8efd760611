"""Reading the activity of an OBX: OBX-5 by its type, its unit, and the flags that are content (rulebook 2.4, 2.5)."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from adapter.domain.activity import Activity, Reported
from adapter.domain.units import FACTORS_TO_IU_PER_ML, is_activity_unit, to_iu_per_ml
from adapter.domain.values import Value, activity_of, is_implausible, read_value
from adapter.ingest.coded_fields import FieldMemory
from adapter.ingest.hl7v2 import Delimiters, Segment
from adapter.ingest.notes import Notes, at_field, echo
from adapter.ingest.scopes import Scope
from adapter.ingest.senders import SenderRules
from adapter.ingest.v2_fields import V2Field, codings
from adapter.knowledge.paths import V2Path
from adapter.knowledge.spec import Row, Table

_MU, _MICRO_SIGN = "\u03bc", "\u00b5"
WITHOUT_LEVEL = frozenset({"cancelled", "pending", "not-asked"})
_WITHOUT_NUMBER = frozenset({"none", "rejected"})
VALUES_REMEMBERED = 4_096
LONGEST_VALUE_REMEMBERED = 40
"""Longer ones are remarks, and no sender repeats those."""


class Level(NamedTuple):
    """What an OBX says of the activity."""

    activity: Activity | None
    reported: Reported
    value: Value


class StatedUnits(NamedTuple):
    """What a unit field says."""

    text: str | None
    """The first unit as sent."""
    canonical: tuple[str | None, ...]
    factor: Decimal | None
    """That of all of them, where they agree."""


class SentValue:
    """A value as it was sent, with the levels it stands for: laboratories send the same numbers time after time."""

    __slots__ = ("_levels", "digits", "value")

    def __init__(self, value: Value) -> None:
        self.value = value
        self.digits = None if value.number is None else format(value.number, "f")
        self._levels: dict[Decimal, tuple[Activity | None, bool]] = {}

    def level(self, factor: Decimal | None) -> tuple[Activity | None, bool]:
        """The activity for a factor of the table of units, and whether it is implausible."""
        if factor is None:
            return None, False
        if factor not in self._levels:
            activity = activity_of(self.value, factor)
            self._levels[factor] = activity, activity is not None and is_implausible(activity)
        return self._levels[factor]


def read_level(
    scope: Scope,
    field: V2Field,
    *,
    flags: Sequence[str],
    units: Table,
    unit_fields: FieldMemory[StatedUnits],
    rules: SenderRules,
    status: str,
    notes: Notes,
) -> Level:
    """Value and unit of one result; what is filled and cannot be read is None with its problem and its remark."""
    segment, number = field.place(scope)
    known = _value(scope, segment, field, number, flags=flags, decimal_comma=rules.decimal_comma)
    value = known.value
    unit_place = _unit_place(scope, field)
    stated = unit_fields.read(*unit_place, scope.sender)
    reported = Reported(value=known.digits, unit=stated.text or value.unit, text=value.text or segment.field(number))
    if status in WITHOUT_LEVEL or value.kind in _WITHOUT_NUMBER:
        if status == "cancelled" or value.kind == "rejected":
            notes.remark("specimen-quality")
        return Level(activity=None, reported=reported, value=value)
    if value.kind == "unreadable":
        _unreadable(segment, number, notes)
        return Level(activity=None, reported=reported, value=value)
    factor = None if value.unit else stated.factor
    if factor is None:
        factor = _factor(
            value,
            value_place=(segment, number),
            unit_place=unit_place,
            stated=stated,
            units=units,
            assumed=_assumed_unit(rules, units, scope.sender),
            sender=scope.sender,
            notes=notes,
        )
    activity, implausible = known.level(factor)
    if implausible:
        notes.add(at_field("value-implausible", segment, number))
    if value.number is not None and value.number < 0:
        notes.remark("specimen-quality")
    return Level(activity=activity, reported=reported, value=value)


def canonical_unit(text: str, system: str, units: Table, sender: str) -> str | None:
    """The canonical unit of a spelling; None without a row."""
    row = unit_row(text, system, units, sender)
    return row.target if row else None


def unit_row(text: str, system: str, units: Table, sender: str) -> Row | None:
    """The row of a spelling of a unit: compared after Unicode NFKC and without blanks."""
    spelling = "".join(unicodedata.normalize("NFKC", text).split())
    # NFKC makes the micro sign a Greek mu; a table may hold either.
    for spelled in (spelling, spelling.replace(_MU, _MICRO_SIGN), text):
        row = units.find(spelled, system, sender)
        if row:
            return row
    return None


def lloq_iu_per_ml(units: Table, number: str, unit: str, sender: str) -> Decimal | None:
    """A quantification limit of the table in IU/mL; None when its number or its unit cannot be read."""
    value = read_value([number])
    canonical = canonical_unit(unit, "", units, sender) or unit
    if value.kind != "number" or value.number is None or not is_activity_unit(canonical):
        return None
    return to_iu_per_ml(value.number, canonical)


def stated_units(units: Table, segment: Segment, number: int, sender: str) -> StatedUnits:
    """What a unit field names: its canonical units, None where no coding has a row; nothing for an empty field."""
    found = []
    named = codings(segment, number)
    for code, text, system in named:
        unit = canonical_unit(code, system, units, sender) if code else None
        found.append(unit or (canonical_unit(text, "", units, sender) if text else None))
    first = next((code or text for code, text, _ in named), None)
    canonical = tuple([unit for unit in found if unit] or found[:1])
    factors = set(map(_activity_factor, canonical))
    return StatedUnits(first, canonical, factors.pop() if len(factors) == 1 else None)


def _value(
    scope: Scope, segment: Segment, field: V2Field, number: int, *, flags: Sequence[str], decimal_comma: bool
) -> SentValue:
    sent, declared, signs = segment.field(number), _type(scope, field.type_at), tuple(flags)
    short = len(sent) + len(declared) + sum(map(len, signs)) <= LONGEST_VALUE_REMEMBERED
    read = _remembered if short else _sent_value
    return read(sent, declared, signs, "," if decimal_comma else ".", segment.delimiters, segment.codec)


def _sent_value(
    sent: str, declared: str, flags: tuple[str, ...], sign: str, delimiters: Delimiters, codec: str
) -> SentValue:
    alone = Segment("", f"{delimiters.field}{sent}", 0, 1, 0, delimiters, codec)
    if delimiters.repetition in sent:
        filled = [n for n, raw in enumerate(alone.repetitions(1), start=1) if raw.strip()]
        # `~0.42` may be a repetition after an empty one, and may be meant as "about": no level either way.
        if filled[1:] or filled[:1] > [1]:
            return SentValue(Value(kind="unreadable", text=sent))
    components = alone.components(1) if sent.strip() else []
    return SentValue(read_value(components, declared_type=declared, flags=flags, decimal_comma=sign == ","))


_remembered = lru_cache(maxsize=VALUES_REMEMBERED)(_sent_value)


def _type(scope: Scope, path: V2Path | None) -> str:
    segment = scope.segment(path.segment) if path else None
    return (segment.value(path.field) or "") if path and segment else ""


def _unit_place(scope: Scope, field: V2Field) -> tuple[Segment, int]:
    path = field.unit_at
    return (scope.segment(path.segment) or scope.row, path.field) if path else (scope.row, 6)


def _factor(
    value: Value,
    *,
    value_place: tuple[Segment, int],
    unit_place: tuple[Segment, int],
    stated: StatedUnits,
    units: Table,
    assumed: str | None,
    sender: str,
    notes: Notes,
) -> Decimal | None:
    """The factor to IU/mL of the unit in force; None with its problem when there is none."""
    inside = canonical_unit(value.unit, "", units, sender) if value.unit else None
    if value.unit and inside is None and "/" not in value.unit and "%" not in value.unit:
        _unreadable(*value_place, notes)
        return None
    if not stated.canonical and not value.unit:
        return _assumed(value, unit_place, assumed, notes)
    factors = {_activity_factor(unit) for unit in [*stated.canonical, *([inside] if value.unit else [])]}
    disagree = len(factors) > 1 and None not in factors
    factor = factors.pop() if len(factors) == 1 else None
    if factor is None:
        segment, number = unit_place if stated.canonical else value_place
        text = stated.text if stated.canonical else None
        said = f"The unit {echo(text)} is not accepted for this test." if text else None
        if value.unit and _activity_factor(inside) is None and None not in map(_activity_factor, stated.canonical):
            (segment, number), said = value_place, "The unit inside the value is not accepted for this test."
        if disagree:
            said = "The result names two units that disagree."
        notes.add(at_field("unit-suspect", segment, number, said))
        notes.remark("unit-suspect")
    return factor


def _assumed_unit(rules: SenderRules, units: Table, sender: str) -> str | None:
    text = rules.assumed_unit
    return (canonical_unit(text, "", units, sender) or text) if text else None


def _assumed(value: Value, unit_place: tuple[Segment, int], assumed: str | None, notes: Notes) -> Decimal | None:
    if value.kind == "below-quantification" and value.number is None:
        return Decimal(1)  # "not detected" means the same in every unit
    if assumed and is_activity_unit(assumed):
        notes.remark("unit-assumed")
        return FACTORS_TO_IU_PER_ML[assumed]
    notes.add(at_field("unit-missing", *unit_place))
    notes.remark("unit-missing")
    return None


def _activity_factor(unit: str | None) -> Decimal | None:
    return FACTORS_TO_IU_PER_ML.get(unit or "")


def _unreadable(segment: Segment, number: int, notes: Notes) -> None:
    notes.add(at_field("value-unreadable", segment, number))
    notes.remark("value-unreadable")
