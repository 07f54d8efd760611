"""Reaction records become reaction events, each linked to the dose it followed (rulebook 2.10, rulings 19 and 20)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

from adapter.domain.events import HypersensitivityRecorded, Verification
from adapter.domain.policy import RuleBook
from adapter.rules.adrenaline import adrenaline_given
from adapter.rules.episodes import Episode, episode_order
from adapter.rules.limits import Limits, shifted
from adapter.rules.situation import Reacted
from adapter.rules.spans import Spans, spans

ONE_EVENT = timedelta(minutes=60)
RECORDED_DATE = "recordedDate"
SEVERE_CONCEPTS = frozenset({"anaphylaxis", "bronchospasm", "laryngeal-oedema", "angio-oedema", "hypotension"})
# Ammonia alone can cause these: a note, never a reaction (ruling 20, S46).
NOTE_CONCEPTS = frozenset({"nausea", "vomiting", "headache", "somnolence"})
GRADE_OF_SEVERITY = {"mild": 1, "moderate": 2, "severe": 3}
GRADE_OF_SEVERE_CONCEPT = 3
_CERTAINTY: tuple[Verification, ...] = ("refuted", "unconfirmed", "confirmed")

GradeSource = Literal["explicit", "severity", "manifestation", "text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """One reaction event after one dose; records within 60 minutes of each other are one event."""

    first: HypersensitivityRecorded
    records: tuple[HypersensitivityRecorded, ...]
    grade: int | None
    grade_from: GradeSource | None
    severe: bool
    counts: bool
    """False when only nausea, vomiting, headache or somnolence were recorded."""
    verification: Verification
    """The most certain of its records."""
    unconfirmed: bool
    """Nobody confirmed it, or only the date of the record ties it to the dose."""
    severe_because: tuple[GradeSource, ...]
    """Every criterion by which it counts as severe."""
    coded_for: tuple[str, ...] = ()
    """Products of another family the records are coded for: the product given is the dose's (rulebook 2.10)."""
    also_possible: tuple[Episode, ...] = ()
    """Earlier doses that could explain it as well, where the times do not order reaction and dose."""

    @property
    def date_only(self) -> bool:
        """Whether the day is all that is known of its time."""
        return self.first.occurred is not None and self.first.occurred.date_only

    @property
    def manifestations(self) -> tuple[str, ...]:
        """What was seen, in our words, else as it was written; every one once."""
        seen = (word for record in self.records for word in _words(record))
        return tuple(dict.fromkeys(seen))


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedReactions:
    """Every reaction record of a patient, under the dose that explains it or among those no dose explains."""

    by_dose: dict[str, tuple[Reaction, ...]]
    """Reaction events by `dose_name`."""
    unlinked: tuple[HypersensitivityRecorded, ...]


def linked_reactions(
    records: Iterable[HypersensitivityRecorded], episodes: Sequence[Episode], rulebook: RuleBook
) -> LinkedReactions:
    """Link every record by time alone to the latest dose begun before it, whatever product it is coded for.

    `records` come in the order of onset, as a history holds them.
    """
    by_dose: dict[str, list[HypersensitivityRecorded]] = {}
    unlinked: list[HypersensitivityRecorded] = []
    explaining = _until_reactions_are_late(episodes)
    named = {dose_name(e): e for e in episodes}
    for record in records:
        episode = next(_explaining(record, explaining), None)
        if episode is None:
            unlinked.append(record)
        else:
            by_dose.setdefault(dose_name(episode), []).append(record)
    return LinkedReactions(
        by_dose={name: _events(rows, named[name], explaining, rulebook) for name, rows in by_dose.items()},
        unlinked=tuple(unlinked),
    )


def _until_reactions_are_late(episodes: Sequence[Episode]) -> Spans[Episode]:
    """The doses with a time, each until the end of its reaction window."""
    timed = [(e, e.began, e.anchor) for e in sorted(episodes, key=episode_order) if e.began and e.anchor]
    return spans(
        [episode for episode, _, _ in timed],
        [began.earliest for _, began, _ in timed],
        [shifted(anchor.latest, episode.limits.reaction_link) for episode, _, anchor in timed],
    )


def _explaining(record: HypersensitivityRecorded, explaining: Spans[Episode]) -> Iterator[Episode]:
    """The doses between whose start and end of the reaction window a record lies, or may lie; the latest first."""
    onset = record.occurred
    return explaining.reaching(onset.earliest, begun_by=onset.latest) if onset else iter(())


def dose_name(episode: Episode) -> str:
    """`<source>|<key>` of a dose."""
    return f"{episode.source}|{episode.key}"


def reacted(reactions: Sequence[Reaction]) -> Reacted:
    """What the decision table sees of the reactions of a dose."""
    counting = [reaction for reaction in reactions if reaction.counts]
    if not counting:
        return "none"
    return "unconfirmed" if all(reaction.unconfirmed for reaction in counting) else "present"


def is_reaction(record: HypersensitivityRecorded) -> bool:
    """Whether a record is more than a note of nausea, vomiting, headache or somnolence."""
    return not _note_only(record)


def any_severe(reactions: Sequence[Reaction]) -> bool:
    """Whether any reaction of a dose was severe; a note never is."""
    return any(reaction.severe for reaction in reactions)


