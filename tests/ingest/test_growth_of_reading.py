"""Twice as many lines of a message are twice the work, whatever is wrong with them and whatever stands between them."""

from __future__ import annotations

import pytest
from counted_steps import steps

from adapter.ingest.hl7v2 import STANDARD, Segment
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
