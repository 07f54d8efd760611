"""Reader, writer, filter, answers and framer under broken bytes: no crash, no hang, nothing lost, memory bounded."""

from __future__ import annotations

import os
import resource
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from wire_bytes import ANYTHING, expensive, mutated, structured

from adapter.domain.message import Answer
from adapter.domain.problems import problem
from adapter.ingest.acknowledgment import acknowledge
from adapter.ingest.conformance import check_message
from adapter.ingest.hl7v2 import CannotWriteError, NotHl7, peek, read_batch, read_message, with_value
from adapter.ingest.relevance import RelevanceFilter
from adapter.knowledge.load import load_knowledge
from adapter.transport.mllp_framing import Frame, Framer, FramingEvent, Ignored, TooLarge, Torn, framed

BUDGET_S = float(os.environ.get("TROUGHLINE_FUZZ_S", "80"))
TARGETS = 4
HANG_S = 2.0
"""Most processor time one input may take."""
LARGE_BYTES = 500_000
BYTES_PER_BYTE = 160
LINES_MEMORY_BYTES = 96 * 1024 * 1024
FRAME_LIMIT = 4_096
NOW = datetime(2025, 6, 1, tzinfo=UTC)
REFUSED = Answer(code="AE", errors=(problem("unit-missing", where="OBX[1]-6", location="OBX^1^6"),))

pytestmark = [pytest.mark.fuzz, pytest.mark.timeout(120 + BUDGET_S)]

ROUND = settings(
    max_examples=400,
    deadline=None,
    derandomize=False,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)


def fuzz(body: Callable[..., None], *strategies: st.SearchStrategy[object]) -> int:
    """Rounds of fresh random input until this target's part of the time is used up; how many rounds there were."""
    seen = 0

    @ROUND
    @given(st.tuples(*strategies))
    def one_round(drawn: tuple[object, ...]) -> None:
        started = time.process_time()
        body(*drawn)
        assert time.process_time() - started < HANG_S

    started = time.monotonic()
    while seen == 0 or time.monotonic() - started < BUDGET_S / TARGETS:
        one_round()
        seen += 1
    return seen


def read_down(raw: bytes, default: str | None) -> None:
    for one in read_batch(raw).messages:
        peek(one)
        try:
            message = read_message(one, default)
        except NotHl7:
            continue
        assert message.encode() == one
        for segment in message.segments:
            start, end = segment.span(segment.field_count())
            assert message.text[start:end] == segment.field(segment.field_count())
            for n in range(segment.field_count() + 1):
                segment.value(n, 2, 2, 2)
                segment.components(n)
                segment.is_null(n)


@pytest.fixture(scope="module")
def relevance():
    knowledge, faults = load_knowledge()
    assert faults == []
    return RelevanceFilter(knowledge, 500)


def test_the_reader_survives_and_loses_nothing():
    charsets = st.sampled_from([None, "8859/1", "UTF-8", "ISO IR87", "UNICODE UTF-16", "nonsense"])
    assert fuzz(read_down, st.one_of(ANYTHING, structured()), charsets)


def test_filter_answers_and_reports_survive(relevance):
    def body(raw: bytes) -> None:
        relevance.judge(raw)
        for one in read_batch(raw).messages:
            answer = acknowledge(one, REFUSED, now=NOW, control_id="T1")
            assert peek(answer).is_acknowledgment
            try:
                message = read_message(one)
            except NotHl7:
                continue
            assert all(found.where for found in check_message(message).findings)

    assert fuzz(body, ANYTHING)


def test_the_writer_keeps_what_it_does_not_touch():
    def body(raw: bytes, text: str, field: int, repetition: int, component: int) -> None:
        try:
            message = read_message(raw)
        except NotHl7:
            return
        for segment in message.segments[:3]:
            path = f"{segment.name or 'MSH'}[{segment.occurrence}]-{field}({repetition}).{component}"
            try:
                written = with_value(message, path, text)
            except CannotWriteError:
                continue
            assert written.get(path) == (text or None)
            assert read_message(written.encode()).text == written.text
            assert len(written.segments) == len(message.segments)

    numbers = st.integers(1, 4)
    assert fuzz(body, st.one_of(mutated(), structured()), st.text(max_size=30), st.integers(3, 20), numbers, numbers)


def test_the_framer_gives_the_same_frames_however_the_bytes_arrive():
    pieces = st.lists(
        st.one_of(ANYTHING, ANYTHING.map(framed), st.sampled_from([b"\x0b", b"\x1c", b"\x1c\r"])), max_size=6
    )

    def body(parts: list[bytes], cuts: list[int]) -> None:
        stream = b"".join(parts)
        whole = fed([stream])
        places = sorted({min(cut, len(stream)) for cut in cuts})
        assert fed([stream[a:b] for a, b in zip([0, *places], [*places, len(stream)], strict=True)]) == whole
        assert sum(map(size_of, whole)) <= len(stream)
        for event in whole:
            if isinstance(event, Frame):
                assert len(event.content) <= FRAME_LIMIT
                read_down(event.content, None)

    assert fuzz(body, pieces, st.lists(st.integers(0, 1_500), max_size=12))


def fed(pieces: list[bytes]) -> list[FramingEvent]:
    framer = Framer(FRAME_LIMIT)
    return [event for piece in pieces for event in framer.feed(piece)] + framer.end()


def size_of(event: FramingEvent) -> int:
    match event:
        case Frame(content=content) | Torn(content=content) | TooLarge(header=content):
            return len(content)
        case Ignored(size=size):
            return size
        case _:
            return 0


@pytest.mark.parametrize("shape", list(expensive(1)))
def test_a_large_expensive_shape_neither_hangs_nor_fills_the_memory(shape, relevance):
    raw = expensive(LARGE_BYTES)[shape]
    started = time.process_time()
    for one in read_batch(raw).messages[:1_000]:
        peek(one)
        relevance.judge(one)
        try:
            read_message(one)
        except NotHl7:
            continue
    assert time.process_time() - started < HANG_S
    assert peak_of_reading(raw) < BYTES_PER_BYTE * len(raw)


@pytest.mark.parametrize("shape", ["short lines", "short segments"])
def test_the_memory_of_a_message_of_very_many_lines_stops_growing(shape):
    assert peak_of_reading(expensive(4_000_000)[shape]) < LINES_MEMORY_BYTES


def peak_of_reading(raw: bytes) -> int:
    tracemalloc.start()
    try:
        assert read_message(raw).encode() == raw
    except NotHl7:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak


@pytest.mark.parametrize("size", [1, 7, 4_096])
def test_a_frame_that_never_ends_takes_no_more_memory_than_its_limit(size):
    framer = Framer(FRAME_LIMIT)
    framer.feed(b"\x0bMSH|")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(20_000):
        framer.feed(b"x" * size)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024
