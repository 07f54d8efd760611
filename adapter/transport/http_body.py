"""Reading a request body within its limits: size, time, gzip; and strict JSON."""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from adapter import fhir
from adapter.transport.http_outcome import RefusedRequest

GZIP_WINDOW = 16 + zlib.MAX_WBITS
INLINE_JSON_BYTES = 64 * 1024
"""Larger bodies are checked in a thread, so that the event loop keeps answering."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """How much one request may bring, and how long it may take."""

    hl7_limit_bytes: int = 16 * 1024 * 1024
    resource_limit_bytes: int = 5 * 1024 * 1024
    bundle_limit_bytes: int = 16 * 1024 * 1024
    body_timeout_s: float = 30.0


async def read_body(request: Request, *, limit_bytes: int, timeout_s: float) -> bytes:
    """The body with its Content-Encoding undone; at most `limit_bytes` before and after.

    Raises:
        RefusedRequest: 400 damaged gzip, 408 too slow, 413 too large, 415 unknown encoding.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip", "x-gzip", ""}:
        raise RefusedRequest(415, "Only gzip and identity are accepted as Content-Encoding.")
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > limit_bytes:
        raise too_large(limit_bytes)
    try:
        async with asyncio.timeout(timeout_s):
            received = await _receive(request, limit_bytes)
    except TimeoutError:
        raise RefusedRequest(408, "The body did not arrive in time.") from None
    if encoding in {"identity", ""}:
        return received
    return await run_in_threadpool(gunzip, received, limit_bytes)


def gunzip(packed: bytes, limit_bytes: int) -> bytes:
    """All members of a gzip body, never inflating past `limit_bytes`; RefusedRequest 400 or 413."""
    parts: list[bytes] = []
    room = limit_bytes + 1
    while packed:
        inflater = zlib.decompressobj(GZIP_WINDOW)
        try:
            part = inflater.decompress(packed, room)
        except zlib.error:
            raise RefusedRequest(400, "The body is not readable gzip.") from None
        parts.append(part)
        room -= len(part)
        if room <= 0:
            raise too_large(limit_bytes)
        if not inflater.eof:
            raise RefusedRequest(400, "The gzip body ends early.")
        packed = inflater.unused_data
    return b"".join(parts)


def too_large(limit_bytes: int) -> RefusedRequest:
    """413 with the limit in it."""
    return RefusedRequest(413, f"The body is larger than {limit_bytes} bytes.")


async def strict_resource(raw: bytes) -> dict[str, Any]:
    """The JSON object of a body, checked off the event loop when it is large; see `parse_strictly`."""
    if len(raw) <= INLINE_JSON_BYTES:
        return parse_strictly(raw)
    return await run_in_threadpool(parse_strictly, raw)


def parse_strictly(raw: bytes) -> dict[str, Any]:
    """A body as a JSON object by the guards of `fhir.loads`; RefusedRequest 400 for anything else."""
    if not raw.strip():
        raise RefusedRequest(
            400,
            "The body is empty, so nothing was learned from it. A subscription must send the whole resource: "
            "in FHIR R4, set Subscription.channel.payload to application/fhir+json.",
        )
    try:
        parsed = fhir.loads(raw)
    except fhir.UnreadableJsonError as fault:
        raise RefusedRequest(400, f"The body cannot be read: {fault}.") from None
    if not isinstance(parsed, dict):
        raise RefusedRequest(400, "The body is not a JSON object.")
    return parsed


async def _receive(request: Request, limit_bytes: int) -> bytes:
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > limit_bytes:
            raise too_large(limit_bytes)
    return bytes(received)
