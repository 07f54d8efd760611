"""Who a result or a resource is about: the first identifier whose system is mapped, in table order (CONTRACTS 2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from adapter.domain.problems import Problem, problem
from adapter.ingest.hl7v2 import Segment
from adapter.ingest.notes import at_field
from adapter.ingest.patient_numbers import Number, is_placeholder, may_be_a_patient, rank_of
from adapter.ingest.v2_fields import repetitions_of
from adapter.knowledge.paths import V2Path
from adapter.knowledge.spec import NOT_OURS, Row, Table

_IDENTIFIERS = V2Path(segment="PID", field=3, repetition="*", component=None, subcomponent=None)
"""Where a mapping without the field looks for the patient."""
_BY_TYPE = "5="


def patient_key(system: str, value: str) -> str:
    """`<system>|<value>`"""
    return f"{system}|{value}"


def system_ranks(table: Table) -> dict[str, int]:
    """Every identifier system that is a target, by its place in the table."""
    ranks: dict[str, int] = {}
    for row in table.rows:
        if row.target and row.target != NOT_OURS:
            ranks.setdefault(row.target, len(ranks))
    return ranks


def best_identifier(identifiers: Iterable[tuple[str, str]], ranks: dict[str, int]) -> str | None:
    """The patient by the (system, value) whose system stands first in the table; None when none does."""
    known = [one for one in identifiers if one[0] in ranks and not is_placeholder(one[1])]
    if not known:
        return None
    system, value = known[0] if len(known) == 1 else min(known, key=lambda identifier: ranks[identifier[0]])
    return patient_key(system, value)


def hl7_patient(
    segment: Segment | None, places: Sequence[V2Path], table: Table, ranks: dict[str, int], sender: str
) -> tuple[str | None, Problem | None]:
    """The patient of a PID by the first place that tells one; what keeps it from being known, or sure."""
    first: Problem | None = None
    for path in places or (_IDENTIFIERS,):
        if segment is None or not _is_filled(segment, path.field):
            continue
        numbers, sent = _numbers(path, segment, table, sender)
        patient = best_identifier([(number.system, number.value) for number in numbers], ranks)
        if patient:
            return patient, _ambiguous(numbers, patient, segment, path.field)
        only_others = not sent and bool(repetitions_of(path, segment))
        first = first or at_field("patient-missing" if only_others else "unknown-authority", segment, path.field)
    return None, first or _missing(segment, (places or (_IDENTIFIERS,))[0].field)


def _is_filled(segment: Segment, number: int) -> bool:
    return segment.field(number)[:1].isalnum() or any(map(str.strip, segment.repetitions(number)))


def identifiers_at(path: V2Path, segment: Segment, table: Table, sender: str) -> list[tuple[str, str]]:
    """(system, value) of every CX that can name a patient and whose authority is in the table, the surest first."""
    numbers, _ = _numbers(path, segment, table, sender)
    return [(number.system, number.value) for number in numbers]


def _numbers(path: V2Path, segment: Segment, table: Table, sender: str) -> tuple[list[Number], bool]:
    """The numbers whose authority is in the table, the surest first; and whether any can be a patient's.

    A path that asks for a type (`PID-3(5=AN)`) takes what it asks for.
    """
    asked = path.repetition is not None and path.repetition.startswith(_BY_TYPE)
    known: list[Number] = []
    sent = False
    for repetition in repetitions_of(path, segment):
        parts = (*segment.parts(path.field, repetition), "", "", "", "", "")
        value, kind = parts[0].strip(), parts[4]
        if is_placeholder(value) or not (asked or may_be_a_patient(kind)):
            continue
        sent = True
        row = _authority(segment, path.field, repetition, parts[3].strip(), table, sender)
        if row:
            known.append(Number(rank_of(kind), row.target, value))
    return (known if len(known) < 2 else sorted(known, key=lambda number: number.rank)), sent


def _ambiguous(numbers: list[Number], patient: str, segment: Segment, number: int) -> Problem | None:
    """A warning when another number is as sure as the one that was taken."""
    if len(numbers) < 2:
        return None
    chosen = next(one for one in numbers if patient_key(one.system, one.value) == patient)
    equal = {one.value for one in numbers if one.system == chosen.system and one.rank == chosen.rank}
    return at_field("patient-ambiguous", segment, number) if len(equal) > 1 else None


def _authority(segment: Segment, number: int, repetition: int, namespace: str, table: Table, sender: str) -> Row | None:
    """The row of CX.4.1 (namespace), else of CX.4.2 (universal id, of type CX.4.3)."""
    mark = segment.delimiters.subcomponent
    if not mark or mark not in segment.field(number):
        return table.find(namespace, "", sender) if namespace else None
    kind = (segment.value(number, repetition, 4, 3) or "").strip()
    row = table.find(namespace, kind, sender) if namespace else None
    if row:
        return row
    universal = (segment.value(number, repetition, 4, 2) or "").strip()
    return table.find(universal, kind, sender) if universal else None


def _missing(segment: Segment | None, number: int) -> Problem:
    if segment:
        return at_field("patient-missing", segment, number)
    return problem("patient-missing", where=f"PID[1]-{number}", location=f"PID^1^{number}")
