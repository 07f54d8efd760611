"""Which targets the shipped code tables may have: the words the events and the rules understand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import get_args

from adapter.domain.events import AdministrationStatus, PremedicationRole, ResultStatus, Route, Verification
from adapter.domain.units import DOSE_UNITS, FACTORS_TO_IU_PER_ML, REFUSED
from adapter.knowledge.spec import NOT_OURS, Table
from adapter.knowledge.text_yaml import Fault, did_you_mean
from adapter.knowledge.unit_spellings import Meaning, may_hide_a_size, meaning_of

WELL_KNOWN_UNITS = {
    **dict.fromkeys(("iu/ml", "u/ml", "ui/ml", "ie/ml", "[iu]/ml"), "[IU]/mL"),
    **dict.fromkeys(("iu/l", "u/l", "ui/l", "ie/l", "[iu]/l"), "[IU]/L"),
    **dict.fromkeys(("kiu/l", "ku/l", "k[iu]/l"), "k[IU]/L"),
    **dict.fromkeys(("miu/ml", "mu/ml", "m[iu]/ml"), "m[IU]/mL"),
}
"""Spellings, without blanks and folded, that no site may read as another unit."""
_SIZES = {unit: meaning_of(unit) for unit in (*FACTORS_TO_IU_PER_ML, *sorted(DOSE_UNITS))}
HIGHEST_LIMIT_IU_PER_ML = Decimal("0.1")
_LIMIT = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,6})?")
_URI = re.compile(r"(?:https?://|urn:)[^\s|]+")
ACTIVITY = "asparaginase-activity"
TEXT_SYSTEM = "text"
"""The system of table rows that match a text instead of a code."""
PROMOTE = "promote-to-final"
PRODUCTS = (
    "native-ecoli",
    "pegaspargase",
    "calaspargase",
    "crisantaspase",
    "recombinant-crisantaspase",
    "unspecified-asparaginase",
)
CONCEPTS = (
    "anaphylaxis",
    "urticaria",
    "angio-oedema",
    "bronchospasm",
    "laryngeal-oedema",
    "hypotension",
    "rash",
    "itching",
    "dyspnoea",
    "flushing",
    "nausea",
    "vomiting",
    "headache",
    "somnolence",
)

WORDS_OF_NO_FIELD = (NOT_OURS, PROMOTE)
"""Targets that say what to do with a message, and never stand in a field of an event."""
NAMES_OF_DRUGS = ("asparaginase_products", "premedication_drugs")
"""Tables for which no target is suggested: the nearest spelling may be another drug."""
TARGETS: dict[str, tuple[str, ...]] = {
    "activity_tests": (ACTIVITY, NOT_OURS),
    "units": (*FACTORS_TO_IU_PER_ML, *sorted(DOSE_UNITS), REFUSED),
    "result_status": (*get_args(ResultStatus), PROMOTE),
    "asparaginase_products": (*PRODUCTS, NOT_OURS),
    "premedication_drugs": (*get_args(PremedicationRole), NOT_OURS),
    "administration_status": get_args(AdministrationStatus),
    "allergy_certainty": get_args(Verification),
    "allergy_active": ("active", "inactive", "resolved"),
    "reaction_severity": ("mild", "moderate", "severe"),
    "reaction_concepts": CONCEPTS,
    "routes": get_args(Route),
}


def target_faults(table: Table, use: str) -> Iterator[Fault]:
    """A fault for each row whose target no event and no rule understands; `use` is the shipped table of that kind."""
    if use == "quantification_limits":
        yield from _limit_faults(table)
    if use == "units":
        yield from _unit_faults(table)
    if use == "identifier_systems":
        yield from _system_faults(table)
    if use == "activity_tests":
        yield from _text_faults(table)
    allowed = TARGETS.get(use)
    if allowed is None:
        return
    for row in table.rows:
        if row.target not in allowed:
            hint = "" if use in NAMES_OF_DRUGS else did_you_mean(row.target, allowed)
            text = f"'{row.target}' is not a target of {table.name}{hint}; it takes {', '.join(allowed)}"
            yield row.fault("target", text)


def _limit_faults(table: Table) -> Iterator[Fault]:
    """A limit nobody can read, or one above every threshold, would silently change verdicts."""
    for row in table.rows:
        wrong = _limit_fault(row.extra.get("lloq", "").strip(), row.extra.get("unit", "").strip())
        if wrong:
            yield row.fault("lloq", wrong)


def _limit_fault(number: str, unit: str) -> str | None:
    if not _LIMIT.fullmatch(number) or Decimal(number) == 0:
        hint = "; write a decimal point, and format the column as text" if "," in number else ""
        return f"lloq '{number}' is not a positive number such as 0.03{hint}"
    canonical = WELL_KNOWN_UNITS.get("".join(unit.split()).casefold(), unit)
    if canonical not in FACTORS_TO_IU_PER_ML:
        return f"'{unit}' is no activity unit; write for example IU/mL"
    if Decimal(number) * FACTORS_TO_IU_PER_ML[canonical] > HIGHEST_LIMIT_IU_PER_ML:
        return f"a quantification limit of {number} {unit} is above the threshold of 0.1 IU/mL; is the unit right?"
    return None


def _unit_faults(table: Table) -> Iterator[Fault]:
    """A spelling that says its size may not be turned into another one: that error is a thousand-fold one."""
    for row in table.rows:
        if row.target not in _SIZES:
            continue
        said = meaning_of(row.code)
        if said is None and may_hide_a_size(row.code):
            yield row.fault("target", f"{_hidden_size(row.code)}; it cannot be mapped to '{row.target}'")
        elif said is None:
            text = f"nothing in '{row.code}' tells how large it is; is {row.target} what the laboratory means by it?"
            yield row.fault("target", text, "warning")
        elif said != _SIZES[row.target]:
            yield row.fault("target", f"{_said_size(row.code, said)}; it cannot be mapped to '{row.target}'")


def _hidden_size(code: str) -> str:
    why = "a size in words or remarks cannot be checked: have the unit sent without it"
    return f"'{code}' holds more than a unit, and {why}"


def _said_size(code: str, said: Meaning) -> str:
    known = next((unit for unit, size in _SIZES.items() if size == said), None)
    return f"'{code}' means {known} everywhere" if known else f"'{code}' is of a size no unit of the products has"


def _text_faults(table: Table) -> Iterator[Fault]:
    """A name alone may say that a test is not ours; that it is ours takes a code."""
    for row in table.rows:
        if row.system == TEXT_SYSTEM and row.target == ACTIVITY:
            text = (
                f"a row for the text '{row.code}' can only say '{NOT_OURS}'; map the code the laboratory sends with it"
            )
            yield row.fault("system", text)


def _system_faults(table: Table) -> Iterator[Fault]:
    for row in table.rows:
        if not _URI.fullmatch(row.target):
            text = f"'{row.target}' is not an identifier system; write a URI such as https://hospital.example/mrn"
            yield row.fault("target", text)
