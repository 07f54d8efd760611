"""The activity Observation: one per sample key, number and unit as the laboratory sent them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Context, Decimal
from functools import lru_cache
from typing import Any

from adapter.domain.events import ActivityMeasured, Coding, ResultStatus
from adapter.domain.units import FACTORS_TO_IU_PER_ML
from adapter.fhir import UCUM
from adapter.writeback.elements import ABSENT_REASONS, ENTRY_OF, identifier_parts, moment_time, narrative, uri

STATUSES: Mapping[ResultStatus, str] = {
    "final": "final",
    "corrected": "corrected",
    "preliminary": "preliminary",
    "pending": "preliminary",
    "not-asked": "cancelled",
    "cancelled": "cancelled",
    "entered-in-error": "entered-in-error",
}
"""Result status to Observation.status; `registered` is not used."""
_NO_LEVEL: Mapping[ResultStatus, str] = {
    "pending": "temp-unknown",
    "not-asked": "not-asked",
    "cancelled": "not-performed",
}
_PLAIN_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")
_HL7_SYSTEMS = {"LN": "http://loinc.org", "SCT": "http://snomed.info/sct"}
UNITS_REMEMBERED = 256
_EXACT = Context(prec=80)


def activity_names(sample: ActivityMeasured) -> dict[str, Any]:
    """What the template `observation-activity` can say of one sample, beside its key and subject."""
    value = _value(sample)
    reason = None if value else _absent_reason(sample)
    return {
        "narrative": narrative([_sentence(sample, value)]),
        "filler": identifier_parts(sample.filler),
        "placer": identifier_parts(sample.placer),
        "status": STATUSES[sample.status],
        "test": _test(sample.test),
        "collected": moment_time(sample.collected),
        "resulted": _instant(sample),
        "laboratory": sample.laboratory,
        "value": value,
        "absent": {"code": reason, "display": ABSENT_REASONS[reason]} if reason else {},
        "laboratory_flag": sample.laboratory_flag,
        "notes": _notes(sample, value),
        "method": sample.method,
        "specimen": sample.specimen,
        "specimen_type": sample.specimen_type,
        "reference_range": sample.reference_range,
    }


@lru_cache(maxsize=UNITS_REMEMBERED)
def ucum_code(factor: Decimal, unit: str | None) -> str | None:
    """The UCUM code of the unit a factor belongs to; the spelling only decides between equal ones (IU/L, mIU/mL)."""
    codes = [code for code, known in FACTORS_TO_IU_PER_ML.items() if known == factor]
    per_ml = [code for code in codes if code.endswith("/mL")]
    others = [code for code in codes if not code.endswith("/mL")]
    ordered = per_ml + others if not unit or "ml" in unit.casefold() else others + per_ml
    return next(iter(ordered), None)


def _value(sample: ActivityMeasured) -> dict[str, Any]:
    """The number that was sent; empty for words, ranges, and results that are no level."""
    if sample.status in _NO_LEVEL:
        return {}
    activity, unit = sample.activity, sample.reported.unit
    if activity is None:
        text = (sample.reported.value or "").strip()
        return {"number": Decimal(text), "unit": unit} if _PLAIN_NUMBER.fullmatch(text) else {}
    if activity.number is None:
        return {}
    code = ucum_code(activity.factor, unit)
    # Multiplying back is exact and keeps the digits: 450.0 IU/L is 0.4500 IU/mL is 450.0 IU/L.
    number = _EXACT.divide(activity.number, activity.factor)
    return {
        "number": number,
        "comparator": activity.comparator,
        "unit": unit or code,
        "system": UCUM if code else None,
        "code": code,
    }


def _absent_reason(sample: ActivityMeasured) -> str:
    if sample.status in _NO_LEVEL:
        return _NO_LEVEL[sample.status]
    if "specimen-quality" in sample.remarks:
        return "not-performed"
    if sample.reported.text.strip():
        return "as-text"
    return "temp-unknown" if sample.status == "preliminary" else "unknown"


def _notes(sample: ActivityMeasured, value: Mapping[str, Any]) -> list[dict[str, str]]:
    """Every note with what it is made of, which only a trace asks for."""
    text = sample.reported.text.strip()
    told = f"{text} {sample.reported.unit}" if text[-1:].isdigit() and sample.reported.unit else text
    received = f"Value as received: {told}" if text and not value else ""
    assumed = "The laboratory sent no unit; the configured one was used." if "unit-assumed" in sample.remarks else ""
    notes = {"received": received, "comment": sample.comment, "assumed": assumed}
    return [{"text": text, ENTRY_OF: of} for of, text in notes.items() if text]


def _sentence(sample: ActivityMeasured, value: Mapping[str, Any]) -> str:
    collected = moment_time(sample.collected)
    when = f"collected {collected}" if collected else "collection time unknown"
    return f"Asparaginase activity {_spoken(sample, value)}, {when}, {STATUSES[sample.status]}."


def _spoken(sample: ActivityMeasured, value: Mapping[str, Any]) -> str:
    if not value:
        return sample.reported.text.strip() or "without a value"
    number = format(value["number"], "f")
    return " ".join(part for part in ((value.get("comparator") or "") + number, value["unit"]) if part)


def _test(test: Coding | None) -> dict[str, Any]:
    if test is None:
        return {}
    system = _HL7_SYSTEMS.get(test.system or "") or uri(test.system)
    return {"system": system, "code": test.code, "text": test.text, "as_sent": True}


def _instant(sample: ActivityMeasured) -> str | None:
    """`issued` is an instant: only an exact time with a zone will do."""
    at = sample.resulted
    text = moment_time(at)
    return text if at is not None and at.exact and text and "T" in text else None
