"""Order and number of segments against hl7apy's structures, with the cases its own parser misplaces or drops."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.ingest.conformance.structure import check_structure
from adapter.ingest.hl7v2 import read_message
from adapter.knowledge.hl7_tables import VERSIONS, Node, message_structure


def told(names: str, version: str = "2.5.1", structure: str = "ORU_R01") -> list[tuple[str, str]]:
    raw = "MSH|^~\\&|A\r" + "".join(f"{name}|\r" for name in names.split())
    known = message_structure(version, structure)
    return [(one.code, one.where) for one in check_structure(read_message(raw.encode()).segments, known, version)]


@pytest.mark.parametrize(
    ("version", "names"),
    [
        ("2.5.1", "PID PD1 NTE PV1 ORC OBR NTE OBX NTE NTE OBX SPM OBX OBR OBX"),
        ("2.5.1", "OBR"),
        ("2.5.1", "PID OBR PID ORC OBR OBX"),
        ("2.5.1", "PID OBR SPM OBX"),
        ("2.5.1", "SFT SFT PID OBR TQ1 TQ2 TQ1 CTD OBX FT1 CTI SPM SPM DSC"),
        ("2.5.1", "PID ZAP OBR ZZZ OBX ZAP NTE"),
        ("2.3", "PID OBR OBX NTE OBX OBR"),
        ("2.8.2", "PID PV1 OBR OBX SPM"),
    ],
)
def test_a_message_in_order_has_no_finding(version, names):
    assert told(names, version) == []


@pytest.mark.parametrize(
    ("names", "found"),
    [
        pytest.param("", [("segment-missing", "OBR")], id="header alone"),
        pytest.param("PID", [("segment-missing", "OBR")], id="no order"),
        pytest.param("PID OBX", [("segment-missing", "OBR")], id="a result without its order"),
        pytest.param("PV1 OBR OBX", [("segment-missing", "PID")], id="a visit without its patient"),
        pytest.param("PID PID OBR", [("segment-missing", "OBR")], id="two patients, the first without an order"),
        pytest.param("PID OBR SPM OBX NTE", [("segment-misplaced", "NTE[1]")], id="a note to a specimen"),
        pytest.param("PID PD1 PD1 OBR", [("segment-repeated", "PD1[2]")], id="twice where once is allowed"),
        pytest.param("PID OBR EVN OBX", [("segment-not-in-structure", "EVN[1]")], id="of another message"),
        pytest.param("PID OBR QQQ OBX", [], id="of no message: said by the segment's own check"),
        pytest.param("PID OBR TQ2 OBX", [("segment-missing", "TQ1")], id="the second part of a group alone"),
        pytest.param("PID OBR OBX DSC OBX", [("segment-misplaced", "OBX[2]")], id="behind the end"),
        pytest.param(
            "PID OBR SPM PV1 OBX EVN",
            [("segment-misplaced", "PV1[1]"), ("segment-not-in-structure", "EVN[1]")],
            id="all, never the first only",
        ),
    ],
)
def test_what_is_out_of_order_is_named_with_its_place(names, found):
    assert told(names) == found


def test_in_an_early_version_a_specimen_is_no_segment_of_the_structure():
    assert told("PID OBR OBX SPM", "2.5.1") == []
    assert told("PID OBR OBX RXA", "2.3.1") == [("segment-not-in-structure", "RXA[1]")]


def test_one_of_a_choice_is_enough_and_a_second_is_out_of_place():
    assert told("PID ORC RXO", "2.5.1", "ORM_O01") == []
    assert told("PID ORC OBR RQD", "2.5.1", "ORM_O01") == [("segment-misplaced", "RQD[1]")]


def sequences(node: Node, depth: int = 0) -> st.SearchStrategy[list[str]]:
    """Names of segments in an order the structure allows."""
    if not node.is_group:
        return st.just([node.name])
    if node.choice:
        return st.one_of(*(sequences(child, depth + 1) for child in node.children if not child.is_group))
    parts = []
    for child in node.children:
        most = 1 if child.most == 1 or depth > 1 else 2
        parts.append(st.lists(sequences(child, depth + 1), min_size=int(child.required), max_size=most))
    return st.tuples(*parts).map(lambda chosen: [name for part in chosen for once in part for name in once])


@given(st.data(), st.sampled_from(("2.3", "2.3.1", "2.4", "2.5.1", "2.6")))
def test_whatever_the_structure_allows_is_accepted(data, version):
    names = data.draw(sequences(message_structure(version, "ORU_R01")))
    assert told(" ".join(names[1:]), version) == []


@given(
    st.lists(
        st.sampled_from(["PID", "PV1", "ORC", "OBR", "OBX", "NTE", "SPM", "DSC", "EVN", "QQQ", "ZAP", "TQ2"]),
        max_size=12,
    )
)
def test_any_order_gets_an_answer_in_any_version(names):
    for version in VERSIONS:
        for structure in ("ORU_R01", "ADT_A01", "ORM_O01", "ACK"):
            if message_structure(version, structure):
                assert all(where for _, where in told(" ".join(names), version, structure))
