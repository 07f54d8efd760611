from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import hl7
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.message import Answer
from adapter.domain.problems import KINDS, problem
from adapter.ingest.acknowledgment import acknowledge
from adapter.ingest.acknowledgment_errors import error_rows
from adapter.ingest.hl7v2 import STANDARD, read_message

NOW = datetime(2025, 11, 3, 10, 15, 0, 412000, tzinfo=timezone(timedelta(hours=1)))
OK = Answer(code="AA")
UNIT = problem("unit-missing", where="OBX[1]-6", location="OBX^1^6")
AUTHORITY = problem("unknown-authority", where="PID[1]-3", location="PID^1^3")
BAD = Answer(code="AE", errors=(UNIT,))


def sent(version: str = "2.5.1", kind: str = "ORU^R01^ORU_R01", rest: str = "", encoding: str = "^~\\&") -> bytes:
    return f"MSH|{encoding}|LIS^1.2^ISO|NORTH|TDM^a|HOSP|20250310||{kind}|A0005|P^T|{version}{rest}\rPID|1\r".encode()


def answered(raw: bytes, answer: Answer = OK) -> list[str]:
    return acknowledge(raw, answer, now=NOW, control_id="T25B0C91F3").decode().split("\r")


@pytest.mark.parametrize(
    ("version", "kind", "stamp"),
    [
        ("2.1", "ACK", "20251103101500+0100"),
        ("2.2", "ACK", "20251103101500+0100"),
        ("2.3", "ACK^R01", "20251103101500+0100"),
        ("2.3.1", "ACK^R01", "20251103101500+0100"),
        ("2.4", "ACK^R01^ACK", "20251103101500+0100"),
        ("2.5", "ACK^R01^ACK", "20251103101500.412+0100"),
        ("2.5.1^USA^x", "ACK^R01^ACK", "20251103101500.412+0100"),
        ("2.8.2", "ACK^R01^ACK", "20251103101500.412+0100"),
        ("2.10", "ACK^R01^ACK", "20251103101500.412+0100"),
        ("3.x", "ACK^R01^ACK", "20251103101500.412+0100"),
        ("", "ACK^R01^ACK", "20251103101500.412+0100"),
    ],
)
def test_a_message_is_accepted_in_the_words_of_its_version(version, kind, stamp):
    assert answered(sent(version)) == [
        f"MSH|^~\\&|TDM^a|HOSP|LIS^1.2^ISO|NORTH|{stamp}||{kind}|T25B0C91F3|P^T|{version}",
        "MSA|AA|A0005",
        "",
    ]


@pytest.mark.parametrize(
    ("kind", "expected"), [("ADT^A08", "ACK^A08^ACK"), ("ORU", "ACK"), ("", "ACK"), ("^R01", "ACK^R01^ACK")]
)
def test_the_trigger_of_the_message_is_repeated(kind, expected):
    assert answered(sent(kind=kind))[0].split("|")[8] == expected


def test_an_error_from_2_5_on_has_its_own_fields():
    unit, authority = KINDS["unit-missing"], KINDS["unknown-authority"]
    assert answered(sent(), Answer(code="AE", errors=(UNIT, AUTHORITY)))[1:] == [
        "MSA|AE|A0005|The unit is empty (OBX[1]-6) and 1 more",
        f"ERR||OBX^1^6|101^Required field missing^HL70357|E|unit-missing^{unit.title}^L||{unit.advice}|{unit.title}.",
        (
            "ERR||PID^1^3|103^Table value not found^HL70357|E|"
            f"unknown-authority^{authority.title}^L||{authority.advice}|{authority.title}."
        ),
        "",
    ]


@pytest.mark.parametrize("version", ["2.1", "2.2", "2.3", "2.3.1", "2.4"])
def test_an_error_before_2_5_has_one_repeating_field(version):
    assert answered(sent(version), Answer(code="AE", errors=(UNIT, AUTHORITY)))[1:] == [
        "MSA|AE|A0005|The unit is empty (OBX[1]-6) and 1 more",
        "ERR|OBX^1^6^101&Required field missing&HL70357~PID^1^3^103&Table value not found&HL70357",
        "",
    ]


@pytest.mark.parametrize("version", ["2.5", "2.6", "2.7", "2.8", "2.8.2", "2.9"])
def test_the_first_field_of_an_error_stays_empty_from_2_5_on(version):
    assert answered(sent(version), BAD)[2].startswith("ERR||OBX^1^6|101^")


def test_an_error_without_a_place_has_an_empty_location():
    whole = Answer(code="AR", errors=(problem("unsupported-message"),))
    assert answered(sent("2.3"), whole)[1:3] == [
        "MSA|AR|A0005|This message type is not read, but it names an asparaginase code",
        "ERR|^^^200&Unsupported message type&HL70357",
    ]
    assert answered(sent(), whole)[2].startswith("ERR|||200^Unsupported message type^HL70357|E|unsupported-message^")


