"""Where a FHIR server has tokens asked for: its `.well-known/smart-configuration`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from adapter.transport.fhir_failures import Reply, Transient, Unauthorized, passing
from adapter.transport.smart_keys import SigningKey

if TYPE_CHECKING:
    from adapter.transport.smart_token import Ask

WELL_KNOWN = "/.well-known/smart-configuration"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
BY_HAND = "write its token endpoint under auth.token_url"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenEndpoint:
    """The address to ask, and whether the server knows scopes of version 1 only."""

    url: str
    version_1: bool = False


def secure(url: str) -> bool:
    """May a signed assertion and a token travel there: https, or this machine?"""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)


def endpoint_of(base_url: str, ask: Ask, key: SigningKey) -> TokenEndpoint:
    """The token endpoint a server names; raises Unauthorized when it names none we can use."""
    reply = ask("GET", base_url + WELL_KNOWN, None, {"Accept": "application/json"})
    told = reply.body
    if reply.status != 200 or told is None:
        raise _untold(base_url, reply)
    url = told.get("token_endpoint")
    if not isinstance(url, str) or not usable(url):
        reason = f"no access token: {base_url}{WELL_KNOWN} names no token endpoint with https"
        raise Unauthorized(reason, advice=BY_HAND)
    _check_offers(told, "token_endpoint_auth_methods_supported", "private_key_jwt")
    _check_offers(told, "token_endpoint_auth_signing_alg_values_supported", key.algorithm)
    capabilities = told.get("capabilities")
    offered = capabilities if isinstance(capabilities, list) else []
    return TokenEndpoint(url=url, version_1="permission-v1" in offered and "permission-v2" not in offered)


def usable(url: str) -> bool:
    """May tokens be asked for at this address?"""
    try:
        return secure(url) and not urlsplit(url).fragment and url.isprintable() and " " not in url
    except ValueError:
        return False


def _untold(base_url: str, reply: Reply) -> Transient:
    what = f"status {reply.status}" if reply.status != 200 else "something else than JSON"
    reason = f"no access token: {base_url}{WELL_KNOWN} answers with {what}"
    if passing(reply.status):
        return Transient(reason, status=reply.status)
    return Unauthorized(reason, advice=f"{BY_HAND}, or ask whether the server has SMART Backend Services at all")


def _check_offers(told: Mapping[str, Any], name: str, wanted: str) -> None:
    """What a server lists and leaves ours out of; a server that lists nothing is asked."""
    offered = told.get(name)
    if isinstance(offered, list) and offered and wanted not in offered:
        reason = f"no access token: the server does not list {wanted} in {name}"
        what = "make a key of the kind it lists" if "signing_alg" in name else "ask for a client with private_key_jwt"
        raise Unauthorized(reason, advice=f"{what}, or {BY_HAND} to try all the same")
