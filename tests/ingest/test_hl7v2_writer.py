"""What is written reads back the same, and all that was not touched keeps its bytes."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tricky_messages import KINDS
from wire_bytes import structured

from adapter.ingest.hl7v2 import (
    CannotWriteError,
    Delimiters,
    new_message,
    parse_path,
    read_message,
    split_messages,
    with_null,
    with_segment,
    with_value,
)

HEAD = b"MSH|^~\\&|LAB|NORTH|||20250310||ORU^R01|A1|P|2.5.1\r"
PATHS = st.sampled_from(
    ("PID-3", "PID-3(2).1", "PID-3.4.2", "PID-5.2", "PID-40(3).3.3", "OBX[2]-5", "OBX-5.1.2", "MSH-10", "MSH-30")
)
MARKS = st.sampled_from(
    (Delimiters(), Delimiters(truncation="#"), Delimiters(field="$", component="%", escape="?", subcomponent="@"))
)


def edited(raw: bytes, path: str, text: str | None) -> bytes:
    return with_value(read_message(raw), path, text).encode()


@pytest.mark.parametrize(
    ("line", "path", "text", "expected"),
    [
        (b"PID|1||4711^^^H^MR", "PID-3.1", "4712", b"PID|1||4712^^^H^MR"),
        (b"PID|1||4711^^^H&x^MR~12", "PID-3.4", "K", b"PID|1||4711^^^K&x^MR~12"),
        (b"PID|1||4711^^^H&x^MR~12", "PID-3.4.2", "y", b"PID|1||4711^^^H&y^MR~12"),
        (b"PID|1||4711^^^H^MR~12", "PID-3(2).1", "13", b"PID|1||4711^^^H^MR~13"),
        (b"PID|1||4711", "PID-3(3).2", "z", b"PID|1||4711~~^z"),
        (b"PID|1||4711", "PID-6.2.2", "z", b"PID|1||4711|||^&z"),
        (b"PID|1||4711", "PID-3", None, b"PID|1||"),
        (b"PID|1||4711", "PID-3", "", b"PID|1||"),
        (b"PID|1||4711", "PID-5", "a|b^c&d~e\\f\r\n", b"PID|1||4711||a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f\\X0D\\\\X0A\\"),
        (b"PID|1||4711", "PID-5", '""', b'PID|1||4711||\\X22\\"'),
        (b"PID|1||47 11 ", "PID-1", "2", b"PID|2||47 11 "),
        (b"PID", "PID-1", "2", b"PID|2"),
    ],
)
def test_one_place_is_written_and_the_rest_of_the_line_stays(line, path, text, expected):
    before, after = HEAD + b"\n\nZAP|x\\Zq\\\r", b"\r\r\nstray |^~\\&\rOBX|1|ST|X||\\.br\\ \r\x1c"
    assert edited(before + line + after, path, text) == before + expected + after


def test_the_explicit_null_is_written_as_such():
    written = with_null(read_message(HEAD + b"PID|1||4711\r"), "PID-3")
    assert written.encode() == HEAD + b'PID|1||""\r'
    assert written.first("PID").is_null(3)


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_a_line_end_is_written_in_the_bytes_of_a_wide_set(codec):
    raw = (HEAD + b"PID|1\r").decode().encode(codec)
    written = with_value(read_message(raw), "PID-5", "a\r\nb|\u4e2d")
    assert read_message(written.encode()).get("PID-5") == "a\r\nb|\u4e2d"
    assert (
        written.encode()
        .decode(codec)
        .endswith("\\X0D00\\\\X0A00\\b\\F\\\u4e2d\r" if codec == "utf-16-le" else "\\X000D\\\\X000A\\b\\F\\\u4e2d\r")
    )


def test_where_the_quotation_mark_is_a_delimiter_there_is_no_null():
    with pytest.raises(CannotWriteError, match="quotation mark"):
        with_null(read_message(HEAD.replace(b"&", b'"') + b"PID|1||4711\r"), "PID-3")


def test_a_message_is_built_from_nothing():
    message = new_message()
    for path, text in (
        ("MSH-3", "LAB"),
        ("MSH-9.1", "ORU"),
        ("MSH-9.2", "R01"),
        ("MSH-10", "A|1"),
        ("MSH-12", "2.5.1"),
    ):
        message = with_value(message, path, text)
    message = with_segment(message, "OBX")
    message = with_value(message, "OBX-5", "Müller")
    message = with_value(with_segment(message, "PID", before=1), "PID-3", "4711")
    assert (
        message.encode()
        == ("MSH|^~\\&|LAB||||||ORU^R01|A\\F\\1||2.5.1||||||UNICODE UTF-8\rPID|||4711\rOBX|||||Müller\r").encode()
    )
    assert message.problems == ()


def test_a_message_is_built_with_delimiters_and_a_set_of_its_own():
    made = new_message("8859/1", Delimiters(field="$", component="%", escape="?", subcomponent="@", truncation="#"))
    made = with_value(with_value(made, "MSH-3.2", "a%b#c"), "MSH-4", "Gefäß")
    assert made.encode() == "MSH$%~?@#$%a?S?b?P?c$Gefäß$$$$$$$$$$$$$$8859/1\r".encode("iso-8859-1")


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_a_new_segment_ends_as_the_header_does(end, last):
    raw = f"MSH|^~\\&|A{end}PID|1{end if last else ''}".encode()
    assert with_segment(read_message(raw), "OBX").encode() == raw.removesuffix(end.encode()) + f"{end}OBX".encode() + (
        end.encode() if last else b""
    )
    assert with_segment(read_message(raw), "ZAP", before=1).encode() == raw.replace(b"PID", f"ZAP{end}PID".encode())


@pytest.mark.parametrize(
    ("raw", "path", "text", "why"),
    [
        pytest.param(HEAD, "PID-3", "x", r"has no PID\[1\]", id="no segment"),
        pytest.param(HEAD, "MSH-2", "x", "declares the delimiters", id="delimiters"),
        pytest.param(HEAD, "MSH-1", "x", "declares the delimiters", id="separator"),
        pytest.param(HEAD, "MSH-0", "x", "counted from 1", id="field 0"),
        pytest.param(HEAD, "MSH-3(0)", "x", "counted from 1", id="repetition 0"),
        pytest.param(HEAD, "MSH-1001", "x", "nothing beyond 1000", id="too far"),
        pytest.param(HEAD.replace(b"^~\\&", b"^~"), "MSH-3", "a|b", "cannot carry", id="no escape character"),
        pytest.param(HEAD.replace(b"^~\\&", b"^~"), "MSH-3", '""', "cannot carry", id="null without an escape"),
        pytest.param(
            HEAD.replace(b"^~\\&", b"^~\\"), "MSH-3.1.2", "x", "no sub-component separator", id="no sub-components"
        ),
        pytest.param(HEAD.replace(b"^~\\&", b"^"), "MSH-3(2)", "x", "no repetition separator", id="no repetitions"),
        pytest.param(HEAD.replace(b"LAB", b"L\xe4B"), "MSH-4", "\u4e2d", "lacks a character", id="not in the set"),
        pytest.param(HEAD, "MSH-4", "\ud800", "lacks a character", id="in no set"),
        pytest.param(HEAD.replace(b"LAB", b"L\xe4B"), "MSH-3", "Ã¤", "another character set", id="would read as UTF-8"),
    ],
)
def test_what_cannot_be_written_is_refused_with_the_reason_and_no_content(raw, path, text, why):
    with pytest.raises(CannotWriteError, match=why) as refused:
        edited(raw, path, text)
    assert text == "x" or text not in str(refused.value)


@pytest.mark.parametrize("path", ["", "PID", "PID-x", "pid-3"])
def test_a_path_that_is_none_is_refused(path):
    with pytest.raises(ValueError, match="not a path"):
        edited(HEAD, path, "x")


@pytest.mark.parametrize(
    ("name", "before"), [("obx", None), ("OBXX", None), ("O|X", None), ("", None), ("OBX", 0), ("OBX", 7)]
)
def test_a_segment_that_is_none_is_refused(name, before):
    with pytest.raises(CannotWriteError, match="segment"):
        with_segment(read_message(HEAD), name, before=before)


def test_an_unknown_character_set_is_refused():
    with pytest.raises(CannotWriteError, match="table 0211"):
        new_message("EBCDIC")


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=60), PATHS, MARKS)
def test_whatever_text_is_written_reads_back_equal_and_nothing_else_changes(text, path, marks):
    message = new_message(delimiters=marks)
    for name in ("PID", "OBX", "OBX", "NTE"):
        message = with_segment(message, name)
    message = with_value(with_value(message, "PID-3.2", "kept"), "NTE-3", "kept too")
    written = with_value(message, path, text)
    again = read_message(written.encode())
    assert (again.get(path), again.get("PID-3.2"), again.get("NTE-3")) == (text, "kept", "kept too")
    assert again.problems == ()
    assert [segment.name for segment in again.segments] == ["MSH", "PID", "OBX", "OBX", "NTE"]
    assert with_value(written, path, text).encode() == written.encode()


@given(structured(), st.text(max_size=20), st.integers(0, 9), st.integers(3, 12), st.integers(1, 3), st.integers(1, 3))
def test_an_edit_of_any_message_succeeds_whole_or_is_refused(raw, text, which, field, repetition, component):
    message = read_message(raw)
    named = [segment for segment in message.segments if segment.name]
    segment = named[which % len(named)]
    path = f"{segment.name}[{segment.occurrence}]-{field}({repetition}).{component}"
    try:
        written = with_value(message, path, text)
    except CannotWriteError:
        return
    assert written.get(path) == (text or None)
    start, end = segment.span(parse_path(path).field)
    assert written.text.startswith(message.text[:start])
    assert written.text.endswith(message.text[end:])
    assert read_message(written.encode()).text == written.text


@given(st.sampled_from(KINDS), st.text('abc äß|^~\\&"\r', min_size=1, max_size=12))
def test_every_tricky_kind_can_be_edited(tricky, text):
    assume(tricky.name != "three-encoding-characters" or "&" not in text)
    message = read_message(split_messages(tricky.raw)[-1])
    written = with_value(message, "OBR-3", text)
    assert written.get("OBR-3") == text
    unchanged = {path: written.get(path) for path in tricky.places}
    assert unchanged == tricky.places
