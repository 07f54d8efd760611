"""The load: a process of its own that keeps many MLLP connections busy and notes how long each answer took.

It speaks raw sockets and one selector: a client on asyncio would cost more than the listener it is to measure.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from collections import Counter, deque
from dataclasses import asdict, dataclass, replace
from typing import Any

from adapter.commands.bench_feed import Feed, feed_of

END = b"\x1c\r"
READ_BYTES = 65536
PATIENCE_S = 60.0
SHARES = (0.5, 0.95, 0.99, 0.999)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is sent where."""

    host: str
    port: int
    connections: int
    feed: Feed
    count: int
    seed: int
    series: str
    echoed: bool = False
    """The other side gives back what it gets, so that there is no code to read."""
    closed_after_each: bool = False
    """The other side closes after every answer, so that every message needs a connection of its own."""

    def towards(self, port: int) -> Load:
        """The same load, sent to another port."""
        return replace(self, port=port)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What came back, in seconds and microseconds."""

    messages: int
    begun_at: float
    """When the first message went out, by the monotonic clock all processes of a machine share."""
    seconds: float
    cpu_us: float
    """Processor time of this process per message: its own ceiling."""
    p50_us: float
    p95_us: float
    p99_us: float
    p999_us: float
    most_us: float
    codes: dict[str, int]
    bytes_per_message: float

    @property
    def per_s(self) -> float:
        """Messages answered in a second."""
        return self.messages / self.seconds


class _Lane:
    """One connection: the next message goes when the answer to the last one is whole."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self.socket = self._connected()
        self.sent_at = 0.0
        self.received = b""

    def send(self, frame: bytes) -> None:
        self.sent_at = time.perf_counter()
        self.socket.sendall(frame)

    def renewed(self, selector: selectors.BaseSelector) -> None:
        """Go on over another connection."""
        selector.unregister(self.socket)
        self.socket.close()
        self.socket = self._connected()
        selector.register(self.socket, selectors.EVENT_READ, self)

    def _connected(self) -> socket.socket:
        connected = socket.create_connection((self._load.host, self._load.port), timeout=PATIENCE_S)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connected

    def answered(self) -> bool:
        """Read what is there; true when the answer is whole. Raises ConnectionError when the other side closed."""
        data = self.socket.recv(READ_BYTES)
        if not data:
            raise ConnectionError("the listener closed a connection")
        self.received += data
        return self.received.endswith(END)


def measured(load: Load) -> Measured:
    """Send everything and wait for every answer; raises OSError when a connection breaks or an answer does not come."""
    frames = deque(b"\x0b" + message + END for message in feed_of(load.feed, load.count, load.seed, load.series))
    size = sum(map(len, frames)) / load.count
    lanes: list[_Lane] = []
    try:
        lanes += (_Lane(load) for _ in range(min(load.connections, load.count)))
        cpu_s, begun_at = time.process_time(), time.monotonic()
        waits, codes = _pumped(lanes, frames, load)
        seconds, cpu_s = time.monotonic() - begun_at, time.process_time() - cpu_s
    finally:
        for lane in lanes:
            lane.socket.close()
    waits.sort()
    p50, p95, p99, p999 = (waits[min(int(len(waits) * share), len(waits) - 1)] * 1e6 for share in SHARES)
    return Measured(
        messages=load.count,
        begun_at=begun_at,
        seconds=seconds,
        cpu_us=cpu_s / load.count * 1e6,
        p50_us=p50,
        p95_us=p95,
        p99_us=p99,
        p999_us=p999,
        most_us=waits[-1] * 1e6,
        codes=dict(codes),
        bytes_per_message=size,
    )


def _pumped(lanes: list[_Lane], frames: deque[bytes], load: Load) -> tuple[list[float], Counter[str]]:
    """How long each answer took, and how often each code came."""
    waits: list[float] = []
    codes = Counter[str]()
    with selectors.DefaultSelector() as selector:
        for lane in lanes:
            selector.register(lane.socket, selectors.EVENT_READ, lane)
            lane.send(frames.popleft())
        while len(waits) < load.count:
            ready = selector.select(PATIENCE_S)
            if not ready:
                raise TimeoutError("no answer came")
            for lane in (key.data for key, _ in ready if key.data.answered()):
                waits.append(time.perf_counter() - lane.sent_at)
                if not load.echoed:
                    codes[_code(lane.received)] += 1
                lane.received = b""
                _go_on(lane, frames, load, selector)
    return waits, codes


def _go_on(lane: _Lane, frames: deque[bytes], load: Load, selector: selectors.BaseSelector) -> None:
    if load.closed_after_each and frames:
        lane.renewed(selector)
    elif load.closed_after_each:
        selector.unregister(lane.socket)
    if frames:
        lane.send(frames.popleft())


def _code(answer: bytes) -> str:
    place = answer.find(b"\rMSA")
    return answer[place + 5 : place + 7].decode("ascii", "replace") if place >= 0 else ""


def main() -> int:
    """Read a load as JSON from stdin, print what was measured as JSON; 1 with a sentence when a connection broke."""
    given: dict[str, Any] = json.loads(sys.stdin.readline())
    try:
        result = measured(Load(**given))
    except OSError as fault:
        print(f"the load broke off: {fault}", file=sys.stderr)
        return 1
    print(json.dumps(asdict(result)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
