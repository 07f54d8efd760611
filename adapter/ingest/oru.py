"""One OBX to one ActivityMeasured: the fields the mapping names, put together into the event."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import cast, get_args

from adapter.domain.events import ActivityMeasured, Coding, ResultStatus, Version
from adapter.domain.times import Moment
from adapter.ingest.activity_reading import Level, lloq_iu_per_ml, read_level
from adapter.ingest.code_lookup import Hit, look_up
from adapter.ingest.coded_fields import CodeJudge, remembered
from adapter.ingest.notes import Notes, at_field
from adapter.ingest.order_numbers import order_number
from adapter.ingest.scopes import Scope
from adapter.ingest.senders import SenderRules
from adapter.ingest.v2_fields import Found, V2Field, codings, compile_field
from adapter.ingest.zones import Zone, unclear_local_time
from adapter.knowledge.spec import FieldSpec, Knowledge, Mapping, Table

PROMOTED = "promote-to-final"
"""Target of a status without a value: the stored preliminary result becomes final (OBX-11 U)."""
LIMITS_REMEMBERED = 64
_STATUSES: tuple[str, ...] = get_args(ResultStatus)
_WITH_OWN_PROBLEM = frozenset({"patient", "key", "test", "status", "activity", "collected"})
_EMPTY = Table(name="", rows=(), index={})
_LEFT_OPEN = compile_field(FieldSpec(name="", paths=()))


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultMapping:
    """A compiled HL7 v2 mapping and the tables it reads."""

    mapping: Mapping
    fields: dict[str, V2Field]
    knowledge: Knowledge
    required: tuple[V2Field, ...]
    """Fields the mapping requires beyond those whose absence has a problem of its own."""
    tests: CodeJudge
    """Judges the codes of results and orders."""
    limit_iu_per_ml: Callable[[str, str, str], Decimal | None]
    """A quantification limit by its number, unit and sender; a laboratory has a handful of them."""

    def field(self, name: str) -> V2Field:
        """The field of that name, or one that is never filled."""
        return self.fields.get(name, _LEFT_OPEN)

    def table(self, name: str) -> Table:
        """The table a field reads, empty when it reads none."""
        return self.knowledge.tables.get(self.field(name).spec.table or "", _EMPTY)


def compile_results(mapping: Mapping, knowledge: Knowledge) -> ResultMapping:
    """Compile one mapping of HL7 v2 results."""
    fields = {spec.name: compile_field(spec) for spec in mapping.fields}
    units = knowledge.tables.get(fields.get("activity", _LEFT_OPEN).spec.table or "", _EMPTY)
    return ResultMapping(
        mapping=mapping,
        fields=fields,
        knowledge=knowledge,
        required=tuple(
            field for name, field in fields.items() if field.spec.required and name not in _WITH_OWN_PROBLEM
        ),
        tests=CodeJudge(knowledge.tables[mapping.select.table], mapping.select.near),
        limit_iu_per_ml=remembered(partial(lloq_iu_per_ml, units), LIMITS_REMEMBERED),
    )


def measured(
    scope: Scope,
    test: Hit,
    results: ResultMapping,
    *,
    patient: str,
    rules: SenderRules,
    zone: Zone,
    notes: Notes,
    source: str,
) -> ActivityMeasured:
    """The event of one mapped OBX of an identified patient; whatever is wrong with it becomes remarks and problems."""
    status, letter, promoted = _status(scope, results, notes)
    withdrawn = status == "entered-in-error"
    quiet = Notes() if withdrawn else notes  # a withdrawal needs no readable value, unit or time
    flag = results.field("laboratory_flag").text(scope)
    level = read_level(
        scope,
        results.field("activity"),
        flags=(flag or "").replace(",", " ").split(),
        units=results.table("activity"),
        rules=rules,
        status=status,
        notes=quiet,
    )
    if status in {"preliminary", "final", "corrected"} and level.value.text.casefold() == "pending":
        status = "pending"
    collected = _collected(scope, results, status, zone, quiet)
    order = Version(
        updated=_time(scope, results.field("updated"), zone, quiet),
        sent=_time(scope, results.field("sent"), zone, quiet),
    )
    _require(scope, results, status, quiet)
    method, lloq = _assay(scope, test, results)
    specimen = results.field("specimen").text(scope)
    return ActivityMeasured(
        patient=patient,
        source=source,
        key=_key(scope, test, results, _told(patient, collected, specimen), notes),
        status=status,
        letter=letter,
        version=order,
        activity=level.activity,
        reported=level.reported,
        promotes=promoted and _without_value(level),
        collected=collected,
        received_by_laboratory=_time(scope, results.field("received_by_laboratory"), zone, quiet),
        resulted=_time(scope, results.field("resulted"), zone, quiet),
        specimen=specimen,
        specimen_type=_coded_target(scope, results, "specimen_type"),
        test=Coding(code=test.code, system=test.system or None, text=test.text or None),
        lloq_iu_per_ml=lloq,
        method=method,
        laboratory=results.field("laboratory").text(scope),
        reference_range=results.field("reference_range").text(scope),
        laboratory_flag=flag,
        comment=results.field("comment").text(scope),
        filler=order_number(scope, results.field("filler")),
        placer=order_number(scope, results.field("placer")),
        remarks=() if withdrawn else tuple(quiet.remarks),
    )


def _told(patient: str, collected: Moment | None, specimen: str | None) -> str:
    """All that tells one sample from another where there is no order number."""
    return "|".join((patient, collected.text if collected else "", specimen or ""))


def _without_value(level: Level) -> bool:
    return level.value.kind == "none"


def _status(scope: Scope, results: ResultMapping, notes: Notes) -> tuple[ResultStatus, str, bool]:
    """Our status, the letter as sent, and whether it promotes; without a status it is preliminary."""
    field = results.field("status")
    segment, number = field.place(scope)
    found = field.first(scope)
    letter = found.text if found else ""
    value_segment, value_number = results.field("activity").place(scope)
    row = results.table("status").find(letter, "", scope.sender) if letter else None
    target = row.target if row else ""
    if value_segment.is_null(value_number):
        return "entered-in-error", letter, False
    _compare_with_order(scope, results, found, notes)
    if target == PROMOTED:
        return "final", letter, True
    if target in _STATUSES:
        return cast("ResultStatus", target), letter, False
    notes.add(at_field("status-unmapped" if letter else "status-missing", segment, number))
    return "preliminary", letter, False


def _compare_with_order(scope: Scope, results: ResultMapping, found: Found | None, notes: Notes) -> None:
    """Warn where the order is corrected or cancelled and the result says final (ruling 3)."""
    order = results.field("order_status").first(scope)
    if not order or not found or order.segment is found.segment:
        return
    statuses = results.table("status")
    said, own = (statuses.find(place.text, "", scope.sender) for place in (order, found))
    if said and own and said.target in {"cancelled", "corrected"} and own.target == "final":
        notes.add(at_field("status-conflict", order.segment, order.field))


def _collected(scope: Scope, results: ResultMapping, status: str, zone: Zone, notes: Notes) -> Moment | None:
    field = results.field("collected")
    found = list(field.all(scope))
    if not found:
        if _is_required(field, scope, results, status):
            notes.add(at_field("sample-time-missing", *field.place(scope)))
            notes.remark("sample-time-missing")
        return None
    first = _moment(found[0], zone)
    if first is None:
        notes.add(at_field("time-unreadable", found[0].segment, found[0].field))
        notes.remark("sample-time-missing")
        return None
    if first.zone_from == "unknown":
        notes.add(at_field("zone-missing", found[0].segment, found[0].field))
        notes.remark("zone-missing")
    unclear = unclear_local_time(first, zone.zone)
    if unclear:
        notes.add(at_field(unclear, found[0].segment, found[0].field))
    if field.spec.must_agree_minutes is not None:
        _compare_times(first, found, zone, timedelta(minutes=field.spec.must_agree_minutes), notes)
    return first


def _require(scope: Scope, results: ResultMapping, status: str, notes: Notes) -> None:
    for field in results.required:
        if not field.first(scope) and _is_required(field, scope, results, status):
            notes.add(at_field("field-missing", *field.place(scope)))


def _is_required(field: V2Field, scope: Scope, results: ResultMapping, status: str) -> bool:
    """Whether the mapping wants the field filled in this result."""
    wanted = field.spec.required
    if wanted is None or wanted.field is None:
        return wanted is not None
    return _word(scope, results, wanted.field, status) in wanted.values


def _word(scope: Scope, results: ResultMapping, name: str, status: str) -> str | None:
    """What the event says of a field: the word of its table where it reads one."""
    if name == "status":
        return status
    field = results.field(name)
    return _coded_target(scope, results, name) if field.spec.reader == "code" else field.text(scope)


def _compare_times(first: Moment, found: list[Found], zone: Zone, limit: timedelta, notes: Notes) -> None:
    for other in found[1:]:
        at = _moment(other, zone)
        if at and max(at.earliest - first.latest, first.earliest - at.latest) > limit:
            said = f"{other.path} and {found[0].path} differ by more than {int(limit.total_seconds() // 60)} minutes."
            notes.add(at_field("times-disagree", other.segment, other.field, said))


def _time(scope: Scope, field: V2Field, zone: Zone, notes: Notes) -> Moment | None:
    """A time that no verdict hangs on: unreadable is only a warning."""
    found = field.first(scope)
    if found is None:
        return None
    at = _moment(found, zone)
    if at is None:
        notes.add(at_field("time-unreadable", found.segment, found.field), severity="warning")
    return at


def _moment(found: Found, zone: Zone) -> Moment | None:
    try:
        return zone.read(found.text)
    except ValueError:
        return None


def _coded_target(scope: Scope, results: ResultMapping, name: str) -> str | None:
    """The table's word for the first filled alternative, else its code as sent."""
    found = results.field(name).first(scope)
    if found is None:
        return None
    triplets = codings(found.segment, found.field, found.repetition)
    hit = look_up(results.table(name), triplets, scope.sender)
    return hit.row.target if hit else next((code or text for code, text, _ in triplets), None)


