"""The intake process: MLLP listeners around one inbox file; it never interprets and never waits for FHIR."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from adapter.app.child import announce, heed, opening, own, read_instructions, say, still_works, stop_on
from adapter.app.collecting import leave_out_what_is_loaded
from adapter.app.handing_over import unpacked
from adapter.app.in_use import MappingsInUse
from adapter.app.keeping import GroupKeeper, marked_place
from adapter.app.observing import configure_logging, share_counters
from adapter.app.orders import Changing, Places
from adapter.app.parts import Loaded
from adapter.settings.tls import tls_files
from adapter.store.faults import StoreBroken
from adapter.store.owed_answers import FILE, OwedAnswers
from adapter.store.torn_frames import TornFrames
from adapter.transport.mllp import MllpListener
from adapter.transport.tls_server import ServerTls

TRANSLATING_THREADS = 2
ALIVE_FILE = "intake.alive"
ALIVE_EVERY_S = 1.0
STOP_GRACE_S = 10.0
EXIT_BROKEN = 70
INBOX = "inbox"
TORN = "torn"


def main() -> int:
    """Run the intake process until it is told to stop or its parent is gone."""
    configure_logging("intake")
    instructions = read_instructions()
    loaded = unpacked(instructions["loaded"])
    with opening(loaded.settings.store):
        own(loaded.settings.store, "intake")
        share_counters("intake")
    with contextlib.suppress(ImportError):
        import uvloop

        return uvloop.run(_run(loaded, instructions))
    return asyncio.run(_run(loaded, instructions))


async def _run(loaded: Loaded, instructions: dict[str, Any]) -> int:
    from adapter.app.certificates import CertificateWatch
    from adapter.app.counters import name_senders
    from adapter.app.gathered_counts import GatheredCounts
    from adapter.app.listening import listener, reception
    from adapter.app.pruning import Pruner

    name_senders(loaded.settings.sender_name)
    store = loaded.settings.store
    with opening(store):
        keeper = GroupKeeper(store / "inbox.db", INBOX, _end_at_once)
        torn = TornFrames(store / TORN)
        owed = _owed_answers(loaded)
    prune_answers = owed.prune if owed else None
    pruner = Pruner(loaded.settings, INBOX, keeper.prune, lambda: datetime.now(UTC), write_answers=prune_answers)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    counts = GatheredCounts(loop)
    in_use = MappingsInUse(loaded.knowledge)
    listeners: list[MllpListener] = []
    tls: dict[str, ServerTls] = {}
    with ThreadPoolExecutor(TRANSLATING_THREADS, thread_name_prefix="wording") as executor:
        ports: dict[str, str] = {}
        for settings in loaded.settings.mllp:
            secured = ServerTls(tls_files(settings.tls)) if settings.tls else None
            if secured:
                tls[settings.name] = secured
            received = reception(loaded.settings, in_use, settings, keeper, executor, counts)
            one = listener(settings, received, counts, torn, secured, owed)
            address = instructions.get("addresses", {}).get("listeners", {}).get(settings.name)
            port = int(address.rpartition(":")[2]) if address else settings.port
            ports[settings.name] = f"{settings.host}:{await _bound(one, settings.host, port)}"
            listeners.append(one)

        def stop() -> None:
            loop.call_soon_threadsafe(stopping.set)

        stop_on(stop)
        announce({"mllp": next(iter(ports.values()), None), "listeners": ports})
        heed(Changing(loaded, partial(_take, in_use, keeper, loop), say).obey)
        watching = loop.create_task(CertificateWatch(tls).run())
        pruner.start()
        leave_out_what_is_loaded()
        await _alive_until(stopping, store / ALIVE_FILE)
        watching.cancel()
        await asyncio.gather(*(listener.stop(STOP_GRACE_S) for listener in listeners))
        counts.tell()
        await loop.run_in_executor(None, pruner.stop, STOP_GRACE_S)
        await loop.run_in_executor(None, keeper.close)
        if owed:
            await loop.run_in_executor(None, owed.close)
    return 0


def _take(
    in_use: MappingsInUse,
    keeper: GroupKeeper,
    loop: asyncio.AbstractEventLoop,
    loaded: Loaded,
    _: Places,
    taken: Callable[[Places], None],
) -> None:
    """Between two turns of the loop: no message is being judged while the tables change, and none by the old after."""
    marked: Future[Future[int]] = Future()

    def take() -> None:
        marked.set_result(keeper.mark())
        in_use.take(loaded.knowledge)

    loop.call_soon_threadsafe(take)
    taken({INBOX: marked_place(marked.result())})


def _owed_answers(loaded: Loaded) -> OwedAnswers | None:
    """The file of answers that go to another address, where one is configured."""
    from adapter.app.counters import ALARMS

    if not any(settings.application_answers for settings in loaded.settings.mllp):
        return None
    lost = ALARMS.labels("application-answer-lost").inc
    return OwedAnswers(loaded.settings.store / FILE, on_lost=lost, on_broken=_end_at_once)


async def _bound(listener: MllpListener, host: str, port: int) -> int:
    try:
        return await listener.start(host, port)
    except OSError as fault:
        reason = os.strerror(fault.errno) if fault.errno else "the address cannot be used"
        print(f"MLLP cannot listen on {host}:{port}: {reason}. Choose another --mllp address.", file=sys.stderr)
        raise SystemExit(2) from None


async def _alive_until(stopping: asyncio.Event, alive: Path) -> None:
    """As long as the loop turns, tell the parent and touch a file: `/readyz` of the other process looks at its age."""
    while not stopping.is_set():
        still_works()
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
