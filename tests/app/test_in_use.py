"""The doors of a process exchange their mappings between two messages, never within one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import hospital
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.app.in_use import MappingsInUse
from adapter.ingest.hl7v2.header import envelope_of
from adapter.ingest.senders import SenderRules
from adapter.knowledge.load import load_knowledge
from adapter.knowledge.shipped import shipped

CODE = "ZNEU^Something new^L"
HEADER = "sender,code,system,target,label,note"


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """Two sets of mappings: the second knows one code more."""
    ours = tmp_path_factory.mktemp("ours")
    (ours / "tables").mkdir()
    (ours / "tables" / "activity_tests.csv").write_text(f"{HEADER}\n,ZNEU,L,asparaginase-activity,,\n")
    demo: Path = shipped("mappings") / "demo"
    first, _ = load_knowledge([demo])
    second, _ = load_knowledge([demo, ours])
    return first, second


def read(reading, raw):
    """What a message is taken for, and the mappings its answer is worded by."""
    judgement = reading.judge(raw, envelope_of(raw))
    return judgement.relevance, {translation.mapping_hash for translation in reading.translate(raw, "lab")}


@given(takes=st.lists(st.integers(min_value=0, max_value=1), max_size=6))
def test_whatever_was_judged_before_the_newest_mappings_decide_at_every_door(sets, takes):
    in_use = MappingsInUse(sets[0])
    doors = [in_use.door(lambda _: SenderRules(), 100), in_use.door(lambda _: SenderRules(), 1, "UNICODE UTF-8")]
    raw = hospital.oru("A1", code=CODE)
    for which in [0, *takes]:
        in_use.take(sets[which])
        for door in doors:
            relevance, hashes = read(door(), raw)
            assert relevance == ("irrelevant", "relevant")[which]
            assert hashes <= {sets[which].hash}
            assert which == 0 or hashes


def test_a_message_in_hand_keeps_what_it_was_judged_by(sets):
    in_use = MappingsInUse(sets[1])
    door = in_use.door(lambda _: SenderRules(), 100)
    in_hand = door()
    in_use.take(sets[0])
    raw = hospital.oru("A1", code=CODE)
    assert read(in_hand, raw) == ("relevant", {sets[1].hash})
    assert read(door(), raw)[0] == "irrelevant"


def test_a_door_that_is_opened_later_reads_with_the_newest(sets):
    in_use = MappingsInUse(sets[0])
    in_use.take(sets[1])
    door = in_use.door(lambda _: SenderRules(), 100)
    assert read(door(), hospital.oru("A1", code=CODE))[0] == "relevant"


def test_rules_of_a_door_stay(sets):
    in_use = MappingsInUse(sets[0])
    door = in_use.door(lambda _: replace(SenderRules(), content_errors="AA"), 100)
    in_use.take(sets[1])
    (translation,) = door().translate(hospital.oru("A1", code=CODE, unit=""), "lab")
    assert translation.answer.code == "AA"
