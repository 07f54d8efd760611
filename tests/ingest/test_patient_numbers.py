"""Of several identifiers the one that names the patient counts, and never that of a visit, an order or nobody."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.ingest.hl7v2 import read_message
from adapter.ingest.patient_numbers import NOT_OF_A_PATIENT, is_placeholder
from adapter.ingest.patients import best_identifier, hl7_patient, identifiers_at, system_ranks
from adapter.ingest.translate import SenderRules, translate_hl7
from adapter.knowledge.load import load_knowledge
from adapter.knowledge.paths import read_v2_path
from adapter.knowledge.shipped import shipped
from adapter.knowledge.tables import lay_over, read_table

KNOWLEDGE, _ = load_knowledge([shipped("mappings") / "demo"])
ROWS = b"sender,code,system,target,label,note\n,KLIN5,*,urn:one,,\n,NORTH,*,urn:two,,\n"
TABLE = lay_over([read_table(ROWS, "identifier_systems", "site.csv")[0]])
RANKS = system_ranks(TABLE)
EVERY = read_v2_path("PID-3(*)")


def pid(identifiers: str):
    return read_message(f"MSH|^~\\&|LIS|HOSP\rPID|1||{identifiers}\r".encode()).first("PID")


def read(identifiers: str, path: str = "PID-3(*)") -> tuple[str | None, str | None]:
    place = read_v2_path(path)
    assert place
    patient, problem = hl7_patient(pid(identifiers), (place,), TABLE, RANKS, "LIS|HOSP")
    return patient, problem.code if problem else None


@pytest.mark.parametrize(
    ("identifiers", "patient", "problem"),
    [
        ("99^^^KLIN5^VN~4711^^^KLIN5^MR", "urn:one|4711", None),
        ("99^^^KLIN5^an~4711^^^KLIN5", "urn:one|4711", None),
        ("8^^^KLIN5^PI~4711^^^KLIN5^MR", "urn:one|4711", None),
        ("8^^^KLIN5~4711^^^KLIN5^PI", "urn:one|4711", None),
        ("8^^^KLIN5^SS~4711^^^KLIN5", "urn:one|4711", None),
        ("4711^^^KLIN5^SS", "urn:one|4711", None),
        ("8^^^NORTH^MR~4711^^^KLIN5^SS", "urn:one|4711", None),
        ("99^^^KLIN5^VN~4711^^^NORTH^MR", "urn:two|4711", None),
        ("4711^^^KLIN5^MR~4711^^^KLIN5^MR", "urn:one|4711", None),
        ("4711^^^KLIN5^MR~12^^^KLIN5^MR", "urn:one|4711", "patient-ambiguous"),
        ("4711^^^KLIN5~12^^^KLIN5", "urn:one|4711", "patient-ambiguous"),
        ("4711^^^KLIN5^MR~12^^^NORTH^MR~13^^^NORTH^MR", "urn:one|4711", None),
        ("0^^^KLIN5^MR~4711^^^KLIN5^PI", "urn:one|4711", None),
        ("UNKNOWN^^^KLIN5^MR~4711^^^NORTH^MR", "urn:two|4711", None),
        ("99^^^KLIN5^VN", None, "patient-missing"),
        ("000^^^KLIN5^MR~N/A^^^KLIN5^PI", None, "patient-missing"),
        ('""^^^KLIN5^MR', None, "patient-missing"),
        ("99^^^KLIN5^VN~4711^^^ELSEWHERE^MR", None, "unknown-authority"),
        ("99999999^^^KLIN5^MR", "urn:one|99999999", None),
    ],
)
def test_the_surest_number_of_the_first_authority_names_the_patient(identifiers, patient, problem):
    assert read(identifiers) == (patient, problem)


def test_a_mapping_that_asks_for_a_type_gets_it():
    assert read("99^^^KLIN5^AN~4711^^^KLIN5^MR", "PID-3(5=AN)") == ("urn:one|99", None)
    assert read("99^^^KLIN5^VN~4711^^^KLIN5^MR", "PID-3") == (None, "patient-missing")


def test_an_ambiguous_patient_is_read_and_told_in_the_message():
    rows = read_table(ROWS, "identifier_systems", "site.csv")[0]
    site = replace(KNOWLEDGE, tables={**KNOWLEDGE.tables, "identifier_systems": lay_over([rows])})
    raw = (
        b"MSH|^~\\&|LIS|HOSP|TDM|HOSP|20251103101500+0100||ORU^R01^ORU_R01|A1|P|2.7\r"
        b"PID|1||4711^^^KLIN5^MR~12^^^KLIN5^MR\rOBR|1||F1|ASPACT^^L|||20251103080000\r"
        b"OBX|1|NM|ASPACT^^L||0.42|IU/mL|||||F\rOBX|2|NM|ASPACT^^L|2|0.42|IU/mL|||||F\r"
    )
    [told] = translate_hl7(raw, site, lambda _sender: SenderRules(), source="lab")
    assert [event.patient for event in told.events] == ["urn:one|4711"] * 2
    found = [(problem.code, problem.severity, problem.where) for problem in told.problems]
    assert found == [("patient-ambiguous", "warning", "PID[1]-3")]
    assert (told.answer.code, told.parked) == ("AA", None)


@pytest.mark.parametrize("value", ["0", "000", "UNK", "unknown", "n/a", "-", "??", '""', " ", "None"])
def test_what_only_says_that_there_is_no_number_is_no_number(value):
    assert is_placeholder(value)
    assert best_identifier([("urn:one", value)], RANKS) is None


@pytest.mark.parametrize("value", ["1", "0001", "99999999", "UNK7", "A", "NA12"])
def test_anything_else_is_one(value):
    assert not is_placeholder(value)


authorities = st.sampled_from(["KLIN5", "NORTH", "ELSEWHERE", ""])
kinds = st.sampled_from(["MR", "mr", "PI", "", "SS", *sorted(NOT_OF_A_PATIENT)])
numbers = st.sampled_from(["1", "2", "3", "0", "UNKNOWN", ""])


@given(st.lists(st.tuples(numbers, authorities, kinds), min_size=1, max_size=5))
def test_the_kind_of_number_decides_and_its_place_only_between_equals(sent):
    patient, problem = read("~".join(f"{number}^^^{authority}^{kind}" for number, authority, kind in sent))
    ranks = {"MR": 0, "PI": 1, "": 2}
    usable = [
        (["KLIN5", "NORTH"].index(authority), ranks.get(kind.upper(), 3), number)
        for number, authority, kind in sent
        if authority in ("KLIN5", "NORTH") and kind not in NOT_OF_A_PATIENT and number in ("1", "2", "3")
    ]
    if not usable:
        assert patient is None
        return
    best = min(usable, key=lambda one: one[:2])
    assert patient == f"{('urn:one', 'urn:two')[best[0]]}|{best[2]}"
    equal = {number for system, rank, number in usable if (system, rank) == best[:2]}
    assert (problem == "patient-ambiguous") is (len(equal) > 1)


def test_the_order_of_different_kinds_changes_nothing():
    sent = ["99^^^KLIN5^VN", "4711^^^KLIN5^MR", "8^^^KLIN5^PI", "5^^^NORTH^MR", "0^^^KLIN5^MR"]
    assert {read("~".join(order)) for order in itertools.permutations(sent)} == {("urn:one|4711", None)}
    first = [
        identifiers_at(EVERY, pid("~".join(order)), TABLE, "LIS|HOSP")[0] for order in itertools.permutations(sent)
    ]
    assert {value for _, value in first} <= {"4711", "5"}
