"""Which Flags should stand: episodes per family and topic, read from the findings in the order of the doses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from adapter.domain.findings import Finding, Interpretation
from adapter.writeback.facts import earlier_of

FlagPriority = Literal["P1", "P2"]
Category = Literal["drug", "lab", "admin", "clinical", "safety"]

JUDGED = ("adequate", "inadequate", "above-band")
ESTABLISHED = ("confirmed-silent-inactivation", "neutralizing-hypersensitivity")
"""The verdicts that make a further dose of the family a re-exposure (ruling 18)."""
SUSPICIONS = ("suspected-silent-inactivation", "confirmed-silent-inactivation")
DATA_CHECKS = (
    "unit-suspect",
    "unit-missing",
    "value-unreadable",
    "discordant",
    "no-dose-known",
    "product-ambiguous",
    "sample-time-missing",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagWant:
    """One Flag that should be open now."""

    topic: str
    category: Category
    priority: FlagPriority
    raised_by: str
    """Finding code or modifier; the strongest one of the episode."""
    opened_by: Finding
    """The dose (or unlinked sample) that gives the Flag its key."""
    told_by: Finding
    """The latest finding with the strongest verdict: its sentence stands on the Flag."""
    doses: tuple[Finding, ...]
    """Every finding of the episode that raises it, in order."""
    reasons: tuple[Finding, ...] = ()
    """The findings of earlier doses whose verdict raises it (`re-exposure`)."""

    @property
    def key_parts(self) -> tuple[str, str, str, str]:
        """Source, dose or sample key, family, topic: never the patient (CONTRACTS 2)."""
        dose = self.opened_by.dose
        key = dose.key if dose else self.opened_by.samples[0].key
        return self.opened_by.source, key, family_of(self.opened_by), self.topic


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One line of the table of CONTRACTS 4."""

    code: str
    category: Category
    raised_by: Callable[[Finding], str | None]
    """The code that raises the Flag for one finding, or None."""
    priority: Callable[[Sequence[Finding], Finding], FlagPriority]
    """From all findings of the patient and the one in question."""
    closed_by: Callable[[Finding], bool]
    """Whether a later dose of the family, which does not raise the topic itself, ends the episode."""


def flag_wants(interpretation: Interpretation) -> tuple[FlagWant, ...]:
    """The Flags the findings of one patient call for, by topic, family and opening dose; P3 calls for none."""
    findings = interpretation.findings
    families = sorted({family_of(finding) for finding in findings})
    wants = [
        want
        for topic in TOPICS
        for family in families
        for want in _episodes(topic, [f for f in findings if family_of(f) == family], findings)
    ]
    lone = [want for finding in interpretation.unlinked for want in _episodes(_DATA_CHECK, [finding], findings)]
    return (*wants, *lone)


def family_of(finding: Finding) -> str:
    """Family of the dose; `unknown` for a sample without one."""
    return finding.dose.family if finding.dose else "unknown"


def reaction_open(finding: Finding) -> bool:
    """Whether a reaction that counts still waits for a usable level."""
    waiting = finding.mechanism in ("reaction-unresolved", "not-assessable")
    return waiting and any(reaction.counts for reaction in finding.reactions)


def _episodes(topic: Topic, family: Sequence[Finding], everything: Sequence[Finding]) -> Iterator[FlagWant]:
    episode: list[Finding] = []
    for finding in family:
        if _raises(topic, finding):
            episode.append(finding)
        elif topic.closed_by(finding):
            episode = []
    if episode:
        yield _want(topic, episode, everything)


def _raises(topic: Topic, finding: Finding) -> str | None:
    return None if finding.priority == "P3" else topic.raised_by(finding)


def _want(topic: Topic, episode: list[Finding], everything: Sequence[Finding]) -> FlagWant:
    told_by = max(episode, key=lambda f: (_strength(_raises(topic, f) or ""), episode.index(f)))
    return FlagWant(
        topic=topic.code,
        category=topic.category,
        priority=min(topic.priority(everything, finding) for finding in episode),
        raised_by=_raises(topic, told_by) or topic.code,
        opened_by=episode[0],
        told_by=told_by,
        doses=tuple(episode),
        reasons=_reasons(topic, episode, everything),
    )


def _reasons(topic: Topic, episode: Sequence[Finding], everything: Sequence[Finding]) -> tuple[Finding, ...]:
    if topic.code != "re-exposure":
        return ()
    earlier = [other for finding in episode for other in earlier_of(finding, everything)]
    named = [other for other in everything if other in earlier]
    established = [other for other in named if other.mechanism in ESTABLISHED]
    told = [supporting for other in established for supporting in _confirmed_with(other, everything)]
    return tuple(other for other in everything if other in established or other in told)


