"""Headers that a sender repeats are read once: with the same result as reading each of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapter.domain.message import Answer
from adapter.ingest.acknowledgment import acknowledge
from adapter.ingest.hl7v2 import peek
from adapter.ingest.hl7v2.header import USUAL_HEADER_BYTES, _envelope_with_care, envelope_of, header_without_own

USUAL = b"MSH|^~\\&|LAB|NORTH|TDM|HOSP|20250310||ORU^R01^ORU_R01|A5|P|2.5.1|||AL|NE||8859/1\rPID|1\r"
OK = Answer(code="AA")

part = st.text(alphabet="ABz09 ^~\\&.$", max_size=8).map(str.encode)
rows = st.lists(part, min_size=9, max_size=18)
instants = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1)).flatmap(  # noqa: DTZ001
    lambda at: st.integers(-14 * 60, 14 * 60).map(lambda m: at.replace(tzinfo=timezone(timedelta(minutes=m))))
)


def test_what_repeats_and_what_does_not():
    envelope = envelope_of(USUAL)
    assert (envelope.sent, envelope.control_id) == (b"20250310", b"A5")
    assert envelope_of(USUAL.replace(b"A5", b"A6").replace(b"20250310", b"20250311")).repeated == envelope.repeated
    assert envelope_of(USUAL.replace(b"NORTH", b"SOUTH")).repeated != envelope.repeated


@pytest.mark.parametrize(
    "raw",
    [
        USUAL.replace(b"|", b"$"),
        USUAL.replace(b"NORTH", b"N\xc3\x96RTH"),
        b"\xef\xbb\xbf" + USUAL,
        b"\x0b" + USUAL,
        USUAL.replace(b"\r", b"\n"),
        USUAL.replace(b"\r", b"\r\n", 1).replace(b"\r\n", b"\n\r", 1),
        USUAL.replace(b"8859/1\r", b"8859/1\x1c\r"),
        USUAL.partition(b"\r")[0],
        b"MSH|^~\\&|LAB|NORTH|TDM|HOSP|20250310||ORU^R01|A5\r",
        b"",
        b"PID|1\r",
    ],
)
def test_an_unusual_header_has_no_envelope(raw):
    assert envelope_of(raw) is None


signs = st.text(alphabet="AB09 ^~\\&.+|\r\n\t\x0b\x1c{}\x7f\xe9", max_size=12).map(str.encode)


@given(st.lists(signs, max_size=14).map(b"|".join))
@example(b"^~\\&|A|B|C|D|\r|E|F|1|P")
@example(b"^~\\&|A|B|C|D|1|E|F|1}|P")
@example(b"^~\\&|A|B|C|D|1|E|F|1|P\n")
@example(b"^~\\&|A|B|C|D|1|E|F|1|P\x1c")
@example(b"^~\\&|A|B|C|\xe9|1|E|F|1|P")
def test_an_envelope_that_is_seen_at_once_is_the_one_that_care_finds(fields):
    raw = b"MSH|" + fields + b"\rPID|1\r"
    assert envelope_of(raw) == _envelope_with_care(raw)


@pytest.mark.parametrize("place", range(11))
@pytest.mark.parametrize("size", [99, 100, 101, 180, 181, 500, 501, USUAL_HEADER_BYTES])
def test_a_long_field_of_a_header_has_the_envelope_that_care_finds(place, size):
    fields = [b"A"] * 11
    fields[place] = b"x" * size
    raw = b"MSH|" + b"|".join(fields) + b"\rPID|1\r"
    assert envelope_of(raw) == _envelope_with_care(raw)
    assert (envelope_of(raw) is None) == (size == USUAL_HEADER_BYTES)


@given(rows)
def test_an_envelope_says_what_the_header_says(fields):
    raw = b"MSH|^~\\&|" + b"|".join(fields) + b"\rPID|1\r"
    envelope, header = envelope_of(raw), peek(raw)
    known = header_without_own(envelope.repeated)
    control_id = envelope.control_id.decode()
    assert (known.sender, known.message_type, known.version, known.charset) == (
        *(header.sender, header.message_type, header.version, header.charset),
    )
    assert envelope.sent.decode().strip() == header.sent
    assert ("" if control_id.isspace() else control_id) == header.control_id


@given(rows, instants, st.sampled_from([b"^~\\&", b"^~\\&#", b"^", b"", b"AB\\&", b"^~\\\xa7"]))
def test_an_answer_worded_once_is_the_answer_worded_anew(fields, now, encoding):
    raw = b"MSH|" + encoding + b"|" + b"|".join(fields) + b"\rPID|1\r"
    anew = acknowledge(raw, OK, now=now, control_id="TA1")
    assert acknowledge(raw, OK, now=now, control_id="TA1", envelope=envelope_of(raw)) == anew


@pytest.mark.parametrize("offset_h", [-3.5, 0, 1, 5.75])
def test_the_time_of_an_answer_is_told_in_its_own_zone(offset_h):
    now = datetime(2025, 3, 10, 12, 0, 0, 412_999, tzinfo=UTC).astimezone(timezone(timedelta(hours=offset_h)))
    told = acknowledge(USUAL, OK, now=now, control_id="TA1", envelope=envelope_of(USUAL)).split(b"|")[6].decode()
    assert told == now.strftime("%Y%m%d%H%M%S.412%z")
