"""TLS around one MLLP connection: handshake within a time, clear words when it fails, then bytes both ways."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass, field
from typing import Any, cast

from adapter.transport.certificates import fingerprint_of
from adapter.transport.mllp_connection import Connection
from adapter.transport.mllp_framing import START, spoken_protocol
from adapter.transport.mllp_handlers import Notify
from adapter.transport.mllp_limits import MllpLimits
from adapter.transport.mllp_socket import peer_name
from adapter.transport.tls_server import ServerTls, TlsRefusal, refusal_of

_READ_BYTES = 256 * 1024
_HANDSHAKE_RECORD = b"\x16"


@dataclass(slots=True, kw_only=True)
class Handshakes:
    """What the connections of one TLS port share before they are let in."""

    tls: ServerTls
    limits: MllpLimits
    on_event: Notify
    open_connections: set[Connection]
    waiting: set[SecureConnection] = field(default_factory=set)


class SecureConnection(asyncio.Protocol):
    """Bytes of TLS below, a Connection above; nothing reaches it before the peer is let in.

    Not asyncio's own TLS: that closes a refused connection without the alert that would tell the sender why, and
    cannot say which certificate it refused.
    """

    def __init__(self, above: Connection, handshakes: Handshakes) -> None:
        self._above = above
        self._shared = handshakes
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = handshakes.tls.wrap(self._incoming, self._outgoing)
        self._transport: asyncio.Transport
        self._peer = "unknown"
        self._begun = False
        self._established = False
        self._refused = False
        self._over = False
        """Nothing more will be read."""
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the handshake, or close at once when the listener is full."""
        self._transport = cast("asyncio.Transport", transport)
        self._peer = peer_name(transport.get_extra_info("peername"))
        shared = self._shared
        if len(shared.open_connections) + len(shared.waiting) >= shared.limits.connections:
            self._refused = True
            self._event("connection-refused", limit=shared.limits.connections)
            self._transport.abort()
            return
        shared.waiting.add(self)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(shared.limits.handshake_limit_s, self._too_slow)

    def data_received(self, data: bytes) -> None:
        """Go on with the handshake, or hand the plain bytes up."""
        if self._refused or self._over:
            return
        if not self._begun and not data.startswith(_HANDSHAKE_RECORD):
            self._not_tls(data)
            return
        self._begun = True
        self._incoming.write(data)
        if self._established or self._shake_hands():
            self._read()

    def eof_received(self) -> bool:
        """The sender has finished: above, what is in hand is still answered."""
        if not self._established:
            if self._begun and not self._refused:
                self._refuse(TlsRefusal(side="sender", reason="the sender closed during the handshake"))
            return False
        if not self._over:
            self._over = True
            self._above.eof_received()
        return True

    def pause_writing(self) -> None:
        """Handed up."""
        if self._established:
            self._above.pause_writing()

    def resume_writing(self) -> None:
        """Handed up."""
        if self._established:
            self._above.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Handed up once the peer was let in."""
        self._leave_waiting()
        if self._established:
            self._above.connection_lost(exc)

    def send(self, data: bytes) -> None:
        """Encrypt and send."""
        try:
            self._tls.write(data)
        except ssl.SSLError as fault:
            self._event("tls-broken", **_words(refusal_of(fault)))
            self._transport.abort()
            return
        self._flush()

    def close(self) -> None:
        """Say that nothing follows (close_notify), then close."""
        if not self._transport.is_closing():
            with contextlib.suppress(ssl.SSLError):  # it wants the other's farewell, which we need not await
                self._tls.unwrap()
            self._flush()
        self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    def _shake_hands(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return False
        except ssl.SSLError as fault:
            self._refuse(refusal_of(fault))
            return False
        self._flush()
        if not self._is_pinned():
            self._refuse(TlsRefusal(side="us", reason="the sender's certificate is none of client_fingerprints"))
            return False
        self._leave_waiting()
        self._established = True
        self._above.connection_made(_Above(self, self._transport))
        return True

    def _is_pinned(self) -> bool:
        der = self._tls.getpeercert(binary_form=True)
        pins = self._shared.tls.files.client_fingerprints
        return not pins or der is None or fingerprint_of(der) in pins

    def _read(self) -> None:
        plain: list[bytes] = []
        ended = False
        try:
            while data := self._tls.read(_READ_BYTES):
                plain.append(data)
            ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            ended = True
        except ssl.SSLError as fault:
            ended = True
            self._event("tls-broken", **_words(refusal_of(fault)))
        if plain:
            self._above.data_received(b"".join(plain))
        self._flush()
        if ended and not self._over:
            self._over = True
            self._above.eof_received()

    def _flush(self) -> None:
        if (data := self._outgoing.read()) and not self._transport.is_closing():
            self._transport.write(data)

    def _not_tls(self, opening: bytes) -> None:
        self._refused = True
        self._event("not-tls", speaks="mllp" if opening.startswith(START) else spoken_protocol(opening) or "unknown")
        self._leave_waiting()
        self._transport.close()

    def _refuse(self, refusal: TlsRefusal) -> None:
        """Log who refused whom and why, send the alert, and leave the peer a moment to read it."""
        self._refused = True
        subject = self._shared.tls.facts.subject if refusal.side == "sender" else self._subject_shown()
        self._event("tls-refused", subject=subject, **_words(refusal))
        self._leave_waiting()
        self._flush()
        if self._transport.can_write_eof() and not self._transport.is_closing():
            self._transport.write_eof()
        asyncio.get_running_loop().call_later(self._shared.limits.farewell_s, self._transport.abort)

    def _subject_shown(self) -> str | None:
        return self._shared.tls.subject_shown(self._tls)

    def _too_slow(self) -> None:
        self._timer = None
        self._refused = True
        self._event("tls-too-slow", limit_s=self._shared.limits.handshake_limit_s)
        self._leave_waiting()
        self._transport.abort()

    def _leave_waiting(self) -> None:
        self._shared.waiting.discard(self)
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _event(self, name: str, **fields: Any) -> None:  # noqa: ANN401  (numbers, names and None of an event)
        self._shared.on_event(name, {"peer": self._peer, **fields})


class _Above(asyncio.Transport):
    """The transport a Connection sees: plain bytes, with the buffers and pauses of the socket below."""

    def __init__(self, secure: SecureConnection, below: asyncio.Transport) -> None:
        super().__init__()
        self._secure = secure
        self._below = below

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401  (as asyncio has it)
        return self._below.get_extra_info(name, default)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._secure.send(bytes(data))

    def close(self) -> None:
        self._secure.close()

    def abort(self) -> None:
        self._secure.abort()

    def is_closing(self) -> bool:
        return self._below.is_closing()

    def pause_reading(self) -> None:
        self._below.pause_reading()

    def resume_reading(self) -> None:
        self._below.resume_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._below.set_write_buffer_limits(high=high, low=low)

    def get_write_buffer_size(self) -> int:
        return self._below.get_write_buffer_size()


def _words(refusal: TlsRefusal) -> dict[str, str]:
    return {"side": refusal.side, "reason": refusal.reason}
