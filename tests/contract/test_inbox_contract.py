from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from adapter.domain.message import Arrival, Header, Kept, Stored
from adapter.store.census import CodeSeen

AT = datetime(2025, 3, 10, 11, 30, tzinfo=UTC)


def oru(control_id="A1", content=b"MSH|one", sender="LAB|HOSP", **changes):
    values = {
        "kind": "hl7v2",
        "source": "lab",
        "listener": "mllp",
        "raw": content,
        "received_at": AT,
        "sender": sender,
        "control_id": control_id,
        "message_type": "ORU^R01",
        "digest": f"{content.hex():0>64}",
    }
    return Arrival(**(values | changes))


def push(content=b"{}"):
    return Arrival(kind="fhir", source="ehr", listener="http", raw=content, received_at=AT, digest="0" * 64)


def header(control_id):
    return Header(
        received_at=AT,
        listener="mllp",
        sender="LAB|HOSP",
        message_type="ORU^R01",
        control_id=control_id,
        sent="20250310090000+0000",
        size=7,
        digest="f" * 64,
    )


def code_seen(code="ASN", **changes):
    values = {"sender": "LAB|HOSP", "system": "L", "code": code, "text": "Asparagine", "count": 1}
    return CodeSeen(**(values | {"first": AT, "last": AT} | changes))


def test_messages_get_consecutive_places_in_the_order_they_were_handed_in(inbox):
    first, second, third = oru("A1"), push(), oru("A2", b"MSH|two")
    assert inbox.keep([first, second]) == [Kept(seq=1), Kept(seq=2)]
    assert inbox.keep([third]) == [Kept(seq=3)]
    assert inbox.after(0, 10) == [
        Stored(seq=1, arrival=first),
        Stored(seq=2, arrival=second),
        Stored(seq=3, arrival=third),
    ]
    assert inbox.last_seq() == 3


def test_every_part_of_an_arrival_comes_back_as_it_was(inbox):
    arrival = Arrival(
        kind="fhir",
        source="ehr",
        listener="http",
        raw=bytes(range(256)),
        received_at=datetime(2025, 3, 10, 11, 30, 0, 123456, tzinfo=UTC),
        sender="",
        control_id="",
        message_type="MedicationAdministration",
        digest="ab" * 32,
        relevance="near-miss",
        method="DELETE",
        target="MedicationAdministration/m1",
        file="20-dose.json",
    )
    inbox.keep([arrival])
    assert inbox.get(1) == Stored(seq=1, arrival=arrival)


def test_an_empty_inbox_has_no_messages_and_place_zero(inbox):
    assert (inbox.after(0, 10), inbox.last_seq(), inbox.keep([])) == ([], 0, [])


def test_reading_behind_a_place_stops_at_the_limit(inbox):
    inbox.keep([oru(f"A{n}") for n in range(1, 6)])
    assert [stored.seq for stored in inbox.after(1, 3)] == [2, 3, 4]
    assert inbox.after(5, 3) == []


@pytest.mark.parametrize("seq", [-1, 0, 2])
def test_a_place_that_holds_nothing_is_a_key_error(inbox, seq):
    inbox.keep([oru()])
    with pytest.raises(KeyError):
        inbox.get(seq)


def test_a_repeat_gets_the_old_place_and_the_stored_answer_and_stores_nothing(inbox):
    inbox.keep([oru()])
    inbox.answered([(1, "AA")])
    assert inbox.keep([replace(oru(), received_at=AT + timedelta(days=1))]) == [Kept(seq=1, repeat_of=1, answer="AA")]
    assert inbox.last_seq() == 1


def test_a_repeat_before_the_answer_is_known_has_none(inbox):
    inbox.keep([oru()])
    assert inbox.keep([oru()]) == [Kept(seq=1, repeat_of=1, answer=None)]


def test_equal_messages_in_one_batch_are_repeats_too(inbox):
    assert inbox.keep([oru(), oru(), oru("A2")]) == [Kept(seq=1), Kept(seq=1, repeat_of=1), Kept(seq=2)]
    assert inbox.last_seq() == 2


@pytest.mark.parametrize("refusal", ["AE", "AR"])
def test_a_repeat_of_a_refused_message_is_kept_anew(inbox, refusal):
    inbox.keep([oru()])
    inbox.answered([(1, refusal)])
    assert inbox.keep([oru()]) == [Kept(seq=2)]
    inbox.answered([(2, "AA")])
    assert inbox.keep([oru()]) == [Kept(seq=2, repeat_of=2, answer="AA")]


