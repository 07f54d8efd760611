"""Findings and resources of each patient as either side would have them, all messages played in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from adapter.commands.diff_fields import FieldChange, How, differences
from adapter.commands.diff_kin import families
from adapter.commands.diff_message import WITHDRAWN
from adapter.commands.diff_progress import Advance
from adapter.commands.diff_sides import Side, Sides
from adapter.commands.diff_survey import Ours
from adapter.commands.finding_changes import Finding, FindingChange, paired
from adapter.commands.play_folder import RELEVANCE_BOUND, performed
from adapter.domain.events import ActivityMeasured
from adapter.domain.outputs import Written
from adapter.ingest.relevance import RelevanceFilter
from adapter.store.memory_state import MemoryState

Grade = Literal["lost", "turned", "withdrawn", "new", "otherwise", "worded"]
GRADES: tuple[Grade, ...] = ("lost", "turned", "withdrawn", "new", "otherwise", "worded")
"""From harmful to harmless: a reading of a level goes, turns, goes with a result that is withdrawn, comes; other facts
differ; only words and grounds do."""
_DECISIVE = GRADES[:4]
_HASHES = ("policy_hash",)
"""Named once, with the sides: a policy that changes nothing here but its hash changes no finding."""
_TURNING = ("exposure", "mechanism", "priority")
_WORDS = ("sentence", "evidence", "policy", "rules")
_TIMES = {"flag": ("period",), "interpretation": ("issued",), "activity": ()}
"""Evaluation times, which are no content (CONTRACTS 3)."""
_OPEN = "active"
_NO_LEVEL = "no-result"


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingDifference:
    """One finding, and every field in which it differs; none where it comes or goes."""

    whole: FindingChange
    changes: tuple[FieldChange, ...]
    withdrawn: bool = False
    """Whether the later side reads every result it rested on as cancelled or entered in error."""

    @property
    def grade(self) -> Grade:
        """How harmful it is."""
        before, after = _reads_level(self.whole.before), _reads_level(self.whole.after)
        if before != after or self.whole.before is None or self.whole.after is None:
            gone: Grade = "withdrawn" if self.withdrawn else "lost"
            return gone if before or self.whole.after is None else "new"
        fields = {change.field for change in self.changes}
        if fields & set(_TURNING):
            return "turned"
        return "worded" if all(field.startswith(_WORDS) for field in fields) else "otherwise"

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        told = {name: value for name, value in self.whole.as_dict().items() if name != "patient"}
        return {**told, "weight": self.grade, "changes": [change.as_dict() for change in self.changes]}


def _reads_level(finding: Finding | None) -> bool:
    """Whether a finding rests on a level, if only to say that nothing can be told from it."""
    return finding is not None and finding["exposure"] != _NO_LEVEL


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceDifference:
    """One resource a FHIR server would hold otherwise."""

    reference: str
    kind: str
    """`flag inactivation`, `interpretation`, `activity`."""
    how: How
    before: str | None
    """Its status, None where there is none."""
    after: str | None
    changes: tuple[FieldChange, ...]

    @property
    def grade(self) -> Grade:
        """Only Flags are looked at by themselves; what else changes follows from findings and messages."""
        if not self.kind.startswith("flag") or (self.before == _OPEN) == (self.after == _OPEN):
            return "worded"
        return "turned" if self.before == _OPEN else "new"

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "resource": self.reference,
            "kind": self.kind,
            "change": self.how,
            "before": self.before,
            "after": self.after,
            "changes": [change.as_dict() for change in self.changes],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientChange:
    """All that differs for one patient."""

    patient: str
    findings: tuple[FindingDifference, ...]
    resources: tuple[ResourceDifference, ...]

    @property
    def grade(self) -> Grade:
        """That of the most harmful finding; Flags decide where no verdict changes, for else they follow from it."""
        findings = [one.grade for one in self.findings]
        decisive = [grade for grade in findings if grade in _DECISIVE]
        return min(decisive or [*findings, *(one.grade for one in self.resources)], key=GRADES.index)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "patient": self.patient,
            "weight": self.grade,
            "findings": [one.as_dict() for one in self.findings],
            "resources": [one.as_dict() for one in self.resources],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one side makes of a family of messages, patient by patient."""

    findings: Mapping[str, list[Finding]]
    written: Mapping[str, list[Written]]
    withdrawn: frozenset[str] = frozenset()
    """Keys of results whose last word is that there is no level."""


