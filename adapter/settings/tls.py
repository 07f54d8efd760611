"""The TLS of an MLLP port: read, and tried out before any door opens."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, cast, get_args

from adapter.knowledge.reading import Block
from adapter.settings.checks import read_file
from adapter.settings.site import MllpTls
from adapter.transport.certificates import CertificateFacts, normal_fingerprint, read_certificate
from adapter.transport.tls_server import ClientCert, EncryptedKeyError, ServerTlsFiles, server_context

SOON = timedelta(days=30)
"""An end of validity this near is told at the start and in the log."""
ShownTo = Literal["senders", "server"]
WHO_REFUSES: Mapping[ShownTo, tuple[str, str, str]] = {
    "senders": ("no sender", "senders that check it are refusing this port", "senders refuse this port"),
    "server": ("no server", "a server that checks it is refusing us", "the server refuses us"),
}


def read_tls(row: Block, folder: Path) -> MllpTls | None:
    """The block `tls` of a port, None when there is none; its files are tried out as the port will use them."""
    if not row.has("tls"):
        return None
    block = row.block("tls")
    tls = MllpTls(
        certificate=_needed(block, "certificate", folder),
        key=_needed(block, "key", folder),
        client_cert=cast("ClientCert", block.choice("client_cert", get_args(ClientCert), "required")),
        client_ca=read_file(block, "client_ca", folder),
        client_fingerprints=_fingerprints(block),
    )
    _check_clients(block, tls)
    if not _files_missing(tls):
        _try_out(block, tls)
    block.finish()
    return tls


def tls_files(tls: MllpTls) -> ServerTlsFiles:
    """The same as the transport takes it."""
    return ServerTlsFiles(
        certificate=tls.certificate,
        key=tls.key,
        client_cert=tls.client_cert,
        client_ca=tls.client_ca,
        client_fingerprints=tls.client_fingerprints,
    )


def validity_warning(facts: CertificateFacts, now: datetime, *, shown_to: ShownTo = "senders") -> str | None:
    """What to say of the days a certificate has left, None when there are more than enough."""
    nobody, refusing, refuse = WHO_REFUSES[shown_to]
    if now < facts.not_before:
        return f"is not valid before {facts.not_before.date()}: {nobody} will accept it until then"
    if now >= facts.not_after:
        return f"expired on {facts.not_after.date()}: {refusing}; renew it"
    if facts.not_after - now < SOON:
        return f"expires on {facts.not_after.date()}: renew it before {refuse}"
    return None


def _needed(block: Block, key: str, folder: Path) -> Path:
    if not block.has(key):
        block.fault(f"'{key}' is missing; TLS needs a PEM file here", key)
    return read_file(block, key, folder) or Path()


def _fingerprints(block: Block) -> tuple[str, ...]:
    found = []
    for text in block.texts("client_fingerprints"):
        plain = normal_fingerprint(text)
        if plain is None:
            block.fault(
                "'client_fingerprints' takes SHA-256 fingerprints of 64 hexadecimal digits", "client_fingerprints"
            )
        else:
            found.append(plain)
    return tuple(found)


def _check_clients(block: Block, tls: MllpTls) -> None:
    if tls.client_cert == "none" and (tls.client_ca or tls.client_fingerprints):
        block.fault(
            "with 'client_cert: none' nobody is asked for a certificate; say required or optional", "client_cert"
        )
    if tls.client_cert != "none" and not block.has("client_ca"):
        text = (
            f"'client_cert: {tls.client_cert}' needs 'client_ca': the authority of the senders' certificates, or these "
            "themselves in one file; or let every sender in with 'client_cert: none'"
        )
        block.fault(text, "client_cert")


def _files_missing(tls: MllpTls) -> bool:
    named = [tls.certificate, tls.key, *([tls.client_ca] if tls.client_ca else [])]
    return not all(path.is_file() for path in named)


def _try_out(block: Block, tls: MllpTls) -> None:
    try:
        facts = read_certificate(tls.certificate)
    except (OSError, ValueError):
        block.fault("'certificate' holds no certificate that can be read; it takes a PEM file", "certificate")
        return
    try:
        server_context(tls_files(tls))
    except EncryptedKeyError:
        block.fault("'key' asks for a passphrase and nobody is there to type it; store it without one", "key")
    except ssl.SSLError as fault:
        _name_ssl_fault(block, fault)
    except OSError as fault:
        block.fault(f"a file of 'tls' cannot be read: {fault.strerror}", "key")
    warning = validity_warning(facts, datetime.now(UTC))
    if warning:
        place = (*block.path, "certificate")
        block.faults.append(block.document.fault(place, f"the certificate {warning}", "warning"))


def _name_ssl_fault(block: Block, fault: ssl.SSLError) -> None:
    match fault.reason:
        case "KEY_VALUES_MISMATCH":
            block.fault("'key' belongs to another certificate than 'certificate'", "key")
        case "NO_CERTIFICATE_OR_CRL_FOUND":
            block.fault("'client_ca' holds no certificate; it takes a PEM file", "client_ca")
        case _:
            block.fault("'key' cannot be used with 'certificate'; it takes the private key as a PEM file", "key")
