"""The FHIR servers results are written to, as delivery sees them."""

from __future__ import annotations

import sys

from adapter.app.fhir_servers import SecretMissing, fhir_client, watch_of
from adapter.fhir import Canonical
from adapter.pipeline.deliver import Destination
from adapter.settings import Settings, TargetSettings
from adapter.transport.fhir_client import FhirClient
from adapter.transport.fhir_session import Observe, unobserved

SCOPES = (
    "system/Patient.rs",
    "system/Observation.crus",
    "system/Flag.cu",
    "system/Provenance.cu",
)
"""What delivery needs: a Patient looked up, an Observation looked up and written, Flags and Provenance written."""
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
    )


def client_of(target: TargetSettings, observe: Observe = unobserved) -> FhirClient:
    """The client of one target, with its credentials; raises SecretMissing."""
    return fhir_client(
        target.url, target.auth, target.tls, timeout_s=float(target.timeout_s), scopes=SCOPES, observe=observe
    )
