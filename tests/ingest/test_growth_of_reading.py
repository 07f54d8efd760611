"""Twice as many lines of a message are twice the work, whatever is wrong with them and whatever stands between them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from counted_steps import steps

from adapter.ingest.hl7v2 import STANDARD, Segment
from adapter.ingest.result_times import TIMES_COMPARED
from adapter.ingest.translate import SenderRules, translate_hl7
from adapter.knowledge.load import load_knowledge
from adapter.knowledge.shipped import shipped

KNOWLEDGE, _ = load_knowledge([shipped("mappings") / "demo"])
HEAD = "MSH|^~\\&|HOSPLAB|HOSP|T|H|20250311130500+0000||ORU^R01^ORU_R01|C1|P|2.5.1\rPID|1||900001^^^HOSP^MR\r"
ORDER = "OBR|1||F1|ASPACT^^L\r"
FEW, MANY = 20, 80
SOME_MORE = 1.6
"""What a look-up in something larger may cost; with each line compared with each other it were four."""


def translated(raw: bytes):
    return translate_hl7(raw, KNOWLEDGE, lambda _sender: SenderRules(), source="lab")


@pytest.mark.parametrize(
    "lines",
    [
        "OBX|1|NM|ASPACT^^L|1|x\r",
        "OBX||NM|ASPACT^^L\r",
        "OBX|1|NM|ASPACT^^L||1|IU/mL|||||F\r",
        "OBX|1|NM|ASPACT^^L||1|IU/mL|||||F\rSPM|1|S1\r",
        "OBX|1|NM|ASPACT^^L||1|IU/mL|||||F\rSPM|1|S1|||||||||||||||20250310120000+0000\r",
        "OBX|1|NM|ASPACT^^L||1|IU/mL|||||F\rNTE|1|L|x\r",
        "OBX|1|NM|ASPNEW^asparaginase^L||1|IU/mL|||||F\r",
        "obx|1|NM|ASPACT^^L||1|IU/mL|||||F\r",
        f"ORC|RE|1|1\r{ORDER}OBX|1|NM|ASPACT^^L||1\r",
    ],
)
def test_the_work_grows_with_the_lines(lines):
    few, many = ((HEAD + ORDER + lines * count).encode() for count in (FEW, MANY))
    translated(few), translated(many)
    assert steps(lambda: translated(many)) <= steps(lambda: translated(few)) * MANY / FEW * SOME_MORE


def specimens(count: int, *, minutes: int = 61) -> bytes:
    """Results in one order, each with a specimen of its own, collected so many minutes after the one before."""
    row = "OBX|1|NM|ASPACT^^L|{n}|1|IU/mL|||||F\rSPM|1|S{n}|||||||||||||||{at}\r"
    start = datetime(2025, 3, 10, 12, 0, tzinfo=UTC)
    times = [f"{start + timedelta(minutes=minutes * n):%Y%m%d%H%M}+0000" for n in range(count)]
    return (HEAD + ORDER + "".join(row.format(n=n, at=at) for n, at in enumerate(times))).encode()


def test_the_work_grows_with_specimens_of_other_times():
    few, many = specimens(FEW * 4), specimens(MANY * 4)
    translated(few), translated(many)
    assert steps(lambda: translated(many)) <= steps(lambda: translated(few)) * MANY / FEW * SOME_MORE


@pytest.mark.parametrize(("count", "told"), [(TIMES_COMPARED, 0), (TIMES_COMPARED + 1, 1)])
def test_of_very_many_times_of_collection_the_first_are_compared_and_it_is_said(count, told):
    said = "Of more than 20 times of collection the first 20 are compared."
    (answer,) = translated(specimens(count))
    found = [(one.code, one.where, one.severity) for one in answer.problems if said in one.text]
    assert found == [("times-disagree", f"SPM[{TIMES_COMPARED + 1}]-17", "warning")] * told
    assert len(answer.problems) == TIMES_COMPARED - 1 + told


class Counted(str):
    __slots__ = ("parted",)

    def split(self, *marks):
        self.parted = getattr(self, "parted", 0) + 1
        return super().split(*marks)


def test_a_field_is_parted_once_for_all_its_repetitions():
    segment = Segment("OBX", "", 0, 1, 0, STANDARD, "utf-8")
    field = Counted("A^a~B^b~C")
    segment._fields = ["OBX", "1", "X~Y", field]
    assert [segment.components(3, number) for number in (1, 2, 3, 4)] == [["A", "a"], ["B", "b"], ["C"], []]
    assert field.parted == 1
    assert (segment.repetition(2, 2), segment.repetition(3, 2)) == ("Y", "B^b")
