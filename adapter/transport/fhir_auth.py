"""Who we are towards a FHIR server: nobody, Basic, a static bearer token, or SMART Backend Services."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from adapter.transport.fhir_failures import Transient
from adapter.transport.pauses import Pauses
from adapter.transport.smart_keys import KeyRing


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAuth:
    """The server asks for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BasicAuth:
    """User and password (RFC 7617)."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BearerAuth:
    """A static bearer token (RFC 6750)."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SmartAuth:
    """A client of SMART Backend Services (SMART App Launch 2, private_key_jwt)."""

    client_id: str
    keys: KeyRing
    token_url: str | None = None
    """None: the server's `.well-known/smart-configuration` names it."""
    scopes: tuple[str, ...]
    as_written: bool = False
    """The site wrote the scopes: they are asked for as they are, whatever version the server speaks."""


StaticAuth = NoAuth | BasicAuth | BearerAuth
Auth = StaticAuth | SmartAuth
FIRST_PAUSE_S, LONGEST_PAUSE_S = 10.0, 300.0
"""An account is soon locked by a wrong password that is shown again and again."""
ReadAgain = Callable[[], StaticAuth | None]
"""The credentials as they are kept now; None when they cannot be read."""


class Authorizer(Protocol):
    """What a session asks before each request."""

    def header(self) -> str | None:
        """The value of Authorization, None for none; raises Transient when it cannot be had or may not be shown yet."""

    def refused(self, header: str | None) -> bool:
        """The server answered 401 to this value: is there another one to try?"""

    def accepted(self) -> None:
        """The server let us in."""

    def pause(self, failure: Transient) -> Transient:
        """The server answered 401 to all there is: the failure to tell, and nothing is sent for a while."""


class Shown:
    """Credentials that are shown as they are; refused ones are read again, and shown again only after a pause."""

    def __init__(self, auth: StaticAuth, again: ReadAgain) -> None:
        self._again = again
        self._value = _header_of(auth)
        self._pauses = Pauses(first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S)
        self._refused = False

    def header(self) -> str | None:
        """What was read last; raises Unauthorized as long as the pause lasts and it has not been replaced."""
        if self._refused and self._read_again():
            self._pauses.end()
        self._pauses.check()
        return self._value

    def refused(self, header: str | None) -> bool:
        """Has the password or token been replaced where it is kept?"""
        self._refused = True
        self._read_again()
        return self._value != header

    def accepted(self) -> None:
        """It is the right one."""
        if self._refused:
            self._refused = False
            self._pauses.went_well()

    def pause(self, failure: Transient) -> Transient:
        """The refusal as it is; what comes next waits until the pause is over."""
        self._pauses.begin(failure)
        return failure

    def _read_again(self) -> bool:
        """True when it is another now."""
        fresh = self._again()
        before, self._value = self._value, self._value if fresh is None else _header_of(fresh)
        return self._value != before


def nothing_new() -> None:
    """Credentials that are kept nowhere else."""


def _header_of(auth: StaticAuth) -> str | None:
    match auth:
        case NoAuth():
            return None
        case BasicAuth():
            return f"Basic {b64encode(f'{auth.user}:{auth.password}'.encode()).decode()}"
        case BearerAuth():
            return f"Bearer {auth.token}"
