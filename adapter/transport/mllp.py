"""The MLLP listener: one answer per frame, in order, and never more read than can be answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from adapter.transport.cannot_store import CannotStore
from adapter.transport.mllp_connection import Connection
from adapter.transport.mllp_handlers import Coming, Followed, Handle, MllpHandlers, Notify, nobody_asks
from adapter.transport.mllp_limits import MllpLimits
from adapter.transport.mllp_opened import Opened
from adapter.transport.mllp_secure import Handshakes, SecureConnection
from adapter.transport.tls_server import ServerTls

__all__ = ["CannotStore", "Followed", "MllpLimits", "MllpListener"]


class MllpListener:
    """Listens on one port; hands every message to `handle` and writes back what it answers.

    `handle(message, peer)` gives the answer's bytes, or two answers one after the other (`Followed`), None to answer
    nothing, or raises CannotStore to have the
    connection closed without an answer. `too_large(header)` words the answer to an oversized frame.
    `on_event(name, fields)` tells what happened on the wire and never holds content; `on_torn(fragment, peer)`
    receives a frame that never ended, for the archive. `at_once(message)` may give the answer without waiting, and is
    asked first when nothing of the connection is in hand. `on_answered(seconds)` tells how long each answered message
    waited, from its last byte. With `tls` every connection is secured first; what the
    object reloads holds for the connections opened after it. `commits` speaks MLLP release 2: a block 0x06 once a
    frame was handled, 0x15 when it could not be kept. Nothing is medicine here.
    """

    def __init__(
        self,
        *,
        handle: Handle,
        too_large: Callable[[bytes], bytes | None],
        limits: MllpLimits,
        on_event: Notify,
        on_torn: Callable[[bytes, str], None] | None = None,
        at_once: Callable[[bytes], bytes | Coming | None] | None = None,
        on_answered: Callable[[float], None] = nobody_asks,
        tls: ServerTls | None = None,
        commits: bool = False,
    ) -> None:
        self._handlers = MllpHandlers(
            handle=handle,
            too_large=too_large,
            on_event=on_event,
            on_torn=on_torn,
            at_once=at_once,
            on_answered=on_answered,
            commits=commits,
        )
        self._limits = limits
        self._opened = Opened()
        self._live = self._opened.live
        self._handshakes = (
            Handshakes(tls=tls, limits=limits, on_event=on_event, open_connections=self._live) if tls else None
        )
        self._server: asyncio.Server | None = None

    @property
    def connections(self) -> int:
        """Connections open now."""
        return len(self._live)

    async def start(self, host: str, port: int) -> int:
        """Bind and accept; gives the bound port (`port` 0 takes a free one). Raises OSError when it is taken."""
        self._server = await asyncio.get_running_loop().create_server(
            self._accepted,
            host,
            port,
            reuse_address=True,
            backlog=self._limits.backlog,
        )
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def stop(self, grace_s: float) -> None:
        """Stop accepting, finish and answer the frames in hand for at most `grace_s`, close."""
        if self._server:
            self._server.close()
            self._server = None
        for waiting in tuple(self._handshakes.waiting) if self._handshakes else ():
            waiting.abort()
        connections = tuple(self._live)
        for connection in connections:
            connection.stop()
        if not connections:
            return
        endings = [asyncio.ensure_future(connection.finished()) for connection in connections]
        _, late = await asyncio.wait(endings, timeout=grace_s)
        if late:
            self._handlers.on_event("stopped-before-answer", {"connections": len(late)})
        for connection in connections:
            connection.abort()
        await asyncio.gather(*endings)

    def _accepted(self) -> Connection | SecureConnection:
        plain = Connection(self._handlers, self._limits, self._opened)
        return SecureConnection(plain, self._handshakes) if self._handshakes else plain
