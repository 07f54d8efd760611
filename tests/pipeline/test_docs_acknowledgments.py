"""The page about acknowledgments says what the code does."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import hospital
import pytest
from asking import ACK, ENHANCED, asking, codes, received

from adapter.ingest.acknowledgment import ANSWER_LIMIT_BYTES, CONTROL_ID_LIMIT_CHARS, ECHO_LIMIT_BYTES
from adapter.ingest.acknowledgment_errors import (
    ERR_TEXT_LIMIT_CHARS,
    ERRORS_LIMIT,
    MSA_TEXT_LIMIT_CHARS,
    TABLE_0357,
)
from adapter.ingest.acknowledgment_modes import Wishes, wishes
from adapter.ingest.senders import SenderRules
from adapter.ingest.translate import translate_hl7
from adapter.pipeline.receive import too_large
from adapter.store.faults import CannotKeep

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "acknowledgments.md").read_text(encoding="utf-8")
UNREAD = hospital.oru("A1", kind="OUL^R22^OUL_R22")
NO_UNIT = hospital.oru("A1", unit="")
FULL = CannotKeep("full")


def table(header):
    """The rows of the table with this header, as cells."""
    lines = PAGE.splitlines()
    start = lines.index(header) + 2
    end = next(at for at in range(start, len(lines)) if not lines[at].startswith("|"))
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[start:end]]


CASES = {
    "a result that was read, with or without warnings": (hospital.oru("A1"), {}, {}),
    "a message without any of our codes": (hospital.everyday("A1"), {}, {}),
    "a heartbeat": (hospital.everyday("A1"), {}, {"heartbeats": ("HOSPLAB|*",)}),
    "the same message again": (hospital.oru("A1"), {}, {"before": hospital.oru("A1")}),
    "the same control id with other content": (hospital.oru("A1"), {}, {"before": hospital.oru("A1", value="0.3")}),
    "a result with an error, `content_errors: AE`": (NO_UNIT, {"content_errors": "AE"}, {}),
    "a result with an error, `content_errors: AA`": (NO_UNIT, {"content_errors": "AA"}, {}),
    "one of our codes in a type that is not read, `unsupported: AE`": (UNREAD, {"unsupported": "AE"}, {}),
    "one of our codes in a type that is not read, `unsupported: AR`": (UNREAD, {"unsupported": "AR"}, {}),
    "a message without control id": (hospital.oru(""), {}, {}),
    "bytes that are no HL7 v2": (b"hello", {}, {}),
    "a frame beyond `frame_limit_bytes`": (hospital.oru("A1"), {}, {"large": True}),
    "a message we cannot store, `cannot_store: close`": (hospital.oru("A1"), {}, {"fault": FULL}),
    "a message we cannot store, `cannot_store: AR`": (hospital.oru("A1"), {"cannot_store": "AR"}, {"fault": FULL}),
    "an acknowledgment (ACK, MCF)": (ACK, {}, {}),
}


@pytest.fixture
def told(keeper, make_reception, knowledge):
    """What a case is told on a door of some mode: the code of each answer."""

    def tell(raw, rules, mode, *, before=None, large=False, fault=None, heartbeats=()):
        def of_sender(_):
            return SenderRules(**rules)

        reception, _ = make_reception(
            keeper(fault=fault), translate=lambda raw, source: translate_hl7(raw, knowledge, of_sender, source=source)
        )
        reception = replace(reception, rules=of_sender)
        door = replace(ENHANCED, ack_mode=mode, heartbeats=heartbeats)
        if large:
            return codes([too_large(raw, reception, mode), None])
        if before:
            received(before, reception, door)
        try:
            return codes(received(raw, reception, door))
        except CannotKeep:
            return [["closed"], ["closed"]]

    return tell


def test_what_is_answered_is_what_the_page_says(told):
    rows = {row[0]: row[1:] for row in table("| what came | original | accept | application |")}
    found = {}
    for name, (raw, rules, more) in CASES.items():
        (original,) = told(raw, rules, "original", **more)[:1]
        if "before" in more:
            more = {**more, "before": asking(more["before"])}  # noqa: PLW2901
        accept, application = told(asking(raw), rules, "enhanced", **more)
        found[name] = ["".join(answer) or "-" for answer in (original, accept, application)]
    assert found == rows


def test_the_conditions_are_those_of_the_page():
    for value, good, bad in table("| value | CA or AA | CE, CR, AE or AR |"):
        asked = Wishes(accept=value.strip("`"), application=value.strip("`"))
        assert {asked.wants(code) for code in ("CA", "AA")} == {good == "sent"}
        assert {asked.wants(code) for code in ("CE", "CR", "AE", "AR")} == {bad == "sent"}


def test_the_modes_are_those_of_the_page():
    both_empty, asked = "| `ack_mode` | MSH-15 and MSH-16 both empty | one of them filled |", {}
    for mode, empty, filled in table(both_empty):
        name = mode.strip("`")
        one = (
            "an accept acknowledgment, and no other"
            if wishes(name, "", "").accept == "AL"
            else "one answer: AA, AE or AR"
        )
        asked[name] = (
            empty == one,
            (filled == "as asked") == (wishes(name, "SU", "") == Wishes(accept="SU", application="NE")),
        )
    assert asked == {"original": (True, True), "auto": (True, True), "enhanced": (True, True)}


def test_the_table_of_error_codes_is_whole():
    assert {code.strip("`"): text for code, text in table("| code | text |")} == TABLE_0357


def test_the_limits_are_those_of_the_page():
    for limit, words in [
        (ECHO_LIMIT_BYTES, "more than {} bytes is not sent back"),
        (ANSWER_LIMIT_BYTES, "No answer is longer than {} bytes"),
        (MSA_TEXT_LIMIT_CHARS, "how many more; at most {} characters"),
        (ERR_TEXT_LIMIT_CHARS, "what is wrong, at most {} characters"),
        (ERRORS_LIMIT, "the errors, at most {};"),
        (CONTROL_ID_LIMIT_CHARS, "an id of our own, at most {} characters"),
    ]:
        assert words.format(limit) in re.sub(r"\s+", " ", PAGE)
