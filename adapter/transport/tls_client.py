"""The TLS of a sender: whom it trusts, what it shows, and the words for what fails."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

from adapter.transport.certificates import fingerprint_of

_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "UNKNOWN_PROTOCOL"})


class PinMismatchError(ConnectionError):
    """The listener shows another certificate than the one that was agreed on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientTls:
    """How one sender secures its connections."""

    context: ssl.SSLContext
    fingerprint: str | None = None
    """SHA-256 of the only certificate accepted; then neither authority nor host name are asked."""

    def check(self, shown: bytes | None) -> None:
        """Compare the listener's certificate (DER) with the agreed one; raises PinMismatchError."""
        if self.fingerprint is not None and (not shown or fingerprint_of(shown) != self.fingerprint):
            raise PinMismatchError("another certificate")


def client_tls(
    *,
    ca: Path | None = None,
    certificate: Path | None = None,
    key: Path | None = None,
    any_name: bool = False,
    fingerprint: str | None = None,
) -> ClientTls:
    """TLS 1.2 at the least; without `ca` the authorities of the system are trusted.

    `any_name` leaves the host name out of the check, as ATNA set-ups often need. Raises OSError (ssl.SSLError is one)
    when a file cannot be used.
    """
    context = ssl.create_default_context(cafile=str(ca) if ca else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if any_name or fingerprint:
        context.check_hostname = False
    if fingerprint:
        context.verify_mode = ssl.CERT_NONE
    if certificate:
        context.load_cert_chain(certificate, key, password=lambda: "")
    return ClientTls(context=context, fingerprint=fingerprint)


def what_failed(fault: BaseException) -> str:
    """Why a sender could not connect or got no answer, in words; never what either side sent."""
    match fault:
        case PinMismatchError():
            return "it shows another certificate than --tls-fingerprint names"
        case ssl.SSLError():
            return _tls_failed(fault)
        case TimeoutError():
            return "no answer in time"
        case ConnectionRefusedError():
            return "nobody listens there"
        case socket.gaierror():
            return "the host name is not known"
        case ConnectionResetError():
            return "it reset the connection"
        case ConnectionError():
            return "it closed the connection without an answer"
        case OSError():
            return fault.strerror or type(fault).__name__
        case _:
            return type(fault).__name__


def _tls_failed(fault: ssl.SSLError) -> str:
    match fault:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not accepted: {fault.verify_message}"
        case ssl.SSLError(reason=str() as reason) if "ALERT" in reason:
            words = reason.partition("ALERT_")[2].replace("_", " ").lower()
            return f"it refused our certificate or TLS offer: {words}"
        case ssl.SSLError(reason=str() as reason) if reason in _NO_TLS:
            return "it does not speak TLS"
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            return "it ended the TLS connection; it may ask for a certificate, or not accept ours"
        case _:
            return f"TLS failed: {(fault.reason or 'unknown reason').replace('_', ' ').lower()}"