def _coded_for(records: Sequence[HypersensitivityRecorded], episode: Episode, rulebook: RuleBook) -> tuple[str, ...]:
    named = (rulebook.products.get(record.product) for record in records if record.product)
    other = (product for product in named if product and {product.family, episode.family}.isdisjoint({"unknown"}))
    return tuple(dict.fromkeys(product.key for product in other if product.family != episode.family))


def _also_possible(
    records: Sequence[HypersensitivityRecorded], episode: Episode, explaining: Spans[Episode]
) -> tuple[Episode, ...]:
    """Earlier doses that may explain a record whose time may lie before this dose, the latest first."""
    began = episode.began
    assert began  # noqa: S101 - reactions are linked to doses with a start
    unordered = [r for r in records if r.occurred and r.occurred.earliest < began.latest]
    others = {id(other): other for record in unordered for other in _explaining(record, explaining)}
    others.pop(id(episode), None)
    return tuple(sorted(others.values(), key=episode_order, reverse=True))


def _events(
    records: Sequence[HypersensitivityRecorded],
    episode: Episode,
    explaining: Spans[Episode],
    rulebook: RuleBook,
) -> tuple[Reaction, ...]:
    return tuple(
        replace(
            event_of(group, episode.limits),
            coded_for=_coded_for(group, episode, rulebook),
            also_possible=_also_possible(group, episode, explaining),
        )
        for group in _grouped(records)
    )


def _grouped(records: Sequence[HypersensitivityRecorded]) -> list[list[HypersensitivityRecorded]]:
    """Records, in the order of onset, that are one event with the first of their group."""
    groups: list[list[HypersensitivityRecorded]] = []
    recent = 0
    for record in records:
        while recent < len(groups) and _apart(groups[recent][0], record):
            recent += 1
        group = next((g for g in groups[recent:] if _one_event(g[0], record)), None)
        if group is None:
            groups.append([record])
        else:
            group.append(record)
    return groups


def _apart(first: HypersensitivityRecorded, later: HypersensitivityRecorded) -> bool:
    """Whether a record, and so all after it, began too late to be one event with an earlier one."""
    one, other = first.occurred, later.occurred
    assert one  # noqa: S101 - only records with an onset are linked
    assert other  # noqa: S101
    return other.earliest - one.earliest > ONE_EVENT


def _one_event(first: HypersensitivityRecorded, later: HypersensitivityRecorded) -> bool:
    """Whether records that began within an hour of each other at the earliest did so at the latest as well."""
    one, other = first.occurred, later.occurred
    assert one  # noqa: S101 - only records with an onset are linked
    assert other  # noqa: S101
    return abs(other.latest - one.latest) <= ONE_EVENT


def event_of(records: Sequence[HypersensitivityRecorded], limits: Limits) -> Reaction:
    """One reaction event from its records: the highest grade, the most certain verification, every criterion."""
    grade, grade_from = max((_grade(record) for record in records), key=_grade_order)
    verification = max((record.verification for record in records), key=_CERTAINTY.index)
    return Reaction(
        first=records[0],
        records=tuple(records),
        grade=grade,
        grade_from=grade_from,
        severe=any(_severe_because(record, limits) for record in records),
        counts=any(not _note_only(record) for record in records),
        verification=verification,
        unconfirmed=all(_unconfirmed(record) for record in records),
        severe_because=tuple(dict.fromkeys(why for record in records for why in _severe_because(record, limits))),
    )


def _grade(record: HypersensitivityRecorded) -> tuple[int | None, GradeSource | None]:
    if record.grade is not None:
        return record.grade, "explicit"
    if record.severity is not None:
        return GRADE_OF_SEVERITY[record.severity], "severity"
    if SEVERE_CONCEPTS & set(record.concepts):
        return GRADE_OF_SEVERE_CONCEPT, "manifestation"
    if adrenaline_given(record.text or ""):
        return GRADE_OF_SEVERE_CONCEPT, "text"
    return None, None


def _grade_order(graded: tuple[int | None, GradeSource | None]) -> tuple[int, bool]:
    return graded[0] or 0, graded[1] == "explicit"


def _severe_because(record: HypersensitivityRecorded, limits: Limits) -> tuple[GradeSource, ...]:
    if _note_only(record):
        return ()
    criteria: tuple[tuple[GradeSource, bool], ...] = (
        ("explicit", record.grade is not None and record.grade >= limits.severe_grade),
        ("severity", record.severity == "severe"),
        ("manifestation", bool(SEVERE_CONCEPTS & set(record.concepts))),
        ("text", adrenaline_given(record.text or "")),
    )
    return tuple(name for name, holds in criteria if holds)


def _note_only(record: HypersensitivityRecorded) -> bool:
    concepts = set(record.concepts)
    return bool(concepts) and concepts <= NOTE_CONCEPTS and len(record.concepts) >= len(record.manifestations)


def _unconfirmed(record: HypersensitivityRecorded) -> bool:
    return record.verification == "unconfirmed" or record.occurred_from == RECORDED_DATE


def _words(record: HypersensitivityRecorded) -> tuple[str, ...]:
    if len(record.concepts) >= len(record.manifestations):
        return record.concepts
    return (*record.concepts, *(coding.text or coding.code for coding in record.manifestations))
