"""Our public keys for the token servers of SMART Backend Services (RFC 7517, RFC 8615)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

JWKS_PATH = "/.well-known/jwks.json"
KEPT_S = 300
"""A token server that keeps the set longer knows a new key too late."""

PublicSet = Callable[[], Mapping[str, Any]]
"""The JWK Set of now; asked in a thread."""


def jwks_routes(public_set: PublicSet) -> list[Route]:
    """`GET /.well-known/jwks.json`, which asks for no token: a token server has none of ours."""

    async def jwks(_: Request) -> Response:
        found = await run_in_threadpool(public_set)
        return JSONResponse(dict(found), headers={"Cache-Control": f"public, max-age={KEPT_S}"})

    return [Route(JWKS_PATH, jwks)]
