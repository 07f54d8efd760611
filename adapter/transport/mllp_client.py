"""A small MLLP sender: one message out, its answer back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from adapter.transport.mllp_framing import Frame, Framer, framed
from adapter.transport.tls_client import ClientTls, PinMismatchError

_READ_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class MllpTimeouts:
    """How long a sender waits."""

    connect_s: float = 10.0
    answer_s: float = 30.0


class MllpClient:
    """One connection to an MLLP listener; messages go one after the other, each waiting for its answer."""

    def __init__(self, *, timeouts: MllpTimeouts | None = None, tls: ClientTls | None = None) -> None:
        self._timeouts = timeouts or MllpTimeouts()
        self._tls = tls
        self._framer = Framer()
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> Self:
        """The client itself; connect it before sending."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        await self.close()

    async def connect(self, host: str, port: int, *, tls: ClientTls | None = None) -> None:
        """Open the connection; raises OSError (TLS faults are such) or TimeoutError when nobody answers there.

        `tls` replaces what the client was made with.
        """
        await self.close()
        self._tls = tls or self._tls
        context = self._tls.context if self._tls else None
        async with asyncio.timeout(self._timeouts.connect_s):
            self._reader, self._writer = await asyncio.open_connection(host, port, ssl=context)
        self._framer = Framer()
        if self._tls:
            await self._check_certificate(self._tls)

    @property
    def connected(self) -> bool:
        """Whether the connection is open as far as is known: the peer has not closed it."""
        return self._writer is not None and self._reader is not None and not self._reader.at_eof()

    async def send(self, message: bytes) -> bytes:
        """Send one message and give the content of the answer.

        Raises ConnectionError when the peer closes without one, TimeoutError when none comes in time; the
        connection is closed then, because a late answer would be taken for the next message's.
        """
        if self._writer is None:
            raise ConnectionError("not connected")
        try:
            async with asyncio.timeout(self._timeouts.answer_s):
                self._writer.write(framed(message))
                await self._writer.drain()
                return await self._answer()
        except (OSError, TimeoutError):
            await self.close()
            raise

    async def close(self) -> None:
        """Close the connection; closing a closed one does nothing."""
        writer, self._reader, self._writer = self._writer, None, None
        if writer is None:
            return
        writer.close()
        try:
            await writer.wait_closed()
        except OSError:
            return

    async def _check_certificate(self, tls: ClientTls) -> None:
        secured = self._writer.get_extra_info("ssl_object") if self._writer else None
        try:
            tls.check(secured.getpeercert(binary_form=True) if secured else None)
        except PinMismatchError:
            await self.close()
            raise

    async def _answer(self) -> bytes:
        while self._reader and (data := await self._reader.read(_READ_BYTES)):
            for event in self._framer.feed(data):
                if isinstance(event, Frame):
                    return event.content
        raise ConnectionError("closed without an answer")
