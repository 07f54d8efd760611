"""What the HTTP doors take, refuse and answer."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter import fhir
from adapter.domain.problems import problem
from adapter.transport.cannot_store import CannotStore
from adapter.transport.http_app import build_app
from adapter.transport.http_body import INLINE_JSON_BYTES, HttpLimits, gunzip, parse_strictly, strict_resource
from adapter.transport.http_health import health_routes
from adapter.transport.http_intake import FhirAnswer, intake_routes
from adapter.transport.http_outcome import RefusedRequest, outcome_of_problems

SECRET = "Mustermann"
ORU = b"MSH|^~\\&|LAB|HOSP|||20250303||ORU^R01|A1|P|2.5\r"
ACK = b"MSH|^~\\&|\rMSA|AE|A1\r"
PATIENT = b'{"resourceType": "Patient", "id": "p1"}'
ER7 = {"Content-Type": "application/hl7-v2+er7"}
FHIR = {"Content-Type": "application/fhir+json"}
LIMITS = HttpLimits(hl7_limit_bytes=200, resource_limit_bytes=100, bundle_limit_bytes=300)


class Door:
    """Stands for whoever keeps what comes in: answers as told, remembers what it got."""

    def __init__(self) -> None:
        self.got: list[tuple[object, ...]] = []
        self.events: list[tuple[str, dict[str, object]]] = []
        self.ack: bytes | None = ACK
        self.fails: Exception | None = None

    async def receive_hl7(self, raw: bytes, peer: str) -> bytes | None:
        self.got.append((raw, peer))
        if self.fails:
            raise self.fails
        return self.ack

    async def receive_fhir(self, raw: bytes, method: str, target: str | None, peer: str) -> FhirAnswer:
        self.got.append((raw, method, target, peer))
        if self.fails:
            raise self.fails
        return FhirAnswer(status=202, resource={"resourceType": "OperationOutcome", "issue": []})

    def note(self, event: str, facts: dict[str, object]) -> None:
        self.events.append((event, facts))


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
def browse(door: Door, browser) -> Callable[..., Any]:
    def opened(token: str | None = None, *, ready: bool = True) -> Any:
        doors = intake_routes(receive_hl7=door.receive_hl7, receive_fhir=door.receive_fhir, limits=LIMITS)
        health = health_routes(
            ready=lambda: {"ok": ready, "store": "open"},
            metrics=lambda: (b"troughline_received 1\n", "text/plain; version=0.0.4"),
        )
        return browser(build_app([*doors, *health], token=token, on_event=door.note))

    return opened


@pytest.fixture
def http(browse) -> Any:
    return browse()


def issue_of(response) -> tuple[int, str, str, str]:
    assert response.headers["content-type"] == "application/fhir+json"
    body = response.json()
    assert (body["resourceType"], len(body["issue"])) == ("OperationOutcome", 1)
    issue = body["issue"][0]
    return response.status_code, issue["severity"], issue["code"], issue["diagnostics"]


class TestHl7:
    @pytest.mark.parametrize(
        "content_type",
        ["application/hl7-v2+er7; charset=utf-8", "x-application/hl7-v2+er7", "Text/Plain", "application/hl7-v2"],
    )
    def test_a_message_gets_its_acknowledgment_with_200_even_when_that_is_an_error(
        self, http, door, content_type
    ) -> None:
        response = http.post("/hl7", content=ORU, headers={"Content-Type": content_type})
        assert (response.status_code, response.content) == (200, ACK)
        assert response.headers["content-type"] == content_type
        assert door.got == [(ORU, "sender:50000")]

    def test_a_message_without_a_content_type_is_answered_as_er7(self, http) -> None:
        response = http.post("/hl7", content=ORU)
        assert (response.status_code, response.headers["content-type"]) == (200, "application/hl7-v2+er7")

    def test_nothing_to_say_is_204(self, http, door) -> None:
        door.ack = None
        response = http.post("/hl7", content=ORU, headers=ER7)
        assert (response.status_code, response.content) == (204, b"")

    def test_a_message_that_cannot_be_stored_is_to_be_sent_again(self, http, door) -> None:
        door.fails = CannotStore()
        response = http.post("/hl7", content=ORU, headers=ER7)
        assert (response.status_code, response.headers["retry-after"]) == (503, "5")
        assert response.text == "The message could not be stored; send it again.\n"
        assert response.headers["content-type"].startswith("text/plain")

    @pytest.mark.parametrize(("size", "status"), [(200, 200), (201, 413)])
    def test_the_limit_is_the_last_size_that_passes(self, http, size, status) -> None:
        assert http.post("/hl7", content=b"M" * size, headers=ER7).status_code == status

    def test_the_limit_holds_without_a_declared_length(self, http, door) -> None:
        response = http.post("/hl7", content=iter([b"M" * 150, b"M" * 150]), headers=ER7)
        assert response.status_code == 413
        assert door.got == []

    @pytest.mark.parametrize("body", [b"", b" \r\n"])
    def test_an_empty_body_is_400_in_plain_text(self, http, body) -> None:
        response = http.post("/hl7", content=body, headers=ER7)
        assert (response.status_code, response.text) == (400, "The body is empty.\n")

    def test_messages_take_turns_in_the_order_in_which_they_came(self, door) -> None:
        gates = {n: asyncio.Event() for n in (b"1", b"2", b"3")}
        log: list[tuple[str, bytes]] = []

        async def receive(raw: bytes, _peer: str) -> bytes:
            log.append(("received", raw))
            await gates[raw].wait()
            log.append(("answered", raw))
            return ACK

        async def story() -> None:
            routes = intake_routes(receive_hl7=receive, receive_fhir=door.receive_fhir, limits=LIMITS)
            transport = httpx.ASGITransport(build_app(routes, token=None, on_event=door.note))
            async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
                posts = []
                for n in gates:
                    posts.append(asyncio.create_task(client.post("/hl7", content=n)))
                    await asyncio.sleep(0.01)
                assert log == [("received", b"1")]
                for n in reversed(gates):
                    gates[n].set()
                assert {(await post).status_code for post in posts} == {200}

        asyncio.run(story())
        assert log == [(what, n) for n in gates for what in ("received", "answered")]

    def test_a_message_that_fails_does_not_hold_up_the_next(self, http, door) -> None:
        door.fails = CannotStore()
        assert http.post("/hl7", content=ORU, headers=ER7).status_code == 503
        door.fails = None
        assert http.post("/hl7", content=ORU, headers=ER7).status_code == 200

    def test_another_content_type_is_415(self, http, door) -> None:
        assert http.post("/hl7", content=ORU, headers={"Content-Type": "application/json"}).status_code == 415
        assert door.got == []

    def test_only_post_is_taken(self, http) -> None:
        response = http.get("/hl7")
        assert (response.status_code, response.text) == (405, "This address does not take this method.\n")


class TestFhir:
    @pytest.mark.parametrize(
        ("method", "path", "target"),
        [
            ("POST", "/ingest/fhir", None),
            ("POST", "/ingest/fhir/", None),
            ("POST", "/ingest/fhir/Patient", None),
            ("PUT", "/ingest/fhir/Patient/p1", "Patient/p1"),
            ("POST", "/ingest/fhir/Patient/p1", "Patient/p1"),
        ],
    )
    def test_a_resource_is_handed_on_with_its_method_and_target(self, http, door, method, path, target) -> None:
        response = http.request(method, path, content=PATIENT, headers=FHIR)
        assert (response.status_code, response.json()["resourceType"]) == (202, "OperationOutcome")
        assert response.headers["content-type"] == "application/fhir+json"
        assert door.got == [(PATIENT, method, target, "sender:50000")]

    def test_a_delete_is_handed_on_without_a_body(self, http, door) -> None:
        assert http.delete("/ingest/fhir/MedicationAdministration/m1").status_code == 202
        assert door.got == [(b"", "DELETE", "MedicationAdministration/m1", "sender:50000")]

    def test_the_same_push_again_is_taken_again(self, http, door) -> None:
        for _ in range(3):
            assert http.post("/ingest/fhir", content=PATIENT).status_code == 202
        assert len(door.got) == 3

    @pytest.mark.parametrize("content_type", ["application/json", "Application/FHIR+JSON; charset=UTF-8"])
    def test_json_types_are_taken(self, http, content_type) -> None:
        headers = {"Content-Type": content_type}
        assert http.post("/ingest/fhir", content=PATIENT, headers=headers).status_code == 202

    @pytest.mark.parametrize(
        "content_type", ["application/fhir+xml", "text/plain", "application/json; fhirVersion=4.0; charset=latin1"]
    )
    def test_other_types_are_415(self, http, content_type) -> None:
        response = http.post("/ingest/fhir", content=PATIENT, headers={"Content-Type": content_type})
        assert issue_of(response)[:3] == (415, "error", "not-supported")

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"\xef\xbb\xbf",
            b"{",
            b'{"resourceType": "Patient", "name": NaN}',
            b'{"resourceType": "Patient", "name": "Mustermann", "name": 1}',
            b'{"resourceType": "Patient", "a": {"b": 1, "b": 2}}',
            b'{"resourceType": "Patient", "name": "\xe4"}',
            b"[" * 90,
            b'["Patient"]',
            b"null",
        ],
    )
    def test_what_is_not_strict_json_is_400_and_not_kept(self, http, door, body) -> None:
        response = http.post("/ingest/fhir", content=body, headers=FHIR)
        assert issue_of(response)[:3] == (400, "error", "invalid")
        assert SECRET not in response.text
        assert door.got == []

    def test_a_notification_without_the_resource_says_what_the_subscription_lacks(self, http, door) -> None:
        response = http.post("/ingest/fhir")
        assert response.status_code == 400
        assert "set Subscription.channel.payload to application/fhir+json" in response.json()["issue"][0]["diagnostics"]
        assert door.got == []

    def test_a_byte_order_mark_is_taken_off(self, http, door) -> None:
        assert http.post("/ingest/fhir", content=b"\xef\xbb\xbf" + PATIENT).status_code == 202
        assert door.got[0][0] == PATIENT

    @pytest.mark.parametrize("body", [b"{}", b'{"resourceType": 1}', b'{"resourceType": ""}'])
    def test_a_body_without_a_resource_type_points_at_it(self, http, body) -> None:
        response = http.post("/ingest/fhir", content=body)
        assert issue_of(response)[:3] == (400, "error", "required")
        assert response.json()["issue"][0]["expression"] == ["resourceType"]

    @pytest.mark.parametrize(
        ("path", "expression"),
        [
            ("/ingest/fhir/Medication/p1", "Patient"),
            ("/ingest/fhir/Patient/p2", "Patient.id"),
            ("/ingest/fhir/Medication", "Patient"),
        ],
    )
    def test_a_body_that_is_not_what_the_url_says_is_400(self, http, door, path, expression) -> None:
        response = http.post(path, content=PATIENT)
        assert response.status_code == 400
        assert response.json()["issue"][0]["expression"] == [expression]
        assert door.got == []

    @pytest.mark.parametrize(
        ("kind", "size", "status"),
        [("Patient", 100, 202), ("Patient", 101, 413), ("Bundle", 300, 202), ("Bundle", 301, 413)],
    )
    def test_bundles_may_be_larger_than_resources(self, http, kind, size, status) -> None:
        body = b'{"resourceType": "%s"}' % kind.encode()
        assert http.post("/ingest/fhir", content=body.ljust(size)).status_code == status

    def test_a_gzip_body_is_handed_on_inflated(self, http, door) -> None:
        packed = gzip.compress(PATIENT[:9]) + gzip.compress(PATIENT[9:])
        assert http.post("/ingest/fhir", content=packed, headers={"Content-Encoding": "gzip"}).status_code == 202
        assert door.got[0][0] == PATIENT

    @pytest.mark.parametrize(
        ("packed", "status"),
        [(gzip.compress(b" " * 1_000_000)[:250], 413), (gzip.compress(PATIENT)[:-9], 400), (b"plain", 400)],
        ids=["bomb", "torn", "plain"],
    )
    def test_a_bad_gzip_body_is_refused(self, http, packed, status) -> None:
        response = http.post("/ingest/fhir", content=packed, headers={"Content-Encoding": "gzip"})
        assert response.status_code == status

    def test_another_content_encoding_is_415(self, http) -> None:
        response = http.post("/ingest/fhir", content=PATIENT, headers={"Content-Encoding": "br"})
        assert issue_of(response)[:3] == (415, "error", "not-supported")

    def test_what_cannot_be_stored_is_503_as_an_outcome(self, http, door) -> None:
        door.fails = CannotStore()
        response = http.post("/ingest/fhir", content=PATIENT)
        assert issue_of(response)[:3] == (503, "error", "transient")

    def test_a_failure_of_ours_says_nothing_and_is_reported_by_its_type(self, http, door) -> None:
        door.fails = RuntimeError(SECRET)
        response = http.post("/ingest/fhir", content=PATIENT)
        assert issue_of(response) == (500, "error", "exception", "Something failed on our side.")
        assert door.events == [("http-internal-error", {"exception": "RuntimeError"})]

    @pytest.mark.parametrize("path", ["/ingest", "/ingest/x", "/ingest/fhir/a/b/c", "/fhir", "/fhir/Flag"])
    def test_an_unknown_fhir_address_is_an_outcome(self, http, path) -> None:
        assert issue_of(http.get(path))[0] in {404, 405}

    def test_an_unknown_address_elsewhere_is_plain_text(self, http) -> None:
        response = http.get("/fhirs")
        assert (response.status_code, response.text) == (404, "There is nothing at this address.\n")


class TestHealth:
    def test_alive_is_alive(self, http) -> None:
        assert (http.get("/healthz").status_code, http.get("/healthz").text) == (200, "ok\n")

    @pytest.mark.parametrize(("ready", "status"), [(True, 200), (False, 503)])
    def test_readiness_is_told_by_status_and_body(self, browse, ready, status) -> None:
        response = browse(ready=ready).get("/readyz")
        assert (response.status_code, response.json()) == (status, {"ok": ready, "store": "open"})

    def test_counters_come_as_the_library_writes_them(self, http) -> None:
        response = http.get("/metrics")
        assert (response.content, response.headers["content-type"]) == (
            b"troughline_received 1\n",
            "text/plain; version=0.0.4",
        )


class TestToken:
    @pytest.mark.parametrize(
        "offered", [None, "Bearer", "Bearer wrong", "Basic t0k", "Bearer t0k t0k", "t0k", "Bearer ü"]
    )
    def test_without_the_token_nothing_is_kept(self, browse, door, offered) -> None:
        headers = {} if offered is None else {"Authorization": offered.encode()}
        response = browse("t0k").post("/ingest/fhir", content=PATIENT, headers=headers)
        assert issue_of(response)[:3] == (401, "error", "login")
        assert response.headers["www-authenticate"] == "Bearer"
        assert door.got == []

    @pytest.mark.parametrize("offered", ["Bearer t0k", "bearer  t0k"])
    def test_with_the_token_it_is_taken(self, browse, offered) -> None:
        response = browse("t0k").post("/ingest/fhir", content=PATIENT, headers={"Authorization": offered})
        assert response.status_code == 202

    def test_only_the_health_checks_are_open(self, browse) -> None:
        guarded = browse("t0k")
        found = [guarded.get(path).status_code for path in ("/healthz", "/readyz", "/metrics", "/hl7", "/fhir/Flag")]
        assert found == [200, 200, 401, 401, 401]

    def test_an_empty_token_is_not_an_open_door(self, browse) -> None:
        assert browse("").get("/metrics").status_code == 401


class TestProperties:
    @given(st.binary(max_size=300) | st.dictionaries(st.text(), st.integers() | st.text()).map(fhir.dumps))
    def test_any_bytes_are_an_object_or_a_refusal(self, raw) -> None:
        found: dict[str, Any] | int
        try:
            found = parse_strictly(raw)
        except RefusedRequest as refused:
            found = refused.status
        assert found == 400 or found == json.loads(raw, parse_float=Decimal)

    @given(st.lists(st.binary(max_size=50), min_size=1, max_size=4), st.integers(0, 250))
    def test_inflating_gives_the_bytes_or_refuses_past_the_limit(self, parts, limit_bytes) -> None:
        whole = b"".join(parts)
        packed = b"".join(gzip.compress(part) for part in parts)
        if len(whole) <= limit_bytes:
            assert gunzip(packed, limit_bytes) == whole
        else:
            with pytest.raises(RefusedRequest) as caught:
                gunzip(packed, limit_bytes)
            assert caught.value.status == 413


@pytest.mark.parametrize("size", [INLINE_JSON_BYTES, INLINE_JSON_BYTES + 1])
def test_small_and_large_bodies_are_read_alike(size) -> None:
    assert asyncio.run(strict_resource(PATIENT.ljust(size))) == {"resourceType": "Patient", "id": "p1"}
    with pytest.raises(RefusedRequest):
        asyncio.run(strict_resource(b"[]".ljust(size)))


def test_problems_become_issues_with_their_place() -> None:
    found = outcome_of_problems([problem("unit-missing", where="Observation.value"), problem("near-miss")])
    assert [issue["details"]["coding"][0]["code"] for issue in found["issue"]] == ["unit-missing", "near-miss"]
    assert [issue["severity"] for issue in found["issue"]] == ["error", "warning"]
    assert [issue.get("expression") for issue in found["issue"]] == [["Observation.value"], None]


def test_no_problems_are_one_issue_because_an_outcome_needs_one() -> None:
    issues = outcome_of_problems([])["issue"]
    assert issues == [{"severity": "information", "code": "informational", "diagnostics": "No problems."}]
