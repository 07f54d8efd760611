from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.transport.mllp_framing import (
    HEADER_LIMIT_BYTES,
    Frame,
    Framer,
    FramingEvent,
    Ignored,
    Junk,
    NotMllp,
    TooLarge,
    Torn,
    framed,
)

MSG = b"MSH|^~\\&|LAB\rPID|1\r"
OTHER = b"MSH|^~\\&|LAB\rPID|2\r"


def fed(*pieces: bytes, limit: int = 1000, junk: int = 100) -> list[FramingEvent]:
    framer = Framer(limit, junk_limit_bytes=junk)
    return [event for piece in pieces for event in framer.feed(piece)]


def whole(content: bytes, *, loose: bool = False) -> Frame:
    return Frame(content=content, loose_end=loose)


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        pytest.param(framed(MSG), [whole(MSG)], id="one frame"),
        pytest.param(framed(MSG) + framed(OTHER), [whole(MSG), whole(OTHER)], id="two frames in one packet"),
        pytest.param(b"junk" + framed(MSG), [Junk(size=4), whole(MSG)], id="junk before the start"),
        pytest.param(framed(MSG) + b"\r\n" + framed(OTHER), [whole(MSG), whole(OTHER)], id="line ends between frames"),
        pytest.param(b"\x0b" + MSG + b"\x1c" + framed(OTHER), [whole(MSG, loose=True), whole(OTHER)], id="no final CR"),
        pytest.param(b"\x0b" + MSG + b"\x1c\n" + framed(OTHER), [whole(MSG, loose=True), whole(OTHER)], id="LF"),
        pytest.param(b"\x0bMSH|torn" + framed(MSG), [Torn(content=b"MSH|torn"), whole(MSG)], id="torn, then again"),
        pytest.param(b"\x0b" + framed(MSG), [Torn(content=b""), whole(MSG)], id="start twice"),
        pytest.param(framed(b"MSH|a\x0bb\x1cc|d"), [whole(b"MSH|a\x0bb\x1cc|d")], id="frame bytes inside data"),
        pytest.param(framed(b"MSH|a\x1c\x1cd"), [whole(b"MSH|a\x1c\x1cd")], id="end byte twice inside data"),
        pytest.param(framed(b"MSH|abcde\x1c"), [whole(b"MSH|abcde\x1c")], id="end byte before the end"),
        pytest.param(framed(b""), [Ignored(size=0)], id="empty frame"),
        pytest.param(framed(b"\x04"), [Ignored(size=1)], id="lone control byte"),
        pytest.param(framed(b"12345678"), [Ignored(size=8)], id="eight bytes that are no message"),
        pytest.param(framed(b"123456789"), [whole(b"123456789")], id="nine bytes that are no message"),
        pytest.param(framed(b"MSH|"), [whole(b"MSH|")], id="a short message"),
        pytest.param(framed(b"\r\nBHS|"), [whole(b"\r\nBHS|")], id="a short batch"),
        pytest.param(b"\x0bMSH|half", [], id="not complete"),
        pytest.param(b"\x0bMSH|half\x1c", [], id="end byte just received"),
        pytest.param(b"\x16\x03\x01\x02\x00\x0bxx", [NotMllp(speaks="tls")], id="TLS on a plain port"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", [NotMllp(speaks="http")], id="HTTP GET"),
        pytest.param(b"POST /hl7 HTTP/1.1\r\n\r\n\x0bMSH|", [NotMllp(speaks="http")], id="HTTP POST"),
        pytest.param(framed(MSG) + b"GET / ", [whole(MSG)], id="HTTP words after a frame are junk"),
        pytest.param(b"x" * 100 + framed(MSG), [Junk(size=100), whole(MSG)], id="junk at the limit"),
        pytest.param(b"x" * 101 + framed(MSG), [NotMllp(speaks="unknown")], id="junk beyond the limit"),
    ],
)
def test_a_stream_is_cut_alike_in_one_piece_and_byte_by_byte(stream, events):
    assert fed(stream) == events
    assert fed(*(stream[i : i + 1] for i in range(len(stream)))) == events


def test_a_frame_split_over_fifty_packets_arrives_whole():
    stream = framed(MSG * 30)
    step = len(stream) // 50 + 1
    assert fed(*(stream[i : i + step] for i in range(0, len(stream), step))) == [whole(MSG * 30)]


