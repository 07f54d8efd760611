"""One value at one place: what the keep list lets through of it, and what has to be told about the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from adapter.commands.deid_keep_list import KeepList, Level, Rule
from adapter.commands.deid_key import Pseudonyms
from adapter.commands.deid_references import moved_reference
from adapter.commands.deid_times import moved_hl7, moved_iso, reborn
from adapter.commands.deid_typed import TYPED, amount, charset, truth, uri
from adapter.commands.deid_words import Words, is_number

Done = Literal["cleared", "removed", "pseudonym", "moved", "fixed", "shortened"]
UNTOUCHED = frozenset({"keep", "code", "name", "text", "value", "number"}) | TYPED
"""What may leave a value as it was: in these places nothing of a person may be found afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a corpus is de-identified with."""

    keep: KeepList
    words: Words
    pseudonyms: Pseudonyms
    facilities: Literal["keep", "pseudonym"] = "keep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """The patient of a message: the days all times move, and what keeps the age."""

    name: str = ""
    days: int = 0
    seen: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A value as it stands in the result."""

    place: str
    do: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """A value of the input that may not be found in the result."""

    place: str
    text: str
    level: Level
    do: str = ""


@dataclass(slots=True, kw_only=True)
class Notes:
    """What was done, counted by place, and what the leak check needs."""

    done: Counter[tuple[str, Done]] = field(default_factory=Counter)
    left: list[Left] = field(default_factory=list)
    gone: list[Gone] = field(default_factory=list)
    units: Counter[str] = field(default_factory=Counter)
    """Places of units that no table knows, which became something else."""

    def cleared(self, place: str, text: str, level: Level, done: Done = "cleared") -> None:
        """Something that nothing lets through."""
        self.done[place, done] += 1
        self.gone.append(Gone(place=place, text=text, level=level))


def leaf_out(text: str, rule: Rule | None, place: str, person: Person, means: Means, notes: Notes) -> str:
    """What stays of one text; empty for nothing."""
    if rule is None:
        notes.cleared(place, text, means.keep.level(place))
        return ""
    new = _new(text, rule, person, means)
    if new != text:
        _tell(text, new, rule, place, means, notes)
    if new:
        notes.left.append(Left(place=place, do=rule.do, text=new))
    return new


def _new(text: str, rule: Rule, person: Person, means: Means) -> str:
    words, pseudonyms = means.words, means.pseudonyms
    identity = pseudonyms.of(text.strip())
    made: dict[str, Callable[[], str]] = {
        "keep": lambda: text,
        "code": lambda: text if words.is_code(text) else identity,
        "name": lambda: words.name(text),
        "text": lambda: words.free(text),
        "value": lambda: "".join(words.result([text], "")),
        "time": lambda: (moved_iso if "-" in text[:5] else moved_hl7)(text, person.days),
        "birth": lambda: reborn(
            text, seen=person.seen, days=person.days, draw=pseudonyms.number(f"born|{person.name}", 10**9)
        ),
        "id": lambda: identity,
        "number": lambda: text if is_number(text) else identity,
        "reference": lambda: moved_reference(text, pseudonyms.of, means.keep.reference_types),
        "person": lambda: pseudonyms.person(text),
        "facility": lambda: text if means.facilities == "keep" else identity,
        "truth": lambda: truth(text),
        "amount": lambda: amount(text),
        "uri": lambda: uri(text, words.systems, identity),
        "charset": lambda: charset(text),
        "fixed": lambda: rule.fixed,
    }
    return made[rule.do]()


_DONE: dict[str, Done] = {
    "time": "moved",
    "birth": "moved",
    "fixed": "fixed",
    "name": "shortened",
    "text": "shortened",
    "value": "shortened",
}


def _tell(text: str, new: str, rule: Rule, place: str, means: Means, notes: Notes) -> None:
    notes.done[place, _DONE.get(rule.do, "pseudonym") if new else "cleared"] += 1
    if rule.do == "code" and means.keep.is_unit(place):
        notes.units[place] += 1
    if rule.do in ("time", "reference", "facility"):
        return
    level: Level = "name" if rule.do in ("id", "person", "birth", "fixed") else means.keep.level(place)
    notes.gone.append(Gone(place=place, text=text, level=level, do=rule.do))
