"""A FHIR server over a real socket that keeps versions, takes what it says it takes, and fails as it is told."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]
OFFERS: dict[str, Json] = {
    "update-as-create": {"updateCreate": True},
    "conditional-update": {"updateCreate": False, "conditionalUpdate": True},
    "conditional-create": {"updateCreate": False, "conditionalUpdate": False, "conditionalCreate": True},
    "search-first": {"updateCreate": False, "conditionalUpdate": False, "conditionalCreate": False},
}
"""What a CapabilityStatement says of a type, by the best strategy it allows."""
LAST_UPDATED = "2025-06-01T12:00:{:02d}Z"


class FhirServer:
    """`offers` is the best strategy it allows; `fail` may answer a request before anything happens."""

    def __init__(self, offers: str = "update-as-create", *, transaction: bool = True, guards: bool = True) -> None:
        self.offers, self.transaction, self.guards = offers, transaction, guards
        self.takes = ("Observation", "Flag", "Provenance")
        self.current: dict[str, Json] = {}
        self.deleted: set[str] = set()
        self.history: list[tuple[str, Json]] = []
        """(reference, resource) of every version ever written, in order."""
        self.asked: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.received: list[bytes] = []
        """Every body, byte by byte."""
        self.fail: Callable[[str, str], tuple[int, Json | None, dict[str, str]] | None] = lambda *_: None
        self.lose_answers: Callable[[str, str], bool] = lambda *_: False
        """Requests that are done, and answered by a connection that closes."""
        self.halve_answers: Callable[[str, str], bool] = lambda *_: False
        """Requests that are done, and answered by the first half of an answer."""
        self.repeats: Callable[[str, str], bool] = lambda *_: False
        """Requests that somebody on the way sends twice; what is said to the second comes back."""
        self.race_s = 0.0
        """Between looking for what is there and creating it: hapi-fhir#3141."""
        self.lock, self._numbers = threading.RLock(), Counter[str]()
        self._server = _Quiet(("127.0.0.1", 0), partial(_Request, self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.005})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/fhir"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def statement(self) -> Json:
        rows = [
            {
                "type": name,
                "interaction": [{"code": "create"}, {"code": "update"}],
                "versioning": "versioned-update" if self.guards else "versioned",
                **OFFERS[self.offers],
            }
            for name in self.takes
        ]
        system = [{"code": "transaction"}] if self.transaction else [{"code": "search-system"}]
        return {
            "resourceType": "CapabilityStatement",
            "fhirVersion": "4.0.1",
            "rest": [{"mode": "server", "interaction": system, "resource": rows}],
        }

    def of_type(self, resource_type: str) -> list[Json]:
        with self.lock:
            return [one for reference, one in self.current.items() if reference.startswith(f"{resource_type}/")]

    def carrying(self, identifier: str) -> list[Json]:
        """Everything that bears an output key."""
        with self.lock:
            standing = list(self.current.values())
        return [one for one in standing if identifier in {i["value"] for i in one.get("identifier", [])}]

    def edited(self, reference: str, **changes: Any) -> None:
        """A person's edit."""
        with self.lock:
            self._keep(reference, {**self.current[reference], **changes})

    def delete(self, reference: str) -> None:
        """A person's deletion."""
        with self.lock:
            del self.current[reference]
            self.deleted.add(reference)

    def writes(self) -> list[str]:
        return [f"{method} {path}" for method, path in self.asked if method != "GET"]

    def _keep(self, reference: str, body: Json) -> Json:
        version = int(self.current.get(reference, {}).get("meta", {}).get("versionId", 0)) + 1
        stamp = LAST_UPDATED.format(len(self.history) % 60)
        meta = {**body.get("meta", {}), "versionId": str(version), "lastUpdated": stamp}
        kept = {**body, "id": reference.partition("/")[2], "meta": meta}
        self.current[reference] = kept
        self.history.append((reference, kept))
        return kept

    def create(self, resource_type: str, body: Json) -> tuple[int, Json]:
        with self.lock:
            self._numbers[resource_type] += 1
            return 201, self._keep(f"{resource_type}/{self._numbers[resource_type]}", body)

    def update(self, reference: str, body: Json, if_match: str | None) -> tuple[int, Json | None]:
        with self.lock:
            if reference in self.deleted:
                return 410, None
            standing = self.current.get(reference)
            if standing is None and self.offers != "update-as-create":
                return 405, None
            if if_match and self.guards:
                held = f'W/"{standing["meta"]["versionId"]}"' if standing else None
                if held != if_match:
                    return 412, None
            return (200 if standing else 201), self._keep(reference, body)

    def where(self, resource_type: str, query: str) -> list[Json]:
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        with self.lock:
            return [one for one in self.of_type(resource_type) if _matches(one, asked)]


def _matches(one: Json, asked: dict[str, str]) -> bool:
    if "target" in asked:
        return asked["target"] in {target.get("reference") for target in one.get("target", [])}
    if "patient" in asked:
        return one.get("subject", {}).get("reference") == asked["patient"]
    system, _, value = asked.get("identifier", "|").partition("|")
    return any(row.get("system") == system and row.get("value") == value for row in one.get("identifier", []))


