"""Bytes as senders and accidents make them: structured messages, broken ones, and shapes chosen to be expensive."""

from __future__ import annotations

from hypothesis import strategies as st
from tricky_messages import KINDS

TOKENS = (
    *(
        b"\r",
        b"\n",
        b"\r\n",
        b"\x0b",
        b"\x1c",
        b"\x1c\r",
        b"\x0b\x0b",
        b" ",
        b"\t",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\x00",
    ),
    *(b"|", b"^", b"~", b"\\", b"&", b"#", b'""', b"\\F\\", b"\\X0D\\", b"\\XC3\\", b"\\.br\\", b"\\.sp9\\", b"\\E\\"),
    *(
        b"\\C2842\\",
        b"\\M2442\\",
        b"\\M242843\\",
        b"MSH",
        b"MSH|^~\\&|",
        b"MSH$%~?&",
        b"FHS|",
        b"BHS|^~\\&\r",
        b"BTS|2\r",
    ),
    *(b"OBX|1|NM|ASPACT||0.4|IU/mL|||||F\r", b"OBR|1||F1|ASPACT\r", b"PID|1||4711^^^H^MR\r", b"ZAP|1\r", b"SPM|1\r"),
    *(
        b"8859/1",
        b"UNICODE UTF-8",
        b"UNICODE UTF-16",
        b"ISO IR87",
        b"\xe4",
        b"\xc3\xa4",
        b"\x1b$B",
        b"2.9",
        b"20250310",
    ),
)

SEEDS = tuple(tricky.raw for tricky in KINDS if len(tricky.raw) < 2_000)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A tricky message with pieces cut out, doubled, put elsewhere or thrown in."""
    raw = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(raw)))
        end = min(len(raw), start + draw(st.integers(0, 40)))
        piece = draw(st.one_of(st.sampled_from(TOKENS), st.binary(max_size=6), st.just(raw[start:end] * 2)))
        raw = raw[:start] + piece + raw[end:]
    return raw


ANYTHING = st.one_of(mutated(), st.binary(max_size=300), st.lists(st.sampled_from(TOKENS), max_size=40).map(b"".join))

_FIELD_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\x0b\x1c|^~\\&\ufeff"), max_size=12)


@st.composite
def plain_messages(draw: st.DrawFn) -> str:
    """A message every library can read: standard delimiters, carriage returns, no escapes, no stray lines."""
    word = st.text("abcXYZ0123456789 .<>-/", min_size=1, max_size=8).map(lambda text: f"a{text.strip()}")
    component = st.lists(word, min_size=1, max_size=3).map("&".join)
    repetition = st.lists(component, min_size=1, max_size=4).map("^".join)
    field = st.one_of(st.just(""), st.lists(repetition, min_size=1, max_size=3).map("~".join))
    lines = ["MSH|^~\\&|A|B|C|D|20250310||ORU^R01^ORU_R01|1|P|2.5.1", f"PID|1||{draw(repetition)}", "OBR|1||F1|P"]
    names = draw(st.lists(st.sampled_from(("OBX", "NTE", "ZAP")), max_size=5))
    lines += ["|".join((name, *draw(st.lists(field, min_size=1, max_size=8)))) for name in names]
    return "\r".join(lines) + "\r"


@st.composite
def structured(draw: st.DrawFn) -> bytes:
    """A message of any delimiters, line ends, character set and field texts."""
    marks = draw(st.sampled_from(("^~\\&", "^~\\", "^~\\&#", "%*?@", "^~", "^", "")))
    mark = draw(st.sampled_from(("|", "$", "!")))
    end = draw(st.sampled_from(("\r", "\n", "\r\n", "\r\r", "\n \r")))
    charset, codec = draw(
        st.sampled_from(
            (("UNICODE UTF-8", "utf-8"), ("8859/1", "iso-8859-1"), ("", "utf-8"), ("GB 18030-2000", "gb18030"))
        )
    )
    texts = st.one_of(
        _FIELD_TEXT, st.sampled_from(('""', "a&b", "x^y", "r~s", "\\F\\", "\\X41\\", "\\.br\\", "\\", "&&", "^^"))
    )
    segment = st.tuples(st.sampled_from(("OBX", "PID", "ZZZ", "Q1A", "stray")), st.lists(texts, max_size=8))
    lines = [mark.join(("MSH", marks, *[""] * 15, charset))]
    lines += [mark.join((name, *fields)) for name, fields in draw(st.lists(segment, max_size=6))]
    before = draw(st.sampled_from(("", "\x0b", "\r\n", "\ufeff"))) if codec == "utf-8" else ""
    return (before + end.join(lines) + end).encode(codec, "replace")


def expensive(size: int) -> dict[str, bytes]:
    """Shapes of about `size` bytes that make a careless reader slow or large."""
    head = b"MSH|^~\\&|A|B|||20250310||ORU^R01|1|P|2.5.1\r"
    return {
        "frame starts": b"\x0b" * size,
        "frame ends before a header": b"\x1c" * size + head,
        "blanks": b" " * size + head,
        "line ends": head + b"\r\n" * (size // 2),
        "blanks between line ends": b"\r \t" * (size // 3),
        "headers without a line": b"MSH" * (size // 3),
        "headers": b"MSH|^~\\&|\r" * (size // 10),
        "batch trailers": head + b"BTS|1\r" * (size // 6),
        "one field": head + b"OBX|1|ST|X||" + b"a" * size,
        "fields": head + b"OBX" + b"|" * size,
        "filled fields": head + b"OBX" + b"|ab" * (size // 3),
        "repetitions": head + b"OBX|1|ST|X||" + b"~" * size,
        "components": head + b"OBX|1|ST|X||" + b"a^" * (size // 2),
        "sub-components": head + b"OBX|1|ST|X||" + b"&" * size,
        "escape characters": head + b"OBX|1|ST|X||" + b"\\" * size,
        "open hexadecimal": head + b"OBX|1|ST|X||\\X" + b"0" * size,
        "hexadecimal escapes": head + b"OBX|1|ST|X||" + b"\\X41\\" * (size // 5),
        "open escapes": head + b"OBX|1|ST|X||" + b"\\X41" * (size // 4),
        "switches of set": head + b"OBX|1|ST|X||" + b"\\M2442\\" * (size // 7),
        "blank lines of a formatted text": head + b"OBX|1|FT|X||" + b"\\.sp80\\" * (size // 7),
        "short lines": head + b"A\r" * (size // 2),
        "short segments": head + b"ZAP\r" * (size // 4),
        "header fields": b"MSH|^~\\&" + b"|" * size,
        "wide characters": ("MSH|^~\\&|\r" + "é" * (size // 2)).encode("utf-16"),
        "bytes of no set": head + b"\x81" * size,
    }
