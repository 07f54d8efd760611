"""A merge of two records that are known here as two people waits for a person; all else of its message is used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from adapter.domain.identities import IdentityTold, Statements
from adapter.domain.message import Translation
from adapter.domain.people import Person, likeness
from adapter.domain.problems import Problem, problem
from adapter.pipeline.parts import State

REASON = "possible-wrong-patient"
_TWO_PEOPLE = "The two records are known with different birth dates and different family names; they were not merged."


def joined(translations: Sequence[Translation], state: State, beside: Sequence[Person] = ()) -> Iterator[Translation]:
    """The translations, without merges of two records that are known as two people; `beside` are known too."""
    named = [*beside, *(person for translation in translations for person in translation.people)]
    for translation in translations:
        wrong = {one for one in translation.identities if _joins_two_people(one, named, state)}
        yield _without(translation, wrong) if wrong else translation


def join_two_people(statements: Iterable[Statements], arriving: Sequence[Translation], state: State) -> bool:
    """Whether links that were taken would join two people now, because a Patient says another number than before."""
    named = [person for translation in arriving for person in translation.people]
    return any(_joins_two_people(one, named, state) for row in statements for one in row.told)


def all_aside(translation: Translation) -> Translation:
    """Nothing of a message is used whose Patient would make links of others join two people."""
    kept = replace(translation, events=(), identities=(), patients=(), known=(), people=())
    return replace(kept, parked=translation.parked or REASON, problems=(*translation.problems, _problem(translation)))


def _joins_two_people(one: IdentityTold, named: Sequence[Person], state: State) -> bool:
    """Whether nobody told of under the one number can be anybody told of under the other.

    A merge that was taken, by a release say, is not asked for again.
    """
    if one.status != "merged" or one.absorbed in state.group(one.survivor):
        return False
    if any(one in row.told for row in state.told_about([one.survivor])):
        return False
    here, there = (_people(patient, named, state) for patient in one.pair)
    return bool(here and there) and all(likeness(first, second) == "other" for first in here for second in there)


def _people(patient: str, named: Sequence[Person], state: State) -> list[Person]:
    return [*state.people(patient), *(person for person in named if person.patient == patient)]


def _without(translation: Translation, wrong: set[IdentityTold]) -> Translation:
    kept = tuple(one for one in translation.identities if one not in wrong)
    received = () if kept else ("merge-received",)
    problems = [found for found in translation.problems if found.code not in received]
    return replace(
        translation,
        identities=kept,
        parked=translation.parked or REASON,
        problems=(*problems, _problem(translation)),
    )


def _problem(translation: Translation) -> Problem:
    where = "link" if translation.patients else "MSH[1]-9"
    return problem(REASON, where=where, text=_TWO_PEOPLE)
