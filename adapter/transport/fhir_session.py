"""One `requests` session to one FHIR server: bounded answers, no redirects, no surprises, and who we are."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import requests
import urllib3

from adapter import fhir
from adapter.transport.fhir_auth import Auth, Authorizer, ReadAgain, Shown, SmartAuth, nothing_new
from adapter.transport.fhir_failures import Reply, Transient, Unauthorized, failure_of, foreign, later
from adapter.transport.fhir_request import FhirRequests
from adapter.transport.fhir_unreached import failure_on_the_way
from adapter.transport.fhir_wire import FHIR_JSON, ClientTls, Timeouts, open_session
from adapter.transport.smart_token import Token, TokenSource

__all__ = ["FHIR_JSON", "FhirSession", "Observe", "unobserved"]

CHUNK_BYTES = 64 * 1024
WAITS = frozenset({429, 503})
"""What a server that asks for a pause says; it means all of its requests, not the one it answers."""
Observe = Callable[[str, Mapping[str, str]], None]
"""(what happened, facts without patient values and secrets): not-authorized, authorized, certificates-..."""

# Below this level urllib3 prints URLs, and a search URL holds a patient identifier.
logging.getLogger("urllib3").setLevel(logging.ERROR)


def unobserved(event: str, facts: Mapping[str, str]) -> None:
    """Nobody asks."""


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
        observe: Observe = unobserved,
        again: ReadAgain = nothing_new,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._timeouts = timeouts
        self._answer_limit_bytes = answer_limit_bytes
        self._clock = clock
        self._observe = observe
        self._session = open_session(timeouts, tls, connections, self._tls_told)
        self._requests = FhirRequests(self._session, self.base_url)
        self._tokens: TokenSource | None = None
        self._authorizer: Authorizer
        if isinstance(auth, SmartAuth):
            self._authorizer = self._tokens = TokenSource(auth, self.base_url, self._asked, clock=clock)
        else:
            self._authorizer = Shown(auth, again)
        self._told: str | None = None
        self._asked_to_wait: tuple[Transient, float] | None = None

    def send(
        self, method: str, path: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """The successful answer to one request; `path` is relative to the base URL and already encoded.

        Raises:
            Transient, Ambiguous, Permanent: by the table of `fhir_failures`, never with content in the text.
        """
        self._wait_as_asked()
        writing = method not in {"GET", "HEAD"}
        try:
            reply = self._authorized(method, self.base_url + path, body, headers or {}, writing=writing)
            if reply.status != 401:
                self._authorizer.accepted()
                self._tell(None)
            failure = failure_of(reply, now=self._clock(), writing=writing)
            if isinstance(failure, Unauthorized):
                raise self._authorizer.pause(failure)
            if failure is not None:
                raise failure
        except Unauthorized as refusal:
            self._tell(refusal)
            raise
        except Transient as failure:
            self._remember_wait(failure)
            raise
        return reply

    def authorize(self) -> Token | None:
        """The access token of now, None where the credentials need none; raises Transient, Unauthorized."""
        return self._tokens.token() if self._tokens else None

    def close(self) -> None:
        """Ends all kept connections."""
        self._session.close()

    def _authorized(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], *, writing: bool
    ) -> Reply:
        """The answer to one request with who we are; after a 401 once more, when there is another way to say it."""
        header = self._authorizer.header()
        reply = self._exchange(method, url, body, _with(headers, header), writing=writing)
        if reply.status != 401 or not self._authorizer.refused(header):
            return reply
        # A 401 means that nothing was done: sending it again is safe, whatever it is.
        header = self._authorizer.header()
        return self._exchange(method, url, body, _with(headers, header), writing=writing)

    def _asked(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        """What the token server says; asking it changes nothing."""
        return self._exchange(method, url, body, headers, writing=False)

    def _exchange(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], *, writing: bool
    ) -> Reply:
        deadline = time.monotonic() + self._timeouts.whole_s
        try:
            request = self._requests.ready(method, url, body, headers)
            with self._session.get_adapter(url).send(request, stream=True) as response:
                raw = self._read(response, deadline, writing=writing)
                return _reply(response, raw)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as fault:
            raise failure_on_the_way(fault, writing=writing) from None  # its text holds the URL

    def _read(self, response: requests.Response, deadline: float, *, writing: bool) -> bytes:
        # read1 returns what is there: a trickle cannot hold us in one read past the deadline.
        raw = bytearray()
        while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
            raw += chunk
            if len(raw) > self._answer_limit_bytes:
                raise foreign("the answer is larger than accepted", status=response.status_code, writing=writing)
            if time.monotonic() > deadline:
                raise foreign("the answer did not end in time", status=response.status_code, writing=writing)
        return bytes(raw)

    def _wait_as_asked(self) -> None:
        """Send nothing before the time a server has asked for."""
        asked = self._asked_to_wait
        if asked is None:
            return
        failure, until = asked
        wait_s = until - time.monotonic()
        if wait_s > 0:
            raise later(failure, wait_s)
        self._asked_to_wait = None

    def _remember_wait(self, failure: Transient) -> None:
        if failure.status in WAITS and failure.retry_after_s:
            self._asked_to_wait = (failure, time.monotonic() + failure.retry_after_s)

    def _tell(self, refusal: Unauthorized | None) -> None:
        """Say that we are not let in when we were before, and why when the reason is another; and the end of it."""
        reason = str(refusal) if refusal else None
        if reason == self._told:
            return
        self._told = reason
        if refusal:
            self._observe("not-authorized", {"reason": str(refusal)})
        else:
            self._observe("authorized", {})

    def _tls_told(self, reason: str | None) -> None:
        if reason is None:
            self._observe("certificates-reloaded", {})
        else:
            self._observe("certificates-not-reloaded", {"reason": reason})


def _with(headers: Mapping[str, str], authorization: str | None) -> dict[str, str]:
    return dict(headers) if authorization is None else {**headers, "Authorization": authorization}


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
