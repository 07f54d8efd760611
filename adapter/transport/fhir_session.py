"""One `requests` session to one FHIR server: timeouts, bounded answers, no redirects, no cookies, no surprises."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any, assert_never

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase, HTTPBasicAuth

from adapter import fhir
from adapter.transport.fhir_failures import FhirFailure, Permanent, Reply, Transient, failure_of, unsure

FHIR_JSON = "application/fhir+json"
CHUNK_BYTES = 64 * 1024

# Below this level urllib3 prints URLs, and a search URL holds a patient identifier.
logging.getLogger("urllib3").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long one request to a FHIR server may take, in seconds."""

    connect_s: float = 5.0
    read_s: float = 30.0
    """The longest silence."""
    whole_s: float = 120.0
    """From sending to the last byte, so that a trickle ends too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAuth:
    """The server asks for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BasicAuth:
    """User and password (RFC 7617)."""

    user: str
    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BearerAuth:
    """A static bearer token (RFC 6750)."""

    token: str


Auth = NoAuth | BasicAuth | BearerAuth


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientTls:
    """PEM files towards the server: whom to trust, and who we are."""

    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


class FhirSession:
    """Sends one request after another over kept connections; safe to share between delivery threads."""

    def __init__(
        self,
        base_url: str,
        *,
        auth: Auth,
        timeouts: Timeouts,
        tls: ClientTls,
        connections: int,
        answer_limit_bytes: int,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._timeouts = timeouts
        self._answer_limit_bytes = answer_limit_bytes
        self._clock = clock
        self._session = _open_session(auth, timeouts, tls, connections)

    def send(
        self, method: str, path: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """The successful answer to one request; `path` is relative to the base URL and already encoded.

        Raises:
            Transient, Ambiguous, Permanent: by the table of `fhir_failures`, never with content in the text.
        """
        writing = method not in {"GET", "HEAD"}
        reply = self._exchange(method, self.base_url + path, body, headers or {}, writing=writing)
        failure = failure_of(reply, now=self._clock(), writing=writing)
        if failure is not None:
            raise failure
        return reply

    def close(self) -> None:
        """Ends all kept connections."""
        self._session.close()

    def _exchange(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], *, writing: bool
    ) -> Reply:
        deadline = time.monotonic() + self._timeouts.whole_s
        try:
            with self._session.request(
                method, url, data=body, headers=dict(headers), stream=True, allow_redirects=False
            ) as response:
                raw = self._read(response, deadline, writing=writing)
                return _reply(response, raw)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as fault:
            raise _failure_on_the_way(fault, writing=writing) from None  # its text holds the URL

    def _read(self, response: requests.Response, deadline: float, *, writing: bool) -> bytes:
        # read1 returns what is there: a trickle cannot hold us in one read past the deadline.
        raw = bytearray()
        while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
            raw += chunk
            if len(raw) > self._answer_limit_bytes:
                raise unsure("the answer is larger than accepted", status=response.status_code, writing=writing)
            if time.monotonic() > deadline:
                raise unsure("the answer did not end in time", status=response.status_code, writing=writing)
        return bytes(raw)


class _TimedAdapter(HTTPAdapter):
    """Gives every request of the session its (connect, read) timeout, which `requests` cannot do itself."""

    def __init__(self, timeouts: Timeouts, connections: int) -> None:
        self._timeouts = timeouts
        super().__init__(pool_connections=1, pool_maxsize=connections, max_retries=0)

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: FBT001, FBT002
        timeout: object = None,  # noqa: ARG002 - always ours
        verify: bool | str = True,  # noqa: FBT001, FBT002
        cert: Any = None,  # noqa: ANN401
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        ours = (self._timeouts.connect_s, self._timeouts.read_s)
        return super().send(request, stream=stream, timeout=ours, verify=verify, cert=cert, proxies=proxies)


class _Bearer(AuthBase):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _open_session(auth: Auth, timeouts: Timeouts, tls: ClientTls, connections: int) -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # no proxies, no .netrc; also a third faster
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.clear()
    session.headers.update({"Accept": FHIR_JSON, "Accept-Encoding": "identity", "User-Agent": "troughline"})
    session.auth = _auth(auth)
    session.verify = str(tls.authority) if tls.authority else True
    session.cert = (str(tls.certificate), str(tls.key)) if tls.certificate and tls.key else None
    timed = _TimedAdapter(timeouts, connections)
    session.mount("http://", timed)
    session.mount("https://", timed)
    return session


def _auth(auth: Auth) -> AuthBase | None:
    match auth:
        case NoAuth():
            return None
        case BasicAuth():
            return HTTPBasicAuth(auth.user.encode(), auth.password.encode())
        case BearerAuth():
            return _Bearer(auth.token)
        case _:
            assert_never(auth)


def _reply(response: requests.Response, raw: bytes) -> Reply:
    return Reply(
        status=response.status_code,
        headers=response.headers,
        body=_json_object(raw),
        empty=not raw.strip(),
    )


def _json_object(raw: bytes) -> dict[str, Any] | None:
    try:
        parsed = fhir.loads(raw)
    except fhir.UnreadableJsonError:
        return None
    return parsed if isinstance(parsed, dict) else None


def _failure_on_the_way(fault: Exception, *, writing: bool) -> FhirFailure:
    match fault:
        case (
            requests.exceptions.InvalidURL() | requests.exceptions.MissingSchema() | requests.exceptions.InvalidSchema()
        ):
            return Permanent(0, "the base URL of the FHIR server is not a URL")
        case requests.exceptions.SSLError():
            return Transient("the TLS connection was refused")
        case requests.exceptions.ConnectTimeout():
            return Transient("the server did not accept the connection in time")
        case requests.exceptions.ReadTimeout() | urllib3.exceptions.ReadTimeoutError():
            return unsure("the server did not answer in time", writing=writing)
        case requests.exceptions.ConnectionError() if _never_connected(fault):
            return Transient("the server cannot be reached")
        case _:
            return unsure("the connection broke before the answer was complete", writing=writing)


def _never_connected(fault: Exception) -> bool:
    """True when no byte was sent: refused, unknown name, no route."""
    return "NewConnectionError" in repr(fault) or "NameResolutionError" in repr(fault)
