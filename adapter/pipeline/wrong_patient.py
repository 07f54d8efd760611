"""A message whose record number seems to stand for another person is put aside before it touches a history.

Intake words the answer without looking at the state, so an HL7 sender is told AA and his feed goes on; the message
waits for a person, who releases it when the number is right.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from adapter.domain.events import Version
from adapter.domain.message import Translation
from adapter.domain.people import Person, likeness
from adapter.domain.problems import Problem, problem
from adapter.pipeline.parts import State
from adapter.pipeline.remembering import is_newest
from adapter.pipeline.wrong_merge import REASON, joined
from adapter.store.encoding import replaces

DIFFERS = "demographics-differ"


def checked(
    translations: Sequence[Translation], state: State, *, accepted: bool = False, beside: Sequence[Translation] = ()
) -> tuple[Translation, ...]:
    """The translations, without those about a number that has both another birth date and another family name here.

    What parts two records is never held back: it mends what a wrong merge did. `accepted`: a person has said that the
    number, or the merge, is right. `beside`: what the message says that sets these free; the state has it not yet.
    """
    arrived = {record.reference: record.version for told in beside for record in told.patients}
    translations = [_current(translation, arrived, state) for translation in translations]
    judged = [(person, _judged(person, state)) for t in translations for person in t.people]
    wrong = {person.patient: person for person, verdict in judged if verdict == REASON and not accepted}
    differing = {person for person, verdict in judged if verdict == DIFFERS}
    told = [_parted(t, wrong, state) or _put_aside(t, wrong) or _told(t, differing) for t in translations]
    named = [person for translation in beside for person in translation.people]
    return tuple(told if accepted else joined(told, state, named))


def _current(translation: Translation, arrived: Mapping[str, Version], state: State) -> Translation:
    """Without the person and the links of a Patient that is known in a newer version; empty of one that arrives so."""
    records = translation.patients
    if any(record.reference in arrived and replaces(arrived[record.reference], record.version) for record in records):
        return replace(translation, people=(), identities=(), patients=(), known=())
    newest = all(is_newest(record, state) for record in records)
    return translation if newest else replace(translation, people=(), identities=())


def _judged(person: Person, state: State) -> str | None:
    """Compared with everything else that is known of the number and of the records merged with it."""
    known = state.people(person.patient)
    others = [one for one in known if not (person.record and _is_record(one, person))]
    if not others:
        return None
    found = {likeness(person, one) for one in others}
    if "same" in found:
        return None
    # A newer version of a record that was taken already is its source's word on it.
    return DIFFERS if "alike" in found or len(others) < len(known) else REASON


def _is_record(one: Person, person: Person) -> bool:
    return (one.source, one.record) == (person.source, person.record)


def _parted(translation: Translation, wrong: Mapping[str, Person], state: State) -> Translation | None:
    """What parts two records is used, with a note on whom it names; else None.

    The other person of a message is not remembered: its number is not known to be his.
    """
    about = {person for person in translation.people if person.patient in wrong}
    if not about or not _parts(translation, state):
        return None
    kept = translation.people if translation.patients else tuple(p for p in translation.people if _fits(p, state))
    return _told(replace(translation, people=kept), about, translation.people)


def _parts(translation: Translation, state: State) -> bool:
    """An unlink, or a Patient of the same number that no longer has a link which its earlier version had."""
    if any(one.status == "unlinked" for one in translation.identities):
        return True
    said = {one.pair for one in translation.identities}
    return any(
        one.pair not in said and record.patient in one.pair
        for record in translation.patients
        for one in state.said_by(record.source, record.reference)
    )


def _fits(person: Person, state: State) -> bool:
    """Whether the number itself, without the records merged with it, is known with nobody else."""
    return all(
        likeness(person, one) != "other" for one in state.people(person.patient) if one.patient == person.patient
    )


def _put_aside(translation: Translation, wrong: Mapping[str, Person]) -> Translation | None:
    """The translation emptied of all it says when any of it is about one of these numbers; else None."""
    named = [person.patient for person in translation.people] + [event.patient for event in translation.events]
    about = next((wrong[patient] for patient in named if patient in wrong), None)
    if about is None:
        return None
    return replace(
        translation,
        events=(),
        identities=(),
        patients=(),
        known=(),
        people=(),
        parked=REASON,
        problems=(*translation.problems, _problem(REASON, about)),
    )


def _told(translation: Translation, differing: set[Person], people: Iterable[Person] | None = None) -> Translation:
    named = translation.people if people is None else people
    problems = tuple(_problem(DIFFERS, person) for person in named if person in differing)
    return replace(translation, problems=(*translation.problems, *problems)) if problems else translation


def _problem(code: str, about: Person) -> Problem:
    return problem(code, where=about.where or None)
