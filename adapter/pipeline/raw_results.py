"""Whether the laboratory's own number is written to a target: never, always, or where it has no copy yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from adapter.domain.message import OutboxRow, Outcome
from adapter.pipeline.destination import Destination
from adapter.pipeline.outcomes import left_out
from adapter.store.ledger import LEFT_OUT
from adapter.transport.fhir_results import rows_of

NOT_WRITTEN = "not-written"


def raw_results(
    rows: Sequence[OutboxRow], destination: Destination, patient: str
) -> tuple[list[OutboxRow], list[Outcome]]:
    """Rows to send, and the laboratory results left out, with the copy that stands on the target.

    Raises Transient, Permanent: the target could not be asked.
    """
    sent: list[OutboxRow] = []
    skipped: list[Outcome] = []
    for row in rows:
        if destination.write_raw == "always" or not _is_raw(row.body) or _may_stand_there(row):
            sent.append(row)
        elif destination.write_raw == "never":
            skipped.append(left_out(row, NOT_WRITTEN))
        elif copy := _copy_of(row, destination, patient):
            skipped.append(left_out(row, NOT_WRITTEN, copy=copy.partition("/")[2]))
        else:
            sent.append(row)
    return sent, skipped


def _may_stand_there(row: OutboxRow) -> bool:
    """Ours is followed to its end, whatever has come to stand beside it: its correction must not go by it."""
    return row.strategy != LEFT_OUT and bool(row.remote_id or row.sent_hash)


def _is_raw(body: Mapping[str, Any]) -> bool:
    return any(tag.get("code") == "activity" for tag in body.get("meta", {}).get("tag", []))


def _copy_of(row: OutboxRow, destination: Destination, patient: str) -> str | None:
    """The target's own copy: by an identifier of the laboratory, else by patient, code and collection time."""
    keys = destination.canonical.output_keys
    laboratory = [
        (str(identifier["system"]), str(identifier["value"]))
        for identifier in rows_of(row.body, "identifier")
        if identifier.get("system") not in (None, keys) and identifier.get("value")
    ]
    found = destination.server.has_result(laboratory, not_of=keys) if laboratory else None
    return found or _same_test(row, destination, patient)


def _same_test(row: OutboxRow, destination: Destination, patient: str) -> str | None:
    collected, tests = _instant(row.body), _coding(row.body, destination)
    if collected is None or not tests:
        return None
    for found in destination.server.results_about(patient, collected):
        ours = any(one.get("system") == destination.canonical.output_keys for one in rows_of(found, "identifier"))
        if not ours and _instant(found) == collected and _share(tests, _coding(found, destination)):
            return f"Observation/{found.get('id')}"
    return None


def _coding(body: Mapping[str, Any], destination: Destination) -> list[dict[str, Any]]:
    """The codes of a test, without ours."""
    code = body.get("code")
    rows = rows_of(code, "coding") if isinstance(code, dict) else []
    return [row for row in rows if row.get("code") and row.get("system") != destination.canonical.codes]


def _share(ours: Sequence[Mapping[str, Any]], theirs: Sequence[Mapping[str, Any]]) -> bool:
    """Whether both name the same test; a local code came without a system, which the target may have given it."""
    return any(
        one["code"] == other["code"] and one.get("system", other.get("system")) == other.get("system")
        for one in ours
        for other in theirs
    )


def _instant(body: Mapping[str, Any]) -> datetime | None:
    """When the sample was taken; None for a date, or a time without an offset."""
    try:
        instant = datetime.fromisoformat(str(body.get("effectiveDateTime", "")))
    except ValueError:
        return None
    return instant if instant.tzinfo else None
