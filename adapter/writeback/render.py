"""Findings and facts become the resources that should stand on a FHIR server; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from adapter.domain.events import ActivityMeasured
from adapter.domain.findings import Finding, Interpretation
from adapter.domain.history import History, fact_name
from adapter.domain.outputs import Wanted
from adapter.fhir import Canonical, content_hash, output_key
from adapter.knowledge.spec import OutputTemplate
from adapter.writeback.activities import activity_names
from adapter.writeback.elements import Subject, subject_reference
from adapter.writeback.facts import earlier_of, facts_of, grounds_of, prints, source_of_sample
from adapter.writeback.flag_text import flag_names, flag_sentence, flag_short
from adapter.writeback.flags import FlagWant, flag_wants
from adapter.writeback.interpretations import interpretation_names, is_written, time_of, verdict_of
from adapter.writeback.template import fill

Names = Mapping[str, Any]
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
) -> tuple[Wanted, ...]:
    """Activity Observations, interpretations and Flags of one patient, without evaluation times.

    `kept`: ids of interpretations that stay although their findings would not be written anew.
    `attempts`: dose or sample key -> n, when the output key already belongs to another patient (a result that moved):
    the key then ends in `/r<n>`.  Raises KeyError when a template is missing, UnknownPlaceholderError when one names
    what is not offered.
    """
    press = _Press(templates=templates, canonical=canonical, subject=subject, attempts=attempts or {}, kept=kept)
    findings = (*interpretation.findings, *interpretation.unlinked)
    return (
        *(_activity(press, sample) for sample in history.samples),
        *(_interpretation(press, finding, findings, history) for finding in findings if press.writes(finding)),
        *(_flag(press, want, history) for want in flag_wants(interpretation)),
    )


def activity_key(source: str, sample_key: str) -> str:
    """Id of the activity Observation of a sample."""
    return output_key("activity", source, sample_key)


def interpretation_key(source: str, key: str, *, linked: bool) -> str:
    """Id of the interpretation of a dose episode, or of an unlinked sample."""
    return output_key("interpretation", "dose" if linked else "sample", source, key)


class _Press:
    """The templates, systems and subject one patient's resources are printed with."""

    def __init__(
        self,
        *,
        templates: Mapping[str, OutputTemplate],
        canonical: Canonical,
        subject: Subject,
        attempts: Mapping[str, int],
        kept: frozenset[str],
    ) -> None:
        self.canonical = canonical
        self.subject = subject
        self.templates = templates
        self._subject = subject_reference(subject)
        self._attempts = attempts
        self._kept = kept

    def key(self, key: str) -> str:
        """A dose or sample key, with the attempt when another patient holds the first."""
        attempt = self._attempts.get(key, 0)
        return f"{key}/r{attempt}" if attempt else key

    def body(self, template: str, key: str, names: Names) -> dict[str, Any]:
        """The resource of a template under an output key."""
        filled = {**names, "key": key, "subject": self._subject}
        return fill(self.templates[template], filled, constants={"canonical": self.canonical.base})

    def activity_reference(self, finding: Finding) -> Iterator[str]:
        """The activity Observations of a finding's samples, in their order."""
        for sample in finding.samples:
            yield f"Observation/{activity_key(source_of_sample(finding, sample.key), self.key(sample.key))}"

    def writes(self, finding: Finding) -> bool:
        """Whether a finding has an interpretation: it says enough for one, or one that stands speaks of it."""
        return is_written(finding) or self.interpretation_id(finding) in self._kept

    def interpretation_id(self, finding: Finding) -> str:
        """The id a finding's interpretation has, written or not."""
        return interpretation_key(finding.source, self.subject_key(finding), linked=finding.dose is not None)

    def subject_key(self, finding: Finding) -> str:
        """The key of the dose, or of the sample without one, a finding speaks of."""
        return self.key(finding.dose.key if finding.dose else finding.samples[0].key)


def _activity(press: _Press, sample: ActivityMeasured) -> Wanted:
    key = activity_key(sample.source, press.key(sample.key))
    return _printed_activity(press.templates["observation-activity"], press.canonical, press.subject, key, sample)


@lru_cache(maxsize=ACTIVITIES_REMEMBERED)
def _printed_activity(
    template: OutputTemplate, canonical: Canonical, subject: Subject, key: str, sample: ActivityMeasured
) -> Wanted:
    """An activity says the same as long as its sample does, and a patient may have hundreds of them."""
    names = {**activity_names(sample), "key": key, "subject": subject_reference(subject)}
    body = fill(template, names, constants={"canonical": canonical.base})
    return Wanted(
        kind="activity",
        resource_type="Observation",
        id=key,
        body=body,
        content_hash=content_hash(body),
        grounds=(fact_name(sample),),
    )


def _interpretation(press: _Press, finding: Finding, findings: Sequence[Finding], history: History) -> Wanted:
    key = press.interpretation_id(finding)
    names = interpretation_names(finding, list(press.activity_reference(finding)), canonical=press.canonical)
    body = press.body("observation-interpretation", key, names)
    earlier = [press.interpretation_id(other) for other in earlier_of(finding, findings)]
    return Wanted(
        kind="interpretation",
        resource_type="Observation",
        id=key,
        body=body,
        content_hash=content_hash(body),
        grounds=grounds_of(finding),
        verdict=verdict_of(
            finding, prints(facts_of(finding), history), key=press.subject_key(finding), earlier=earlier
        ),
    )


def _flag(press: _Press, want: FlagWant, history: History) -> Wanted:
    source, opened_by, family, topic = want.key_parts
    key = output_key("flag", source, press.key(opened_by), family, topic)
    detail = f"Observation/{press.interpretation_id(want.told_by)}" if press.writes(want.told_by) else None
    names = flag_names(
        topic=topic,
        raised_by=want.raised_by,
        category=want.category,
        priority=want.priority,
        short=flag_short(want, history),
        sentence=flag_sentence(want, history),
        detail=detail,
        canonical=press.canonical,
    )
    body = press.body("flag", key, names)
    return Wanted(
        kind="flag",
        resource_type="Flag",
        id=key,
        body=body,
        content_hash=content_hash(body),
        grounds=tuple(sorted({fact for finding in (*want.doses, *want.reasons) for fact in grounds_of(finding)})),
        topic=topic,
        verdict={"of": time_of(want.opened_by)},
    )
