import json
from datetime import UTC, datetime
from decimal import Decimal
from itertools import permutations
from pathlib import Path

import pytest
from at_length import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.domain.events import AsparaginaseAdministered, PremedicationGiven
from adapter.ingest.fhir_reactions import explicit_grade
from adapter.ingest.translate import FhirItem, check_fhir, fhir_resources, fhir_stamp, translate_fhir
from adapter.knowledge.load import load_knowledge

MAPPINGS = Path(__file__).parents[2] / "mappings"
KNOWLEDGE, _ = load_knowledge([MAPPINGS / "demo"], base=MAPPINGS)
FORMULARY = "https://hospital.example/formulary"
MRN = "https://hospital.example/mrn"
PATIENT = {"resourceType": "Patient", "id": "p1", "identifier": [{"system": MRN, "value": "4711"}]}
PEGASP = {"coding": [{"system": FORMULARY, "code": "PEGASP"}]}
DOSE = {
    "resourceType": "MedicationAdministration",
    "id": "m1",
    "meta": {"versionId": "1"},
    "status": "completed",
    "medicationCodeableConcept": PEGASP,
    "subject": {"reference": "Patient/p1"},
    "effectiveDateTime": "2025-11-10T09:00:00+01:00",
}
ALLERGY = {
    "resourceType": "AllergyIntolerance",
    "id": "a1",
    "meta": {"versionId": "1"},
    "clinicalStatus": {
        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active"}]
    },
    "code": PEGASP,
    "patient": {"reference": "Patient/p1"},
    "reaction": [{"manifestation": [{"text": "Urticaria"}], "onset": "2025-11-10T09:10:00+01:00"}],
}
KNOWN = {"Patient/p1": PATIENT}


def translate(resource, known=None, **options):
    return translate_fhir(resource, KNOWLEDGE, (KNOWN if known is None else known).get, source="ehr", **options)


def dose(**changes):
    (found,) = translate({**DOSE, **changes}).events
    return found


def reaction(**changes):
    (found,) = translate({**ALLERGY, **changes}).events
    return found


def codes(translation):
    return [(p.code, p.where) for p in translation.problems]


def test_a_patient_is_an_identity_fact_and_is_remembered():
    found = translate({**PATIENT, "deceasedDateTime": "2025-12-01", "meta": {"versionId": "3"}})
    (record,) = found.patients
    assert (record.reference, record.patient, record.deceased, record.version.number) == (
        "Patient/p1",
        f"{MRN}|4711",
        True,
        3,
    )
    assert [reference for reference, _ in found.known] == ["Patient/p1"]


def test_a_merged_patient_names_the_surviving_one():
    link = [{"type": "replaced-by", "other": {"reference": "https://server/fhir/Patient/p2/_history/4"}}]
    assert translate({**PATIENT, "link": link}).patients[0].replaced_by == "Patient/p2"


@pytest.mark.parametrize(
    "subject",
    [
        {"reference": "Patient/p1"},
        {"reference": "https://server/fhir/Patient/p1"},
        {"identifier": {"system": MRN, "value": "4711"}},
        {"reference": "Patient/unheard", "identifier": {"system": MRN, "value": "4711"}},
    ],
)
def test_a_subject_is_known_by_its_identifier_or_its_patient(subject):
    assert dose(subject=subject).patient == f"{MRN}|4711"


@pytest.mark.parametrize(
    ("subject", "parked", "waits_for"),
    [
        ({"reference": "Patient/p9"}, "unknown-patient", ("Patient/p9",)),
        ({"identifier": {"system": "urn:other", "value": "1"}}, "unknown-authority", ()),
        ({"display": "somebody"}, "patient-missing", ()),
        (None, "patient-missing", ()),
    ],
)
def test_a_dose_of_an_unknown_patient_waits(subject, parked, waits_for):
    found = translate({**DOSE, "subject": subject})
    assert (found.events, found.parked, found.waits_for) == ((), parked, waits_for)
    assert codes(found) == [(parked, "MedicationAdministration.subject")]


