"""The read-only FHIR facade: what was written, read and searched over HTTP.

Source: http://hl7.org/fhir/R4/http.html (read, search) and http://hl7.org/fhir/R4/search.html.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapter.publish.capability import capability_statement
from adapter.publish.dates import Bound
from adapter.publish.parameters import CURSOR, PARAMETERS, FindPatients, Place, Search, Token, cursor_of, read_search
from adapter.transport.http_body import read_body
from adapter.transport.http_outcome import RefusedRequest, fhir_response

Entry = tuple[dict[str, Any], int, datetime]
"""(resource, version, last updated)"""
FORM = "application/x-www-form-urlencoded"
FORM_LIMIT_BYTES = 64 * 1024
FORM_TIMEOUT_S = 30.0
JSON_FORMATS = frozenset({"json", "application/json", "application/fhir+json", "text/json"})


class OutputStore(Protocol):
    """What the facade asks of the store; both calls may block and are made in a thread."""

    def resource(self, resource_type: str, resource_id: str, /) -> Entry | None:
        """One resource as last rendered."""
        ...

    def search(
        self,
        resource_type: str,
        /,
        *,
        patients: Sequence[str] | None,
        identifier: Sequence[Sequence[Token]],
        code: Sequence[Sequence[Token]],
        status: Sequence[Sequence[Token]],
        last_updated: Sequence[Bound],
        ids: Sequence[str] | None,
        count: int,
        after: Place | None,
    ) -> tuple[int, list[Entry]]:
        """How many match, and at most `count` of them behind `after`, by last update and id."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Facade:
    """What the routes need: the store, who `Patient/<id>` is, and what to say of ourselves."""

    store: OutputStore
    find_patients: FindPatients
    version: str
    started_at: datetime
    public_url: str | None = None
    """Base URL in links, when a proxy changes it; else taken from the request."""
    terminology: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    """`CodeSystem/<id>` -> what defines our codes, served as it is."""

    async def metadata(self, request: Request) -> Response:
        """`GET /fhir/metadata`"""
        base_url = self._base(request)
        return fhir_response(200, capability_statement(base_url=base_url, version=self.version, at=self.started_at))

    async def read(self, request: Request) -> Response:
        """`GET /fhir/{type}/{id}` with ETag and Last-Modified; 304 for `If-None-Match`."""
        _refuse_xml(request, request.query_params.get("_format"))
        defined = self.terminology.get("{type}/{id}".format(**request.path_params))
        if defined is not None:
            return fhir_response(200, defined)
        resource_type = _served_type(request)
        found = await run_in_threadpool(self.store.resource, resource_type, request.path_params["id"])
        if found is None:
            raise RefusedRequest(404, "There is no such resource.")
        headers = _version_headers(found)
        if headers["ETag"] in _offered_tags(request):
            return Response(status_code=304, headers=headers)
        return fhir_response(200, with_version(found), headers)

    async def search(self, request: Request) -> Response:
        """`GET /fhir/{type}?...` and `POST /fhir/{type}/_search`: a searchset Bundle."""
        resource_type = _served_type(request)
        pairs = await _pairs(request)
        _refuse_xml(request, dict(pairs).get("_format"))
        base_url = f"{self._base(request)}/{resource_type}"
        found = await run_in_threadpool(self._found, resource_type, pairs, strict=_strict(request), base_url=base_url)
        return fhir_response(200, found)

    def _found(
        self, resource_type: str, pairs: Sequence[tuple[str, str]], *, strict: bool, base_url: str
    ) -> dict[str, Any]:
        asked = read_search(resource_type, pairs, strict=strict, find_patients=self.find_patients)
        total, entries = self.store.search(
            resource_type,
            patients=asked.patients,
            identifier=asked.identifier,
            code=asked.code,
            status=asked.status,
            last_updated=asked.last_updated,
            ids=asked.ids,
            count=asked.count + 1 if asked.count else 0,
            after=asked.after,
        )
        return searchset(asked, total, entries, base_url=base_url)

    def _base(self, request: Request) -> str:
        return (self.public_url or f"{request.base_url}fhir").rstrip("/")


def facade_routes(facade: Facade) -> list[Route]:
    """Everything under `/fhir`."""
    return [
        Route("/fhir/metadata", facade.metadata),
        Route("/fhir/{type}/_search", facade.search, methods=["POST"]),
        Route("/fhir/{type}", facade.search),
        Route("/fhir/{type}/{id}", facade.read),
    ]


def searchset(asked: Search, total: int, entries: Sequence[Entry], *, base_url: str) -> dict[str, Any]:
    """The Bundle of one page; one entry more than asked for means that there is a next page."""
    page = entries[: asked.count]
    links = [{"relation": "self", "url": _link(base_url, asked.understood, asked.after)}]
    if len(entries) > len(page):
        last, _, updated = page[-1]
        links.append({"relation": "next", "url": _link(base_url, asked.understood, (updated, last["id"]))})
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "total": total, "link": links}
    if page:
        bundle["entry"] = [_entry(one, base_url) for one in page]
    return bundle


def with_version(found: Entry) -> dict[str, Any]:
    """The resource with `meta.versionId` and `meta.lastUpdated` as they are here."""
    body, version, updated = found
    meta = {**body.get("meta", {}), "versionId": str(version), "lastUpdated": updated.isoformat()}
    return {"resourceType": body["resourceType"], "id": body["id"], "meta": meta, **_without_meta(body)}


def _without_meta(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "meta"}


def _entry(found: Entry, base_url: str) -> dict[str, Any]:
    return {
        "fullUrl": f"{base_url}/{found[0]['id']}",
        "resource": with_version(found),
        "search": {"mode": "match"},
    }


def _link(base_url: str, understood: Sequence[tuple[str, str]], after: Place | None) -> str:
    pairs = [*understood, (CURSOR, cursor_of(after))] if after else understood
    return f"{base_url}?{urlencode(pairs)}" if pairs else base_url


def _version_headers(found: Entry) -> dict[str, str]:
    _, version, updated = found
    return {"ETag": f'W/"{version}"', "Last-Modified": format_datetime(updated.astimezone(UTC), usegmt=True)}


def _offered_tags(request: Request) -> set[str]:
    return {tag.strip() for tag in request.headers.get("if-none-match", "").split(",")}


def _served_type(request: Request) -> str:
    resource_type = str(request.path_params["type"])
    if resource_type not in PARAMETERS:
        raise RefusedRequest(404, "This resource type is not served here.", code="not-supported")
    return resource_type


def _strict(request: Request) -> bool:
    return "handling=strict" in request.headers.get("prefer", "").replace(" ", "").lower()


async def _pairs(request: Request) -> list[tuple[str, str]]:
    pairs = list(request.query_params.multi_items())
    if request.method != "POST":
        return pairs
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in {FORM, ""}:
        raise RefusedRequest(415, f"A search is posted as {FORM}.")
    body = await read_body(request, limit_bytes=FORM_LIMIT_BYTES, timeout_s=FORM_TIMEOUT_S)
    return pairs + _form(body)


def _form(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=200)
    except ValueError:
        raise RefusedRequest(400, "The form cannot be read.") from None


def _refuse_xml(request: Request, wanted: str | None) -> None:
    if wanted is not None:
        if wanted.partition(";")[0].strip().replace(" ", "+") not in JSON_FORMATS:
            raise RefusedRequest(406, "Only JSON is served.")
        return
    accepted = request.headers.get("accept", "*/*").lower()
    if not any(word in accepted for word in ("json", "*/*", "application/*")):
        raise RefusedRequest(406, "Only JSON is served.")
