"""Whether the FHIR server of each polled source can be reached, lets us in, and can be asked for what changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from adapter.app.fhir_servers import SecretMissing
from adapter.app.poll_sources import poll_client
from adapter.commands.check_access import CREDENTIALS, token
from adapter.commands.check_result import Result
from adapter.commands.check_targets import VERSIONS
from adapter.settings import PollSettings, Settings
from adapter.transport.fhir_client import Ambiguous, FhirClient, Permanent, Transient
from adapter.transport.fhir_results import rows_of

Failure = Transient | Ambiguous | Permanent
NOBODY = "troughline-check-nobody"
"""An id no Patient has: the answer is an empty page, and whether we may ask at all."""


def polled_sources(settings: Settings) -> Iterator[Result]:
    """Every source with a poll, in the order of the file."""
    for name, poll in settings.polls:
        about = f"source {name}"
        try:
            client = poll_client(poll)
        except SecretMissing as fault:
            yield Result(about=about, state="failed", said=str(fault))
            continue
        try:
            yield from _asked(about, poll, client)
        finally:
            client.close()


def _asked(about: str, poll: PollSettings, client: FhirClient) -> Iterator[Result]:
    """A token where one is needed, what the server says of itself, and one search of each type."""
    of_token = token(f"{about} token", client)
    if of_token:
        yield of_token
        if of_token.state == "failed":
            return
    try:
        greeting = client.greeting()
    except (Transient, Ambiguous, Permanent) as failure:
        yield _refused(about, poll, failure)
        return
    yield _capable(about, poll, greeting.statement)
    for resource_type in poll.resources:
        yield _searched(f"{about} {resource_type}", poll, client, resource_type, greeting.told_at or datetime.now(UTC))


def _capable(about: str, poll: PollSettings, statement: dict[str, Any]) -> Result:
    version = str(statement.get("fhirVersion", ""))
    said = f"{poll.url}: FHIR {version or 'unknown'}, mode: {poll.mode}, every {poll.every_s} s"
    if not version.startswith(VERSIONS):
        return Result(about=about, state="failed", said=said, advice="records are read as FHIR R4; name an R4 endpoint")
    rest = next((row for row in rows_of(statement, "rest") if row.get("mode") == "server"), {})
    offered = {row.get("type") for row in rows_of(rest, "resource")}
    lacking = [name for name in (*poll.resources, "Patient") if name not in offered]
    if lacking:
        advice = f"it does not say that it has {', '.join(lacking)}; is this the right endpoint?"
        return Result(about=about, state="warning", said=said, advice=advice)
    return Result(about=about, state="ok", said=said)


def _searched(about: str, poll: PollSettings, client: FhirClient, resource_type: str, now: datetime) -> Result:
    """The very search of a poll, for nothing: from now on, or of nobody."""
    stamp = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    params = {"_lastUpdated": f"ge{stamp}", "_sort": "_lastUpdated", "_count": "1"}
    if poll.mode == "per-patient":
        params = {"patient": NOBODY, "_count": "1"}
        if resource_type == "MedicationAdministration":
            params["effective-time"] = f"ge{stamp}"
    try:
        client.search(resource_type, params)
    except (Transient, Ambiguous, Permanent) as failure:
        if poll.mode == "per-patient" and failure.status == 404:
            return Result(about=about, state="ok", said="may be searched by patient")
        return _refused(about, poll, failure)
    by = "by patient" if poll.mode == "per-patient" else "by _lastUpdated"
    return Result(about=about, state="ok", said=f"may be searched {by}")


def _refused(about: str, poll: PollSettings, failure: Failure) -> Result:
    return Result(about=about, state="failed", said=f"{poll.url}: {failure}", advice=_advice(poll, failure))


def _advice(poll: PollSettings, failure: Failure) -> str:
    match failure.status:
        case 401:
            return CREDENTIALS[poll.auth.kind]
        case 403:
            return (
                "have our account or client given the rights to read and search these records, Patient and Medication"
            )
        case 400 | 422 if poll.mode == "last-updated":
            return "it does not take this search; set mode: per-patient where a server cannot tell what changed"
        case _:
            return f"ask for {poll.url}/metadata by hand; a proxy or firewall on the way may answer instead of it"
