"""One OBX to one ActivityMeasured: the fields the mapping names, put together into the event."""

from __future__ import annotations

import hashlib
from typing import cast, get_args

from adapter.domain.events import ActivityMeasured, Coding, ResultStatus, Version
from adapter.domain.times import Moment
from adapter.ingest.activity_reading import Level, read_level
from adapter.ingest.code_lookup import Hit
from adapter.ingest.notes import Notes, at_field
from adapter.ingest.order_numbers import order_number
from adapter.ingest.result_mapping import ResultMapping
from adapter.ingest.result_times import collected_at, time_at
from adapter.ingest.scopes import Scope
from adapter.ingest.senders import SenderRules
from adapter.ingest.zones import Zone

PROMOTED = "promote-to-final"
"""Target of a status without a value: the stored preliminary result becomes final (OBX-11 U)."""
_STATUSES: tuple[str, ...] = get_args(ResultStatus)


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
    flag = results.named.laboratory_flag.text(scope)
    level = read_level(
        scope,
        results.named.activity,
        flags=(flag or "").replace(",", " ").split(),
        units=results.activity_units,
        unit_fields=results.units,
        rules=rules,
        status=status,
        notes=quiet,
    )
    if status in {"preliminary", "final", "corrected"} and level.value.text.casefold() == "pending":
        status = "pending"
    collected = collected_at(scope, results, status, zone, quiet)
    order = Version(
        updated=time_at(scope, results.named.updated, zone, quiet),
        sent=time_at(scope, results.named.sent, zone, quiet),
    )
    _require(scope, results, status, quiet)
    method, lloq = results.assay(test, scope.sender, results.named.method.text(scope))
    specimen = results.named.specimen.text(scope)
    return ActivityMeasured(
        patient=patient,
        source=source,
        key=_key(scope, test, results, (patient, collected, specimen), notes),
        status=status,
        letter=letter,
        version=order,
        activity=level.activity,
        reported=level.reported,
        promotes=promoted and _without_value(level),
        collected=collected,
        received_by_laboratory=time_at(scope, results.named.received_by_laboratory, zone, quiet),
        resulted=time_at(scope, results.named.resulted, zone, quiet),
        specimen=specimen,
        specimen_type=results.coded_target("specimen_type", scope),
        test=Coding(code=test.code, system=test.system or None, text=test.text or None),
        lloq_iu_per_ml=lloq,
        method=method,
        laboratory=results.named.laboratory.text(scope),
        reference_range=results.named.reference_range.text(scope),
        laboratory_flag=flag,
        comment=results.named.comment.text(scope),
        filler=order_number(scope, results.named.filler),
        placer=order_number(scope, results.named.placer),
        remarks=() if withdrawn else tuple(quiet.remarks),
    )


def _told(patient: str, collected: Moment | None, specimen: str | None) -> str:
    """All that tells one sample from another where there is no order number."""
    return "|".join((patient, collected.text if collected else "", specimen or ""))


def _without_value(level: Level) -> bool:
    return level.value.kind == "none"


def _status(scope: Scope, results: ResultMapping, notes: Notes) -> tuple[ResultStatus, str, bool]:
    """Our status, the letter as sent, and whether it promotes; without a status it is preliminary."""
    field = results.named.status
    letter = field.first_text(scope)
    value_segment, value_number = results.named.activity.place(scope)
    row = results.statuses.find(letter, "", scope.sender) if letter else None
    target = row.target if row else ""
    if value_segment.is_null(value_number):
        return "entered-in-error", letter, False
    if target == "final":
        _compare_with_order(scope, results, letter, notes)
    if target == PROMOTED:
        return "final", letter, True
    if target in _STATUSES:
        return cast("ResultStatus", target), letter, False
    notes.add(at_field("status-unmapped" if letter else "status-missing", *field.place(scope)))
    return "preliminary", letter, False


def _compare_with_order(scope: Scope, results: ResultMapping, own: str, notes: Notes) -> None:
    """Warn where the order is corrected or cancelled and the result, whose letter is `own`, says final (ruling 3)."""
    letter = results.named.order_status.first_text(scope)
    said = results.statuses.find(letter, "", scope.sender) if letter and letter != own else None
    if said is None or said.target not in {"cancelled", "corrected"}:
        return
    order, result = results.named.order_status.first(scope), results.named.status.first(scope)
    if order and result and order.segment is not result.segment:
        notes.add(at_field("status-conflict", order.segment, order.field))


def _require(scope: Scope, results: ResultMapping, status: str, notes: Notes) -> None:
    for field in results.required:
        if not field.first_text(scope) and results.requires(field, scope, status):
            notes.add(at_field("field-missing", *field.place(scope)))


def _key(
    scope: Scope, test: Hit, results: ResultMapping, told: tuple[str, Moment | None, str | None], notes: Notes
) -> str:
    """The sample key of CONTRACTS 2; without an order number one made of patient and collection, and a warning."""
    field = results.named.key
    facility = scope.sender.partition("|")[2]
    named = {"test": test.row.target}
    for spec, read in zip(field.spec.paths, field.keys, strict=True):
        key = read(scope, named)
        if key:
            return f"{facility}/{key}" if " + " in spec else f"{spec.partition('.')[0]}:{key}"
    request = scope.segment("OBR")
    place = (request, 3) if request else (scope.row, 21)
    notes.add(at_field("weak-identity", *place, "The result has no order number (OBR-3, OBR-2) and no OBX-21."))
    digest = hashlib.sha256(_told(*told).encode()).hexdigest()[:16]
    return f"{facility}/sha256:{digest}/{test.row.target}/{scope.row.value(4) or ''}"
