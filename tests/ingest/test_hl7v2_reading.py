"""The 29 kinds of tricky message: what goes in can be read, and comes out byte for byte."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.problems import problem
from adapter.ingest.hl7v2 import NotHl7, read_message

HEAD = "MSH|^~\\&|LAB|NORTH|TDM|HOSP|20250310113000+0100||ORU^R01^ORU_R01|A0005|P|2.5.1"
FALLBACK = (problem("charset-fallback", where="MSH[1]-18", location="MSH^1^18"),)


def oru(*lines: str, head: str = HEAD, end: str = "\r") -> bytes:
    return (end.join((head, "PID|1||4711^^^HOSP^MR", "OBR|1||F1|PANEL", *lines)) + end).encode()


def declared(charset: str) -> str:
    return f"{HEAD}||||||{charset}"


@pytest.mark.parametrize(
    ("line", "path", "expected"),
    [
        pytest.param(r"OBX|1|ST|X||a\F\b\S\c\T\d\R\e\E\f", "OBX-5", r"a|b^c&d~e\f", id="delimiter escapes"),
        pytest.param(r"OBX|1|FT|X||line 1\X0D\line 2", "OBX-5", "line 1\rline 2", id="hexadecimal escape"),
        pytest.param(r"OBX|1|FT|X||line 1\.br\line 2", "OBX-5", "line 1\nline 2", id="line break"),
        pytest.param(r"OBX|1|ST|X||M\XC3BC\ller", "OBX-5", "Müller", id="multi-byte hexadecimal"),
        pytest.param(r"OBX|1|ST|X||M\XC3\\XBC\ller", "OBX-5", "Müller", id="multi-byte over two sequences"),
        pytest.param(r"OBX|1|ST|X||50% \ 10", "OBX-5", r"50% \ 10", id="lone escape character"),
        pytest.param(r"OBX|1|ST|X||a \ b \F\ c", "OBX-5", r"a \ b | c", id="lone escape before a real one"),
        pytest.param(r"OBX|1|ST|X||a\Zab\b\Q\c", "OBX-5", r"a\Zab\b\Q\c", id="unknown escapes"),
        pytest.param(r"OBX|1|ST|X||\H\high\N\ \F", "OBX-5", r"high \F", id="highlighting and unterminated"),
        pytest.param("OBX|1|SN|X||<^0.03", "OBX-5.2", "0.03", id="structured number"),
        pytest.param("OBX|1|NM|X||<0.01", "OBX-5", "<0.01", id="sign in a number"),
        pytest.param("OBX|1|CE|X^a&b^L", "OBX-3.2.3", None, id="absent sub-component"),
        pytest.param("OBX|1|CE|X^a&b&c^L", "OBX-3(1).2.3", "c", id="sub-component"),
        pytest.param("OBX|1|CE|X^Text^L^1-8^Name^LN", "OBX-3.4", "1-8", id="second coding of a CE"),
        pytest.param("OBX|1|ST|X||a~~c", "OBX-5(3)", "c", id="repetition after an empty one"),
        pytest.param("OBX|1|ST|X||a~~c", "OBX-5(2)", None, id="empty repetition"),
        pytest.param("OBX|1|ST|X||a||||||||||||||||||||||||||z", "OBX-31", "z", id="field beyond the standard"),
        pytest.param("OBX|1|ST|X||a||||||", "OBX-6", None, id="trailing delimiters"),
        pytest.param("OBX|1|ST|X^^^||a^^^&&~~", "OBX-5", "a", id="trailing delimiters of every level"),
    ],
)
def test_a_tricky_field_reads_as_meant(line, path, expected):
    raw = oru(line)
    message = read_message(raw)
    assert message.get(path) == expected
    assert message.encode() == raw
    assert message.problems == ()


def test_the_explicit_null_has_no_value_and_is_known():
    obx = read_message(oru('OBX|1|NM|X||""|IU/mL')).first("OBX")
    assert (obx.value(5), obx.is_null(5), obx.field(5)) == (None, True, '""')
    assert (obx.value(6), obx.is_null(6), obx.is_null(4), obx.is_null(99)) == ("IU/mL", False, False, False)


@pytest.mark.parametrize(
    ("encoding", "line", "expected"),
    [
        pytest.param("^~\\", "OBX|1|ST|X^a&b||50\\T\\", ("a&b", r"50&"), id="three encoding characters"),
        pytest.param("^~\\&", "OBX|1|ST|X^a&b||50\\T\\", ("a", r"50&"), id="four"),
        pytest.param("^~\\&#", "OBX|1|ST|X^a&b||50\\P\\", ("a", "50#"), id="five"),
        pytest.param("^~", "OBX|1|ST|X^a&b||50\\T\\", ("a&b", "50\\T\\"), id="two"),
        pytest.param("", "OBX|1|ST|X^a&b||50\\T\\", ("a", "50&"), id="none"),
        pytest.param("ABC", "OBX|1|ST|X^a&b||50\\T\\", ("a", "50&"), id="letters, which are none"),
    ],
)
def test_encoding_characters_count_as_declared(encoding, line, expected):
    raw = oru(line, head=HEAD.replace("^~\\&", encoding, 1))
    message = read_message(raw)
    assert (message.get("OBX-3.2"), message.get("OBX-5"), message.get("MSH-10")) == (*expected, "A0005")
    assert (message.get("MSH-1"), message.get("MSH-2")) == ("|", encoding or None)
    assert message.encode() == raw


def test_custom_delimiters_and_their_escapes_are_read():
    raw = b"MSH$%~?&$LAB$NORTH%x$$$2025$$ORU%R01$A1$P$2.5\rOBX$1$ST$X%name$$a?S?b?F?c^d|e\r"
    message = read_message(raw)
    assert [message.get(p) for p in ("MSH-1", "MSH-2", "MSH-4.2", "OBX-3.2", "OBX-5")] == [
        "$", "%~?&", "x", "name", "a%b$c^d|e",
    ]  # fmt: skip
    assert message.encode() == raw


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_any_line_end_separates_segments(end):
    raw = oru("OBX|1|NM|X||0.42", "NTE|1||note", end=end)
    message = read_message(raw)
    assert [segment.name for segment in message.segments] == ["MSH", "PID", "OBR", "OBX", "NTE"]
    assert (message.get("OBX-5"), message.get("NTE-3"), message.encode()) == ("0.42", "note", raw)


def test_mixed_line_ends_blank_lines_and_blanks_are_tolerated():
    raw = f"{HEAD}\r\n\r\nPID|1||4711  \n \r OBX|1|NM|X||0.42\r\r\n".encode()
    message = read_message(raw)
    assert [(s.name, s.index, s.occurrence) for s in message.segments] == [("MSH", 0, 1), ("PID", 1, 1), ("OBX", 2, 1)]
    assert (message.get("OBX-5"), message.encode()) == ("0.42", raw)


@pytest.mark.parametrize(
    ("before", "after"), [(b"\xef\xbb\xbf", b""), (b"\x0b", b"\x1c\r"), (b"\x0b", b"\x1c"), (b"\r\n", b"\x00")]
)
def test_marks_and_framing_left_on_do_not_disturb(before, after):
    raw = before + oru("OBX|1|NM|X||0.42|IU/mL").rstrip(b"\r") + after
    message = read_message(raw)
    assert message.get("MSH-10") == "A0005"
    assert message.get("OBX-5") == "0.42"
    assert message.get("OBX-6") == ("IU/mL" if not after.startswith(b"\x00") else "IU/mL\x00")
    assert message.encode() == raw


@pytest.mark.parametrize(
    ("spelling", "codec"),
    [
        ("8859/1", "iso-8859-1"),
        ("ISO8859-1", "iso-8859-1"),
        ("WE8ISO8859P1", "iso-8859-1"),
        ("8859/15", "iso-8859-15"),
        ("CP1252", "windows-1252"),
        ("UNICODE UTF-8", "utf-8"),
        ("UTF8", "utf-8"),
        ("UTF-8", "utf-8"),
        ("UNICODE", "utf-8"),
        ("GB 18030-2000", "gb18030"),
        ("UNICODE UTF-8~8859/1", "utf-8"),
    ],
)
def test_declared_character_sets_are_used(spelling, codec):
    raw = oru("OBX|1|ST|X||Müller", head=declared(spelling)).decode().encode(codec)
    message = read_message(raw)
    assert (message.get("OBX-5"), message.charset, message.problems, message.encode()) == ("Müller", codec, (), raw)


@pytest.mark.parametrize(
    ("head", "codec", "default", "used", "problems"),
    [
        pytest.param(HEAD, "utf-8", None, "utf-8", (), id="undeclared UTF-8"),
        pytest.param(HEAD, "windows-1252", None, "windows-1252", FALLBACK, id="undeclared Latin"),
        pytest.param(HEAD, "iso-8859-1", "8859/1", "iso-8859-1", (), id="the listener's set"),
        pytest.param(declared("NONSENSE"), "utf-8", None, "utf-8", FALLBACK, id="unknown set, UTF-8"),
        pytest.param(
            declared("NONSENSE"), "iso-8859-1", "8859/1", "iso-8859-1", FALLBACK, id="unknown set, listener's"
        ),
        pytest.param(declared("ASCII"), "utf-8", None, "utf-8", FALLBACK, id="declared ASCII, sent UTF-8"),
        pytest.param(declared("UNICODE UTF-8"), "iso-8859-1", "8859/1", "iso-8859-1", FALLBACK, id="declared UTF-8"),
        pytest.param(declared("UNICODE UTF-16"), "utf-8", None, "utf-8", FALLBACK, id="declared UTF-16, sent UTF-8"),
    ],
)
def test_a_set_that_is_missing_or_wrong_falls_back_and_says_so(head, codec, default, used, problems):
    raw = oru("OBX|1|ST|X||Müller", head=head).decode().encode(codec)
    message = read_message(raw, default)
    assert (message.get("OBX-5"), message.charset, message.problems, message.encode()) == (
        "Müller",
        used,
        problems,
        raw,
    )


def test_bytes_that_no_set_knows_are_still_given_back():
    raw = oru("OBX|1|ST|X||") + b"NTE|1||\x81\x8d\xfc\r"
    message = read_message(raw)
    assert (message.charset, message.encode(), message.get("NTE-3")) == ("iso-8859-1", raw, "\x81\x8dü")


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_recognised_by_its_bytes(codec):
    raw = oru("OBX|1|ST|X||Müller").decode().encode(codec)
    message = read_message(raw)
    assert (message.get("MSH-10"), message.get("OBX-5"), message.encode()) == ("A0005", "Müller", raw)


@pytest.mark.parametrize("version", ["2.9", "2.7.1", "", "2.5.1^USA^2.5.1&x"])
def test_unknown_versions_are_read_alike(version):
    raw = oru("OBX|1|NM|X||0.42", head=HEAD.replace("2.5.1", version))
    message = read_message(raw)
    assert (message.get("MSH-12"), message.get("OBX-5")) == (version.partition("^")[0] or None, "0.42")
    assert message.encode() == raw


def test_z_segments_unknown_segments_and_stray_lines_keep_their_place():
    raw = oru("ZAP|1|x", "QQQ|7", "OBX|1|TX|X||first line", "second line of it", "OBX|2|NM|Y||1")
    message = read_message(raw)
    names = ["MSH", "PID", "OBR", "ZAP", "QQQ", "OBX", "", "OBX"]
    assert [segment.name for segment in message.segments] == names
    assert [s.value(3) for s in message.named("OBX")] == ["X", "Y"]
    assert (message.get("ZAP-2"), message.get("OBX[2]-5"), message.segments[6].text) == ("x", "1", "second line of it")
    assert message.encode() == raw


def test_an_embedded_document_is_read_whole():
    document = base64.b64encode(bytes(range(256)) * 24).decode()
    raw = oru(f"OBX|1|ED|PDF||LAB^Application^PDF^Base64^{document}")
    assert read_message(raw).get("OBX-5.5") == document


def test_header_fields_are_numbered_as_the_standard_does():
    message = read_message(oru("OBX|1|NM|X||1"))
    msh = message.first("MSH")
    assert [msh.field(n) for n in (0, 1, 2, 3, 9)] == ["MSH", "|", "^~\\&", "LAB", "ORU^R01^ORU_R01"]
    assert (msh.repetitions(2), msh.value(2), msh.value(2, subcomponent=2)) == (["^~\\&"], "^~\\&", None)
    assert (message.get("MSH-9.2"), message.get("MSH-9.4"), message.get("EVN-1")) == ("R01", None, None)


def test_every_span_holds_its_field():
    message = read_message(oru("OBX|1|NM|X^Y||0.42|IU/mL"))
    for segment in message.segments:
        for n in range(segment.field_count() + 1):
            start, end = segment.span(n)
            assert message.text[start:end] == segment.field(n)
    obx = message.first("OBX")
    assert obx.span(40) == (obx.start + len(obx.text),) * 2


@pytest.mark.parametrize(
    "raw", [b"", b"hello", b"PID|1\rOBX|1\r", b"MSHX|^~\\&|", b"\x0b\x04\x1c\r", b"\xff\xfe\x00", "{}".encode("utf-16")]
)
def test_bytes_without_a_header_are_no_message(raw):
    with pytest.raises(NotHl7, match="no MSH segment"):
        read_message(raw)


@pytest.mark.parametrize("raw", [b"MSH", b"MSH\r", b"MSH|", b"MSH|\r", b"MSH||", b"MSH|^~\\&", b"MSH^~\r"])
def test_a_header_alone_is_a_message(raw):
    message = read_message(raw)
    assert ([s.name for s in message.segments], message.get("MSH-10"), message.encode()) == (["MSH"], None, raw)


@pytest.mark.parametrize("path", ["", "MSH", "MSH-", "msh-1", "PID-3(x)", "PID-3.1.2.3", "PID.3"])
def test_a_path_that_is_none_is_refused(path):
    with pytest.raises(ValueError, match="not a path"):
        read_message(b"MSH|").get(path)


def test_nothing_of_a_patient_is_shown_by_repr():
    message = read_message(oru("OBX|1|NM|X||0.42"))
    assert repr(message) == "Message(segments=4, charset='utf-8')"
    assert repr(message.segments[1]) == "Segment('PID', index=1)"


@given(st.binary(max_size=200), st.sampled_from([None, "8859/1", "UTF-8", "ISO IR87", "nonsense"]))
def test_any_bytes_behind_a_header_come_back_unchanged(tail, default):
    raw = b"MSH|^~\\&|A|B" + tail
    message = read_message(raw, default)
    assert message.encode() == raw
    for segment in message.segments:
        for n in range(segment.field_count() + 1):
            start, end = segment.span(n)
            assert message.text[start:end] == segment.field(n)
            segment.value(n)
            segment.components(n)


@given(st.sampled_from(["utf-8", "iso-8859-1", "gb18030", "shift_jis"]), st.text(max_size=60))
def test_a_text_message_round_trips_in_every_declared_set(codec, text):
    name = {"utf-8": "UNICODE UTF-8", "iso-8859-1": "8859/1", "gb18030": "GB 18030-2000", "shift_jis": "ISO IR14"}
    raw = oru(f"OBX|1|ST|X||{text}", head=declared(name[codec])).decode(errors="replace").encode(codec, "replace")
    assert read_message(raw).encode() == raw
