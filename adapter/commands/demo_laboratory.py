"""The rest of the hospital's laboratory feed: everyday results, and codes that only look like asparaginase."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from adapter.commands.demo_oru import Order, Person, Row, oru

GIVEN_NAMES = (
    "ASTER", "BEGONIA", "CROCUS", "DAHLIA", "ERICA", "FREESIA", "GENTIAN", "HEATHER", "IRIS", "JASMINE", "KALMIA",
    "LILAC", "MALLOW", "NARCISSUS", "ORCHID", "PRIMULA", "QUINCE", "ROSE", "SORREL", "TULIP", "VIOLA", "YARROW",
)  # fmt: skip

Measured = tuple[str, str, float, float, str]
"""OBX-3, unit, lowest and highest value seen, reference range."""

PANELS: dict[str, tuple[Measured, ...]] = {
    "CBC^Blood count^L": (
        ("6690-2^Leukocytes^LN", "10*9/L", 0.3, 14.0, "4.5-13.5"),
        ("718-7^Haemoglobin^LN", "g/L", 62.0, 148.0, "115-155"),
        ("777-3^Platelets^LN", "10*9/L", 8.0, 420.0, "150-400"),
        ("751-8^Neutrophils^LN", "10*9/L", 0.0, 7.5, "1.5-8.0"),
        ("731-0^Lymphocytes^LN", "10*9/L", 0.1, 5.0, "1.5-6.5"),
    ),
    "LFT^Liver panel^L": (
        ("1920-8^Aspartate aminotransferase^LN", "U/L", 12.0, 310.0, "10-45"),
        ("1742-6^Alanine aminotransferase^LN", "U/L", 8.0, 420.0, "7-40"),
        ("1975-2^Bilirubin total^LN", "umol/L", 3.0, 90.0, "<21"),
        ("1751-7^Albumin^LN", "g/L", 17.0, 48.0, "35-50"),
    ),
    "COAG^Coagulation^L": (
        ("3255-7^Fibrinogen^LN", "g/L", 0.4, 4.2, "1.8-4.0"),
        ("27811-9^Antithrombin activity^LN", "%", 31.0, 118.0, "80-120"),
        ("6301-6^INR^LN", "1", 0.9, 1.9, "0.9-1.2"),
    ),
    "CHEM^Electrolytes^L": (
        ("2951-2^Sodium^LN", "mmol/L", 129.0, 147.0, "135-145"),
        ("2823-3^Potassium^LN", "mmol/L", 2.9, 5.6, "3.5-5.0"),
        ("2160-0^Creatinine^LN", "umol/L", 19.0, 97.0, "20-60"),
        ("22748-8^Triglycerides^LN", "mmol/L", 0.5, 11.0, "<1.7"),
    ),
    "TDM^Drug levels^L": (
        ("14836-7^Methotrexate^LN", "umol/L", 0.02, 88.0, ""),
        ("20578-1^Vancomycin^LN", "mg/L", 3.0, 24.0, "10-20"),
    ),
    "LIP^Pancreas^L": (
        ("3040-3^Lipase^LN", "U/L", 11.0, 480.0, "13-60"),
        ("1798-8^Amylase^LN", "U/L", 18.0, 210.0, "25-115"),
    ),
    "AMM^Ammonia^L": (("16362-6^Ammonia^LN", "umol/L", 14.0, 390.0, "<50"),),
}

LOOK_ALIKES: tuple[tuple[str, Measured], ...] = (
    ("AMINO^Amino acids^L", ("20638-3^Asparagine^LN", "umol/L", 0.2, 70.0, "30-70")),
    ("IGE^Allergen panel^L", ("7099-5^Asparagus IgE Ab^LN", "kU/L", 0.0, 3.0, "<0.35")),
    ("TRANS^Transaminases^L", ("1920-8^Aspartate aminotransferase^LN", "U/L", 12.0, 310.0, "10-45")),
)


def everyday_message(random: Random, *, control_id: str, sent: datetime, look_alike: bool) -> bytes:
    """One ORU^R01 without any asparaginase activity; `look_alike` picks a test that only reads like ours."""
    service, rows = _look_alike(random) if look_alike else _panel(random)
    collected = sent - timedelta(minutes=random.randint(25, 300))
    order = Order(
        service=service,
        filler=f"R{control_id}",
        collected=collected,
        reported=sent - timedelta(minutes=2),
        rows=rows,
    )
    return oru(control_id=control_id, sent=sent, person=_somebody(random), order=order)


def person(random: Random, mrn: str) -> Person:
    """A synthetic person with that record number."""
    return Person(
        mrn=mrn,
        given_name=random.choice(GIVEN_NAMES),
        born=f"{random.randint(2008, 2022)}{random.randint(1, 12):02d}{random.randint(1, 28):02d}",
        sex=random.choice("FM"),
    )


def _somebody(random: Random) -> Person:
    return person(random, f"7{random.randint(0, 399):05d}")


def _panel(random: Random) -> tuple[str, tuple[Row, ...]]:
    service = random.choice(tuple(PANELS))
    return service, tuple(measured_row(random, test) for test in PANELS[service])


def _look_alike(random: Random) -> tuple[str, tuple[Row, ...]]:
    service, test = random.choice(LOOK_ALIKES)
    return service, (measured_row(random, test),)


def measured_row(random: Random, measured: Measured) -> Row:
    """A test measured once, anywhere in its range."""
    test, unit, low, high, reference = measured
    value = random.uniform(low, high)
    digits = 2 if high < 10 else 1 if high < 100 else 0
    return Row(test=test, value=f"{value:.{digits}f}", unit=unit, reference_range=reference)
