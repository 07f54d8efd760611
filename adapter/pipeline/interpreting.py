"""Recall, interpret, render: one patient's whole history into what has to change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from adapter.domain.events import Event, HypersensitivityRecorded, PatientRecord, Recorded
from adapter.domain.findings import Interpretation
from adapter.domain.history import History, resolve
from adapter.domain.message import MessageRef, PatientResult, PatientState
from adapter.domain.outputs import Change
from adapter.domain.printing import printed
from adapter.pipeline.parts import JsonObject, Parts, State, Target
from adapter.rules import interpret
from adapter.writeback.changes import changes_due
from adapter.writeback.difference import closing_times
from adapter.writeback.elements import Subject
from adapter.writeback.provenance import provenance
from adapter.writeback.render import activity_key, interpretation_key
from adapter.writeback.withholding import is_withheld


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one message adds to what is remembered, and what its earlier reading had added."""

    message: MessageRef | None = None
    recorded: tuple[Recorded, ...] = ()
    superseded: tuple[Recorded, ...] = ()
    records: tuple[PatientRecord, ...] = ()
    recalled: Mapping[str, PatientState] = field(default_factory=dict)
    """What was remembered of patients before the step, as far as it was asked for already."""


def interpreted(patient: str, step: Step, parts: Parts, now: datetime) -> PatientResult:
    """Re-run the rules over the whole history of one patient and take the difference to what was written."""
    message = step.message
    state = step.recalled.get(patient) or parts.state.recall(patient, tuple(r.event for r in step.recorded))
    own_records = (*state.records, *(record for record in step.records if record.patient == patient))
    history = resolve(patient, _concerning(patient, state, step), own_records)
    interpretation = interpret(history, parts.rulebook, now)
    changes = changes_due(
        interpretation,
        history,
        state.written,
        parts.knowledge.outputs,
        canonical=parts.canonical,
        subject=Subject(patient=patient, reference=literal_reference(own_records, parts)),
        now=now,
        attempts=_attempts(interpretation, history, parts.state),
    )
    policies = tuple(sorted({f.policy for f in interpretation.findings if f.policy}))
    trails = (_trail(group, policies, parts, now, message) for group in _by_audience(changes, parts.targets))
    written = {w.id: w for w in (*state.written, *(change.after for change in changes))}
    return PatientResult(
        patient=patient,
        findings=tuple(printed(finding) for finding in interpretation.findings),
        unlinked=tuple(printed(finding) for finding in interpretation.unlinked),
        changes=changes,
        problems=interpretation.problems,
        provenance=tuple(trail for trail in trails if trail),
        next_check=_earliest(interpretation.next_check, closing_times(tuple(written.values()))),
    )


def _by_audience(changes: Sequence[Change], targets: Sequence[Target]) -> tuple[tuple[Change, ...], ...]:
    """What every target gets, and what some target does not: a Provenance may name only what stands beside it."""
    held = {change.after.id for change in changes if any(is_withheld(change.after, t.monitor_from) for t in targets)}
    return (
        tuple(change for change in changes if change.after.id not in held),
        tuple(change for change in changes if change.after.id in held),
    )


def _trail(
    changes: Sequence[Change], policies: Sequence[str], parts: Parts, now: datetime, message: MessageRef | None
) -> JsonObject | None:
    return provenance(
        changes,
        message=message,
        template=parts.knowledge.outputs["provenance"],
        canonical=parts.canonical,
        mapping_hash=parts.knowledge.hash,
        policies=policies,
        now=now,
    )


def withheld(results: Sequence[PatientResult], targets: Sequence[Target]) -> frozenset[tuple[str, str]]:
    """Flags about doses before a target's time, patients of other authorities, and the Provenance of those alone."""
    held: set[tuple[str, str]] = set()
    for target in targets:
        for result in results:
            elsewhere = bool(target.authorities) and result.patient.partition("|")[0] not in target.authorities
            ids = {c.after.id for c in result.changes if elsewhere or is_withheld(c.after, target.monitor_from)}
            held.update((target.name, output) for output in ids)
            held.update(
                (target.name, trail["id"])
                for trail in result.provenance
                if {t["reference"].partition("/")[2] for t in trail["target"]} & ids
            )
    return frozenset(held)


def _attempts(interpretation: Interpretation, history: History, state: State) -> dict[str, int]:
    """How often a dose or sample key must be turned because another patient's output already has its id."""
    first: dict[str, Callable[[str], str]] = {
        sample.key: partial(activity_key, sample.source) for sample in history.samples
    }
    for finding in interpretation.findings:
        if finding.dose:
            first[finding.dose.key] = partial(interpretation_key, finding.source, linked=True)
    turned: dict[str, int] = {}
    asked = {key: identify(key) for key, identify in first.items()}
    while asked:
        owners = state.owners(tuple(asked.values()))
        taken = [key for key, output in asked.items() if owners.get(output, history.patient) != history.patient]
        turned.update((key, turned.get(key, 0) + 1) for key in taken)
        asked = {key: first[key](f"{key}/r{turned[key]}") for key in taken}
    return turned


def _concerning(patient: str, state: PatientState, step: Step) -> Iterable[Recorded]:
    """What this patient's history is made of: the remembered facts and the new ones; a moved fact is seen by both."""
    remembered = [row for row in state.recorded if row not in step.superseded]
    held = {fact_key(r.event) for r in remembered if r.event.patient == patient}
    held.update(fact_key(r.event) for r in step.recorded if r.event.patient == patient)
    return [
        *remembered,
        *(r for r in step.recorded if r.event.patient == patient or fact_key(r.event) in held),
    ]


def fact_key(event: Event) -> tuple[str, str, str]:
    """What makes two events versions of one fact: kind, source and key (the record, for a reaction row)."""
    key = event.record if isinstance(event, HypersensitivityRecorded) else event.key
    return type(event).__name__, event.source, key


def literal_reference(records: Sequence[PatientRecord], parts: Parts) -> str | None:
    """The Patient resource of a source, where the targets hold it under the same reference."""
    if not parts.literal_references:
        return None
    return next((record.reference for record in records), None)


def _earliest(*times: datetime | None) -> datetime | None:
    return min((t for t in times if t is not None), default=None)
