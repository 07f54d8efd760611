"""The FHIR client and the environment of its process: what others set there for other programs changes nothing."""

from __future__ import annotations

import http.server
import threading
from datetime import UTC, datetime

import pytest
import requests

from adapter.transport.fhir_client import FhirClient

pytestmark = pytest.mark.loopback

NOWHERE = "http://127.0.0.1:9"
VARIABLES = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")


@pytest.fixture
def server():
    """A server that answers everything and remembers who asked, and with which secret."""
    asked = []

    class Answering(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self):
            asked.append(
                (self.path, self.headers.get("Authorization"), self.rfile.read(int(self.headers["Content-Length"])))
            )
            self.send_response(201)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_): ...

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    listening.asked = asked
    threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True).start()
    yield listening
    listening.shutdown()
    listening.server_close()


@pytest.fixture
def of_others(tmp_path, monkeypatch):
    """A proxy for everything where nobody listens, and a .netrc with a password for the very host."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    for name in VARIABLES:
        monkeypatch.setenv(name, NOWHERE)


@pytest.mark.usefixtures("of_others")
def test_neither_a_proxy_nor_a_netrc_of_the_environment_is_looked_up(server, monkeypatch):
    looked_up = []
    monkeypatch.setattr(requests.sessions, "get_environ_proxies", lambda *_, **__: looked_up.append("proxy") or {})
    monkeypatch.setattr(requests.sessions, "get_netrc_auth", lambda *_, **__: looked_up.append("netrc"))
    client = FhirClient(f"http://127.0.0.1:{server.server_address[1]}/fhir", clock=lambda: datetime.now(UTC))
    try:
        for number in range(3):
            client.put("Flag", f"f{number}", b"{}")
    finally:
        client.close()
    assert [(path, secret) for path, secret, _ in server.asked] == [(f"/fhir/Flag/f{n}", None) for n in range(3)]
    assert looked_up == []


@pytest.mark.usefixtures("of_others")
def test_a_client_that_looks_there_would_be_seen(server):
    with requests.Session() as session, pytest.raises(requests.exceptions.ProxyError):
        session.put(f"http://127.0.0.1:{server.server_address[1]}/fhir/Flag/f1", data=b"{}", timeout=5)
    assert server.asked == []
