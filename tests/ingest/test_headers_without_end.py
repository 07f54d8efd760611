"""Headers and codes of any length: judged and answered like others, and never remembered without bound."""

from __future__ import annotations

import gc
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapter.domain.message import Answer
from adapter.ingest import acknowledgment_modes
from adapter.ingest.acknowledgment import acknowledge
from adapter.ingest.acknowledgment_modes import wishes
from adapter.ingest.hl7v2 import delimiters
from adapter.ingest.hl7v2.delimiters import declared_delimiters
from adapter.ingest.hl7v2.header import USUAL_HEADER_BYTES, envelope_of, peek
from adapter.ingest.relevance import USUAL_BYTES, RelevanceFilter
from adapter.knowledge.load import load_knowledge

NOW = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
KNOWLEDGE, _ = load_knowledge([Path(__file__).parents[2] / "mappings" / "demo"])
MEBIBYTE = 1024 * 1024


def message(sender="LAB", *, code="2823-3^Potassium^LN", accept="AL", encoding="^~\\&", fill=0):
    header = f"MSH|{encoding}|{sender}|NORTH|T|H|20250601||ORU^R01|A1|P|2.5|||{accept}|NE||8859/1|{'x' * fill}"
    return f"{header}\rPID|1\rOBX|1|NM|{code}||4.1\r".encode()


def of_length(length):
    return message(fill=length - message().find(b"\r"))


def test_a_header_longer_than_headers_are_is_read_with_more_care():
    assert envelope_of(of_length(USUAL_HEADER_BYTES)) is not None
    assert envelope_of(of_length(USUAL_HEADER_BYTES + 1)) is None


@pytest.mark.parametrize("length", [USUAL_HEADER_BYTES, USUAL_HEADER_BYTES + 1])
@pytest.mark.parametrize("code", ["2823-3^Potassium^LN", "ASPACT^Asparaginase activity^L"])
def test_it_is_judged_and_answered_as_any_other(length, code):
    raw = of_length(length).replace(b"2823-3^Potassium^LN", code.encode())
    usual = message(code=code)
    judge = RelevanceFilter(KNOWLEDGE, 100)
    assert judge.judge(raw) == judge.judge(usual)
    told = [
        acknowledge(one, Answer(code="AA"), now=NOW, control_id="T1", envelope=envelope_of(one)) for one in (raw, usual)
    ]
    assert told[0] == told[1]


def remembered_bytes(say, times):
    """What stays in memory after saying something so often."""
    say(0)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(1, times + 1):
            say(number)
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


def test_names_of_great_length_leave_nothing_behind():
    """Each of them a hundred kilobytes, and every one another."""
    judge = RelevanceFilter(KNOWLEDGE, 1000)

    def say(number):
        raw = message(f"{number}" + "L" * 100_000, accept=f"{number}" + "A" * 100_000, encoding="^~\\&" + "%" * 100_000)
        envelope = envelope_of(raw)
        judge.judge_one(raw, envelope)
        header = peek(raw)
        wishes("enhanced", header.accept_acknowledgment, header.application_acknowledgment)
        acknowledge(raw, Answer(code="AA"), now=NOW, control_id="T1", envelope=envelope)

    assert remembered_bytes(say, 200) < 8 * MEBIBYTE


def test_codes_of_great_length_leave_little_behind():
    judge = RelevanceFilter(KNOWLEDGE, 1000)

    def say(number):
        raw = message(code=f"{number}" + "C" * 100_000 + "^Potassium^LN")
        judge.judge_one(raw, envelope_of(raw))

    assert remembered_bytes(say, 400) < 16 * MEBIBYTE


def test_short_ones_are_remembered_as_before():
    judge = RelevanceFilter(KNOWLEDGE, 10)
    for number in range(3):
        judge.judge(message(code=f"C{number}^Potassium^LN"))
    (dialect,) = judge._dialects.values()
    assert len(dialect.codes) == len(dialect.skeletons) == 3
    judge.judge(message(code="C" * USUAL_BYTES + "^Potassium^LN"))
    judge.judge(message(code="C9^Potassium^LN"))
    assert [len(one.codes) for one in judge._dialects.values()] != [5]


def test_only_the_first_five_signs_of_msh_2_are_remembered():
    delimiters._declared.cache_clear()
    assert {declared_delimiters("|", "^~\\&#" + "x" * number) for number in range(50)} == {
        declared_delimiters("|", "^~\\&#")
    }
    assert delimiters._declared.cache_info().currsize == 1


def test_wishes_are_remembered_by_what_they_mean():
    acknowledgment_modes._asked.cache_clear()
    asked = {wishes("enhanced", "AL" + "x" * number, "NE") for number in range(50)}
    assert len(asked) == 1
    assert acknowledgment_modes._asked.cache_info().currsize == 1
