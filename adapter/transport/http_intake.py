"""What comes in over HTTP: HL7 v2 at `/hl7`, FHIR JSON at `/ingest/fhir`; the meaning is somebody else's."""

from __future__ import annotations

import asyncio
from codecs import BOM_UTF8
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapter.transport.http_body import HttpLimits, read_body, strict_resource, too_large
from adapter.transport.http_outcome import FHIR_JSON, RefusedRequest, fhir_response, peer_of

ER7_TYPES = frozenset({"application/hl7-v2+er7", "x-application/hl7-v2+er7", "application/hl7-v2", "text/plain", ""})
"""HL7 over HTTP (HAPI draft) names the first two; the others are what test tools send."""
JSON_TYPES = frozenset({FHIR_JSON, "application/json", ""})


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirAnswer:
    """What a FHIR push deserves: an HTTP status and a resource (OperationOutcome or transaction-response)."""

    status: int
    resource: dict[str, Any] = field(hash=False)


ReceiveHl7 = Callable[[bytes, str], Awaitable[bytes | None]]
"""(body, peer) -> the acknowledgment, None for nothing to say; raises CannotStore."""
ReceiveFhir = Callable[[bytes, str, str | None, str], Awaitable[FhirAnswer]]
"""(body, HTTP method, `Type/id` or None, peer) -> the answer; raises CannotStore."""


def intake_routes(*, receive_hl7: ReceiveHl7, receive_fhir: ReceiveFhir, limits: HttpLimits) -> list[Route]:
    """`POST /hl7` and the FHIR intake, wired to whoever keeps what they bring.

    HL7 messages take turns: each is answered before the next is received, in the order in which they came whole; a
    server that works on several at once would reorder them (HL7 over HTTP, section 4.1).
    """
    turn = asyncio.Lock()

    async def in_turn(raw: bytes, peer: str) -> bytes | None:
        async with turn:
            return await receive_hl7(raw, peer)

    async def hl7(request: Request) -> Response:
        return await _take_hl7(request, in_turn, limits)

    async def push(request: Request) -> Response:
        return await _take_fhir(request, receive_fhir, limits)

    async def delete(request: Request) -> Response:
        answer = await receive_fhir(b"", "DELETE", target_of(request), peer_of(request))
        return fhir_response(answer.status, answer.resource)

    return [
        Route("/hl7", hl7, methods=["POST"]),
        Route("/ingest/fhir", push, methods=["POST"]),
        Route("/ingest/fhir/", push, methods=["POST"]),
        Route("/ingest/fhir/{type}", push, methods=["POST"]),
        Route("/ingest/fhir/{type}/{id}", push, methods=["POST", "PUT"]),
        Route("/ingest/fhir/{type}/{id}", delete, methods=["DELETE"]),
    ]


async def _take_hl7(request: Request, receive_hl7: ReceiveHl7, limits: HttpLimits) -> Response:
    if _media_type(request) not in ER7_TYPES:
        raise RefusedRequest(415, "HL7 v2 is accepted as application/hl7-v2+er7.")
    raw = await read_body(request, limit_bytes=limits.hl7_limit_bytes, timeout_s=limits.body_timeout_s)
    if not raw.strip():
        raise RefusedRequest(400, "The body is empty.")
    answer = await receive_hl7(raw, peer_of(request))
    if answer is None:
        return Response(status_code=204)
    content_type = request.headers.get("content-type") or "application/hl7-v2+er7"
    return Response(answer, headers={"Content-Type": content_type})


async def _take_fhir(request: Request, receive_fhir: ReceiveFhir, limits: HttpLimits) -> Response:
    refuse_foreign_type(request)
    raw = (await read_fhir(request, limits)).removeprefix(
        BOM_UTF8
    )  # readers may ignore it (RFC 8259 8.1), ours would not
    await refuse_misfit(raw, request, limits)
    answer = await receive_fhir(raw, request.method, target_of(request), peer_of(request))
    return fhir_response(answer.status, answer.resource)


async def read_fhir(request: Request, limits: HttpLimits) -> bytes:
    """The body as it came."""
    largest = max(limits.bundle_limit_bytes, limits.resource_limit_bytes)
    return await read_body(request, limit_bytes=largest, timeout_s=limits.body_timeout_s)


async def refuse_misfit(raw: bytes, request: Request, limits: HttpLimits) -> None:
    """Refuse a body that is no resource, too large for one, or another than its address says."""
    resource = await strict_resource(raw)
    _refuse_oversize(resource, len(raw), limits)
    _refuse_other_target(resource, request)


def refuse_foreign_type(request: Request) -> None:
    """Refuse what is not FHIR JSON in UTF-8."""
    if _media_type(request) not in JSON_TYPES:
        raise RefusedRequest(415, "FHIR is accepted as application/fhir+json.")
    if _charset(request) not in {"", "utf-8", "utf8"}:
        raise RefusedRequest(415, "FHIR JSON is UTF-8.")


def _refuse_oversize(resource: dict[str, Any], size: int, limits: HttpLimits) -> None:
    bundle = resource.get("resourceType") == "Bundle"
    limit_bytes = limits.bundle_limit_bytes if bundle else limits.resource_limit_bytes
    if size > limit_bytes:
        raise too_large(limit_bytes)


def _refuse_other_target(resource: dict[str, Any], request: Request) -> None:
    found = named_type(resource)
    if request.path_params.get("type", found) != found:
        raise RefusedRequest(400, "The resourceType differs from the type in the URL.", expression=f"{found[:64]}")
    if request.path_params.get("id", resource.get("id")) != resource.get("id"):
        raise RefusedRequest(400, "The id differs from the id in the URL.", expression=f"{found[:64]}.id")


def named_type(resource: dict[str, Any]) -> str:
    """What a resource says it is; RefusedRequest 400 for one that does not."""
    found = resource.get("resourceType")
    if not isinstance(found, str) or not found:
        raise RefusedRequest(400, "The body has no resourceType.", expression="resourceType", code="required")
    return found


def target_of(request: Request) -> str | None:
    """`Type/id` of an address; None where it names no resource."""
    if "id" not in request.path_params:
        return None
    return f"{request.path_params['type']}/{request.path_params['id']}"


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _charset(request: Request) -> str:
    for part in request.headers.get("content-type", "").lower().split(";")[1:]:
        name, _, value = part.partition("=")
        if name.strip() == "charset":
            return value.strip().strip('"')
    return ""
