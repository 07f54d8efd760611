"""The leak check: nothing that was taken out of a message may stand anywhere in what is left of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from adapter.commands.deid_keep_list import Level
from adapter.commands.deid_leaf import UNTOUCHED, Gone, Left, Means, Notes
from adapter.commands.deid_respelled import needles, respelled
from adapter.commands.deid_standard import without_standard_words
from adapter.commands.deid_words import Words

SHORTEST_NAME = 3
"""Shorter parts of names and numbers are parts of everything."""
SHORTEST_NAME_IN_OTHER_SCRIPTS = 2
SHORTEST_NUMBER = 4
SHORTEST_WORD = 4
SHORTEST_INSIDE = 6
"""From here on a number or name is looked for inside of longer words too."""
_WORD = re.compile(r"[^\W_]+")
_TEXTS = frozenset({"keep", "name", "text", "value"})
LEVELS: tuple[Level, ...] = ("name", "person", "word")
_PSEUDONYMS = frozenset({"id", "reference", "person", "birth", "time"})


def leaks(notes: Notes, means: Means) -> list[str]:
    """Each place of the result in which something stands that was taken out elsewhere; never what it is."""
    wanted = {level: _wanted(notes.gone, means.words, level) for level in LEVELS}
    names = needles(notes.gone, means.words, "name")
    otherwise = {**needles(notes.gone, means.words, "person"), **names}
    found: dict[str, None] = {}
    for whole in notes.left:
        left = without_standard_words(whole, means.keep.reference_types)
        plain = list(_found(left, wanted))
        found |= dict.fromkeys(plain or respelled(left, names if left.do == "facility" else otherwise, means.words))
    return list(found)


def _wanted(gone: Sequence[Gone], words: Words, level: Level) -> dict[str, str]:
    """What to look for, folded, and the place it was taken from."""
    wanted: dict[str, str] = {}
    for one in gone:
        for part in _parts(one, level):
            if _is_telling(part, words, level):
                wanted.setdefault(part.casefold(), one.place)
    return wanted


def _parts(one: Gone, level: Level) -> list[str]:
    """What of a value is looked for; the plain words in an identifier (`allergy-1`) are words and no names."""
    words = _WORD.findall(one.text)
    if one.do == "id":
        numbered = [word for word in words if re.search(r"\d", word)]
        plain = [word for word in words if word not in numbered]
        return [one.text.strip(), *numbered] if level == "name" else plain if level == "word" else []
    if level != one.level:
        return []
    if one.do == "birth":  # its year alone is also that of a code system, and of much else
        return [one.text.strip(), _digits(one.text)]
    return words if level == "word" else [one.text.strip(), _digits(one.text), *words]


def _digits(text: str) -> str:
    """A telephone number without its signs."""
    digits = re.sub(r"\D", "", text)
    return digits if len(digits) >= SHORTEST_INSIDE and not re.search(r"[^\W\d_]", text) else ""


def _is_telling(part: str, words: Words, level: Level) -> bool:
    if words.known(part) and not part.isdigit():
        return False
    if part.isdigit():
        return len(part) >= SHORTEST_NUMBER
    shortest = SHORTEST_NAME if part.isascii() else SHORTEST_NAME_IN_OTHER_SCRIPTS
    return len(part) >= (shortest if level == "name" else SHORTEST_WORD)


def _found(left: Left, wanted: dict[Level, dict[str, str]]) -> Iterator[str]:
    if left.do == "fixed":
        return
    text = left.text.casefold()
    parts = {text.strip(), *_WORD.findall(text)}
    kept = left.do in UNTOUCHED or left.do == "facility"
    strong = wanted["name"] if left.do == "facility" else {**wanted["person"], **wanted["name"]}
    for part in parts:
        if part in strong and (kept or len(part) >= SHORTEST_INSIDE) and not _is_moved(left, part):
            yield f"{left.place} holds what {strong[part]} held"
        if part in wanted["word"] and left.do in _TEXTS and "://" not in text:
            yield f"{left.place} holds a word of {wanted['word'][part]}"
    if kept:
        for part, place in strong.items():
            if len(part) >= SHORTEST_INSIDE and part in text and part not in parts:
                yield f"{left.place} holds what {place} held"


def _is_moved(left: Left, part: str) -> bool:
    """A moved time or a pseudonym is made by the key; that it is like something else is chance, unless it is long."""
    return left.do in ("time", "birth") or (
        left.do in _PSEUDONYMS and part.isdigit() and len(part) < 2 * SHORTEST_NUMBER
    )
