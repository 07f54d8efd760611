"""How much was given and how much was ordered, in one unit where that can be known (fhir-interface 1.6, ruling 8)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from adapter.domain.times import Moment, exact_moment
from adapter.domain.units import DOSE_UNITS
from adapter.fhir import Json
from adapter.ingest.activity_reading import canonical_unit
from adapter.ingest.fhir_fields import Resource
from adapter.ingest.fhir_reading import FhirReading, elements, resolve, text_of
from adapter.knowledge.spec import Table

_MICROSECONDS = {"s": 1_000_000, "min": 60_000_000, "h": 3_600_000_000}
INFUSE_OVER_TIME = "infuse-over-time"
LONGEST_INFUSION_MICROSECONDS = 7 * 24 * _MICROSECONDS["h"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """A number and its unit: canonical where the table knows it, else as sent."""

    number: Decimal
    unit: str | None


def amount_of(quantity: Json, units: Table, source: str) -> Amount | None:
    """A FHIR Quantity; None without a number."""
    number = decimal_of(quantity.get("value")) if isinstance(quantity, dict) else None
    if number is None:
        return None
    sent = [text_of(quantity.get(name)) for name in ("code", "unit") if text_of(quantity.get(name))]
    system = text_of(quantity.get("system"))
    known = (canonical_unit(text, system, units, source) for text in sent)
    unit = next((unit for unit in known if unit in DOSE_UNITS), sent[0] if sent else None)
    return Amount(number=number, unit=unit)


def decimal_of(value: Json) -> Decimal | None:
    """A JSON number with its digits; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) < 30 else None


def given_amount(dose: Amount | None, medication: Resource | None, units: Table, source: str) -> Amount | None:
    """The amount given; millilitres of a bag become units of drug by the strength of its one ingredient."""
    if dose is None or dose.unit != "mL" or medication is None:
        return dose
    strengths = [item["strength"] for item in elements(medication.get("ingredient")) if item.get("strength")]
    if len(strengths) != 1 or not isinstance(strengths[0], dict):
        return dose
    top = amount_of(strengths[0].get("numerator"), units, source)
    bottom = amount_of(strengths[0].get("denominator"), units, source)
    if top is None or bottom is None or bottom.unit != "mL" or not bottom.number:
        return dose
    return Amount(number=dose.number * top.number / bottom.number, unit=top.unit)


def ordered_amount(
    reading: FhirReading, request: str, medication: Resource | None, unit: str | None, units: Table
) -> Decimal | None:
    """The amount ordered in `unit`: from the MedicationRequest, else Medication.amount; None when neither says."""
    found = [*_requested(reading, request, units), _packed(medication, units, reading.source)]
    return next((amount.number for amount in found if amount and unit and amount.unit == unit), None)


def infusion_end(resource: Resource, started: Moment | None) -> Moment | None:
    """The end by an infuse-over-time extension, for an exact start (Oracle Health's extension of R4)."""
    if started is None or not started.exact or started.zone_from == "unknown":
        return None
    for extension in _extensions(resource):
        quantity = extension.get("valueQuantity")
        url = text_of(extension.get("url"))
        if not isinstance(quantity, dict) or not url.endswith(INFUSE_OVER_TIME):
            continue
        number = decimal_of(quantity.get("value"))
        scale = _MICROSECONDS.get(text_of(quantity.get("code")) or text_of(quantity.get("unit")))
        if number is not None and scale and 0 <= number * scale <= LONGEST_INFUSION_MICROSECONDS:
            end = datetime.fromisoformat(started.text) + timedelta(microseconds=int(number * scale))
            return replace(exact_moment(end), zone_from=started.zone_from)
    return None


def lot_of(medication: Resource | None) -> str | None:
    """Medication.batch.lotNumber."""
    batch = (medication or {}).get("batch")
    return text_of(batch.get("lotNumber")) or None if isinstance(batch, dict) else None


def _requested(reading: FhirReading, request: str, units: Table) -> list[Amount | None]:
    order = resolve(reading, request) if request else None
    if order is None or order.get("resourceType") != "MedicationRequest":
        return []
    return [
        amount_of(rate.get("doseQuantity"), units, reading.source)
        for instruction in elements(order.get("dosageInstruction"))
        for rate in elements(instruction.get("doseAndRate"))
    ]


def _packed(medication: Resource | None, units: Table, source: str) -> Amount | None:
    amount = (medication or {}).get("amount")
    return amount_of(amount.get("numerator"), units, source) if isinstance(amount, dict) else None


def _extensions(resource: Resource) -> list[Resource]:
    dosage = resource.get("dosage")
    holders = [resource, resource.get("_effectiveDateTime"), resource.get("effectivePeriod"), dosage]
    if isinstance(dosage, dict):
        holders += [dosage.get("dose"), dosage.get("rateQuantity")]
    return [item for holder in holders if isinstance(holder, dict) for item in elements(holder.get("extension"))]
