"""MLLP frames out of a byte stream, in linear time: start 0x0B, content, 0x1C 0x0D (HL7 2.5 appendix C)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

START = b"\x0b"
END = b"\x1c"
_RESTART = b"\x0bMSH"
_TERMINATORS = b"\r\n"
_BETWEEN_FRAMES = b"\r\n"

DEFAULT_FRAME_LIMIT_BYTES = 16 * 1024 * 1024
DEFAULT_JUNK_LIMIT_BYTES = 64 * 1024
HEADER_LIMIT_BYTES = 8 * 1024
"""How much of an oversized frame is kept: its MSH is in there."""

_TINY_BYTES = 9
_HL7_STARTS = (b"MSH", b"FHS", b"BHS")

Protocol = Literal["tls", "http", "unknown"]


class Frame(NamedTuple):
    """The content of one complete frame."""

    content: bytes
    loose_end: bool = False
    """The end byte came without its carriage return."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TooLarge:
    """A frame beyond the limit has ended; only its beginning was kept."""

    header: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Torn:
    """A frame that never ended: the sender started again, or the stream closed."""

    content: bytes
    """At most the frame limit; of an oversized frame its beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """An empty frame or a lone control byte in one: some monitors and senders use them as a ping or a farewell."""

    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Junk:
    """Bytes outside any frame were skipped."""

    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotMllp:
    """The peer does not speak MLLP: close. Nothing follows this event."""

    speaks: Protocol


FramingEvent = Frame | TooLarge | Torn | Ignored | Junk | NotMllp


class Framer:
    """Cuts one connection's bytes into frames; the same events whatever the size of the pieces fed to it."""

    def __init__(
        self,
        limit_bytes: int = DEFAULT_FRAME_LIMIT_BYTES,
        *,
        junk_limit_bytes: int = DEFAULT_JUNK_LIMIT_BYTES,
    ) -> None:
        self._limit = limit_bytes
        self._header_limit = min(limit_bytes, HEADER_LIMIT_BYTES)
        self._junk_limit = junk_limit_bytes
        self._buffer = bytearray()
        self._inside = False
        self._scanned = 0
        """Bytes of the buffer known to hold neither an end nor a restart."""
        self._header: bytes | None = None
        """Beginning of the oversized frame being drained."""
        self._opening: bytes | None = b""
        """First bytes outside a frame while no frame was seen: they tell TLS and HTTP; None once known."""
        self._junk = 0
        self._closed = False

    @property
    def inside(self) -> bool:
        """Whether a frame has begun and not ended."""
        return self._inside

    @property
    def waiting_for_terminator(self) -> bool:
        """Whether an end byte was the last thing received: after a silence the message counts as complete."""
        return self._inside and self._buffer.endswith(END)

    def feed(self, data: bytes) -> list[FramingEvent]:
        """Take the next bytes of the stream; give what they complete, in order."""
        if not self._inside and not self._junk and self._is_one_frame(data):
            self._opening = None
            return [self._frame(data[1:-2], loose=False)]
        events: list[FramingEvent] = []
        if self._closed:
            return events
        self._buffer += data
        while self._step(events):
            pass
        return events

    def silence(self) -> list[FramingEvent]:
        """Nothing followed an end byte for the agreed time: take the message as complete."""
        if not self.waiting_for_terminator:
            return []
        return [self._complete(len(self._buffer) - 1, len(self._buffer), loose=True)]

    def end(self) -> list[FramingEvent]:
        """The stream is over: a frame that only lacks its carriage return is complete, any other is torn."""
        if self.waiting_for_terminator:
            return self.silence()
        events: list[FramingEvent] = []
        if self._inside:
            events.append(self._torn(len(self._buffer)))
        self._report_junk(events)
        self._closed = True
        return events

    def _is_one_frame(self, data: bytes) -> bool:
        """The usual case, worth no buffer: the piece is exactly one frame."""
        return (
            data[:1] == START
            and data[-1:] == b"\r"
            and data.find(END) == len(data) - 2
            and len(data) <= self._limit + 3
            and (data.find(START, 1) < 0 or data.find(_RESTART, 1) < 0)
            and not self._closed
        )

    def _step(self, events: list[FramingEvent]) -> bool:
        if self._closed or not self._buffer:
            return False
        return self._step_inside(events) if self._inside else self._step_outside(events)

    def _step_outside(self, events: list[FramingEvent]) -> bool:
        start = self._buffer.find(START)
        skipped = bytes(self._buffer if start < 0 else self._buffer[:start])
        del self._buffer[: len(skipped)]
        self._junk += len(skipped.translate(None, _BETWEEN_FRAMES))
        speaks = self._recognised(skipped, framed=start >= 0)
        if speaks or self._junk > self._junk_limit:
            events.append(NotMllp(speaks=speaks or "unknown"))
            self._closed, self._junk = True, 0
            self._buffer.clear()
            return False
        if start < 0:
            return False
        self._report_junk(events)
        del self._buffer[:1]
        self._inside, self._scanned = True, 0
        return True

    def _recognised(self, skipped: bytes, *, framed: bool) -> Protocol | None:
        if self._opening is None:
            return None
        self._opening = (self._opening + skipped)[:8]
        speaks = spoken_protocol(self._opening)
        if framed or len(self._opening) == 8:
            self._opening = None
        return speaks

    def _report_junk(self, events: list[FramingEvent]) -> None:
        if self._junk:
            events.append(Junk(size=self._junk))
            self._junk = 0

    def _step_inside(self, events: list[FramingEvent]) -> bool:
        end = self._buffer.find(END, self._scanned)
        restart = self._buffer.find(_RESTART, max(self._scanned - len(_RESTART) + 1, 0), end if end >= 0 else None)
        if restart >= 0:
            events.append(self._torn(restart))
            del self._buffer[: restart + 1]
            self._inside, self._scanned = True, 0
            return True
        if end < 0:
            self._scanned = len(self._buffer)
            self._drain_if_oversized()
            return False
        following = self._buffer[end + 1 : end + 2]
        if not following:
            self._scanned = end
            return False
        if following == START:
            events.append(self._complete(end, end + 1, loose=True))
            return True
        if following in _TERMINATORS:
            events.append(self._complete(end, end + 2, loose=following != b"\r"))
            return True
        self._scanned = end + 1
        return True

    def _drain_if_oversized(self) -> None:
        # The last bytes may turn out to be a restart, and not the frame's.
        if self._header is None and len(self._buffer) <= self._limit + len(_RESTART):
            return
        if self._header is None:
            self._header = bytes(self._buffer[: self._header_limit])
        del self._buffer[: -len(_RESTART)]
        self._scanned = len(self._buffer)

    def _complete(self, end: int, consumed: int, *, loose: bool) -> FramingEvent:
        content = bytes(self._buffer[:end]) if self._header is None else b""
        header = self._header
        self._leave(consumed)
        if header is not None or len(content) > self._limit:
            return TooLarge(header=content[: self._header_limit] if header is None else header)
        return self._frame(content, loose=loose)

    def _torn(self, end: int) -> Torn:
        content, header = bytes(self._buffer[:end]), self._header
        self._leave(0)
        if header is None and len(content) > self._limit:
            header = content[: self._header_limit]
        return Torn(content=content if header is None else header)

    def _leave(self, consumed: int) -> None:
        del self._buffer[:consumed]
        self._inside, self._scanned, self._header = False, 0, None

    def _frame(self, content: bytes, *, loose: bool) -> FramingEvent:
        if len(content) < _TINY_BYTES and not content.lstrip().startswith(_HL7_STARTS):
            return Ignored(size=len(content))
        return Frame(content=content, loose_end=loose)


def spoken_protocol(opening: bytes) -> Protocol | None:
    """What a connection's first bytes look like when they are no frame: a TLS handshake, an HTTP request."""
    if opening.startswith(b"\x16\x03"):
        return "tls"
    if opening.startswith((b"GET ", b"POST ", b"PUT ", b"HEAD ", b"OPTIONS ")):
        return "http"
    return None


def framed(content: bytes) -> bytes:
    """A message or an answer as one MLLP frame."""
    return START + content + END + b"\r"
