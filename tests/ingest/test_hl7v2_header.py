from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.ingest.hl7v2 import Header, NotHl7, peek, read_message

FULL = b"MSH|^~\\&|LAB^x|NORTH^y|TDM|HOSP|20250310||ORU^R01^ORU_R01|A0005|P|2.5.1^USA|||AL|NE||UNICODE UTF-8~8859/1"
EXPECTED = Header(
    sender="LAB|NORTH",
    sent="20250310",
    control_id="A0005",
    message_type="ORU^R01",
    version="2.5.1",
    field_separator="|",
    accept_acknowledgment="AL",
    application_acknowledgment="NE",
    charset="UNICODE UTF-8",
)


@pytest.mark.parametrize(
    "raw",
    [
        FULL,
        FULL + b"\rPID|1\r",
        FULL + b"\nPID|1\n",
        FULL + b"\r\nPID|1\r\n",
        b"\xef\xbb\xbf" + FULL + b"\r",
        b"\x0b" + FULL + b"\x1c\r",
        b"\r\n \tX\r " + FULL + b"\r",
        b"FHS|^~\\&\rBHS|^~\\&\r" + FULL + b"\rBTS|1\r",
        (FULL + b"\rPID|1\r").decode().encode("utf-16"),
    ],
)
def test_the_header_is_seen_wherever_it_begins(raw):
    assert peek(raw) == EXPECTED


@pytest.mark.parametrize("raw", [b"", b"PID|1", b"MSHX|a", b"MSH", b"NTE|1|see MSH|x", b"\x04", b"GET / HTTP/1.1\r\n"])
def test_without_a_header_every_part_is_empty(raw):
    assert peek(raw) == Header()


def test_a_short_header_leaves_the_rest_empty():
    assert peek(b"MSH|^~\\&|LAB\r") == Header(sender="LAB|", field_separator="|")
    assert peek(b"MSH|^~\\&|LAB||||||ACK| \r") == Header(sender="LAB|", message_type="ACK", field_separator="|")


def test_custom_delimiters_and_escapes_are_understood():
    raw = b"MSH$%~?&$L?S?B%x$N$$$$$ADT%A40%ADT_A39$7$P$2.3"
    assert peek(raw) == Header(
        sender="L%B|N", control_id="7", message_type="ADT^A40", version="2.3", field_separator="$"
    )


@pytest.mark.parametrize(
    ("kind", "expected"), [("ACK", True), ("ACK^R01^ACK", True), ("MCF", True), ("ORU^R01", False), ("ACKX", False)]
)
def test_an_acknowledgment_is_known_as_one(kind, expected):
    assert peek(f"MSH|^~\\&|||||||{kind}|1".encode()).is_acknowledgment is expected


@given(st.binary(max_size=120))
def test_no_bytes_make_it_fail_and_it_agrees_with_the_reader(tail):
    raw = b"MSH|^~\\&|A|B" + tail
    header = peek(raw)
    message = read_message(raw)
    whole = message.segments[0].field(10)
    assert header.field_separator == "|"
    assert header.control_id.isascii() is False or header.control_id == ("" if whole.isspace() else whole)


@given(st.binary(max_size=60))
def test_a_header_is_seen_exactly_when_the_reader_sees_one(raw):
    try:
        read_message(raw)
    except NotHl7:
        assert peek(raw) == Header()
