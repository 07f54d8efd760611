"""What holds for every acknowledgment: others read it, it stays small, MSA-2 is the very bytes of MSH-10."""

from __future__ import annotations

from datetime import UTC, datetime

import hl7
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.message import Answer
from adapter.domain.problems import KINDS, problem
from adapter.ingest.acknowledgment import ANSWER_LIMIT_BYTES, acknowledge
from adapter.ingest.acknowledgment_errors import ERR_TEXT_LIMIT_CHARS, MSA_TEXT_LIMIT_CHARS
from adapter.ingest.hl7v2 import read_message
from adapter.ingest.hl7v2.header import envelope_of

NOW = datetime(2025, 11, 3, 10, 15, 0, 412000, tzinfo=UTC)
VERSIONS = ("2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8", "2.8.1", "2.8.2")
NOT_DELIMITERS = st.characters(
    exclude_characters="|^~\\&\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029", exclude_categories=("Cs", "Cc")
)
names = st.text(NOT_DELIMITERS, max_size=12)
problems = st.builds(
    lambda code, text, place: problem(code, where=f"OBX[{place}]-6", location=f"OBX^{place}^6", text=text or None),
    st.sampled_from(sorted(code for code, kind in KINDS.items() if kind.hl7_code)),
    st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\x85\u2028\u2029"), max_size=400),
    st.integers(1, 99),
)
answers = st.one_of(
    st.builds(lambda code: Answer(code=code), st.sampled_from(["AA", "CA"])),
    st.builds(
        lambda code, errors: Answer(code=code, errors=tuple(errors)),
        st.sampled_from(["AA", "AE", "AR", "CE", "CR"]),
        st.lists(problems, max_size=14),
    ),
)


def message(version, sender, control_id):
    return f"MSH|^~\\&|{sender}|NORTH|TDM|HOSP|20250310||ORU^R01^ORU_R01|{control_id}|P|{version}\rPID|1\r".encode()


@given(st.sampled_from(VERSIONS), names, names, answers, st.booleans())
def test_every_answer_reads_the_same_with_us_hl7apy_and_python_hl7(version, sender, control_id, answer, asks_none):
    raw = acknowledge(
        message(version, sender, control_id), answer, now=NOW, control_id="T1", asks_none=asks_none
    ).decode()
    ours = read_message(raw.encode())
    python_hl7 = hl7.parse(raw)
    hl7apy = parse_message(raw, validation_level=VALIDATION_LEVEL.TOLERANT, find_groups=False)
    errors = min(len(answer.errors), 10)
    wanted = ["MSH", "MSA", *["ERR"] * (errors if version >= "2.5" else bool(errors))]
    assert [segment.name for segment in ours.segments] == wanted
    assert [str(segment[0]) for segment in python_hl7] == wanted
    assert [segment.name for segment in hl7apy.children] == wanted
    assert str(python_hl7.segment("MSA")[1]) == hl7apy.msa.msa_1.to_er7() == answer.code
    assert ours.first("MSA").field(2) == control_id
    # python-hl7 takes blanks off the end of a message, and of an AA that is MSA-2.
    assert str(python_hl7.segment("MSA")[2]).rstrip() == control_id.rstrip()
    assert str(python_hl7.segment("MSH")[12]) == hl7apy.msh.msh_12.to_er7() == version
    assert hl7apy.msh.msh_10.to_er7() == "T1"


@given(st.sampled_from(VERSIONS), answers)
def test_a_refusal_always_says_a_sentence_and_an_acceptance_none(version, answer):
    told = read_message(acknowledge(message(version, "LIS", "A1"), answer, now=NOW, control_id="T1")).first("MSA")
    assert (0 < len(told.field(3)) <= MSA_TEXT_LIMIT_CHARS) == (answer.code not in ("AA", "CA"))


@given(st.sampled_from(VERSIONS), answers)
def test_the_error_segment_has_the_fields_of_the_version_alone(version, answer):
    read = read_message(acknowledge(message(version, "LIS", "A1"), answer, now=NOW, control_id="T1"))
    for err in (segment for segment in read.segments if segment.name == "ERR"):
        filled = {number for number in range(1, 13) if err.field(number)}
        if version < "2.5":
            assert filled == {1}
        else:
            assert {2, 3, 4, 5, 7, 8} == filled
            assert len(err.field(8)) <= ERR_TEXT_LIMIT_CHARS


@given(
    st.lists(st.binary(max_size=40).filter(lambda b: not set(b) & set(b"\r\n\x1c|")), min_size=1, max_size=19),
    st.sampled_from([b"^~\\&", b"", b"^", b"$%^&#"]),
    st.integers(0, 19),
    st.integers(0, 3000),
    answers,
)
def test_no_answer_is_long_and_msa_2_is_the_very_bytes_of_msh_10(fields, encoding, long, size, answer):
    fields[long % len(fields)] += b"x" * size
    raw = b"|".join((b"MSH", encoding, *fields)) + b"\r"
    for envelope in (None, envelope_of(raw)):
        told = acknowledge(raw, answer, now=NOW, control_id="T1", envelope=envelope)
        msa = told.split(b"\r")[1].split(b"|")
        control_id = fields[7] if len(fields) > 7 else b""
        if encoding:
            assert msa[2] == control_id
        assert msa[:2] == [b"MSA", answer.code.encode()]
        assert len(told) - len(msa[2]) <= ANSWER_LIMIT_BYTES


def test_a_field_beyond_a_kibibyte_is_not_sent_back():
    whole, long = ("x" * size for size in (1024, 1025))
    told = acknowledge(message("2.5", whole, "A1"), Answer(code="AA"), now=NOW, control_id="T1").decode()
    assert f"|TDM|HOSP|{whole}|NORTH|" in told
    told = acknowledge(message("2.5", long, long), Answer(code="AA"), now=NOW, control_id="T1").decode()
    assert "|TDM|HOSP||NORTH|" in told
    assert told.endswith(f"MSA|AA|{long}\r")
