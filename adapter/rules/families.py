"""The doses of one family in the order of time, and what each has to know of the ones before and after it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import overload

from adapter.rules.combine import ESTABLISHED, SILENT_INACTIVATION
from adapter.rules.confirmation import JudgedDose, answers, measured_in_full
from adapter.rules.listing import MOST_LISTED, MOST_RECENT, MOST_SEVERE
from adapter.rules.reactions import Reaction

SUSPICIOUS = (*SILENT_INACTIVATION, *ESTABLISHED)
INACTIVATION = (*SUSPICIOUS, "suspected-neutralizing-hypersensitivity")


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierReaction:
    """A counted reaction and the dose of the family it followed."""

    place: int
    dose: JudgedDose
    reaction: Reaction


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierReactions:
    """The counted reactions after earlier doses: all of a few; of many the most recent and the severe ones."""

    listed: tuple[EarlierReaction, ...]
    others: int = 0
    """How many more there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyBefore(Sequence[JudgedDose]):
    """The doses of a family before one of them, and what they say together, gathered once for all doses."""

    doses: Sequence[JudgedDose]
    """All doses of the family; those before are the first `size`."""
    size: int
    established: bool
    """Whether any of them has an established inactivation."""
    suspicious: JudgedDose | None
    """The last of them with a suspected or established inactivation."""
    inactivated: tuple[int, ...]
    """The places of the last of them that were read as inactivation, suspected or not, as many as are ever listed."""
    measured: int | None
    """The place of the last of them that was measured in full."""
    reactions: EarlierReactions

    def __len__(self) -> int:
        return self.size

    @overload
    def __getitem__(self, place: int) -> JudgedDose: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[JudgedDose]: ...
    def __getitem__(self, place: int | slice) -> JudgedDose | Sequence[JudgedDose]:
        known = range(self.size)[place]
        return self.doses[known] if isinstance(known, int) else [self.doses[at] for at in known]

    def __iter__(self) -> Iterator[JudgedDose]:
        return islice(self.doses, self.size)


def befores(family: Sequence[JudgedDose]) -> Iterator[FamilyBefore]:
    """For every dose of a family in the order of time, those before it."""
    established, suspicious, measured = False, None, None
    inactivated: list[int] = []
    reactions: list[EarlierReaction] = []
    severe: list[EarlierReaction] = []
    for size, dose in enumerate(family):
        yield FamilyBefore(
            doses=family,
            size=size,
            established=established,
            suspicious=suspicious,
            inactivated=tuple(inactivated[-MOST_LISTED:]),
            measured=measured,
            reactions=_listed(reactions, severe),
        )
        mechanism = dose.combined.mechanism
        established = established or mechanism in ESTABLISHED
        suspicious = dose if mechanism in SUSPICIOUS else suspicious
        measured = size if measured_in_full(dose) else measured
        inactivated.extend((size,) if mechanism in INACTIVATION else ())
        for reaction in (reaction for reaction in dose.reactions if reaction.counts):
            reactions.append(EarlierReaction(place=len(reactions), dose=dose, reaction=reaction))
            severe.extend(reactions[-1:] if reaction.severe else ())


def _listed(reactions: Sequence[EarlierReaction], severe: Sequence[EarlierReaction]) -> EarlierReactions:
    if len(reactions) <= MOST_LISTED:
        return EarlierReactions(listed=tuple(reactions))
    recent = reactions[-MOST_RECENT:]
    older = [entry for entry in severe[-MOST_LISTED:] if entry.place < recent[0].place][-MOST_SEVERE:]
    return EarlierReactions(listed=(*older, *recent), others=len(reactions) - len(older) - len(recent))


def afters(family: Sequence[JudgedDose]) -> list[tuple[JudgedDose, ...]]:
    """For every dose of a family in the order of time, the later ones that bear on it, in order.

    Those are the next dose, the next with a time, and the one whose level answers a suspicion.
    """
    found: list[tuple[JudgedDose, ...]] = []
    following: JudgedDose | None = None
    timed: JudgedDose | None = None
    answer: JudgedDose | None = None
    for dose in reversed(family):
        found.append(_once(following, timed, answer))
        following = dose
        timed = dose if dose.episode.began else timed
        answer = dose if answers(dose) else answer
    return found[::-1]


def _once(*doses: JudgedDose | None) -> tuple[JudgedDose, ...]:
    return tuple({id(dose): dose for dose in doses if dose}.values())
