"""Merges and unlinks of patient records, read from ADT messages."""

from __future__ import annotations

from pathlib import Path

import adt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.ingest.senders import SenderRules
from adapter.ingest.translate import translate_hl7
from adapter.knowledge.load import load_knowledge

KNOWLEDGE, _ = load_knowledge([Path(__file__).parents[2] / "mappings" / "demo"])
MRN = "https://hospital.example/mrn"


def read(*segments, trigger="A40", at="20251103101400+0100", knowledge=KNOWLEDGE):
    raw = adt.adt(trigger, "A80", *segments, at=at)
    (translation,) = translate_hl7(raw, knowledge, lambda _: SenderRules(), source="registry")
    return translation


def told(translation):
    return [(one.status, *(patient.removeprefix(f"{MRN}|") for patient in one.pair)) for one in translation.identities]


def pid(*numbers, name="PID", number=1):
    listed = "~".join(one if "^" in one else adt.cx(one) for one in numbers)
    return f"{name}|{number}||{listed}" if name == "PID" else f"MRG|{listed}"


def mrg(*numbers):
    return pid(*numbers, name="MRG")


@pytest.mark.parametrize("trigger", ["A40", "A34"])
def test_a_merge_lets_mrg_1_end_in_pid_3(trigger):
    found = read(pid("4711"), mrg("4710"), trigger=trigger)
    assert (found.relevance, found.answer.code, found.parked, found.events) == ("relevant", "AA", None, ())
    (one,) = found.identities
    assert (one.source, one.key, one.status, one.at.text) == ("registry", "A80", "merged", "2025-11-03T10:14:00+01:00")
    assert one.pair == (f"{MRN}|4711", f"{MRN}|4710")
    assert [(p.code, p.severity, p.where) for p in found.problems] == [("merge-received", "information", "MSH[1]-9")]


@pytest.mark.parametrize(
    ("kind", "event", "expected"),
    [
        ("ADT^A40 ", "A01", ["merged"]),
        ("adt^a40", "", ["merged"]),
        ("ADT^^ADT_A39", "A40", ["merged"]),
        ("ADT", "A34", ["merged"]),
        ("ADT", "a37", []),
        ("ADT^A01", "A40", []),
        ("ADT^^ADT_A39", "A41", []),
        ("ADT", "", []),
    ],
)
def test_a_type_counts_however_it_is_spelled_and_evn_1_where_it_names_no_event(kind, event, expected):
    raw = (
        adt.adt("A40", "A80", pid("1"), mrg("2"))
        .replace(b"ADT^A40", kind.encode())
        .replace(b"EVN|A40", b"EVN|" + event.encode())
    )
    (found,) = translate_hl7(raw, KNOWLEDGE, lambda _: SenderRules(), source="registry")
    assert [one.status for one in found.identities] == expected
    assert (found.parked == "patient-missing") is (event == "a37")


def test_a_message_may_merge_several_patients_and_several_numbers_of_one():
    found = read(pid("1"), "PD1|x", mrg("2", "3"), "PV1|1", pid("4", number=2), mrg("5"))
    assert told(found) == [("merged", "1", "2"), ("merged", "1", "3"), ("merged", "4", "5")]


def test_old_numbers_that_the_surviving_record_lists_as_its_own_are_no_survivors():
    assert told(read(pid("2", "1"), mrg("2"))) == [("merged", "1", "2")]
    assert told(read(pid("1", "2"), mrg("2", "3"))) == [("merged", "1", "3")]


def test_numbers_of_authorities_in_no_table_are_passed_over():
    assert told(read(pid("9^^^SSA^SS", "1"), mrg("8^^^SSA^SS", "2"))) == [("merged", "1", "2")]


def test_an_unlink_names_two_pid():
    assert told(read(pid("1"), pid("2", number=2), trigger="A37")) == [("unlinked", "1", "2")]
    assert told(read(pid("1", "2"), pid("2", number=2), trigger="A37")) == [("unlinked", "1", "2")]


@pytest.mark.parametrize("segments", [(pid("1"), mrg("1")), (pid("1", "2"), mrg("2", "1"))])
def test_a_record_merged_with_itself_joins_nothing(segments):
    found = read(*segments)
    assert (found.identities, found.answer.code) == ((), "AA")
    assert found.problems[0].text == "Both sides name the same patient record; nothing was joined or parted."


def test_an_account_merge_joins_no_patients():
    found = read(pid("1"), mrg("2"), trigger="A35")
    assert (found.identities, found.answer.code, found.parked) == ((), "AA", None)
    assert found.problems[0].text == "Two accounts of one patient were joined; that changes no patient record."


