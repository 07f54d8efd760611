"""The connections to one FHIR server: how long they may take, whom they trust, and what they show."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any, cast

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import HTTPConnectionPool, Timeout

from adapter.transport.tls_client import client_tls

FHIR_JSON = "application/fhir+json"
HOSTS = 2
"""The FHIR server and its token server."""
Stamp = tuple[tuple[int, int, int], ...]
TlsTold = Callable[[str | None], None]
"""Replaced files were taken (None), or why they cannot be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long one request to a FHIR server may take, in seconds."""

    connect_s: float = 5.0
    read_s: float = 30.0
    """The longest silence."""
    whole_s: float = 120.0
    """From sending to the last byte, so that a trickle ends too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientTls:
    """PEM files towards the server: whom to trust, and who we are."""

    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def stamp(self) -> Stamp:
        """Changes whenever one of the files is replaced or written; raises OSError when one is gone."""
        files = [file for file in (self.authority, self.certificate, self.key) if file]
        return tuple((stat.st_mtime_ns, stat.st_size, stat.st_ino) for stat in (file.stat() for file in files))


def open_session(
    timeouts: Timeouts, tls: ClientTls, connections: int, told: TlsTold = lambda _: None
) -> requests.Session:
    """A session without proxies, .netrc and cookies; raises OSError (ssl.SSLError is one) for files it cannot use."""
    session = requests.Session()
    session.trust_env = False  # also a third faster
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.clear()
    session.headers.update({"Accept": FHIR_JSON, "Accept-Encoding": "identity", "User-Agent": "troughline"})
    session.mount("http://", TimedAdapter(timeouts, connections))
    session.mount("https://", SecureAdapter(timeouts, connections, tls, told))
    return session


class TimedAdapter(HTTPAdapter):
    """Gives every request of the session its (connect, read) timeout, which `requests` cannot do itself.

    It knows no proxies, so that the connections of a server are looked up once and not for every request.
    """

    def __init__(self, timeouts: Timeouts, connections: int) -> None:
        self._timeout = Timeout(connect=timeouts.connect_s, read=timeouts.read_s)
        self._connections = connections
        self._pools: dict[str, HTTPConnectionPool] = {}
        super().__init__(pool_connections=HOSTS, pool_maxsize=connections, max_retries=0)

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: FBT001, FBT002
        timeout: object = None,  # noqa: ARG002 - always ours
        verify: bool | str = True,  # noqa: FBT001, FBT002
        cert: Any = None,  # noqa: ANN401
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """The answer to one request, within our time."""
        return super().send(request, stream=stream, timeout=self._timeout, verify=verify, cert=cert, proxies=proxies)  # type: ignore[arg-type]

    def init_poolmanager(self, *places: Any, **options: Any) -> None:  # noqa: ANN401 - as the library has it
        """Connections from now on."""
        self._pools = {}
        super().init_poolmanager(*places, **options)

    def get_connection_with_tls_context(
        self,
        request: requests.PreparedRequest,
        verify: Any,  # noqa: ANN401
        proxies: Any = None,  # noqa: ANN401, ARG002 - there are none
        cert: Any = None,  # noqa: ANN401
    ) -> HTTPConnectionPool:
        """The connections of the server of a request."""
        origin, _ = _split(request)
        pool = self._pools.get(origin)
        if pool is None or pool.pool is None:  # closed
            if len(self._pools) >= HOSTS:
                self._pools = {}
            pool = cast("HTTPConnectionPool", super().get_connection_with_tls_context(request, verify, cert=cert))
            self._pools[origin] = pool
        return pool

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:  # noqa: ANN401, ARG002
        """The address without its server."""
        return _split(request)[1].partition("#")[0]

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:  # noqa: ANN401
        """The answer, without a guess at its letters or a look for cookies."""
        response = requests.Response()
        response.status_code = resp.status
        response.headers = CaseInsensitiveDict(resp.headers)
        response.raw = resp
        response.url = str(req.url)
        response.request = req
        return response


class SecureAdapter(TimedAdapter):
    """Secures new connections with the files as they are; a request under way keeps what it began with."""

    def __init__(self, timeouts: Timeouts, connections: int, tls: ClientTls, told: TlsTold) -> None:
        self._tls = tls
        self._told = told
        self._reading = threading.Lock()
        self._stamp = tls.stamp()
        # The authorities of a system are many: without files of ours they are read when they are needed.
        self._context = _context(tls) if self._stamp else None
        self._failing: str | None = None
        super().__init__(timeouts, connections)

    def init_poolmanager(self, *places: Any, **options: Any) -> None:  # noqa: ANN401 - as the library has it
        """Connections of our context only."""
        super().init_poolmanager(*places, **options, ssl_context=self._context)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:  # noqa: ANN401
        """The context decides whom to trust; the library would add its own authorities to it."""

    def send(self, *places: Any, **options: Any) -> requests.Response:  # noqa: ANN401
        """Look at the files first."""
        self._renew()
        return super().send(*places, **options)

    def _renew(self) -> None:
        with self._reading:
            try:
                stamp = self._tls.stamp()
                if stamp == self._stamp and self._context is not None:
                    return
                self._context = _context(self._tls)
            except OSError as fault:
                self._tell(_words(fault))
                return
            replaced, self._stamp = stamp != self._stamp, stamp
            # Idle connections were made with the old files; those in use end with their request.
            self.poolmanager.clear()
            self.init_poolmanager(HOSTS, self._connections, block=False)
            if replaced:
                self._tell(None)

    def _tell(self, reason: str | None) -> None:
        """A reason once, until it is another."""
        if reason is None or reason != self._failing:
            self._told(reason)
        self._failing = reason


def _split(request: requests.PreparedRequest) -> tuple[str, str]:
    """Server and path of an address that is ready for the wire: a path is always there."""
    url = str(request.url)
    end = url.index("/", url.index("//") + 2)
    return url[:end], url[end:]


def _context(tls: ClientTls) -> ssl.SSLContext:
    return client_tls(ca=tls.authority or _authorities(), certificate=tls.certificate, key=tls.key).context


def _authorities() -> Path | None:
    """The list the HTTP library brings along, on a machine that has none of its own."""
    paths = ssl.get_default_verify_paths()
    if paths.cafile or (paths.capath and any(Path(paths.capath).iterdir())):
        return None
    return Path(DEFAULT_CA_BUNDLE_PATH)


def _words(fault: OSError) -> str:
    if isinstance(fault, ssl.SSLError):
        return (fault.reason or "no PEM file").replace("_", " ").lower()
    return fault.strerror or "cannot be read"
