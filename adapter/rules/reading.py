"""One sample read against one dose: the rule that decides, over the whole interval the times allow (ruling 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from adapter.domain.events import ActivityMeasured
from adapter.rules.decision import decide, undecided
from adapter.rules.episodes import UNSPECIFIED, Episode
from adapter.rules.limits import threshold_at
from adapter.rules.linking import INSTANT, Placement
from adapter.rules.qualify import LOSS, LevelClass, Usability, data_faults, level_class, usability
from adapter.rules.row import Rule
from adapter.rules.situation import (
    BEFORE_WINDOWS,
    IN_WINDOW,
    OUTSIDE_AND_LATE,
    Phase,
    Reacted,
    Situation,
    breakpoints,
    phase_at,
    situation_at,
)

NO_LEVEL = Rule(id="Q2", needs=(), exposure="no-result", mechanism="not-assessable")
DECIDED = ("adequate", "above-band", "inadequate")
SUFFICIENT = ("adequate", "above-band")


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What surrounds the samples of one dose: its reactions, and whether a good level inside a window exists."""

    reaction: Reacted
    severe: bool
    ok_in_window: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Possibility:
    """What a sample would say if it belonged to one of the doses it may belong to."""

    episode: Episode
    rule: str
    exposure: str
    mechanism: str
    inside: bool
    """It would have been taken before the administration was over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one sample says about one dose."""

    sample: ActivityMeasured
    placement: Placement
    usability: Usability
    faults: tuple[str, ...]
    """Modifiers of faults in its data."""
    phases: tuple[Phase, ...]
    """Every phase of the policy its elapsed time may lie in."""
    level: LevelClass | None
    """Its class at the earliest elapsed time; None when it is no usable level or no policy reads it."""
    rule: str
    exposure: str
    mechanism: str
    situation: Situation | None
    """What the decision table was asked at the earliest elapsed time; None where it was not asked."""
    contradiction: str | None
    """`discordant`, or `straddles` for two tubes of one instant on opposite sides of the threshold."""
    residual_from: Episode | None = None
    """The dose of another family the level may stem from (ruling 9)."""
    possibilities: tuple[Possibility, ...] = ()
    """What it would say for each dose it may belong to, where the verdicts differ."""

    @property
    def decided(self) -> bool:
        """Whether its own exposure says something definite."""
        return self.exposure in DECIDED

    @property
    def residual(self) -> bool:
        """Whether the level may stem from a dose of another family."""
        return self.residual_from is not None

    @property
    def early(self) -> bool:
        """Taken before the first window opened; a low after the time of early lows is late instead (ruling 13)."""
        return bool(self.phases) and all(phase in BEFORE_WINDOWS and not self._late_low(phase) for phase in self.phases)

    @property
    def late(self) -> bool:
        """Taken between the windows or after the last, or a low after the time of early lows."""
        return bool(self.phases) and all(phase in OUTSIDE_AND_LATE or self._late_low(phase) for phase in self.phases)

    def _late_low(self, phase: Phase) -> bool:
        return phase == "declining" and self.level in LOSS

    @property
    def good_in_window(self) -> bool:
        """At or above the threshold inside a window, and believed: of no other level is that said."""
        return self.exposure in SUFFICIENT and all(phase in IN_WINDOW for phase in self.phases)


def read_sample(
    sample: ActivityMeasured, placement: Placement, context: Context, *, contradiction: str | None = None
) -> Reading:
    """Read one sample against one dose that may own it; ambiguity between doses is settled by the caller."""
    episode = placement.episode
    usable = usability(sample, episode.limits)
    undecidable = _undecidable(placement, context, usable, contradicted=contradiction is not None)
    situations = () if undecidable else _situations(sample, placement, context)
    rule = undecidable or _over_interval(situations, placement)
    return Reading(
        sample=sample,
        placement=placement,
        usability=usable,
        faults=data_faults(sample, episode.limits),
        phases=_phases(placement),
        level=_level(sample, placement) if usable == "usable" else None,
        rule=rule.id,
        exposure=rule.exposure,
        mechanism=rule.mechanism,
        situation=situations[0] if situations else None,
        contradiction=contradiction,
    )


def _undecidable(placement: Placement, context: Context, usable: Usability, *, contradicted: bool) -> Rule | None:
    """What is said without asking the decision table; None where it has to be asked."""
    reacted, episode = context.reaction != "none", placement.episode
    if usable == "no-level":
        return NO_LEVEL
    if episode.product == UNSPECIFIED:
        return undecided(reacted=reacted, rule="D2")
    if usable == "preliminary":
        return undecided(reacted=reacted, rule="Q3")
    if usable == "unusable" or contradicted:
        return undecided(reacted=reacted, rule="D3")
    if episode.limits.policy is None or placement.inside:
        return undecided(reacted=reacted)
    return None


def _situations(sample: ActivityMeasured, placement: Placement, context: Context) -> tuple[Situation, ...]:
    """What the decision table has to be asked, for every time that stands for the possible ones."""
    return tuple(
        situation_at(
            sample,
            placement.episode,
            elapsed,
            reaction=context.reaction,
            severe=context.severe,
            ok_in_window=context.ok_in_window,
        )
        for elapsed in critical_times(placement)
    )


def _over_interval(situations: Sequence[Situation], placement: Placement) -> Rule:
    """The rule of the earliest possible time, if every possible time gives the same exposure and mechanism."""
    rules = [_decided(situation) for situation in situations]
    earliest = rules[0]
    # Without a collection time the sample may be the trough taken just before this dose: no low is held against it.
    guessed = placement.time_missing and (earliest.id == "D3b" or earliest.exposure == "inadequate")
    if guessed or len({(rule.exposure, rule.mechanism) for rule in rules}) > 1:
        return undecided(reacted=situations[0].reaction != "none")
    return earliest


def _decided(situation: Situation) -> Rule:
    # A band lies above every threshold, so a level above it is adequate by whatever row decides.
    rule = decide(situation)
    return replace(rule, exposure="above-band") if situation.above_band else rule


def critical_times(placement: Placement) -> tuple[timedelta, ...]:
    """Elapsed times that stand for all the possible ones: both ends, every limit between, and the time after it."""
    if placement.exact:
        return (placement.least,)
    times = {max(placement.least, INSTANT), placement.most}
    for limit in breakpoints(placement.episode):
        times |= {t for t in (limit, limit + INSTANT) if placement.least < t < placement.most}
    return tuple(sorted(times))


def _phases(placement: Placement) -> tuple[Phase, ...]:
    policy = placement.episode.limits.policy
    if policy is None:
        return ()
    return tuple(dict.fromkeys(phase_at(placement.episode, policy, t) for t in critical_times(placement)))


def _level(sample: ActivityMeasured, placement: Placement) -> LevelClass | None:
    policy = placement.episode.limits.policy
    if policy is None or sample.activity is None:
        return None
    threshold = threshold_at(policy, critical_times(placement)[0])
    return level_class(sample.activity, threshold, sample.lloq_iu_per_ml)
