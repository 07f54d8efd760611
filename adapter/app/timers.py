"""Timers of core: what falls due by the passing of time, retries, housekeeping (APScheduler, memory job store)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """Something to do every so often."""

    name: str
    every_s: float
    do: Callable[[], None]


def start_timers(timers: tuple[Timer, ...]) -> BackgroundScheduler:
    """Start all timers; a run that is missed is made up for once, never in a burst."""
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
    return scheduler
