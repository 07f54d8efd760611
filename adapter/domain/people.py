"""Who a record number stands for, as far as a birth date and a family name tell: marks to compare, never the words."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal

from adapter.domain.times import Moment

SHORT = 3
"""Words of a name up to this length (de, van, von) say little: they count where nothing else is there."""
_MARK_DIGITS = 24
_NO_NAME = frozenset(
    {
        *("baby", "babyboy", "babygirl", "babymale", "babyfemale", "bebe", "newborn", "neonate", "neonatal", "infant"),
        *("nouveau", "neugeborenes", "neugeborener", "saugling", "neonato", "neonata", "pasgeborene"),
        *("unknown", "unk", "unbekannt", "inconnu", "inconnue", "desconocido", "desconocida", "onbekend", "okand"),
        *("unnamed", "unidentified", "anonymous", "anonym", "noname", "null", "none", "nn"),
    }
)
"""Words that stand where a family name is not known yet."""
_BESIDE_NO_NAME = frozenset(
    {
        "boy",
        "girl",
        "male",
        "female",
        "son",
        "daughter",
        "of",
        "twin",
        "triplet",
        "born",
        "new",
        "ne",
        "nee",
        "one",
        "two",
        "three",
    }
)
"""Words that say no more beside one of those: BABY GIRL, TWIN TWO BABY."""
Likeness = Literal["same", "alike", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What one message or Patient resource says of the person with a record number."""

    patient: str
    """`<system>|<value>`"""
    source: str
    born: str
    """Mark of the birth date."""
    family: tuple[str, ...]
    """Marks of the words of the family names, sorted."""
    record: str = ""
    """`Patient/<id>` of a Patient resource; empty for the PID of a message."""
    where: str = field(default="", compare=False)
    """Where the record number stands."""


def person(
    patient: str, families: Iterable[str], born: Moment | None, *, source: str, record: str = "", where: str = ""
) -> Person | None:
    """A person by the words of his family names and the day of his birth; None when either is not told."""
    words = {word for family in families for word in _named(_words(family))}
    long = {word for word in words if len(word) > SHORT} or words
    if not long or born is None or born.precision in ("year", "month"):
        return None
    return Person(
        patient=patient,
        source=source,
        born=_mark("born", born.text[:10]),
        family=tuple(sorted(_mark("family", word) for word in long)),
        record=record,
        where=where,
    )


def likeness(one: Person, other: Person) -> Likeness:
    """Whether two may be one person: `other` when the birth dates differ and the family names share no word."""
    named_alike = not set(one.family).isdisjoint(other.family)
    if one.born != other.born and not named_alike:
        return "other"
    return "same" if one.born == other.born and named_alike else "alike"


def _named(words: list[str]) -> list[str]:
    """The words without those that stand for no name, and without what only tells such a child from its twin."""
    if _NO_NAME.isdisjoint(words):
        return words
    return [w for w in words if w not in _NO_NAME and w not in _BESIDE_NO_NAME and len(w) > 1 and not w.isdigit()]


def _words(family: str) -> list[str]:
    """Without case, accents and signs between words."""
    folded = unicodedata.normalize("NFKD", family.casefold().replace("ß", "ss"))
    plain = "".join(letter for letter in folded if not unicodedata.combining(letter))
    return "".join(letter if letter.isalnum() else " " for letter in plain).split()


def _mark(kind: str, text: str) -> str:
    return sha256(f"{kind}|{text}".encode()).hexdigest()[:_MARK_DIGITS]