def test_at_most_ten_errors_are_listed():
    many = Answer(code="AE", errors=(UNIT,) * 12)
    assert [line[:3] for line in answered(sent(), many)] == ["MSH", "MSA", *["ERR"] * 10, ""]
    assert answered(sent("2.3"), many)[2].count("~") == 9
    assert answered(sent(), many)[1] == "MSA|AE|A0005|The unit is empty (OBX[1]-6) and 11 more"


def test_a_refusal_without_a_problem_still_says_a_sentence():
    assert answered(sent(), Answer(code="AE"))[1:] == ["MSA|AE|A0005|The message was not accepted.", ""]


def test_custom_delimiters_are_echoed_and_used():
    raw = b"MSH$%~?&$LIS%x$NORTH$TDM$HOSP$2025$$ORU%R01$A%5$P$2.3.1\r"
    costly = Answer(code="AE", errors=(problem("unit-suspect", where="OBX[1]-6", location="OBX^1^6", text="100% $."),))
    assert answered(raw, costly) == [
        "MSH$%~?&$TDM$HOSP$LIS%x$NORTH$20251103101500+0100$$ACK%R01$T25B0C91F3$P$2.3.1",
        "MSA$AE$A%5$100?S? ?F? (OBX[1]-6)",
        "ERR$OBX%1%6%103&Table value not found&HL70357",
        "",
    ]


@pytest.mark.parametrize(
    ("separator", "stamp"),
    [(".", "20251103101500+0100"), ("+", "20251103101500.412"), ("-", "20251103101500.412+0100")],
)
def test_signs_of_a_time_that_are_delimiters_are_left_out_of_it(separator, stamp):
    raw = sent().replace(b"LIS^1.2^ISO", b"LIS").replace(b"2.5.1", b"").replace(b"|", separator.encode())
    message, accepted, *_ = answered(raw, BAD)
    assert message.split(separator)[6] == stamp
    assert accepted.split(separator)[:3] == ["MSA", "AE", "A0005"]


@pytest.mark.parametrize("separator", ["^", "~", "\\", "&"])
def test_a_separator_that_is_also_an_encoding_character_is_not_echoed(separator):
    raw = separator.join(["MSH", "", "LIS", "NORTH", "TDM", "HOSP", "", "", "ORU", "A5", "P", "2.5.1"]).encode()
    assert answered(raw)[0] == "MSH|^~\\&|TDM|HOSP|LIS|NORTH|20251103101500.412+0100||ACK|T25B0C91F3|P|2.5.1"
    assert answered(raw)[1] == "MSA|AA|A5"
    assert answered(raw.replace(b"A5", b"A|5"))[1] == "MSA|AA|A\\F\\5"


def test_a_wide_message_with_a_separator_of_several_bytes_gets_an_answer():
    raw = "MSH\u5c0d^~\\&\u5c0dLAB\r".encode("utf-16-le")
    assert acknowledge(raw, OK, now=NOW, control_id="T1").decode("utf-16-le").startswith("MSH")


def test_a_header_whose_encoding_characters_were_left_out_is_answered_with_the_usual_ones():
    raw = b"MSH|ANALYZER|NORTH|TDM|HOSP|2025|||ORU^R01|A5|P|2.5.1\r"
    assert answered(raw)[0].startswith("MSH|^~\\&|HOSP|2025|NORTH|TDM|")
    assert read_message(raw).delimiters == STANDARD


@given(st.permutations("|^~\\&$%*+-.,:;<=>!@#?/ \"'()[]{}_`"), st.integers(1, 5), st.sampled_from(["2", "newest"]))
def test_whatever_the_delimiters_the_answer_reads_as_one(marks, declared, version):
    separator, encoding = marks[0], "".join(marks[1 : declared + 1])
    fields = [
        "MSH",
        encoding,
        "LIS",
        "NORTH",
        "TDM",
        "HOSP",
        "20250310",
        "",
        "ORU",
        "A5",
        "P",
        version.replace(".", "x"),
    ]
    raw = separator.join(fields).encode() + b"\r"
    answer = read_message(acknowledge(raw, BAD, now=NOW, control_id="T1"))
    assert [answer.get(path) for path in ("MSH-3", "MSH-9", "MSH-10", "MSH-11", "MSA-1", "MSA-2")] == [
        "TDM", "ACK", "T1", "P", "AE", "A5",
    ]  # fmt: skip
    assert answer.get("MSH-7")[:14] == "20251103101500"
    assert [segment.name for segment in answer.segments] == ["MSH", "MSA", "ERR"]


def test_three_encoding_characters_leave_no_room_for_a_table_name():
    assert answered(sent("2.3", encoding="^~\\"), BAD)[2] == "ERR|OBX^1^6^101"


