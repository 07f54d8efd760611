"""Whatever comes in can be given back byte for byte, at a cost in proportion to its size."""

from __future__ import annotations

import re
import sys
import time
import tracemalloc
from collections import deque
from pathlib import Path

import hl7
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from wire_bytes import ANYTHING, expensive, plain_messages, structured

from adapter.domain.problems import problem
from adapter.ingest.hl7v2 import NotHl7, message, peek, read_batch, read_message, split_messages
from adapter.ingest.hl7v2.heads import heads

HOSPITAL = Path(__file__).parents[3] / "shared" / "data" / "hl7v2" / "simulated-hospital.hl7"
BEGINS_A_LINE = re.compile(rb"(?:\A(?:\xef\xbb\xbf)?|[\r\n\x0b\x1c])[\x0b\x1c \t]*(MSH|FHS|BHS|BTS|FTS)(?![A-Za-z0-9])")
"""What `heads` means, written so that it is easy to read and quadratic to run."""
BYTES = 40_000
HANG_S = 2.0
"""Processor time; what is quadratic needs far longer at this size."""
BYTES_PER_BYTE = 220
"""A segment of two bytes costs this much memory; the limit of lines keeps that from growing without end."""


def read_everything(raw: bytes) -> int:
    """Read every field of every message down to its sub-components; the number of bytes that came back alike."""
    same = 0
    for one in read_batch(raw).messages:
        peek(one)
        try:
            read = read_message(one)
        except NotHl7:
            continue
        assert read.encode() == one
        same += len(one)
        for segment in read.segments:
            for n in range(min(segment.field_count(), 50) + 1):
                segment.value(n)
                segment.components(n)
                segment.is_null(n)
    return same


@given(ANYTHING)
@example(b"\x0bMSH|\x1c \x0b MSH|")
@example(b"\xef\xbb\xbf MSH|x\rMSHX\r")
def test_a_line_begins_where_the_plain_words_of_the_rule_say(raw):
    expected = [(found.group(1), found.start(1)) for found in BEGINS_A_LINE.finditer(raw)]
    assert list(heads(raw)) == expected


@given(ANYTHING)
def test_any_bytes_are_no_message_or_come_back_unchanged(raw):
    read_everything(raw)
    try:
        assert read_message(raw).encode() == raw
    except NotHl7:
        assert peek(raw).field_separator == ""


@given(structured())
def test_a_message_of_any_delimiters_and_set_comes_back_unchanged(raw):
    read = read_message(raw)
    assert read.encode() == raw
    for segment in read.segments:
        assert read.text[segment.start :].startswith(segment.text)
        for n in range(segment.field_count() + 1):
            start, end = segment.span(n)
            assert read.text[start:end] == segment.field(n)


@given(st.lists(st.sampled_from(["MSH|^~\\&|a\r", "MSH|^~\\&|\ud800\r"]), min_size=2, max_size=4), st.booleans())
def test_utf_16_that_is_broken_is_split_without_being_changed(texts, odd):
    pieces = [text.encode("utf-16-le", "surrogatepass") for text in texts]
    assert split_messages(b"".join(pieces) + (b"\r" if odd else b"")) == pieces


def test_blanks_that_end_a_message_of_a_batch_are_its_own():
    first, second = b"MSH|^~\\&|A\rNTE|1||two  ", b"MSH|^~\\&|B\rNTE|1||one "
    assert split_messages(first + b"\r\n  \t" + second + b"\x1c\r") == [first + b"\r", second + b"\r"]


@given(plain_messages())
def test_python_hl7_finds_the_same_fields_in_plain_messages(text):
    assert fields_of_python_hl7(hl7.parse(text)) == fields_of_ours(read_message(text.encode()))


def fields_of_python_hl7(parsed):
    return [[str(line(n)) for n in range(len(line))] for line in parsed]


def fields_of_ours(read):
    return [[segment.field(n) for n in range(segment.field_count() + 1)] for segment in read.segments]


if HOSPITAL.exists():  # public test data, beside the repository and never in it

    def test_a_third_party_feed_comes_back_byte_for_byte_and_python_hl7_agrees():
        raw = HOSPITAL.read_bytes()
        messages = split_messages(raw)
        assert len(messages) == raw.count(b"MSH|^~")
        assert b"".join(messages).split() == raw.split()
        assert read_everything(raw) == sum(map(len, messages))
        for one in messages[::40]:
            theirs, ours = hl7.parse(one.decode()), read_message(one)
            assert fields_of_python_hl7(theirs) == fields_of_ours(ours)


@pytest.mark.parametrize("shape", list(expensive(1)))
def test_an_expensive_shape_does_not_hang(shape):
    raw = expensive(BYTES)[shape]
    started = time.process_time()
    read_everything(raw)
    assert time.process_time() - started < HANG_S


@pytest.mark.parametrize("shape", ["headers", "headers without a line", "batch trailers", "frame starts", "blanks"])
def test_headers_are_found_in_a_large_frame_without_hanging(shape):
    raw = expensive(1_000_000)[shape]
    started = time.process_time()
    deque(heads(raw), maxlen=0)
    assert time.process_time() - started < HANG_S


@pytest.mark.parametrize("shape", list(expensive(1)))
def test_the_steps_taken_grow_with_the_size_and_no_faster(shape):
    small, large = (steps(raw) for raw in (expensive(2_000)[shape], expensive(8_000)[shape]))
    assert large <= 4.2 * small + 200


def steps(raw: bytes) -> int:
    """Lines of our code that are run for it: a count, the same on every machine."""
    counted = 0

    def count(_frame, event, _argument):
        nonlocal counted
        counted += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        read_everything(raw)
    finally:
        sys.settrace(before)
    return counted


@pytest.mark.parametrize("shape", ["short segments", "short lines", "filled fields", "headers", "fields", "one field"])
def test_memory_stays_in_proportion(shape):
    raw = expensive(BYTES)[shape]
    tracemalloc.start()
    try:
        read_everything(raw)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < BYTES_PER_BYTE * len(raw)


def test_beyond_the_limit_of_lines_the_rest_is_one_line_and_a_problem(monkeypatch):
    monkeypatch.setattr(message, "SEGMENTS_LIMIT", 3)
    head = b"MSH|^~\\&|A\rPID|1\rOBX|1\r"
    assert read_message(head).problems == ()
    read = read_message(head + b"OBX|2\rOBX|3\r")
    assert [(segment.name, segment.text) for segment in read.segments][2:] == [("OBX", "OBX|1"), ("", "OBX|2\rOBX|3\r")]
    assert read.problems == (problem("too-many-segments"),)
    assert read.encode() == head + b"OBX|2\rOBX|3\r"
