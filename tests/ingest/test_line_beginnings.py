"""What lines begin with judges a message as reading it whole does, and a message it speaks for stands alone."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapter.ingest.hl7v2 import read_message, split_messages
from adapter.ingest.hl7v2.header import envelope_of
from adapter.ingest.line_beginnings import LINES_LIMIT, beginnings, codes_of, is_clear, skeleton_of
from adapter.ingest.relevance import RelevanceFilter
from tests.ingest.test_relevance import KNOWLEDGE, ORDER, OTHER, RESULT, message

ODD = st.sampled_from(
    [
        "", "|", "||ASPACT^a^L", "|OBX|1|NM|ASPACT^a^L", "NTE|1|L|see OBX|1|NM|ASPACT^a^L", "NTE|1|MSH|^~\\&|X", "PID",
        "OBX", "OBX|", "OBX|1|NM", "OBX|1|NM|", "OBX|1|NM|ASPACT^a^L", "OBX|1|NM|SPM", "OBX^1|1|NM|ASPACT^a^L",
        "OBR", "OBR|1|2|3", "OBR|1|2|3|", "OBR|1||F|ASPACT^a^L", "OBR|OBX|1|NM|ASPACT^a^L", "obx|1|NM|ASPACT^a^L",
        " OBX|1|NM|ASPACT^a^L", "\tobr|1||F|ASPACT^a^L", "\x0bOBX|1|NM|ASPACT^a^L", "\x1cSPM|1", "NTE|\x0bMSH|^~\\&|L",
        "NTE|\x1c MSH|^~\\&|L", "FHS|^~\\&|L", "BHS|^~\\&|L", "BTS|1", "FTS|1", "MSH|^~\\&|L", "MSHX|1", "MSH", "ZZ9|a",
        "zds|1", "words of a comment that goes on", "\ufeffOBX|1|NM|ASPACT^a^L", "\x85OBX|1|NM|ASPACT^a^L", "9BX|1",
    ]
)  # fmt: skip
LINES = st.lists(st.one_of(RESULT, ORDER, OTHER, ODD), max_size=6)
ENDS = st.sampled_from(["\r", "\n", "\r\n"])


def read(raw: bytes):
    return RelevanceFilter(KNOWLEDGE, 1000)._judge_read(raw)


@given(LINES, ENDS, st.sampled_from(["ORU^R01", "ADT^A08", "ADT", "MDM^T02"]))
@example(["OBR|1||F|ASPACT^a^L"], "\r", "ORU^R01")
@example(["OBX|1|NM"], "\r", "ORU^R01")
@example(["NTE|1|L|see OBX|1|NM|ASPACT^a^L"], "\r", "ORU^R01")
def test_beginnings_judge_as_reading_the_message_does(lines, end, kind):
    raw = message(*lines, kind=kind, end=end)
    envelope = envelope_of(raw)
    alone = envelope and RelevanceFilter(KNOWLEDGE, 1000).judge_alone(raw, envelope)
    if alone:
        assert alone == read(raw)


@given(st.lists(st.one_of(RESULT, ORDER, OTHER, ODD), max_size=4), ENDS)
def test_a_message_judged_alone_stands_alone(lines, end):
    raw = message(*lines, end=end)
    envelope = envelope_of(raw)
    if envelope and RelevanceFilter(KNOWLEDGE, 1000).judge_alone(raw, envelope):
        assert split_messages(raw) == [raw]


@given(
    st.lists(st.one_of(RESULT, ORDER, st.sampled_from(["SPM|1", "NTE|1|L|a MSH of another", "ZAP|1|OBX"])), max_size=6)
)
def test_an_everyday_message_is_always_judged_alone(lines):
    raw = message(*lines)
    envelope = envelope_of(raw)
    assert envelope
    assert RelevanceFilter(KNOWLEDGE, 1000).judge_alone(raw, envelope) == read(raw)


@given(st.binary(max_size=40).map(lambda behind: b"MSH|^~\\&|L|N|||1||ORU^R01|A|P|2.5\r" + behind))
@example(b"MSH|^~\\&|L|N|||1||ORU^R01|A|P|2.5\rOBX|OBX|1|NM|ASPACT^a^L\r")
def test_any_bytes_behind_a_header_are_judged_as_reading_does_or_not_at_all(raw):
    envelope = envelope_of(raw)
    alone = envelope and RelevanceFilter(KNOWLEDGE, 1000).judge_alone(raw, envelope)
    if alone:
        assert alone == read(raw)
        assert split_messages(raw) == [raw]
        assert len(read_message(raw).segments) > 1


@pytest.mark.parametrize(
    ("lines", "codes"),
    [
        (b"\rPID|1\rOBX|1|NM|NA^Sodium\r", [b"NA^Sodium"]),
        (b"\rPID|1\rOBR|1|||CBC\rOBX|1|NM|NA|1\rOBX|2|NM|NA|2\r", [b"CBC", b"NA"]),
        (b"\rOBX|1|NM|", [b""]),
        (b"\rPID|1\rOBX|1|NM\r", None),
        (b"\rPID|1\rOBR|1||\r", None),
        (b"\rPID|1\robx|1|NM|NA\r", None),
        (b"\rPID|1\rMSH|1\r", None),
        (b"\r\r", None),
        (b"", None),
    ],
)
def test_codes_are_told_by_beginnings(lines, codes):
    found = beginnings(lines)
    assert codes_of(lines, found, clear=is_clear(skeleton_of(found))) == codes


@pytest.mark.parametrize(("count", "told"), [(LINES_LIMIT, True), (LINES_LIMIT + 1, False)])
def test_of_very_many_lines_beginnings_tell_nothing(count, told):
    text = b"\rOBX|1|NM|NA|1" * count
    assert (codes_of(text, beginnings(text), clear=True) is not None) is told


@given(LINES, st.lists(st.sampled_from(["", "|", "OBX|1", "|x", "OBR|1|2|3"]), max_size=2))
@example(["OBR|1||F|ASPACT^a^L", "PID"], [])
@example(["OBX|1|NM"], [])
def test_short_lines_are_told_as_with_care(lines, before):
    text = "\r".join(["MSH", *before, *lines, ""]).encode()
    found = beginnings(text)
    quick = codes_of(text, found, clear=is_clear(skeleton_of(found)))
    assert quick == codes_of(text, found, clear=False)


def test_a_frame_byte_sends_a_message_the_careful_way():
    one = RelevanceFilter(KNOWLEDGE, 1000)
    for sign in ("\x0b", "\x1c"):
        raw = message(f"NTE|1|L|a{sign}b")
        assert one.judge_alone(raw, envelope_of(raw)) is None
        assert one.judge(raw).relevance == "irrelevant"


def test_the_same_beginnings_with_and_without_a_result_are_told_apart():
    one = RelevanceFilter(KNOWLEDGE, 1000)
    for _ in range(2):
        assert one.judge(message("OBR|1||F|ASPACT^a^L")).relevance == "near-miss"
        assert one.judge(message("OBX|1|NM|ASPACT^a^L")).relevance == "relevant"
