"""Kept before answered, answered in words that help, and never an error of the sender's for a fault of ours."""

from __future__ import annotations

import asyncio
import threading

import hospital
import pytest

from adapter.domain.message import Answer, Translation
from adapter.pipeline import taking
from adapter.pipeline.receive import Door, receive_hl7, too_large, worded
from adapter.pipeline.reception import NAME_LIMIT_CHARS
from adapter.store.faults import CannotKeep, StoreBroken

DOOR = Door(listener="lab", source="ward")
PATIENT_BROKEN = AssertionError("a value of the message: 900001")


def received(raw, reception, door=DOOR):
    return asyncio.run(receive_hl7(raw, door, reception))


def msa(answer):
    return [line for line in answer.split(b"\r") if line.startswith(b"MSA")]


def test_a_relevant_message_is_kept_before_it_is_answered(keeper, make_reception):
    kept = keeper()
    reception, observed = make_reception(kept)
    assert msa(received(hospital.oru("A1"), reception)) == [b"MSA|AA|A1"]
    assert kept.log == [("kept", "A1"), ("answered", "AA")]
    assert observed == [("answered", {"listener": "lab", "code": "AA", "problems": []})]
    assert kept.inbox.get(1).arrival.raw == hospital.oru("A1")


def test_no_answer_is_given_as_long_as_the_message_is_not_on_disk(keeper, make_reception):
    kept = keeper(waits=True)
    reception, _ = make_reception(kept)

    async def receive():
        answering = asyncio.create_task(receive_hl7(hospital.oru("A1"), DOOR, reception))
        done, _ = await asyncio.wait([answering], timeout=0.15)
        assert done == set()
        kept.release()
        return await answering

    assert msa(asyncio.run(receive())) == [b"MSA|AA|A1"]


def test_an_unusable_message_is_kept_and_told_where_it_is_wrong(keeper, make_reception):
    kept = keeper()
    reception, observed = make_reception(kept)
    answer = received(hospital.oru("A1", unit=""), reception)
    assert msa(answer)[0].startswith(b"MSA|AE|A1|")
    assert b"ERR||OBX^1^6|101^" in answer
    assert b"unit-missing" in answer
    assert kept.inbox.last_seq() == 1
    assert observed[-1][1]["problems"] == ["unit-missing"]


def test_a_repeat_gets_the_same_answer_and_is_not_kept_again(keeper, make_reception):
    kept = keeper()
    reception, observed = make_reception(kept)
    first, second = received(hospital.oru("A1"), reception), received(hospital.oru("A1"), reception)
    assert first == second
    assert kept.inbox.last_seq() == 1
    assert [event for event, _ in observed] == ["answered", "repeat"]
    assert observed[-1] == ("repeat", {"listener": "lab", "code": "AA"})


def test_a_repeat_of_an_accepted_message_is_not_translated(keeper, make_reception):
    kept = keeper()
    reception, _ = make_reception(kept)
    received(hospital.oru("A1"), reception)
    unreadable, _ = make_reception(
        kept, translate=lambda *_: [Translation(relevance="relevant", answer=Answer(code="AE"))]
    )
    assert msa(received(hospital.oru("A1"), unreadable)) == [b"MSA|AA|A1"]


def test_a_repeat_of_a_refused_message_is_translated_anew(keeper, make_reception):
    kept = keeper()
    refusing, _ = make_reception(kept)
    assert msa(received(hospital.oru("A1", unit=""), refusing))[0].startswith(b"MSA|AE|")
    repaired, observed = make_reception(kept, translate=lambda *_: [Translation(relevance="relevant")])
    assert msa(received(hospital.oru("A1", unit=""), repaired)) == [b"MSA|AA|A1"]
    assert kept.inbox.last_seq() == 2
    assert [event for event, _ in observed] == ["answered"]


