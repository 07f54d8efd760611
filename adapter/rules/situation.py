"""The situation the decision table reads: level, time, reaction and dose, each in its classes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from adapter.domain.events import ActivityMeasured, Route
from adapter.domain.policy import Policy
from adapter.rules.episodes import Episode, Portion
from adapter.rules.limits import span, threshold_at, window_at, windows
from adapter.rules.qualify import LevelClass, level_class

Phase = Literal["absorbing", "early", "first-window", "between", "later-window", "expired"]
Reacted = Literal["none", "unconfirmed", "present"]
IN_WINDOW: tuple[Phase, ...] = ("first-window", "later-window")
BEFORE_WINDOWS: tuple[Phase, ...] = ("absorbing", "early")
OUTSIDE_AND_LATE: tuple[Phase, ...] = ("between", "expired")


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What the decision table reads: one level, at one elapsed time, after one dose."""

    level: LevelClass
    phase: Phase
    reaction: Reacted
    severe: bool
    portion: Portion
    route: Route | None
    ok_in_window: bool = False
    """Another sample of the same dose reached the threshold inside a window (ruling 14)."""
    above_band: bool = False


def situation_at(
    sample: ActivityMeasured,
    episode: Episode,
    elapsed: timedelta,
    *,
    reaction: Reacted,
    severe: bool,
    ok_in_window: bool = False,
) -> Situation:
    """The situation of a usable sample at an elapsed time; the dose has a policy."""
    policy = episode.limits.policy
    activity = sample.activity
    assert policy  # noqa: S101 - guarded by the caller
    assert activity  # noqa: S101 - usable samples have one
    phase = phase_at(episode, policy, elapsed)
    return Situation(
        level=level_class(activity, threshold_at(policy, elapsed), sample.lloq_iu_per_ml),
        phase=phase,
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
        return "absorbing" if elapsed < uninterpretable(episode) else "early"
    return "expired" if elapsed > span(policy.no_verdict_after) else "between"


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
    policy, product = episode.limits.policy, episode.limits.product
    assert policy  # noqa: S101 - asked for only where a policy is known
    assert product  # noqa: S101 - a policy names known products only
    of_windows = [limit for window in policy.time_points for limit in (window.min_h, window.max_h)]
    limits = (*of_windows, policy.no_verdict_after, product.uninterpretable_iv_h, product.uninterpretable_im_h)
    return tuple(sorted({span(limit) for limit in limits}))
