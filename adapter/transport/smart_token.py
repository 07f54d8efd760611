"""Access tokens of SMART Backend Services: asked for with a signed assertion, kept until shortly before their end.

https://hl7.org/fhir/smart-app-launch/backend-services.html
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlencode
from uuid import uuid4

from adapter.transport.fhir_auth import SmartAuth
from adapter.transport.fhir_failures import (
    FhirFailure,
    Reply,
    Transient,
    Unauthorized,
    passing,
    retry_after_s,
    told_at,
)
from adapter.transport.oauth_refusals import description, error_code, refusal_words
from adapter.transport.pauses import Pauses
from adapter.transport.smart_endpoint import TokenEndpoint, endpoint_of
from adapter.transport.smart_keys import signed
from adapter.transport.smart_scopes import as_version_1, not_granted

ASSERTION_LIFE = timedelta(minutes=4)
"""The standard allows five; the rest is for a server whose clock is behind ours."""
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
USED_PART = 0.8
"""Of its life a token is used so much; what is left is for asking again while it still holds."""
LIFE_UNTOLD_S = 60.0
LONGEST_LIFE_S = 86_400.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 60.0
"""A token server is not to be hammered, nor our client locked by it."""
ENDPOINT_KEPT_S = 3600.0
CLOCK_OFF = timedelta(seconds=30)
OF_THE_CLOCK = frozenset({"invalid_client", "invalid_grant", "invalid_request"})
"""What servers answer when an assertion seems to have ended, or to live too long."""
_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")


class Ask(Protocol):
    """Sends one request anywhere and gives the answer, whatever its status; raises FhirFailure for none."""

    def __call__(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        """The whole answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One access token; times are those of the monotonic clock."""

    value: str = field(repr=False)
    life_s: float
    renew_at: float
    ends_at: float
    endpoint: str
    not_granted: tuple[str, ...] = ()
    """Scopes that were asked for and not given."""


class TokenSource:
    """Has a token of one server at hand; safe to share between threads, of which one at a time asks for a new one."""

    def __init__(
        self,
        auth: SmartAuth,
        base_url: str,
        ask: Ask,
        *,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._auth = auth
        self._base_url = base_url
        self._ask = ask
        self._clock = clock
        self._monotonic = monotonic
        self._renewing = threading.Lock()
        self._token: Token | None = None
        self._endpoint: tuple[TokenEndpoint, float] | None = None
        self._ahead = timedelta(0)
        self._pauses = Pauses(first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S, monotonic=monotonic)

    def header(self) -> str:
        """The value of Authorization; raises Transient when there is no token to be had, Unauthorized if by refusal."""
        return f"Bearer {self.token().value}"

    def refused(self, header: str | None) -> bool:
        """Forget the token of this value, unless another thread has done so; another one can be asked for."""
        with self._renewing:
            if self._token is not None and header == f"Bearer {self._token.value}":
                self._token = None
        return True

    def accepted(self) -> None:
        """A token has proved good: the next failure begins with a short pause again."""
        self._pauses.went_well()

    def pause(self, failure: Transient) -> Transient:
        """A token issued a moment ago is refused too: the next one is asked for after a pause only."""
        with self._renewing:
            self._token = None
            fresh = f"{failure.reason} to an access token issued a moment ago"
            return self._pauses.begin(Unauthorized(fresh, status=failure.status, advice=REFUSED_FRESH))

    def token(self) -> Token:
        """The token of now, renewed when it is near its end; the old one as long as it holds and no new one comes."""
        current, now = self._token, self._monotonic()
        if current is not None and now < current.renew_at:
            return current
        holds = current is not None and now < current.ends_at
        if not self._renewing.acquire(blocking=not holds) and current is not None:
            return current  # another thread is asking
        try:
            return self._renewed(current)
        except Transient:
            if holds and current is not None:
                return current
            raise
        finally:
            self._renewing.release()

    def _renewed(self, before: Token | None) -> Token:
        if self._token is not None and self._token is not before:
            return self._token  # another thread has asked while this one waited
        self._pauses.check()
        try:
            self._token = self._fetched()
        except Transient as failure:
            self._endpoint = None  # it may have moved
            raise self._pauses.begin(failure) from None
        self._pauses.end()
        return self._token

    def _fetched(self) -> Token:
        endpoint = self._endpoint_of_now()
        scopes = self._auth.scopes
        if endpoint.version_1 and not self._auth.as_written:
            scopes = as_version_1(scopes)
        began = self._monotonic()
        reply = self._posted(endpoint.url, scopes)
        ahead = self._told_ahead(reply)
        if error_code(reply.body) in OF_THE_CLOCK and abs(ahead - self._ahead) > CLOCK_OFF:
            self._ahead = ahead  # by the server's own clock, once
            began = self._monotonic()
            reply = self._posted(endpoint.url, scopes)
        if reply.status != 200:
            raise self._refusal(reply)
        return _token(reply, endpoint.url, scopes, began)

    def _posted(self, url: str, scopes: tuple[str, ...]) -> Reply:
        claims = {
            "iss": self._auth.client_id,
            "sub": self._auth.client_id,
            "aud": url,
            "exp": int((self._clock() + self._ahead + ASSERTION_LIFE).timestamp()),
            "jti": str(uuid4()),
        }
        form = {
            "grant_type": "client_credentials",
            "scope": " ".join(scopes),
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": signed(claims, self._auth.keys.current()[0]),
        }
        headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
        return self._asked("POST", url, urlencode(form).encode(), headers)

    def _asked(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        """An answer, or the failure to get one in the words of what was wanted."""
        try:
            return self._ask(method, url, body, headers)
        except FhirFailure as failure:
            raise Transient(f"no access token: the token server: {failure}") from None

    def _endpoint_of_now(self) -> TokenEndpoint:
        if self._auth.token_url:
            return TokenEndpoint(url=self._auth.token_url)
        now = self._monotonic()
        if self._endpoint is None or now >= self._endpoint[1]:
            self._endpoint = (
                endpoint_of(self._base_url, self._ask, self._auth.keys.current()[0]),
                now + ENDPOINT_KEPT_S,
            )
        return self._endpoint[0]

    def _refusal(self, reply: Reply) -> Transient:
        said, advice = refusal_words(reply.body, reply.status)
        wait_s = retry_after_s(reply.headers, now=self._clock())
        if passing(reply.status):
            return Transient(f"no access token: the token server: {said}", status=reply.status, retry_after_s=wait_s)
        ahead = self._told_ahead(reply)
        if abs(ahead) > CLOCK_OFF:
            side = "behind" if ahead > timedelta(0) else "ahead of"
            said += f"; our clock is {abs(ahead).total_seconds():.0f} s {side} its"
        kid = self._auth.keys.current()[0].kid
        return Unauthorized(
            f"no access token: the token server refuses: {said}",
            status=reply.status,
            retry_after_s=wait_s,
            advice=f"{advice} (client_id {self._auth.client_id}, key {kid})",
            description=description(reply.body),
        )

    def _told_ahead(self, reply: Reply) -> timedelta:
        """How far the server's clock is ahead of ours, as far as it tells."""
        told = told_at(reply.headers)
        return told - self._clock() if told else timedelta(0)