def test_a_patient_without_a_mapped_system_parks_the_dose():
    strange = {**PATIENT, "identifier": [{"system": "urn:x", "value": "1"}]}
    found = translate(DOSE, {"Patient/p1": strange})
    assert (found.events, found.parked, found.waits_for) == ((), "unknown-authority", ("Patient/p1",))


def test_a_group_is_nobody():
    found = translate({**DOSE, "subject": {"reference": "Group/g1"}})
    assert (found.events, found.parked, codes(found)) == (
        (),
        None,
        [("resource-unsupported", "MedicationAdministration.subject")],
    )


MEDICATION = {"resourceType": "Medication", "id": "d1", "code": PEGASP, "batch": {"lotNumber": "L7"}}
SALINE = {"code": {"text": "bag"}, "ingredient": [{"itemCodeableConcept": PEGASP}]}


def by_reference(reference, contained=()):
    made = {key: value for key, value in DOSE.items() if key != "medicationCodeableConcept"}
    return {**made, "medicationReference": {"reference": reference}, "contained": list(contained)}


@pytest.mark.parametrize(
    ("resource", "known"),
    [
        (by_reference("#d1", [MEDICATION]), {}),
        (by_reference("Medication/d1"), {"Medication/d1": MEDICATION}),
        (by_reference("#d1", [{**SALINE, "resourceType": "Medication", "id": "d1"}]), {}),
        (
            by_reference(
                "#d1",
                [{"resourceType": "Medication", "id": "d1", "ingredient": [{"itemReference": {"reference": "#d2"}}]},
                 {**MEDICATION, "id": "d2"}],
            ),
            {},
        ),
    ],
)  # fmt: skip
def test_a_medication_is_found_contained_known_or_among_ingredients(resource, known):
    (found,) = translate(resource, {**KNOWN, **known}).events
    assert found.product == "pegaspargase"


def test_an_unknown_medication_waits_for_it():
    found = translate(by_reference("Medication/d9"))
    assert (found.events, found.parked, found.waits_for) == ((), "medication-unresolved", ("Medication/d9",))


def test_medications_that_contain_each_other_end():
    loop = {"resourceType": "Medication", "id": "d1", "ingredient": [{"itemReference": {"reference": "#d1"}}]}
    assert translate(by_reference("#d1", [loop])).events == ()


def test_the_lot_comes_from_the_medication():
    (found,) = translate(by_reference("#d1", [MEDICATION])).events
    assert found.lot == "L7"


@pytest.mark.parametrize(
    ("concept", "events", "problem"),
    [
        ({"text": "Oncaspar 3750 IE"}, 0, "product-unmapped"),
        ({"coding": [{"code": "1", "display": "PEGASPARGASE INJ"}]}, 0, "product-unmapped"),
        ({"text": "Methylprednisolone"}, 0, "near-miss"),
        ({"text": "Paracetamol"}, 0, None),
        ({"coding": [{"code": "77"}, {"system": FORMULARY, "code": "PEGASP"}]}, 1, None),
        ({"coding": [{"system": "http://www.whocc.no/atc", "code": "L01XX24"}]}, 1, None),
    ],
)
def test_a_drug_is_ours_near_or_another(concept, events, problem):
    found = translate({**DOSE, "medicationCodeableConcept": concept})
    assert (len(found.events), [p.code for p in found.problems]) == (events, [problem] if problem else [])
    assert found.parked == ("product-unmapped" if problem == "product-unmapped" else None)


def test_premedication_is_its_own_event():
    found = dose(medicationCodeableConcept={"coding": [{"system": FORMULARY, "code": "CHLORPH"}]})
    assert isinstance(found, PremedicationGiven)
    assert found.role == "h1-antihistamine"


