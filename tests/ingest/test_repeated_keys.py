"""Two results of one message under one key: neither may hide the other, and nothing is called corrected that is not."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.ingest.relevance import RelevanceFilter
from adapter.ingest.translate import SenderRules, translate_hl7
from adapter.knowledge.load import load_knowledge

MAPPINGS = Path(__file__).parents[2] / "mappings"
KNOWLEDGE, _ = load_knowledge([MAPPINGS / "demo"], base=MAPPINGS)
KEY = "HOSP/F991/asparaginase-activity/"
HEAD = r"MSH|^~\&|LIS|HOSP|TDM|HOSP|20251103101500+0100||ORU^R01^ORU_R01|A1|P|2.5.1"
BEFORE = ("PID|1||4711^^^HOSP^MR", "OBR|1|P77|F991|ASPACT^Asparaginase activity^L|||20251103080000")


def translated(*rows, head=HEAD, end="\r"):
    obx = (
        f"OBX|{n}|NM|ASPACT^Asparaginase activity^L|{sub}|{value}|IU/mL|||||{status}"
        for n, (value, status, sub) in enumerate(rows, 1)
    )
    raw = end.join((head, *BEFORE, *obx)).encode() + b"\r"
    (found,) = translate_hl7(raw, KNOWLEDGE, lambda _: SenderRules(), source="lab")
    return raw, found


def read(*rows):
    _, found = translated(*((value, status, "") for value, status in rows))
    events = [(event.key.removeprefix(KEY), event.reported.value, event.status) for event in found.events]
    return events, [(problem.code, problem.where) for problem in found.problems]


@pytest.mark.parametrize(
    ("rows", "events", "problems"),
    [
        ([("0.42", "F"), ("0.15", "F")], [("", "0.42", "final"), ("#2", "0.15", "final")], [2]),
        ([("0.42", "F"), ("", "F")], [("", "0.42", "final"), ("#2", None, "final")], [2]),
        (
            [("1", "F"), ("2", "F"), ("3", "F")],
            [("", "1", "final"), ("#2", "2", "final"), ("#3", "3", "final")],
            [2, 3],
        ),
        ([("0.42", "F"), ("0.42", "F")], [("", "0.42", "final"), ("", "0.42", "final")], []),
        ([("0.01", "P"), ("0.42", "F")], [("", "0.01", "preliminary"), ("", "0.42", "final")], []),
        ([("0.42", "F"), ("0.3", "C")], [("", "0.42", "final"), ("", "0.3", "corrected")], []),
        ([("0.01", "D"), ("0.42", "C")], [("#2", "0.01", "entered-in-error"), ("", "0.42", "corrected")], []),
        ([("0.42", "C"), ("0.01", "D")], [("", "0.42", "corrected"), ("#2", "0.01", "entered-in-error")], []),
        ([("0.42", "F"), ("0.01", "D")], [("", "0.42", "preliminary"), ("#2", "0.01", "entered-in-error")], [1]),
        ([("0.42", "F"), ('""', "F")], [("", "0.42", "preliminary"), ("#2", None, "entered-in-error")], [1]),
        (
            [("0.42", "P"), ("0.42", "D"), ("0.01", "F")],
            [("", "0.42", "preliminary"), ("#3", "0.42", "entered-in-error"), ("#2", "0.01", "preliminary")],
            [1, 3],
        ),
        ([("0.42", "X"), ("0.3", "F")], [("", "0.42", "cancelled"), ("#2", "0.3", "final")], [2]),
    ],
)
def test_results_under_one_key(rows, events, problems):
    assert read(*rows) == (events, [("result-key-repeated", f"OBX[{n}]-4") for n in problems])


def test_numbered_results_are_no_repetition():
    _, found = translated(("0.42", "F", "1"), ("0.15", "F", "2"))
    assert [event.key for event in found.events] == [f"{KEY}1", f"{KEY}2"]
    assert found.problems == ()


VALUES = st.lists(
    st.tuples(st.sampled_from(["0.42", "0.01", "", '""']), st.sampled_from("PFCDXW")), min_size=1, max_size=5
)


@given(VALUES)
def test_each_value_has_a_key_that_no_other_value_of_its_status_has(rows):
    events, problems = read(*rows)
    assert len(events) == len(rows)
    values = {}
    for key, value, status in events:
        values.setdefault((key, status), set()).add(value)
    assert all(len(one) == 1 for (_, status), one in values.items() if status != "entered-in-error")
    kept = [key for key, _, status in events if status != "entered-in-error"]
    assert not kept or "" in kept
    if not problems:
        assert len(set(kept)) <= 1


@given(VALUES.filter(lambda rows: len(rows) > 1))
def test_the_base_key_never_has_a_withdrawal_beside_a_value(rows):
    for order in list(permutations(rows))[:6]:
        events, _ = read(*order)
        statuses = {status for key, _, status in events if not key}
        assert statuses == {"entered-in-error"} or "entered-in-error" not in statuses


@pytest.mark.parametrize("end", ["\x0b", "~", "\x85", " "])
def test_segments_parted_by_something_else_are_an_error_and_never_irrelevant(end):
    raw, found = translated(("0.42", "F", ""), end=end)
    assert RelevanceFilter(KNOWLEDGE, 100).judge(raw).relevance == found.relevance == "relevant"
    assert "results-without-a-line" in [problem.code for problem in found.problems]
    assert (found.parked, found.answer.code, found.events) == ("results-without-a-line", "AE", ())


def test_a_report_without_any_result_is_as_irrelevant_as_before():
    raw = f"{HEAD}\rPID|1||4711^^^HOSP^MR\rNTE|1||see OBX\r".encode()
    assert RelevanceFilter(KNOWLEDGE, 100).judge(raw).relevance == "irrelevant"
    raw, found = translated(("0.42", "F", ""), head=HEAD.replace("ORU^R01^ORU_R01", "ADT^A08"), end="\x0b")
    assert (RelevanceFilter(KNOWLEDGE, 100).judge(raw).relevance, found.relevance) == ("irrelevant", "irrelevant")


@pytest.mark.parametrize(
    "name",
    ["Pegaspargase activity", "Calaspargase pegol", "ONCASPAR level", "Erwinase", "Rylaze", "Spectrila", "Asparginase"],
)
def test_names_of_products_and_usual_misspellings_are_near_misses(name):
    raw = "\r".join((HEAD, *BEFORE[:1], "OBR|1|P|F|X^Y^L", f"OBX|1|NM|Q1^{name}^L||1|IU/mL|||||F", "")).encode()
    assert RelevanceFilter(KNOWLEDGE, 100).judge(raw).relevance == "near-miss"
