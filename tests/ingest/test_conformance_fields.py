"""Fields, components and values against hl7apy's tables, at both sides of every limit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tricky_messages import KINDS
from wire_bytes import ANYTHING, structured

from adapter.ingest.conformance import CHECKS, check_message, finding, unreadable
from adapter.ingest.conformance.fields import check_fields
from adapter.ingest.conformance.values import check_value
from adapter.ingest.hl7v2 import NotHl7, read_message, split_messages
from adapter.knowledge.hl7_tables import VERSIONS, Part, datatype_part, nearest_version, segment_fields, table_values

GOOD = (
    "MSH|^~\\&|LAB|NORTH|TDM|HOSP|20250310113000+0100||ORU^R01^ORU_R01|A0005|P|2.5.1",
    "PID|1||4711^^^HOSP^MR||Fern^Ada",
    "OBR|1||F1|P^Panel^L",
    "OBX|1|NM|A^B^L||0.42|IU/mL|||||F",
)


def told(*lines: str) -> list[tuple[str, str]]:
    return [(one.code, one.where) for one in report(*lines).findings]


def report(*lines: str):
    return check_message(read_message(("\r".join(lines) + "\r").encode()))


def with_line(line: str) -> list[tuple[str, str]]:
    """What is told of a good message one line of which is replaced."""
    return told(*(line if line[:3] == good[:3] else good for good in GOOD))


def test_a_good_message_has_no_finding():
    found = report(*GOOD)
    assert (found.findings, found.version, found.checked_against) == ((), "2.5.1", "2.5.1")
    assert (found.structure, found.segments) == ("ORU_R01", 4)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("PID|1||||Fern", [("field-missing", "PID[1]-3")]),
        ('PID|1||""||Fern', []),
        ("PID|1||~||Fern", [("field-missing", "PID[1]-3")]),
        ("PID|1|||", [("field-missing", "PID[1]-3"), ("field-missing", "PID[1]-5")]),
        ("PID|1|a~b|4711||Fern", [("field-repeated", "PID[1]-2")]),
        ("PID|1||4711~12||Fern", []),
        ("PID|1||4711^^^^^^^^^^||Fern", []),
        ("PID|1||4711^^^^^^^^^^x||Fern", [("component-unknown", "PID[1]-3.11")]),
        ("PID|1||47^^^a&b&ISO&||Fern", []),
        ("PID|1||12~47^^^a&b&ISO&d||Fern", [("component-unknown", "PID[1]-3(2).4.4")]),
        ("PID|1^2||47||Fern", [("component-unknown", "PID[1]-1.2")]),
        ("PID|x||47||Fern", [("type-wrong", "PID[1]-1")]),
        ("PID|9999||47||Fern", []),
        ("PID|10000||47||Fern", [("type-wrong", "PID[1]-1")]),
        ("PID|1||47||Fern||20010230", [("type-wrong", "PID[1]-7.1")]),
        ("PID|1||47||Fern||20010228", []),
        ("PID|1||47||Fern|||K", [("table-value-local", "PID[1]-8")]),
        ("PID|1||47||Fern|||F", []),
        (f"PID|1||47||Fern{'|' * 34}a", []),
        (f"PID|1||47||Fern{'|' * 35}a", [("field-unknown", "PID[1]-40")]),
        (f"PID|1||47||Fern{'|' * 35}", []),
        ("OBX|1|NM|A||0.4||||||F", []),
        ("OBX|1|NM|A||<0.4||||||F", [("type-wrong", "OBX[1]-5")]),
        ("OBX|1|NM|A||-.5~+5.||||||F", []),
        ("OBX|1|NM|A||1e5||||||F", [("type-wrong", "OBX[1]-5")]),
        ("OBX|1|NM|A||٣||||||F", [("type-wrong", "OBX[1]-5")]),
        ("OBX|1|SN|A||<^0.4||||||F", []),
        ("OBX|1|SN|A||<^low||||||F", [("type-wrong", "OBX[1]-5.2")]),
        ("OBX|1|ST|A||low^high||||||F", [("component-unknown", "OBX[1]-5.2")]),
        ("OBX|1|ST|A||low\\S\\high||||||F", []),
        ("OBX|1|XQ|A||low||||||F", [("table-value", "OBX[1]-2"), ("type-unknown", "OBX[1]-2")]),
        ("OBX|1||A||low||||||F", [("field-missing", "OBX[1]-2")]),
        ("OBX|1||A||low||||||X", []),
        ("OBX|1||A||||||||F", []),
        ("OBX|1|NM|A||1||||||", [("field-missing", "OBX[1]-11")]),
        ("OBX|1|NM|A||1||||||Q", [("table-value", "OBX[1]-11")]),
        ("OBX|1|NM|A^B^99LAB||1||||||F", []),
        ("OBX|1|NM|A^B^HL70001||1||||||F", []),
        ("OBX|1|NM|A^B^OURS||1||||||F", [("table-value", "OBX[1]-3.3")]),
        ("OBX|1|TM|A||2359||||||F", []),
        ("OBX|1|TM|A||2460||||||F", [("type-wrong", "OBX[1]-5")]),
        ("OBX|1|DT|A||20250310||||||F", []),
        ("OBX|1|DT|A||2025031011||||||F", [("type-wrong", "OBX[1]-5")]),
    ],
)
def test_every_departure_of_a_field_is_told_with_its_place(line, found):
    assert with_line(line) == found


def test_a_header_must_declare_its_delimiters():
    assert told(GOOD[0].replace("^~\\&", ""), *GOOD[1:]) == [("field-missing", "MSH[1]-2")]


def test_withdrawn_fields_are_told():
    head = GOOD[0].replace("2.5.1", "2.7")
    found = told(head, "PID|1|old|4711^^^HOSP^MR||Fern^Ada", *GOOD[2:])
    assert ("field-withdrawn", "PID[1]-2") in found


def test_a_length_is_held_where_the_tables_have_one():
    part = Part(name="flag", datatype="ID", table="", length=2, required=False, most=1)
    assert check_value(part, "ab", "ZZ1[1]-1", "2.5.1") == []
    assert [one.code for one in check_value(part, "abc", "ZZ1[1]-1", "2.5.1")] == ["too-long"]


def test_a_segment_the_version_does_not_have_has_no_fields_to_check():
    message = read_message(b"MSH|^~\\&|\rQQQ|1\r")
    assert check_fields(message.segments[1], "2.5.1", message.delimiters, message.charset) == []


def test_all_is_told_never_the_first_only():
    found = told(
        "MSH|^~\\&|LAB|NORTH|TDM|HOSP|now||ORU^R01^ORU_R01||P|2.5.1",
        "PID|x",
        "stray line",
        "QQQ|1",
        "ZAP|1",
        "OBX|1|NM|A||abc||||||Q",
    )
    assert found == [
        ("segment-missing", "OBR"),
        ("type-wrong", "MSH[1]-7.1"),
        ("field-missing", "MSH[1]-10"),
        ("type-wrong", "PID[1]-1"),
        ("field-missing", "PID[1]-3"),
        ("field-missing", "PID[1]-5"),
        ("line-without-segment", "line 3"),
        ("segment-unknown", "QQQ[1]"),
        ("not-checked", "ZAP[1]"),
        ("type-wrong", "OBX[1]-5"),
        ("table-value", "OBX[1]-11"),
    ]


@pytest.mark.parametrize(
    ("sent", "nearest"),
    [("2.5.1", "2.5.1"), ("2.9", "2.8.2"), ("2.7.1", "2.7"), ("2.5.2", "2.5.1"), ("2.0", "2.1"), ("3", "2.8.2"),
     ("", "2.5.1"), ("v2", "2.5.1"), ("2..5", "2.5.1"), ("٢", "2.5.1"), ("2." + "9" * 4, "2.5.1")],
)  # fmt: skip
def test_an_unknown_version_is_checked_as_the_nearest_and_that_is_said(sent, nearest):
    assert nearest_version(sent) == nearest
    found = report(GOOD[0].replace("2.5.1", sent), *GOOD[1:])
    assert found.checked_against == nearest
    assert ([one.code for one in found.findings].count("version-unknown") == 1) is (sent != nearest)


@pytest.mark.parametrize(
    ("kind", "structure"),
    [
        ("ORU^R01^ORU_R01", "ORU_R01"),
        ("ORU^R01", "ORU_R01"),
        ("ADT^A01^NONE", "ADT_A01"),
        ("ACK^R01", "ACK"),
        ("XYZ^Q99", ""),
    ],
)
def test_the_structure_is_the_named_one_or_follows_from_type_and_trigger(kind, structure):
    found = report(GOOD[0].replace("ORU^R01^ORU_R01", kind), *GOOD[1:])
    assert found.structure == structure
    assert ("structure-unknown" in {one.code for one in found.findings}) is (not structure)


def test_what_was_wrong_when_reading_is_told_too():
    raw = ("\r".join(GOOD) + "\rNTE|1||Gefäß\r").encode("iso-8859-1")
    assert [(one.code, one.where) for one in check_message(read_message(raw)).findings] == [("charset", "MSH[1]-18")]
    assert [one.code for one in unreadable().findings] == ["not-hl7"]


def test_no_text_of_a_finding_holds_what_stands_there():
    marked = "ZQ77kk"
    fields = "|".join(f"{marked}^{marked}&{marked}~{marked}" for _ in range(45))
    found = report(GOOD[0], *(f"{name}|{fields}" for name in ("PID", "PV1", "ORC", "OBR", "OBX", "NTE", "SPM")), marked)
    assert len(found.findings) > 100
    assert [one for one in found.findings if marked in one.text + one.where] == []
    assert any(marked in (one.value or "") for one in found.findings)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_tables_of_every_version_can_be_read(version):
    assert segment_fields(version, "MSH")[9].name == "message type"
    assert segment_fields(version, "QQQ") is None
    assert segment_fields(version, "ANYHL7SEGMENT") is None
    assert datatype_part(version, "NM").parts == ()
    assert datatype_part(version, "XQ") is None
    assert table_values(version, "nonsense") is None


def test_a_code_that_is_not_registered_is_our_own_bug():
    assert finding("charset", "MSH[1]-18").severity == CHECKS["charset"].severity
    with pytest.raises(KeyError):
        finding("no-such-code", "message")


@given(st.one_of(ANYTHING, structured(), st.sampled_from([kind.raw for kind in KINDS])))
def test_whatever_the_bytes_there_is_a_report(raw):
    for one in split_messages(raw):
        try:
            message = read_message(one)
        except NotHl7:
            continue
        assert all(found.where and found.text.endswith(".") for found in check_message(message).findings)
