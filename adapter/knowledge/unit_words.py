"""The words units are written with, and how large each of them is."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

Kind = Literal["activity", "mass", "volume", "amount"]

PREFIXES = {
    **dict.fromkeys(("k", "kilo", "tsd", "tausend", "thousand", "thousands", "mille", "milliers"), Decimal(1000)),
    **dict.fromkeys(("mega", "mio", "million", "millions", "millionen"), Decimal(1_000_000)),
    **dict.fromkeys(("hundert", "hundred"), Decimal(100)),
    **dict.fromkeys(("d", "deci", "dezi"), Decimal("0.1")),
    **dict.fromkeys(("c", "centi", "zenti"), Decimal("0.01")),
    **dict.fromkeys(("m", "milli", "mili", "thousandth", "thousandths", "tausendstel"), Decimal("0.001")),
    **dict.fromkeys(("u", "μ", "mc", "micro", "mikro"), Decimal("0.000001")),
    **dict.fromkeys(("n", "nano"), Decimal("0.000000001")),
    **dict.fromkeys(("p", "pico", "piko"), Decimal("0.000000000001")),
}
"""Prefixes and number words. A capital M is read as milli: no level of a patient is in millions of units."""
BASES: dict[str, tuple[Kind, Decimal]] = {
    **dict.fromkeys(
        ("iu", "ui", "ie", "u", "e", "unit", "units", "einh", "einheit", "einheiten", "unité", "unités"),
        ("activity", Decimal(1)),
    ),
    **dict.fromkeys(("unite", "unites", "unità", "unita", "unidad", "unidades", "unidade"), ("activity", Decimal(1))),
    # 1 microkatal is 60 units (clinical rulebook 2.5).
    **dict.fromkeys(("kat", "katal"), ("activity", Decimal(60_000_000))),
    "g": ("mass", Decimal(1)),
    "mol": ("amount", Decimal(1)),
    **dict.fromkeys(("l", "liter", "litre"), ("volume", Decimal(1000))),
}
VOLUMES_ML = {
    **dict.fromkeys(("l", "liter", "litre", "litro"), Decimal(1000)),
    "dl": Decimal(100),
    "cl": Decimal(10),
    **dict.fromkeys(("ml", "milliliter", "millilitre", "cc"), Decimal(1)),
    **dict.fromkeys(("ul", "μl"), Decimal("0.001")),
}
AREAS = ("m2", "m^2", "sqm")
HARMLESS = frozenset(
    {
        *("serum", "sérum", "suero", "siero", "soro", "plasma", "asparaginase", "enzyme", "enzym"),
        *("act", "activity", "aktivität", "activité", "actividad", "attività"),
    }
)
"""What is measured, and in what: words that may stand behind a unit or in brackets, and say nothing of its size."""
