"""Timers of core: what falls due by the passing of time, retries, housekeeping (APScheduler, memory job store)."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Thread

from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

LOOK_AT_CLOCK_S = 1.0
SET_BACK_S = 1.0
"""Less than this is a clock being steered, not set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """Something to do every so often."""

    name: str
    every_s: float
    do: Callable[[], None]


def start_timers(timers: tuple[Timer, ...]) -> BackgroundScheduler:
    """Start all timers; a run that is missed is made up for once, never in a burst, and no clock set back stops one."""
    scheduler = BackgroundScheduler(timezone="UTC")
    for timer in timers:
        scheduler.add_job(
            timer.do,
            IntervalTrigger(seconds=timer.every_s, timezone="UTC"),
            id=timer.name,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
    scheduler.start()
    Thread(target=_mind_the_clock, args=(scheduler,), name="clock", daemon=True).start()
    return scheduler


def _mind_the_clock(scheduler: BackgroundScheduler) -> None:
    """After the clock was set back every timer runs at once: its next time would be as far away as the clock went."""
    ahead_s = time.time() - time.monotonic()
    while scheduler.running:
        time.sleep(LOOK_AT_CLOCK_S)
        before_s, ahead_s = ahead_s, time.time() - time.monotonic()
        if ahead_s < before_s - SET_BACK_S:
            for job in scheduler.get_jobs():
                with contextlib.suppress(JobLookupError):  # the service is ending
                    job.modify(next_run_time=datetime.now(UTC))
