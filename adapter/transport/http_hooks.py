"""Addresses a FHIR server notifies: each of one source, with a part nobody can guess and keys of its own."""

from __future__ import annotations

import hashlib
import hmac
import re
from codecs import BOM_UTF8
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapter.transport.http_body import HttpLimits
from adapter.transport.http_intake import FhirAnswer, read_fhir, refuse_foreign_type, refuse_misfit, target_of
from adapter.transport.http_outcome import RefusedRequest, fhir_response, peer_of

HOOKS_PATH = "/hooks/"
SIGNATURE = "x-signature"
DELETED_RESOURCE = "x-medplum-deleted-resource"
NOTHING = frozenset({b"", b"{}"})
"""Bodies that say only that something happened."""
REFERENCE = re.compile(r"[A-Z][A-Za-z]{1,63}/[A-Za-z0-9.-]{1,64}")
REASONS: Mapping[int, str] = {400: "unreadable", 408: "too-slow", 413: "too-large", 415: "other-format"}
"""Why a body of a known server is refused, by the status it is answered with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """One address: whose it is, and what its server shows there."""

    source: str
    path_token: str = field(repr=False)
    header: str = "Authorization"
    secret: str | None = field(default=None, repr=False)
    hmac_secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HookCall:
    """What a known server sent."""

    source: str
    raw: bytes
    method: str
    """`DELETE` when it says that a resource is gone."""
    target: str | None
    """`Type/id` of the address, or of what is gone."""
    peer: str


ReceiveHook = Callable[[HookCall], Awaitable[FhirAnswer]]
"""The answer to a call; raises CannotStore."""
HookRefused = Callable[[str | None, str, str], None]
"""(source, None when nobody knows whose address it was; reason; peer): a call was refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Doors:
    hooks: Sequence[Hook]
    receive: ReceiveHook
    refused: HookRefused
    limits: HttpLimits

    async def answer(self, request: Request) -> Response:
        """2xx once the call is on disk; every refusal is told with its reason."""
        hook = self._hook(request)
        self._refuse_stranger(request, hook)
        try:
            call = await self._call(request, hook)
        except RefusedRequest as refusal:
            reason = "wrong-signature" if refusal.status == 401 else REASONS.get(refusal.status, "other")
            self.refused(hook.source, reason, peer_of(request))
            raise
        answer = await self.receive(call)
        return fhir_response(answer.status, answer.resource)

    def _hook(self, request: Request) -> Hook:
        """The hook of an address: all are compared, so that the time it takes tells nothing."""
        offered = request.path_params["token"].encode()
        same = [hook for hook in self.hooks if hmac.compare_digest(offered, hook.path_token.encode())]
        if same:
            return same[0]
        self.refused(None, "unknown-address", peer_of(request))
        raise RefusedRequest(404, "There is nothing at this address.")

    def _refuse_stranger(self, request: Request, hook: Hook) -> None:
        if hook.secret is not None and not _shows(request.headers.get(hook.header, ""), hook.secret):
            self.refused(hook.source, "wrong-secret", peer_of(request))
            raise RefusedRequest(401, "The secret of this address is required.")

    async def _call(self, request: Request, hook: Hook) -> HookCall:
        raw = await read_fhir(request, self.limits)
        if hook.hmac_secret is not None and not _signed(request.headers.get(SIGNATURE, ""), raw, hook.hmac_secret):
            raise RefusedRequest(401, "The body is not signed with the secret of this address.")
        raw = raw.removeprefix(BOM_UTF8)
        gone = _gone(request, raw)
        if gone:
            return HookCall(source=hook.source, raw=raw, method="DELETE", target=gone, peer=peer_of(request))
        if raw.strip() not in NOTHING:
            refuse_foreign_type(request)
            await refuse_misfit(raw, request, self.limits)
        method, target = request.method, target_of(request)
        return HookCall(source=hook.source, raw=raw, method=method, target=target, peer=peer_of(request))


def hook_routes(
    hooks: Sequence[Hook], *, receive: ReceiveHook, refused: HookRefused, limits: HttpLimits
) -> list[Route]:
    """The addresses of all hooks; none where there is no hook."""
    if not hooks:
        return []
    answer = _Doors(hooks=hooks, receive=receive, refused=refused, limits=limits).answer
    base = HOOKS_PATH + "{token}"
    return [
        Route(base, answer, methods=["POST", "PUT"]),
        Route(base + "/", answer, methods=["POST", "PUT"]),
        Route(base + "/{type}", answer, methods=["POST", "PUT"]),
        Route(base + "/{type}/{id}", answer, methods=["POST", "PUT", "DELETE"]),
    ]


def _gone(request: Request, raw: bytes) -> str | None:
    """`Type/id` of what was deleted, as HAPI FHIR (the method) or Medplum (a header beside `{}`) tell it."""
    if request.method == "DELETE":
        return target_of(request)
    named = request.headers.get(DELETED_RESOURCE, "").strip()
    return named if raw.strip() in NOTHING and REFERENCE.fullmatch(named) else None


def _shows(offered: str, secret: str) -> bool:
    """Whether a header holds the secret, bare or behind `Bearer`, compared in constant time."""
    kind, _, rest = offered.strip().partition(" ")
    bare = hmac.compare_digest(offered.strip().encode(), secret.encode())
    behind = hmac.compare_digest(rest.strip().encode(), secret.encode())
    return bare or (behind and kind.lower() == "bearer")


def _signed(offered: str, raw: bytes, secret: str) -> bool:
    wanted = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    return hmac.compare_digest(offered.strip().lower().removeprefix("sha256=").encode(), wanted.encode())
