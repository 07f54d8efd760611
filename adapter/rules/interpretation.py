"""One patient's history read by the rule book at one time: a finding per dose, and one per unexplained sample."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from adapter.domain.events import ActivityMeasured
from adapter.domain.findings import Finding, Interpretation
from adapter.domain.history import BEFORE_ALL, History
from adapter.domain.policy import RuleBook
from adapter.domain.times import Moment
from adapter.rules.composing import finding_of, unlinked_finding_of
from adapter.rules.drafts import Drafted, drafts_of
from adapter.rules.episodes import Episode, dose_episodes
from adapter.rules.judging import judged
from adapter.rules.linking import Placement, Timeline, collection_span, place, timeline
from adapter.rules.priority import Verdict
from adapter.rules.reactions import LinkedReactions, is_reaction, linked_reactions
from adapter.rules.sentence_of_unlinked import dose_records


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One patient's history judged, before anything of it is put into words."""

    drafts: tuple[Drafted, ...]
    episodes: tuple[Episode, ...]
    unlinked: tuple[ActivityMeasured, ...]
    """Samples that no dose explains."""
    reactions: LinkedReactions


def interpret(history: History, rulebook: RuleBook, as_of: datetime) -> Interpretation:
    """All findings of one patient at one time; a pure function of the facts, the rule book and the time.

    Raises ValueError when `as_of` has no zone.
    """
    return in_words(judge(history, rulebook, as_of), history, as_of)


def judge(history: History, rulebook: RuleBook, as_of: datetime) -> Judged:
    """Every verdict of one patient: doses and samples joined, read, combined, and set against the clock.

    Raises ValueError when `as_of` has no zone.
    """
    if as_of.tzinfo is None:
        raise ValueError("interpretation needs a time with a zone")
    episodes = dose_episodes(history.doses, rulebook)
    placed, unlinked = _placed(history.samples, timeline(episodes))
    reactions = linked_reactions(history.reactions, episodes, rulebook)
    doses = judged(episodes, placed, reactions, history.premedications)
    return Judged(
        drafts=tuple(drafts_of(doses, history, as_of)),
        episodes=episodes,
        unlinked=tuple(unlinked),
        reactions=reactions,
    )


def in_words(judged: Judged, history: History, as_of: datetime) -> Interpretation:
    """The findings with their sentences and evidence."""
    history_from, waiting = _history_from(history), _reaction_open(judged)
    records = dose_records(history, judged.episodes)
    return Interpretation(
        patient=history.patient,
        findings=_findings(judged.drafts, history, as_of, history_from),
        unlinked=tuple(
            unlinked_finding_of(
                sample, history=history, history_from=history_from, records=records, reaction_open=waiting
            )
            for sample in judged.unlinked
        ),
        problems=tuple("reaction-unlinked" for _ in judged.reactions.unlinked),
    )


def _reaction_open(judged: Judged) -> bool:
    """Whether a reaction of the patient waits for a level: after a dose, or without any dose that explains it."""
    after_a_dose = any(draft.dose.reaction_open for draft in judged.drafts)
    return after_a_dose or any(is_reaction(record) for record in judged.reactions.unlinked)


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
    drafts: Sequence[Drafted], history: History, as_of: datetime, history_from: str | None
) -> tuple[Finding, ...]:
    """Priorities look ahead, at later doses of the family, so the doses are composed backwards.

    What a later dose does to the priority of an earlier one hangs on its exposure and mechanism alone, so of doses
    alike in both one is enough.
    """
    later: dict[str, dict[tuple[str, str], Verdict]] = defaultdict(dict)
    findings: list[Finding] = []
    for draft in reversed(drafts):
        family, verdict = later[draft.dose.episode.family], draft.verdict
        ahead = tuple(family.values())
        findings.append(finding_of(draft, ahead, history=history, history_from=history_from, as_of=as_of))
        family.setdefault((verdict.exposure, verdict.mechanism), verdict)
    return tuple(reversed(findings))


def _history_from(history: History) -> str | None:
    """The earliest known time of the patient's asparaginase history, as it was sent."""
    times: list[Moment | None] = [dose.started for dose in history.doses if dose.status != "not-done"]
    times += [sample.collected for sample in history.samples]
    times += [reaction.occurred for reaction in history.reactions]
    known = [at for at in times if at is not None]
    return min(known, key=lambda at: (at.earliest, at.text)).text if known else None
