"""Every limit of an MLLP listener, by name and unit."""

from __future__ import annotations

from dataclasses import dataclass

from adapter.transport.mllp_framing import DEFAULT_FRAME_LIMIT_BYTES, DEFAULT_JUNK_LIMIT_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class MllpLimits:
    """What one listener accepts; the defaults serve a hospital's whole result feed."""

    connections: int = 64
    frame_limit_bytes: int = DEFAULT_FRAME_LIMIT_BYTES
    junk_limit_bytes: int = DEFAULT_JUNK_LIMIT_BYTES
    """Most bytes outside a frame before the connection is closed."""
    frame_time_limit_s: float = 30.0
    """Longest time from the first to the last byte of a frame."""
    end_silence_s: float = 0.5
    """Silence after an end byte without its carriage return that completes the message."""
    waiting_frames: int = 32
    """Frames of one connection read ahead of their turn before reading pauses."""
    waiting_bytes: int = 1024 * 1024
    """Bytes of such frames before reading pauses."""
    unsent_answers_bytes: int = 64 * 1024
    """Answers a sender may leave unread before its next frame is held back."""
    handshake_limit_s: float = 10.0
    """Longest time from a connection to the end of its TLS handshake."""
    farewell_s: float = 1.0
    """How long a peer refused by TLS may take to read why."""
    keepalive_idle_s: int = 60
    """Silence after which the system probes whether the peer is still there."""
    keepalive_interval_s: int = 15
    keepalive_probes: int = 4
    backlog: int = 512
    """Connections the system may hold before they are accepted."""
