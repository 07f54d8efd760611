"""Is the process alive, is it ready, and its counters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

Ready = Callable[[], Mapping[str, Any]]
"""A mapping with `ok: bool` and whatever else helps; asked in a thread."""
Metrics = Callable[[], tuple[bytes, str]]
"""(body, content type) as the metrics library gives them; asked in a thread."""


def health_routes(*, ready: Ready, metrics: Metrics) -> list[Route]:
    """`GET /healthz`, `/readyz` and `/metrics`."""

    async def readyz(_: Request) -> Response:
        found = await run_in_threadpool(ready)
        return JSONResponse(dict(found), status_code=200 if found.get("ok") is True else 503)

    async def counters(_: Request) -> Response:
        body, content_type = await run_in_threadpool(metrics)
        return Response(body, headers={"Content-Type": content_type})

    return [
        Route("/healthz", _alive),
        Route("/readyz", readyz),
        Route("/metrics", counters),
    ]


async def _alive(_: Request) -> Response:
    return PlainTextResponse("ok\n")
