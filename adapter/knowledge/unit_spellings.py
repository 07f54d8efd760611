"""What a spelling of a unit says by its prefix and its denominator: no row of a table may say a thousand times it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Kind = Literal["activity", "mass", "volume", "amount"]

_PREFIXES = {
    "": Decimal(1),
    **dict.fromkeys(("k", "kilo"), Decimal(1000)),
    "mega": Decimal(1_000_000),
    **dict.fromkeys(("m", "milli"), Decimal("0.001")),
    **dict.fromkeys(("u", "µ", "μ", "micro", "mikro"), Decimal("0.000001")),
    **dict.fromkeys(("n", "nano"), Decimal("0.000000001")),
}
_BASES: dict[str, tuple[Kind, Decimal]] = {
    **dict.fromkeys(
        ("iu", "ui", "ie", "u", "e", "unit", "units", "einh", "einheiten", "unité", "unités", "unità", "unidades"),
        ("activity", Decimal(1)),
    ),
    # 1 microkatal is 60 units (clinical rulebook 2.5).
    **dict.fromkeys(("kat", "katal"), ("activity", Decimal(60_000_000))),
    "g": ("mass", Decimal(1)),
    "mol": ("amount", Decimal(1)),
    **dict.fromkeys(("l", "liter", "litre"), ("volume", Decimal(1000))),
}
_VOLUMES_ML = {
    **dict.fromkeys(("l", "liter", "litre", "litro"), Decimal(1000)),
    "dl": Decimal(100),
    "cl": Decimal(10),
    **dict.fromkeys(("ml", "milliliter", "millilitre", "cc"), Decimal(1)),
    **dict.fromkeys(("ul", "µl", "μl"), Decimal("0.001")),
}
_AREAS = ("m2", "m²", "sqm")
# The base is tried without a prefix first: `u/ml` is units, and no micro-something.
_SPELLING = re.compile(
    rf"(?P<prefix>{'|'.join(filter(None, _PREFIXES))})??"
    rf"(?P<base>{'|'.join(sorted(_BASES, key=len, reverse=True))})"
    rf"(?:(?:/|per|pro|par|por)(?P<per>{'|'.join(sorted((*_VOLUMES_ML, *_AREAS), key=len, reverse=True))}))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """The size of a unit: of what kind, per volume, per body surface or alone."""

    kind: Kind
    per: Literal["volume", "area", "nothing"]
    size: Decimal
    """In IU, g, mL or mol; per mL where it is per volume."""


def meaning_of(spelling: str) -> Meaning | None:
    """What a spelling says; None where it is none of the usual words for such units."""
    words = unicodedata.normalize("NFKC", spelling).casefold().split()
    # `mUI/ml sérum`: what is measured in may stand behind the unit.
    for count in range(len(words), 0, -1):
        found = _SPELLING.fullmatch(re.sub(r"[\[\].\-]", "", "".join(words[:count])))
        if found:
            return _meaning(found)
    return None


def _meaning(found: re.Match[str]) -> Meaning:
    kind, base = _BASES[found["base"]]
    size, per = _PREFIXES[found["prefix"] or ""] * base, found["per"]
    if per is None:
        return Meaning(kind=kind, per="nothing", size=size)
    if per in _VOLUMES_ML:
        return Meaning(kind=kind, per="volume", size=size / _VOLUMES_ML[per])
    return Meaning(kind=kind, per="area", size=size)
