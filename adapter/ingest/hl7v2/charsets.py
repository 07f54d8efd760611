"""The character set of a message: MSH-18 as senders really spell it, and what to do when it lies."""

from __future__ import annotations

import codecs
import re
from functools import lru_cache
from typing import NamedTuple

_UTF8_BOM = codecs.BOM_UTF8
_SPELLING = re.compile(r"[^A-Z0-9]+")

_CODECS = {
    "ASCII": "ascii",
    "USASCII": "ascii",
    "ISOIR6": "ascii",
    "UTF8": "utf-8",
    "UNICODE": "utf-8",
    "UNICODEUTF8": "utf-8",
    "UNICODEUTF16": "utf-16",
    "UTF16": "utf-16",
    "WE8ISO8859P1": "iso-8859-1",
    "LATIN1": "iso-8859-1",
    "CP1252": "windows-1252",
    "WINDOWS1252": "windows-1252",
    "WE8MSWIN1252": "windows-1252",
    "ISOIR14": "shift_jis",
    "ISOIR87": "iso2022_jp",
    "ISOIR159": "iso2022_jp_2",
    "GB180302000": "gb18030",
    "GB18030": "gb18030",
    "KSX1001": "euc_kr",
    "BIG5": "big5",
    **{f"{prefix}8859{part}": f"iso-8859-{part}" for prefix in ("", "ISO") for part in (*range(1, 10), 15)},
}
"""HL7 table 0211 and the spellings met in the field, without blanks and signs, to Python's codecs."""

LONGEST_NAME_REMEMBERED = 100
_SINGLE_BYTE = ("ascii", "windows-1252", *(f"iso-8859-{part}" for part in (*range(1, 10), 15)))
_TRANSPARENT = frozenset({"utf-8", *_SINGLE_BYTE})
"""Codecs in which an ASCII byte is always that ASCII character, and decoding loses nothing."""


class Decoded(NamedTuple):
    """The text of a message and the codec that gives back its bytes."""

    text: str
    codec: str
    fallback: bool
    """The declared set was missing, unknown or wrong, and a guess was used."""


def codec_of(name: str) -> str | None:
    """The codec of an MSH-18 or configured spelling (`UNICODE UTF-8`, `8859/1`, `ISO8859-1`); None when unknown."""
    return _CODECS.get(_SPELLING.sub("", name.upper()))


def is_transparent(codec: str) -> bool:
    """Whether bytes of that codec may be split at ASCII delimiters before they are decoded."""
    return codec in _TRANSPARENT


def wide_codec(raw: bytes) -> str | None:
    """`utf-16-le` or `utf-16-be` when the bytes are UTF-16, marked so or seen from their `MSH`; else None."""
    start = raw[:64]
    little, big = start.find(b"M\0S\0H\0"), start.find(b"\0M\0S\0H")
    if start.startswith(codecs.BOM_UTF16_LE) or (little >= 0 and little % 2 == 0):
        return "utf-16-le"
    if start.startswith(codecs.BOM_UTF16_BE) or (big >= 0 and big % 2 == 0):
        return "utf-16-be"
    return None


def decode(raw: bytes, declared: str, default_charset: str | None = None) -> Decoded:
    """Decode a message: byte-order mark, MSH-18, the listener's set, UTF-8, Windows-1252, in this order.

    Never raises. An undeclared set that reads as UTF-8 is no fallback: ASCII and UTF-8 need no guess.
    """
    if raw.startswith(_UTF8_BOM):
        return _first_that_fits(raw, ("utf-8",), trusted="utf-8")
    tried, trusted = (_remembered if len(declared) <= LONGEST_NAME_REMEMBERED else _tried)(declared, default_charset)
    return _first_that_fits(raw, tried, trusted=trusted)


def _tried(declared: str, default_charset: str | None) -> tuple[tuple[str, ...], str | None]:
    """The codecs to try in order, and the one whose use needs no word."""
    default = codec_of(default_charset) if default_charset else None
    codec = codec_of(declared) if declared else None
    if codec:
        return (codec, *((default,) if default else ()), "utf-8"), codec
    if declared:
        return ("utf-8", *((default,) if default else ())), None
    return ((default, "utf-8") if default else ("utf-8",)), default or "utf-8"


_remembered = lru_cache(maxsize=256)(_tried)


def candidate_codecs(declared: str, default_charset: str | None = None) -> tuple[str, ...]:
    """Every codec `decode` may choose for such a message, whatever its bytes."""
    default = codec_of(default_charset) if default_charset else None
    codec = codec_of(declared) if declared else None
    named = [name for name in (codec, default) if name]
    return tuple(dict.fromkeys((*named, "utf-8", "windows-1252", "iso-8859-1")))


def _first_that_fits(raw: bytes, candidates: tuple[str, ...], *, trusted: str | None) -> Decoded:
    for codec in (*candidates, "windows-1252"):
        text = _exactly(raw, codec)
        if text is not None:
            return Decoded(text=text, codec=codec, fallback=codec != trusted)
    # ISO-8859-1 gives every byte a character: nothing is lost, and the reader never stops here.
    return Decoded(text=raw.decode("iso-8859-1"), codec="iso-8859-1", fallback=True)


def _exactly(raw: bytes, codec: str) -> str | None:
    try:
        text = raw.decode(codec)
        # Stateful and multi-byte sets can spell one text in several ways; only an exact way back is lossless.
        return text if codec in _TRANSPARENT or text.encode(codec) == raw else None
    except UnicodeError:
        return None
