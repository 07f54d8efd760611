"""Who a result or a resource is about: the first identifier whose system is mapped, in table order (CONTRACTS 2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from adapter.domain.problems import Problem, problem
from adapter.ingest.hl7v2 import Segment
from adapter.ingest.notes import at_field
from adapter.ingest.v2_fields import repetitions_of
from adapter.knowledge.paths import V2Path
from adapter.knowledge.spec import NOT_OURS, Row, Table

_IDENTIFIERS = V2Path(segment="PID", field=3, repetition="*", component=None, subcomponent=None)
"""Where a mapping without the field looks for the patient."""


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
    known = [
        (ranks[system], number, system, value) for number, (system, value) in enumerate(identifiers) if system in ranks
    ]
    if not known:
        return None
    _, _, system, value = min(known)
    return patient_key(system, value)


def hl7_patient(
    segment: Segment | None, places: Sequence[V2Path], table: Table, ranks: dict[str, int], sender: str
) -> tuple[str | None, Problem | None]:
    """The patient of a PID by the first place that tells one, or the problem that keeps it from being known."""
    first: Problem | None = None
    for path in places or (_IDENTIFIERS,):
        if segment is None or not any(part.strip() for part in segment.repetitions(path.field)):
            continue
        known = [
            (row.target, value)
            for repetition in repetitions_of(path, segment)
            if (value := (segment.value(path.field, repetition) or "").strip())
            and (row := _authority(segment, path.field, repetition, table, sender))
        ]
        patient = best_identifier(known, ranks)
        if patient:
            return patient, None
        first = first or at_field("unknown-authority", segment, path.field)
    return None, first or _missing(segment, (places or (_IDENTIFIERS,))[0].field)


def _authority(segment: Segment, number: int, repetition: int, table: Table, sender: str) -> Row | None:
    """The row of CX.4.1 (namespace), else of CX.4.2 (universal id, of type CX.4.3)."""
    namespace, universal, kind = ((segment.value(number, repetition, 4, part) or "").strip() for part in (1, 2, 3))
    row = table.find(namespace, kind, sender) if namespace else None
    return row or (table.find(universal, kind, sender) if universal else None)


def _missing(segment: Segment | None, number: int) -> Problem:
    if segment:
        return at_field("patient-missing", segment, number)
    return problem("patient-missing", where=f"PID[1]-{number}", location=f"PID^1^{number}")
