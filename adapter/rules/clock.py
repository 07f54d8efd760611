"""The monitoring clock of one dose: what is awaited now, and when that changes by itself (rulebook 2.11, ruling 22)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from adapter.domain.policy import Policy
from adapter.rules.confirmation import JudgedDose, answered_by
from adapter.rules.limits import shifted, span, windows
from adapter.rules.qualify import result_awaited

SUSPECTED = "suspected-silent-inactivation"
# Windows include their ends; the first second after one is outside.
TICK = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The instants at which the state of one dose can change, and what no instant can change."""

    opens: datetime
    first_passed: datetime
    """The first second after the first window."""
    last_passed: datetime
    """The first second after the last window."""
    next_dose: datetime | None
    """Start of the next dose of the family."""
    result_due: datetime | None
    """When the earliest awaited result is overdue."""
    suspicion_open: bool
    complete: bool
    stopped: bool
    """The patient is recorded as deceased."""
    awaited: bool = True
    """Whether a level is due for this dose; not where its course has another dose for that (ruling 24)."""

    def state(self, as_of: datetime) -> str | None:
        """The state at an instant; None once the clock is stopped without a level."""
        if self.complete and not self.suspicion_open:
            return "complete"
        if self.stopped:
            return None
        if self.suspicion_open:
            return "confirmation-due"
        if self.result_due is not None and as_of >= self.result_due:
            return "result-overdue"
        return self._awaiting_sample(as_of) if self.awaited else "not-due"

    def next_change(self, as_of: datetime) -> datetime | None:
        """The first later instant at which the state is another one."""
        known = (self.opens, self.first_passed, self.last_passed, self.next_dose, self.result_due)
        now = self.state(as_of)
        later = sorted({at for at in known if at is not None and at > as_of})
        return next((at for at in later if self.state(at) != now), None)

    @property
    def cut_short(self) -> bool:
        """Whether the next dose of the family was given before the first sampling window had closed."""
        return self.next_dose is not None and self.next_dose < self.first_passed

    @property
    def next_dose_came_first(self) -> bool:
        """Whether the next dose of the family was given before the last sampling window had closed."""
        return self.next_dose is not None and self.next_dose < self.last_passed

    def _awaiting_sample(self, as_of: datetime) -> str:
        if as_of >= self.last_passed or (self.next_dose is not None and as_of >= self.next_dose):
            return "missed"
        if as_of >= self.first_passed:
            return "sample-overdue"
        return "due" if as_of >= self.opens else "not-due"


def clock_of(dose: JudgedDose, later: Sequence[JudgedDose], *, deceased: bool, awaited: bool = True) -> Clock | None:
    """The clock of a dose; `later` are the doses of its family after it, in order.  None without a policy or a time.

    `awaited`: whether a level is due for this dose, or only for another one of its course.
    """
    policy, anchor = dose.episode.limits.policy, dose.episode.anchor
    if policy is None:
        return None
    assert anchor  # noqa: S101 - a policy is chosen by the start of a dose
    points, following = windows(policy), later[0].episode.began if later else None
    return Clock(
        opens=shifted(anchor.earliest, span(points[0].min_h)),
        first_passed=shifted(anchor.latest, span(points[0].max_h) + TICK),
        last_passed=shifted(anchor.latest, max(span(point.max_h) for point in points) + TICK),
        next_dose=following.earliest if following else None,
        result_due=_result_due(dose, policy),
        suspicion_open=dose.combined.mechanism == SUSPECTED and answered_by(later) is None,
        complete=dose.usable,
        stopped=deceased,
        awaited=awaited,
    )


def _result_due(dose: JudgedDose, policy: Policy) -> datetime | None:
    awaited = [reading.sample.collected for reading in dose.readings if result_awaited(reading.sample)]
    due = (shifted(at.latest, span(policy.result_overdue_h)) for at in awaited if at)
    return min(due, default=None)
