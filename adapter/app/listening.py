"""One MLLP port of the intake process: its reception, its TLS, its torn frames."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any

import structlog

from adapter.app.counters import ALARMS
from adapter.app.gathered_counts import GatheredCounts
from adapter.app.in_use import MappingsInUse
from adapter.app.keeping import GroupKeeper
from adapter.app.measured_log import MeasuredLog
from adapter.app.observing import Observe
from adapter.app.parts import rules_for
from adapter.app.receptions import hl7_reception
from adapter.pipeline.at_once import AtOnce
from adapter.pipeline.receive import Door, Reception, receive_in_mode, too_large
from adapter.settings import MllpListener as ListenerSettings
from adapter.settings import Settings
from adapter.store.faults import CannotKeep, StoreBroken
from adapter.store.owed_answers import OwedAnswers
from adapter.store.torn_frames import TornFrames
from adapter.transport.cannot_store import CannotStore
from adapter.transport.mllp import Followed, MllpLimits, MllpListener
from adapter.transport.tls_server import ServerTls

RELEVANCE_BOUND = 100_000
QUIET_EVENTS = frozenset({"connection-opened", "connection-closed"})


def reception(
    site: Settings,
    in_use: MappingsInUse,
    settings: ListenerSettings,
    keeper: GroupKeeper,
    executor: ThreadPoolExecutor,
    counts: GatheredCounts,
) -> Reception:
    """How the messages of one port are judged, kept and answered."""
    rules = rules_for(site, settings)
    return hl7_reception(
        keeper,
        in_use.door(rules, RELEVANCE_BOUND, settings.default_charset),
        rules,
        executor,
        _telling_refusals(counts.observe) if _refuses(site) else counts.observe,
        prefix="T",
        heard=counts.heard,
        hand_over=keeper.hand_over,
    )


def _refuses(settings: Settings) -> bool:
    return any(sender.cannot_store == "AR" for sender in settings.senders)


def _telling_refusals(observe: Observe) -> Observe:
    """Observe, and log each message that was answered AR because it could not be kept."""
    refusals = MeasuredLog(structlog.get_logger().error)

    def observe_and_tell(event: str, facts: dict[str, Any]) -> None:
        observe(event, facts)
        if event == "refused":
            refusals.line("cannot-keep", {"listener": facts["listener"], "reason": facts["reason"]})

    return observe_and_tell


def listener(
    settings: ListenerSettings,
    received: Reception,
    counts: GatheredCounts,
    torn: TornFrames,
    tls: ServerTls | None,
    owed: OwedAnswers | None = None,
) -> MllpListener:
    """The listener of one port; what happens on its wire is counted, and logged when a person may ask for it."""
    door = Door(
        listener=settings.name,
        source=settings.source,
        archive_irrelevant=settings.archive_irrelevant,
        answer_within_s=float(settings.answer_within_s),
        ack_mode=settings.ack_mode,
        heartbeats=settings.heartbeats,
        may_refuse=True,
        apart=partial(_owe, settings.name, owed) if owed and settings.application_answers else None,
    )
    log = structlog.get_logger().bind(listener=settings.name)
    of_peers, of_the_store = MeasuredLog(log.info), MeasuredLog(log.error)

    async def handle(raw: bytes, _peer: str) -> bytes | Followed | None:
        try:
            replies = await receive_in_mode(raw, door, received)
            return Followed(first=replies.first, later=replies.later) if replies.later else replies.first
        except CannotKeep as fault:
            ALARMS.labels("inbox-cannot-keep").inc()
            of_the_store.line("cannot-keep", {"reason": str(fault)})
            raise CannotStore from None
        except StoreBroken:
            raise CannotStore from None

    def on_event(event: str, facts: dict[str, Any]) -> None:
        counts.observe(event, {**facts, "listener": settings.name})
        if event not in QUIET_EVENTS:
            of_peers.line(event, facts)

    return MllpListener(
        handle=handle,
        too_large=lambda start: too_large(start, received, settings.ack_mode),
        limits=_limits(settings),
        on_event=on_event,
        on_torn=_keeping_torn(settings.name, torn, log),
        at_once=AtOnce(door, received).answer,
        on_answered=counts.answered(settings.name),
        tls=tls,
        commits=settings.mllp_release == "2",
    )


def _owe(listener: str, owed: OwedAnswers, answer: bytes) -> None:
    owed.owe(listener, answer, datetime.now(UTC))


def _limits(settings: ListenerSettings) -> MllpLimits:
    return MllpLimits(
        connections=settings.max_connections,
        frame_limit_bytes=settings.frame_limit_bytes,
        frame_time_limit_s=float(settings.frame_timeout_s),
        keepalive_idle_s=settings.keepalive_idle_s,
    )


def _keeping_torn(
    name: str, torn: TornFrames, log: structlog.typing.FilteringBoundLogger
) -> Callable[[bytes, str], None]:
    def keep(fragment: bytes) -> None:
        if torn.keep(fragment, name, datetime.now(UTC)) is None:
            log.warning("torn-frame-not-kept", size=len(fragment))

    def on_torn(fragment: bytes, _peer: str) -> None:
        asyncio.get_running_loop().run_in_executor(None, keep, fragment)  # the disk may be slow, the loop may not

    return on_torn