def _confirmed_with(finding: Finding, everything: Sequence[Finding]) -> tuple[Finding, ...]:
    """The earlier suspicion a confirmation rests on."""
    if finding.mechanism != "confirmed-silent-inactivation":
        return ()
    suspected = [other for other in earlier_of(finding, everything) if other.mechanism in SUSPICIONS]
    return tuple(suspected[-1:])


def _strength(code: str) -> int:
    return {"confirmed-silent-inactivation": 2, "neutralizing-hypersensitivity": 2}.get(code, 1)


def _mechanism(*codes: str) -> Callable[[Finding], str | None]:
    return lambda finding: finding.mechanism if finding.mechanism in codes else None


def _severe_reaction(finding: Finding) -> str | None:
    severe = any(reaction.severe and reaction.counts for reaction in finding.reactions)
    return finding.mechanism if severe else None


def _below_target(finding: Finding) -> str | None:
    in_window = finding.exposure == "inadequate"
    return finding.mechanism if in_window and finding.mechanism == "below-target-not-inactivation" else None


def _overdue(finding: Finding) -> str | None:
    return finding.monitoring if finding.monitoring in ("sample-overdue", "result-overdue") else None


def _data_check(finding: Finding) -> str | None:
    """The first D3 cause; a value on both sides of the threshold has no modifier, only the rule and `indeterminate`."""
    named = next((code for code in DATA_CHECKS if code in finding.modifiers), None)
    return named or ("indeterminate" if "D3" in finding.rules and finding.exposure == "indeterminate" else None)


def _re_exposure(finding: Finding) -> str | None:
    waiting = finding.exposure == "no-result" and "prior-inactivation" in finding.modifiers
    return "prior-inactivation" if waiting else None


def _adequate(finding: Finding) -> bool:
    return finding.exposure in ("adequate", "above-band")


def _judged(finding: Finding) -> bool:
    return finding.exposure in JUDGED


def _never(_: Finding) -> bool:
    return False


def _always(priority: FlagPriority) -> Callable[[Sequence[Finding], Finding], FlagPriority]:
    return lambda _all, _one: priority


def _overdue_priority(everything: Sequence[Finding], finding: Finding) -> FlagPriority:
    """P1 with an open reaction, or for a dose premedicated after an earlier reaction: symptoms may be suppressed."""
    if reaction_open(finding):
        return "P1"
    earlier = everything[: everything.index(finding)]
    reacted = any(reaction.counts for before in earlier for reaction in before.reactions)
    return "P1" if reacted and "premedicated" in finding.modifiers else "P2"


def _check_priority(_: Sequence[Finding], finding: Finding) -> FlagPriority:
    """P1 with an open reaction; a sample without a dose has none of its own, so its finding knows best."""
    urgent = finding.priority == "P1" if finding.dose is None else reaction_open(finding)
    return "P1" if urgent else "P2"


_DATA_CHECK = Topic(
    code="data-check", category="admin", raised_by=_data_check, priority=_check_priority, closed_by=_never
)
TOPICS: tuple[Topic, ...] = (
    Topic(
        code="inactivation",
        category="drug",
        raised_by=_mechanism(*SUSPICIONS),
        priority=_always("P1"),
        closed_by=_adequate,
    ),
    Topic(
        code="neutralizing-hypersensitivity",
        category="drug",
        raised_by=_mechanism("suspected-neutralizing-hypersensitivity", "neutralizing-hypersensitivity"),
        priority=_always("P1"),
        closed_by=_adequate,
    ),
    Topic(
        code="severe-reaction",
        category="safety",
        raised_by=_severe_reaction,
        priority=_always("P1"),
        closed_by=_never,
    ),
    Topic(
        code="reaction-unresolved",
        category="lab",
        raised_by=_mechanism("reaction-unresolved"),
        priority=_always("P1"),
        closed_by=_judged,
    ),
    Topic(
        code="reaction-activity-preserved",
        category="clinical",
        raised_by=_mechanism("reaction-activity-preserved"),
        priority=_always("P2"),
        closed_by=_judged,
    ),
    Topic(
        code="below-target",
        category="lab",
        raised_by=_below_target,
        priority=_always("P2"),
        closed_by=_judged,
    ),
    Topic(
        code="tdm-overdue",
        category="lab",
        raised_by=_overdue,
        priority=_overdue_priority,
        closed_by=_never,
    ),
    _DATA_CHECK,
    Topic(
        code="re-exposure",
        category="drug",
        raised_by=_re_exposure,
        priority=_always("P1"),
        closed_by=_judged,
    ),
)
"""The table of CONTRACTS 4, but for `conclusion-reversed`, which only what was written before can raise."""
