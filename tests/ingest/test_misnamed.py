"""A segment in small letters is not read, and never silently so."""

from __future__ import annotations

import pytest

from adapter.ingest.translate import SenderRules, translate_hl7
from adapter.knowledge.load import load_knowledge
from adapter.knowledge.shipped import shipped

KNOWLEDGE, _ = load_knowledge([shipped("mappings") / "demo"])
HEAD = r"MSH|^~\&|LIS|HOSP|TDM|HOSP|20251103101500+0100||ORU^R01^ORU_R01|A1|P|2.7"
PID = "PID|1||4711^^^HOSP^MR"
OBR = "OBR|1||F1|ASPACT^Activity^L|||20251103080000"
OBX = "OBX|1|NM|ASPACT^Activity^L||0.42|IU/mL|||||F"
SODIUM = "OBX|1|NM|NA^Sodium^L||140|mmol/L|||||F"


def read(*lines: str):
    raw = "\r".join([HEAD, *lines, ""]).encode()
    [told] = translate_hl7(raw, KNOWLEDGE, lambda _sender: SenderRules(), source="lab")
    return told


def problems(told):
    return [(found.code, found.where) for found in told.problems]


def test_a_result_in_small_letters_is_told_beside_one_that_is_read():
    small = OBX.replace("OBX", "obx")
    told = read(PID, OBR, OBX, small, small)
    assert (len(told.events), told.relevance, told.parked, told.answer.code) == (
        1,
        "relevant",
        "segment-misnamed",
        "AE",
    )
    assert problems(told) == [("segment-misnamed", "OBX in line 5")]


def test_a_near_result_in_small_letters_is_told():
    told = read(PID, OBR.replace("ASPACT^Activity", "NA^Sodium"), "obx|1|NM|X^L-asparaginase^L||0.4")
    assert (told.relevance, told.parked) == ("relevant", "segment-misnamed")


@pytest.mark.parametrize("place", [0, 1])
def test_without_its_patient_or_order_no_result_is_taken_for_anothers(place):
    lines = [PID, OBR, OBX]
    first = [PID.replace("4711", "8155"), OBR.replace("F1", "F0"), SODIUM]
    lines[place] = lines[place].replace("PID", "pid").replace("OBR", "obr")
    told = read(*first, *lines)
    assert (told.events, told.parked, told.answer.code) == ((), "segment-misnamed", "AE")


def test_what_is_not_ours_is_nobodys_matter_in_small_letters_too():
    told = read(PID.lower(), OBR.replace("ASPACT^Activity", "NA^Sodium").lower(), SODIUM.lower(), SODIUM)
    assert (told.relevance, told.problems, told.parked, told.answer.code) == ("irrelevant", (), None, "AA")
    assert problems(read(PID, OBR, OBX, "zpi|1|ASPACT^Activity^L", "obx")) == []


def test_a_value_behind_an_empty_repetition_is_no_level():
    """`~` before a number is a repetition to HL7, and "about" to whoever typed it."""
    told = read(PID, OBR, OBX.replace("0.42", "~0.42"))
    assert problems(told) == [("value-unreadable", "OBX[1]-5")]
    assert [(event.activity, event.reported.text) for event in told.events] == [(None, "~0.42")]
    assert read(PID, OBR, OBX.replace("0.42", "0.42~")).problems == ()
    assert read(PID, OBR, OBX.replace("0.42", "~")).events[0].reported.text == "~"
