"""What was taken out, found where somebody wrote it otherwise: glued to letters, without its signs, as another date."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from adapter.commands.deid_keep_list import Level
from adapter.commands.deid_leaf import UNTOUCHED, Gone, Left
from adapter.commands.deid_words import Words

SHORTEST_LETTERS = 4
SHORTEST_LETTERS_IN_OTHER_SCRIPTS = 2
SHORTEST_DIGITS = 5
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "æ": "ae", "ß": "ss", "œ": "oe"})
_WORD = re.compile(r"[^\W_]+(?:['\u2019\-][^\W_]+)*")


def respelled(left: Left, wanted: dict[str, str], words: Words) -> Iterator[str]:
    """The place whose value stands there in other letters; texts every word of which is known are not looked at."""
    if left.do not in UNTOUCHED and left.do != "facility":
        return
    if left.text in words.codes or words.known(left.text):
        return
    digits, letters = (re.sub(r"\D", "", left.text),), squashed(left.text)
    for needle, place in wanted.items():
        if any(needle in text for text in (digits if needle.isdigit() else letters)):
            yield f"{left.place} holds what {place} held, written otherwise"


def needles(gone: Iterable[Gone], words: Words, level: Level) -> dict[str, str]:
    """Every other way to write what was taken out at a level, and the place it was taken from."""
    found: dict[str, str] = {}
    for one in gone:
        if one.level != level and not (one.do == "id" and level == "name"):
            continue
        for needle in _birth(one.text) if one.do == "birth" else _of(one.text, words):
            found.setdefault(needle, one.place)
    return found


def squashed(text: str) -> tuple[str, str]:
    """Letters and digits only, in small letters, without accents; umlauts as one letter, and as two."""
    composed = unicodedata.normalize("NFC", text).casefold()
    return _plain(composed), _plain(composed.translate(_UMLAUTS))


def _plain(text: str) -> str:
    bare = (letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return "".join(letter for letter in bare if letter.isalnum())


def _of(text: str, words: Words) -> Iterator[str]:
    digits = re.sub(r"\D", "", text).lstrip("0")
    if len(digits) >= SHORTEST_DIGITS and not re.search(r"[^\W\d_]", text):
        yield digits
    for word in _WORD.findall(text):
        if words.known(word):
            continue
        for spelling in squashed(word):
            shortest = SHORTEST_LETTERS if spelling.isascii() else SHORTEST_LETTERS_IN_OTHER_SCRIPTS
            if len(spelling) >= shortest and not spelling.isdigit():
                yield spelling


def _birth(text: str) -> Iterator[str]:
    """A day of birth with the parts in any usual order, and with a short year."""
    digits = re.sub(r"\D", "", text)[:8]
    if len(digits) < len("20180504"):
        return
    year, month, day = digits[:4], digits[4:6], digits[6:]
    yield from (digits, f"{day}{month}{year}", f"{month}{day}{year}", f"{digits[2:]}", f"{day}{month}{year[2:]}")
