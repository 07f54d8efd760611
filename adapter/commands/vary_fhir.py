"""The shapes in which sources send one dose (MedicationAdministration) or one allergy record (AllergyIntolerance)."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from decimal import Decimal
from typing import Any

from adapter.commands.vary_variation import Variation, named
from adapter.fhir import dumps

Resource = dict[str, Any]
MAPPINGS = {
    "MedicationAdministration": "fhir/medication_administration_asparaginase.yaml",
    "AllergyIntolerance": "fhir/allergy_hypersensitivity.yaml",
}
STATUSES = ("in-progress", "not-done", "on-hold", "completed", "entered-in-error", "stopped", "unknown", "finished")
CERTAINTY = ("unconfirmed", "confirmed", "refuted", "entered-in-error")
ACTIVITY = ("active", "inactive", "resolved")
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/allergyintolerance"
BUNDLES = ("transaction", "collection", "searchset", "message")
_TIMES = ("effectiveDateTime", "effectivePeriod", "_effectiveDateTime")
_DRUGS = ("medicationCodeableConcept", "medicationReference", "contained")
_ONSETS = ("onsetDateTime", "onsetPeriod", "onsetAge", "lastOccurrence", "recordedDate")


def fhir_variations(good: Resource) -> Iterator[Variation]:
    """Every variation of one resource, by its type."""
    if good["resourceType"] == "MedicationAdministration":
        yield from _status(good)
        yield from _drug(good)
        yield from _time(good)
        yield from _amount(good)
        subject = "subject"
    else:
        yield from _allergy(good)
        yield from _reaction(good)
        subject = "patient"
    yield from _subject(good, subject)
    yield from _record(good)


def _made(name: str, says: str, good: Resource, *gone: str, **put: Any) -> Variation:  # noqa: ANN401 - any JSON
    """The resource without some elements and with others."""
    resource = {key: value for key, value in deepcopy(good).items() if key not in gone}
    return Variation(name=named(name), says=says, raw=dumps({**resource, **put}, indent=True) + b"\n")


def _status(good: Resource) -> Iterator[Variation]:
    for status in STATUSES:
        says = f"status {status}" if status != "finished" else "a status that is none of the list"
        yield _made(f"status-{status}", says, good, status=status)
    yield _made("status-absent", "no status", good, "status")
    reason = [{"text": "stopped because of an allergic reaction"}]
    yield _made(
        "status-stopped-for-a-reaction", "stopped, with the reason as text", good, status="stopped", statusReason=reason
    )


def _drug(good: Resource) -> Iterator[Variation]:
    concept = good.get("medicationCodeableConcept") or {"text": "Pegaspargase"}
    coding = (concept.get("coding") or [{}])[0]
    text = concept.get("text") or coding.get("display") or "Pegaspargase"
    atc = {"system": "http://www.whocc.no/atc", "code": "L01XX24"}
    medication = {"resourceType": "Medication", "id": "m1", "code": concept}
    ingredient = {"resourceType": "Medication", "id": "m1", "ingredient": [{"itemCodeableConcept": concept}]}
    for name, says, put in (
        ("text-only", "the drug as text alone", {"medicationCodeableConcept": {"text": text}}),
        (
            "two-codings",
            "the local code behind ATC",
            {"medicationCodeableConcept": {**concept, "coding": [atc, coding]}},
        ),
        ("atc-only", "the ATC code alone", {"medicationCodeableConcept": {"coding": [atc]}}),
        ("other", "another drug", {"medicationCodeableConcept": {"text": "Vincristine"}}),
        ("near", "a drug that looks like ours", {"medicationCodeableConcept": {"text": "Pegaspargase new brand"}}),
        (
            "contained",
            "a contained Medication",
            {"contained": [medication], "medicationReference": {"reference": "#m1"}},
        ),
        (
            "ingredient",
            "the drug as ingredient",
            {"contained": [ingredient], "medicationReference": {"reference": "#m1"}},
        ),
        ("unknown-reference", "a Medication nobody sent", {"medicationReference": {"reference": "Medication/m999"}}),
        ("display-only", "a reference with its display alone", {"medicationReference": {"display": text}}),
    ):
        yield _made(f"medication-{name}", says, good, *_DRUGS, **put)
    yield _made("medication-absent", "no drug", good, *_DRUGS)


def _time(good: Resource) -> Iterator[Variation]:
    start = (
        good.get("effectiveDateTime") or (good.get("effectivePeriod") or {}).get("start") or "2025-11-10T09:00:00+01:00"
    )
    extension = {
        "url": "https://fhir.example/r4/StructureDefinition/infuse-over-time",
        "valueQuantity": {"value": 120, "unit": "min", "system": "http://unitsofmeasure.org", "code": "min"},
    }
    for name, says, put in (
        ("datetime", "one time", {"effectiveDateTime": start}),
        ("period", "begin and end", {"effectivePeriod": {"start": start, "end": start}}),
        ("period-open", "a period without end", {"effectivePeriod": {"start": start}}),
        ("day-only", "the day alone", {"effectiveDateTime": start[:10]}),
        ("month-only", "the month alone", {"effectiveDateTime": start[:7]}),
        ("no-zone", "a time without zone, which FHIR forbids", {"effectiveDateTime": start[:19]}),
        ("utc", "a time in UTC", {"effectiveDateTime": f"{start[:19]}Z"}),
        (
            "infuse-over-time",
            "the duration as an extension",
            {"effectiveDateTime": start, "_effectiveDateTime": {"extension": [extension]}},
        ),
    ):
        yield _made(f"effective-{name}", says, good, *_TIMES, **put)
    yield _made("effective-absent", "no time", good, *_TIMES)


def _amount(good: Resource) -> Iterator[Variation]:
    dosage = good.get("dosage") or {}
    dose = dosage.get("dose") or {"value": Decimal(1875), "unit": "IU"}
    for name, says, value in (
        ("unit-as-text", "the unit as text alone", {"value": dose.get("value"), "unit": "IU"}),
        (
            "ucum",
            "the unit of UCUM alone",
            {**dose, "unit": None, "system": "http://unitsofmeasure.org", "code": "[IU]"},
        ),
        (
            "millilitres",
            "millilitres of a bag",
            {"value": 2, "unit": "mL", "system": "http://unitsofmeasure.org", "code": "mL"},
        ),
        ("per-square-metre", "units per square metre", {"value": 2500, "unit": "IU/m2"}),
        ("no-unit", "a number without unit", {"value": dose.get("value")}),
        ("zero", "an amount of zero", {**dose, "value": 0}),
    ):
        filled = {key: item for key, item in value.items() if item is not None}
        yield _made(f"dose-{name}", says, good, dosage={**dosage, "dose": filled})
    yield _made("dose-absent", "no amount", good, "dosage")
    snomed = {"coding": [{"system": "http://snomed.info/sct", "code": "47625008"}], "text": "IV Piggyback"}
    yield _made("route-coded", "a SNOMED route with a local text", good, dosage={**dosage, "route": snomed})
    yield _made("route-text", "the route as text", good, dosage={**dosage, "route": {"text": "IM"}})


def _allergy(good: Resource) -> Iterator[Variation]:
    for word in CERTAINTY:
        gone = ("clinicalStatus",) if word == "entered-in-error" else ()
        concept = {"coding": [{"system": f"{TERMINOLOGY}-verification", "code": word}]}
        yield _made(f"verification-{word}", f"verification {word}", good, *gone, verificationStatus=concept)
    for word in ACTIVITY:
        concept = {"coding": [{"system": f"{TERMINOLOGY}-clinical", "code": word}]}
        yield _made(f"clinical-{word}", f"clinical status {word}", good, clinicalStatus=concept)
    yield _made("status-absent", "neither status", good, "clinicalStatus", "verificationStatus")
    none = {"coding": [{"system": "http://snomed.info/sct", "code": "716186003", "display": "No known allergy"}]}
    yield _made("code-no-known-allergy", "the code for no known allergy", good, "reaction", code=none)
    yield _made("code-class", "the class of substances as text", good, code={"text": "Asparaginase"})
    yield _made("code-other", "another substance", good, code={"text": "Penicillin"})


def _reaction(good: Resource) -> Iterator[Variation]:
    first = (good.get("reaction") or [{"manifestation": [{"text": "Urticaria"}]}])[0]
    when = first.get("onset") or good.get("recordedDate") or "2025-11-10T09:30:00+01:00"
    bare = {key: value for key, value in first.items() if key != "onset"}
    yield _made("reaction-absent", "no reaction row", good, "reaction")
    yield _made(
        "reaction-two", "two reaction rows", good, reaction=[first, {**bare, "manifestation": [{"text": "Rash"}]}]
    )
    yield _made(
        "reaction-as-text",
        "the manifestation as text",
        good,
        reaction=[{**first, "manifestation": [{"text": "Hives"}]}],
    )
    for grade in ("CTCAE grade 3", "grade IV", "grade 2-3", "no grade 3 reaction"):
        yield _made(f"reaction-{grade}", f"the words `{grade}`", good, reaction=[{**first, "description": grade}])
    for element in ("onsetDateTime", "lastOccurrence", "recordedDate"):
        put = {element: when, "reaction": [bare]}
        yield _made(f"time-{element}", f"the only time is {element}", good, *_ONSETS, **put)
    yield _made(
        "time-of-the-reaction", "the reaction has its own time", good, *_ONSETS, reaction=[{**bare, "onset": when}]
    )
    yield _made("time-absent", "no time at all", good, *_ONSETS, reaction=[bare])


def _subject(good: Resource, element: str) -> Iterator[Variation]:
    for name, says, reference in (
        ("unknown-reference", "a Patient nobody sent", {"reference": "Patient/p999"}),
        ("display-only", "a display alone", {"display": "somebody"}),
        ("group", "a Group", {"reference": "Group/g1"}),
        (
            "other-authority",
            "a number of another authority",
            {"identifier": {"system": "https://elsewhere.example/id", "value": "1"}},
        ),
    ):
        yield _made(f"patient-{name}", f"the patient is {says}", good, **{element: reference})
    yield _made("patient-absent", "no patient", good, element)


def _record(good: Resource) -> Iterator[Variation]:
    yield _made("record-no-id", "no id", good, "id")
    yield _made("record-no-meta", "no version", good, "meta")
    yield _made(
        "record-unknown-extension",
        "an extension nobody knows",
        good,
        extension=[{"url": "https://fhir.example/x", "valueBoolean": True}],
    )
    yield _made(
        "record-unknown-modifier",
        "a modifier extension nobody knows",
        good,
        modifierExtension=[{"url": "https://fhir.example/not-really", "valueBoolean": True}],
    )
    yield _made("record-unknown-element", "an element FHIR does not have", good, unheardOf="content")
    for kind in BUNDLES:
        entry: Resource = {"fullUrl": f"https://server.example/fhir/{good['resourceType']}/1", "resource": good}
        if kind == "transaction":
            entry["request"] = {"method": "POST", "url": good["resourceType"]}
        bundle = {"resourceType": "Bundle", "type": kind, "entry": [entry]}
        yield Variation(
            name=f"bundle-{kind}", says=f"in a Bundle of type {kind}", raw=dumps(bundle, indent=True) + b"\n"
        )
