"""FHIR servers that answer what nobody should answer: each waits or is parked with its reason, and nobody else does."""

from __future__ import annotations

import json
import threading
import time
from contextlib import ExitStack, closing, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hospital import dose, oru, patient
from hospital_server import HospitalServer
from running_service import Laboratory, code_of, eventually
from sqlalchemy import text

from adapter.store.ledger import OVERTAKES
from adapter.store.sqlite_state import SqliteState

pytestmark = [pytest.mark.loopback, pytest.mark.slow, pytest.mark.timeout(150)]

PATIENTS = [str(number) for number in range(960001, 960006)]
MEBIBYTE = 1024 * 1024
SECRET = "Erika Mustermann"
OUTCOME = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "business-rule", "diagnostics": f"{SECRET} is not here"}],
}
PARKED = {"redirects": "302: status 302, a redirect", "says no in a 200": "200: status 200: business-rule"}
WAITING = {"shows a page": "status 200: not JSON", "never ends": "larger than accepted", "trickles": ""}
"""What may pass by itself, such as the page of a proxy: it is tried again for about a minute before it is parked."""


class Odd(BaseHTTPRequestHandler):
    """A server that does one thing wrong, whatever it is asked to write; questions it answers well."""

    protocol_version = "HTTP/1.1"

    def __init__(self, way, *more):
        self._way = way
        super().__init__(*more)

    def log_message(self, *_):
        pass

    def do_GET(self):
        found = []
        if "Patient?" in self.path:
            found = [{"resource": {"resourceType": "Patient", "id": "p", "identifier": _asked_for(self.path)}}]
        bundle = {"resourceType": "Bundle", "type": "searchset", "total": len(found), "entry": found}
        statement = {"resourceType": "CapabilityStatement", "rest": [{"mode": "server"}]}
        self._say(200, statement if self.path.endswith("/metadata") else bundle)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        match self._way:
            case "redirects":
                self._say(302, {}, ("Location", f"/fhir/{SECRET}"))
            case "says no in a 200":
                self._say(200, OUTCOME)
            case "shows a page":
                self._say(200, f"<html>{SECRET}, please log in</html>")
            case "never ends":
                self._pour(b" " * MEBIBYTE, 0.01)
            case "trickles":
                self._pour(b" ", 0.2)

    do_PUT = do_POST  # noqa: N815 - the name http.server calls

    def _say(self, status, body, *headers):
        raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def _pour(self, drop, pause_s):
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        with suppress(OSError):
            while True:
                self.wfile.write(drop)
                self.wfile.flush()
                time.sleep(pause_s)


def _asked_for(path):
    system, _, value = path.partition("identifier=")[2].partition("&")[0].partition("%7C")
    return [{"system": system.replace("%3A", ":").replace("%2F", "/"), "value": value}]


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client that hangs up is what this is about."""


def odd_server(way, opened):
    server = Quiet(("127.0.0.1", 0), partial(Odd, way))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    opened.callback(server.server_close)
    opened.callback(thread.join)
    opened.callback(server.shutdown)
    return f"http://127.0.0.1:{server.server_address[1]}/fhir"


def told_of(server):
    """How many patients' inactivations the server holds."""
    codes = [
        one.get("valueCodeableConcept", {}).get("coding", [{}])[0].get("code") for one in [*server.resources.values()]
    ]
    return codes.count("suspected-silent-inactivation")


def reasons(store, target):
    """(state, reason) of everything owed to a target."""
    state = SqliteState(store / "state.db")
    with state._database.read() as connection:
        query = text("SELECT DISTINCT state, reason FROM outbox WHERE target = :target AND reason IS NOT NULL")
        found = {(row.state, row.reason) for row in connection.execute(query, {"target": target})}
    state.close()
    return found


def parked_alarms(service):
    """What the alarm of deliveries that were parked says; it rises once all patients of a round were tried."""
    lines = service.get("/metrics").text.splitlines()
    told = [line for line in lines if 'alarms_total{reason="delivery-parked"}' in line]
    return sum(float(line.rpartition(" ")[2]) for line in told)


def test_odd_answers_wait_or_are_parked_with_their_reason_and_delay_no_other_target(start, tmp_path):
    with ExitStack() as opened, closing(HospitalServer()) as good:
        ways = {**PARKED, **WAITING}
        urls = {way: odd_server(way, opened) for way in ways}
        targets = [
            {"name": way.replace(" ", "-"), "url": url, "delivery": "on", "write_raw": "always", "timeout_s": 2}
            for way, url in {"good": good.url, **urls}.items()
        ]
        config = tmp_path / "site.yaml"
        config.write_text(json.dumps({"targets": targets}))
        service = start("--config", str(config))
        begun = time.monotonic()
        for mrn in PATIENTS:
            service.post(patient(mrn))
            service.post(dose(mrn))
            with Laboratory(service.mllp) as laboratory:
                assert code_of(laboratory.send(oru(f"A{mrn}", mrn=mrn, filler=f"F{mrn}", value="<0.03"))) == "AA"
        eventually(lambda: told_of(good) == len(PATIENTS))
        taken = time.monotonic() - begun
        assert taken < 30, "no slower than a target alone, by far: the odd ones answer in two seconds or never"

        for way, reason in PARKED.items():
            name = way.replace(" ", "-")
            eventually(lambda name=name: "parked" in {state for state, _ in reasons(service.store, name)})
            assert all(told.startswith(reason) for state, told in reasons(service.store, name) if state == "parked")
        for way in ("shows a page", "never ends"):
            name = way.replace(" ", "-")
            eventually(lambda name=name: reasons(service.store, name))
            assert {state for state, _ in reasons(service.store, name)} <= {"pending", "parked"}
            assert all(WAITING[way] in told or told == OVERTAKES for _, told in reasons(service.store, name))

        eventually(lambda: parked_alarms(service) >= 2 * len(PATIENTS))
        metrics = service.get("/metrics").text
        pids = service.pids
        assert pids["core"] == service.ready["pids"]["core"], "nothing died of it"
        log = service.log.read_text()
        assert SECRET not in log + metrics + str([reasons(service.store, one["name"]) for one in targets])
        assert "Traceback" not in log
        assert service.stop() == 0