def test_a_control_id_used_for_other_content_is_reported_and_both_are_kept(inbox):
    inbox.keep([oru("A1", b"MSH|one")])
    assert inbox.keep([oru("A1", b"MSH|two")]) == [Kept(seq=2, control_id_reused=True)]
    assert inbox.keep([oru("A1", b"MSH|one")]) == [Kept(seq=1, repeat_of=1)]


def test_a_reused_control_id_is_seen_inside_one_batch(inbox):
    assert inbox.keep([oru("A1", b"MSH|one"), oru("A1", b"MSH|two")]) == [
        Kept(seq=1),
        Kept(seq=2, control_id_reused=True),
    ]


def test_another_sender_may_use_the_same_control_id(inbox):
    assert inbox.keep([oru(sender="LAB|HOSP"), oru(sender="LAB|OTHER")]) == [Kept(seq=1), Kept(seq=2)]


def test_messages_without_a_control_id_never_reuse_one(inbox):
    assert inbox.keep([oru("", b"one"), oru("", b"two")]) == [Kept(seq=1), Kept(seq=2)]


def test_two_contents_without_a_digest_are_two_messages(inbox):
    assert inbox.keep([oru(content=b"one", digest=""), oru(content=b"two", digest="")]) == [
        Kept(seq=1),
        Kept(seq=2, control_id_reused=True),
    ]


def test_a_fhir_push_is_always_kept(inbox):
    assert inbox.keep([push(), push()]) == [Kept(seq=1), Kept(seq=2)]
    assert inbox.keep([push()]) == [Kept(seq=3)]


def test_a_fhir_push_does_not_hide_an_hl7_message_with_empty_names(inbox):
    inbox.keep([push(b"same")])
    assert inbox.keep([oru("", b"same", sender="", digest="0" * 64)]) == [Kept(seq=2)]


def test_a_large_batch_finds_every_repeat(inbox):
    batch = [oru(f"A{n:05d}") for n in range(1200)]
    inbox.keep(batch)
    assert [kept.repeat_of for kept in inbox.keep(batch)] == list(range(1, 1201))


def test_headers_of_irrelevant_messages_wait_to_be_written_and_are_read_newest_first(inbox):
    inbox.note_irrelevant([header("H1"), header("H2")])
    assert inbox.irrelevant(10) == []
    inbox.flush()
    assert inbox.irrelevant(10) == [header("H2"), header("H1")]
    inbox.note_irrelevant([header("H3")])
    inbox.flush()
    assert inbox.irrelevant(1) == [header("H3")]


def test_the_census_adds_up_and_keeps_first_and_last(inbox):
    later = AT + timedelta(days=1)
    inbox.note_codes([code_seen("ASN"), code_seen("AST"), code_seen("AST")])
    inbox.flush()
    inbox.note_codes([code_seen("ASN", text="Asn", count=4, first=later, last=later)])
    inbox.flush()
    assert inbox.census() == [
        code_seen("ASN", text="Asn", count=5, first=AT, last=later),
        code_seen("AST", count=2),
    ]


def test_a_census_text_is_cut_at_forty_characters(inbox):
    inbox.note_codes([code_seen(text="x" * 40), code_seen(text="y" * 41)])
    inbox.flush()
    assert inbox.census() == [code_seen(text="y" * 40, count=2)]


def test_a_near_miss_whose_code_was_mapped_since_then_is_no_repeat(inbox):
    missed = replace(oru("A1"), relevance="near-miss")
    (first,) = inbox.keep([missed])
    inbox.answered([(first.seq, "AA")])
    assert inbox.keep([missed])[0].repeat_of == first.seq
    (again,) = inbox.keep([replace(missed, relevance="relevant")])
    assert (again.repeat_of, again.seq) == (None, first.seq + 1)
    inbox.answered([(again.seq, "AA")])
    assert inbox.keep([replace(missed, relevance="relevant")])[0].repeat_of == again.seq


def test_fhir_messages_are_found_by_source_and_digest_each_content_once(inbox):
    same, other = push(b'{"a": 1}'), replace(push(b"{}"), digest="1" * 64)
    elsewhere, oru_too = replace(same, source="other"), oru(digest="0" * 64, source="ehr")
    inbox.keep([oru_too, elsewhere, other, same, same])
    found = [(stored.seq, stored.arrival) for stored in inbox.with_contents("ehr", ["0" * 64, "1" * 64, "2" * 64])]
    assert found == [(3, other), (4, same)]
    assert inbox.with_contents("ehr", []) == []
