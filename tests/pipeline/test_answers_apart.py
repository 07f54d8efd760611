"""Application answers with an address of their own: what goes there, what stays, and what is heard of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import hospital
import pytest
from asking import ACK, ENHANCED, asking, codes, received

from adapter.domain.message import Answer
from adapter.ingest.acknowledgment import acknowledge
from adapter.pipeline import apart
from adapter.pipeline.apart import Heard, can_go_apart, heard_of
from adapter.pipeline.receive import receive_at_once

MESSAGES = {"AA": hospital.oru("A1"), "AE": hospital.oru("A1", unit=""), "irrelevant": hospital.everyday("A1")}


def door(sent, mode="enhanced"):
    return replace(ENHANCED, ack_mode=mode, apart=sent.append)


@pytest.mark.parametrize(("kind", "code"), [("AA", "AA"), ("AE", "AE"), ("irrelevant", "AA")])
def test_the_application_answer_goes_apart_and_asks_to_be_confirmed(keeper, make_reception, kind, code):
    reception, _ = make_reception(keeper())
    sent = []
    here = received(asking(MESSAGES[kind]), reception, door(sent))
    assert codes(here) == [["CA"], []]
    assert codes(sent) == [[code]]
    assert sent[0].split(b"\r")[0].split(b"|")[14:16] == [b"AL", b"NE"]


@pytest.mark.parametrize("kind", list(MESSAGES))
def test_a_message_that_wants_no_answer_gets_none_apart(keeper, make_reception, kind):
    reception, _ = make_reception(keeper())
    sent = []
    assert codes(received(asking(MESSAGES[kind], "AL", "NE"), reception, door(sent))) == [["CA"], []]
    assert sent == []


def test_only_what_is_wanted_goes_apart_and_the_connection_may_hear_nothing(keeper, make_reception):
    reception, _ = make_reception(keeper())
    sent = []
    assert codes(received(asking(MESSAGES["AE"], "NE", "ER"), reception, door(sent))) == [[], []]
    assert codes(sent) == [["AE"]]


def test_the_one_answer_of_original_mode_stays_on_its_connection(keeper, make_reception):
    reception, _ = make_reception(keeper())
    sent = []
    assert codes(received(MESSAGES["AE"], reception, door(sent, "auto"))) == [[], ["AE"]]
    assert sent == []
    assert codes([receive_at_once(MESSAGES["irrelevant"], door(sent, "auto"), reception)]) == [["AA"]]


@pytest.mark.parametrize(("accept", "application", "at_once"), [("NE", "AL", []), ("AL", "NE", ["CA"])])
def test_what_goes_apart_is_never_told_at_once(keeper, make_reception, accept, application, at_once):
    reception, _ = make_reception(keeper())
    raw = asking(MESSAGES["irrelevant"], accept, application)
    assert codes([receive_at_once(raw, door([]), reception)]) == [at_once]


def test_each_message_of_a_batch_has_an_answer_of_its_own(keeper, make_reception):
    reception, _ = make_reception(keeper())
    sent = []
    frame = asking(hospital.oru("A1")) + asking(hospital.everyday("A2")) + asking(hospital.oru("A3", unit=""))
    assert codes(received(frame, reception, door(sent))) == [["CA", "CA", "CA"], []]
    assert codes(sent) == [["AA"], ["AA"], ["AE"]]


def test_an_acknowledgment_has_no_answer_apart(keeper, make_reception):
    reception, _ = make_reception(keeper())
    sent = []
    assert codes(received(ACK, reception, door(sent))) == [[], []]
    assert sent == []


@pytest.mark.parametrize("separator", [b"|", b"#"])
@pytest.mark.parametrize("charset", [b"", b"UNICODE UTF-8"])
def test_only_msh_15_and_16_of_an_answer_are_changed(separator, charset):
    header = [b"MSH", b"^~\\&", b"LIS", b"H", b"T", b"H", b"1", b"", b"ACK", b"T1", b"P", b"2.5", b"", b""]
    header += [b"NE", b"NE", b"", charset] if charset else [b"NE", b"NE"]
    answer = separator.join(header) + b"\rMSA" + separator + b"AE\rERR" + separator + b"x\r"
    expected = answer.replace(b"NE" + separator + b"NE", b"AL" + separator + b"NE", 1)
    assert apart.asking(answer.replace(separator + b"NE\r", separator + b"NE\r")) == expected


def test_an_answer_of_two_bytes_a_character_stays():
    assert can_go_apart(b"MSH|^~\\&")
    assert not can_go_apart("MSH|^~\\&".encode("utf-16"))


ANSWER = b"MSH|^~\\&|T|H|LIS|H|1||ACK|T77|P|2.5.1|||AL|NE\rMSA|AA|A1\r"


@pytest.mark.parametrize(
    ("code", "heard"),
    [
        ("CA", Heard.TAKEN),
        ("AA", Heard.TAKEN),
        ("CE", Heard.REFUSED),
        ("AE", Heard.REFUSED),
        ("CR", Heard.NOTHING_OF_IT),
        ("AR", Heard.NOTHING_OF_IT),
        ("C", Heard.NOTHING_OF_IT),
    ],
)
def test_what_is_heard_of_an_answer(code, heard):
    assert heard_of(ANSWER, b"MSH|^~\\&|LIS\rMSA|%s|T77\r" % code.encode()) == heard
    assert heard_of(ANSWER, b"MSH#^~\\&#LIS\nMSA#%s#T77#text\n" % code.encode()) == heard


NOTHING_SAID = (b"", b"hello", b"MSH|^~\\&|LIS\r", b"MSH|^~\\&|L\rMSA|CA|T7\r", b"MSH|^~\\&|L\rMSA|CA\r")


@pytest.mark.parametrize("reply", NOTHING_SAID)
def test_a_reply_about_nothing_or_another_message_says_nothing(reply):
    assert heard_of(ANSWER, reply) is Heard.NOTHING_OF_IT


def test_our_own_accept_acknowledgment_of_an_answer_is_understood():
    reply = acknowledge(ANSWER, Answer(code="CA"), now=datetime(2025, 1, 1, tzinfo=UTC), control_id="R1")
    assert heard_of(ANSWER, reply) is Heard.TAKEN