IU = {"value": Decimal("1875.0"), "unit": "IU", "code": "[IU]", "system": "http://unitsofmeasure.org"}
ORDER = {
    "resourceType": "MedicationRequest",
    "id": "r1",
    "dosageInstruction": [{"doseAndRate": [{"doseQuantity": {**IU, "value": Decimal(3750)}}]}],
}


@pytest.mark.parametrize(
    ("changes", "known", "ordered"),
    [
        ({"request": {"reference": "MedicationRequest/r1"}}, {"MedicationRequest/r1": ORDER}, Decimal(3750)),
        ({"request": {"reference": "#r1"}, "contained": [ORDER]}, {}, Decimal(3750)),
        ({"request": {"reference": "MedicationRequest/r1"}}, {}, None),
        ({}, {"MedicationRequest/r1": ORDER}, None),
    ],
)
def test_the_ordered_amount_is_that_of_the_request_in_the_same_unit(changes, known, ordered):
    (found,) = translate({**DOSE, "dosage": {"dose": IU}, **changes}, {**KNOWN, **known}).events
    assert (str(found.amount), found.unit, found.ordered_amount) == ("1875.0", "[IU]", ordered)


def test_an_order_in_another_unit_tells_nothing():
    request = {"reference": "MedicationRequest/r1"}
    known = {**KNOWN, "MedicationRequest/r1": ORDER}
    (found,) = translate({**DOSE, "dosage": {"dose": {"value": 5, "unit": "mL"}}, "request": request}, known).events
    assert (found.amount, found.unit, found.ordered_amount) == (Decimal(5), "mL", None)


def test_millilitres_of_a_bag_become_units_by_the_strength():
    strength = {"numerator": {**IU, "value": 3750}, "denominator": {"value": 100, "unit": "mL"}}
    bag = {**MEDICATION, "ingredient": [{"itemCodeableConcept": PEGASP, "strength": strength}]}
    bag["amount"] = {"numerator": {**IU, "value": 3750}}
    resource = {**by_reference("#d1", [bag]), "dosage": {"dose": {"value": 50, "unit": "mL"}}}
    (found,) = translate(resource).events
    assert (found.amount, found.unit, found.ordered_amount) == (Decimal(1875), "[IU]", Decimal(3750))


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        (
            {"coding": [{"system": "http://snomed.info/sct", "code": "47625008"}], "text": "IV Piggyback"},
            ("IV", "IV Piggyback"),
        ),
        ({"text": "IM"}, ("IM", "IM")),
        ({"text": "subcutaneous"}, (None, "subcutaneous")),
        (None, (None, None)),
    ],
)
def test_a_route_is_ours_by_code_or_text(route, expected):
    found = dose(dosage={"route": route} if route else {})
    assert (found.route, found.route_text) == expected


@pytest.mark.parametrize("status", ["completed", "stopped", "in-progress", "on-hold", "unknown", "not-done"])
def test_every_status_of_r4_is_kept(status):
    assert dose(status=status).status == status


def test_a_status_off_the_list_is_unknown_and_named():
    found = translate({**DOSE, "status": "banana"})
    assert (found.events[0].status, codes(found)) == ("unknown", [("fhir-invalid", "MedicationAdministration.status")])


def test_a_planned_dose_that_was_not_given_is_not_done():
    assert dose(status="not-done", effectiveDateTime="2099-05-05T13:00:00Z").status == "not-done"


@pytest.mark.parametrize(
    ("text", "zone", "expected", "remarks", "problems"),
    [
        ("2025-11-10T09:00:00+01:00", None, "2025-11-10T09:00:00+01:00", (), []),
        ("2025-11-10T09:00:00", UTC, "2025-11-10T09:00:00Z", ("zone-assumed",), []),
        ("2025-11-10T09:00:00", None, "2025-11-10T09:00:00", ("zone-missing",), ["zone-missing"]),
        ("2025-11-10", UTC, "2025-11-10", (), []),
        ("2025-11", UTC, "2025-11", (), []),
        ("soon", UTC, None, (), ["time-unreadable"]),
        ("0001-01-01", None, None, (), ["time-unreadable"]),
    ],
)
def test_a_time_is_exact_an_interval_or_nothing(text, zone, expected, remarks, problems):
    found = translate({**DOSE, "effectiveDateTime": text}, zone=zone)
    (event,) = found.events
    assert (event.started.text if event.started else None, event.remarks) == (expected, remarks)
    assert [p.code for p in found.problems] == problems