def people(query: str) -> list[Json]:
    """Everybody whose number a search names is known."""
    named = [one.partition("|") for one in parse_qs(query)["identifier"][0].split(",")]
    return [
        {"resourceType": "Patient", "id": value, "identifier": [{"system": system, "value": value}]}
        for system, _, value in named
    ]


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is nothing to tell."""


class _Request(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    _unheard = False

    def __init__(self, server: FhirServer, *more: Any) -> None:
        self._fhir = server
        super().__init__(*more)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        if self._stopped():
            return
        parts = urlsplit(self.path)
        names = parts.path.removeprefix("/fhir").strip("/").split("/")
        match names:
            case ["metadata"]:
                self._answer(200, self._fhir.statement())
            case ["Patient"]:
                self._answer(200, _bundle(people(parts.query)))
            case [resource_type]:
                self._answer(200, _bundle(self._fhir.where(resource_type, parts.query)))
            case _:
                reference = "/".join(names)
                found = self._fhir.current.get(reference)
                self._answer(200 if found else 410 if reference in self._fhir.deleted else 404, found)

    def do_PUT(self) -> None:
        body = self._body()
        if not self._stopped():
            self._perhaps_twice(lambda: self._put(body))

    def _put(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        names = parts.path.removeprefix("/fhir/").split("/")
        if parts.query:
            self._conditional_update(names[0], parts.query, json.loads(body))
            return
        status, kept = self._fhir.update("/".join(names), json.loads(body), self.headers.get("If-Match"))
        self._written(status, kept)

    def _conditional_update(self, resource_type: str, query: str, body: Json) -> None:
        if self._fhir.offers not in ("update-as-create", "conditional-update"):
            self._written(405, None)
            return
        found = self._fhir.where(resource_type, query)
        time.sleep(self._fhir.race_s)
        if len(found) > 1:
            self._written(412, None)
        elif found:
            self._written(*self._fhir.update(f"{resource_type}/{found[0]['id']}", body, None))
        else:
            self._written(*self._fhir.create(resource_type, body))

    def do_POST(self) -> None:
        body = self._body()
        if not self._stopped():
            self._perhaps_twice(lambda: self._post(body))

    def _post(self, body: bytes) -> None:
        resource_type = urlsplit(self.path).path.removeprefix("/fhir").strip("/")
        if not resource_type:
            self._transaction(json.loads(body))
            return
        criteria = self.headers.get("If-None-Exist")
        if criteria and self._fhir.offers != "search-first":
            found = self._fhir.where(resource_type, criteria.partition("?")[2])
            time.sleep(self._fhir.race_s)
            if found:
                self._written(200 if len(found) == 1 else 412, found[0] if len(found) == 1 else None)
                return
        self._written(*self._fhir.create(resource_type, json.loads(body)))

    def _transaction(self, bundle: Json) -> None:
        """All or none."""
        with self._fhir.lock:
            before = dict(self._fhir.current), list(self._fhir.history)
            entries = []
            for entry in bundle["entry"]:
                request = entry["request"]
                status, kept = self._fhir.update(request["url"], entry["resource"], request.get("ifMatch"))
                refusal = self._fhir.fail("ENTRY", request["url"])
                if kept is None or refusal:
                    self._fhir.current, self._fhir.history = before
                    self._answer(refusal[0] if refusal else status, refusal[1] if refusal else None)
                    return
                version = kept["meta"]["versionId"]
                location = f"{request['url']}/_history/{version}"
                told = {"status": str(status), "etag": f'W/"{version}"', "location": location}
                entries.append({"response": told})
        self._answer(200, {"resourceType": "Bundle", "type": "transaction-response", "entry": entries})

    def _body(self) -> bytes:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._fhir.received.append(raw)
        return raw

    def _perhaps_twice(self, act: Callable[[], None]) -> None:
        if self._fhir.repeats(self.command, self.path.removeprefix("/fhir")):
            self._unheard = True
            act()
            self._unheard = False
        act()

    def _stopped(self) -> bool:
        path = self.path.removeprefix("/fhir")
        self._fhir.asked.append((self.command, path))
        self._fhir.headers.append(dict(self.headers.items()))
        told = self._fhir.fail(self.command, path)
        if told is not None:
            status, answer, headers = told
            if status == 0:
                self.close_connection = True
            else:
                self._answer(status, answer, headers)
        return told is not None

    def _written(self, status: int, kept: Json | None) -> None:
        if kept is None:
            self._answer(status, None)
            return
        version = kept["meta"]["versionId"]
        place = f"{self._fhir.url}/{kept['resourceType']}/{kept['id']}/_history/{version}"
        self._answer(status, None, {"ETag": f'W/"{version}"', "Location": place})

    def _answer(self, status: int, body: Json | None, headers: dict[str, str] | None = None) -> None:
        if self._unheard:
            return
        path = self.path.removeprefix("/fhir")
        if self._fhir.lose_answers(self.command, path):
            self.close_connection = True
            return
        raw = b"" if body is None else json.dumps(body).encode()
        if self._fhir.halve_answers(self.command, path):
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.wfile.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(raw) + 99}\r\n\r\n".encode())
                self.wfile.write(raw[: len(raw) // 2])
            return
        with contextlib.suppress(OSError):
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/fhir+json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)


def _bundle(resources: list[Json]) -> Json:
    entries = [{"resource": one} for one in resources]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries}
