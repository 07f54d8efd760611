"""Units of asparaginase activity and their exact factors to IU/mL (clinical rulebook 2.5)."""

from __future__ import annotations

from decimal import Context, Decimal

FACTORS_TO_IU_PER_ML: dict[str, Decimal] = {
    "[IU]/mL": Decimal(1),
    "k[IU]/L": Decimal(1),
    "[IU]/L": Decimal("0.001"),
    "m[IU]/mL": Decimal("0.001"),
    "[IU]/dL": Decimal("0.01"),
    "ukat/L": Decimal("0.06"),
    "nkat/mL": Decimal("0.06"),
    "nkat/L": Decimal("0.00006"),
}
"""Canonical unit to the exact number that leads to IU/mL; 1 microkatal is 60 units."""

DOSE_UNITS = frozenset({"[IU]", "[IU]/m2", "mg", "mg/m2", "mL"})
REFUSED = "refused"
"""The target in tables/units.csv of units that are no activity: antibody, mass, percent."""

_EXACT = Context(prec=80)


def is_activity_unit(unit: str) -> bool:
    """Whether a canonical unit measures enzyme activity per volume."""
    return unit in FACTORS_TO_IU_PER_ML


def to_iu_per_ml(value: Decimal, unit: str) -> Decimal:
    """A number of a canonical unit in IU/mL, exact, with the digits that were sent: 100 `[IU]/L` is 0.100.

    Raises KeyError for a unit that is no activity unit.
    """
    return times(value, FACTORS_TO_IU_PER_ML[unit])


def times(value: Decimal, factor: Decimal) -> Decimal:
    """The exact product, never in exponent form for whole numbers."""
    product = _EXACT.multiply(value, factor)
    exponent = product.as_tuple().exponent
    return product.quantize(Decimal(1), context=_EXACT) if isinstance(exponent, int) and exponent > 0 else product
