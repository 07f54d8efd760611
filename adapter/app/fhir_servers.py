"""A FHIR server of the site as this process talks to it: with who we are, whom we trust, and a watch over both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial

import structlog

from adapter.app.counters import ALARMS, CERTIFICATE_END
from adapter.settings import FhirAuth, FhirTls, PollSettings, Settings, TargetSettings
from adapter.transport.certificates import read_certificate
from adapter.transport.fhir_auth import StaticAuth
from adapter.transport.fhir_client import (
    Auth,
    BasicAuth,
    BearerAuth,
    ClientTls,
    FhirClient,
    NoAuth,
    SmartAuth,
    Timeouts,
)
from adapter.transport.fhir_session import Observe, unobserved
from adapter.transport.smart_keys import KeyFault, KeyRing


class SecretMissing(Exception):  # noqa: N818 - named by what is the matter
    """Who we are is not there, or cannot be used; the text says where it was looked for."""


def fhir_client(
    url: str,
    auth: FhirAuth,
    tls: FhirTls | None,
    *,
    timeout_s: float,
    scopes: Sequence[str],
    observe: Observe = unobserved,
) -> FhirClient:
    """The client of one FHIR server; `scopes` are what is needed there, unless the site writes others.

    Raises SecretMissing; nothing is sent yet.
    """
    files = ClientTls(authority=tls.ca, certificate=tls.certificate, key=tls.key) if tls else ClientTls()
    who = auth_of(auth, scopes)
    try:
        timeouts = Timeouts(read_s=timeout_s)
        return FhirClient(url, auth=who, tls=files, timeouts=timeouts, observe=observe, again=partial(_again, auth))
    except OSError as fault:
        raise SecretMissing(f"a file of its tls cannot be used: {fault.strerror or 'no PEM file'}") from None


def auth_of(auth: FhirAuth, scopes: Sequence[str]) -> Auth:
    """Who we are, with the secret read; raises SecretMissing."""
    match auth.kind:
        case "none":
            return NoAuth()
        case "basic":
            return BasicAuth(user=auth.username or "", password=_secret(auth))
        case "bearer":
            return BearerAuth(token=_secret(auth))
        case "smart":
            return SmartAuth(
                client_id=auth.client_id or "",
                keys=_keys(auth),
                token_url=auth.token_url,
                scopes=auth.scopes or tuple(scopes),
                as_written=bool(auth.scopes),
            )


def _again(auth: FhirAuth) -> StaticAuth | None:
    try:
        found = auth_of(auth, ())
    except SecretMissing:
        return None
    return None if isinstance(found, SmartAuth) else found


def key_rings(settings: Settings) -> list[KeyRing]:
    """The keys of every FHIR server of the site, whose public halves are published."""
    servers = [target.auth for target in settings.targets] + [poll.auth for _, poll in settings.polls]
    return [_keys(auth) for auth in servers if auth.kind == "smart"]


def watch_of(target: TargetSettings) -> Observe:
    """Says in log and alarms what happens to our access to one target: once, until it is something else."""
    return _watch("target", target.name, target.tls, lambda: ALARMS.labels("target-not-authorized").inc())


def watch_of_source(name: str, poll: PollSettings) -> Observe:
    """The same of the server a source is polled from."""
    return _watch("source", name, poll.tls, lambda: ALARMS.labels("source-not-authorized").inc())


def _watch(kind: str, name: str, tls: FhirTls | None, raise_alarm: Callable[[], None]) -> Observe:
    _tell_end(kind, name, tls)
    let_in, not_let_in = f"{kind}-authorized", f"{kind}-not-authorized"

    def happened(event: str, facts: Mapping[str, str]) -> None:
        log = structlog.get_logger().bind(**{kind: name}, **facts)
        match event:
            case "not-authorized":
                raise_alarm()
                log.error(not_let_in)
            case "authorized":
                log.info(let_in)
            case "certificates-not-reloaded":
                ALARMS.labels("certificates-not-reloaded").inc()
                log.error(event)
            case _:
                _tell_end(kind, name, tls)
                log.info(event)

    return happened


def _tell_end(kind: str, name: str, tls: FhirTls | None) -> None:
    """Until when the certificate we show holds, beside those of the ports."""
    certificate = tls.certificate if tls else None
    if certificate is None:
        return
    with suppress(OSError, ValueError):  # the connection itself tells what is wrong with it
        end = read_certificate(certificate).not_after
        CERTIFICATE_END.labels(f"{kind} {name}").set(end.timestamp())


def _secret(auth: FhirAuth) -> str:
    try:
        secret = auth.secret()
    except OSError as fault:
        raise SecretMissing(f"its secret cannot be read: {fault.strerror}") from None
    except ValueError:  # UnicodeDecodeError is one, and its text holds bytes of the secret
        raise SecretMissing("its secret is no text of UTF-8") from None
    if secret is None:
        where = "the file secret_file names" if auth.secret_file else f"the variable {auth.secret_environment}"
        raise SecretMissing(f"its secret is empty: nothing stands in {where}")
    if not secret.isprintable() or (auth.kind == "bearer" and not secret.isascii()):
        raise SecretMissing("its secret holds line breaks or other signs that no header may hold")
    return secret


def _keys(auth: FhirAuth) -> KeyRing:
    try:
        return KeyRing(auth.keys)
    except KeyFault as fault:
        raise SecretMissing(f"one of its keys {fault}") from None
