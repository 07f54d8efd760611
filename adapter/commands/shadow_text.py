"""A shadow report for people: what would be sent, to whom, and every Flag with its sentence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby

from adapter.commands.shadow_read import FlagShown, ShadowReport
from adapter.commands.status_text import told_s
from adapter.domain.times import instant_text

WHY_LEFT_OUT = {
    "closed": "closed meanwhile",
    "retracted": "withdrawn meanwhile",
    "withheld": "Flags about doses before `monitor_from`, or before today",
    "explains-no-present": "Provenance of earlier states",
}
NONE_IN_SHADOW = "No target is in shadow."


def page_of(report: ShadowReport, now: datetime) -> str:
    """One target's report as text."""
    return "\n".join(_lines(report, now))


def _lines(report: ShadowReport, now: datetime) -> Iterator[str]:
    delivery = f" (delivery: {report.delivery})" if report.delivery else ""
    if report.since is None:
        yield f"target {report.target}{delivery}: nothing is owed to it."
        return
    age = told_s((now - report.since).total_seconds())
    yield f"target {report.target}{delivery}: owed since {instant_text(report.since)} ({age})"
    if report.delivery == "on":
        yield "It is on: this is sent as soon as the server takes it."
    told = ", ".join(f"{number:,} {kind}" for kind, number in report.counts.items())
    yield f"would be written: {told}; {report.patients:,} {'patient' if report.patients == 1 else 'patients'}"
    for reason, number in report.left_out.items():
        yield f"would not: {number:,} {WHY_LEFT_OUT[reason]}"
    for topic, flags in groupby(report.flags, key=lambda flag: flag.topic):
        yield from _topic(topic, list(flags))


def _topic(topic: str, flags: list[FlagShown]) -> Iterator[str]:
    yield ""
    yield f"Flag {topic}: {len(flags):,}"
    for flag in flags:
        yield f"  {flag.patient}: {flag.sentence}"