def test_a_given_dose_without_a_time_is_named_and_kept():
    found = translate({key: value for key, value in DOSE.items() if key != "effectiveDateTime"})
    assert (found.events[0].started, codes(found)) == (None, [("fhir-invalid", "MedicationAdministration.effective")])


def test_an_infusion_time_gives_the_end():
    extension = {
        "url": "https://ehr.example/r4/StructureDefinition/infuse-over-time",
        "valueQuantity": {"value": 90, "unit": "min"},
    }
    assert dose(dosage={"extension": [extension]}).ended.text == "2025-11-10T10:30:00+01:00"
    assert dose(dosage={"extension": [{**extension, "url": "other"}]}).ended is None


def test_a_period_gives_start_and_end():
    period = {"start": "2025-11-10T09:00:00Z", "end": "2025-11-10T10:00:00Z"}
    changed = {key: value for key, value in DOSE.items() if key != "effectiveDateTime"}
    (found,) = translate({**changed, "effectivePeriod": period}).events
    assert (found.started.text, found.ended.text) == ("2025-11-10T09:00:00Z", "2025-11-10T10:00:00Z")


def test_identity_is_the_id_then_the_first_identifier_then_a_digest():
    identifier = [{"system": "urn:mar", "value": "7"}, {"system": "urn:mar", "value": "8"}]
    without = {key: value for key, value in DOSE.items() if key != "id"}
    (first,) = translate({**DOSE, "identifier": identifier}).events
    (second,) = translate({**without, "identifier": identifier}).events
    third = translate(without)
    again = translate({**without, "meta": {"versionId": "2"}, "text": {"div": "x"}})
    assert (first.key, first.identifiers) == ("MedicationAdministration/m1", ("urn:mar|7", "urn:mar|8"))
    assert second.key == "urn:mar|7"
    assert third.events[0].key.startswith("sha256:")
    assert third.events[0].key == again.events[0].key
    assert codes(third) == [("weak-identity", "MedicationAdministration.id")]


@pytest.mark.parametrize(
    ("meta", "number", "updated", "weak"),
    [
        ({"versionId": "7"}, 7, None, False),
        ({"versionId": "abc", "lastUpdated": "2025-11-10T09:00:00Z"}, None, "2025-11-10T09:00:00Z", False),
        ({"versionId": "abc"}, None, None, True),
        (None, None, None, True),
    ],
)
def test_the_version_is_the_servers(meta, number, updated, weak):
    found = translate({**DOSE, "meta": meta})
    version = found.events[0].version
    assert (version.number, version.updated.text if version.updated else None) == (number, updated)
    assert codes(found) == ([("weak-identity", "MedicationAdministration.meta")] if weak else [])


def test_a_retraction_needs_nothing_but_its_id():
    found = translate({"resourceType": "MedicationAdministration", "id": "m1"}, retracted=True)
    assert [(type(e), e.key, e.status, e.patient) for e in found.events] == [
        (AsparaginaseAdministered, "MedicationAdministration/m1", "entered-in-error", ""),
        (PremedicationGiven, "MedicationAdministration/m1", "entered-in-error", ""),
    ]
    assert found.problems == ()


def test_a_retraction_that_still_tells_what_it_was_withdraws_just_that():
    found = dose(status="entered-in-error", modifierExtension=[{"url": "x"}])
    assert (found.product, found.patient, found.status) == ("pegaspargase", f"{MRN}|4711", "entered-in-error")


