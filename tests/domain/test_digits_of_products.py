"""The units of a dose, and how many digits a conversion keeps (rulebook 2.5)."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from adapter.domain.units import DOSE_UNITS, REFUSED, times

UNITS = Path(__file__).parents[2] / "mappings" / "tables" / "units.csv"


def test_a_dose_is_ordered_in_units_mass_or_volume_or_by_body_surface():
    assert sorted(DOSE_UNITS) == ["[IU]", "[IU]/m2", "mL", "mg", "mg/m2"]


def test_the_table_of_units_says_refused_of_what_is_no_activity():
    assert REFUSED == "refused"
    assert f",{REFUSED}," in UNITS.read_text(encoding="utf-8")


@pytest.mark.parametrize(("given", "kept"), [(29, 29), (80, 80), (81, 80)])
def test_a_product_keeps_eighty_digits(given, kept):
    assert str(times(Decimal("0." + "1" * given), Decimal(1))) == "0." + "1" * kept


def test_a_product_is_exact_far_beyond_the_digits_a_laboratory_sends():
    assert str(times(Decimal("1." + "3" * 38), Decimal("0.06"))) == "0.07" + "9" * 37 + "8"


@pytest.mark.parametrize("number", ["Infinity", "-Infinity", "NaN"])
def test_what_is_no_finite_number_stays_so(number):
    assert str(times(Decimal(number), Decimal(1))) == number
