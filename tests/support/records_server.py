"""A FHIR server with records that change while it is read, over real sockets: it pages, caches, forgets and lies."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

START = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
CACHED_FOR = timedelta(seconds=60)
Answer = tuple[int, dict[str, str], Any]
GONE = (410, {}, {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "not-found"}]})
BROKEN = (500, {}, {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]})


def stamp(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class RecordsServer:
    """Its own clock stands still until `pass_time`; searches are snapshots, as HAPI makes them, or live offsets."""

    def __init__(self) -> None:
        self.now = START
        self.records: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        """Path and query of every request."""
        self.headers: list[dict[str, str]] = []
        self.script: Callable[[str], Answer | None] = lambda _: None
        """Answers instead of the server when it gives something."""
        self.totals = True
        self.tells_time = True
        self.arrange: Callable[[int, list[dict[str, Any]]], list[dict[str, Any]]] = lambda _, rows: rows
        """(number of the search, its rows) -> the rows it pages through: what an unstable order gives."""
        self._searches: dict[str, list[dict[str, Any]]] = {}
        self._cache: dict[str, tuple[datetime, str]] = {}
        self._numbered = 0
        self._server = _Quiet(("127.0.0.1", 0), partial(_Request, self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.005})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/fhir"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def commit(self, resource: dict[str, Any], *, stamped: datetime | None = None) -> dict[str, Any]:
        """Store a new version; `stamped` is when its transaction began, which may be long ago."""
        reference = f"{resource['resourceType']}/{resource['id']}"
        before = self.records.get(reference)
        number = int(before["meta"]["versionId"]) + 1 if before else 1
        meta = {"versionId": str(number), "lastUpdated": stamp(stamped or self.now)}
        self.records[reference] = {**resource, "meta": meta}
        return self.records[reference]

    def delete(self, reference: str) -> None:
        del self.records[reference]

    def times_asked(self, part: str) -> int:
        return sum(part in one for one in self.asked)

    def answer(self, target: str, headers: dict[str, str]) -> Answer:
        self.asked.append(target)
        self.headers.append(headers)
        scripted = self.script(target)
        if scripted is not None:
            return scripted
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        path = parts.path.removeprefix("/fhir").strip("/")
        if path == "metadata":
            return 200, {}, {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}
        if "_getpages" in query:
            return self._page(query["_getpages"], int(query["_offset"]), int(query["_count"]))
        if "/" in path:
            found = self.records.get(path)
            return (200, {}, found) if found else (404, {}, {"resourceType": "OperationOutcome", "issue": []})
        return self._page(self._search(path, query, parts.query, headers), 0, int(query.get("_count", "50")))

    def _search(self, resource_type: str, query: dict[str, str], text: str, headers: dict[str, str]) -> str:
        key = f"{resource_type}?{text}"
        made, name = self._cache.get(key, (self.now - 2 * CACHED_FOR, ""))
        if self.now - made < CACHED_FOR and headers.get("cache-control") != "no-cache":
            return name
        rows = [one for ref, one in self.records.items() if ref.startswith(resource_type + "/")]
        rows = sorted((one for one in rows if _matches(one, query)), key=lambda one: one["meta"]["lastUpdated"])
        self._numbered += 1
        name = f"s{self._numbered}"
        self._searches[name] = self.arrange(self._numbered, rows)
        self._cache[key] = self.now, name
        return name

    def _page(self, name: str, start: int, count: int) -> Answer:
        rows = self._searches[name]
        links = []
        if start + count < len(rows):
            links = [{"relation": "next", "url": f"{self.url}?_getpages={name}&_offset={start + count}&_count={count}"}]
        bundle = {
            "resourceType": "Bundle",
            "type": "searchset",
            "link": links,
            "entry": [{"resource": one} for one in rows[start : start + count]],
        }
        if self.totals:
            bundle["total"] = len(rows)
        return 200, {}, bundle


def _matches(resource: dict[str, Any], query: dict[str, str]) -> bool:
    if "_lastUpdated" in query and not resource["meta"]["lastUpdated"] >= query["_lastUpdated"].removeprefix("ge"):
        return False
    if "identifier" in query:
        system, _, value = query["identifier"].partition("|")
        return any(row == {"system": system, "value": value} for row in resource.get("identifier", ()))
    if "patient" in query:
        who = resource.get("subject") or resource.get("patient") or {}
        if who.get("reference") != f"Patient/{query['patient']}":
            return False
    if "effective-time" in query:
        return resource["effectiveDateTime"] >= query["effective-time"].removeprefix("ge")
    return True


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that was killed is no fault of the server."""


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer is one packet: in two, the second waits for the confirmation of the first

    def __init__(self, server: RecordsServer, *more: Any) -> None:
        self._records = server
        super().__init__(*more)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, more, body = self._records.answer(self.path, headers)
        raw = json.dumps(body).encode()
        self.send_response_only(status)
        if self._records.tells_time:
            self.send_header("Date", format_datetime(self._records.now, usegmt=True))
        self.send_header("Content-Type", "application/fhir+json")
        self.send_header("Content-Length", str(len(raw)))
        for name, value in more.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)


def page_number(target: str) -> int:
    """1 for a search, 2 and more for what its links lead to."""
    found = re.search(r"_offset=(\d+)&_count=(\d+)", target)
    return 1 if found is None else int(found[1]) // int(found[2]) + 1


def dose(number: int, *, patient: str = "p1", status: str = "completed", **more: Any) -> dict[str, Any]:
    """A dose of pegaspargase, an hour long."""
    coding = {"system": "https://hospital.example/formulary", "code": "PEGASP"}
    return {
        "resourceType": "MedicationAdministration",
        "id": f"d{number}",
        "status": status,
        "medicationCodeableConcept": {"coding": [coding]},
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": "2025-05-20T10:00:00Z",
        "dosage": {"dose": {"value": 2500 + number, "unit": "IU"}},
        **more,
    }


def patient(identity: str = "p1", mrn: str = "900001") -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": identity,
        "identifier": [{"system": "https://hospital.example/mrn", "value": mrn}],
    }