def test_other_content_under_the_same_control_id_is_read_and_counted(keeper, make_reception):
    kept = keeper()
    reception, observed = make_reception(kept)
    received(hospital.oru("A1", value="0.62"), reception)
    assert msa(received(hospital.oru("A1", value="0.05"), reception)) == [b"MSA|AA|A1"]
    assert kept.inbox.last_seq() == 2
    assert ("problem", {"listener": "lab", "code": "control-id-reused"}) in observed


def test_a_translator_that_fails_is_never_the_senders_error(keeper, make_reception):
    def fail(*_):
        raise PATIENT_BROKEN

    kept = keeper()
    reception, observed = make_reception(kept, translate=fail)
    answer = received(hospital.oru("A1"), reception)
    assert msa(answer) == [b"MSA|AA|A1"]
    assert kept.inbox.last_seq() == 1
    assert "900001" not in str(observed)


def test_a_slow_translator_is_not_waited_for_beyond_the_limit(keeper, make_reception):
    hold = threading.Event()

    def wait(*_):
        hold.wait(10)
        return []

    reception, observed = make_reception(keeper(), translate=wait)
    try:
        answer = received(
            hospital.oru("A1", unit=""), reception, Door(listener="lab", source="ward", answer_within_s=0.1)
        )
    finally:
        hold.set()
    assert msa(answer) == [b"MSA|AA|A1"]
    assert observed[0] == ("answered-before-translated", {"listener": "lab"})


@pytest.mark.parametrize("fault", [CannotKeep("full"), StoreBroken("torn")])
def test_what_cannot_be_kept_is_not_answered(keeper, make_reception, fault):
    reception, observed = make_reception(keeper(fault=fault))
    with pytest.raises(type(fault)):
        received(hospital.oru("A1"), reception)
    assert observed == []


def test_an_irrelevant_message_never_waits_for_the_disk(keeper, make_reception):
    kept = keeper(waits=True)
    reception, observed = make_reception(kept)
    assert msa(received(hospital.everyday("E1"), reception)) == [b"MSA|AA|E1"]
    assert kept.inbox.last_seq() == 0
    kept.inbox.flush()
    assert [(header.control_id, header.sender) for header in kept.inbox.irrelevant(10)] == [("E1", "HOSPLAB|HOSP")]
    assert observed == [("irrelevant", {"listener": "lab", "code": "AA"})]


@pytest.mark.parametrize(("archive", "headers", "messages"), [("count", 0, 0), ("headers", 1, 0), ("full", 0, 1)])
def test_a_site_chooses_what_is_left_of_an_irrelevant_message(keeper, make_reception, archive, headers, messages):
    kept = keeper()
    reception, _ = make_reception(kept)
    received(hospital.everyday("E1"), reception, Door(listener="lab", source="ward", archive_irrelevant=archive))
    kept.inbox.flush()
    assert (len(kept.inbox.irrelevant(10)), kept.inbox.last_seq()) == (headers, messages)


def test_of_an_archived_message_the_answer_is_remembered_and_a_full_disk_keeps_it_from_nobody(keeper, make_reception):
    whole = Door(listener="lab", source="ward", archive_irrelevant="full")
    kept = keeper()
    received(hospital.everyday("E1"), make_reception(kept)[0], whole)
    assert kept.log[-1] == ("answered", "AA")
    full = keeper(fault=CannotKeep("full"))
    assert msa(received(hospital.everyday("E1"), make_reception(full)[0], whole)) == [b"MSA|AA|E1"]
    assert full.log == [("codes", "HOSPLAB|HOSP", ["2823-3"])]


def test_codes_no_table_knows_are_counted(keeper, make_reception):
    kept = keeper()
    received(hospital.everyday("E1"), make_reception(kept)[0])
    assert kept.log == [("codes", "HOSPLAB|HOSP", ["2823-3"])]


