"""The HTTP application: routes behind one token, every failure an answer and never a traceback."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from adapter.transport.cannot_store import CannotStore
from adapter.transport.http_jwks import JWKS_PATH
from adapter.transport.http_outcome import RefusedRequest, peer_of, refusal

OPEN_PATHS = frozenset({"/healthz", "/readyz", JWKS_PATH})
"""What may be asked without the token: states for a health check, public keys for a token server; no content."""
DOORS = frozenset({"hl7", "ingest", "fhir", "metrics", "hooks"})
"""First steps of our addresses, which a log may name; others may hold anything."""
SENTENCES = {
    404: "There is nothing at this address.",
    405: "This address does not take this method.",
}

OnEvent = Callable[[str, dict[str, Any]], None]
"""(event name, facts without patient values), for logs and counters."""


def build_app(
    routes: Sequence[BaseRoute], *, token: str | None, on_event: OnEvent, own_keys: str | None = None
) -> Starlette:
    """One application from the routes of all rooms; with a token everything but `OPEN_PATHS` asks for it.

    Addresses below `own_keys` are left out too: they ask for keys of their own.
    """
    middleware = [Middleware(LastResort, on_event=on_event)]
    if token is not None:
        middleware.append(Middleware(BearerToken, token=token, on_event=on_event, own_keys=own_keys))
    handlers: dict[Any, Any] = {
        RefusedRequest: _answer_refusal,
        CannotStore: _answer_not_stored,
        HTTPException: _answer_http,
    }
    app = Starlette(routes=list(routes), middleware=middleware, exception_handlers=handlers)
    app.router.redirect_slashes = False
    return app


@dataclass(frozen=True, slots=True)
class BearerToken:
    """Lets only requests through that carry the configured token (RFC 6750), compared in constant time."""

    app: ASGIApp
    token: str
    on_event: OnEvent
    own_keys: str | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """401 with `WWW-Authenticate: Bearer` when the token is missing or another; told each time."""
        if scope["type"] != "http" or self._asks_for_none(scope["path"]) or self._admits(scope):
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        first = scope["path"].split("/")[1:2]
        shown = "another" if "authorization" in request.headers else "none"
        door = first[0] if first and first[0] in DOORS else "other"
        self.on_event(
            "http-not-authorized", {"listener": "http", "peer": peer_of(request), "door": door, "token": shown}
        )
        refused = RefusedRequest(401, "A bearer token is required.")
        await refusal(request, refused)(scope, receive, send)

    def _asks_for_none(self, path: str) -> bool:
        return path in OPEN_PATHS or (self.own_keys is not None and path.startswith(self.own_keys))

    def _admits(self, scope: Scope) -> bool:
        kind, _, offered = Request(scope).headers.get("authorization", "").partition(" ")
        matches = hmac.compare_digest(offered.strip().encode(), self.token.encode())
        return kind.lower() == "bearer" and matches


@dataclass(frozen=True, slots=True)
class LastResort:
    """Turns whatever no handler expected into a 500 that says nothing, and reports only its type.

    Starlette's own handler raises the exception again, and a server would then log a text that may hold a value.
    """

    app: ASGIApp
    on_event: OnEvent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on and answers for what fails."""
        try:
            await self.app(scope, receive, send)
        except ClientDisconnect:
            self.on_event("http-client-gone", {})
        except Exception as fault:  # noqa: BLE001 - the last place where a failure can become an answer
            self.on_event("http-internal-error", {"exception": type(fault).__name__})
            refused = RefusedRequest(500, "Something failed on our side.")
            await refusal(Request(scope), refused)(scope, receive, send)


async def _answer_refusal(request: Request, refused: RefusedRequest) -> Response:
    return refusal(request, refused)


async def _answer_not_stored(request: Request, _: CannotStore) -> Response:
    return refusal(request, RefusedRequest(503, "The message could not be stored; send it again."))


async def _answer_http(request: Request, fault: HTTPException) -> Response:
    sentence = SENTENCES.get(fault.status_code, "The request cannot be answered.")
    return refusal(request, RefusedRequest(fault.status_code, sentence), fault.headers)
