"""A spelling says its size, and no row of a table may turn it into another."""

from __future__ import annotations

import csv
from decimal import Decimal
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.units import DOSE_UNITS, FACTORS_TO_IU_PER_ML, REFUSED
from adapter.knowledge.codes import target_faults
from adapter.knowledge.shipped import shipped
from adapter.knowledge.tables import lay_over, read_table
from adapter.knowledge.unit_spellings import meaning_of

SHIPPED = list(csv.DictReader(StringIO((shipped("mappings") / "tables" / "units.csv").read_text(encoding="utf-8"))))


def said(code: str, target: str) -> list[tuple[str, str]]:
    rows, faults = read_table(
        f'sender,code,system,target,label,note\n,"{code}",*,{target},,\n'.encode(), "units", "u.csv"
    )
    assert faults == []
    return [(fault.severity, fault.text) for fault in target_faults(lay_over([rows]), "units")]


@pytest.mark.parametrize("unit", FACTORS_TO_IU_PER_ML)
def test_a_canonical_unit_is_as_large_as_its_factor_says(unit):
    assert meaning_of(unit).size == FACTORS_TO_IU_PER_ML[unit]


@pytest.mark.parametrize("row", [row for row in SHIPPED if row["target"] != REFUSED], ids=lambda row: row["code"])
def test_every_shipped_spelling_means_its_target(row):
    assert meaning_of(row["code"]) == meaning_of(row["target"])


@pytest.mark.parametrize(
    ("code", "target"),
    [
        *((code, "[IU]/mL") for code in ("mUI/ml sérum", "mUI/ml", "mIE/ml", "m.I.E./ml", "mU.I./ml", "milli-IU/mL")),
        *((code, "[IU]/mL") for code in ("mIU/mL serum", "kU/ml", "I.E./l", "IE pro l", "g", "IU", "IU/m2", "ng/mL")),
        *((code, "[IU]/L") for code in ("IU/ml", "UI par ml", "kIU/L", "IU/dl", "\u00b5kat/l")),
        *((code, "m[IU]/mL") for code in ("\u00b5IU/mL", "uU/ml", "mU/dL")),
        ("\u00b5kat/l", "nkat/L"),
        ("g", "mg"),
        ("mg", "mg/m2"),
        ("kIU", "[IU]"),
        ("mL", "mg"),
        ("l", "mL"),
    ],
)
def test_a_spelling_of_another_size_is_refused(code, target):
    ((severity, text),) = said(code, target)
    assert severity == "error"
    assert text.startswith(f"'{code}' ")
    assert text.endswith(f"; it cannot be mapped to '{target}'")


@pytest.mark.parametrize(
    ("code", "target"),
    [
        *(("kU/l", "[IU]/mL"), ("kIU / L", "k[IU]/L"), ("mUI/ml sérum", "m[IU]/mL"), ("Einh./ml", "[IU]/mL")),
        *(("m.U.I./mL", "[IU]/L"), ("UI/100 ml", REFUSED), ("Unit\u00e9s/mL", "[IU]/mL"), ("\u03bcg", REFUSED)),
    ],
)
def test_a_spelling_of_the_same_size_is_taken(code, target):
    assert said(code, target) == []


def test_a_word_that_says_nothing_of_its_size_is_a_warning():
    assert said("Asparagin-E", "[IU]/mL") == [
        (
            "warning",
            "nothing in 'Asparagin-E' tells how large it is; is [IU]/mL what the laboratory means by it?",
        )
    ]


@given(
    st.sampled_from(["", "k", "m", "u", "\u00b5", "n", "milli", "Kilo"]),
    st.sampled_from(["IU", "U", "UI", "I.E.", "u", "[IU]"]),
    st.sampled_from(["mL", "l", "dL", "\u00b5l"]),
    st.sampled_from(["/", " / ", " per ", "/ "]),
    st.sampled_from([*FACTORS_TO_IU_PER_ML, *sorted(DOSE_UNITS)]),
)
def test_no_prefix_and_no_denominator_can_make_an_error_of_size(prefix, base, per, over, target):
    sizes = {"": 1, "k": 1000, "kilo": 1000, "m": "0.001", "milli": "0.001", "n": "0.000000001"}
    volumes = {"ml": 1, "l": 1000, "dl": 100, "\u03bcl": "0.001"}
    size = Decimal(sizes.get(prefix.casefold(), "0.000001")) / Decimal(volumes[per.casefold()])
    faults = said(f"{prefix}{base}{over}{per}", target)
    assert (faults == []) is (FACTORS_TO_IU_PER_ML.get(target) == size)