def test_an_acknowledgment_is_not_acknowledged(keeper, make_reception):
    reception, _ = make_reception(keeper())
    ack = b"MSH|^~\\&|A|B|C|D|20250311130500+0000||ACK^R01^ACK|K1|P|2.5.1\rMSA|AA|X\r"
    assert received(ack, reception) is None


def test_a_frame_with_several_messages_is_answered_by_one_batch(keeper, make_reception):
    kept = keeper()
    reception, _ = make_reception(kept)
    frame = hospital.oru("A1") + hospital.everyday("A2") + hospital.oru("A3", filler="F3", unit="")
    answer = received(frame, reception)
    lines = answer.split(b"\r")
    assert (lines[0][:4], lines[-2]) == (b"BHS|", b"BTS|3")
    assert [line[:9] for line in msa(answer)] == [b"MSA|AA|A1", b"MSA|AA|A2", b"MSA|AE|A3"]
    assert [stored.arrival.control_id for stored in kept.inbox.after(0, 10)] == ["A1", "A3"]


@pytest.mark.parametrize("raw", [b"", b"\r\r", b"hello", b"MSH", b"MSH|", b"\xff\xfe\x00M", b"PID|1\rOBX|1\r"])
def test_whatever_comes_in_a_frame_is_kept_and_answered(keeper, make_reception, raw):
    kept = keeper()
    reception, _ = make_reception(kept)
    answer = received(raw, reception)
    assert answer is None or msa(answer.replace(b"\0", b""))[0].startswith(b"MSA|AE|")
    assert (kept.inbox.last_seq() == 1) == (answer is not None)


def test_the_worst_of_several_answers_counts():
    def translations(*codes):
        return lambda *_: [Translation(relevance="relevant", answer=Answer(code=code)) for code in codes]

    arrival = type("Arrived", (), {"raw": b"", "source": ""})()
    assert worded(arrival, translations("AA", "AE", "AA")).code == "AE"
    assert worded(arrival, translations("AE", "AR")).code == "AR"
    assert worded(arrival, translations("")).code == ""
    assert worded(arrival, translations()).code == ""


def test_a_frame_beyond_the_limit_is_answered_from_its_header(keeper, make_reception):
    reception, _ = make_reception(keeper())
    answer = too_large(hospital.oru("BIG")[:200], reception)
    assert msa(answer)[0].startswith(b"MSA|AE|BIG|")
    assert b"|207^" in answer


@pytest.mark.parametrize("length", [NAME_LIMIT_CHARS, NAME_LIMIT_CHARS + 1])
def test_of_a_field_longer_than_any_name_only_its_beginning_is_kept(keeper, make_reception, length):
    kept = keeper()
    reception, _ = make_reception(kept)
    name = b"L" * (length - len(b"|HOSP"))
    raw = hospital.everyday("E1").replace(b"HOSPLAB", name).replace(b"|E1|", b"|" + b"E" * length + b"|")
    answer = received(raw, reception)
    kept.inbox.flush()
    (header,) = kept.inbox.irrelevant(10)
    assert msa(answer) == [b"MSA|AA|" + b"E" * length]
    assert (header.sender, header.control_id) == ((name.decode() + "|HOSP")[:NAME_LIMIT_CHARS], "E" * NAME_LIMIT_CHARS)
    assert [entry[1] for entry in kept.log if entry[0] == "codes"] == [header.sender]


@pytest.mark.parametrize("more", [0, 1])
def test_a_heartbeat_of_any_length_is_one_and_only_names_are_remembered(keeper, make_reception, more):
    reception, observed = make_reception(keeper())
    name = b"L" * (NAME_LIMIT_CHARS - len(b"|HOSPORU^R01") + more)
    taking._is_heartbeat.cache_clear()
    door = Door(listener="lab", source="ward", heartbeats=("*|HOSP",))
    received(hospital.everyday("E1").replace(b"HOSPLAB", name), reception, door)
    assert [event for event, _ in observed] == ["heartbeat"]
    assert taking._is_heartbeat.cache_info().currsize == 1 - more
