"""A source that is polled, with a corridor behind it: what a poll keeps is processed at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from records_server import RecordsServer

from adapter.domain.message import MessageRef, Stored
from adapter.fhir import loads
from adapter.pipeline.poll import Rhythm, Server, poll_changes
from adapter.pipeline.poll_patient import look_at, take_seen
from adapter.pipeline.polled import Intake
from adapter.pipeline.process import process
from adapter.pipeline.references import References
from adapter.store.polls import Polls
from adapter.transport.fhir_client import FhirClient

OUR_NOW = datetime(2031, 1, 1, tzinfo=UTC)
"""Our clock is years off, and it must not matter."""


class PolledSite:
    """`restart` forgets everything that is not on disk."""

    def __init__(self, server: RecordsServer, corridor: Any, folder: Path, **rhythm: Any) -> None:
        self.server = server
        self.corridor = corridor
        self.folder = folder
        self._client = FhirClient(server.url)
        self.client: Server = self._client
        defaults: dict[str, Any] = {
            "url": server.url,
            "resources": ("MedicationAdministration",),
            "overlap": timedelta(minutes=10),
            "safety_lag": timedelta(seconds=30),
            "window": timedelta(days=45),
            "page_size": 2,
        }
        self.rhythm = Rhythm(**{**defaults, **rhythm})
        self.monotonic_s = 0.0
        self.fail_to_keep: Exception | None = None
        self.polls = Polls(folder)
        self.intake = self._intake()

    def _intake(self) -> Intake:
        return Intake(
            source="ward",
            references=References(self.client, lambda: self.monotonic_s),
            memory=self.polls,
            keep=self._keep,
            parts=lambda: self.corridor.parts,
            clock=lambda: OUR_NOW,
        )

    def restart(self) -> None:
        self.polls.close()
        self.polls = Polls(self.folder)
        self.intake = self._intake()

    def close(self) -> None:
        self.polls.close()
        self._client.close()

    def _keep(self, arrivals: Any) -> int:
        if self.fail_to_keep:
            raise self.fail_to_keep
        place = 0
        for arrival in arrivals:
            (kept,) = self.corridor.inbox.keep([arrival])
            place = kept.seq
            ref = MessageRef(inbox="inbox", seq=place, source="ward", digest=arrival.digest)
            process(Stored(seq=place, arrival=arrival), ref, self.corridor.parts, OUR_NOW)
        return place

    def poll(self) -> dict[str, int]:
        """What one whole poll counted."""
        return dict(poll_changes(self.client, self.rhythm, self.polls, self.intake))

    def poll_patient(self, patient: str = "https://hospital.example/mrn|900001") -> dict[str, int] | None:
        """What the poll of one patient counted; None when the server does not know him."""
        state = self.corridor.state
        seen = look_at(self.client, self.rhythm, state, patient, "ward", self.server.now)
        if seen is None:
            return None
        return {k: n for k, n in take_seen(self.client, self.rhythm, state, self.intake, patient, seen).items() if n}

    def kept(self, resource_type: str = "MedicationAdministration") -> list[tuple[str, str]]:
        """(id, version) of everything kept of a type, in order; deletions have no version."""
        found = []
        for stored in self.corridor.inbox.after(0, 100_000):
            arrival = stored.arrival
            if arrival.message_type != resource_type:
                continue
            if arrival.method == "DELETE":
                found.append((arrival.target.partition("/")[2], "deleted"))
            else:
                body = loads(arrival.raw)
                found.append((body["id"], body["meta"]["versionId"]))
        return found
