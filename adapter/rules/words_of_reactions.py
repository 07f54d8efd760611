"""What a sentence says of reactions: those of the dose, those nothing ties to it, and those after earlier doses."""

from __future__ import annotations

from collections.abc import Iterator

from adapter.rules.confirmation import JudgedDose
from adapter.rules.episodes import Episode
from adapter.rules.families import FamilyBefore
from adapter.rules.quantities import day_of, hours_text, time_text
from adapter.rules.reactions import RECORDED_DATE, Reaction
from adapter.rules.unlinked_reactions import Unlinked
from adapter.rules.words_of_dose import dated_dose

NONE_LINKED = "No reaction is linked to this dose."
GRADE_SOURCE = {
    "explicit": "as sent",
    "severity": "from the severity",
    "manifestation": "from the manifestation",
    "text": "from adrenaline named in the text",
}
SEVERE_BECAUSE = {
    "explicit": "its grade",
    "severity": "the severity sent",
    "manifestation": "the manifestation",
    "text": "adrenaline named in the text",
}


def reaction_statements(dose: JudgedDose) -> Iterator[str]:
    """The reactions of a dose, and every record that could concern it; no record is never told as no reaction."""
    if not dose.reactions:
        yield NONE_LINKED
    for reaction in dose.reactions:
        yield from _linked(reaction, dose.episode)
    for entry in dose.unlinked:
        yield _unlinked(entry)
    others = dose.unlinked_not_listed
    if others:
        yield f"{others} further reaction record{'s' if others > 1 else ''} could concern this dose."


def earlier_reactions(family_before: FamilyBefore) -> Iterator[str]:
    """Counted reactions after earlier doses of the family; of many the most recent and the severe ones."""
    for entry in family_before.reactions.listed:
        told = f"{_seen(entry.reaction)}, {_grade(entry.reaction)}, dose of {day_of(entry.dose.episode.started)}"
        yield f"Reaction after an earlier dose: {told}."
    others = family_before.reactions.others
    if others:
        yield f"{others} further reaction{'s' if others > 1 else ''} followed earlier doses of this family."


def _linked(reaction: Reaction, episode: Episode) -> Iterator[str]:
    kind = "Reaction recorded" if reaction.counts else "Noted, not counted as an allergic reaction"
    grade = _grade(reaction) + (f" ({GRADE_SOURCE[reaction.grade_from]})" if reaction.grade_from else "")
    parts = [_seen(reaction), grade, _coded(reaction), _verification(reaction), _when(reaction, episode)]
    yield f"{kind}: {', '.join(part for part in parts if part)}."
    if reaction.severe:
        criteria = " and ".join(SEVERE_BECAUSE[why] for why in reaction.severe_because)
        yield f"It is counted as severe because of {criteria}."
    if reaction.also_possible:
        others = " and ".join(dated_dose(other) for other in reaction.also_possible)
        yield f"By its date it could also belong to {others}."


def _when(reaction: Reaction, episode: Episode) -> str:
    at, began = reaction.first.occurred, episode.began
    assert at  # noqa: S101 - only records with a time are linked, and only to doses with one
    assert began  # noqa: S101
    recorded_only = reaction.first.occurred_from == RECORDED_DATE
    told = "recorded " if recorded_only else ""
    tail = "; time of the event not known" if recorded_only else ""
    if at.exact and began.earliest == began.latest:
        return f"{told}{hours_text(at.earliest - began.earliest)} h after the start{tail}"
    if at.earliest < began.latest and not recorded_only:
        same_day = at.precision == "day" and began.latest.date() == at.latest.date()
        tail = f", {'on the same day as the dose, ' if same_day else ''}order of reaction and dose not known"
    return f"{told}{'on ' if reaction.date_only else 'at '}{time_text(at)}{tail}"


def _unlinked(entry: Unlinked) -> str:
    reaction = entry.reaction
    what = [_seen(reaction), _grade(reaction), "severe" if reaction.severe else "", _dated(entry)]
    told = ", ".join(part for part in what if part)
    if not reaction.counts:
        told = f"{told}, not counted as an allergic reaction"
    if reaction.verification in ("unconfirmed", "refuted"):
        told = f"{told}, {_verification(reaction)}"
    if entry.linked_to:
        return f"A reaction record ({told}) is linked to {dated_dose(entry.linked_to)} and could belong to this dose."
    return f"A reaction record ({told}) could not be tied to a dose."


def _dated(entry: Unlinked) -> str:
    if entry.onset:
        return time_text(entry.onset)
    recorded = entry.record.occurred
    return f"recorded {time_text(recorded)}, no date of the event" if recorded else "no date"


def _seen(reaction: Reaction) -> str:
    return ", ".join(word.replace("-", " ") for word in reaction.manifestations) or "manifestation not stated"


def _grade(reaction: Reaction) -> str:
    if reaction.grade_from is None:
        return "not graded"
    # What was not sent as a grade tells a severe reaction only, not which of the severe grades it had (2.10).
    more = " or more" if reaction.severe and reaction.grade_from != "explicit" else ""
    return f"grade {reaction.grade}{more}"


def _coded(reaction: Reaction) -> str:
    names = " and ".join(key.replace("-", " ") for key in reaction.coded_for)
    return f"coded for {names}" if names else ""


def _verification(reaction: Reaction) -> str:
    if reaction.verification != "refuted":
        return reaction.verification
    by = [record.recorder for record in reaction.records if record.recorder]
    return f"allergy refuted ({f'recorded by {by[-1]}' if by else 'by whom is not recorded'}); the event is kept"
