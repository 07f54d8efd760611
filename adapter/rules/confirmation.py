"""When a suspicion of silent inactivation is confirmed, and when the next dose answers it (rulings 16 and 17)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from adapter.domain.events import PremedicationGiven
from adapter.rules.combine import SILENT_INACTIVATION, Combined, combined
from adapter.rules.episodes import Episode
from adapter.rules.limits import days, span
from adapter.rules.linking import collection_span
from adapter.rules.reactions import Reaction
from adapter.rules.reading import SUFFICIENT, Reading
from adapter.rules.situation import Reacted
from adapter.rules.unlinked_reactions import Unlinked

SUSPICION_RULES = ("D12", "D13")
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

    @property
    def usable(self) -> bool:
        """Whether any of its levels says something definite."""
        return any(reading.decided for reading in self.readings)

    @property
    def reaction_open(self) -> bool:
        """Whether a reaction after it still waits for a usable level."""
        return self.reacted != "none" and self.combined.mechanism in ("reaction-unresolved", "not-assessable")

    @property
    def adequate(self) -> bool:
        """Whether its headline exposure reaches the threshold."""
        return self.combined.exposure in SUFFICIENT


def confirmed(dose: JudgedDose, earlier: Sequence[JudgedDose]) -> JudgedDose:
    """The dose with every suspicious sample after the first independent one raised to D13.

    `earlier` are the judged doses of the same family before it, in order.
    """
    seen: list[Reading] = []
    first_samples = _suspicion_before(dose, earlier)
    readings: list[Reading] = []
    for reading in dose.readings:
        if reading.rule == "D12":
            if any(_independent(old, reading) for old in seen) or any(_other(old, reading) for old in first_samples):
                reading = replace(reading, rule="D13", mechanism=CONFIRMED)  # noqa: PLW2901
            seen.append(reading)
        readings.append(reading)
    return replace(dose, readings=tuple(readings), combined=combined(dose.episode, readings, dose.reacted))


def _suspicion_before(dose: JudgedDose, earlier: Sequence[JudgedDose]) -> list[Reading]:
    """The suspicious samples of the preceding full dose with a usable level, when it is near enough."""
    previous = next((old for old in reversed(earlier) if old.episode.portion == "full" and old.usable), None)
    if previous is None or previous.combined.mechanism not in SILENT_INACTIVATION:
        return []
    if not _near_enough(previous.episode, dose.episode):
        return []
    return [reading for reading in previous.readings if reading.rule in SUSPICION_RULES]


def _near_enough(earlier: Episode, later: Episode) -> bool:
    policy = later.limits.policy
    if policy is None or earlier.began is None or later.began is None:
        return False
    return later.began.latest - earlier.began.earliest <= days(policy.confirmation_window_days.value)


def _independent(first: Reading, second: Reading) -> bool:
    policy = second.placement.episode.limits.policy
    one, other = collection_span(first.sample), collection_span(second.sample)
    if policy is None or one is None or other is None or not _other(first, second):
        return False
    return other.earliest - one.latest >= span(policy.confirmation_gap_h)


def _other(first: Reading, second: Reading) -> bool:
    """Whether two samples are two specimens; a suspicious sample always has a known time of its own."""
    return first.sample.specimen is None or first.sample.specimen != second.sample.specimen


def answered_by(later: Sequence[JudgedDose]) -> JudgedDose | None:
    """The first later dose of the family whose level answers a suspicion: any adequate one, or any full one."""
    return next((new for new in later if new.adequate or (new.usable and new.episode.portion == "full")), None)