REFUSED_FRESH = "is the token server the one of this FHIR server, and may our client use it?"


def _token(reply: Reply, endpoint: str, scopes: tuple[str, ...], began: float) -> Token:
    body = reply.body or {}
    value, kind = body.get("access_token"), body.get("token_type")
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        reason = "no access token: the token server's answer holds none"
        raise Unauthorized(reason, advice="ask whether this address is its token endpoint (auth.token_url)")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise Unauthorized(
            "no access token: the token server gives tokens of another type than Bearer",
            advice="have Bearer tokens issued to this client",
        )
    life_s = _life_s(body)
    granted = body.get("scope")
    return Token(
        value=value,
        life_s=life_s,
        renew_at=began + life_s * USED_PART,
        ends_at=began + life_s,
        endpoint=endpoint,
        not_granted=not_granted(scopes, granted.split()) if isinstance(granted, str) else (),
    )


def _life_s(body: Mapping[str, Any]) -> float:
    """Seconds by `expires_in`, which some servers write as text; a short life where none is told."""
    try:
        told = float(body["expires_in"])
    except (KeyError, TypeError, ValueError):
        return LIFE_UNTOLD_S
    return min(max(told, 0.0), LONGEST_LIFE_S) if told == told else LIFE_UNTOLD_S  # noqa: PLR0124 - NaN