def test_the_retraction_of_another_drug_is_no_business_of_ours():
    other = {"coding": [{"system": "urn:x", "code": "ASPIRIN"}]}
    assert translate({**DOSE, "status": "entered-in-error", "medicationCodeableConcept": other}).events == ()


def test_an_allergy_entered_in_error_withdraws_the_record():
    status = {"coding": [{"code": "entered-in-error"}]}
    found = translate({"resourceType": "AllergyIntolerance", "id": "a1", "verificationStatus": status})
    (event,) = found.events
    assert (event.key, event.record, event.verification, event.product) == (
        "AllergyIntolerance/a1/1",
        "AllergyIntolerance/a1",
        "entered-in-error",
        None,
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"modifierExtension": [{"url": "urn:not"}]},
        {"implicitRules": "urn:rules"},
        {"dosage": {"modifierExtension": [{"url": "urn:not"}]}},
    ],
)
def test_an_unknown_modifier_parks_what_would_be_ours(changes):
    found = translate({**DOSE, **changes})
    assert (found.events, found.parked) == ((), "modifier-unknown")
    other = translate({**DOSE, **changes, "medicationCodeableConcept": {"text": "Paracetamol"}})
    assert (other.parked, other.relevance) == (None, "irrelevant")


def test_our_own_output_is_never_an_input():
    own = [{"system": "https://site.example/fhir/sid/output-key", "value": "1"}]
    assert translate({**DOSE, "identifier": own}).relevance == "irrelevant"


def test_another_resource_type_is_named_and_left():
    found = translate({"resourceType": "Encounter", "id": "e1"})
    assert (found.relevance, codes(found), found.answer.code) == (
        "irrelevant",
        [("resource-unsupported", "Encounter")],
        "AA",
    )


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"onset": "2025-11-10T09:10:00+01:00"}, ("2025-11-10T09:10:00+01:00", "reaction.onset")),
        ({}, ("2025-11-09", "onset")),
    ],
)
def test_the_time_of_a_reaction_says_where_it_comes_from(row, expected):
    found = translate({**ALLERGY, "onsetDateTime": "2025-11-09", "reaction": [{"description": "x", **row}]}, zone=UTC)
    (event,) = found.events
    assert (event.occurred.text, event.occurred_from) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"lastOccurrence": "2025-11-08", "recordedDate": "2025-11-11"}, ("2025-11-08", "lastOccurrence")),
        ({"recordedDate": "2025-11-11"}, ("2025-11-11", "recordedDate")),
        ({"onsetPeriod": {"start": "2025-11-07"}}, ("2025-11-07", "onset")),
        ({}, (None, None)),
    ],
)
def test_a_record_without_rows_is_one_reaction(changes, expected):
    made = {key: value for key, value in ALLERGY.items() if key != "reaction"}
    (event,) = translate({**made, **changes}, zone=UTC).events
    assert event.key == "AllergyIntolerance/a1/1"
    assert (event.occurred.text if event.occurred else None, event.occurred_from) == expected


def test_every_row_is_its_own_reaction():
    events = translate({**ALLERGY, "reaction": [{"description": "a"}, {"description": "b"}]}).events
    assert [(e.key, e.text) for e in events] == [("AllergyIntolerance/a1/1", "a"), ("AllergyIntolerance/a1/2", "b")]


def test_the_substance_of_a_row_is_more_exact_than_the_code():
    generic = {"coding": [{"system": "http://www.whocc.no/atc", "code": "L01XX02"}]}
    events = translate({**ALLERGY, "code": generic, "reaction": [{"substance": PEGASP}, {"description": "b"}]}).events
    assert [e.product for e in events] == ["pegaspargase", "unspecified-asparaginase"]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("confirmed", "confirmed"), ("unconfirmed", "unconfirmed"), ("refuted", "refuted"), ("presumed", "unconfirmed"),
        (None, "unconfirmed"),
    ],
)  # fmt: skip
def test_a_refuted_record_stays_an_event(status, expected):
    found = reaction(verificationStatus={"coding": [{"code": status}]} if status else None)
    assert found.verification == expected


