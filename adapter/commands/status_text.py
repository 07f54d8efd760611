"""One look at the service as a screen: process, listeners, senders, what waits, targets, alarms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from adapter import __version__
from adapter.commands.prune_text import line_text
from adapter.commands.status_read import Status, Waiting, age_s, seconds_between
from adapter.domain.times import instant_text

SENDERS_SHOWN = 20
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400


def screen(status: Status, before: Status | None = None) -> str:
    """The whole screen; rates are those since `before`, else since the start of the service."""
    sections = [
        [*_process(status)],
        [*_read_with(status)],
        [*_restarts(status)],
        [*_listeners(status)],
        [*_senders(status, before)],
        [*_polls(status)],
        [*_waiting(status)],
        [*_targets(status)],
        [*_alarms(status)],
    ]
    return "\n".join(line for section in sections for line in section)


def _process(status: Status) -> Iterator[str]:
    at = instant_text(status.at)
    if status.process is None:
        yield f"Troughline {__version__}: no service runs on {status.store}; this is what it left   {at}"
        return
    up = f", up {told_s((status.at - status.since).total_seconds())}" if status.since else ""
    yield f"Troughline {__version__}, process {status.process}{up}: {_ready(status.ready)}   {at}"


def _ready(ready: Mapping[str, object] | None) -> str:
    if ready is None:
        return "it does not answer /readyz"
    wrong = [name for name, fine in ready.items() if name != "ok" and fine is False]
    return "ready" if not wrong else f"NOT READY ({', '.join(wrong)})"


def _read_with(status: Status) -> Iterator[str]:
    """Which mappings and policies the service reads with, and a banner when its files say something else."""
    told = (status.ready or {}).get("read_with")
    if not told:
        return
    yield f"mappings {_versions(told['mappings'])}, policies {_versions(told['policies'])}"
    if told["folder_differs"]:
        yield "FILES DIFFER: they say something else than what the service reads with; `troughline reload` takes them"
    if told["needs_restart"]:
        yield f"RESTART NEEDED: changed in the configuration and not taken: {', '.join(told['needs_restart'])}"
    if (last := told["last_reload"]) and last["result"] == "failed":
        yield f"LAST RELOAD FAILED at {last['at']}: `troughline reload` or `troughline lint` names the faults"


def _versions(by_process: Mapping[str, str]) -> str:
    """One hash, or that of each process while they differ."""
    different = dict.fromkeys(by_process.values())
    if len(different) == 1:
        return next(iter(different))
    return ", ".join(f"{version} in {name}" for name, version in by_process.items())


def _restarts(status: Status) -> Iterator[str]:
    restarts = {name: n for name, n in status.by("troughline_process_restarts_total", "process").items() if n}
    if restarts:
        yield f"restarts of processes: {', '.join(f'{name} {n:,.0f}' for name, n in sorted(restarts.items()))}"


def _listeners(status: Status) -> Iterator[str]:
    for name, address in status.listeners.items():
        codes = status.by("troughline_acks_total", "code", listener=name)
        told = ", ".join(f"{code} {number:,.0f}" for code, number in sorted(codes.items()) if number)
        connections = status.total("troughline_connections", listener=name)
        yield f"listener {name}  {address}  connections {connections:.0f}  answered {told or 'nothing yet'}"


def _senders(status: Status, before: Status | None) -> Iterator[str]:
    counts = status.by("troughline_sender_messages_total", "sender")
    silent = {sender for sender, told in status.by("troughline_sender_silent", "sender").items() if told}
    if not counts and not silent:
        return
    last = status.by("troughline_sender_last_message_timestamp_seconds", "sender")
    earlier = before.by("troughline_sender_messages_total", "sender") if before else {}
    over_s = seconds_between(before, status) if before else _up_s(status)
    yield f"{'sender':<40} {'messages':>10} {'a minute':>10}  last message"
    order = sorted({*counts, *silent}, key=lambda sender: (sender not in silent, -last.get(sender, 0.0), sender))
    for sender in order[:SENDERS_SHOWN]:
        count = counts.get(sender, 0.0)
        rate = (count - earlier.get(sender, 0.0)) / over_s * MINUTE_S
        ago = f"{told_s(age_s(last[sender]))} ago" if last.get(sender) else "-"
        yield f"{sender:<40} {count:>10,.0f} {rate:>10,.1f}  {ago}{'  SILENT' if sender in silent else ''}"
    if len(order) > SENDERS_SHOWN:
        yield f"and {len(order) - SENDERS_SHOWN} more senders"


def _up_s(status: Status) -> float:
    return max((status.at - status.since).total_seconds(), 1.0) if status.since else 1.0


def _polls(status: Status) -> Iterator[str]:
    """Each source that is polled, also one that never was whole."""
    failed = status.by("troughline_polls_total", "source", result="failed")
    for source in sorted({*status.polled, *status.by("troughline_poll_last_complete_timestamp_seconds", "source")}):
        at = status.polled.get(source)
        told = f"last polled whole {told_s((status.at - at).total_seconds())} ago" if at else "never polled whole yet"
        count = failed.get(source, 0.0)
        yield f"source {source}: {told}{f'; {count:,.0f} polls failed since the start' if count else ''}"


def _waiting(status: Status) -> Iterator[str]:
    for inbox in status.inboxes:
        yield f"{inbox.name}: {inbox.kept:,} messages kept, {inbox.waiting:,} wait to be understood"
    oldest = status.by("troughline_application_answers_oldest_age_seconds", "listener")
    for name, number in status.by("troughline_application_answers_waiting", "listener").items():
        since = f", the oldest for {told_s(oldest.get(name, 0.0))}" if number else ""
        yield f"application answers of {name}: {number:,.0f} wait for their receiver{since}"
    parked = ", ".join(f"{reason} {number:,}" for reason, number in status.parked.items())
    if status.pruned:
        yield f"last prune: {line_text(status.pruned)}"
    yield f"work list: {sum(status.parked.values()):,}{f' ({parked})' if parked else ''}"


def _targets(status: Status) -> Iterator[str]:
    if not status.targets:
        yield "targets: none yet"
    for target in status.targets:
        yield _target(target, status.at)


def _target(target: Waiting, at: datetime) -> str:
    owed = target.counts.get("pending", 0) + target.counts.get("sent", 0)
    if target.delivery == "shadow":
        return f"target {target.name}: in shadow, {owed:,} resources computed and not sent"
    oldest = f", oldest {told_s((at - target.oldest).total_seconds())}" if target.oldest and owed else ""
    confirmed, parked = target.counts.get("confirmed", 0), target.counts.get("parked", 0)
    left_out = f", left out {number:,}" if (number := target.counts.get("left_out", 0)) else ""
    return f"target {target.name}: {owed:,} to deliver{oldest}; confirmed {confirmed:,}{left_out}, parked {parked:,}"


def _alarms(status: Status) -> Iterator[str]:
    alarms = {reason: n for reason, n in status.by("troughline_alarms_total", "reason").items() if n}
    if not status.metrics:
        yield "alarms: not known, /metrics was not read"
        return
    told = ", ".join(f"{reason} {number:,.0f}" for reason, number in sorted(alarms.items()))
    yield f"alarms since the start: {told or 'none'}"


def told_s(seconds: float) -> str:
    """A time span in its two largest units: `3 h 12 min`."""
    whole = int(max(seconds, 0))
    if whole < MINUTE_S:
        return f"{whole} s"
    if whole < HOUR_S:
        return f"{whole // MINUTE_S} min"
    if whole < DAY_S:
        return f"{whole // HOUR_S} h {whole % HOUR_S // MINUTE_S} min"
    return f"{whole // DAY_S} d {whole % DAY_S // HOUR_S} h"
