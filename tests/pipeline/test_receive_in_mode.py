"""Enhanced mode: CA once a message is safe, AA or AE once it is understood, and only what was asked for."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import product

import hospital
import pytest
from asking import ACK, ENHANCED, asking, codes, received

from adapter.ingest.senders import SenderRules
from adapter.pipeline.receive import receive_at_once, receive_in_mode, too_large
from adapter.store.faults import CannotKeep, StoreBroken

AUTO = replace(ENHANCED, ack_mode="auto")
ORIGINAL = replace(ENHANCED, ack_mode="original")
CONDITIONS = ("", "AL", "NE", "ER", "SU")


def refusing(reception, **rules):
    return replace(reception, rules=lambda _: SenderRules(**rules))


def test_ca_is_told_once_the_message_is_on_disk_and_before_it_is_understood(keeper, make_reception):
    kept = keeper(waits=True)
    reception, _ = make_reception(kept)

    async def receive():
        receiving = asyncio.create_task(receive_in_mode(asking(hospital.oru("A1")), ENHANCED, reception))
        done, _ = await asyncio.wait([receiving], timeout=0.15)
        assert done == set()
        kept.release()
        replies = await receiving
        assert kept.log == [("kept", "A1")]
        return replies.first, await replies.later()

    first, later = asyncio.run(receive())
    assert codes((first, later)) == [["CA"], ["AA"]]
    assert kept.log == [("kept", "A1"), ("answered", "AA")]


def test_both_are_messages_of_their_own_and_the_second_asks_for_nothing(keeper, make_reception):
    reception, _ = make_reception(keeper())
    ids = iter("12")
    first, later = received(asking(hospital.oru("A1", unit="")), replace(reception, next_control_id=lambda: next(ids)))
    assert b"||ACK^R01^ACK|1|P|2.5.1\rMSA|CA|A1\r" in first
    assert b"||ACK^R01^ACK|2|P|2.5.1|||NE|NE\rMSA|AE|A1|The unit is empty (OBX[1]-6)\rERR||OBX^1^6|101^" in later


@pytest.mark.parametrize(
    ("accept", "application", "good", "bad"),
    [
        ("AL", "NE", [["CA"], []], [["CA"], []]),
        ("AL", "AL", [["CA"], ["AA"]], [["CA"], ["AE"]]),
        ("AL", "ER", [["CA"], []], [["CA"], ["AE"]]),
        ("AL", "SU", [["CA"], ["AA"]], [["CA"], []]),
        ("NE", "NE", [[], []], [[], []]),
        ("NE", "AL", [[], ["AA"]], [[], ["AE"]]),
        ("ER", "ER", [[], []], [[], ["AE"]]),
        ("SU", "", [["CA"], []], [["CA"], []]),
        ("", "", [["CA"], []], [["CA"], []]),
    ],
)
def test_a_sender_gets_what_it_asks_for_and_no_more(keeper, make_reception, accept, application, good, bad):
    reception, _ = make_reception(keeper())
    assert codes(received(asking(hospital.oru("A1"), accept, application), reception)) == good
    assert codes(received(asking(hospital.oru("A2", unit=""), accept, application), reception)) == bad
    if (accept, application) != ("", ""):
        assert codes(received(asking(hospital.oru("A1"), accept, application), reception, AUTO)) == good


def test_auto_is_original_mode_for_messages_that_ask_for_nothing(keeper, make_reception):
    reception, _ = make_reception(keeper())
    first, later = received(hospital.oru("A1"), reception, AUTO)
    assert first is None
    assert b"||ACK^R01^ACK|T1|P|2.5.1\rMSA|AA|A1\r" in later


@pytest.mark.parametrize("door", [ORIGINAL, AUTO, ENHANCED])
@pytest.mark.parametrize("raw", [ACK, ACK.replace(b"ACK^R01^ACK", b"MCF"), ACK + b"OBX|1|NM|ASPACT^^L||1|IU/mL\r"])
def test_an_acknowledgment_is_never_answered_whatever_it_asks_for(keeper, make_reception, door, raw):
    reception, _ = make_reception(keeper())
    assert received(raw, reception, door) == (None, None)
    assert receive_at_once(raw, door, reception) is None
    assert too_large(raw, reception, door.ack_mode) is None


def test_an_acknowledgment_is_not_answered_when_we_fail_to_read_it(keeper, make_reception):
    reception, _ = make_reception(keeper(), translate=lambda *_: 1 / 0)
    raw = ACK + b"OBX|1|NM|ASPACT^Asparaginase activity^L||1|IU/mL\r"
    assert received(raw, reception, ORIGINAL) == (None, None)


def test_what_nobody_can_name_again_is_refused_at_once_and_parked(keeper, make_reception):
    kept = keeper()
    reception, _ = make_reception(kept)
    first, later = received(asking(hospital.oru("A1")).replace(b"|A1|", b"||"), reception)
    assert b"MSA|CE||The message has no control id (MSH-10)\rERR||MSH^1^10|101^" in first
    assert later is None
    first, later = received(b"hello", reception)
    assert b"MSA|CE||The message is not HL7 v2\r" in first
    assert later is None
    assert kept.inbox.last_seq() == 2
    silent = asking(hospital.oru("A1"), "NE", "AL").replace(b"|A1|", b"||")
    assert codes(received(silent, reception)) == [[], ["AE"]]


def test_a_frame_beyond_the_limit_is_refused_in_the_mode_of_its_port(keeper, make_reception):
    reception, _ = make_reception(keeper())
    for accept, application, code in [("AL", "AL", "CE"), ("ER", "", "CE"), ("NE", "AL", "AE"), ("", "", "CE")]:
        answer = too_large(asking(hospital.oru("BIG"), accept, application), reception, "enhanced")
        assert (codes([answer]), b"|207^" in answer) == ([[code]], True)
    for accept, application in [("NE", "NE"), ("SU", "SU")]:
        assert too_large(asking(hospital.oru("BIG"), accept, application), reception, "enhanced") is None
    assert codes([too_large(asking(hospital.oru("BIG"), "NE", "NE"), reception)]) == [["AE"]]


def test_a_repeat_is_told_the_same_twice(keeper, make_reception):
    kept = keeper()
    reception, observed = make_reception(kept)
    first, second = (received(asking(hospital.oru("A1")), reception) for _ in range(2))
    assert first == second
    assert kept.inbox.last_seq() == 1
    assert [event for event, _ in observed] == ["accepted", "answered", "repeat", "accepted"]
    assert [facts.get("code") for _, facts in observed] == ["CA", "AA", "AA", "CA"]


def test_a_batch_is_told_one_batch_of_each(keeper, make_reception):
    reception, _ = make_reception(keeper())
    frame = asking(hospital.oru("A1")) + asking(hospital.everyday("A2")) + asking(hospital.oru("A3", unit=""), "NE")
    first, later = received(frame, reception)
    assert codes((first, later)) == [["CA", "CA"], ["AA", "AA", "AE"]]
    assert (first[:4], first.split(b"\r")[-2], later.split(b"\r")[-2]) == (b"BHS|", b"BTS|2", b"BTS|3")


@pytest.mark.parametrize("door", [ORIGINAL, AUTO, ENHANCED])
def test_what_is_told_at_once_is_what_would_be_told_anyway(keeper, make_reception, door):
    reception, observed = make_reception(keeper())
    for accept, application in product(CONDITIONS, CONDITIONS):
        raw = asking(hospital.everyday("E1"), accept, application)
        told = [answer for answer in received(raw, reception, door) if answer is not None]
        slowly, observed[:] = [fact for fact in observed if fact[0] != "accepted"], []
        at_once = receive_at_once(raw, door, reception)
        assert at_once == (told[0] if len(told) == 1 else None)
        if at_once is not None:
            assert [event for event, _ in observed] == [event for event, _ in slowly]
        else:
            assert observed == []
        observed.clear()


HEART = asking(hospital.oru("H1", kind="NMD^N02", code="2823-3^Potassium^LN"), "", "")


@pytest.mark.parametrize("named", ["NMD^N02", "NMD", "HOSPLAB|*", "*|HOSP"])
def test_a_heartbeat_is_answered_and_counted_and_not_kept(keeper, make_reception, named):
    kept = keeper()
    reception, observed = make_reception(kept)
    door = replace(ORIGINAL, heartbeats=("PING|*", named))
    assert codes(received(HEART, reception, door)) == [["AA"], []]
    assert codes([receive_at_once(HEART, door, reception)]) == [["AA"]]
    kept.inbox.flush()
    assert (kept.inbox.irrelevant(10), kept.log) == ([], [])
    assert observed == [("heartbeat", {"listener": "lab", "code": "AA"})] * 2


@pytest.mark.parametrize("named", ["NMD^N03", "ORU", "OTHER|*", "*|OTHER"])
def test_what_is_not_named_is_no_heartbeat(keeper, make_reception, named):
    reception, observed = make_reception(keeper())
    assert codes([receive_at_once(HEART, replace(ORIGINAL, heartbeats=(named,)), reception)]) == [["AA"]]
    assert [event for event, _ in observed] == ["irrelevant"]


def test_a_message_that_concerns_us_is_never_a_heartbeat(keeper, make_reception):
    kept = keeper()
    reception, _ = make_reception(kept)
    door = replace(ORIGINAL, heartbeats=("HOSPLAB|*", "ORU"))
    assert receive_at_once(hospital.oru("A1"), door, reception) is None
    assert codes(received(hospital.oru("A1"), reception, door)) == [["AA"], []]
    assert kept.inbox.last_seq() == 1


def test_a_full_disk_is_told_in_words_to_senders_who_want_that(keeper, make_reception):
    kept = keeper(fault=CannotKeep("full"))
    reception, observed = make_reception(kept)
    telling = refusing(reception, cannot_store="AR")
    first, later = received(hospital.oru("A1"), telling, ORIGINAL)
    assert b"MSA|AR|A1|The message cannot be stored here at present\rERR|||207^" in first
    assert later is None
    assert observed == [("refused", {"listener": "lab", "code": "AR", "reason": "full"})]
    assert codes(received(asking(hospital.oru("A1")), telling)) == [["CR"], []]
    assert codes(received(asking(hospital.oru("A1"), "NE", "ER"), telling)) == [[], ["AR"]]
    kept._fault = None
    assert codes(received(hospital.oru("A1"), telling, ORIGINAL)) == [["AA"], []]
    assert kept.inbox.last_seq() == 1


@pytest.mark.parametrize(
    ("rules", "accept", "application", "door"),
    [
        ({}, "AL", "AL", ENHANCED),
        ({}, "", "", ORIGINAL),
        ({"cannot_store": "AR"}, "NE", "NE", ENHANCED),
        ({"cannot_store": "AR"}, "SU", "SU", ENHANCED),
        ({"cannot_store": "AR"}, "", "", replace(ORIGINAL, may_refuse=False)),
    ],
)
def test_otherwise_and_where_nobody_would_hear_it_the_caller_closes(
    keeper, make_reception, rules, accept, application, door
):
    reception, observed = make_reception(keeper(fault=CannotKeep("full")))
    with pytest.raises(CannotKeep):
        received(asking(hospital.oru("A1"), accept, application), refusing(reception, **rules), door)
    assert observed == []


def test_a_broken_store_is_never_told_in_words(keeper, make_reception):
    reception, _ = make_reception(keeper(fault=StoreBroken("torn")))
    with pytest.raises(StoreBroken):
        received(hospital.oru("A1"), refusing(reception, cannot_store="AR"), ORIGINAL)


def test_a_reused_control_id_is_told_to_senders_who_want_warnings(keeper, make_reception):
    kept = keeper()
    reception, observed = make_reception(kept)
    telling = refusing(reception, warn_in_err=True)
    received(hospital.oru("A1"), telling, ORIGINAL)
    first, _ = received(hospital.oru("A1", value="0.05"), telling, ORIGINAL)
    assert b"MSA|AA|A1\rERR||MSH^1^10|205^Duplicate key identifier^HL70357|W|control-id-reused^" in first
    assert b"ERR" not in received(hospital.oru("A1", value="0.07"), reception, ORIGINAL)[0]
    assert kept.inbox.last_seq() == 3
    assert [facts["problems"] for event, facts in observed if event == "answered"] == [[], [], []]