def test_manifestations_keep_their_codes_and_get_our_words():
    rows = [
        {"coding": [{"system": "http://snomed.info/sct", "code": "422587007", "display": "Nausea"}]},
        {"text": "Hives"},
        {"text": "felt odd"},
    ]
    found = reaction(reaction=[{"manifestation": rows, "severity": "moderate"}])
    assert [(c.code, c.text) for c in found.manifestations] == [
        ("422587007", "Nausea"),
        ("", "Hives"),
        ("", "felt odd"),
    ]
    assert (found.concepts, found.severity) == (("nausea", "urticaria"), "moderate")


@pytest.mark.parametrize(
    ("text", "grade"),
    [
        ("CTCAE grade 3", 3), ("Grade IV reaction", 4), ("grade: 2", 2), ("grade 2-3", None), ("grade 1 or 2", None),
        ("no grade 3 reaction", None), ("grade 2, later grade 3", None), ("upgraded 3", None), ("grade 6", None),
        ("", None),
    ],
)  # fmt: skip
def test_only_an_explicit_grade_is_a_grade(text, grade):
    assert explicit_grade(text) == grade


@pytest.mark.parametrize(
    "concept",
    [{"coding": [{"system": "http://snomed.info/sct", "code": "716186003"}]}, {"text": "Penicillin"}],
)
def test_another_allergy_and_no_known_allergy_are_nothing(concept):
    found = translate({**ALLERGY, "code": concept})
    assert (found.events, found.problems, found.relevance) == ((), (), "irrelevant")


def test_an_allergy_that_looks_like_ours_is_parked():
    found = translate({**ALLERGY, "code": {"text": "Erwinase"}})
    assert (found.parked, codes(found)) == ("product-unmapped", [("product-unmapped", "AllergyIntolerance.code")])


def bundle(*entries, kind="transaction"):
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def test_supporting_resources_of_a_bundle_come_first_and_urns_are_resolved():
    patient = {key: value for key, value in PATIENT.items() if key != "id"}
    body = bundle(
        {"fullUrl": "urn:uuid:1", "resource": {**DOSE, "subject": {"reference": "urn:uuid:2"}}},
        {"fullUrl": "urn:uuid:2", "resource": patient},
    )
    items = fhir_resources(body)
    assert [(item.reference, item.index) for item in items] == [("Patient/2", 1), ("MedicationAdministration/m1", 0)]
    known = dict(translate(items[0].resource).known)
    assert translate(items[1].resource, known).events[0].patient == f"{MRN}|4711"


def test_a_deletion_in_a_bundle_is_a_retraction_without_resource():
    (item,) = fhir_resources(bundle({"request": {"method": "DELETE", "url": "MedicationAdministration/m1"}}))
    assert item == FhirItem(resource=None, reference="MedicationAdministration/m1", method="DELETE", index=0)


def test_an_entry_without_anything_is_nothing():
    assert fhir_resources(bundle({}, "garbage")) == [
        FhirItem(resource=None, reference=None, method="POST", index=0),
        FhirItem(resource=None, reference=None, method="POST", index=1),
    ]


def test_a_put_gives_the_id_its_url_names():
    without = {key: value for key, value in DOSE.items() if key != "id"}
    body = bundle({"resource": without, "request": {"method": "PUT", "url": "MedicationAdministration/m7"}})
    assert fhir_resources(body)[0].reference == "MedicationAdministration/m7"


