from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.ingest.hl7v2 import STANDARD, Delimiters, escape, unescape

CUSTOM = Delimiters(field="$", component="%", repetition="~", escape="?", subcomponent="&", truncation="#")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\.sp3\x", "\n\n\nx"),
        (r"\.sp\x", "\nx"),
        (r"a\.sk2\b", "a  b"),
        (r"a\.ce\b", "a\nb"),
        (r"\.in+4\\.ti-2\\.fi\\.nf\x", "x"),
        (r"\.xx\x", r"\.xx\x"),
        (r"\.sk9999\x", " " * 80 + "x"),
        (r"\.sk99999\x", r"\.sk99999\x"),
        (r"\X4\ \X\ \XGG\ ", r"\X4\ \X\ \XGG\ "),
        (r"\XFF\x", r"\XFF\x"),
        (r"\E\F\E", r"\F\E"),
        (r"a\.SP2\b\.BR\c", "a\n\nb\nc"),
        (r"\C2842\x", "x"),
        ("\\M2442\\;3ED\\C2842\\ Yamada", "山田 Yamada"),
        ("\\M242843\\0! ", "\\M242843\\0! "),
        ("\\M2442\\;\\F\\", "\\M2442\\;|"),
        (r"\C2D41\x\F\y", r"\C2D41\x|y"),
        (r"\M2442\é", r"\M2442\é"),
        (r"\C284\x", r"\C284\x"),
        ("\\E\\C2842\\E\\", "\\C2842\\"),
        ("\\", "\\"),
        ("", ""),
    ],
)
def test_formatting_and_odd_sequences_resolve_or_stay(text, expected):
    assert unescape(text, STANDARD) == expected


def test_hexadecimal_bytes_are_of_the_messages_character_set():
    assert unescape(r"M\XFC\ller", STANDARD, "iso-8859-1") == "Müller"
    assert unescape(r"M\XFC\ller", STANDARD, "utf-8") == r"M\XFC\ller"
    assert unescape("\\X82\\\\XA0\\", STANDARD, "shift_jis") == "あ"


def test_written_text_holds_no_delimiter_and_no_line_end():
    assert escape("a|b^c&d~e\\f#\r\n\x0b\x1c", STANDARD) == (r"a\F\b\S\c\T\d\R\e\E\f#\X0D\\X0A\\X0B\\X1C" + "\\")
    assert escape("$%~?&#|^", CUSTOM) == "?F??S??R??E??T??P?|^"


def test_without_an_escape_character_delimiters_become_blanks():
    bare = Delimiters(escape="", subcomponent="")
    assert escape("a|b^c&d\\e\r", bare) == "a b c&d\\e "
    assert unescape(r"a\F\b", bare) == r"a\F\b"


@given(
    st.text(max_size=80), st.sampled_from([STANDARD, CUSTOM, Delimiters(truncation="#"), Delimiters(subcomponent="")])
)
def test_what_is_written_reads_back_the_same(text, delimiters):
    written = escape(text, delimiters)
    assert unescape(written, delimiters) == text
    for mark in (delimiters.field, delimiters.component, delimiters.repetition, "\r", "\n", "\x0b", "\x1c"):
        assert mark not in written


@given(st.text(alphabet="\\FSTREHNX0D.brsp9 é", max_size=60))
def test_any_text_can_be_read(text):
    resolved = unescape(text, STANDARD)
    assert resolved.count("é") == text.count("é")
