"""Findings and facts become the resources that should stand on a FHIR server; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from adapter.domain.events import ActivityMeasured
from adapter.domain.findings import Finding, Interpretation
from adapter.domain.history import History, fact_name
from adapter.domain.outputs import Wanted, Written
from adapter.fhir import Canonical, content_hash
from adapter.knowledge.spec import OutputTemplate
from adapter.writeback.elements import Subject
from adapter.writeback.facts import Print, about, earlier_of, facts_of, grounds_of, prints
from adapter.writeback.flags import FlagWant, flag_wants
from adapter.writeback.interpretations import time_of, verdict_of
from adapter.writeback.press import ACTIVITY, Press, activity_key, activity_sheet, interpretation_key

__all__ = ["activity_key", "interpretation_key", "render"]
ACTIVITIES_REMEMBERED = 20_000


def render(
    interpretation: Interpretation,
    history: History,
    templates: Mapping[str, OutputTemplate],
    *,
    canonical: Canonical,
    subject: Subject,
    attempts: Mapping[str, int] | None = None,
    kept: frozenset[str] = frozenset(),
    standing: Mapping[str, Written] | None = None,
) -> tuple[Wanted, ...]:
    """Activity Observations, interpretations and Flags of one patient, without evaluation times.

    `kept`: ids of interpretations that stay although their findings would not be written anew.
    `attempts`: dose or sample key -> n, when the output key already belongs to another patient (a result that moved):
    the key then ends in `/r<n>`.  `standing`: what was written, by id; what says the
    same keeps its body.  Raises KeyError when a template is missing, UnknownPlaceholderError when one names
    what is not offered.
    """
    press = Press(
        templates=templates, canonical=canonical, subject=subject, attempts=attempts, kept=kept, standing=standing
    )
    findings = (*interpretation.findings, *interpretation.unlinked)
    said = prints((fact for finding in findings for fact in facts_of(finding)), history)
    return (
        *(_activity(press, sample) for sample in history.samples),
        *(_interpretation(press, finding, findings, said) for finding in findings if press.writes(finding)),
        *(_flag(press, want, history) for want in flag_wants(interpretation)),
    )


def _activity(press: Press, sample: ActivityMeasured) -> Wanted:
    key = press.activity_id(sample)
    return _printed_activity(press.templates[ACTIVITY], press.canonical, press.subject, key, sample)


@lru_cache(maxsize=ACTIVITIES_REMEMBERED)
def _printed_activity(
    template: OutputTemplate, canonical: Canonical, subject: Subject, key: str, sample: ActivityMeasured
) -> Wanted:
    """An activity says the same as long as its sample does, and a patient may have hundreds of them."""
    body = activity_sheet(template, subject, key, sample).printed({"canonical": canonical.base})
    return Wanted(
        kind="activity",
        resource_type="Observation",
        id=key,
        body=body,
        content_hash=content_hash(body),
        grounds=(fact_name(sample),),
        about=fact_name(sample),
    )


def _interpretation(press: Press, finding: Finding, findings: Sequence[Finding], said: Mapping[str, Print]) -> Wanted:
    sheet = press.interpretation(finding)
    body, told = press.printed(sheet)
    earlier = [press.interpretation_id(other) for other in earlier_of(finding, findings)]
    return Wanted(
        kind="interpretation",
        resource_type="Observation",
        id=sheet.id,
        body=body,
        content_hash=told,
        grounds=grounds_of(finding),
        about=about(finding),
        verdict=verdict_of(
            finding,
            {fact: said[fact] for fact in facts_of(finding) if fact in said},
            key=press.subject_key(finding),
            earlier=earlier,
        ),
    )


def _flag(press: Press, want: FlagWant, history: History) -> Wanted:
    sheet = press.flag(want, history)
    body, told = press.printed(sheet)
    return Wanted(
        kind="flag",
        resource_type="Flag",
        id=sheet.id,
        body=body,
        content_hash=told,
        grounds=tuple(sorted({fact for finding in (*want.doses, *want.reasons) for fact in grounds_of(finding)})),
        about=about(want.opened_by),
        topic=want.topic,
        verdict={"of": time_of(want.opened_by)},
    )
