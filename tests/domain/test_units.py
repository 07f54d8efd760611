from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.units import DOSE_UNITS, FACTORS_TO_IU_PER_ML, is_activity_unit, times, to_iu_per_ml


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        ("0.45", "[IU]/mL", "0.45"),
        ("0.30", "[IU]/mL", "0.30"),
        ("0.45", "k[IU]/L", "0.45"),
        ("100", "[IU]/L", "0.100"),
        ("99.9", "[IU]/L", "0.0999"),
        ("100", "m[IU]/mL", "0.100"),
        ("10", "[IU]/dL", "0.10"),
        ("2", "ukat/L", "0.12"),
        ("2", "nkat/mL", "0.12"),
        ("2000", "nkat/L", "0.12000"),
        ("1E+2", "[IU]/mL", "100"),
    ],
)
def test_a_number_becomes_iu_per_ml_with_its_digits(value, unit, expected):
    assert str(to_iu_per_ml(Decimal(value), unit)) == expected


@pytest.mark.parametrize("unit", ["[IU]", "mg", "refused", "", "IU/mL"])
def test_what_is_no_activity_unit_has_no_factor(unit):
    assert not is_activity_unit(unit)
    with pytest.raises(KeyError):
        to_iu_per_ml(Decimal(1), unit)


@pytest.mark.parametrize("unit", sorted(FACTORS_TO_IU_PER_ML))
def test_every_unit_with_a_factor_is_an_activity_unit(unit):
    assert is_activity_unit(unit) is True


def test_no_unit_is_both_an_activity_and_a_dose():
    assert not DOSE_UNITS & set(FACTORS_TO_IU_PER_ML)


@given(
    st.decimals(min_value=0, max_value=10**9, places=6),
    st.sampled_from(sorted(FACTORS_TO_IU_PER_ML)),
)
def test_conversion_is_always_exact(value, unit):
    converted = to_iu_per_ml(value, unit)
    assert converted / FACTORS_TO_IU_PER_ML[unit] == value


@given(st.integers(min_value=-(10**29), max_value=10**29))
def test_a_product_of_whole_numbers_is_never_in_exponent_form(number):
    assert str(times(Decimal(f"{number}E+1"), Decimal(1))) == str(number * 10)
