"""The TLS side of a listener: what it shows, whom it lets in, and the words for what fails (IHE ATNA, ITI-19)."""

from __future__ import annotations

import ssl
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn
from weakref import WeakKeyDictionary

from adapter.transport.certificates import CertificateFacts, read_certificate, subject_of

ClientCert = Literal["required", "optional", "none"]
Stamp = tuple[tuple[int, int, int], ...]

_HANDSHAKE = 22
_CERTIFICATE_MESSAGE = 11
"""Content type handshake and its type certificate (RFC 8446 sections 5.1 and 4)."""
_LENGTH_BYTES = 3
_NO_CERTIFICATE = frozenset({"PEER_DID_NOT_RETURN_A_CERTIFICATE"})
_NO_VERSION = frozenset({"UNSUPPORTED_PROTOCOL", "VERSION_TOO_LOW", "WRONG_SSL_VERSION", "UNKNOWN_PROTOCOL"})
_NO_CIPHER = frozenset({"NO_SHARED_CIPHER", "NO_SUITABLE_SIGNATURE_ALGORITHM"})
_VERIFY = {
    "none": ssl.CERT_NONE,
    "optional": ssl.CERT_OPTIONAL,
    "required": ssl.CERT_REQUIRED,
}


class EncryptedKeyError(ValueError):
    """A key file wants a passphrase, and nobody is there to type it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTlsFiles:
    """PEM files of a TLS port and whom it lets in."""

    certificate: Path
    key: Path
    client_cert: ClientCert = "required"
    client_ca: Path | None = None
    """Authorities of client certificates, or the client certificates themselves."""
    client_fingerprints: tuple[str, ...] = ()
    """SHA-256 of the only client certificates let in; empty: whatever `client_ca` vouches for."""

    def stamp(self) -> Stamp:
        """Changes whenever one of the files is replaced or written; raises OSError when one is gone."""
        files = [self.certificate, self.key, *([self.client_ca] if self.client_ca else [])]
        return tuple((stat.st_mtime_ns, stat.st_size, stat.st_ino) for stat in (file.stat() for file in files))


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsRefusal:
    """Why a handshake failed."""

    side: Literal["us", "sender"]
    """Who refused."""
    reason: str


class ServerTls:
    """What new connections of a port are secured with; `reload` takes new files, open connections keep the old."""

    def __init__(self, files: ServerTlsFiles) -> None:
        """Read the files; raises OSError, ssl.SSLError or ValueError as `server_context` does."""
        self.files = files
        self._shown: WeakKeyDictionary[ssl.SSLObject, bytes] = WeakKeyDictionary()
        self._reading = threading.Lock()
        self._load(files.stamp())

    def reload(self) -> bool:
        """Read the files again when they changed; raises what the constructor raises, and keeps the old ones then."""
        with self._reading:
            stamp = self.files.stamp()
            if stamp == self._stamp:
                return False
            self._load(stamp)
        return True

    def wrap(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO) -> ssl.SSLObject:
        """The TLS of one new connection."""
        return self._context.wrap_bio(incoming, outgoing, server_side=True)

    def subject_shown(self, tls: ssl.SSLObject) -> str | None:
        """The subject a client showed, also one that was refused; None when it showed none."""
        return subject_of(tls.getpeercert(binary_form=True)) if _established(tls) else subject_of(self._shown.get(tls))

    def _load(self, stamp: Stamp) -> None:
        context = server_context(self.files)
        _remember_shown(context, self._shown)
        self.facts: CertificateFacts = read_certificate(self.files.certificate)
        self._context, self._stamp = context, stamp


def server_context(files: ServerTlsFiles) -> ssl.SSLContext:
    """A context of TLS 1.2 at the least.

    Raises OSError (a file cannot be read), ssl.SSLError (no PEM, or the key is another certificate's) or
    EncryptedKeyError.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.load_cert_chain(files.certificate, files.key, password=_nobody_types)
    context.verify_mode = _VERIFY[files.client_cert]
    if files.client_ca:
        context.load_verify_locations(files.client_ca)
        # A client's own certificate in that file is trust enough (ITI-19: direct comparison).
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def refusal_of(fault: ssl.SSLError) -> TlsRefusal:
    """Which side refused, and why, in words; never what the peer sent."""
    reason = fault.reason or "handshake failed"
    if isinstance(fault, ssl.SSLCertVerificationError):
        return TlsRefusal(side="us", reason=f"the sender's certificate: {fault.verify_message}")
    if reason in _NO_CERTIFICATE:
        return TlsRefusal(side="us", reason="the sender showed no certificate")
    if reason in _NO_VERSION:
        return TlsRefusal(side="us", reason="the sender offers no TLS version from 1.2 on")
    if reason in _NO_CIPHER:
        return TlsRefusal(side="us", reason="no cipher in common")
    if "ALERT" in reason:
        words = reason.partition("ALERT_")[2].replace("_", " ").lower()
        return TlsRefusal(side="sender", reason=f"the sender refused our certificate or offer: {words}")
    return TlsRefusal(side="us", reason=reason.replace("_", " ").lower())


def _nobody_types() -> NoReturn:
    raise EncryptedKeyError("the key is encrypted")


def _established(tls: ssl.SSLObject) -> bool:
    try:
        tls.getpeercert()
    except ValueError:
        return False
    return True


def _remember_shown(context: ssl.SSLContext, shown: WeakKeyDictionary[ssl.SSLObject, bytes]) -> None:
    # OpenSSL forgets a certificate it refused, and "verification failed" without a name costs a day. The library
    # shows handshake messages to nobody but this hook; without it (it is not documented) the subject stays unknown.
    if context.verify_mode == ssl.CERT_NONE or not hasattr(context, "_msg_callback"):
        return

    def heard(tls: Any, direction: str, version: Any, content: Any, kind: Any, data: bytes) -> None:  # noqa: ANN401
        theirs = direction == "read" and isinstance(tls, ssl.SSLObject)
        if theirs and content == _HANDSHAKE and kind == _CERTIFICATE_MESSAGE:
            der = first_certificate(data, with_context=version >= ssl.TLSVersion.TLSv1_3)
            if der:
                shown[tls] = der

    context._msg_callback = heard  # noqa: SLF001


def first_certificate(message: bytes, *, with_context: bool) -> bytes | None:
    """The first certificate (DER) of a TLS Certificate message; None when it holds none.

    `with_context` reads the form of TLS 1.3 (RFC 8446 4.4.2), else that of TLS 1.2 (RFC 5246 7.4.2).
    """
    at = 4  # type and length of the message
    if with_context:
        at += 1 + (message[at] if len(message) > at else 0)
    at += _LENGTH_BYTES  # length of the list
    size = int.from_bytes(message[at : at + _LENGTH_BYTES], "big")
    der = message[at + _LENGTH_BYTES : at + _LENGTH_BYTES + size]
    return der if der and len(der) == size else None
