"""The intake process: MLLP listeners around one inbox file; it never interprets and never waits for FHIR."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from adapter.app.child import announce, opening, own, read_instructions, stop_on
from adapter.app.control_ids import control_ids
from adapter.app.keeping import GroupKeeper
from adapter.app.observing import Observe, configure_logging, share_counters
from adapter.app.parts import Loaded, load_instructions, rules_for
from adapter.domain.message import Translation
from adapter.ingest.relevance import RelevanceFilter
from adapter.ingest.translate import translate_hl7
from adapter.pipeline.receive import Door, Reception, receive_hl7, too_large
from adapter.settings import MllpListener as ListenerSettings
from adapter.store.faults import CannotKeep, StoreBroken
from adapter.transport.cannot_store import CannotStore
from adapter.transport.mllp import MllpLimits, MllpListener

RELEVANCE_BOUND = 100_000
TRANSLATING_THREADS = 2
ALIVE_FILE = "intake.alive"
ALIVE_EVERY_S = 1.0
STOP_GRACE_S = 10.0
EXIT_BROKEN = 70
INBOX = "inbox"


def main() -> int:
    """Run the intake process until it is told to stop or its parent is gone."""
    configure_logging("intake")
    instructions = read_instructions()
    loaded = load_instructions(instructions)
    with opening(loaded.settings.store):
        own(loaded.settings.store, "intake")
        share_counters("intake")
    with contextlib.suppress(ImportError):
        import uvloop

        return uvloop.run(_run(loaded, instructions))
    return asyncio.run(_run(loaded, instructions))


async def _run(loaded: Loaded, instructions: dict[str, Any]) -> int:
    from adapter.app.counters import count

    store = loaded.settings.store
    with opening(store):
        keeper = GroupKeeper(store / "inbox.db", INBOX, _end_at_once)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    listeners: list[MllpListener] = []
    with ThreadPoolExecutor(TRANSLATING_THREADS, thread_name_prefix="wording") as executor:
        ports: dict[str, str] = {}
        for settings in loaded.settings.mllp:
            reception = _reception(loaded, settings, keeper, executor, count)
            listener = _listener(settings, reception, count)
            address = instructions.get("addresses", {}).get("listeners", {}).get(settings.name)
            port = int(address.rpartition(":")[2]) if address else settings.port
            ports[settings.name] = f"{settings.host}:{await _bound(listener, settings.host, port)}"
            listeners.append(listener)

        def stop() -> None:
            loop.call_soon_threadsafe(stopping.set)

        stop_on(stop)
        announce({"mllp": next(iter(ports.values()), None), "listeners": ports})
        await _alive_until(stopping, store / ALIVE_FILE)
        await asyncio.gather(*(listener.stop(STOP_GRACE_S) for listener in listeners))
        await loop.run_in_executor(None, keeper.close)
    return 0


def _reception(
    loaded: Loaded, settings: ListenerSettings, keeper: GroupKeeper, executor: ThreadPoolExecutor, observe: Observe
) -> Reception:
    rules = rules_for(loaded.settings, settings)

    def translate(raw: bytes, source: str) -> list[Translation]:
        return translate_hl7(raw, loaded.knowledge, rules, source=source)

    return Reception(
        keeper=keeper,
        judge=RelevanceFilter(loaded.knowledge, RELEVANCE_BOUND, default_charset=settings.default_charset).judge_one,
        translate=translate,
        executor=executor,
        clock=lambda: datetime.now(UTC).astimezone(),
        next_control_id=control_ids("T", time.time_ns()),
        observe=observe,
    )


def _listener(settings: ListenerSettings, reception: Reception, observe: Observe) -> MllpListener:
    from adapter.app.counters import ACK_SECONDS, ALARMS

    door = Door(
        listener=settings.name,
        source=settings.source,
        archive_irrelevant=settings.archive_irrelevant,
        answer_within_s=float(settings.answer_within_s),
    )
    seconds = ACK_SECONDS.labels(settings.name)
    log = structlog.get_logger().bind(listener=settings.name)

    async def handle(raw: bytes, _peer: str) -> bytes | None:
        started = time.perf_counter()
        try:
            return await receive_hl7(raw, door, reception)
        except CannotKeep as fault:
            ALARMS.labels("inbox-cannot-keep").inc()
            log.error("cannot-keep", reason=str(fault))
            raise CannotStore from None
        except StoreBroken:
            raise CannotStore from None
        finally:
            seconds.observe(time.perf_counter() - started)

    def on_event(event: str, facts: dict[str, Any]) -> None:
        observe(event, {**facts, "listener": settings.name})
        if event not in QUIET_EVENTS:
            log.info(event, **facts)

    limits = MllpLimits(
        connections=settings.max_connections,
        frame_limit_bytes=settings.frame_limit_bytes,
        frame_time_limit_s=float(settings.frame_timeout_s),
    )
    return MllpListener(
        handle=handle, too_large=lambda start: too_large(start, reception), limits=limits, on_event=on_event
    )


QUIET_EVENTS = frozenset({"connection-opened", "connection-closed"})


async def _bound(listener: MllpListener, host: str, port: int) -> int:
    try:
        return await listener.start(host, port)
    except OSError as fault:
        reason = os.strerror(fault.errno) if fault.errno else "the address cannot be used"
        print(f"MLLP cannot listen on {host}:{port}: {reason}. Choose another --mllp address.", file=sys.stderr)
        raise SystemExit(2) from None


async def _alive_until(stopping: asyncio.Event, alive: Path) -> None:
    """Touch a file as long as the loop turns: `/readyz` of the other process looks at its age."""
    while not stopping.is_set():
        _touch(alive)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), ALIVE_EVERY_S)
    _touch(alive, gone=True)


def _touch(alive: Path, *, gone: bool = False) -> None:
    if gone:
        alive.unlink(missing_ok=True)
        return
    with contextlib.suppress(OSError):  # a full disk must not end the listeners
        alive.write_text(json.dumps({"pid": os.getpid()}), encoding="utf-8")


def _end_at_once(_: StoreBroken) -> None:
    """After a failed sync nothing may be acknowledged: end without any answer and be restarted."""
    structlog.get_logger().critical("store-broken")
    os._exit(EXIT_BROKEN)


if __name__ == "__main__":
    raise SystemExit(main())
