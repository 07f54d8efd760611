"""Who we are towards a FHIR server, and whom we trust: read, and tried out before anything is sent."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import cast, get_args
from urllib.parse import urlsplit

from adapter.knowledge.reading import Block
from adapter.settings.checks import is_loopback, read_file
from adapter.settings.site import AuthKind, FhirAuth, FhirTls, Settings
from adapter.settings.tls import validity_warning
from adapter.transport.certificates import read_certificate
from adapter.transport.smart_endpoint import usable
from adapter.transport.smart_keys import KeyFault, SigningKey, read_key
from adapter.transport.smart_scopes import is_scope
from adapter.transport.tls_client import client_tls

OF_SMART = ("client_id", "keys", "token_url", "scopes")
PLAIN_KINDS = ("basic", "bearer")


def read_auth(row: Block, folder: Path) -> FhirAuth:
    """The block `auth` of a FHIR server; its key files are tried out as they will be used."""
    block = row.block("auth")
    auth = FhirAuth(
        kind=cast("AuthKind", block.choice("kind", get_args(AuthKind), "none")),
        username=block.optional("username"),
        secret_file=read_file(block, "secret_file", folder),
        secret_environment=block.optional("secret_environment"),
        client_id=block.optional("client_id"),
        keys=tuple(folder / name for name in block.texts("keys")),
        token_url=block.optional("token_url"),
        scopes=tuple(scope for text in block.texts("scopes") for scope in text.split()),
    )
    _check_secret(block, auth)
    _check_smart(block, auth)
    block.finish()
    return auth


def read_client_tls(row: Block, folder: Path, url: str) -> FhirTls | None:
    """The block `tls` of a FHIR server, None when there is none; its files are tried out."""
    if not row.has("tls"):
        return None
    block = row.block("tls")
    tls = FhirTls(
        ca=read_file(block, "ca", folder),
        certificate=read_file(block, "certificate", folder),
        key=read_file(block, "key", folder),
    )
    block.finish()
    if url.startswith("http:"):
        block.fault("the connection to an http:// address is plain, and these files are never used; write https://")
    elif tls.key and not tls.certificate:
        block.fault("'key' goes with 'certificate': the certificate the key belongs to", "key")
    elif all(file.is_file() for file in (tls.ca, tls.certificate, tls.key) if file):
        _try_out(block, tls)
    return tls


def check_secrets_in_clear(top: Block, settings: Settings) -> None:
    """Whoever stands on the way reads a secret that is sent over plain HTTP."""
    numbers = {source.name: number for number, source in enumerate(settings.sources)}
    servers: list[tuple[str, FhirAuth, tuple[str | int, ...]]] = [
        *((poll.url, poll.auth, ("sources", numbers[name], "poll", "url")) for name, poll in settings.polls),
        *((target.url, target.auth, ("targets", number, "url")) for number, target in enumerate(settings.targets)),
    ]
    for url, auth, place in servers:
        if not url.startswith("http:") or is_loopback(urlsplit(url).hostname or ""):
            continue
        if auth.kind == "smart" and not settings.insecure:
            text = (
                "SMART Backend Services needs https; or accept with 'insecure: yes' that tokens can be read on the way"
            )
            top.fault(text, *place)
        elif auth.kind != "none" and not any(fault.severity == "error" for fault in top.faults):
            text = "what we show this server (password, token) can be read on the way; write https://"
            top.faults.append(top.document.fault(place, text, "warning"))


def _check_secret(block: Block, auth: FhirAuth) -> None:
    places = [place for place in (auth.secret_file, auth.secret_environment) if place]
    if auth.kind in PLAIN_KINDS and len(places) != 1:
        block.fault(f"'{auth.kind}' takes its secret from either 'secret_file' or 'secret_environment'", "kind")
    if auth.kind == "basic" and not auth.username:
        block.fault("'basic' needs a 'username'", "kind")
    if auth.kind not in PLAIN_KINDS and places:
        block.fault("a secret without 'kind: basic' or 'kind: bearer' is never used", "kind")


def _check_smart(block: Block, auth: FhirAuth) -> None:
    given = [name for name in OF_SMART if block.has(name)]
    if auth.kind != "smart":
        for name in given:
            block.fault(f"'{name}' without 'kind: smart' is never used", name)
        return
    if not auth.client_id:
        block.fault("'smart' needs the 'client_id' the server gave us at registration", "kind")
    if not auth.keys:
        text = (
            "'smart' needs 'keys': files with private keys, RSA for RS384 or P-384 for ES384, the first of which signs"
        )
        block.fault(text, "kind")
    _check_keys(block, auth)
    if auth.token_url and not usable(auth.token_url):
        block.fault("'token_url' takes an address with https, as the server knows itself by", "token_url")
    for scope in auth.scopes:
        if not is_scope(scope):
            block.fault(f"'{scope}' is no scope; write system/Type.cruds, the letters in this order", "scopes")


def _check_keys(block: Block, auth: FhirAuth) -> None:
    named: dict[str, Path] = {}
    for number, file in enumerate(auth.keys):
        key = _key(block, file, number)
        if key is None:
            continue
        if key.kid in named:
            text = f"'{file.name}' is the same key as '{named[key.kid].name}', or has the same kid; list each once"
            block.fault(text, *_place(block, number))
        named.setdefault(key.kid, file)


def _key(block: Block, file: Path, number: int) -> SigningKey | None:
    if not file.is_file():
        block.fault(f"'keys': there is no file '{file.name}'", *_place(block, number))
        return None
    try:
        return read_key(file)
    except KeyFault as fault:
        block.fault(f"'{file.name}' {fault}", *_place(block, number))
        return None


def _place(block: Block, number: int) -> tuple[str | int, ...]:
    return ("keys", number) if isinstance(block.data.get("keys"), list) else ("keys",)


def _try_out(block: Block, tls: FhirTls) -> None:
    try:
        client_tls(ca=tls.ca, certificate=tls.certificate, key=tls.key)
        facts = read_certificate(tls.certificate) if tls.certificate else None
    except (ssl.SSLError, ValueError):
        block.fault("these take PEM files; the key belongs to the certificate and has no passphrase")
        return
    except OSError as fault:
        block.fault(f"a file of 'tls' cannot be read: {fault.strerror}")
        return
    warning = validity_warning(facts, datetime.now(UTC), shown_to="server") if facts else None
    if warning:
        place = (*block.path, "certificate")
        block.faults.append(block.document.fault(place, f"the certificate {warning}", "warning"))
