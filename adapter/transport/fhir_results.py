"""What a FHIR server's answers come down to: entries of a transaction, pages of a search, one patient or none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from adapter.transport.fhir_failures import Ambiguous, FhirFailure, failure_of_status, issues_of


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryResult:
    """How one resource fared: its HTTP status, its new version there, and the failure if it failed."""

    status: int
    version: str | None = None
    id: str | None = field(default=None, compare=False)
    """Where it stands, when the answer tells (Location)."""
    issues: tuple[str, ...] = ()
    """Issue codes with expressions, never diagnostics."""
    failure: FhirFailure | None = field(default=None, compare=False)

    @property
    def done(self) -> bool:
        """True when the server holds what was sent."""
        return self.failure is None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """What a server says of itself, and when it said so by its own clock."""

    statement: dict[str, Any] = field(hash=False)
    """The CapabilityStatement."""
    told_at: datetime | None
    """The Date header of the answer, whole seconds; None when there was none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionResult:
    """The entries of a transaction-response, in the order of the Bundle sent."""

    entries: tuple[EntryResult, ...]

    @property
    def done(self) -> bool:
        """True when every entry was done."""
        return all(entry.done for entry in self.entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a search: the matching resources, the total if told, the address of the next page."""

    resources: tuple[dict[str, Any], ...] = field(hash=False)
    total: int | None
    next_url: str | None
    told_at: datetime | None = None
    """When the server made it, by its own clock: the Date header or Bundle.meta.lastUpdated, the earlier one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientMatch:
    """The one Patient an identifier names, none, or more than one: then nothing may be written."""

    reference: str | None = None
    ambiguous: bool = False


def rows_of(resource: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects in a list element of a resource; whatever else stands there is left out."""
    rows = resource.get(name)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def made_at(told: datetime | None, resource: Mapping[str, Any]) -> datetime | None:
    """The earlier of a Date header and `meta.lastUpdated`: a Bundle made from an older search is as old as that."""
    meta = resource.get("meta")
    stamp = instant_of(meta.get("lastUpdated") if isinstance(meta, dict) else None)
    return min((at for at in (told, stamp) if at), default=None)


def instant_of(text: object) -> datetime | None:
    """A FHIR instant; None for anything that is none, or names no offset."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found if found and found.tzinfo else None


def entry_result(entry: Mapping[str, Any]) -> EntryResult:
    """One entry of a transaction-response; without a readable status its outcome is ambiguous."""
    response = entry.get("response")
    if not isinstance(response, dict):
        return EntryResult(status=0, failure=Ambiguous("an entry has no response"))
    code = str(response.get("status", ""))[:3]
    status = int(code) if code.isascii() and code.isdecimal() else 0
    issues = issue_words(response.get("outcome"))
    failure = None if 200 <= status < 300 else _entry_failure(status, issues)
    location = response.get("location")
    version = version_of(response.get("etag"), location)
    return EntryResult(status=status, version=version, id=id_of(location), issues=issues, failure=failure)


def _entry_failure(status: int, issues: tuple[str, ...]) -> FhirFailure:
    if status == 0:
        return Ambiguous("an entry has no status")
    return failure_of_status(status, "; ".join(issues) or f"status {status}", writing=True)


def issue_words(outcome: object) -> tuple[str, ...]:
    """Code and expression of every issue of an OperationOutcome."""
    rows = issues_of(outcome) if isinstance(outcome, dict) else ()
    return tuple(" ".join(part for part in (code, place) if part) for _, code, place in rows)


def id_of(location: object) -> str | None:
    """`f1` of `[base]/Flag/f1` or `Flag/f1/_history/3`."""
    if not isinstance(location, str):
        return None
    parts = location.split("/_history/")[0].rstrip("/").split("/")
    return parts[-1] if len(parts) > 1 and parts[-1] else None


def version_of(etag: object, location: object) -> str | None:
    """`3` of `W/"3"` or of `.../_history/3`."""
    if isinstance(etag, str) and etag:
        return etag.removeprefix("W/").strip('"') or None
    if isinstance(location, str) and "/_history/" in location:
        return location.rsplit("/_history/", 1)[1] or None
    return None
