from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.problems import problem
from adapter.ingest.hl7v2 import Batch, peek, read_batch, split_messages

ONE = b"MSH|^~\\&|A|B|||1||ORU^R01|1|P|2.5\rPID|1\r"
TWO = b"MSH|^~\\&|A|B|||1||ORU^R01|2|P|2.5\rPID|2\r"
COUNT = problem("batch-count", where="BTS[1]-1", location="BTS^1^1")


@pytest.mark.parametrize(
    "raw", [ONE, b"\xef\xbb\xbf" + ONE, b"\x0b" + ONE + b"\x1c\r", b"\r\n" + ONE, b"", b"hello", b"PID|1\r", b"MSH"]
)
def test_a_single_message_or_none_stays_as_it_came(raw):
    assert read_batch(raw) == Batch(messages=(raw,))


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(ONE + TWO, id="bare concatenation"),
        pytest.param(ONE + b"\r\n\r\n" + TWO + b"\n\n", id="blank lines between"),
        pytest.param(b"\x0b" + ONE + b"\x1c\r\x0b" + TWO + b"\x1c\r", id="frames left on"),
        pytest.param(b"FHS|^~\\&|x\rBHS|^~\\&|x\r" + ONE + TWO + b"BTS|2\rFTS|1\r", id="batch"),
        pytest.param(b"FHS|^~\\&\r\nBHS|^~\\&\r\n" + ONE + b"\n" + TWO + b"\nBTS\r\nFTS", id="batch, empty counts"),
        pytest.param(b"BHS|^~\\&\r" + ONE + b"BTS|1\rBHS|^~\\&\r" + TWO + b"BTS|1|text\r", id="two batches"),
    ],
)
def test_every_message_of_a_file_is_found(raw):
    assert read_batch(raw) == Batch(messages=(ONE, TWO))
    assert split_messages(raw) == [ONE, TWO]


def test_a_trailer_that_counts_otherwise_is_a_warning():
    assert read_batch(b"BHS|^~\\&\r" + ONE + TWO + b"BTS|3\r") == Batch(messages=(ONE, TWO), problems=(COUNT,))
    twice = b"BHS|^~\\&\r" + ONE + b"BTS|3\r" + TWO + b"BTS|0\r"
    assert read_batch(twice) == Batch(messages=(ONE, TWO), problems=(COUNT,))
    assert read_batch(b"BHS|^~\\&\rBTS|0\r") == Batch(messages=(b"BHS|^~\\&\rBTS|0\r",))


def test_a_byte_order_mark_speaks_for_every_message():
    assert split_messages(b"\xef\xbb\xbf" + ONE + TWO) == [b"\xef\xbb\xbf" + ONE, b"\xef\xbb\xbf" + TWO]


def test_a_batch_in_utf_16_is_split_too():
    raw = (ONE + TWO).decode().encode("utf-16")
    assert [peek(message).control_id for message in split_messages(raw)] == ["1", "2"]
    single = ONE.decode().encode("utf-16-le")
    assert split_messages(single) == [single]


def test_a_segment_name_inside_a_text_splits_nothing():
    raw = ONE + b"OBX|1|TX|X||see MSH|and BHS|\r"
    assert split_messages(raw) == [raw]


@given(
    st.lists(st.sampled_from([ONE, TWO]), min_size=2, max_size=6), st.sampled_from([b"", b"\r", b"\n", b"\x1c\r\x0b"])
)
def test_no_message_is_lost_or_changed_by_splitting(messages, between):
    assert split_messages(between.join(messages)) == messages
