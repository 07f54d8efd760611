"""Recall, interpret, render: one patient's whole history into what has to change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from adapter.domain.copies import each_once
from adapter.domain.events import PatientRecord
from adapter.domain.findings import Interpretation
from adapter.domain.history import History, resolve
from adapter.domain.identities import Group
from adapter.domain.message import MessageRef, PatientResult
from adapter.domain.outputs import Change
from adapter.domain.printing import printed
from adapter.pipeline.parts import JsonObject, Parts, State, Target
from adapter.pipeline.remembering import Step, remembered
from adapter.rules import interpret
from adapter.writeback.changes import changes_due
from adapter.writeback.difference import closing_times
from adapter.writeback.elements import Subject
from adapter.writeback.provenance import provenance
from adapter.writeback.render import activity_key, interpretation_key
from adapter.writeback.withholding import is_withheld


def interpreted(group: Group, step: Step, parts: Parts, now: datetime) -> PatientResult:
    """Re-run the rules over the whole history of one patient and take the difference to what was written.

    `group`: all his identifiers; what is known under any of them is one history, under the first.
    """
    message, patient = step.message, group[0]
    known = remembered(group, step, parts.state)
    history = each_once(resolve(patient, known.recorded, known.records))
    interpretation = interpret(history, parts.rulebook, now)
    changes = changes_due(
        interpretation,
        history,
        known.written,
        parts.knowledge.outputs,
        canonical=parts.canonical,
        subject=Subject(patient=patient, reference=literal_reference(known.surviving, parts)),
        now=now,
        attempts=_attempts(interpretation, history, group, parts.state),
    )
    policies = tuple(sorted({f.policy for f in interpretation.findings if f.policy}))
    trails = (_trail(group, policies, parts, now, message) for group in _by_audience(changes, parts.targets))
    written = {w.id: w for w in (*known.written, *(change.after for change in changes))}
    return PatientResult(
        patient=patient,
        findings=tuple(printed(finding) for finding in interpretation.findings),
        unlinked=tuple(printed(finding) for finding in interpretation.unlinked),
        members=group if len(group) > 1 else (),
        changes=changes,
        owners=tuple(known.owners(changes)),
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


def _attempts(interpretation: Interpretation, history: History, group: Group, state: State) -> dict[str, int]:
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
        taken = [key for key, output in asked.items() if owners.get(output, history.patient) not in group]
        turned.update((key, turned.get(key, 0) + 1) for key in taken)
        asked = {key: first[key](f"{key}/r{turned[key]}") for key in taken}
    return turned


def literal_reference(records: Sequence[PatientRecord], parts: Parts) -> str | None:
    """The Patient resource of a source, where the targets hold it under the same reference."""
    if not parts.literal_references:
        return None
    return next((record.reference for record in records), None)


def _earliest(*times: datetime | None) -> datetime | None:
    return min((t for t in times if t is not None), default=None)
