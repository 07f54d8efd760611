"""One patient's history read by the rule book at one time: a finding per dose, and one per unexplained sample."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from adapter.domain.events import ActivityMeasured
from adapter.domain.findings import Finding, Interpretation
from adapter.domain.history import BEFORE_ALL, History
from adapter.domain.policy import RuleBook
from adapter.domain.times import Moment
from adapter.rules.composing import finding_of, unlinked_finding_of
from adapter.rules.confirmation import JudgedDose
from adapter.rules.drafts import drafts_of
from adapter.rules.episodes import dose_episodes
from adapter.rules.judging import judged
from adapter.rules.linking import Placement, Timeline, collection_span, place, timeline
from adapter.rules.priority import Verdict
from adapter.rules.reactions import LinkedReactions, is_reaction, linked_reactions


def interpret(history: History, rulebook: RuleBook, as_of: datetime) -> Interpretation:
    """All findings of one patient at one time; a pure function of the facts, the rule book and the time.

    Raises ValueError when `as_of` has no zone.
    """
    if as_of.tzinfo is None:
        raise ValueError("interpretation needs a time with a zone")
    episodes = dose_episodes(history.doses, rulebook)
    placed, unlinked = _placed(history.samples, timeline(episodes))
    reactions = linked_reactions(history.reactions, episodes, rulebook)
    doses = judged(episodes, placed, reactions, history.premedications)
    history_from, waiting = _history_from(history), _reaction_open(doses, reactions)
    return Interpretation(
        patient=history.patient,
        findings=_findings(doses, history, as_of, history_from),
        unlinked=tuple(
            unlinked_finding_of(
                sample, history=history, history_from=history_from, episodes=episodes, reaction_open=waiting
            )
            for sample in unlinked
        ),
        problems=tuple("reaction-unlinked" for _ in reactions.unlinked),
    )


def _reaction_open(doses: Sequence[JudgedDose], reactions: LinkedReactions) -> bool:
    """Whether a reaction of the patient waits for a level: after a dose, or without any dose that explains it."""
    return any(dose.reaction_open for dose in doses) or any(is_reaction(record) for record in reactions.unlinked)


def _placed(
    samples: Sequence[ActivityMeasured], doses: Timeline
) -> tuple[list[tuple[ActivityMeasured, Placement]], list[ActivityMeasured]]:
    placed: list[tuple[ActivityMeasured, Placement]] = []
    unlinked: list[ActivityMeasured] = []
    for sample in sorted(samples, key=_collection_order):
        placements = place(sample, doses)
        placed += [(sample, placement) for placement in placements]
        if not placements:
            unlinked.append(sample)
    return placed, unlinked


def _collection_order(sample: ActivityMeasured) -> tuple[datetime, str, str]:
    taken = collection_span(sample)
    return (taken.earliest if taken else BEFORE_ALL), sample.key, sample.source


def _findings(
    doses: Sequence[JudgedDose], history: History, as_of: datetime, history_from: str | None
) -> tuple[Finding, ...]:
    """Priorities look ahead, at later doses of the family, so the doses are composed backwards."""
    later: dict[str, list[Verdict]] = defaultdict(list)
    findings: list[Finding] = []
    for draft in reversed(drafts_of(doses, history, as_of)):
        family = later[draft.dose.episode.family]
        findings.append(finding_of(draft, family, history=history, history_from=history_from, as_of=as_of))
        family.append(draft.verdict)
    return tuple(reversed(findings))


def _history_from(history: History) -> str | None:
    """The earliest known time of the patient's asparaginase history, as it was sent."""
    times: list[Moment | None] = [dose.started for dose in history.doses if dose.status != "not-done"]
    times += [sample.collected for sample in history.samples]
    times += [reaction.occurred for reaction in history.reactions]
    known = [at for at in times if at is not None]
    return min(known, key=lambda at: (at.earliest, at.text)).text if known else None
