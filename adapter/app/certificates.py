"""Certificates of the ports under way: replaced files are taken, an end of validity is told in time."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import structlog

from adapter.app.counters import ALARMS, CERTIFICATE_END
from adapter.settings.tls import validity_warning
from adapter.transport.tls_server import ServerTls

LOOK_EVERY_S = 1.0
TELL_EVERY = timedelta(days=1)


class CertificateWatch:
    """Looks at the files of each port's TLS; open connections never notice."""

    def __init__(self, ports: Mapping[str, ServerTls]) -> None:
        """`ports` by the names of their listeners."""
        self._ports = ports
        self._told: dict[str, datetime] = {}
        self._failing: dict[str, str] = {}
        for name, tls in ports.items():
            CERTIFICATE_END.labels(name).set(tls.facts.not_after.timestamp())

    async def run(self) -> None:
        """Look for as long as the task lives."""
        while self._ports:
            for name, tls in self._ports.items():
                await asyncio.to_thread(self.look, name, tls, datetime.now(UTC))
            await asyncio.sleep(LOOK_EVERY_S)

    def look(self, name: str, tls: ServerTls, now: datetime) -> None:
        """Take the files of one port if they changed; the reason is told once when they cannot be used."""
        log = structlog.get_logger().bind(listener=name)
        try:
            taken = tls.reload()
        except (OSError, ValueError) as fault:  # ssl.SSLError is an OSError
            reason = _words(fault)
            if self._failing.get(name) != reason:
                self._failing[name] = reason
                ALARMS.labels("certificates-not-reloaded").inc()
                log.error("certificates-not-reloaded", reason=reason)
            return
        self._failing.pop(name, None)
        if taken:
            self._told.pop(name, None)
            CERTIFICATE_END.labels(name).set(tls.facts.not_after.timestamp())
            log.info("certificates-reloaded", subject=tls.facts.subject)
        self._warn(name, tls, now)

    def _warn(self, name: str, tls: ServerTls, now: datetime) -> None:
        warning = validity_warning(tls.facts, now)
        if warning is None or now - self._told.get(name, datetime.min.replace(tzinfo=UTC)) < TELL_EVERY:
            return
        self._told[name] = now
        ALARMS.labels("certificate-ends").inc()
        structlog.get_logger().warning(
            "certificate-ends", listener=name, subject=tls.facts.subject, reason=f"the certificate {warning}"
        )


def _words(fault: OSError | ValueError) -> str:
    if isinstance(fault, ssl.SSLError):
        return (fault.reason or "no PEM file").replace("_", " ").lower()
    if isinstance(fault, OSError):
        return fault.strerror or "cannot be read"
    return "the certificate cannot be read, or its key asks for a passphrase"
