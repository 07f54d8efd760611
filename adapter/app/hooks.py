"""The hooks of all sources as core holds them: what is told there is kept, answered and followed up."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import replace

import structlog

from adapter.app.counters import ALARMS, HOOK_HINTS, HOOKS, HOOKS_REFUSED
from adapter.app.doors import FhirDoor, fhir_arrival, kept_at, tell_in_measure
from adapter.app.hook_numbers import Hole, Numbers
from adapter.app.hook_silence import HookSilence
from adapter.app.keeping import GroupKeeper
from adapter.app.polls import SourcePolls
from adapter.app.timers import Timer
from adapter.domain.message import HOOK, Arrival
from adapter.pipeline.answer_fhir import answer_call
from adapter.pipeline.hooked import Heard, hear
from adapter.pipeline.notification_numbers import Verdict
from adapter.pipeline.parts import Parts
from adapter.settings import HookSettings, Settings
from adapter.store.faults import CannotKeep, StoreBroken
from adapter.store.hook_notes import HookNotes
from adapter.transport.cannot_store import CannotStore
from adapter.transport.http_hooks import Hook, HookCall
from adapter.transport.http_intake import FhirAnswer

LOOK_EVERY_S = 1.0
EXIT_REFUSED = 2
NOT_OURS = frozenset({"unknown-address", "wrong-secret", "wrong-signature"})
"""Reasons of a refusal that say nothing about the source: anybody may call."""


class Hooks:
    """Every source that notifies us; a site without one has neither addresses nor a file for it."""

    def __init__(
        self,
        settings: Settings,
        keeper: GroupKeeper,
        parts: Parts,
        polls: SourcePolls,
        notes: HookNotes | None,
        wake_engine: Callable[[], None],
        broken: Callable[[StoreBroken], None],
    ) -> None:
        """`broken` ends the process: after a failed sync nothing may be answered."""
        named = {source.name: source.hook for source in settings.sources if source.hook}
        self._settings = named
        self._keeper = keeper
        self._polls = polls
        self._notes = notes
        self._wake_engine = wake_engine
        self._broken = broken
        self._told: set[str] = set()
        self._doors = {name: FhirDoor(keeper, parts, name, wake_engine) for name in named}
        self._numbers = Numbers(notes) if notes else None
        self._silence = HookSilence({name: hook.heartbeat_s for name, hook in named.items() if hook.heartbeat_s})
        self.doors = [hook_of(name, hook) for name, hook in named.items()]
        """The addresses, with what their callers must show."""

    def take(self, parts: Parts) -> None:
        """Word the answers by these from now on."""
        for door in self._doors.values():
            door.take(parts)

    def timers(self) -> tuple[Timer, ...]:
        """When holes and silence are looked for."""
        return (Timer(name="hooks", every_s=LOOK_EVERY_S, do=self.look),) if self._doors else ()

    async def receive(self, call: HookCall) -> FhirAnswer:
        """The answer to a call, 200 once it is on disk with what is to follow; raises CannotStore."""
        trusted = self._settings[call.source].trust_push_body
        heard = await asyncio.to_thread(hear, call.raw, call.method, call.target, trusted=trusted)
        arrival = _arrival(call, heard)
        place = await kept_at(self._keeper, arrival)
        self._wake_engine()
        await asyncio.to_thread(self._follow, call.source, heard, place)
        translations = await asyncio.to_thread(self._doors[call.source].understood, arrival) if heard.counts else ()
        answer = answer_call(translations, notification=heard.counts and heard.notification is not None)
        return FhirAnswer(status=answer.status, resource=answer.resource)

    def refused(self, source: str | None, reason: str, peer: str) -> None:
        """A call was refused; what a source cannot make us take, a poll finds."""
        HOOKS_REFUSED.labels(source or "unknown", reason).inc()
        tell_in_measure("hook-refused", {"source": source or "unknown", "reason": reason, "peer": peer})
        if source is not None and reason not in NOT_OURS:
            self._polls.poll_now(source)

    def look(self) -> None:
        """Ask about events that did not come in time, and about sources that fell silent."""
        for source in self._silence.look():
            self._poll(source)
        for hole in self._numbers.due() if self._numbers else []:
            structlog.get_logger().warning("hook-gap", source=hole.source, events=hole.last - hole.first + 1)
            if not self._polls.ask(hole, self._settled):
                self._not_followed(hole.source)
                self._settled(hole)

    def _settled(self, hole: Hole) -> None:
        """What was missing need not be asked for again; where that cannot be noted, a restart asks once more."""
        try:
            if self._numbers:
                self._numbers.settle(hole)
        except CannotKeep:
            ALARMS.labels("hooks-cannot-keep").inc()
        except StoreBroken as fault:
            self._broken(fault)

    def _follow(self, source: str, heard: Heard, place: int) -> None:
        """Note on disk what is to be done, then have it done."""
        HOOKS.labels(source, heard.kind).inc()
        told = heard.notification
        self._silence.heard(source, told.subscription if told else "")
        verdict = self._noted(source, heard, place)
        if told and told.out_of_order:
            ALARMS.labels("hook-out-of-order").inc()
            structlog.get_logger().error("hook-out-of-order", source=source)
        if heard.needed and not self._polls.is_polled(source):
            self._not_followed(source)
        if heard.read:
            self._polls.read_back(source)
            HOOK_HINTS.labels(source, "read").inc()
        if heard.poll or verdict == "restarted":
            self._poll(source)

    def _noted(self, source: str, heard: Heard, place: int) -> Verdict | None:
        """What must outlive us is on disk, or the call is not answered; gives what its numbers say."""
        told, verdict = heard.notification, None
        try:
            if self._numbers and told:
                verdict = self._numbers.heard(source, told)
            if heard.read and self._notes and self._polls.is_polled(source):
                self._notes.put_reads(source, heard.read, place)
        except CannotKeep:
            ALARMS.labels("hooks-cannot-keep").inc()
            raise CannotStore from None
        except StoreBroken as fault:
            self._broken(fault)
            raise CannotStore from None
        return verdict

    def _poll(self, source: str) -> None:
        if self._polls.poll_now(source):
            HOOK_HINTS.labels(source, "poll").inc()

    def _not_followed(self, source: str) -> None:
        ALARMS.labels("hook-not-followed").inc()
        if source not in self._told:
            self._told.add(source)
            structlog.get_logger().error("hook-not-followed", source=source)


def _arrival(call: HookCall, heard: Heard) -> Arrival:
    """A call as it is kept: a body that counts as any push, a hint as what it is."""
    arrival = fhir_arrival(call.source, HOOK, call.raw, call.method, call.target)
    if heard.counts:
        return replace(arrival, raw=b"") if call.method == "DELETE" else arrival
    return replace(arrival, kind="hint", relevance="irrelevant", message_type=heard.kind)


def hook_of(source: str, settings: HookSettings) -> Hook:
    """The address of a source; a secret that is gone since it was checked ends the process with one sentence."""
    try:
        path_token = settings.path_token()
        secret, hmac_secret = settings.secret(), settings.hmac_secret()
    except (OSError, ValueError):
        path_token = secret = hmac_secret = None
    if path_token is None or (secret is None and hmac_secret is None):
        print(f"The hook of source {source} has a secret that cannot be read.", file=sys.stderr)
        raise SystemExit(EXIT_REFUSED)
    return Hook(source=source, path_token=path_token, header=settings.header, secret=secret, hmac_secret=hmac_secret)


def hook_notes(settings: Settings) -> HookNotes | None:
    """What hooks remember; None where no source has one."""
    return HookNotes(settings.store) if any(source.hook for source in settings.sources) else None
