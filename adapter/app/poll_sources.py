"""The FHIR servers of sources, as polls see them."""

from __future__ import annotations

import sys
from datetime import timedelta

from adapter.app.fhir_servers import SecretMissing, fhir_client, watch_of_source
from adapter.pipeline.poll import Rhythm
from adapter.settings import PollSettings
from adapter.transport.fhir_client import FhirClient
from adapter.transport.fhir_session import Observe, unobserved

SUPPORTING = ("Patient", "Medication", "MedicationRequest")
EXIT_REFUSED = 2


def scopes_of(poll: PollSettings) -> tuple[str, ...]:
    """What a poll needs: everything is read and searched, nothing written."""
    return tuple(f"system/{name}.rs" for name in (*poll.resources, *SUPPORTING))


def poll_client(poll: PollSettings, observe: Observe = unobserved) -> FhirClient:
    """The client of one source's server, with its credentials; raises SecretMissing."""
    return fhir_client(
        poll.url, poll.auth, poll.tls, timeout_s=float(poll.timeout_s), scopes=scopes_of(poll), observe=observe
    )


def watched_client(source: str, poll: PollSettings) -> FhirClient:
    """The same for the service; a secret that is not there is told in one sentence, and the process ends."""
    try:
        return poll_client(poll, watch_of_source(source, poll))
    except SecretMissing as fault:
        print(f"The source {source} cannot be polled: {fault}.", file=sys.stderr)
        raise SystemExit(EXIT_REFUSED) from None


def rhythm_of(poll: PollSettings) -> Rhythm:
    """How a source is polled."""
    return Rhythm(
        url=poll.url,
        resources=poll.resources,
        overlap=timedelta(seconds=poll.overlap_s),
        safety_lag=timedelta(seconds=poll.safety_lag_s),
        window=timedelta(days=poll.window_days),
        page_size=poll.page_size,
    )
