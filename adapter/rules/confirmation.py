"""When a suspicion of silent inactivation is confirmed, and when the next dose answers it (rulings 16 and 17)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from adapter.domain.events import PremedicationGiven
from adapter.rules.combine import SILENT_INACTIVATION, Combined
from adapter.rules.episodes import Episode, Instants
from adapter.rules.limits import days, span
from adapter.rules.linking import collection_span
from adapter.rules.reactions import Reaction
from adapter.rules.reading import SUFFICIENT, Reading
from adapter.rules.situation import Reacted
from adapter.rules.unlinked_reactions import Unlinked

SUSPECTED = "suspected-silent-inactivation"
CONFIRMED = "confirmed-silent-inactivation"


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedDose:
    """One dose with everything that belongs to it and what it adds up to."""

    episode: Episode
    reactions: tuple[Reaction, ...]
    reacted: Reacted
    premedication: tuple[PremedicationGiven, ...]
    readings: tuple[Reading, ...]
    combined: Combined
    unlinked: tuple[Unlinked, ...] = ()
    """Reaction records that could concern this dose, and that nothing ties to it."""
    unlinked_not_listed: int = 0
    """How many more of them there are."""

    @property
    def usable(self) -> bool:
        """Whether any of its levels says something definite."""
        return any(reading.decided for reading in self.readings)

    @property
    def reaction_open(self) -> bool:
        """Whether a reaction after it still waits for a usable level."""
        return self.combined.mechanism == "reaction-unresolved"

    @property
    def adequate(self) -> bool:
        """Whether its headline exposure reaches the threshold."""
        return self.combined.exposure in SUFFICIENT


def confirmed(episode: Episode, readings: Sequence[Reading], previous: JudgedDose | None) -> tuple[Reading, ...]:
    """The readings of a dose with every suspicious sample after the first independent one raised to D13.

    `previous` is the last dose of the family before it that was measured in full.
    """
    first_samples = _suspicion_before(episode, previous)
    seen: list[Reading] = []
    raised: list[Reading] = []
    for reading in readings:
        if reading.mechanism == SUSPECTED and _dose_known(reading):
            if any(_independent(old, reading) for old in seen) or any(_other(old, reading) for old in first_samples):
                reading = replace(reading, rule="D13", mechanism=CONFIRMED)  # noqa: PLW2901
            seen = _first_two_specimens([*seen, reading])
        raised.append(reading)
    return tuple(raised)


def _suspicion_before(episode: Episode, previous: JudgedDose | None) -> list[Reading]:
    """The suspicious samples of the preceding dose measured in full, as far as needed, when it is near enough."""
    if previous is None or not _near_enough(previous.episode, episode):
        return []
    suspicious = [r for r in previous.readings if r.mechanism in SILENT_INACTIVATION and _dose_known(r)]
    return _first_two_specimens(suspicious)


def _dose_known(reading: Reading) -> bool:
    """Nothing is confirmed by a sample that may as well belong to another dose (6.1.4)."""
    return not reading.placement.ambiguous


def _first_two_specimens(samples: Sequence[Reading]) -> list[Reading]:
    """The first sample taken, and the first of another specimen: if a later one is independent, then of these."""
    ordered = sorted(samples, key=lambda reading: _taken(reading).latest)
    return [*ordered[:1], *[other for other in ordered[1:] if _other(other, ordered[0])][:1]]


def _taken(reading: Reading) -> Instants:
    taken = collection_span(reading.sample)
    assert taken  # noqa: S101 - a sample without any time has no dose to be read against
    return taken


def _near_enough(earlier: Episode, later: Episode) -> bool:
    policy = later.limits.policy
    if policy is None:
        return False
    assert earlier.began  # noqa: S101 - a policy is chosen by the start of a dose
    assert later.began  # noqa: S101
    return later.began.latest - earlier.began.earliest <= days(policy.confirmation_window_days.value)


def _independent(first: Reading, second: Reading) -> bool:
    policy = second.placement.episode.limits.policy
    assert policy  # noqa: S101 - a suspicion is the verdict of a policy
    if policy.confirmed_by == "two-doses" or not _other(first, second):
        return False
    return _taken(second).earliest - _taken(first).latest >= span(policy.confirmation_gap_h)


def _other(first: Reading, second: Reading) -> bool:
    """Whether two samples are two specimens; a suspicious sample always has a known time of its own."""
    return first.sample.specimen is None or first.sample.specimen != second.sample.specimen


def answered_by(later: Sequence[JudgedDose]) -> JudgedDose | None:
    """The first later dose of the family whose level answers a suspicion: any adequate one, or any full one."""
    return next((new for new in later if answers(new)), None)


def answers(dose: JudgedDose) -> bool:
    """Whether a level of the dose answers the suspicion of an earlier one."""
    return dose.adequate or measured_in_full(dose)


def measured_in_full(dose: JudgedDose) -> bool:
    """Whether it was a full dose with a usable level: one that can confirm, and that the next can confirm."""
    return dose.usable and dose.episode.portion == "full"
