"""What each output of a patient is printed from: its template, its id, and the names that fill the placeholders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from adapter.domain.events import ActivityMeasured
from adapter.domain.findings import Finding
from adapter.domain.history import History
from adapter.domain.outputs import Written
from adapter.fhir import Canonical, canonical, content_hash, output_key
from adapter.knowledge.spec import OutputTemplate
from adapter.writeback.activities import activity_names
from adapter.writeback.elements import Subject, subject_reference
from adapter.writeback.facts import source_of_sample
from adapter.writeback.flag_text import flag_names, flag_sentence, flag_short
from adapter.writeback.flags import FlagWant
from adapter.writeback.interpretations import interpretation_names, is_written
from adapter.writeback.template import fill

CONTENTS_REMEMBERED = 20_000
ACTIVITY, INTERPRETATION, FLAG = "observation-activity", "observation-interpretation", "flag"


_Content = tuple[OutputTemplate, tuple[str, ...], bytes]
_HASHES: dict[_Content, str] = {}
"""Of outputs printed lately, the hash of each: a patient's earlier ones say the same with nearly every message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One output before it is printed."""

    template: OutputTemplate
    id: str
    names: Mapping[str, Any] = field(hash=False)
    """Every placeholder but the constants, key and subject included."""

    def printed(self, constants: Mapping[str, str]) -> dict[str, Any]:
        """The resource."""
        return fill(self.template, self.names, constants=constants)

    def content(self, constants: Mapping[str, str]) -> _Content:
        """What tells this output from every other: the same names fill the same template with the same words."""
        told = blake2b(canonical(dict(self.names)), digest_size=16).digest()
        return self.template, tuple(constants.values()), told


def activity_key(source: str, sample_key: str) -> str:
    """Id of the activity Observation of a sample."""
    return output_key("activity", source, sample_key)


def interpretation_key(source: str, key: str, *, linked: bool) -> str:
    """Id of the interpretation of a dose episode, or of an unlinked sample."""
    return output_key("interpretation", "dose" if linked else "sample", source, key)


def activity_sheet(template: OutputTemplate, subject: Subject, key: str, sample: ActivityMeasured) -> Sheet:
    """The activity Observation of a sample under its id."""
    names = {**activity_names(sample), "key": key, "subject": subject_reference(subject)}
    return Sheet(template=template, id=key, names=names)


class Press:
    """The templates, systems and subject one patient's resources are printed with."""

    def __init__(
        self,
        *,
        templates: Mapping[str, OutputTemplate],
        canonical: Canonical,
        subject: Subject,
        attempts: Mapping[str, int] | None = None,
        kept: frozenset[str] = frozenset(),
        standing: Mapping[str, Written] | None = None,
    ) -> None:
        self.canonical = canonical
        self.subject = subject
        self.templates = templates
        self.constants = {"canonical": canonical.base}
        self._subject = subject_reference(subject)
        self._attempts = attempts or {}
        self._kept = kept
        self._standing = standing or {}

    def printed(self, sheet: Sheet) -> tuple[dict[str, Any], str]:
        """A resource and the hash of its content; what stands and says the same is not printed anew."""
        standing = self._standing.get(sheet.id)
        if standing is None or standing.state != "open":
            body = sheet.printed(self.constants)
            return body, content_hash(body)
        content = sheet.content(self.constants)
        known = _HASHES.get(content)
        if standing.content_hash == known:
            return standing.body, known
        body = sheet.printed(self.constants)
        told = content_hash(body)
        _remember(content, told)
        return body, told

    def key(self, key: str) -> str:
        """A dose or sample key, with the attempt when another patient holds the first."""
        attempt = self._attempts.get(key, 0)
        return f"{key}/r{attempt}" if attempt else key

    def activity_id(self, sample: ActivityMeasured) -> str:
        """The id of the activity Observation of a sample."""
        return activity_key(sample.source, self.key(sample.key))

    def activity(self, sample: ActivityMeasured) -> Sheet:
        """The activity Observation of a sample."""
        return activity_sheet(self.templates[ACTIVITY], self.subject, self.activity_id(sample), sample)

    def interpretation(self, finding: Finding) -> Sheet:
        """The interpretation Observation of a finding."""
        names = interpretation_names(finding, list(self._activity_references(finding)), canonical=self.canonical)
        return self._sheet(INTERPRETATION, self.interpretation_id(finding), names)

    def flag(self, want: FlagWant, history: History) -> Sheet:
        """The Flag that a want calls for."""
        source, opened_by, family, topic = want.key_parts
        detail = f"Observation/{self.interpretation_id(want.told_by)}" if self.writes(want.told_by) else None
        names = flag_names(
            topic=topic,
            raised_by=want.raised_by,
            category=want.category,
            priority=want.priority,
            short=flag_short(want, history),
            sentence=flag_sentence(want, history),
            detail=detail,
            canonical=self.canonical,
        )
        return self._sheet(FLAG, output_key("flag", source, self.key(opened_by), family, topic), names)

    def _sheet(self, template: str, key: str, names: Mapping[str, Any]) -> Sheet:
        filled = {**names, "key": key, "subject": self._subject}
        return Sheet(template=self.templates[template], id=key, names=filled)

    def _activity_references(self, finding: Finding) -> Iterator[str]:
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


def _remember(content: _Content, told: str) -> None:
    if len(_HASHES) >= CONTENTS_REMEMBERED:
        _HASHES.pop(next(iter(_HASHES)), None)
    _HASHES[content] = told
