"""The FHIR servers results are written to, as delivery sees them, and since when."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import date
from typing import Protocol

from adapter.app.fhir_servers import SecretMissing, fhir_client, watch_of
from adapter.domain.outputs import Written
from adapter.fhir import Canonical, content_hash
from adapter.pipeline.destination import Destination
from adapter.settings import Settings, TargetSettings
from adapter.transport.fhir_client import FhirClient
from adapter.transport.fhir_session import Observe, unobserved
from adapter.writeback.withholding import is_withheld

SCOPES = (
    "system/Patient.rs",
    "system/Observation.crus",
    "system/Flag.crus",
    "system/Provenance.crus",
)
"""What delivery needs: a Patient looked up; Observations, Flags and Provenance looked up and written."""
EXIT_REFUSED = 2


def destinations(settings: Settings) -> list[Destination]:
    """Every target whose delivery is on; shadow targets are computed and shown, never written to.

    A secret that is not there is told in one sentence, and the process ends.
    """
    canonical = Canonical(base=settings.canonical_base)
    found = []
    for target in settings.targets:
        if target.delivery == "on":
            try:
                found.append(_destination(target, canonical))
            except SecretMissing as fault:
                print(f"The target {target.name} cannot be written to: {fault}.", file=sys.stderr)
                raise SystemExit(EXIT_REFUSED) from None
    return found


def _destination(target: TargetSettings, canonical: Canonical) -> Destination:
    return Destination(
        name=target.name,
        base_url=target.url,
        server=client_of(target, watch_of(target)),
        canonical=canonical,
        literal_sources=frozenset(target.literal_sources),
        write_raw=target.write_raw,
        strategy=target.strategy,
        status_map={name: dict(statuses) for name, statuses in target.status_map},
        authorities=frozenset(target.authorities),
        workers=target.workers,
    )


def client_of(target: TargetSettings, observe: Observe = unobserved) -> FhirClient:
    """The client of one target, with its credentials; raises SecretMissing."""
    return fhir_client(
        target.url, target.auth, target.tls, timeout_s=float(target.timeout_s), scopes=SCOPES, observe=observe
    )


class Remembers(Protocol):
    """A state that remembers since when each target is written to."""

    def first_on(self, target: str, today: date, withheld: Callable[[Written], bool]) -> date:
        """The day a target first went on; what it must not get (`withheld`) is left out then."""


def days_on(state: Remembers, settings: Settings, today: Callable[[], date]) -> Callable[[str], date]:
    """Since when each target is on; one that goes on now gets nothing about doses before its time."""
    monitored = {target.name: target.monitor_from for target in settings.targets}

    def first_on(name: str) -> date:
        day = today()
        since = monitored.get(name) or day
        return state.first_on(name, day, lambda written: is_withheld(written, since))

    return first_on


def settings_hash(target: TargetSettings) -> str:
    """One hash of all that decides whether a target takes a resource; no secret is a part of it."""
    auth = target.auth
    said = (target.url, target.write_raw, target.strategy, auth.kind, auth.username, auth.client_id, auth.token_url)
    lists = [
        sorted(target.literal_sources),
        sorted(target.authorities),
        sorted(auth.scopes),
        [[name, *s] for name, s in target.status_map],
    ]
    return content_hash([*said, *lists])
