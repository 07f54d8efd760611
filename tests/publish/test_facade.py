"""The facade over HTTP, on a store of a few written resources."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from adapter import fhir
from adapter.publish.facade import Entry, Facade, facade_routes
from adapter.transport.http_app import build_app

START = datetime(2025, 3, 3, 10, 0, 0, 250_000, tzinfo=UTC)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def observation(number: int) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": f"o{number}",
        "meta": {"tag": [{"code": "activity"}]},
        "status": "final",
        "code": {"text": "activity"},
        "valueQuantity": {"value": Decimal("0.10")},
    }


class Shelf:
    """Written resources of one type by age; remembers how it was asked."""

    def __init__(self, many: int) -> None:
        self.entries: list[Entry] = [(observation(n), n + 1, START + timedelta(seconds=n)) for n in range(many)]
        self.asked: list[dict[str, Any]] = []

    def resource(self, resource_type: str, resource_id: str, /) -> Entry | None:
        named = [one for one in self.entries if (one[0]["resourceType"], one[0]["id"]) == (resource_type, resource_id)]
        return named[0] if named else None

    def search(self, resource_type: str, /, *, count: int, after: Any, **conditions: Any) -> tuple[int, list[Entry]]:
        self.asked.append({"type": resource_type, **conditions})
        later = [one for one in self.entries if after is None or (one[2], one[0]["id"]) > after]
        return len(self.entries), later[:count]


@pytest.fixture
def shelf() -> Shelf:
    return Shelf(5)


@pytest.fixture
def web(shelf: Shelf, browser) -> Any:
    def known(reference: str) -> Sequence[str]:
        return ["urn:mrn|1"] if reference == "Patient/p1" else []

    codes = {"CodeSystem/troughline": {"resourceType": "CodeSystem", "id": "troughline"}}
    facade = Facade(store=shelf, find_patients=known, version="1.2.3", started_at=START, terminology=codes)
    return browser(build_app(facade_routes(facade), token=None, on_event=lambda *_: None))


def issue_of(response) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/fhir+json"
    return response.status_code, response.json()["issue"][0]["code"]


class TestRead:
    def test_a_resource_comes_with_its_version_and_its_very_digits(self, web) -> None:
        response = web.get("/fhir/Observation/o1")
        assert response.status_code == 200
        assert response.headers["etag"] == 'W/"2"'
        assert response.headers["last-modified"] == "Mon, 03 Mar 2025 10:00:01 GMT"
        assert b'"value":0.10' in response.content
        meta = {"tag": [{"code": "activity"}], "versionId": "2", "lastUpdated": "2025-03-03T10:00:01.250000+00:00"}
        assert fhir.loads(response.content) == {**observation(1), "meta": meta}

    def test_the_version_somebody_holds_already_is_not_sent_again(self, web) -> None:
        response = web.get("/fhir/Observation/o1", headers={"If-None-Match": 'W/"1", W/"2"'})
        assert (response.status_code, response.content) == (304, b"")
        assert web.get("/fhir/Observation/o1", headers={"If-None-Match": 'W/"1"'}).status_code == 200

    @pytest.mark.parametrize(
        ("path", "code"),
        [
            ("/fhir/Observation/none", "not-found"),
            ("/fhir/Flag/o1", "not-found"),
            ("/fhir/Patient/p1", "not-supported"),
            ("/fhir/Patient", "not-supported"),
            ("/fhir", "not-found"),
            ("/fhir/Observation/o1/_history", "not-found"),
        ],
    )
    def test_what_is_not_here_is_an_outcome(self, web, path, code) -> None:
        assert issue_of(web.get(path)) == (404, code)

    def test_what_defines_our_codes_can_be_read(self, web) -> None:
        assert web.get("/fhir/CodeSystem/troughline").json() == {"resourceType": "CodeSystem", "id": "troughline"}
        assert web.get("/fhir/CodeSystem/other").status_code == 404

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "POST"])
    def test_nothing_can_be_written(self, web, method) -> None:
        assert issue_of(web.request(method, "/fhir/Observation/o1")) == (405, "not-supported")

    @pytest.mark.parametrize("headers", [{"Accept": "application/fhir+xml"}, {"Accept": "text/html"}])
    def test_only_json_is_served(self, web, headers) -> None:
        assert issue_of(web.get("/fhir/Observation/o1", headers=headers)) == (406, "not-supported")

    @pytest.mark.parametrize("accept", ["application/fhir+json; fhirVersion=4.0", "text/html, */*;q=0.1"])
    def test_whoever_takes_json_gets_it(self, web, accept) -> None:
        assert web.get("/fhir/Observation/o1", headers={"Accept": accept}).status_code == 200

    def test_a_format_in_the_url_counts_more_than_the_header(self, web) -> None:
        assert (
            web.get("/fhir/Observation/o1?_format=application/fhir+json", headers={"Accept": "text/html"}).status_code
            == 200
        )
        assert issue_of(web.get("/fhir/Observation?_format=xml")) == (406, "not-supported")


class TestSearch:
    def test_a_searchset_names_total_self_and_every_match(self, web) -> None:
        bundle = web.get("/fhir/Observation?status=final&colour=red").json()
        assert (bundle["type"], bundle["total"]) == ("searchset", 5)
        assert bundle["link"] == [{"relation": "self", "url": "http://service/fhir/Observation?status=final"}]
        assert [entry["fullUrl"] for entry in bundle["entry"]] == [
            f"http://service/fhir/Observation/o{n}" for n in range(5)
        ]
        assert {entry["search"]["mode"] for entry in bundle["entry"]} == {"match"}
        assert fhir.validate(fhir.loads(json.dumps(bundle))) == []

    def test_pages_are_followed_to_the_end_and_hold_everything_once(self, web) -> None:
        url, seen, pages = "/fhir/Observation?_count=2", [], 0
        while url:
            bundle = web.get(url).json()
            assert bundle["total"] == 5
            seen += [entry["resource"]["id"] for entry in bundle["entry"]]
            url = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), None)
            pages += 1
        assert (seen, pages) == ([f"o{n}" for n in range(5)], 3)

    def test_a_page_that_ends_with_the_last_match_has_no_next(self, web) -> None:
        assert [link["relation"] for link in web.get("/fhir/Observation?_count=5").json()["link"]] == ["self"]

    def test_a_count_of_nothing_gives_the_total_only(self, web) -> None:
        bundle = web.get("/fhir/Observation?_count=0").json()
        assert (bundle["total"], "entry" in bundle, len(bundle["link"])) == (5, False, 1)

    def test_the_store_is_asked_what_was_meant(self, web, shelf) -> None:
        web.get("/fhir/Flag?patient=Patient/p1&code=urn:s|a,b&status=active&_id=o1&_lastUpdated=ge2025")
        assert shelf.asked == [
            {
                "type": "Flag",
                "patients": ("urn:mrn|1",),
                "identifier": (),
                "code": ((("urn:s", "a"), (None, "b")),),
                "status": (((None, "active"),),),
                "last_updated": (("ge", datetime(2025, 1, 1, tzinfo=UTC)),),
                "ids": ("o1",),
            }
        ]

    def test_a_search_may_be_posted(self, web, shelf) -> None:
        response = web.post("/fhir/Flag/_search?status=active", content=b"patient=p1&code=a%7Cb", headers=FORM)
        assert response.status_code == 200
        assert (shelf.asked[0]["patients"], shelf.asked[0]["code"]) == (("urn:mrn|1",), ((("a", "b"),),))
        link = urlsplit(response.json()["link"][0]["url"])
        assert link.path == "/fhir/Flag"
        assert parse_qsl(link.query) == [("status", "active"), ("patient", "p1"), ("code", "a|b")]

    @pytest.mark.parametrize(
        ("body", "headers", "status"),
        [
            (b"patient=\xe4", FORM, 400),
            (b"&".join([b"code=a"] * 300), FORM, 400),
            (b"{}", {"Content-Type": "application/json"}, 415),
            (b"code=" + b"a" * 70_000, FORM, 413),
        ],
    )
    def test_a_form_that_cannot_be_read_is_refused(self, web, body, headers, status) -> None:
        assert issue_of(web.post("/fhir/Flag/_search", content=body, headers=headers))[0] == status

    def test_a_bad_parameter_points_at_itself_and_does_not_repeat_its_value(self, web) -> None:
        response = web.get("/fhir/Observation?_lastUpdated=Mustermann")
        assert issue_of(response) == (400, "invalid")
        assert response.json()["issue"][0]["expression"] == ["_lastUpdated"]
        assert "Mustermann" not in response.text

    @pytest.mark.parametrize(
        ("prefer", "status"),
        [("handling=strict", 400), ("return=minimal, handling=strict", 400), ("handling=lenient", 200)],
    )
    def test_an_unknown_parameter_is_refused_for_the_strict(self, web, prefer, status) -> None:
        assert web.get("/fhir/Flag?colour=red", headers={"Prefer": prefer}).status_code == status

    def test_links_use_the_public_address_when_one_is_configured(self, shelf, browser) -> None:
        facade = Facade(
            store=shelf,
            find_patients=lambda _: [],
            version="1",
            started_at=START,
            public_url="https://tdm.example/fhir/",
        )
        web = browser(build_app(facade_routes(facade), token=None, on_event=lambda *_: None))
        bundle = web.get("/fhir/Flag?_count=1").json()
        assert {link["url"].partition("?")[0] for link in bundle["link"]} == {"https://tdm.example/fhir/Flag"}


def test_the_capability_statement_is_valid_and_names_what_is_served(web) -> None:
    response = web.get("/fhir/metadata")
    statement = fhir.loads(response.content)
    assert response.status_code == 200
    assert fhir.validate(statement) == []
    assert fhir.required_code_problems(statement) == []
    assert (statement["fhirVersion"], statement["software"]["version"]) == ("4.0.1", "1.2.3")
    served = {row["type"]: {one["name"] for one in row["searchParam"]} for row in statement["rest"][0]["resource"]}
    assert set(served) == {"Observation", "Flag", "Provenance"}
    assert {"patient", "identifier", "code", "status", "_lastUpdated", "_count"} <= served["Flag"]