def patients_changed(every: Sequence[Ours], sides: Sides, as_of: datetime, advance: Advance) -> Iterator[PatientChange]:
    """Play each family of messages with both sides; one nothing of which differs is left out.

    `advance` hears of the number of messages of each family that is done.
    """
    for places in families([ours.tokens for ours in every]):
        family = [every[place] for place in places]
        may_differ = not sides.same_conclusions or not all(ours.same for ours in family)
        if may_differ and any(ours.says_facts for ours in family):
            yield from compared(_outcome(family, sides.old, as_of), _outcome(family, sides.new, as_of))
        advance(len(family))


def _outcome(family: Sequence[Ours], side: Side, as_of: datetime) -> Outcome:
    state = MemoryState()
    judge = RelevanceFilter(side.parts.knowledge, RELEVANCE_BOUND).judge
    timed = []
    for ours in family:
        arrival = ours.piece.arrival
        if arrival.kind == "hl7v2":
            arrival = replace(arrival, relevance=judge(arrival.raw).relevance)
        timed.append((replace(ours.piece, arrival=arrival), ours.at))
    result = performed(timed, replace(side.parts, state=state), as_of)
    findings: dict[str, list[Finding]] = {}
    for finding in (*result["findings"], *result["unlinked"]):
        findings.setdefault(finding["patient"], []).append(finding)
    written = {
        patient: [output for one in state.group(patient) for output in state.recall(one).written]
        for patient in state.all_patients()
    }
    statuses = {row["key"]: row["status"] for row in result["events"] if row["event"] == ActivityMeasured.__name__}
    withdrawn = frozenset(key for key, status in statuses.items() if status in WITHDRAWN)
    return Outcome(findings=findings, written=written, withdrawn=withdrawn)


def compared(old: Outcome, new: Outcome) -> Iterator[PatientChange]:
    """Every patient for whom two outcomes differ."""
    for patient in sorted({*old.findings, *old.written, *new.findings, *new.written}):
        findings = tuple(_findings(patient, old, new))
        resources = tuple(_resources(old.written.get(patient, []), new.written.get(patient, [])))
        if findings or resources:
            yield PatientChange(patient=patient, findings=findings, resources=resources)


def _findings(patient: str, old: Outcome, new: Outcome) -> Iterator[FindingDifference]:
    for pair in paired(patient, old.findings.get(patient, []), new.findings.get(patient, [])):
        withdrawn = _is_withdrawn(pair, old.withdrawn, new.withdrawn)
        if pair.before is None or pair.after is None:
            yield FindingDifference(whole=pair, changes=(), withdrawn=withdrawn)
            continue
        changes = differences(_content(pair.before), _content(pair.after))
        if changes:
            yield FindingDifference(whole=pair, changes=changes, withdrawn=withdrawn)


def _is_withdrawn(pair: FindingChange, before: frozenset[str], after: frozenset[str]) -> bool:
    """Whether a finding lost its level by nothing but results that are withdrawn now and were not before."""
    if pair.before is None or (pair.after is None and pair.before["dose"]):
        return False  # a dose that is ours no longer is a loss, whatever became of the level
    keys = {sample["key"] for sample in pair.before["samples"]}
    return keys <= after and not keys <= before


def _content(finding: Finding) -> dict[str, Any]:
    content = {name: value for name, value in finding.items() if name not in _HASHES}
    policy = (finding["evidence"] or {}).get("policy")
    if policy:
        bare = {name: value for name, value in policy.items() if name != "hash"}
        content["evidence"] = {**finding["evidence"], "policy": bare}
    return content


def _resources(before: Sequence[Written], after: Sequence[Written]) -> Iterator[ResourceDifference]:
    old, new = ({f"{one.resource_type}/{one.id}": one for one in side} for side in (before, after))
    for reference in dict.fromkeys((*old, *new)):
        was, is_now = old.get(reference), new.get(reference)
        changes = differences(_body(was), _body(is_now)) if was and is_now else ()
        if changes or not (was and is_now):
            yield ResourceDifference(
                reference=reference,
                kind=_kind(was or is_now),
                how="changed" if was and is_now else "gone" if was else "added",
                before=was.body["status"] if was else None,
                after=is_now.body["status"] if is_now else None,
                changes=changes,
            )


def _kind(written: Written | None) -> str:
    return " ".join(word for word in (written.kind, written.topic) if word) if written else ""


def _body(written: Written) -> dict[str, Any]:
    return {name: value for name, value in written.body.items() if name not in _TIMES[written.kind]}
