"""Poll one patient: his records of late, and whether those that are missing among them still exist."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, assert_never

from adapter.domain.events import (
    ActivityMeasured,
    AsparaginaseAdministered,
    Event,
    HypersensitivityRecorded,
    PremedicationGiven,
)
from adapter.domain.identities import Group
from adapter.domain.message import PatientState
from adapter.domain.times import iso_moment
from adapter.ingest.fhir_bundle import reference_to
from adapter.pipeline.parts import JsonObject
from adapter.pipeline.poll import STARTS, BeginAnew, Rhythm, Server, every_page
from adapter.pipeline.polled import Intake
from adapter.transport.fhir_client import Permanent, Transient

MARGIN = timedelta(days=1)
"""What lies so near the edge of the window may be on either side of it, in another zone or to the day only."""
NOT_THERE = frozenset({404, 410})


class Courses(Protocol):
    """What a roster is made from."""

    def all_patients(self) -> list[str]:
        """Every patient of whom anything is known."""

    def findings(self, patient: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Dose findings and unlinked samples of a patient."""

    def group(self, patient: str) -> Group:
        """Everybody who is the same person as a patient, the surviving record first."""

    def recall(self, patient: str, facts: Sequence[Event] = ()) -> PatientState:
        """All that is remembered of a patient."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a server holds of one patient."""

    resources: tuple[JsonObject, ...]
    """His Patient resource first."""
    listed: frozenset[str]
    """`Type/id` of everything in the window."""
    since: datetime
    """Where the window begins, by the server's own time."""


def roster(courses: Courses, now: datetime, window: timedelta) -> Iterator[str]:
    """Patients with a dose or a sample in the window, or with something still to be checked."""
    since = now - window
    for patient in courses.all_patients():
        doses, unlinked = courses.findings(patient)
        if any(one.get("next_check") for one in (*doses, *unlinked)) or any(
            at >= since for one in (*doses, *unlinked) for at in _times(one)
        ):
            yield patient


def _times(finding: Mapping[str, Any]) -> Iterator[datetime]:
    dose = finding.get("dose") or {}
    for text in (dose.get("started"), dose.get("ended"), *(s.get("collected") for s in finding.get("samples") or ())):
        if text:
            yield iso_moment(text, default_zone=UTC).latest


def look_at(server: Server, rhythm: Rhythm, courses: Courses, patient: str, source: str, now: datetime) -> Seen | None:
    """Everything the server holds of a patient in the window; None when it does not know him.

    Raises Transient or Permanent, as the server answers; nothing is kept yet, so several may be looked at together.
    """
    resources: list[JsonObject] = []
    listed: set[str] = set()
    since = now - rhythm.window
    found = False
    for reference in _references(server, courses, patient, source):
        try:
            resources.append(server.read("Patient", reference.partition("/")[2]))
        except Permanent as refusal:
            if refusal.status in NOT_THERE:
                continue
            raise
        found = True
        for resource_type in rhythm.resources:
            got = _records(server, rhythm, resource_type, reference, since)
            resources += got
            listed.update(ref for one in got if (ref := reference_to(one)))
    return Seen(resources=tuple(resources), listed=frozenset(listed), since=since) if found else None


def _references(server: Server, courses: Courses, patient: str, source: str) -> list[str]:
    """`Patient/<id>` of a patient at this server, of merged ones of each of his records.

    Those known from it, else who carries his identifier there.
    """
    return list(dict.fromkeys(r for one in courses.group(patient) for r in _of_record(server, courses, one, source)))


def _of_record(server: Server, courses: Courses, patient: str, source: str) -> list[str]:
    known = [record.reference for record in courses.recall(patient).records if record.source == source]
    if known:
        return known
    system, _, value = patient.partition("|")
    match = server.find_patient(system, value)
    return [match.reference] if match.reference else []


def _records(
    server: Server, rhythm: Rhythm, resource_type: str, reference: str, since: datetime
) -> tuple[JsonObject, ...]:
    params = [("patient", reference.partition("/")[2])]
    if resource_type == "MedicationAdministration":
        params.append(("effective-time", f"ge{since.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%SZ')}"))
    params.append(("_count", str(rhythm.page_size)))
    last = BeginAnew("")
    for _ in range(STARTS):
        try:
            pages = every_page(server, resource_type, params, last.held)
            return tuple(one for page in pages for one in page.resources)
        except BeginAnew as told:
            last = told
    raise Transient(str(last))


def take_seen(
    server: Server, rhythm: Rhythm, courses: Courses, intake: Intake, patient: str, seen: Seen
) -> Counter[str]:
    """Keep what is new of a patient, and the deletion of what the server had and has no longer.

    Only what is asked for by its id and is not there either was deleted: a list may leave out what it likes.
    """
    counts = intake.take(seen.resources)
    known = [row for one in courses.group(patient) for row in courses.recall(one).recorded]
    missing = _missing((row.event for row in known), intake.source, rhythm.resources, seen)
    gone: list[str] = []
    for reference in missing:
        resource_type, _, identity = reference.partition("/")
        try:
            counts.update(intake.take([server.read(resource_type, identity)]))
        except Permanent as refusal:
            if refusal.status not in NOT_THERE:
                raise
            gone.append(reference)
    counts["deleted"] += intake.delete(gone)
    return counts


def _missing(events: Iterable[Event], source: str, resources: Sequence[str], seen: Seen) -> list[str]:
    """Records of this source that lie in the window and were not listed."""
    found = {
        record
        for event in events
        if event.source == source and (record := _record_in(event, seen.since + MARGIN)) is not None
    }
    return sorted(r for r in found if r not in seen.listed and r.partition("/")[0] in resources)


def _record_in(event: Event, since: datetime) -> str | None:
    """`Type/id` of the record an event was read from, when it lies in the window; None for all others."""
    match event:
        case ActivityMeasured():
            return None
        case HypersensitivityRecorded():
            return event.record
        case AsparaginaseAdministered() | PremedicationGiven():
            return event.key if event.started and event.started.earliest >= since else None
        case other:
            assert_never(other)
