"""Variations of order and kind of segments, of line ends, versions, character sets and separators."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator

from adapter.commands.vary_edit import Good, each_line, from_lines, lines_of, with_line, without
from adapter.commands.vary_variation import Variation, named, varied
from adapter.ingest.hl7v2 import Message, read_message

VERSIONS = ("2.3", "2.3.1", "2.4", "2.5", "2.5.1^USA", "2.8.2", "2.9", "")
CHARSETS = (
    ("", "utf-8", "not declared, and UTF-8"),
    ("UNICODE UTF-8", "utf-8", "UNICODE UTF-8"),
    ("8859/1", "iso-8859-1", "8859/1"),
    ("8859/15", "iso-8859-15", "8859/15"),
    ("WINDOWS-1252", "windows-1252", "Windows-1252, which table 0211 lacks"),
    ("UNICODE UTF-8", "iso-8859-1", "declared UNICODE UTF-8, and Latin-1 in truth"),
    ("", "iso-8859-1", "not declared, and Latin-1"),
    ("ASCII", "utf-8", "declared ASCII, and UTF-8 in truth"),
)
ACCENTED_NAME = "ZzM\u00fcller-O\u00f1ate^Zo\u00eb"
ACCENTED_UNIT = "\u00b5U/mL"
PDF_BYTES = 5_000_000


def structure_variations(good: Good) -> Iterator[Variation]:
    """Everything about the message as a whole."""
    yield from _specimens(good)
    yield from _strangers(good)
    yield from _line_ends(good)
    yield from _header(good)
    yield from _charsets(good)
    yield from _separators(good)
    yield from _neighbours(good)


def _specimens(good: Good) -> Iterator[Variation]:
    message = good.message
    first = message.first("SPM")
    collected = good.order.field(7)
    line = first.text if first else f"SPM|1|S1||SER^Serum^HL70487|||||||||||||{collected}"
    bare = from_lines(message, without(message, "SPM"))
    lines = lines_of(bare)
    result = lines.index(good.result.text)
    yield varied("spm-before-result", "the specimen stands before the result", with_line(bare, result, line))
    yield varied("spm-after-result", "the specimen stands behind the result", with_line(bare, result + 1, line))
    yield varied("spm-absent", "there is no specimen segment", bare)
    two = from_lines(bare, [*lines[: result + 1], line, line.replace("SPM|1|", "SPM|2|", 1), *lines[result + 1 :]])
    yield varied("spm-two", "two specimens behind one result", two)


def _strangers(good: Good) -> Iterator[Variation]:
    places = {segment.name: segment.index + 1 for segment in good.message.segments if segment.name}
    places |= {"OBX": good.result.index + 1, "OBR": good.order.index + 1}
    for name, place in places.items():
        made = with_line(good.message, place, "ZXX|1|local^content")
        yield varied(f"z-segment-after-{name}", f"a Z segment behind {name} breaks no group", made)
    made = with_line(good.message, good.order.index + 1, "QQQ|1|nobody knows this segment")
    yield varied("segment-unknown", "an unknown segment between order and result", made)
    made = with_line(good.message, good.result.index, "NTE|1|L|a note of the order")
    yield varied("note-before-result", "a note of the order stands between order and result", made)


def _line_ends(good: Good) -> Iterator[Variation]:
    text = "".join(f"{line}\r" for line in lines_of(good.message))
    for name, end in (("lf", "\n"), ("crlf", "\r\n")):
        raw = text.replace("\r", end).encode(good.message.charset)
        yield Variation(name=f"line-end-{name}", says=f"segments end with {name.upper()}", raw=raw)


def _header(good: Good) -> Iterator[Variation]:
    for version in VERSIONS:
        says = f"version {version}" if version else "no version is declared"
        yield varied(f"msh-12-{version or 'empty'}", says, good.put("MSH", 12, version))
    for kind, says in (
        ("ORU^R01^ORU_R01", "message type with structure"),
        ("ORU^R01", "message type without structure"),
        ("ORU", "message type without trigger, as before 2.3"),
    ):
        yield varied(f"msh-09-{kind}", says, good.put("MSH", 9, kind))


def _charsets(good: Good) -> Iterator[Variation]:
    if good.message.charset != "utf-8":
        return
    accented = good.with_fields(("PID", 5, ACCENTED_NAME), ("OBX", 6, ACCENTED_UNIT), ("MSH", 18, ""))
    for declared, codec, says in CHARSETS:
        name = f"msh-18-{named(declared) or 'empty'}{'' if codec == 'utf-8' else f'-in-{named(codec)}'}"
        raw = _declaring(accented.message, declared).encode(codec, "replace")
        yield Variation(name=name, says=f"accented name and micro sign, character set {says}", raw=raw)


def _declaring(message: Message, charset: str) -> str:
    """The text with that MSH-18, which is not read again: what it declares need not be true."""
    start, end = message.segments[0].span(18)
    missing = "|" * max(18 - message.segments[0].field_count(), 0)
    return f"{message.text[:start]}{missing}{charset}{message.text[end:]}"


def _separators(good: Good) -> Iterator[Variation]:
    message = good.message
    trailing = each_line(message, lambda line: f"{line}|||")
    yield varied("separators-trailing-fields", "every segment ends with empty fields", trailing)
    composite = each_line(message, lambda line: re.sub(r"(?<=\|)([^|]*\^[^|]*)", r"\1^^", line))
    yield varied("separators-trailing-components", "fields of several components end with empty ones", composite)
    everywhere = each_line(message, lambda line: re.sub(r"(?<=\|)([^|]+)", r"\1^^", line))
    yield varied("separators-trailing-everywhere", "every filled field ends with empty components", everywhere)
    marked = read_message(message.text.replace("MSH|^~\\&|", "MSH|^~\\&#|", 1).encode(message.charset))
    yield varied("separators-truncation", "a truncation character is declared (2.7)", marked)
    other = message.text.translate(str.maketrans("^~", "@!"))
    if not set("@!") & set(message.text):
        yield varied(
            "separators-others", "other component and repetition separators are declared", _read(message, other)
        )


def _read(message: Message, text: str) -> Message:
    return read_message(text.encode(message.charset), message.default_charset)


def _neighbours(good: Good) -> Iterator[Variation]:
    pdf = b64encode(bytes(PDF_BYTES)).decode()
    line = f"OBX|99|ED|PDF^Report^L||LAB^AP^PDF^Base64^{pdf}||||||F"
    made = with_line(good.message, good.result.index + 1, line)
    yield varied("neighbour-pdf-of-5-mb", "an embedded PDF of 5 MB stands beside the result", made)
    made = with_line(good.message, good.result.index + 1, "OBX|98|NM|NH3^Ammonia^L||35|umol/L|11-32|H|||F")
    yield varied("neighbour-other-test", "a result of another test stands beside it", made)
    batch = f"FHS|^~\\&|LIS\rBHS|^~\\&|LIS\r{good.message.text.rstrip()}\rBTS|1\rFTS|1\r"
    yield Variation(name="batch-of-one", says="the message comes in a batch", raw=batch.encode(good.message.charset))
