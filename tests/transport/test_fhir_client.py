"""The FHIR client against a scripted server that behaves well, badly and not at all."""

from __future__ import annotations

import contextlib
import gzip
import http.server
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from adapter.transport.fhir_client import (
    Ambiguous,
    BasicAuth,
    BearerAuth,
    EntryResult,
    FhirClient,
    PatientMatch,
    Permanent,
    Timeouts,
    Transient,
    Unauthorized,
)
from adapter.transport.pauses import Pauses

pytestmark = pytest.mark.loopback

SECRET = "Erika Mustermann"
NOW = datetime(2025, 3, 3, 10, 0, tzinfo=UTC)
Handler = http.server.BaseHTTPRequestHandler
Step = Callable[[Handler], None]


class Quiet(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is what these tests are about."""


class Scripted:
    """A server that plays one step per request and remembers what it was asked."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.asked: list[tuple[str, str, bytes, dict[str, str], tuple[str, int]]] = []
        outer = self

        class Answering(Handler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.asked.append((self.command, self.path, self.rfile.read(length), headers, self.client_address))
                outer.steps.pop(0)(self)

            do_GET = do_POST = do_PUT = answer  # noqa: N815 - the names http.server calls

            def log_message(self, *_: object) -> None:
                pass

        self.server = Quiet(("127.0.0.1", 0), Answering)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/fhir"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True).start()

    def plays(self, *steps: Step) -> None:
        self.steps.extend(steps)


@pytest.fixture
def server() -> Iterator[Scripted]:
    scripted = Scripted()
    yield scripted
    scripted.server.shutdown()
    scripted.server.server_close()


@pytest.fixture
def client(server: Scripted) -> Iterator[FhirClient]:
    opened = FhirClient(
        server.url,
        timeouts=Timeouts(connect_s=1, read_s=0.3, whole_s=0.6),
        answer_limit_bytes=100_000,
        clock=lambda: NOW,
    )
    yield opened
    opened.close()


@pytest.fixture
def gone_on(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds by which the clock of pauses has gone on."""
    seconds = [0.0]
    monkeypatch.setattr(Pauses.__init__, "__kwdefaults__", {"monotonic": lambda: time.monotonic() + seconds[0]})
    return seconds


def answer(status: int, body: object = None, **headers: str) -> Step:
    raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()

    def step(handler: Handler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(raw)))
        handler.end_headers()
        handler.wfile.write(raw)

    return step


def reset(handler: Handler) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.rfile.close()  # the connection ends only when nobody reads it any more
    handler.connection.close()


def half(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"resourceType": "Bun')
    handler.close_connection = True


def endless(handler: Handler) -> None:
    handler.send_response(200)
    handler.end_headers()
    with contextlib.suppress(OSError):
        while True:
            handler.wfile.write(b" " * 65536)


def trickle(handler: Handler) -> None:
    handler.send_response(200)
    handler.end_headers()
    with contextlib.suppress(OSError):
        for _ in range(100):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.1)


def silent(handler: Handler) -> None:
    time.sleep(0.8)
    handler.close_connection = True


def outcome(code: str, *, severity: str = "error") -> dict[str, object]:
    issue = {"severity": severity, "code": code, "diagnostics": SECRET, "expression": ["Observation.status"]}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def searchset(*resources: object, **more: object) -> dict[str, object]:
    entries = [{"resource": resource} for resource in resources]
    return {"resourceType": "Bundle", "type": "searchset", "entry": entries, **more}


def patient(resource_id: str, value: str = "4711", **more: object) -> dict[str, object]:
    return {"resourceType": "Patient", "id": resource_id, "identifier": [{"system": "urn:mrn", "value": value}], **more}


def replaced_by(other: str) -> dict[str, object]:
    return {"active": False, "link": [{"type": "replaced-by", "other": {"reference": other}}]}


TWO = b'{"resourceType":"Bundle","type":"transaction","entry":[{},{}]}'


def response(*entries: object) -> dict[str, object]:
    return {"resourceType": "Bundle", "type": "transaction-response", "entry": [{"response": one} for one in entries]}


class TestWriting:
    def test_a_put_sends_the_very_bytes_and_learns_the_version(self, server, client) -> None:
        server.plays(answer(201, None, ETag='W/"3"'))
        body = b'{"resourceType": "Observation",  "valueQuantity": {"value": 0.10}}'
        assert client.put("Observation", "a-1", body) == EntryResult(status=201, version="3")
        method, path, sent, headers, _ = server.asked[0]
        assert (method, path, sent) == ("PUT", "/fhir/Observation/a-1", body)
        assert headers["content-type"] == "application/fhir+json"
        assert "if-match" not in headers

    def test_a_put_with_a_known_version_asks_for_it(self, server, client) -> None:
        server.plays(answer(200, outcome("informational", severity="information")))
        result = client.put("Flag", "f", b"{}", if_match="7")
        assert server.asked[0][3]["if-match"] == 'W/"7"'
        assert result == EntryResult(status=200, issues=("informational Observation.status",))

    def test_a_transaction_gives_status_and_version_of_each_entry(self, server, client) -> None:
        entries = (
            {"status": "201 Created", "etag": 'W/"1"'},
            {"status": "200", "location": "Flag/f/_history/4"},
        )
        server.plays(answer(200, response(*entries)))
        result = client.transaction(TWO)
        assert result.entries == (EntryResult(status=201, version="1"), EntryResult(status=200, version="4"))
        assert result.done
        assert server.asked[0][:3] == ("POST", "/fhir", TWO)

    def test_an_entry_refused_inside_a_transaction_carries_its_own_failure(self, server, client) -> None:
        server.plays(answer(200, response({"status": "201"}, {"status": "422", "outcome": outcome("value")})))
        result = client.transaction(TWO)
        assert not result.done
        assert isinstance(result.entries[1].failure, Permanent)
        assert str(result.entries[1].failure) == "422: value Observation.status"

    @pytest.mark.parametrize(
        "body",
        [response({"status": "201"}), {"resourceType": "Patient"}, {"resourceType": "Bundle"}, None],
    )
    def test_a_transaction_answer_that_does_not_fit_is_ambiguous(self, server, client, body) -> None:
        server.plays(answer(200, body))
        with pytest.raises(Ambiguous):
            client.transaction(TWO)

    def test_entry_without_a_response_is_ambiguous_for_that_entry(self, server, client) -> None:
        server.plays(answer(200, {"resourceType": "Bundle", "entry": [{}, {"response": {"status": "fine"}}]}))
        assert [type(entry.failure) for entry in client.transaction(TWO).entries] == [Ambiguous, Ambiguous]

    def test_a_conditional_update_names_the_identifier_and_learns_where_it_stands(self, server, client) -> None:
        server.plays(answer(201, Location=f"{server.url}/Flag/77/_history/1", ETag='W/"1"'))
        result = client.put_where("Flag", ("http://keys|a", "k,1"), b"{}")
        assert (result.done, result.id, result.version) == (True, "77", "1")
        assert server.asked[0][:2] == ("PUT", "/fhir/Flag?identifier=http%3A%2F%2Fkeys%5C%7Ca%7Ck%5C%2C1")

    def test_a_conditional_create_spells_its_criteria_with_the_type_in_front(self, server, client) -> None:
        server.plays(answer(201, Location="Flag/78"), answer(201))
        assert client.post("Flag", b"{}", none_exist=("urn:keys", "k1")).id == "78"
        assert server.asked[0][:2] == ("POST", "/fhir/Flag")
        assert server.asked[0][3]["if-none-exist"] == "Flag?identifier=urn%3Akeys%7Ck1"
        assert client.post("Flag", b"{}").id is None
        assert "if-none-exist" not in server.asked[1][3]

    def test_what_points_at_a_resource_is_searched_by_its_reference(self, server, client) -> None:
        trail = {"resourceType": "Provenance", "id": "p"}
        server.plays(answer(200, {"resourceType": "Bundle", "entry": [{"resource": trail}]}))
        assert client.pointing_at("Provenance", "target", "Flag/77") == [trail]
        assert server.asked[0][1] == "/fhir/Provenance?target=Flag%2F77"


class TestFailures:
    @pytest.mark.parametrize("status", [400, 403, 404, 405, 410, 412, 413, 415, 418, 422, 501])
    def test_a_refusal_of_the_content_is_permanent(self, server, client, status) -> None:
        server.plays(answer(status, outcome("invalid")))
        with pytest.raises(Permanent) as caught:
            client.put("Flag", "f", b"{}")
        assert (caught.value.status, caught.value.reason) == (status, f"status {status}: invalid Observation.status")

    @pytest.mark.parametrize("status", [401, 408, 421, 425, 429, 503])
    def test_a_refusal_of_the_moment_is_transient(self, server, client, status) -> None:
        server.plays(answer(status))
        with pytest.raises(Transient) as caught:
            client.put("Flag", "f", b"{}")
        assert (caught.value.status, caught.value.retry_after_s) == (status, None)

    @pytest.mark.parametrize("status", [409, 500, 502, 504, 599])
    def test_a_write_that_may_have_happened_is_ambiguous(self, server, client, status) -> None:
        server.plays(answer(status))
        with pytest.raises(Ambiguous):
            client.put("Flag", "f", b"{}")

    def test_a_read_is_never_ambiguous(self, server, client) -> None:
        server.plays(answer(500))
        with pytest.raises(Transient):
            client.read("Flag", "f")

    @pytest.mark.parametrize(
        ("headers", "wait_s"),
        [
            ({"Retry_After": "12"}, 12.0),
            ({"Retry_After": "999999"}, 3600.0),
            ({"Retry_After": "Mon, 03 Mar 2025 10:00:30 GMT"}, 30.0),
            ({"Retry_After": "Mon, 03 Mar 2025 09:00:00 GMT"}, 0.0),
            ({"Retry_After": "soon"}, None),
            ({"Retry_After": "Mon, 03 Mar 2025 10:00:30 -0000"}, None),
            ({"x_ms_retry_after_ms": "1500", "Retry_After": "9"}, 1.5),
            ({"x_ms_retry_after_ms": "-1", "Retry_After": "9"}, 9.0),
        ],
    )
    def test_the_wait_a_server_asks_for_is_kept(self, server, client, headers, wait_s) -> None:
        server.plays(answer(429, None, **headers))
        with pytest.raises(Transient) as caught:
            client.transaction(TWO)
        assert caught.value.retry_after_s == wait_s

    @pytest.mark.parametrize("step", [reset, half, silent, endless, trickle], ids=lambda step: step.__name__)
    def test_a_write_without_a_whole_answer_is_ambiguous(self, server, client, step) -> None:
        server.plays(step)
        started = time.monotonic()
        with pytest.raises(Ambiguous):
            client.transaction(TWO)
        assert time.monotonic() - started < 30

    @pytest.mark.parametrize("step", [reset, half, silent], ids=lambda step: step.__name__)
    def test_a_read_without_a_whole_answer_is_transient(self, server, client, step) -> None:
        server.plays(step)
        with pytest.raises(Transient):
            client.read("Flag", "f")

    def test_a_page_of_html_confirms_nothing(self, server, client) -> None:
        server.plays(answer(200, b"<html>Please log in</html>", Content_Type="text/html"))
        with pytest.raises(Ambiguous, match="not JSON"):
            client.put("Flag", "f", b"{}")

    def test_an_error_page_of_html_is_sorted_by_its_status(self, server, client) -> None:
        server.plays(answer(404, b"<html>nothing here</html>", Content_Type="text/html"))
        with pytest.raises(Permanent, match=r"status 404$"):
            client.put("Flag", "f", b"{}")

    def test_a_redirect_is_not_followed_because_our_token_must_not_go_elsewhere(self, server, client) -> None:
        server.plays(answer(302, None, Location="http://127.0.0.1:9/elsewhere"))
        with pytest.raises(Permanent, match="status 302"):
            client.put("Flag", "f", b"{}")
        assert len(server.asked) == 1

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_a_redirect_is_told_as_one_and_without_its_address(self, server, client, status) -> None:
        server.plays(answer(status, None, Location=f"/fhir/Patient?identifier={SECRET}"))
        with pytest.raises(Permanent) as caught:
            client.search("Patient", {"identifier": "4711"})
        assert str(caught.value) == (
            f"{status}: status {status}, a redirect, which is not followed: "
            "the setting url takes the address it leads to"
        )

    @pytest.mark.parametrize(
        ("status", "shown", "told"),
        [
            (
                401,
                'Bearer realm="fhir", error="invalid_token", error_description="of Erika"',
                "status 401 (invalid_token)",
            ),
            (401, "Bearer error=invalid_token", "status 401 (invalid_token)"),
            (403, 'Bearer error="insufficient_scope", scope="system/Flag.cu"', "403: status 403 (insufficient_scope)"),
            (401, 'Bearer error="invalid_tokens_of_Erika"', "status 401"),
            (401, 'Basic realm="invalid_token"', "status 401"),
            (401, "", "status 401"),
            (400, 'Bearer error="invalid_request"', "400: status 400"),
        ],
    )
    def test_why_credentials_are_refused_is_told_in_the_words_of_the_standard(
        self, server, client, status, shown, told
    ) -> None:
        server.plays(answer(status, None, WWW_Authenticate=shown))
        with pytest.raises((Unauthorized, Permanent)) as caught:
            client.put("Flag", "f", b"{}")
        assert isinstance(caught.value, Unauthorized) is (status == 401)
        assert str(caught.value) == told

    @pytest.mark.parametrize("status", [429, 503])
    @pytest.mark.parametrize("wait", ["60", "Mon, 03 Mar 2025 10:01:00 GMT"])
    def test_a_pause_a_server_asks_for_is_kept_by_all_requests(self, server, client, status, wait) -> None:
        server.plays(answer(status, None, Retry_After=wait))
        with pytest.raises(Transient):
            client.put("Flag", "f", b"{}")
        with pytest.raises(Transient, match=f"status {status}") as caught:
            client.read("Flag", "f")
        assert 0 < caught.value.retry_after_s <= 60
        assert len(server.asked) == 1

    def test_after_the_pause_the_next_request_is_sent(self, server, client) -> None:
        server.plays(answer(429, None, x_ms_retry_after_ms="700"), answer(200, {"resourceType": "Flag"}))
        for _ in range(2):
            with pytest.raises(Transient):
                client.read("Flag", "f")
        time.sleep(0.71)
        assert client.read("Flag", "f") == {"resourceType": "Flag"}
        assert len(server.asked) == 2

    @pytest.mark.parametrize(
        ("status", "headers"), [(503, {}), (503, {"Retry_After": "0"}), (500, {"Retry_After": "9"})]
    )
    def test_without_a_pause_asked_for_the_next_request_is_sent(self, server, client, status, headers) -> None:
        server.plays(answer(status, None, **headers), answer(200, {"resourceType": "Flag"}))
        with pytest.raises(Transient):
            client.read("Flag", "f")
        assert client.read("Flag", "f") == {"resourceType": "Flag"}

    def test_a_host_nobody_knows_is_told_as_such(self) -> None:
        client = FhirClient("http://no-such-host.invalid/fhir", timeouts=Timeouts(connect_s=1))
        with pytest.raises(Transient, match=r"^the server cannot be reached: the host name is not known$"):
            client.transaction(TWO)
        client.close()

    def test_success_with_an_error_inside_is_a_refusal(self, server, client) -> None:
        server.plays(answer(200, outcome("business-rule")))
        with pytest.raises(Permanent, match=r"status 200: business-rule Observation\.status$"):
            client.put("Flag", "f", b"{}")

    def test_success_with_a_passing_error_inside_is_ambiguous(self, server, client) -> None:
        server.plays(answer(200, outcome("lock-error")))
        with pytest.raises(Ambiguous):
            client.put("Flag", "f", b"{}")

    def test_a_server_that_is_not_there_was_sent_nothing(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            client = FhirClient(f"http://127.0.0.1:{taken.getsockname()[1]}/fhir", timeouts=Timeouts(connect_s=1))
            with pytest.raises(Transient, match=r"^the server cannot be reached: nobody listens there$"):
                client.transaction(TWO)
        client.close()

    def test_a_server_that_speaks_no_tls_was_sent_nothing(self, server) -> None:
        client = FhirClient(server.url.replace("http:", "https:"), timeouts=Timeouts(connect_s=1, read_s=1))
        with pytest.raises(Transient, match=r"^the TLS connection failed: it does not speak TLS$"):
            client.transaction(TWO)
        client.close()
        assert server.asked == []

    def test_a_connection_that_is_not_accepted_in_time_was_sent_nothing(self, client, monkeypatch) -> None:
        def late(*_: object, **__: object) -> None:
            raise requests.exceptions.ConnectTimeout(SECRET)

        monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", late)
        with pytest.raises(Transient, match=r"did not accept the connection in time$"):
            client.transaction(TWO)

    @pytest.mark.parametrize(
        ("place", "shown"),
        [
            ("Observation.value.ofType(Quantity).value", True),
            ("Bundle.entry[12].resource.status", True),
            ("/f:Bundle/f:entry[1]/f:resource", True),
            ("Patient.where(name='Mustermann')", False),
            ("4711", False),
            ("mrn-4711", False),
            ("Observation." + "a" * 120, False),
            (4711, False),
        ],
    )
    def test_a_place_is_shown_only_when_it_is_an_element_path(self, server, client, place, shown) -> None:
        issue = {"severity": "error", "code": "value", "expression": [place]}
        server.plays(answer(422, {"resourceType": "OperationOutcome", "issue": [issue, "?"]}))
        with pytest.raises(Permanent) as caught:
            client.put("Flag", "f", b"{}")
        assert caught.value.reason == (f"status 422: value {place}" if shown else "status 422: value")

    def test_a_base_url_that_is_none_waits_for_a_person(self) -> None:
        client = FhirClient("fhir.example")
        with pytest.raises(Permanent, match="not a URL"):
            client.capabilities()
        client.close()

    @pytest.mark.parametrize(
        "step",
        [answer(400, outcome("invalid")), answer(500, outcome(SECRET)), answer(200, SECRET.encode()), reset, silent],
    )
    def test_no_content_is_in_the_text_of_a_failure(self, server, client, step) -> None:
        server.plays(step)
        with pytest.raises((Transient, Ambiguous, Permanent)) as caught:
            client.search("Patient", {"identifier": f"urn:mrn|{SECRET}"})
        failure = caught.value
        assert SECRET.split(maxsplit=1)[0] not in f"{failure!r} {failure} {failure.reason}"
        assert failure.__suppress_context__ or failure.__context__ is None


class TestAuthAndConnections:
    @pytest.mark.parametrize(
        ("auth", "header"),
        [
            (None, None),
            (BasicAuth(user="adapter", password="pass"), "Basic YWRhcHRlcjpwYXNz"),
            (BearerAuth(token="t0k"), "Bearer t0k"),
        ],
    )
    def test_credentials_go_with_every_request(self, server, auth, header) -> None:
        server.plays(answer(200, {"resourceType": "CapabilityStatement"}))
        client = FhirClient(server.url + "/", auth=auth)
        assert client.capabilities() == {"resourceType": "CapabilityStatement"}
        client.close()
        assert server.asked[0][1] == "/fhir/metadata"
        assert server.asked[0][3].get("authorization") == header

    def test_a_refusal_is_told_when_it_begins_and_when_it_ends(self, server, gone_on) -> None:
        told = []
        client = FhirClient(
            server.url, auth=BearerAuth(token="t0k"), observe=lambda event, facts: told.append((event, dict(facts)))
        )
        statuses = (200, 401, 401, 404, 200, 401)
        server.plays(*[answer(status, {"resourceType": "Flag"}) for status in statuses])
        for status in statuses:
            gone_on[0] += 1000
            with contextlib.suppress(Unauthorized, Permanent):
                assert client.read("Flag", "f") == {"resourceType": "Flag"}
                assert status == 200
        client.close()
        refused = ("not-authorized", {"reason": "status 401"})
        assert told == [refused, ("authorized", {}), refused]

    def test_refused_credentials_are_shown_again_after_a_pause_only(self, server, gone_on) -> None:
        client = FhirClient(server.url, auth=BasicAuth(user="adapter", password="pass"))
        pauses = []
        for number in range(1, 8):
            server.plays(answer(401))
            with pytest.raises(Unauthorized) as told:
                client.put("Flag", "f", b"{}")
            with pytest.raises(Unauthorized) as caught:
                client.read("Flag", "f")
            assert (str(told.value), str(caught.value), len(server.asked)) == ("status 401", "status 401", number)
            pauses.append(round(caught.value.retry_after_s))
            gone_on[0] += pauses[-1] + 0.1
        assert pauses == [10, 20, 40, 80, 160, 300, 300]
        server.plays(answer(200), answer(401))
        assert client.put("Flag", "f", b"{}").done
        for _ in range(2):
            with pytest.raises(Unauthorized) as caught:
                client.put("Flag", "f", b"{}")
        assert round(caught.value.retry_after_s) == 10
        client.close()

    def test_a_token_that_was_replaced_is_shown_at_once(self, server) -> None:
        kept = [BearerAuth(token="old")]
        client = FhirClient(server.url, auth=kept[0], again=lambda: kept[-1])
        server.plays(answer(401), answer(200), answer(401), answer(200))
        with pytest.raises(Unauthorized):
            client.put("Flag", "f", b"{}")
        kept.append(BearerAuth(token="new"))
        assert client.put("Flag", "f", b"{}").done
        kept.append(BearerAuth(token="newest"))
        assert client.put("Flag", "f", b"{}").done
        client.close()
        assert [asked[3]["authorization"][7:] for asked in server.asked] == ["old", "new", "new", "newest"]

    def test_a_token_that_cannot_be_read_again_stays_what_it_was(self, server, gone_on) -> None:
        client = FhirClient(server.url, auth=BearerAuth(token="old"), again=lambda: None)
        server.plays(answer(401), answer(200))
        with pytest.raises(Unauthorized):
            client.put("Flag", "f", b"{}")
        gone_on[0] += 11
        assert client.put("Flag", "f", b"{}").done
        client.close()
        assert [asked[3]["authorization"][7:] for asked in server.asked] == ["old", "old"]

    @pytest.mark.parametrize("auth", [BasicAuth(user="adapter", password="pass"), BearerAuth(token="pass")])
    def test_a_secret_is_not_in_what_a_person_prints(self, auth) -> None:
        assert "pass" not in repr(auth)

    def test_one_connection_serves_one_request_after_another(self, server, client) -> None:
        server.plays(*[answer(200, {"resourceType": "Flag", "n": n}) for n in range(5)])
        for _ in range(5):
            client.read("Flag", "f")
        assert len({asked[4] for asked in server.asked}) == 1

    def test_cookies_of_a_server_are_not_kept(self, server, client) -> None:
        server.plays(*[answer(200, {"resourceType": "Flag"}, Set_Cookie="session=1")] * 2)
        client.read("Flag", "f")
        client.read("Flag", "f")
        assert "cookie" not in server.asked[1][3]

    def test_a_compressed_answer_is_read_although_none_was_asked_for(self, server, client) -> None:
        server.plays(answer(200, gzip.compress(b'{"resourceType":"Flag"}'), Content_Encoding="gzip"))
        assert client.read("Flag", "f") == {"resourceType": "Flag"}

    def test_a_compressed_flood_is_cut_off(self, server, client) -> None:
        server.plays(answer(200, gzip.compress(b" " * 10_000_000), Content_Encoding="gzip"))
        with pytest.raises(Transient, match="larger"):
            client.read("Flag", "f")


class TestReading:
    def test_another_resource_than_asked_for_is_not_taken(self, server, client) -> None:
        server.plays(answer(200, {"resourceType": "Patient"}))
        with pytest.raises(Transient):
            client.read("Flag", "f")

    def test_an_id_is_encoded_into_the_path(self, server, client) -> None:
        server.plays(answer(200, {"resourceType": "Flag"}))
        client.read("Flag", "a/../b?c")
        assert server.asked[0][1] == "/fhir/Flag/a%2F..%2Fb%3Fc"

    def test_a_search_gives_matches_total_and_next_page(self, server, client) -> None:
        link = [{"relation": "next", "url": f"{server.url}?page=2"}]
        server.plays(
            answer(200, searchset(patient("p1"), {"resourceType": "OperationOutcome"}, total=2, link=link)),
            answer(200, searchset(patient("p2"))),
        )
        first = client.search("Patient", [("name", "a b"), ("name", "c")])
        assert [one["id"] for one in first.resources] == ["p1"]
        assert (first.total, first.next_url) == (2, f"{server.url}?page=2")
        second = client.follow(first.next_url, "Patient")
        assert [one["id"] for one in second.resources] == ["p2"]
        assert [asked[1] for asked in server.asked] == ["/fhir/Patient?name=a+b&name=c", "/fhir?page=2"]

    @pytest.mark.parametrize("url", ["http://elsewhere.example/fhir?page=2", "//elsewhere.example/"])
    def test_a_next_page_on_another_server_is_refused(self, client, url) -> None:
        with pytest.raises(Permanent, match="leaves"):
            client.follow(url, "Patient")

    def test_the_next_page_may_not_start_like_the_base_only(self, server, client) -> None:
        with pytest.raises(Permanent, match="leaves"):
            client.follow(server.url + ".elsewhere.example/x", "Patient")


class TestFindPatient:
    def test_one_bearer_of_the_identifier_is_found(self, server, client) -> None:
        server.plays(answer(200, searchset(patient("p1"))))
        assert client.find_patient("urn:mrn", "4711") == PatientMatch(reference="Patient/p1")
        assert parse_qs(urlsplit(server.asked[0][1]).query) == {"identifier": ["urn:mrn|4711"]}

    def test_special_characters_are_escaped_for_fhir_and_for_the_url(self, server, client) -> None:
        server.plays(answer(200, searchset(patient("p1", value="a|b,c$d\\e&f"))))
        assert client.find_patient("urn:mrn", "a|b,c$d\\e&f").reference == "Patient/p1"
        assert parse_qs(urlsplit(server.asked[0][1]).query) == {"identifier": ["urn:mrn|a\\|b\\,c\\$d\\\\e&f"]}

    def test_the_server_is_asked_for_what_it_holds_now_not_for_an_earlier_answer(self, server, client) -> None:
        server.plays(answer(200, searchset(patient("p1"))))
        client.find_patient("urn:mrn", "4711")
        assert server.asked[0][3]["cache-control"] == "no-cache"

    def test_several_are_found_by_one_search(self, server, client) -> None:
        several = [("urn:mrn", "1"), ("urn:mrn", "2,3"), ("urn:other", "1")]
        server.plays(answer(200, searchset(patient("p2", value="2,3"), patient("p1", value="1"))))
        found = {one: match.reference for one, match in client.find_patients(several).items()}
        assert found == {("urn:mrn", "1"): "Patient/p1", ("urn:mrn", "2,3"): "Patient/p2"}
        assert parse_qs(urlsplit(server.asked[0][1]).query) == {"identifier": ["urn:mrn|1,urn:mrn|2\\,3,urn:other|1"]}

    @pytest.mark.parametrize(
        "people",
        [
            [patient("p1"), patient("p2")],
            [patient("p1", **replaced_by("Patient/p2"))],
            [
                patient(
                    "p1", identifier=[{"system": "urn:mrn", "value": 4711}, {"system": ["urn:mrn"], "value": "4711"}]
                )
            ],
            [patient(7)],
            [],
        ],
    )
    def test_of_several_only_whoever_is_told_for_certain_is_found(self, server, client, people) -> None:
        server.plays(answer(200, searchset(*people, patient("p9", value="9"))))
        assert client.find_patients([("urn:mrn", "4711"), ("urn:mrn", "9")]).keys() == {("urn:mrn", "9")}

    @pytest.mark.parametrize("more", [{"total": 2}, {"link": [{"relation": "next", "url": "http://x"}]}])
    def test_an_answer_that_is_not_whole_tells_nobody_of_several(self, server, client, more) -> None:
        server.plays(answer(200, searchset(patient("p1")) | more))
        assert client.find_patients([("urn:mrn", "4711"), ("urn:mrn", "9")]) == {}

    def test_nobody_is_nobody(self, server, client) -> None:
        server.plays(answer(200, {"resourceType": "Bundle", "type": "searchset", "total": 0}))
        assert client.find_patient("urn:mrn", "4711") == PatientMatch()

    def test_two_bearers_are_ambiguous(self, server, client) -> None:
        server.plays(answer(200, searchset(patient("p1"), patient("p2"))))
        assert client.find_patient("urn:mrn", "4711") == PatientMatch(ambiguous=True)

    def test_a_second_bearer_on_a_further_page_is_ambiguous(self, server, client) -> None:
        more = {"link": [{"relation": "next", "url": f"{server.url}?page=2"}]}
        server.plays(answer(200, searchset(patient("p1")) | more), answer(200, searchset(patient("p2"))))
        assert client.find_patient("urn:mrn", "4711") == PatientMatch(ambiguous=True)

    def test_the_only_bearer_may_stand_on_a_further_page(self, server, client) -> None:
        more = {"link": [{"relation": "next", "url": f"{server.url}?page=2"}]}
        server.plays(answer(200, searchset() | more), answer(200, searchset(patient("p2"))))
        assert client.find_patient("urn:mrn", "4711") == PatientMatch(reference="Patient/p2")

    def test_pages_without_end_tell_nothing_for_certain(self, server, client) -> None:
        more = {"link": [{"relation": "next", "url": f"{server.url}?page=2"}]}
        server.plays(*[answer(200, searchset(patient("p1")) | more)] * 10)
        assert client.find_patient("urn:mrn", "4711") == PatientMatch(ambiguous=True)
        assert len(server.asked) == 10

    def test_everybody_a_careless_server_answers_with_is_not_taken(self, server, client) -> None:
        strangers = searchset(patient("p1", value="1"), patient("p2", value="4711 "), {"resourceType": "Patient"})
        server.plays(answer(200, strangers))
        assert client.find_patient("urn:mrn", "4711") == PatientMatch()

    def test_a_replaced_patient_leads_to_the_surviving_one(self, server, client) -> None:
        old = patient("old", **replaced_by(f"{server.url}/Patient/new/_history/2"))
        server.plays(answer(200, searchset(old, patient("new"))), answer(200, patient("new")))
        assert client.find_patient("urn:mrn", "4711") == PatientMatch(reference="Patient/new")
        assert server.asked[1][1] == "/fhir/Patient/new"

    def test_an_inactive_patient_nobody_replaced_is_still_the_one(self, server, client) -> None:
        server.plays(answer(200, searchset(patient("p1", active=False))))
        assert client.find_patient("urn:mrn", "4711") == PatientMatch(reference="Patient/p1")

    def test_five_replacements_are_followed_and_no_more(self, server, client) -> None:
        chain = [patient(f"p{n}", **replaced_by(f"Patient/p{n + 1}")) for n in range(6)]
        server.plays(answer(200, searchset(chain[0])), *[answer(200, one) for one in [*chain[1:5], patient("p5")]])
        assert client.find_patient("urn:mrn", "4711") == PatientMatch(reference="Patient/p5")
        server.plays(answer(200, searchset(chain[0])), *[answer(200, one) for one in [*chain[1:], patient("p6")]])
        assert client.find_patient("urn:mrn", "4711") == PatientMatch(ambiguous=True)

    def test_a_replacement_that_is_gone_is_ambiguous(self, server, client) -> None:
        server.plays(answer(200, searchset(patient("p1", **replaced_by("Patient/p2")))), answer(410))
        assert client.find_patient("urn:mrn", "4711") == PatientMatch(ambiguous=True)

    def test_a_replacement_without_an_address_is_ambiguous(self, server, client) -> None:
        links = {"active": False, "link": [{"type": "replaced-by", "other": {"display": "?"}}]}
        server.plays(answer(200, searchset(patient("p1", **links))))
        assert client.find_patient("urn:mrn", "4711") == PatientMatch(ambiguous=True)

    def test_a_server_in_trouble_while_following_is_a_failure_not_a_guess(self, server, client) -> None:
        server.plays(answer(200, searchset(patient("p1", **replaced_by("Patient/p2")))), answer(503))
        with pytest.raises(Transient):
            client.find_patient("urn:mrn", "4711")


class TestHasResult:
    def test_the_first_observation_with_one_of_the_identifiers_is_named(self, server, client) -> None:
        found = {"resourceType": "Observation", "id": "o1", "identifier": [{"system": "urn:lab", "value": "F2"}]}
        server.plays(answer(200, searchset()), answer(200, searchset(found)))
        assert client.has_result([("urn:lab", "F1"), ("urn:lab", "F2")], not_of="urn:keys") == "Observation/o1"

    def test_no_observation_is_none(self, server, client) -> None:
        server.plays(answer(200, searchset()))
        assert client.has_result([("urn:lab", "F1")], not_of="urn:keys") is None

    def test_a_copy_of_ours_does_not_count(self, server, client) -> None:
        both = [{"system": "urn:lab", "value": "F1"}, {"system": "urn:keys", "value": "k"}]
        ours = {"resourceType": "Observation", "id": "o1", "identifier": both}
        theirs = {"resourceType": "Observation", "id": "o2", "identifier": both[:1]}
        server.plays(answer(200, searchset(ours)), answer(200, searchset(ours, theirs)))
        assert client.has_result([("urn:lab", "F1")], not_of="urn:keys") is None
        assert client.has_result([("urn:lab", "F1")], not_of="urn:keys") == "Observation/o2"

    def test_results_about_a_time_are_asked_for_from_a_minute_before_to_a_minute_after(self, server, client) -> None:
        found = {"resourceType": "Observation", "id": "o1"}
        server.plays(answer(200, searchset(found)))
        assert client.results_about("Patient/a", datetime(2025, 3, 10, 12, tzinfo=UTC)) == [found]
        assert parse_qs(urlsplit(server.asked[0][1]).query) == {
            "patient": ["Patient/a"],
            "date": ["ge2025-03-10T11:59:00+00:00", "le2025-03-10T12:01:00+00:00"],
        }