def _assay(scope: Scope, test: Hit, results: ResultMapping) -> tuple[str | None, Decimal | None]:
    """The method, and the quantification limit of the laboratory's own table row for this test and method."""
    method = results.field("method").text(scope)
    limits = results.knowledge.tables.get("quantification_limits", _EMPTY)
    row = limits.find(test.code, test.system, scope.sender)
    if row is None:
        return method, None
    stated = row.extra.get("method", "").strip()
    if stated and method and stated.casefold() != method.casefold():
        return method, None
    limit = results.limit_iu_per_ml(row.extra.get("lloq", ""), row.extra.get("unit", ""), scope.sender)
    return method or stated or None, limit


def _key(scope: Scope, test: Hit, results: ResultMapping, told: str, notes: Notes) -> str:
    """The sample key of CONTRACTS 2; without an order number one made of patient and collection, and a warning."""
    field = results.field("key")
    facility = scope.sender.partition("|")[2]
    named = {"test": test.row.target}
    for spec, read in zip(field.spec.paths, field.keys, strict=True):
        key = read(scope, named)
        if key:
            return f"{facility}/{key}" if " + " in spec else f"{spec.partition('.')[0]}:{key}"
    request = scope.segment("OBR")
    place = (request, 3) if request else (scope.row, 21)
    notes.add(at_field("weak-identity", *place, "The result has no order number (OBR-3, OBR-2) and no OBX-21."))
    digest = hashlib.sha256(told.encode()).hexdigest()[:16]
    return f"{facility}/sha256:{digest}/{test.row.target}/{scope.row.value(4) or ''}"
