"""The outputs of one patient taken apart: every element with its placeholder, and the facts each output rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from adapter.domain.events import ActivityMeasured
from adapter.domain.findings import Finding, Interpretation
from adapter.domain.history import History, fact_name
from adapter.domain.outputs import OutputKind
from adapter.knowledge.spec import OutputTemplate
from adapter.writeback.facts import ground, source_of_sample
from adapter.writeback.flags import FlagWant, flag_wants
from adapter.writeback.made_of import Role
from adapter.writeback.press import Press, Sheet
from adapter.writeback.template_trace import Leaf, Omitted, taken_apart

Facts = tuple[str, ...]
"""Names of facts: `<source>|<key>`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedOutput:
    """One output as it is printed, element by element."""

    kind: OutputKind
    resource_type: str
    id: str
    template: OutputTemplate
    leaves: tuple[Leaf, ...]
    omitted: tuple[Omitted, ...]
    roles: Mapping[Role, Facts] = field(hash=False)
    facts: Facts = ()
    """Every fact the output rests on: those with a role, reactions and premedication; other facts were read too."""
    findings: tuple[Finding, ...] = ()
    """The finding it tells; for a Flag every finding that raises it, the one that tells it first."""

    @property
    def reference(self) -> str:
        """`Flag/<id>`"""
        return f"{self.resource_type}/{self.id}"


def traced(interpretation: Interpretation, history: History, press: Press) -> tuple[TracedOutput, ...]:
    """Everything `render` makes of the same findings and facts, in its order."""
    findings = (*interpretation.findings, *interpretation.unlinked)
    return (
        *(_activity(sample, press) for sample in history.samples),
        *(_interpretation(finding, press) for finding in findings if press.writes(finding)),
        *(_flag(want, history, press) for want in flag_wants(interpretation)),
    )


def _activity(sample: ActivityMeasured, press: Press) -> TracedOutput:
    facts = (fact_name(sample),)
    return _traced("activity", press.activity(sample), press, {"sample": facts}, facts)


def _interpretation(finding: Finding, press: Press) -> TracedOutput:
    sheet = press.interpretation(finding)
    return _traced("interpretation", sheet, press, _roles(finding), facts_read(finding), (finding,))


def _flag(want: FlagWant, history: History, press: Press) -> TracedOutput:
    told = tuple({id(finding): finding for finding in (want.told_by, *want.doses, *want.reasons)}.values())
    roles: dict[Role, Facts] = {"subject": (_subject(want.opened_by),), "told": (_subject(want.told_by),)}
    facts = tuple(dict.fromkeys(fact for finding in told for fact in facts_read(finding)))
    return _traced("flag", press.flag(want, history), press, roles, facts, told)


def _traced(
    kind: OutputKind,
    sheet: Sheet,
    press: Press,
    roles: Mapping[Role, Facts],
    facts: Facts,
    findings: tuple[Finding, ...] = (),
) -> TracedOutput:
    leaves, omitted = taken_apart(sheet.template, sheet.names, constants=press.constants)
    return TracedOutput(
        kind=kind,
        resource_type="Flag" if kind == "flag" else "Observation",
        id=sheet.id,
        template=sheet.template,
        leaves=leaves,
        omitted=omitted,
        roles=roles,
        facts=facts,
        findings=findings,
    )


def _roles(finding: Finding) -> dict[Role, Facts]:
    samples = tuple(_samples(finding))
    headline = tuple(
        fact for fact, sample in zip(samples, finding.samples, strict=True) if sample.key == finding.headline_sample
    )
    rows = tuple(_dose_rows(finding))
    return {"subject": (_subject(finding),), "headline": headline[:1], "samples": samples, "dose": rows}


def facts_read(finding: Finding) -> Facts:
    """The facts of a finding: rows of its dose and copies of them, samples, records of reactions, drugs before it."""
    reactions = (record for reaction in finding.reactions for record in reaction.records)
    drugs = (finding.evidence.get("premedication") or {}).get("found", ())
    return tuple(dict.fromkeys((*_dose_rows(finding), *_samples(finding), *reactions, *drugs)))


def _subject(finding: Finding) -> str:
    return ground(finding.source, finding.dose.key) if finding.dose else next(_samples(finding))


def _samples(finding: Finding) -> Iterator[str]:
    return (ground(source_of_sample(finding, sample.key), sample.key) for sample in finding.samples)


def _dose_rows(finding: Finding) -> Iterator[str]:
    if finding.dose:
        dose = finding.evidence.get("dose") or {}
        yield from dict.fromkeys((_subject(finding), *dose.get("rows", ()), *dose.get("copies", ())))
