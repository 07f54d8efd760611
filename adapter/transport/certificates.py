"""Certificates as people speak of them: subject, validity, fingerprint (RFC 5280)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509  # heavy: a site without TLS never loads it

SUBJECT_LIMIT = 200
"""A subject in a log line is no longer than this: a stranger has written it."""
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFacts:
    """What a person asks of a certificate."""

    subject: str
    """As RFC 4514 writes it: `CN=lis.hospital.example,O=Hospital`."""
    not_before: datetime
    not_after: datetime
    fingerprint: str
    """SHA-256 of the DER bytes, 64 small hexadecimal digits."""


def facts_of(der: bytes) -> CertificateFacts:
    """The facts of one certificate in DER; raises ValueError when it cannot be read."""
    from cryptography import x509

    return _facts(x509.load_der_x509_certificate(der))


def read_certificate(path: Path) -> CertificateFacts:
    """The facts of the first certificate of a PEM file; raises OSError or ValueError."""
    from cryptography import x509

    return _facts(x509.load_pem_x509_certificate(path.read_bytes()))


def subject_of(der: bytes | None) -> str | None:
    """The subject of a stranger's certificate for a log line, None when there is none to read."""
    if not der:
        return None
    try:
        return facts_of(der).subject
    except ValueError:
        return None


def fingerprint_of(der: bytes) -> str:
    """SHA-256 of a certificate's DER bytes, whatever they hold."""
    return sha256(der).hexdigest()


def normal_fingerprint(text: str) -> str | None:
    """A SHA-256 fingerprint without its colons and in small letters, None when it is none."""
    plain = text.removeprefix("sha256:").replace(":", "").replace(" ", "").lower()
    return plain if _FINGERPRINT.fullmatch(plain) else None


def _facts(certificate: x509.Certificate) -> CertificateFacts:
    from cryptography.hazmat.primitives.serialization import Encoding

    subject = certificate.subject.rfc4514_string()
    printable = "".join(sign if sign.isprintable() else "?" for sign in subject[:SUBJECT_LIMIT])
    return CertificateFacts(
        subject=printable,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        fingerprint=fingerprint_of(certificate.public_bytes(Encoding.DER)),
    )
