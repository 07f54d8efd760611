"""The raw limit: a bare protocol that gives back what it gets, on the event loop the listener runs on."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import cast


class Echo(asyncio.Protocol):
    """Writes back every chunk as it came."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Give it back."""
        self._transport.write(data)


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Echo, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)  # until the one who started it closes the pipe
    server.close()


def main() -> int:
    """Print the port, then echo until stdin closes."""
    with contextlib.suppress(ImportError):
        import uvloop

        uvloop.run(_serve())
        return 0
    asyncio.run(_serve())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
