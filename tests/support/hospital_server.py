"""A small FHIR server of the hospital, in the test's own process: it knows every patient and can go away."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from fhir_server import people


class HospitalServer:
    """Holds what is written to it; `away` closes connections unanswered, `busy` answers 503, `mute` says nothing."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.admits: Callable[[str | None], bool] = lambda _: True
        """Whether this Authorization is good for anything but /metadata, as on most servers."""
        self.smart: dict[str, Any] | None = None
        """The .well-known/smart-configuration."""
        self.shown: list[str | None] = []
        """What came as Authorization."""
        self.certificates: list[Any] = []
        """The subject of the certificate a client showed, for each request."""
        self.resources: dict[str, dict[str, Any]] = {}
        self.writes: dict[str, int] = {}
        self.mode = "open"
        self.released = threading.Event()
        self.asked = 0
        self.statement: dict[str, Any] = {
            "resourceType": "CapabilityStatement",
            "fhirVersion": "4.0.1",
            "software": {"name": "Hospital", "version": "7"},
            "rest": [
                {
                    "mode": "server",
                    "interaction": [{"code": "transaction"}],
                    "resource": [
                        {"type": name, "interaction": [{"code": "update"}], "updateCreate": True}
                        for name in ("Observation", "Flag", "Provenance")
                    ]
                    + [{"type": "Patient", "interaction": [{"code": "read"}, {"code": "search-type"}]}],
                }
            ],
        }
        self.clock_ahead_s = 0.0
        self.status = 200
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Request, self))
        self._server.daemon_threads = True
        if context:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.005})
        self._thread.start()
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self._server.server_address[1]}/fhir"

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def put(self, resource: dict[str, Any]) -> str:
        reference = f"{resource['resourceType']}/{resource['id']}"
        self.resources[reference] = resource
        self.writes[reference] = self.writes.get(reference, 0) + 1
        return reference


class _Request(BaseHTTPRequestHandler):
    """One request to the hospital."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer is one packet: in two, the second waits for the confirmation of the first

    def __init__(self, hospital: HospitalServer, *more: Any) -> None:
        self._hospital = hospital
        super().__init__(*more)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        if self._absent():
            return
        path = urlsplit(self.path)
        if path.path.endswith("/smart-configuration") and self._hospital.smart is not None:
            self._answer(self._hospital.smart)
            return
        if path.path.endswith("/metadata"):
            self._answer(self._hospital.statement)
            return
        if self._stranger():
            return
        place = path.path.removeprefix("/fhir/")
        if "/" in place:
            standing = self._hospital.resources.get(place)
            self._answer(standing or {"resourceType": "OperationOutcome"}, 200 if standing else 404)
            return
        resource_type = path.path.rpartition("/")[2]
        found = people(path.query) if resource_type == "Patient" else []
        self._answer(
            {
                "resourceType": "Bundle",
                "type": "searchset",
                "total": len(found),
                "entry": [{"resource": one} for one in found],
            }
        )

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self._absent() or self._stranger():
            return
        entries = []
        for entry in json.loads(body)["entry"]:
            reference = self._hospital.put(entry["resource"])
            entries.append({"response": {"status": "201 Created", "location": f"{reference}/_history/1"}})
        self._answer({"resourceType": "Bundle", "type": "transaction-response", "entry": entries})

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The hospital's clock, which may be off."""
        now = time.time() if timestamp is None else timestamp
        return super().date_time_string(now + self._hospital.clock_ahead_s)

    def _absent(self) -> bool:
        self._hospital.asked += 1
        self._hospital.shown.append(self.headers["Authorization"])
        if isinstance(self.connection, ssl.SSLSocket):
            shown = self.connection.getpeercert() or {}
            self._hospital.certificates.append(dict(part[0] for part in shown.get("subject", ())).get("commonName"))
        if self._hospital.mode == "mute":
            self._hospital.released.wait(60)
            self.close_connection = True
        elif self._hospital.mode == "away":
            self.close_connection = True
        elif self._hospital.mode == "busy":
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()
        return self._hospital.mode != "open"

    def _stranger(self) -> bool:
        if self._hospital.admits(self.headers["Authorization"]):
            return False
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Bearer error="invalid_token"')
        self.send_header("Content-Length", "0")
        self.end_headers()
        return True

    def _answer(self, body: dict[str, Any], status: int | None = None) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status or self._hospital.status)
        self.send_header("Content-Type", "application/fhir+json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)
