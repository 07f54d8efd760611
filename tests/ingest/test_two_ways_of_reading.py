"""Where a quick way of reading stands beside a plain one, both say the same of every text."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from adapter.ingest.coded_fields import LONGEST_REMEMBERED, FieldMemory
from adapter.ingest.hl7v2 import NULL, read_message, unescape
from adapter.ingest.hl7v2.header import envelope_of, headed, peek
from adapter.ingest.hl7v2.message import _lines, _lines_with_care
from adapter.ingest.scopes import walk
from adapter.ingest.v2_fields import compile_field
from adapter.knowledge.spec import FieldSpec

signs = st.text(alphabet='A1 ^&~"\\SE\u00e9', max_size=12) | st.sampled_from(
    ['""', '""^""', "a^", '""&x', "\\S\\", " ^& "]
)
encodings = st.sampled_from(["^~\\&", "^~\\&#", "^", "^~", "^~\\"])
charsets = st.sampled_from(["", "UNICODE UTF-8", "8859/1", "ASCII", "ISO IR87", "KS X 1001", "UNICODE", "none"])
paths = (
    "OBX-5",
    "OBX-5.1",
    "OBX-5.2",
    "OBX-5.1.2",
    "OBX-5(2)",
    "OBX-5(2).1",
    "OBX-5(*)",
    "OBX-5(1=A).2",
    "NTE-3(*)",
    "ZZZ-1",
)


def message(encoding: str, charset: str, fields: list[str]) -> bytes:
    head = f"MSH|{encoding}|LAB|HOSP|||20250310||ORU^R01|1|P|2.5" + f"||||||{charset}"
    rows = "".join(f"\rOBX|1|ST|C||{field}\rNTE|1||{field}" for field in fields)
    return (head + "\rPID|1\rOBR|1" + rows + "\r").encode()


def stated(segment, number, repetition, component):
    return segment.value(number, repetition, component) or ""


@given(encodings, signs, st.integers(1, 3))
def test_the_parts_of_a_field_are_its_components_one_by_one(encoding, field, repetition):
    segment = read_message(message(encoding, "", [field])).named("OBX")[0]
    parts = segment.parts(5, repetition)
    wanted = [stated(segment, 5, repetition, component) for component in range(1, len(parts) + 3)]
    assert [*parts, "", ""] == wanted


@given(encodings, signs, st.integers(1, 3))
def test_a_whole_repetition_is_its_text_without_what_is_left_empty(encoding, field, repetition):
    segment = read_message(message(encoding, "", [field])).named("OBX")[0]
    sent = segment.repetition(5, repetition) or ""
    ends = segment.delimiters.component + segment.delimiters.subcomponent + " "
    bare = sent if sent[-1:].isalnum() else sent.rstrip(ends)
    wanted = "" if bare.strip() == NULL else unescape(bare, segment.delimiters, segment.codec).strip()
    assert segment.whole(5, repetition) == wanted


def test_the_declaration_of_the_header_has_one_part():
    header = read_message(b"MSH|^~\\&|LAB^1|HOSP\r").segments[0]
    assert (header.parts(2), header.parts(1), header.parts(3)) == (["^~\\&"], ["|"], ["LAB", "1"])
    assert read_message(b'MSH|""|LAB|HOSP\r').segments[0].parts(2) == [""]


@given(encodings, st.lists(signs, min_size=1, max_size=3), st.sampled_from(paths))
def test_texts_are_those_of_the_places(encoding, fields, path):
    field = compile_field(FieldSpec(name="x", paths=(path, "OBX-3"), join="lines"))
    for scope in walk(read_message(message(encoding, "", fields)), "LAB|HOSP", "OBX").scopes:
        found = list(field.all(scope))
        assert list(field.all_texts(scope)) == [place.text for place in found]
        first = field.first(scope)
        assert field.filled(scope) == ((first.segment, first.field) if first else None)
        assert field.first_text(scope) == (first.text if first else "")
        of_first = [place.text for place in found if place.path == found[0].path]
        assert field.text(scope) == "\n".join(of_first)


@given(encodings, charsets, signs, st.sampled_from([b"", b"\x0b", b"\r", b"\xef\xbb\xbf", b" "]))
def test_a_usual_header_is_read_as_any_other(encoding, charset, field, before):
    """What lies before a header makes it unusual, and changes nothing of how the message is read."""
    raw = message(encoding, charset, [field])
    # A byte order mark says itself how the letters are to be read, whatever the header declares.
    assume(before != b"\xef\xbb\xbf" or raw.isascii())
    usual, other = read_message(raw), read_message(before + raw)
    assert (usual.delimiters, [s.text for s in usual.segments]) == (other.delimiters, [s.text for s in other.segments])
    assert before == b"\xef\xbb\xbf" or (usual.charset, usual.problems) == (other.charset, other.problems)


@given(encodings, charsets, signs)
def test_a_header_apart_says_what_the_whole_header_says(encoding, charset, control_id):
    raw = message(encoding, charset, []).replace(b"|1|P|", f"|{control_id}|P|".encode())
    header, envelope, sent, own = headed(raw)
    whole = peek(raw)
    assert (sent, own) == (whole.sent, whole.control_id)
    assert envelope == envelope_of(raw)
    assert (header.sender, header.message_type, header.charset) == (whole.sender, whole.message_type, whole.charset)


@pytest.mark.parametrize("length", [1, LONGEST_REMEMBERED, LONGEST_REMEMBERED + 1])
def test_a_field_is_remembered_up_to_a_length_and_read_alike(length):
    asked = []

    def work(segment, number, sender):
        asked.append(sender)
        return segment.field(number), segment.delimiters, sender

    memory = FieldMemory(work)
    segment = read_message(message("^~\\&", "", ["x" * length])).named("OBX")[0]
    answers = {memory.read(segment, 5, sender) for sender in ("A", "A", "B")}
    assert answers == {("x" * length, segment.delimiters, sender) for sender in ("A", "B")}
    assert len(asked) == (2 if length <= LONGEST_REMEMBERED else 3)


@given(
    st.lists(
        st.sampled_from(["\r", "\n", " ", "\t", "\x0b", "\x1c", "\ufeff", "OBX|1", "A", "\u00e9", "\u2028", "MSH|"]),
        max_size=12,
    )
)
def test_lines_are_found_quickly_as_with_care(parts):
    text = "".join(parts)
    assert _lines(text) == _lines_with_care(text)
