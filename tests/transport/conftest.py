"""A browser that calls an ASGI application without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import httpx
import pytest


class Browser:
    """Asks one application, one request after another."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def request(
        self, method: str, path: str, *, content: bytes | Iterable[bytes] = b"", **options: Any
    ) -> httpx.Response:
        """One whole answer; content in pieces is sent without a length."""
        body = content if isinstance(content, bytes) else _pieces(content)
        return asyncio.run(self._ask(method, path, content=body, **options))

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)

    def delete(self, path: str) -> httpx.Response:
        return self.request("DELETE", path)

    async def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self._app, client=("sender", 50000))
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            return await client.request(method, path, **options)


async def _pieces(content: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in content:
        yield piece


@pytest.fixture
def browser() -> Callable[[Any], Browser]:
    """Opens a browser on an application."""
    return Browser
