"""The FHIR servers results are written to, as delivery sees them."""

from __future__ import annotations

from adapter.fhir import Canonical
from adapter.pipeline.deliver import Destination
from adapter.settings import Settings, TargetSettings
from adapter.transport.fhir_client import Auth, BasicAuth, BearerAuth, FhirClient, NoAuth, Timeouts


def destinations(settings: Settings) -> list[Destination]:
    """Every target whose delivery is on; shadow targets are computed and shown, never written to."""
    canonical = Canonical(base=settings.canonical_base)
    return [_destination(target, canonical) for target in settings.targets if target.delivery == "on"]


def _destination(target: TargetSettings, canonical: Canonical) -> Destination:
    return Destination(
        name=target.name,
        base_url=target.url,
        server=client_of(target),
        canonical=canonical,
        literal_sources=frozenset(target.literal_sources),
        write_raw=target.write_raw,
    )


def client_of(target: TargetSettings) -> FhirClient:
    """The client of one target, with its credentials; raises OSError when a secret cannot be read."""
    return FhirClient(target.url, auth=_auth(target), timeouts=Timeouts(read_s=float(target.timeout_s)))


def _auth(target: TargetSettings) -> Auth:
    match target.auth:
        case "basic":
            return BasicAuth(user=target.username or "", password=target.secret() or "")
        case "bearer":
            return BearerAuth(token=target.secret() or "")
        case "none":
            return NoAuth()
