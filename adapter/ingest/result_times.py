"""The times of one result: when it was collected, and the others, which no verdict hangs on."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice

from adapter.domain.problems import Severity
from adapter.domain.times import Moment
from adapter.ingest.notes import Notes, at_field
from adapter.ingest.result_mapping import ResultMapping
from adapter.ingest.scopes import Scope
from adapter.ingest.v2_fields import Found, V2Field
from adapter.ingest.zones import Zone, unclear_local_time

TIMES_COMPARED = 20
"""Times of collection of one result; an order may hold a specimen for each of very many."""


def collected_at(scope: Scope, results: ResultMapping, status: str, zone: Zone, notes: Notes) -> Moment | None:
    """The time of collection; missing, unreadable or unclear it is a problem, and a remark of the event."""
    field = results.named.collected
    texts = list(islice(field.all_texts(scope), TIMES_COMPARED + 1))
    if not texts:
        if results.requires(field, scope, status):
            notes.add(at_field("sample-time-missing", *field.place(scope)))
            notes.remark("sample-time-missing")
        return None
    first = _moment(texts[0], zone)
    if first is None:
        _note_first("time-unreadable", field, scope, notes)
        notes.remark("sample-time-missing")
        return None
    if first.zone_from == "unknown":
        _note_first("zone-missing", field, scope, notes)
        notes.remark("zone-missing")
    unclear = unclear_local_time(first, zone.zone)
    if unclear:
        _note_first(unclear, field, scope, notes)
    if field.spec.must_agree_minutes is not None and any(text != texts[0] for text in texts):
        limit = timedelta(minutes=field.spec.must_agree_minutes)
        _compare_times(first, list(islice(field.all(scope), TIMES_COMPARED + 1)), zone, limit, notes)
    return first


def _note_first(code: str, field: V2Field, scope: Scope, notes: Notes, severity: Severity | None = None) -> None:
    """A problem where the field is filled first."""
    found = field.first(scope)
    if found:
        notes.add(at_field(code, found.segment, found.field), severity)


def time_at(scope: Scope, field: V2Field, zone: Zone, notes: Notes) -> Moment | None:
    """A time that no verdict hangs on: unreadable is only a warning."""
    text = field.first_text(scope)
    if not text:
        return None
    try:
        return zone.read(text)
    except ValueError:
        _note_first("time-unreadable", field, scope, notes, "warning")
        return None


def _moment(text: str, zone: Zone) -> Moment | None:
    try:
        return zone.read(text)
    except ValueError:
        return None


def _compare_times(first: Moment, found: list[Found], zone: Zone, limit: timedelta, notes: Notes) -> None:
    if len(found) > TIMES_COMPARED:
        beyond = found.pop()
        said = f"Of more than {TIMES_COMPARED} times of collection the first {TIMES_COMPARED} are compared."
        notes.add(at_field("times-disagree", beyond.segment, beyond.field, said))
    for other in found[1:]:
        at = _moment(other.text, zone)
        if at and max(at.earliest - first.latest, first.earliest - at.latest) > limit:
            said = f"{other.path} and {found[0].path} differ by more than {int(limit.total_seconds() // 60)} minutes."
            notes.add(at_field("times-disagree", other.segment, other.field, said))
