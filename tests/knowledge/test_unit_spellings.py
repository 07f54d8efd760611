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
from adapter.knowledge.unit_spellings import may_hide_a_size, meaning_of
from adapter.knowledge.unit_words import VOLUMES_ML

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
        *((code, "[IU]/mL") for code in ("IE/100 ml", "0.001 IU/mL", "Tsd. IE/ml", "IU/0.1 L", "mcU/ml", "kIU/mL")),
        *((code, "[IU]/mL") for code in ("10*6 IU/L", "10^6 IU/L", "10\u2076 IU/L", "x10^6 IU/L", "1e6 IU/L")),
        *((code, "[IU]/mL") for code in ("mille UI/ml", "Thousand IU/mL", "IU.L-1", "IU/0 mL", "IU/1.73 m2", "cIU/mL")),
        ("10^3 IU/L", "[IU]/L"),
        ("\u00b5kat/l", "nkat/L"),
        ("Tsd. IE", "[IU]"),
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
    "code",
    [
        *("IU/mL (x1000)", "IU/mL x 10", "IU/mL [milli]", "IU/mL (nmol)", "IU/mL/1000", "IU/mL*1000", "IU/mL {k}"),
        *("1,000 IU/L", "1.000 IU/L", "1 000 IU/L", "10 100 IU/L", "\u00bd IU/mL", "10e3/ml", "IU/mL e3", ".001 IU/mL"),
        *("mkIU/mL", "zehntel IU/mL", "IU/mL thousand", "IU/mL (x1000", "\u5343IU/L", "%", "\u2030", "IU mL", "kIUmL"),
        *("IU/mL 25 \u00b0C", "IU/mL (37 C) (x10)", "IU/mL 37", "IU/mg protein", "IU/mL;x10", "AU/mL", "IU~mL"),
    ],
)
def test_a_number_or_a_remark_that_is_not_understood_is_refused(code):
    for target in ("[IU]/mL", "k[IU]/L"):
        ((severity, text),) = said(code, target)
        assert severity == "error"
        assert text == (
            f"'{code}' holds more than a unit, and a size in words or remarks cannot be checked: "
            f"have the unit sent without it; it cannot be mapped to '{target}'"
        )


@pytest.mark.parametrize("code", ["IU thousand", "mg/kg", "IU (x1000)", "Asparaginase IU"])
def test_a_dose_with_a_remark_is_refused_too(code):
    assert [severity for severity, _ in said(code, "[IU]")] == ["error"]


@pytest.mark.parametrize(
    ("code", "target"),
    [
        *(("10^3 IU/L", "k[IU]/L"), ("10*3.[iU]/L", "k[IU]/L"), ("10\u00b3 IU/L", "[IU]/mL"), ("Tsd. IE/l", "k[IU]/L")),
        *(("IE/100 ml", "[IU]/dL"), ("IU/0.1 L", "[IU]/dL"), ("0.001 IU/mL", "m[IU]/mL"), ("mille UI/l", "k[IU]/L")),
        *(("IU\u00b7mL\u207b\u00b9", "[IU]/mL"), ("U L-1", "[IU]/L"), ("[IU]{act}/mL", "[IU]/mL")),
        *(
            (f"IU/mL{remark}", "[IU]/mL")
            for remark in (" (37 C)", " 37 \u00b0C", " at 37\u00b0C", " (act)", " [Serum]")
        ),
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


NUMBERS = {"": 1, "1 ": 1, "10 ": 10, "1000 ": 1000, "0.001 ": "0.001", "10^3 ": 1000, "10*-3 ": "0.001", "1e6 ": 10**6}
WORDS = {"": 1, "k": 1000, "Tsd. ": 1000, "thousand ": 1000, "milli ": "0.001", "mc": "0.000001", "c": "0.01"}
DENOMINATORS = {"": 1, "1": 1, "10": 10, "100 ": 100, "0.1 ": "0.1", "1000": 1000, "0.001 ": "0.001"}


@given(*(st.sampled_from([*words]) for words in (NUMBERS, WORDS, DENOMINATORS)), st.sampled_from(["mL", "L", "dL"]))
def test_a_row_passes_exactly_where_all_that_is_said_makes_the_size_of_its_unit(number, word, over, volume):
    size = Decimal(NUMBERS[number]) * Decimal(WORDS[word])
    size /= Decimal(DENOMINATORS[over]) * VOLUMES_ML[volume.casefold()]
    for target in (*FACTORS_TO_IU_PER_ML, *sorted(DOSE_UNITS)):
        faults = said(f"{number}{word}IU/{over}{volume}", target)
        assert (faults == []) is (FACTORS_TO_IU_PER_ML.get(target) == size)
        assert all(severity == "error" for severity, _ in faults)


@given(st.text(min_size=1, max_size=8), st.integers(0, 5))
def test_whatever_stands_beside_a_unit_is_understood_or_refused(beside, place):
    code = f"{'IU/mL'[:place]}{beside}{'IU/mL'[place:]}"
    hides = any(character.isnumeric() for character in beside) or place in (0, 5)
    said_of_it = meaning_of(code)
    if said_of_it is None and hides and any(map(str.isalnum, beside)):
        assert may_hide_a_size(code)
