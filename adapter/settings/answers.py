"""Where the application answers of enhanced mode go, read and tried out before any door opens."""

from __future__ import annotations

import ssl
from pathlib import Path

from adapter.knowledge.reading import Block
from adapter.settings.checks import read_file
from adapter.settings.site import ApplicationAnswers
from adapter.transport.certificates import normal_fingerprint
from adapter.transport.tls_client import client_tls


def read_answers(row: Block, folder: Path, ack_mode: str) -> ApplicationAnswers | None:
    """The block `application_answers` of a port, None when there is none."""
    if not row.has("application_answers"):
        return None
    block = row.block("application_answers")
    default = ApplicationAnswers(host="", port=0)
    answers = ApplicationAnswers(
        host=block.text("host"),
        port=block.whole("port", least=1, most=65535),
        timeout_s=block.whole("timeout_s", default=default.timeout_s, least=1, most=600),
        tls=block.yes_no("tls", default=default.tls),
        tls_ca=read_file(block, "tls_ca", folder),
        tls_certificate=read_file(block, "tls_certificate", folder),
        tls_key=read_file(block, "tls_key", folder),
        tls_any_name=block.yes_no("tls_any_name", default=default.tls_any_name),
        tls_fingerprint=_fingerprint(block),
    )
    if ack_mode == "original":
        text = (
            "in original mode there is one answer, on the connection of its message; set 'ack_mode' to enhanced or auto"
        )
        row.fault(text, "application_answers")
    _check_tls(block, answers)
    block.finish()
    return answers


def _fingerprint(block: Block) -> str | None:
    text = block.optional("tls_fingerprint")
    plain = normal_fingerprint(text) if text else None
    if text and plain is None:
        block.fault("'tls_fingerprint' takes a SHA-256 fingerprint of 64 hexadecimal digits", "tls_fingerprint")
    return plain


def _check_tls(block: Block, answers: ApplicationAnswers) -> None:
    named = (answers.tls_ca, answers.tls_certificate, answers.tls_key, answers.tls_fingerprint)
    if not answers.tls:
        if any(named) or answers.tls_any_name:
            block.fault("without 'tls: yes' the connection is plain, and these files are never used", "tls")
        return
    if answers.tls_key and not answers.tls_certificate:
        block.fault("'tls_key' goes with 'tls_certificate': the certificate the key belongs to", "tls_key")
        return
    if any(path and not path.is_file() for path in named[:3] if isinstance(path, Path)):
        return
    try:
        client_tls(ca=answers.tls_ca, certificate=answers.tls_certificate, key=answers.tls_key)
    except ssl.SSLError:
        block.fault("these take PEM files; the key belongs to the certificate and has no passphrase", "tls")
    except OSError as fault:
        block.fault(f"a file of TLS cannot be read: {fault.strerror}", "tls")
