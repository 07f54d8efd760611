"""The core process: HTTP, the engine, deliveries and timers around one state file."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import structlog
from starlette.applications import Starlette

from adapter import __version__
from adapter.app.answering import Answering
from adapter.app.child import announce, heed, opening, own, read_instructions, say, still_works, stop_on
from adapter.app.collecting import leave_out_what_is_loaded
from adapter.app.counters import ALARMS, name_senders
from adapter.app.delivering import Delivering
from adapter.app.destinations import days_on, destinations, settings_hash
from adapter.app.discarding import Discards
from adapter.app.doors import FhirDoor, hl7_door, observe
from adapter.app.dropping import DropFolders
from adapter.app.engine import Engine, EngineParts
from adapter.app.fhir_servers import key_rings
from adapter.app.handing_over import unpacked
from adapter.app.health import Health
from adapter.app.import_door import ImportDoor
from adapter.app.in_use import MappingsInUse
from adapter.app.inboxes import finder, reader
from adapter.app.keeping import GroupKeeper, marked_place
from adapter.app.observing import configure_logging, exposition, share_counters
from adapter.app.orders import Changing, Places
from adapter.app.parts import Loaded, service_parts
from adapter.app.pruning import Pruner
from adapter.app.rebuilding import refuse_lost_inbox, refuse_to_rebuild_with_gaps
from adapter.app.replaying import Replays, read_with
from adapter.app.retrying import Retries
from adapter.app.silence import SilenceWatch, last_heard
from adapter.app.sources import FhirSources
from adapter.app.timers import Timer, start_timers
from adapter.publish.facade import Facade, facade_routes
from adapter.store.faults import CannotKeep, StoreBroken
from adapter.store.owed_answers import FILE, OwedAnswersReader
from adapter.store.sqlite_inbox import SqliteInboxReader
from adapter.store.sqlite_state import SqliteState
from adapter.transport.http_app import build_app
from adapter.transport.http_body import HttpLimits
from adapter.transport.http_health import health_routes
from adapter.transport.http_hooks import HOOKS_PATH, hook_routes
from adapter.transport.http_intake import ReceiveHl7, intake_routes
from adapter.transport.http_jwks import jwks_routes
from adapter.transport.http_server import CannotListen, HttpServer, ServerSettings, ServerTls
from adapter.transport.smart_keys import public_set
from adapter.writeback.codes import code_system

CORE_INBOX = "inbox-core"
TRANSLATING_THREADS = 2
CHECK_BATCH = 500
REPLAYS_EVERY_S = 1.0
STOP_PATIENCE_S = 8.0
POLL_PATIENCE_S = 2.0
EXIT_BROKEN = 70
GIVES_WAY = 5
"""How much nicer than intake core is: where processors are short, senders are answered first."""


def main() -> int:
    """Run the core process until it is told to stop or its parent is gone."""
    os.nice(GIVES_WAY)
    configure_logging("core")
    instructions = read_instructions()
    loaded = unpacked(instructions["loaded"])
    with opening(loaded.settings.store):
        own(loaded.settings.store, "core")
        share_counters("core")
        core = _Core(loaded, instructions)
    return core.run()


def _clock() -> datetime:
    return datetime.now(UTC)


class _Core:
    """Everything core holds open, in the order in which it is opened and closed."""

    def __init__(self, loaded: Loaded, instructions: dict[str, Any]) -> None:
        self._loaded = loaded
        self._instructions = instructions
        self._announced, self._stopping = threading.Event(), threading.Event()
        name_senders(loaded.settings.sender_name)
        store = loaded.settings.store
        refuse_to_rebuild_with_gaps(store)
        self._state = SqliteState(store / "state.db")
        self._keeper = GroupKeeper(store / "inbox-core.db", CORE_INBOX, _end_at_once)
        inboxes = (SqliteInboxReader(store / "inbox.db", "inbox"), self._keeper.inbox)
        refuse_lost_inbox(inboxes, self._state)
        first_on = days_on(self._state, loaded.settings, lambda: _clock().date())
        self._parts = service_parts(loaded, self._state, reader(inboxes), first_on, finder(inboxes))
        for target in loaded.settings.targets:
            self._state.release_when_changed(target.name, settings_hash(target))
        self._in_use = MappingsInUse(loaded.knowledge)
        self._fhir_door = FhirDoor(self._keeper, self._parts, loaded.settings.http.source, self._wake_engine)
        self._sources = FhirSources(
            loaded.settings, self._keeper, self._state, self._parts, self._wake_engine, _end_at_once, _clock
        )
        self._deliveries = [
            Delivering(destination, self._state, _clock) for destination in destinations(loaded.settings)
        ]
        self._answering = [
            Answering(port.name, port.application_answers, OwedAnswersReader(store / FILE), store)
            for port in loaded.settings.mllp
            if port.application_answers
        ]
        self._engine = Engine(
            EngineParts(
                parts=self._parts,
                cursors=self._state,
                inboxes=inboxes,
                clock=_clock,
                after_commit=self._wake_deliveries,
                told=self._sources.told,
                together=self._state.together,
            )
        )
        self._imports = ImportDoor(store, self._keeper, self._unread, self._wake_engine)
        self._replays = Replays(store, read_with(loaded), _clock)
        self._pruner = Pruner(loaded.settings, CORE_INBOX, self._keeper.prune, _clock)
        self._discards = Discards(store, self._state, _clock)
        self._retries = Retries(store, self._state, _clock, self._wake_deliveries)
        self._silence = SilenceWatch(loaded.settings.senders, store, last_heard)
        self._health = Health(loaded.settings, self._state, self._engine, inboxes)

    def run(self) -> int:
        """Open the doors, work until told to stop, close in order."""
        executor = ThreadPoolExecutor(TRANSLATING_THREADS, thread_name_prefix="wording")
        server = HttpServer(self._app(executor), self._server_settings(), each_second=self._still_works)
        try:
            port = server.start()
        except CannotListen as fault:
            print(f"{fault} Choose another --http address.", file=sys.stderr)
            return 2
        stop_on(self._stopping.set)
        leave_out_what_is_loaded()
        self._engine.start()
        drops = self._drop_folders(executor)
        drops.start()
        self._sources.start()
        self._imports.start()
        for sending in self._sending():
            sending.start()
        timers = start_timers(self._timers())
        self._pruner.start()
        announce({"http": f"{self._loaded.settings.http.host}:{port}"})
        self._announced.set()
        heed(self._changing().obey)
        self._stopping.wait()
        server.stop()
        drops.stop(STOP_PATIENCE_S)
        self._imports.stop(POLL_PATIENCE_S)
        self._sources.stop(POLL_PATIENCE_S)
        self._pruner.stop(STOP_PATIENCE_S)
        timers.shutdown(wait=False)
        self._engine.stop(STOP_PATIENCE_S)
        for sending in self._sending():
            sending.stop(STOP_PATIENCE_S)
        executor.shutdown(cancel_futures=True)
        self._keeper.close()
        self._state.close()
        return 0

    def _sending(self) -> list[Answering | Delivering]:
        return [*self._answering, *self._deliveries]

    def _changing(self) -> Changing:
        return Changing(
            self._loaded, self._take, say, hold=self._hold, let_go=self._let_go, facts=self._health.read_with
        )

    def _hold(self, held: Callable[[], None]) -> None:
        """Have the engine begin nothing new; a replay under way is read to its end with what it was asked with."""
        self._replays.pause()
        self._engine.boundary.hold(held)

    def _take(self, loaded: Loaded, until: Places, taken: Callable[[Places], None]) -> None:
        """The doors at once, the engine when it has read what came in before, replays after that."""
        parts = replace(self._parts, knowledge=loaded.knowledge, rulebook=loaded.rulebook)
        ours = {CORE_INBOX: marked_place(self._keeper.mark())}
        self._in_use.take(loaded.knowledge)
        self._fhir_door.take(parts)
        self._sources.take(parts)

        def followed() -> None:
            self._loaded, self._parts = loaded, parts
            self._replays.go_on(read_with(loaded))
            taken(ours)

        self._engine.boundary.take(parts, {**until, **ours}, followed)

    def _let_go(self) -> None:
        self._engine.boundary.go_on()
        self._replays.go_on(read_with(self._loaded))

    def _still_works(self) -> None:
        if self._announced.is_set() and self._engine.alive:
            still_works()

    def _timers(self) -> tuple[Timer, ...]:
        every = self._loaded.settings
        return (
            Timer(name="overdue", every_s=every.overdue_check_s, do=self._check_due),
            Timer(name="delivery-retry", every_s=every.delivery_retry_s, do=self._wake_deliveries),
            Timer(name="replays", every_s=REPLAYS_EVERY_S, do=partial(self._replays.look, self._engine.reread)),
            Timer(name="discards", every_s=REPLAYS_EVERY_S, do=self._do_asked),
            Timer(name="housekeeping", every_s=every.housekeeping_s, do=self._housekeeping),
            *self._sources.timers(),
        )

    def _housekeeping(self) -> None:
        self._health.refresh()
        self._silence.look(_clock())

    def _do_asked(self) -> None:
        try:
            self._discards.look()
            self._retries.look()
        except CannotKeep:
            ALARMS.labels("state-cannot-keep").inc()
            structlog.get_logger().error("cannot-keep", reason="state")
        except StoreBroken as fault:
            _end_at_once(fault)

    def _server_settings(self) -> ServerSettings:
        http = self._loaded.settings.http
        again = self._instructions.get("addresses", {}).get("http")
        tls = None
        if http.tls_certificate and http.tls_key:
            tls = ServerTls(certificate=http.tls_certificate, key=http.tls_key)
        return ServerSettings(host=http.host, port=int(again.rpartition(":")[2]) if again else http.port, tls=tls)

    def _drop_folders(self, executor: ThreadPoolExecutor) -> DropFolders:
        folders = self._loaded.settings.drop_folders
        return DropFolders(folders, self._keeper, self._in_use, self._parts, executor, self._engine.wake)

    def _hl7_door(self, executor: ThreadPoolExecutor) -> ReceiveHl7:
        source = self._loaded.settings.http.source
        return hl7_door(self._keeper, self._in_use, self._parts, source, executor, self._engine.wake)

    def _wake_engine(self) -> None:
        self._engine.wake()

    def _unread(self) -> int:
        return self._keeper.inbox.last_seq() - self._state.cursor(CORE_INBOX)

    def _facade(self) -> Facade:
        return Facade(
            store=self._state,
            find_patients=self._state.named_by,
            version=__version__,
            started_at=_clock(),
            terminology={"CodeSystem/troughline": code_system(self._parts.canonical)},
        )

    def _check_due(self) -> None:
        self._engine.reassess(self._state.checks_due(_clock(), CHECK_BATCH))

    def _wake_deliveries(self) -> None:
        for delivery in self._deliveries:
            delivery.wake()

    def _app(self, executor: ThreadPoolExecutor) -> Starlette:
        settings = self._loaded.settings
        largest = settings.http.body_limit_bytes
        limits = HttpLimits(hl7_limit_bytes=largest, bundle_limit_bytes=largest)
        hooks = self._sources.hooks
        routes = [
            *intake_routes(receive_hl7=self._hl7_door(executor), receive_fhir=self._fhir_door.receive, limits=limits),
            *hook_routes(hooks.doors, receive=hooks.receive, refused=hooks.refused, limits=limits),
            *health_routes(ready=self._health.ready, metrics=exposition),
            *jwks_routes(partial(public_set, key_rings(settings))),
            *facade_routes(self._facade()),
        ]
        own_keys = HOOKS_PATH if hooks.doors else None
        return build_app(routes, token=settings.http.token(), on_event=observe, own_keys=own_keys)


def _end_at_once(_: StoreBroken) -> None:
    """After a failed sync nothing may be acknowledged: end without any answer and be restarted."""
    structlog.get_logger().critical("store-broken")
    os._exit(EXIT_BROKEN)


if __name__ == "__main__":
    raise SystemExit(main())