def test_a_single_resource_is_its_own_body():
    assert fhir_resources(DOSE) == [
        FhirItem(resource=DOSE, reference="MedicationAdministration/m1", method="POST", index=0)
    ]


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_the_order_of_a_bundle_never_changes_the_events(order):
    resources = [
        {**DOSE, "request": {"reference": "MedicationRequest/r1"}, "dosage": {"dose": IU}}, ALLERGY, PATIENT, ORDER,
    ]  # fmt: skip
    known, events = {}, set()
    for item in fhir_resources(bundle(*[{"resource": resources[n]} for n in order])):
        found = translate(item.resource, known)
        known.update(found.known)
        events.update(found.events)
    assert {(e.key, getattr(e, "ordered_amount", None)) for e in events} == {
        ("MedicationAdministration/m1", Decimal(3750)),
        ("AllergyIntolerance/a1/1", None),
    }


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"resourceType": "Bundle", "timestamp": "2025-11-10T09:00:00Z"}, "2025-11-10T09:00:00"),
        ({**DOSE, "meta": {"lastUpdated": "2025-11-12T09:00:00Z"}}, "2025-11-12T09:00:00"),
        (DOSE, "2025-11-10T08:00:00"),
        ({**ALLERGY, "recordedDate": "2025-11-11"}, "2025-11-11T23:59:59"),
        (bundle({"resource": DOSE}, {"resource": ALLERGY}), "2025-11-10T08:10:00"),
        (PATIENT, None),
        ({"resourceType": "MedicationAdministration", "effectiveDateTime": "never"}, None),
    ],
)
def test_the_stamp_is_the_bodys_own_or_its_latest_fact(body, expected):
    assert fhir_stamp(body) == (datetime.fromisoformat(f"{expected}+00:00") if expected else None)


@pytest.mark.parametrize(
    ("resource", "problems"),
    [
        (DOSE, []),
        (ALLERGY, []),
        (PATIENT, []),
        ({**DOSE, "effectiveDateTime": "2025-11-10T09:00"}, []),
        ({"resourceType": "MedicationAdministration", "id": "m1", "status": "entered-in-error"}, []),
        ({"resourceType": "Encounter"}, []),
        ({**DOSE, "status": "banana"}, [("fhir-invalid", "MedicationAdministration.status")]),
        ({**DOSE, "subject": None}, [("fhir-invalid", "MedicationAdministration.subject")]),
        ([], [("fhir-unreadable", None)]),
        ({"id": "x"}, [("fhir-unreadable", None)]),
        (bundle(), []),
        ({"resourceType": "Bundle"}, [("fhir-invalid", "Bundle.type")]),
        (bundle("x"), [("fhir-invalid", "Bundle.entry")]),
    ],
)
def test_the_door_names_what_breaks_the_definition(resource, problems):
    assert [(p.code, p.where) for p in check_fhir(resource)] == problems


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=examples(150), deadline=None)
@given(st.sampled_from([DOSE, ALLERGY, PATIENT, MEDICATION]), st.data())
def test_nothing_that_stands_in_a_resource_makes_the_translation_fail(resource, data):
    keys = [*resource, "dosage", "contained", "request", "identifier", "extension", "link", "effectivePeriod", "meta"]
    broken = {**resource, data.draw(st.sampled_from(keys)): data.draw(JSON)}
    translation = translate(broken)
    assert json.dumps([p.code for p in translation.problems])
    assert len(fhir_resources(bundle({"resource": broken}))) == 1
    assert fhir_stamp(broken) is None or fhir_stamp(broken).tzinfo is not None


def marked(value, path=""):
    match value:
        case dict():
            return {key: marked(item, f"{path}{key}") for key, item in value.items()}
        case list():
            return [marked(item, path) for item in value]
        case _:
            return f"ZQX{path}"


@pytest.mark.parametrize("resource", [DOSE, ALLERGY])
def test_no_content_stands_in_any_problem(resource):
    kept = {"resourceType": resource["resourceType"]}
    ours = {"code": PEGASP} if resource is ALLERGY else {"medicationCodeableConcept": PEGASP}
    for body in ({**marked(resource), **kept}, {**marked(resource), **kept, **ours}):
        problems = [*translate(body).problems, *check_fhir(body)]
        assert problems
        assert "ZQX" not in json.dumps([(p.code, p.where, p.location, p.text) for p in problems])
