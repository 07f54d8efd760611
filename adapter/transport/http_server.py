"""The HTTP server: uvicorn on a socket of ours, in a thread with its own event loop."""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

TICKS_PER_SECOND = 10


class CannotListen(Exception):  # noqa: N818 - named by what happened
    """The HTTP server cannot start; the text is one sentence for a person."""


class PortInUse(CannotListen):
    """Another program holds the port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTls:
    """PEM files of the server; with `client_ca` every client must show a certificate of that authority."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """Where the server listens and how patient it is; port 0 takes any free port."""

    host: str = "127.0.0.1"
    port: int = 8080
    tls: ServerTls | None = None
    connections: int = 256
    keep_alive_s: int = 75
    stop_grace_s: int = 2
    start_timeout_s: float = 10.0


def _nothing() -> None:
    """Nobody asks whether the loop turns."""


class _Turning(uvicorn.Server):
    """Tells each second that its loop turns; uvicorn's own way of telling stops when the clock is set back."""

    def __init__(self, configuration: uvicorn.Config, each_second: Callable[[], None]) -> None:
        super().__init__(configuration)
        self._each_second = each_second

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second."""
        if counter % TICKS_PER_SECOND == 0:
            self._each_second()
        return await super().on_tick(counter)


class HttpServer:
    """Serves one ASGI application until it is stopped; `each_second` is called by its loop as long as that turns."""

    def __init__(self, app: ASGIApp, settings: ServerSettings, *, each_second: Callable[[], None] = _nothing) -> None:
        self._app = app
        self._settings = settings
        self._each_second = each_second
        self._server: uvicorn.Server | None = None
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> int:
        """Binds, serves, and gives the bound port.

        Raises:
            PortInUse: another program holds the port.
            CannotListen: the address, the certificate or the event loop cannot be used.
        """
        server = _Turning(_configuration(self._app, self._settings), self._each_second)
        listening = _bind(self._settings.host, self._settings.port)
        thread = threading.Thread(target=server.run, args=([listening],), name="http", daemon=True)
        self._server, self._socket, self._thread = server, listening, thread
        thread.start()
        self._await_start(server, thread)
        return int(listening.getsockname()[1])

    def stop(self) -> None:
        """Accepts nothing more, lets answers in progress finish within the grace, frees the port."""
        if self._server is None or self._thread is None or self._socket is None:
            return
        self._server.should_exit = True
        self._thread.join(self._settings.stop_grace_s)
        self._server.force_exit = True
        self._thread.join(self._settings.stop_grace_s)
        self._socket.close()
        self._server = self._thread = self._socket = None

    @property
    def alive(self) -> bool:
        """True while the server's thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def _await_start(self, server: uvicorn.Server, thread: threading.Thread) -> None:
        deadline = time.monotonic() + self._settings.start_timeout_s
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                self.stop()
                raise CannotListen("The HTTP server did not start.")
            time.sleep(0.002)


def _configuration(app: ASGIApp, settings: ServerSettings) -> uvicorn.Config:
    tls = settings.tls
    configuration = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,  # a search URL holds patient identifiers
        log_level="error",
        lifespan="off",
        http="h11",
        ws="none",
        server_header=False,
        proxy_headers=False,
        limit_concurrency=settings.connections,
        timeout_keep_alive=settings.keep_alive_s,
        timeout_graceful_shutdown=settings.stop_grace_s,
        ssl_certfile=tls.certificate if tls else None,
        ssl_keyfile=tls.key if tls else None,
        ssl_ca_certs=str(tls.client_ca) if tls and tls.client_ca else None,
        ssl_cert_reqs=2 if tls and tls.client_ca else 0,
    )
    try:
        configuration.load()
    except OSError:  # ssl.SSLError is one
        raise CannotListen("The TLS certificate or key of the HTTP server cannot be read.") from None
    return configuration


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
    except OSError:
        raise CannotListen(f"The address {host} cannot be used for HTTP.") from None
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(1024)
    except OSError as fault:
        listening.close()
        raise _cannot_bind(host, port, fault) from None
    return listening


def _cannot_bind(host: str, port: int, fault: OSError) -> CannotListen:
    if fault.errno == errno.EADDRINUSE:
        return PortInUse(f"Port {port} on {host} is in use by another program.")
    name = errno.errorcode.get(fault.errno or 0, "unknown reason")
    return CannotListen(f"Port {port} on {host} cannot be opened for HTTP ({name}).")