def test_the_character_set_is_echoed_and_used():
    micro = Answer(code="AE", errors=(problem("unit-suspect", text="µU/mL is not accepted."),))
    raw = sent(rest="||||||8859/1")
    answer = acknowledge(raw, micro, now=NOW, control_id="1")
    assert answer.split(b"\r")[0].endswith(b"|2.5.1||||||8859/1")
    assert b"MSA|AE|A0005|\xb5U/mL is not accepted\r" in answer
    undeclared = acknowledge(sent(), micro, now=NOW, control_id="1")
    assert "MSA|AE|A0005|µU/mL is not accepted\r".encode() in undeclared
    ascii_only = acknowledge(sent(rest="||||||ASCII"), micro, now=NOW, control_id="1")
    assert b"MSA|AE|A0005|?U/mL is not accepted\r" in ascii_only


def test_a_text_beyond_ascii_is_told_even_when_nothing_could_be_read():
    micro = Answer(code="AE", errors=(problem("unreadable-message", text="µ."),))
    assert answered(b"hello", micro)[1] == "MSA|AE||µ"


@pytest.mark.parametrize(("size", "shown"), [(69, 69), (70, 69), (300, 69)])
def test_the_sentence_is_cut_before_its_place(size, shown):
    long = Answer(code="AE", errors=(problem("unit-suspect", where="OBX[1]-6", text="x" * size),))
    text = answered(sent(), long)[1].split("|")[3]
    assert (text, len(text) <= 80) == ("x" * shown + " (OBX[1]-6)", True)


def test_the_control_id_is_copied_byte_by_byte():
    raw = b"MSH|^~\\&|||||||ORU^R01| \xff\\X41\\ |P|2.5\r"
    assert acknowledge(raw, OK, now=NOW, control_id="1").split(b"\r")[1] == b"MSA|AA| \xff\\X41\\ "


@pytest.mark.parametrize("raw", [b"", b"hello", b"PID|1\r", b"MSH", b"\x81\xff"])
def test_bytes_without_a_readable_header_get_an_answer_too(raw):
    unreadable = Answer(code="AE", errors=(problem("unreadable-message"),))
    assert answered(raw, unreadable)[:2] == [
        "MSH|^~\\&|||||20251103101500.412+0100||ACK|T25B0C91F3|P|2.5.1",
        "MSA|AE||The message is not HL7 v2",
    ]


def test_a_header_cut_short_is_answered_from_what_is_there():
    assert answered(b"MSH|^~\\&|LIS\r") == [
        "MSH|^~\\&|||LIS||20251103101500.412+0100||ACK|T25B0C91F3||", "MSA|AA|", "",
    ]  # fmt: skip


def test_a_message_in_utf_16_is_answered_in_utf_16():
    answer = acknowledge(sent().decode().encode("utf-16"), OK, now=NOW, control_id="1")
    assert answer.decode("utf-16-le").split("\r")[1:] == ["MSA|AA|A0005", ""]


def test_what_deserves_no_answer_gets_none():
    assert acknowledge(sent(), Answer(code=""), now=NOW, control_id="1") == b""


def test_times_without_a_zone_and_bad_ids_are_our_own_errors():
    with pytest.raises(ValueError, match="MSH-7 needs a zone"):
        acknowledge(sent(), OK, now=NOW.replace(tzinfo=None), control_id="1")
    for control_id in ("", "x" * 21):
        with pytest.raises(ValueError, match="1 to 20 characters"):
            acknowledge(sent(), OK, now=NOW, control_id=control_id)
    assert acknowledge(sent(), OK, now=NOW.astimezone(UTC), control_id="x" * 20).split(b"|")[6] == (
        b"20251103091500.412+0000"
    )


def test_errors_are_printed_with_code_place_problem_and_text():
    assert error_rows(Answer(code="AE", errors=(UNIT, problem("control-id-missing")))) == [
        {"code": "101", "location": "OBX^1^6", "problem": "unit-missing", "text": "The unit is empty."},
        {
            "code": "101",
            "location": None,
            "problem": "control-id-missing",
            "text": "The message has no control id (MSH-10).",
        },
    ]
    assert error_rows(OK) == []


@given(
    st.sampled_from(sorted(KINDS)),
    st.text(max_size=300),
    st.sampled_from(["2.1", "2.3", "2.4", "2.5.1", "2.8.2"]),
    st.integers(1, 12),
)
def test_every_answer_is_read_by_a_third_party_with_our_sentence_in_its_place(code, text, version, count):
    found = problem(code, where="OBX[2]-6", location="OBX^2^6", text=text or None)
    raw = acknowledge(sent(version), Answer(code="AE", errors=(found,) * count), now=NOW, control_id="1")
    theirs, ours = hl7.parse(raw.decode()), read_message(raw)
    assert [str(s[0]) for s in theirs] == [s.name for s in ours.segments]
    assert (str(theirs.segment("MSA")[2]), ours.get("MSA-2")) == ("A0005", "A0005")
    assert 0 < len(ours.first("MSA").field(3)) <= 80
    assert "(OBX[2]-6)" in ours.get("MSA-3")
