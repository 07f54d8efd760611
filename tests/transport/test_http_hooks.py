"""Who is let in at a hook, what a call is taken for, and what is told of those that are refused."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest

from adapter.transport.http_app import build_app
from adapter.transport.http_body import HttpLimits
from adapter.transport.http_hooks import HOOKS_PATH, Hook, HookCall, hook_routes
from adapter.transport.http_intake import FhirAnswer

TOKEN, OTHER = "t" * 40, "o" * 40
SECRET = "a-secret"
DOSE = b'{"resourceType": "MedicationAdministration", "id": "d1"}'
FHIR = {"Content-Type": "application/fhir+json"}
SHOWN = {"Authorization": f"Bearer {SECRET}", **FHIR}
LIMITS = HttpLimits(hl7_limit_bytes=100, resource_limit_bytes=100, bundle_limit_bytes=300)
PEER = "sender:50000"


class House:
    """Stands for whoever keeps what comes in."""

    def __init__(self) -> None:
        self.calls: list[HookCall] = []
        self.refusals: list[tuple[str | None, str, str]] = []
        self.events: list[tuple[str, dict[str, Any]]] = []

    async def receive(self, call: HookCall) -> FhirAnswer:
        self.calls.append(call)
        return FhirAnswer(status=200, resource={"resourceType": "Bundle", "type": "transaction-response"})

    def refused(self, source: str | None, reason: str, peer: str) -> None:
        self.refusals.append((source, reason, peer))


@pytest.fixture
def house():
    return House()


@pytest.fixture
def http(house, browser):
    hooks = [
        Hook(source="ehr", path_token=TOKEN, secret=SECRET),
        Hook(source="ward", path_token=OTHER, header="X-Hook", secret="b-secret", hmac_secret="signing"),
    ]
    routes = hook_routes(hooks, receive=house.receive, refused=house.refused, limits=LIMITS)
    app = build_app(routes, token="global", on_event=lambda *told: house.events.append(told), own_keys=HOOKS_PATH)
    return browser(app)


@pytest.mark.parametrize(
    ("method", "path", "target"),
    [
        ("POST", "", None),
        ("POST", "/", None),
        ("PUT", "", None),
        ("POST", "/MedicationAdministration", None),
        ("PUT", "/MedicationAdministration", None),
        ("POST", "/MedicationAdministration/d1", "MedicationAdministration/d1"),
        ("PUT", "/MedicationAdministration/d1", "MedicationAdministration/d1"),
    ],
)
@pytest.mark.parametrize("if_match", ['W/"1"', '"1"', "1", ""])
def test_every_shape_of_a_rest_hook_is_handed_on(http, house, method, path, target, if_match):
    answer = http.request(method, f"/hooks/{TOKEN}{path}", content=DOSE, headers={**SHOWN, "If-Match": if_match})
    assert (answer.status_code, answer.json()["type"]) == (200, "transaction-response")
    assert house.calls == [HookCall(source="ehr", raw=DOSE, method=method, target=target, peer=PEER)]
    assert house.refusals == house.events == []


@pytest.mark.parametrize("raw", [b"", b" \r\n", b"{}", b" {} "])
@pytest.mark.parametrize("content_type", ["application/fhir+json", "text/plain", "application/fhir+xml"])
def test_a_body_that_says_nothing_is_handed_on_whatever_it_is_called(http, house, raw, content_type):
    headers = {**SHOWN, "Content-Type": content_type}
    assert http.post(f"/hooks/{TOKEN}", content=raw, headers=headers).status_code == 200
    assert house.calls == [HookCall(source="ehr", raw=raw, method="POST", target=None, peer=PEER)]


def test_deletions_of_hapi_and_of_medplum_are_the_same(http, house):
    http.request("DELETE", f"/hooks/{TOKEN}/MedicationAdministration/d1", headers=SHOWN)
    named = {"X-Medplum-Deleted-Resource": "MedicationAdministration/d1"}
    http.post(f"/hooks/{TOKEN}", content=b"{}", headers={**SHOWN, **named})
    assert [(call.method, call.target) for call in house.calls] == [("DELETE", "MedicationAdministration/d1")] * 2


@pytest.mark.parametrize(("named", "raw"), [("what/ever!", b"{}"), ("Patient", b"{}"), ("Patient/p1", DOSE)])
def test_a_header_that_names_nothing_or_stands_beside_a_resource_deletes_nothing(http, house, named, raw):
    http.post(f"/hooks/{TOKEN}", content=raw, headers={**SHOWN, "X-Medplum-Deleted-Resource": named})
    assert [(call.method, call.raw) for call in house.calls] == [("POST", raw)]


@pytest.mark.parametrize("path", ["/hooks/nobody", f"/hooks/{TOKEN[:-1]}", f"/hooks/{TOKEN}x", "/hooks/ü"])
def test_an_unknown_address_is_as_any_other_that_is_not_there(http, house, path):
    for shown in (SHOWN, FHIR):
        answer = http.post(path, content=DOSE, headers=shown)
        assert (answer.status_code, answer.content) == (404, http.get("/hooks/a/b/c/d").content)
    assert house.refusals == [(None, "unknown-address", PEER)] * 2
    assert house.calls == []


def test_a_method_that_is_not_taken_does_not_tell_whether_the_address_is_there(http):
    known, unknown = (http.get(f"/hooks/{token}", headers=SHOWN) for token in (TOKEN, "nobody"))
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content) == (405, known.content)


@pytest.mark.parametrize(
    "shown",
    [{}, {"Authorization": "Bearer"}, {"Authorization": "Bearer a-secre"}, {"Authorization": f"Basic {SECRET}"}],
)
def test_without_the_secret_nothing_is_read_or_kept(http, house, shown):
    answer = http.post(f"/hooks/{TOKEN}", content=b"{" * 1000, headers={**FHIR, **shown})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert (answer.json()["resourceType"], house.calls) == ("OperationOutcome", [])
    assert house.refusals == [("ehr", "wrong-secret", PEER)]


@pytest.mark.parametrize("offered", [SECRET, f"Bearer {SECRET}", f"bearer  {SECRET} "])
def test_the_secret_is_shown_bare_or_as_a_bearer_token(http, offered):
    headers = {**FHIR, "Authorization": offered}
    assert http.post(f"/hooks/{TOKEN}", content=DOSE, headers=headers).status_code == 200


def test_the_secret_of_one_source_opens_no_other(http, house):
    assert http.post(f"/hooks/{OTHER}", content=DOSE, headers={**SHOWN, "X-Hook": SECRET}).status_code == 401
    assert house.refusals == [("ward", "wrong-secret", PEER)]


@pytest.mark.parametrize(
    ("signature", "status"),
    [
        (hmac.new(b"signing", DOSE, hashlib.sha256).hexdigest(), 200),
        (hmac.new(b"signing", DOSE, hashlib.sha256).hexdigest().upper(), 200),
        (hmac.new(b"signing", DOSE + b" ", hashlib.sha256).hexdigest(), 401),
        (hmac.new(b"other", DOSE, hashlib.sha256).hexdigest(), 401),
        ("", 401),
    ],
)
def test_a_signature_is_asked_for_beside_the_secret(http, house, signature, status):
    headers = {**FHIR, "X-Hook": "b-secret", "X-Signature": signature}
    assert http.post(f"/hooks/{OTHER}", content=DOSE, headers=headers).status_code == status
    assert house.refusals == ([] if status == 200 else [("ward", "wrong-signature", PEER)])
    assert len(house.calls) == (status == 200)


@pytest.mark.parametrize(
    ("content", "content_type", "status", "reason"),
    [
        (b"{", "application/fhir+json", 400, "unreadable"),
        (b'{"id": "d1"}', "application/fhir+json", 400, "unreadable"),
        (b"<Patient/>", "application/fhir+xml", 415, "other-format"),
        (DOSE.ljust(101), "application/fhir+json", 413, "too-large"),
        (DOSE.ljust(301), "application/fhir+json", 413, "too-large"),
    ],
)
def test_a_body_of_a_known_server_that_cannot_be_taken_is_told(http, house, content, content_type, status, reason):
    answer = http.post(f"/hooks/{TOKEN}", content=content, headers={**SHOWN, "Content-Type": content_type})
    assert answer.status_code == status
    assert (house.refusals, house.calls) == ([("ehr", reason, PEER)], [])


@pytest.mark.parametrize("path", ["/Patient/d1", "/MedicationAdministration/d2"])
def test_a_body_that_is_not_what_its_address_says_is_refused(http, house, path):
    assert http.request("PUT", f"/hooks/{TOKEN}{path}", content=DOSE, headers=SHOWN).status_code == 400
    assert house.refusals == [("ehr", "unreadable", PEER)]


@pytest.mark.parametrize(
    ("path", "door"), [("/metrics", "metrics"), ("/fhir/Flag", "fhir"), ("/900001", "other"), ("/hooksy/x", "other")]
)
def test_a_wrong_bearer_token_anywhere_else_is_told_with_its_door_and_nothing_more(http, house, path, door):
    for headers, token in (({}, "none"), ({"Authorization": "Bearer guess"}, "another")):
        assert http.get(path, headers=headers).status_code == 401
        facts = {"listener": "http", "peer": PEER, "door": door, "token": token}
        assert house.events.pop() == ("http-not-authorized", facts)


def test_a_site_without_hooks_has_no_address_that_is_open(house, browser):
    routes = hook_routes([], receive=house.receive, refused=house.refused, limits=LIMITS)
    app = build_app(routes, token="global", on_event=lambda *_: None)
    assert routes == []
    assert browser(app).post(f"/hooks/{TOKEN}", content=DOSE, headers=SHOWN).status_code == 401


def test_no_secret_shows_in_what_a_program_prints_of_a_hook():
    hook = Hook(source="ehr", path_token=TOKEN, secret=SECRET, hmac_secret="signing")
    assert not any(secret in repr(hook) for secret in (TOKEN, SECRET, "signing"))
