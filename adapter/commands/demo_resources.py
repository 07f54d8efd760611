"""Writes the FHIR R4 resources of the demo hospital: patients, administrations, allergy records."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from adapter.commands.demo_oru import Person
from adapter.commands.demo_story import Dose, Premedication, Reaction

Resource = dict[str, Any]

MRN_SYSTEM = "https://hospital.example/mrn"
FORMULARY = "https://hospital.example/formulary"
UCUM = "http://unitsofmeasure.org"
SNOMED = "http://snomed.info/sct"
DRUG_NAMES = {
    "PEGASP": "Pegaspargase",
    "CALASP": "Calaspargase pegol",
    "CRISAN": "Crisantaspase",
    "HYDROC": "Hydrocortisone",
    "CHLORPH": "Chlorphenamine",
}


def patient(person: Person, *, recorded: datetime) -> Resource:
    """The hospital's Patient resource for one synthetic person."""
    return {
        "resourceType": "Patient",
        "id": patient_id(person),
        "meta": _meta(1, recorded),
        "identifier": [{"system": MRN_SYSTEM, "value": person.mrn}],
        "name": [{"family": "ZZDEMO", "given": [person.given_name]}],
        "gender": "female" if person.sex == "F" else "male",
        "birthDate": f"{person.born[:4]}-{person.born[4:6]}-{person.born[6:]}",
    }


def patient_id(person: Person) -> str:
    """The resource id of a person's Patient."""
    return f"demo-{person.mrn}"


def administration(person: Person, dose: Dose, *, number: int, started: datetime) -> Resource:
    """The MedicationAdministration of one dose; with an ordered amount it carries its order inside."""
    ended = started + timedelta(minutes=dose.infusion_minutes)
    key = f"demo-{person.mrn}-dose-{number}"
    route = ("78421000", "IM") if dose.intramuscular else ("47625008", "IV")
    body = {
        **_administration_head(person, dose.drug, key=key, recorded=ended + timedelta(minutes=10)),
        "status": dose.status,
        "effectivePeriod": {"start": _instant(started), "end": _instant(ended)},
        "dosage": {
            "route": {"coding": [{"system": SNOMED, "code": route[0]}], "text": route[1]},
            "dose": _amount(dose.given_iu_per_m2),
        },
    }
    if dose.ordered_iu_per_m2 is None:
        return body
    order = {
        "resourceType": "MedicationRequest",
        "id": f"order-{number}",
        "status": "completed",
        "intent": "order",
        "medicationCodeableConcept": _drug(dose.drug),
        "subject": _subject(person),
        "dosageInstruction": [{"doseAndRate": [{"doseQuantity": _amount(dose.ordered_iu_per_m2)}]}],
    }
    return {**body, "contained": [order], "request": {"reference": f"#order-{number}"}}


def premedication(person: Person, given: Premedication, *, key: str, dose_started: datetime) -> Resource:
    """The MedicationAdministration of one premedication drug."""
    at = dose_started - timedelta(hours=given.hours_before)
    return {
        **_administration_head(person, given.drug, key=f"demo-{person.mrn}-{key}", recorded=at),
        "status": "completed",
        "effectiveDateTime": _instant(at),
    }


def allergy(person: Person, reaction: Reaction, drug: str, *, number: int, dose_started: datetime) -> Resource:
    """The AllergyIntolerance that records one reaction to one dose."""
    onset = dose_started + timedelta(hours=reaction.hours)
    return {
        "resourceType": "AllergyIntolerance",
        "id": f"demo-{person.mrn}-allergy-{number}",
        "meta": _meta(1, onset + timedelta(hours=1)),
        "clinicalStatus": _terminology("allergyintolerance-clinical", "active"),
        "verificationStatus": _terminology("allergyintolerance-verification", "confirmed"),
        "type": "allergy",
        "code": _drug(drug),
        "patient": _subject(person),
        "recordedDate": _instant(onset + timedelta(hours=1)),
        "reaction": [
            {
                "manifestation": [{"coding": [{"system": SNOMED, "code": reaction.snomed, "display": reaction.words}]}],
                "onset": _instant(onset),
                "severity": reaction.severity,
            }
        ],
    }


def retracted(record: Resource, *, at: datetime) -> Resource:
    """The next version of an AllergyIntolerance, entered in error (R4 then forbids clinicalStatus, ait-2)."""
    body = {name: value for name, value in record.items() if name != "clinicalStatus"}
    return {
        **body,
        "meta": _meta(2, at),
        "verificationStatus": _terminology("allergyintolerance-verification", "entered-in-error"),
    }


def _administration_head(person: Person, drug: str, *, key: str, recorded: datetime) -> Resource:
    return {
        "resourceType": "MedicationAdministration",
        "id": key,
        "meta": _meta(1, recorded),
        "medicationCodeableConcept": _drug(drug),
        "subject": _subject(person),
    }


def _subject(person: Person) -> Resource:
    return {
        "reference": f"Patient/{patient_id(person)}",
        "identifier": {"system": MRN_SYSTEM, "value": person.mrn},
    }


def _drug(code: str) -> Resource:
    return {"coding": [{"system": FORMULARY, "code": code, "display": DRUG_NAMES[code]}], "text": DRUG_NAMES[code]}


def _amount(value: int) -> Resource:
    return {"value": value, "unit": "IU/m2", "system": UCUM, "code": "[IU]/m2"}


def _terminology(name: str, code: str) -> Resource:
    return {"coding": [{"system": f"http://terminology.hl7.org/CodeSystem/{name}", "code": code}]}


def _meta(version: int, updated: datetime) -> Resource:
    return {"versionId": str(version), "lastUpdated": _instant(updated)}


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
