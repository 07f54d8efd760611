"""What a spelling of a unit says by numbers, prefix and denominator: no row may say a thousand times it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from adapter.knowledge.unit_words import AREAS, BASES, HARMLESS, PREFIXES, VOLUMES_ML, Kind


def _any(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


# `1,000` and `1.000` are one or a thousand, and are not taken for either.
_NUMBER = r"(?:10(?:\^|\*\*?)[+-]?[0-9]{1,2}|1e[+-]?[0-9]{1,2}|0\.[0-9]{1,9}|[0-9]{1,9}(?:\.[0-9]{1,2})?)(?![0-9.,])"
_POWER = re.compile(r"10(?:\^|\*\*?)([+-]?[0-9]+)")
_PER = r"(?:/|per|pro|par|por)"
_OVER = rf"{_PER} ?(?P<number>{_NUMBER})? ?(?P<per>{_any((*VOLUMES_ML, *AREAS))})"
# The base is tried without a prefix first: `u/ml` is units, and no micro-something.
_SPELLING = re.compile(
    rf"(?P<factors>(?:(?:x ?)?{_NUMBER}(?: ?[x*] ?{_NUMBER})* ?[x*]? ?)?)(?P<prefix>(?:{_any(PREFIXES)}))?? ?"
    rf"(?P<base>{_any(BASES)}) ?(?:{_OVER})?(?P<behind>(?: (?:{_any(HARMLESS)}))*)"
)
_UNIT_INSIDE = re.compile(
    rf"(?:{_any(BASES)}) ?{_PER} ?(?:{_any(VOLUMES_ML)})|(?:iu|ui|ie)(?:{_any(VOLUMES_ML)})$"
    rf"|(?<![\w/])(?:{_any(PREFIXES)})?(?:{_any(BASES)})(?!\w)"
)
_PLAIN = re.compile(r"[^\W\d_ ]+(?:[ /.'\-]+[^\W\d_]+)*[.]?")
_BRACKETED = re.compile(r"\(([^()\[\]{}]*)\)|\[([^()\[\]{}]*)\]|\{([^()\[\]{}]*)\}")
_BODY_HEAT = re.compile(r"(?:(?:at|bei|a|à|@) ?)?37 ?°? ?c")
_BASE_IN_BRACKETS = re.compile(r"\[(i\.?u\.?|u\.?i\.?|i\.?e\.?|u)\]")
_INVERSE = re.compile(rf"(?:(?<=\S)[ .*]+)(?P<per>{_any(VOLUMES_ML)})\^?-1(?![0-9])")
_RAISED = re.compile(r"[⁺⁻]?[⁰¹²³⁴-⁹]+")
_SIGNS = str.maketrans(
    {"\u00d7": "x", "\u00f7": "/", "\u2044": "/", "\u2212": "-", "\u2013": "-"} | dict.fromkeys("·⋅∙", "*")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """The size of a unit: of what kind, per volume, per body surface or alone."""

    kind: Kind
    per: Literal["volume", "area", "nothing"]
    size: Decimal
    """In IU, g, mL or mol; per mL where it is per volume."""


def meaning_of(spelling: str) -> Meaning | None:
    """What a spelling says; None where not all of it is understood."""
    text, remarks = _without_remarks(_folded(spelling))
    found = _SPELLING.fullmatch(text)
    return _meaning(found) if found and all(map(_is_harmless, remarks)) else None


def may_hide_a_size(spelling: str) -> bool:
    """Whether a spelling nobody understands holds a number, a remark or a sign, or a unit beside other words."""
    folded = _folded(spelling)
    return not _PLAIN.fullmatch(folded) or any(map(str.isnumeric, folded)) or bool(_UNIT_INSIDE.search(folded))


def _folded(spelling: str) -> str:
    """One way to write what means the same: `IU·mL⁻¹`, `I.U. / ml` and `[iU]/mL` are all `iu/ml`."""
    raised = _RAISED.sub(lambda found: f"^{found[0]}", spelling)
    text = " ".join(unicodedata.normalize("NFKC", raised).translate(_SIGNS).casefold().split())
    text = _BASE_IN_BRACKETS.sub(r"\1", text)
    text = _INVERSE.sub(r"/\g<per>", text)
    text = re.sub(r"(?<=[^\W\d_])-(?=[^\W\d_])|\.(?![0-9])", "", text)
    return re.sub(r" ?/ ?", "/", text)


def _without_remarks(text: str) -> tuple[str, list[str]]:
    remarks = [next(filter(None, groups), "") for groups in _BRACKETED.findall(text)]
    bare = " ".join(_BRACKETED.sub(" ", text).split())
    heat = re.search(rf"[ ,]+(?:{_BODY_HEAT.pattern})$", bare)
    return (bare[: heat.start()] if heat else bare).replace(" /", "/"), remarks


def _is_harmless(remark: str) -> bool:
    text = remark.strip()
    return bool(_BODY_HEAT.fullmatch(text)) or all(word in HARMLESS for word in text.split())


def _meaning(found: re.Match[str]) -> Meaning:
    kind, size = BASES[found["base"]]
    size *= PREFIXES.get(found["prefix"] or "", Decimal(1))
    for number in re.findall(_NUMBER, found["factors"]):
        size *= _number(number)
    per, over = found["per"], _number(found["number"] or "1")
    if per is None:
        return Meaning(kind=kind, per="nothing", size=size)
    if per in AREAS:
        return Meaning(kind=kind, per="area", size=_over(size, over))
    return Meaning(kind=kind, per="volume", size=_over(size, over * VOLUMES_ML[per]))


def _over(size: Decimal, number: Decimal) -> Decimal:
    """A unit per nothing has no size, and is none of those of a target."""
    return size / number if number else Decimal(0)


def _number(text: str) -> Decimal:
    power = _POWER.fullmatch(text)
    return Decimal(10) ** int(power[1]) if power else Decimal(text)
