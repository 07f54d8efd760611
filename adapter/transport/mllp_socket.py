"""The socket of one MLLP connection: its other end, and how it is set."""

from __future__ import annotations

import socket
from typing import Any

from adapter.transport.mllp_limits import MllpLimits


def peer_name(address: Any) -> str:  # noqa: ANN401  (asyncio gives a tuple whose shape depends on the family)
    """`host:port` of a socket's other end."""
    return f"{address[0]}:{address[1]}" if address else "unknown"


def tune(sock: socket.socket | None, limits: MllpLimits) -> None:
    """Answers leave at once, and a peer behind a silent firewall is noticed."""
    if sock is None:
        return
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, limits.keepalive_idle_s)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, limits.keepalive_interval_s)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, limits.keepalive_probes)