@pytest.mark.parametrize("size", [1000, 1001, 1004, 1005, 5000])
def test_a_frame_beyond_the_limit_is_drained_and_the_next_is_read(size):
    content = (MSG * 300)[:size]
    expected = whole(content) if size <= 1000 else TooLarge(header=content[:1000])
    stream = framed(content) + framed(MSG)
    assert fed(stream) == [expected, whole(MSG)]
    assert fed(*(stream[i : i + 7] for i in range(0, len(stream), 7))) == [expected, whole(MSG)]


def test_of_an_oversized_frame_only_the_beginning_is_kept():
    framer = Framer(100_000)
    framer.feed(b"\x0b" + MSG)
    for _ in range(1000):
        framer.feed(b"x" * 1000)
    assert len(framer._buffer) < 100
    assert framer.feed(b"\x1c\r") == [TooLarge(header=(MSG + b"x" * HEADER_LIMIT_BYTES)[:HEADER_LIMIT_BYTES])]


def test_an_oversized_frame_may_be_torn_too():
    content = (MSG * 300)[:2000]
    stream = b"\x0b" + content + framed(MSG)
    for step in (1, 7, 5000):
        events = fed(*(stream[i : i + step] for i in range(0, len(stream), step)))
        assert events == [Torn(content=content[:1000]), whole(MSG)]


def test_silence_after_an_end_byte_completes_the_message():
    framer = Framer()
    assert framer.feed(b"\x0b" + MSG) == []
    assert (framer.inside, framer.waiting_for_terminator, framer.silence()) == (True, False, [])
    assert framer.feed(b"\x1c") == []
    assert (framer.inside, framer.waiting_for_terminator) == (True, True)
    assert framer.silence() == [whole(MSG, loose=True)]
    assert (framer.inside, framer.waiting_for_terminator) == (False, False)
    assert framer.feed(b"\r" + framed(OTHER)) == [whole(OTHER)]


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"", []),
        (framed(MSG), []),
        (b"\x0bMSH|half", [Torn(content=b"MSH|half")]),
        (b"\x0b" + MSG + b"\x1c", [whole(MSG, loose=True)]),
        (b"\x0b" + b"M" * 2000, [Torn(content=b"M" * 1000)]),
        (b"tail", [Junk(size=4)]),
    ],
)
def test_the_end_of_the_stream_says_what_was_left(stream, events):
    framer = Framer(1000)
    framer.feed(stream)
    assert framer.end() == events


def test_after_the_end_nothing_more_is_read():
    framer = Framer()
    framer.feed(b"GET / HTTP")
    assert (framer.feed(framed(MSG)), framer.end(), framer.silence()) == ([], [], [])


PART = st.one_of(
    st.sampled_from(
        [framed(MSG), framed(OTHER), b"\x0b", b"\x1c", b"\r", b"\n", b"MSH", b"\x0bMSH|", b"x" * 60, framed(b"")]
    ),
    st.binary(max_size=12),
)


@given(st.lists(PART, max_size=12).map(b"".join), st.data())
def test_frames_arrive_the_same_however_the_stream_is_cut(stream, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    one, many = Framer(50, junk_limit_bytes=40), Framer(50, junk_limit_bytes=40)
    at_once = one.feed(stream)
    assert [event for piece in pieces for event in many.feed(piece)] == at_once
    assert many.end() == one.end()


@given(st.lists(st.binary(max_size=80).filter(lambda b: b"\x1c" not in b and b"\x0b" not in b), max_size=6))
def test_every_framed_content_comes_out_once_and_in_order(contents):
    messages = [b"MSH|" + content for content in contents]
    assert fed(b"".join(map(framed, messages))) == [whole(message) for message in messages]


@pytest.mark.parametrize("piece", [b"x" * 4096, b"x" * 40 + b"\x1cy" * 40, b"\x0bMS" * 100])
def test_no_byte_of_a_long_frame_is_searched_twice(piece):
    framer = Framer()
    framer.feed(b"\x0bMSH|")
    for received in range(1, 200):
        assert framer.feed(piece) == []
        assert framer._scanned == 4 + received * len(piece)
    assert framer.feed(b"\x1c\r") == [whole(b"MSH|" + piece * 199)]
