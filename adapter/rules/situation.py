"""The situation the decision table reads: level, time, reaction and dose, each in its classes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

from adapter.domain.events import ActivityMeasured, Route
from adapter.domain.policy import DecisionTable, Policy, TimePoint
from adapter.rules.episodes import Episode, Portion
from adapter.rules.limits import span, threshold_at, window_at, windows
from adapter.rules.qualify import LevelClass, level_class

Phase = Literal["absorbing", "early", "declining", "first-window", "between", "later-window", "expired"]
"""`declining`: before the first window, where a low no longer counts as an early one (ruling 13)."""
Reacted = Literal["none", "unconfirmed", "present"]
IN_WINDOW: tuple[Phase, ...] = ("first-window", "later-window")
BEFORE_WINDOWS: tuple[Phase, ...] = ("absorbing", "early", "declining")
OUTSIDE_AND_LATE: tuple[Phase, ...] = ("between", "expired")


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What the decision table reads: one level, at one elapsed time, after one dose."""

    table: DecisionTable
    level: LevelClass
    phase: Phase
    low_is_loss: bool
    """Whether a detectable level below the threshold counts as loss of activity at this time."""
    reaction: Reacted
    severe: bool
    portion: Portion
    route: Route | None
    ok_in_window: bool
    """Another sample of the same dose reached the threshold inside a window (ruling 14)."""
    above_band: bool


def situation_at(
    sample: ActivityMeasured,
    episode: Episode,
    elapsed: timedelta,
    *,
    reaction: Reacted,
    severe: bool,
    ok_in_window: bool,
) -> Situation:
    """The situation of a usable sample at an elapsed time; the dose has a policy."""
    policy, product = episode.limits.policy, episode.limits.product
    activity = sample.activity
    assert policy  # noqa: S101 - guarded by the caller
    assert product  # noqa: S101 - a policy names known products only
    assert activity  # noqa: S101 - usable samples have one
    phase = phase_at(episode, policy, elapsed)
    return Situation(
        table=product.decision_table,
        level=level_class(activity, threshold_at(policy, elapsed), sample.lloq_iu_per_ml),
        phase=phase,
        low_is_loss=_low_is_loss(policy, phase, window_at(policy, elapsed)),
        reaction=reaction,
        severe=severe,
        portion=episode.portion,
        route=episode.route,
        ok_in_window=ok_in_window,
        above_band=bool(policy.band_upper and phase in IN_WINDOW and activity.low > policy.band_upper.value),
    )


def phase_at(episode: Episode, policy: Policy, elapsed: timedelta) -> Phase:
    """Where an elapsed time lies among the policy's windows; both ends of a window belong to it."""
    first = windows(policy)[0]
    window = window_at(policy, elapsed)
    if window is not None:
        return "first-window" if window == first else "later-window"
    if elapsed < span(first.min_h):
        return _before_windows(episode, policy, elapsed)
    return "expired" if elapsed > span(policy.no_verdict_after) else "between"


def _before_windows(episode: Episode, policy: Policy, elapsed: timedelta) -> Phase:
    if elapsed < uninterpretable(episode):
        return "absorbing"
    until = policy.early_low_until
    return "early" if until is None or elapsed <= span(until) else "declining"


def _low_is_loss(policy: Policy, phase: Phase, window: TimePoint | None) -> bool:
    """Whether a detectable low counts as loss of activity; between the windows and after them it never does."""
    if policy.loss_when == "not-detectable":
        return False
    return window.low == "loss" if window else phase == "early"


def in_first_window(situation: Situation, policy: Policy) -> Situation:
    """The same situation, had the sample been taken in the first window."""
    first = windows(policy)[0]
    lost = _low_is_loss(policy, "first-window", first)
    return replace(situation, phase="first-window", low_is_loss=lost)


def uninterpretable(episode: Episode) -> timedelta:
    """How long after the dose a low level proves nothing; without a route the longer of the two (ruling 7)."""
    product = episode.limits.product
    assert product  # noqa: S101 - a policy names known products only
    intravenous, intramuscular = span(product.uninterpretable_iv_h), span(product.uninterpretable_im_h)
    by_route = {"IV": intravenous, "IM": intramuscular}
    return by_route[episode.route] if episode.route else max(intravenous, intramuscular)


def absorption(episode: Episode) -> timedelta:
    """How long after the dose activity may still rise: not at all after an infusion, else until it is absorbed."""
    return timedelta(0) if episode.route == "IV" else uninterpretable(episode)


def breakpoints(episode: Episode) -> tuple[timedelta, ...]:
    """Every elapsed time at which the table may change its answer."""
    policy = episode.limits.policy
    assert policy  # noqa: S101 - asked for only where a policy is known
    of_windows = [limit for window in policy.time_points for limit in (window.min_h, window.max_h)]
    early = () if policy.early_low_until is None else (policy.early_low_until,)
    limits = (*of_windows, *early, policy.no_verdict_after)
    return tuple(sorted({uninterpretable(episode), *map(span, limits)}))
