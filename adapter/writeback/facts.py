"""Which facts an output rests on, which of them still stand, and what they said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import assert_never

from adapter.domain.events import ActivityMeasured, AsparaginaseAdministered, Event, HypersensitivityRecorded
from adapter.domain.findings import Finding
from adapter.domain.history import History, fact_name
from adapter.domain.outputs import Written

Fact = ActivityMeasured | AsparaginaseAdministered | HypersensitivityRecorded
Print = Mapping[str, str]
"""What one fact says: `kind` (result, dose, reaction) and its words by their names."""

_SETTLED = ("final", "corrected", "completed", "stopped")


def ground(source: str, key: str) -> str:
    """A fact as the ground of an output: `<source>|<key>`."""
    return f"{source}|{key}"


def gone(history: History, written: Iterable[Written]) -> frozenset[str]:
    """Grounds of what was written that no longer stand: withdrawn, or now another patient's."""
    facts = standing(history)
    return frozenset(fact for output in written for fact in output.grounds if fact not in facts)


def standing(history: History) -> frozenset[str]:
    """`<source>|<key>` of every fact that holds now."""
    rows: tuple[Event, ...] = (*history.doses, *history.samples, *history.reactions, *history.premedications)
    return frozenset(fact_name(row) for row in rows) - history.withdrawn


def grounds_of(finding: Finding) -> tuple[str, ...]:
    """The dose rows, samples and linked reactions a finding rests on, sorted; a reaction by its first record."""
    reactions = {ground(reaction.source or finding.source, reaction.key) for reaction in finding.reactions}
    samples = {ground(source_of_sample(finding, sample.key), sample.key) for sample in finding.samples}
    return tuple(sorted({*_dose_rows(finding), *samples, *reactions}))


def about(finding: Finding) -> str:
    """The dose, or the sample without one, that the outputs of a finding are keyed by."""
    return ground(finding.source, finding.dose.key if finding.dose else finding.samples[0].key)


def facts_of(finding: Finding) -> tuple[str, ...]:
    """The grounds of a finding and every further record of its reactions: one of two records may be the severe one."""
    records = {record for reaction in finding.reactions for record in reaction.records}
    return tuple(sorted({*grounds_of(finding), *records}))


def earlier_of(finding: Finding, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings of the earlier doses of its family in whose light a finding was read."""
    named = {earlier["dose"] for earlier in finding.evidence.get("earlier_in_family", ())}
    if not named:
        return ()
    return tuple(other for other in findings if other is not finding and named.intersection(_dose_rows(other)))


def source_of_sample(finding: Finding, key: str) -> str:
    """The source a sample of a finding came from."""
    return dict(finding.sample_sources).get(key, finding.source)


def prints(facts: Iterable[str], history: History) -> dict[str, Print]:
    """What each settled fact says that a verdict can rest on; another print of the same fact is a correction of it.

    A preliminary or pending result, or a dose still in progress, says nothing yet: what follows is no correction.
    """
    wanted = set(facts) - history.withdrawn
    doses = [dose for dose in history.doses if dose.status in _SETTLED]
    samples = [sample for sample in history.samples if sample.status in _SETTLED]
    rows: tuple[Fact, ...] = (*doses, *samples, *history.reactions)
    return {fact_name(row): _print(row) for row in rows if fact_name(row) in wanted}


def _dose_rows(finding: Finding) -> tuple[str, ...]:
    if finding.dose is None:
        return ()
    rows = finding.evidence.get("dose", {}).get("rows", ())
    return tuple(sorted({ground(finding.source, finding.dose.key), *rows}))


def _print(row: Fact) -> Print:
    match row:
        case ActivityMeasured():
            return {
                "kind": "result",
                "value": _spoken(row),
                "collected": row.collected.text if row.collected else "",
            }
        case AsparaginaseAdministered():
            return {
                "kind": "dose",
                "product": row.product,
                "started": row.started.text if row.started else "",
                "ended": row.ended.text if row.ended else "",
                "amount": _amount(row.amount, row.unit),
                "ordered_amount": _amount(row.ordered_amount, row.unit),
                "route": row.route or "",
                "status": row.status,
            }
        case HypersensitivityRecorded():
            return {
                "kind": "reaction",
                "verification": row.verification,
                "grade": "" if row.grade is None else str(row.grade),
                "severity": row.severity or "",
                "manifestations": ", ".join(row.concepts),
                "occurred": row.occurred.text if row.occurred else "",
            }
        case _:
            assert_never(row)


def _spoken(sample: ActivityMeasured) -> str:
    activity = sample.activity
    if activity is not None and activity.kind == "below-quantification":
        return sample.reported.text
    if activity is None or activity.number is None:
        return " ".join(part for part in (sample.reported.text, sample.reported.unit) if part)
    return f"{activity.comparator or ''}{activity.number:f} IU/mL"


def _amount(amount: object, unit: str | None) -> str:
    return "" if amount is None else f"{amount} {(unit or '').replace('[IU]', 'IU')}".strip()