@pytest.mark.parametrize(
    ("trigger", "segments", "code", "where", "location"),
    [
        ("A40", (pid("1"), mrg("2^^^ELSEWHERE^MR")), "unknown-authority", "MRG[1]-1", "MRG^1^1"),
        ("A40", (pid("2^^^ELSEWHERE^MR"), mrg("1")), "unknown-authority", "PID[1]-3", "PID^1^3"),
        ("A40", (pid("1"), "MRG|"), "patient-missing", "MRG[1]-1", "MRG^1^1"),
        ("A40", (pid("1"),), "patient-missing", "MRG[1]-1", "MRG^1^1"),
        ("A40", (mrg("1"),), "patient-missing", "PID[1]-3", "PID^1^3"),
        ("A40", (), "patient-missing", "PID[1]-3", "PID^1^3"),
        ("A37", (pid("1"),), "patient-missing", "PID[2]-3", "PID^2^3"),
        ("A37", (), "patient-missing", "PID[1]-3", "PID^1^3"),
    ],
)
def test_a_side_nobody_can_be_known_by_waits_and_is_answered_ae(trigger, segments, code, where, location):
    found = read(*segments, trigger=trigger)
    assert (found.identities, found.parked, found.answer.code) == ((), code, "AE")
    assert (found.problems[0].code, found.problems[0].where, found.problems[0].location) == (code, where, location)
    assert "merge-received" not in {problem.code for problem in found.problems}


def test_what_can_be_read_beside_it_is_used():
    found = read(pid("1"), pid("3", number=2), mrg("4"))
    assert (told(found), found.parked, found.answer.code) == ([("merged", "3", "4")], "patient-missing", "AE")
    assert found.problems[0].where == "MRG[1]-1"


def test_without_a_readable_time_of_the_event_that_of_the_message_counts():
    raw = adt.adt("A40", "A80", pid("1"), mrg("2")).replace(b"EVN|A40|20250320090000+0000", b"EVN|A40|yesterday")
    (found,) = translate_hl7(raw, KNOWLEDGE, lambda _: SenderRules(), source="registry")
    assert found.identities[0].at.text == "2025-03-20T09:00:00+00:00"
    assert next((p.code, p.severity, p.where) for p in found.problems) == ("time-unreadable", "warning", "EVN[1]-2")
    (found,) = translate_hl7(
        raw.replace(b"HOSP|20250320090000+0000|", b"HOSP||"), KNOWLEDGE, lambda _: SenderRules(), source="registry"
    )
    assert (found.identities[0].at, found.answer.code) == (None, "AA")


@pytest.mark.parametrize(("at", "told"), [("20250320090000", True), ("20250320", True), ("20250320090000+0000", False)])
def test_a_time_of_the_event_without_any_zone_is_told(at, told):
    found = read(pid("1"), pid("2", number=2), trigger="A37", at=at)
    places = [(p.code, p.severity, p.where) for p in found.problems if p.code == "zone-missing"]
    assert places == ([("zone-missing", "warning", "EVN[1]-2")] if told else [])
    assert (found.answer.code, len(found.identities)) == ("AA", 1)


def test_a_merge_without_control_id_waits():
    raw = adt.adt("A40", "", pid("1"), mrg("2"))
    (found,) = translate_hl7(raw, KNOWLEDGE, lambda _: SenderRules(), source="registry")
    assert (found.identities, found.parked, found.answer.code) == ((), "control-id-missing", "AE")


def test_each_number_ends_in_the_one_of_its_own_authority(tmp_path):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "identifier_systems.csv").write_text(
        "sender,code,system,target,note\n*,HOSP,*,urn:hosp,\n*,REGION,*,urn:region,\n"
    )
    knowledge, faults = load_knowledge([tmp_path])
    assert [fault for fault in faults if fault.severity == "error"] == []
    found = read(pid("R1^^^REGION^PI", "1"), mrg("2", "R2^^^REGION^PI"), knowledge=knowledge)
    assert [one.pair for one in found.identities] == [("urn:hosp|1", "urn:hosp|2"), ("urn:region|R1", "urn:region|R2")]
    alone = read(pid("1"), mrg("R2^^^REGION^PI"), knowledge=knowledge)
    assert [one.pair for one in alone.identities] == [("urn:hosp|1", "urn:region|R2")]


fields = st.lists(
    st.sampled_from(
        ["", "1", "2", "1^^^HOSP", "2^^^HOSP^MR", "3^^^ELSEWHERE", '""', "^^^HOSP", "~", "1^^^HOSP~1^^^HOSP"]
    ),
    max_size=4,
).map("~".join)
segments = st.builds(
    lambda name, numbers: {"PID": f"PID|1||{numbers}", "MRG": f"MRG|{numbers}"}.get(name, name),
    st.sampled_from(["PID", "MRG", "PID|1", "MRG", "PV1|1", "ZZZ|x", "EVN|A40|x"]),
    fields,
)


@given(st.sampled_from(["A34", "A35", "A37", "A40"]), st.lists(segments, max_size=6))
def test_whatever_a_sender_writes_is_told_of_two_different_records_or_waits_or_is_a_note(trigger, lines):
    found = read(*lines, trigger=trigger)
    assert found.relevance == "relevant"
    assert all(one.survivor != one.absorbed for one in found.identities)
    assert found.identities or found.parked or "merge-received" in {problem.code for problem in found.problems}
    assert (found.answer.code == "AE") == (found.parked is not None)
