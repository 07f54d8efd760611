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
    known = [identifier for identifier in identifiers if identifier[0] in ranks]
    if not known:
        return None
    system, value = known[0] if len(known) == 1 else min(known, key=lambda identifier: ranks[identifier[0]])
    return patient_key(system, value)


def hl7_patient(
    segment: Segment | None, places: Sequence[V2Path], table: Table, ranks: dict[str, int], sender: str
) -> tuple[str | None, Problem | None]:
    """The patient of a PID by the first place that tells one, or the problem that keeps it from being known."""
    first: Problem | None = None
    for path in places or (_IDENTIFIERS,):
        if segment is None or not any(map(str.strip, segment.repetitions(path.field))):
            continue
        known = identifiers_at(path, segment, table, sender)
        patient = best_identifier(known, ranks)
        if patient:
            return patient, None
        first = first or at_field("unknown-authority", segment, path.field)
    return None, first or _missing(segment, (places or (_IDENTIFIERS,))[0].field)


def identifiers_at(path: V2Path, segment: Segment, table: Table, sender: str) -> list[tuple[str, str]]:
    """(system, value) of every CX whose assigning authority is in the table, in the order of the message."""
    found = []
    for repetition in repetitions_of(path, segment):
        sent = (*segment.parts(path.field, repetition), "", "", "", "")
        value, namespace = sent[0].strip(), sent[3].strip()
        row = _authority(segment, path.field, repetition, namespace, table, sender) if value else None
        if row:
            found.append((row.target, value))
    return found


def _authority(segment: Segment, number: int, repetition: int, namespace: str, table: Table, sender: str) -> Row | None:
    """The row of CX.4.1 (namespace), else of CX.4.2 (universal id, of type CX.4.3)."""
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
