"""The finder of missing codes: which codes stand in no table, with their row, and what of them may be shown."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import hospital
import pytest

from adapter.commands.judged_rows import resource_rows
from adapter.commands.missing_codes_fhir import fhir_missing, missing_in_resources
from adapter.commands.missing_codes_hl7 import hl7_missing
from adapter.ingest.senders import SenderRules
from adapter.knowledge.load import load_knowledge
from adapter.knowledge.spec import Table

DEMO = Path(__file__).parents[2] / "mappings" / "demo"


@pytest.fixture(scope="module")
def knowledge():
    found, _ = load_knowledge([DEMO])
    return found


@pytest.fixture
def hl7(knowledge):
    """(table, code, row) of what is missing in one message."""

    def missing(raw):
        found = hl7_missing(raw, knowledge, lambda _: SenderRules())
        return [(one.table, one.code, one.row) for one in found]

    return missing


@pytest.mark.parametrize(
    ("authority", "code"),
    [
        ("ELSEWHERE", "ELSEWHERE"),
        ("HOSP_2.NORTH-B/1", "HOSP_2.NORTH-B/1"),
        ("A" * 20, "A" * 20),
        ("A" * 21, ""),
        ("4711", ""),
        ("MRN4711", ""),
        ("X900001", ""),
        ("Ward of Smith", ""),
        ("&1.2.276.0.76.3.1.1&ISO", "1.2.276.0.76.3.1.1"),
        ("&hospital.example&DNS", "hospital.example"),
        ("&900001&ISO", ""),
        ("&2.16.900001&ISO", ""),
        ("&1.4711&ISO", ""),
        ("&1.47.11&ISO", "1.47.11"),
        ("&4711.12&DNS", ""),
        ("&n47112.example&DNS", ""),
    ],
)
def test_what_does_not_look_like_an_authority_may_be_a_patients_number_and_is_not_shown(hl7, authority, code):
    kind = authority.partition("&")[2].partition("&")[2] or "*"
    # A bare name is one of its sender; a universal id is the same everywhere.
    row = f"{'HOSPLAB|HOSP' if kind == '*' else ''},{code},{kind},,," if code else None
    assert hl7(hospital.oru("A", authority=authority)) == [("identifier_systems", code, row)]


def test_an_identifier_without_any_authority_has_no_row(hl7):
    assert hl7(hospital.oru("A", authority="")) == []


@pytest.mark.parametrize(
    ("unit", "code"), [("u" * 20, "u" * 20), ("u" * 21, ""), ("blo\\X07\\rps", ""), ("U/x^units of x^L", "U/x")]
)
def test_a_unit_is_shown_when_it_is_short_and_printable(hl7, unit, code):
    (found,) = hl7(hospital.oru("A", unit=unit))
    assert found[:2] == ("units", code)


def test_a_unit_inside_of_a_value_is_not_shown(hl7):
    assert hl7(hospital.oru("A", value="0.62 blorps/mL", unit="")) == [("units", "", None)]


def test_a_refused_unit_has_its_row_already(hl7, knowledge):
    refused = next(row.code for row in knowledge.tables["units"].rows if row.target == "refused")
    assert hl7(hospital.oru("A", unit=refused)) == []


@pytest.mark.parametrize(("code", "shown"), [("ASP" + "9" * 17, True), ("ASP" + "9" * 18, False)])
def test_a_code_of_a_test_is_shown_up_to_twenty_characters(hl7, code, shown):
    (found,) = hl7(hospital.oru("A", code=f"{code}^Asparaginase^L"))
    assert found == (
        "activity_tests",
        code if shown else "",
        f"HOSPLAB|HOSP,{code},L,,Asparaginase," if shown else None,
    )


def test_an_order_of_ours_without_a_result_is_no_gap(hl7):
    raw = b"\r".join(line for line in hospital.oru("A").split(b"\r") if not line.startswith(b"OBX"))
    assert hl7(raw) == []


def test_every_message_of_a_batch_is_looked_at(hl7):
    raw = hospital.oru("A", unit="blorps") + hospital.oru("B", unit="blarps")
    assert [code for _, code, _ in hl7(raw)] == ["blorps", "blarps"]


@pytest.mark.parametrize("raw", [b"", b"MSH", b"MSH|^~\\&|", b"\xff\xfe", b"FHS|^~\\&\rnothing"])
def test_what_is_no_message_has_no_gap(hl7, raw):
    assert hl7(raw) == []


@pytest.fixture
def fhir(knowledge):
    """(table, code, row) of what is missing in one body."""

    def missing(body, known=None):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        found = fhir_missing(raw, knowledge, (known or {}).get, source="ward")
        return [(one.table, one.code, one.row) for one in found]

    return missing


def of(concept, **more):
    return {**hospital.dose(), "medicationCodeableConcept": concept, **more}


def test_a_drug_that_has_only_a_text_is_mapped_by_that(fhir):
    row = ",Pegaspargase new 3750 IU,text,,Pegaspargase new 3750 IU,"
    assert fhir(of({"text": "Pegaspargase new 3750 IU"})) == [
        ("asparaginase_products", "Pegaspargase new 3750 IU", row)
    ]


@pytest.mark.parametrize(
    "text", ["Pegaspargase" + "x" * 29, "pegaspargase for 900001", "123 pegaspargase", "peg\nasparagin"]
)
def test_a_text_that_is_no_name_of_a_drug_is_not_shown(fhir, text):
    assert fhir(of({"text": text})) == [("asparaginase_products", "", None)]


@pytest.mark.parametrize(("code", "shown"), [("PEGASP" + "9" * 34, True), ("PEGASP" + "9" * 35, False)])
def test_a_code_of_a_drug_is_shown_up_to_forty_characters(fhir, code, shown):
    (found,) = fhir(of({"coding": [{"system": "urn:x", "code": code}]}))
    assert found[1:] == ((code, f",{code},urn:x,,,") if shown else ("", None))


def test_premedication_that_no_table_has_is_a_gap_too(fhir):
    concept = {"coding": [{"system": "urn:x", "code": "DEXNEW", "display": "Dexamethasone new"}]}
    assert fhir(of(concept)) == [("premedication_drugs", "DEXNEW", ",DEXNEW,urn:x,,Dexamethasone new,")]


def test_another_drug_a_retraction_and_a_resource_that_is_not_read_are_no_gaps(fhir):
    near = {"coding": [{"system": "urn:x", "code": "PEGASPX"}]}
    assert fhir(of({"coding": [{"system": "urn:x", "code": "PARACETAMOL"}]})) == []
    assert fhir(of(near)) == [("asparaginase_products", "PEGASPX", ",PEGASPX,urn:x,,,")]
    assert fhir(of(near, status="entered-in-error")) == []
    assert fhir(hospital.patient()) == []
    assert fhir(b"{") == []
    assert fhir([]) == []


def test_an_allergy_to_a_drug_no_table_has_is_named_at_its_code(knowledge):
    body = {**hospital.reaction(), "code": {"coding": [{"system": "urn:x", "code": "ERWINX"}]}}
    (found,) = fhir_missing(json.dumps(body).encode(), knowledge, {}.get, source="ward")
    assert (found.where, found.row) == ("AllergyIntolerance.code", ",ERWINX,urn:x,,,")


def test_a_medication_of_the_same_body_is_followed(fhir):
    medication = {
        "resourceType": "Medication",
        "id": "m1",
        "code": {"coding": [{"system": "urn:x", "code": "PEGASPX"}]},
    }
    dose = {name: value for name, value in hospital.dose().items() if name != "medicationCodeableConcept"}
    dose["medicationReference"] = {"reference": "Medication/m1"}
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": [{"resource": dose}, {"resource": medication}]}
    assert [code for _, code, _ in fhir(bundle)] == ["PEGASPX"]
    assert fhir(dose) == []
    assert [code for _, code, _ in fhir(dose, {"Medication/m1": medication})] == ["PEGASPX"]


@pytest.mark.parametrize(("unit", "gaps"), [("IU/m2", []), ("vials", [("units", "vials", ",vials,*,,,")])])
def test_the_unit_of_a_dose_of_ours_is_looked_for(fhir, unit, gaps):
    dose = hospital.dose()
    dose["dosage"]["dose"] = {"value": 1, "unit": unit}
    assert fhir(dose) == gaps


@pytest.mark.parametrize(
    ("status", "code"), [("QQQQ", "QQQQ"), ("9001", "9001"), ("QUITE", "QUITE"), ("90011", ""), ("A B C", "")]
)
def test_a_status_that_may_be_something_of_a_patient_is_not_shown(hl7, status, code):
    assert hl7(hospital.oru("A", status=status)) == [("result_status", code, f",{code},*,,," if code else None)]


def test_a_limit_nobody_stated_is_a_gap_of_its_sender(knowledge):
    none = Table(name="quantification_limits", rows=(), index={})
    without = replace(knowledge, tables={**knowledge.tables, "quantification_limits": none})
    (found,) = hl7_missing(hospital.oru("A"), without, lambda _: SenderRules())
    assert (found.row, found.fill_in) == ("HOSPLAB|HOSP,ASPACT,L,,LLOQ,IU/mL,", "LLOQ")
    assert found.header == knowledge_header("quantification_limits")


def knowledge_header(table):
    return (DEMO.parent / "tables" / f"{table}.csv").read_text().splitlines()[0]


@pytest.mark.parametrize(("specimen", "code"), [("CSFX", "CSFX"), ("FLUID-X", "FLUID-X"), ("FOR 900001", "")])
def test_a_specimen_of_no_table_is_a_gap(hl7, specimen, code):
    raw = hospital.oru("A").replace(b"SER^Serum^HL70487", f"{specimen}^^L".encode())
    assert hl7(raw) == [("specimen_types", code, f",{code},L,,," if code else None)]


def test_results_beside_an_order_of_ours_may_be_ours_and_those_of_another_one_are_no_gap(hl7):
    raw = hospital.oru("A", code="7731^Enzyme^L")
    assert hl7(raw.replace(order_of(raw), b"ASPACT^Asparaginase activity^L", 1)) == [
        ("activity_tests", "7731", "HOSPLAB|HOSP,7731,L,,Enzyme,")
    ]
    assert hl7(raw.replace(order_of(raw), b"CHEM^Chemistry^L", 1)) == []


def order_of(raw):
    return next(line for line in raw.split(b"\r") if line.startswith(b"OBR")).split(b"|")[4]


def test_a_route_and_a_reaction_of_no_table_are_gaps_and_free_words_are_not_shown(fhir):
    dose = hospital.dose()
    dose["dosage"]["route"] = {"coding": [{"system": "urn:x", "code": "IP", "display": "of ZZTEST"}]}
    assert fhir(dose) == [("routes", "IP", ",IP,urn:x,,,")]
    dose["dosage"]["route"] = {"text": "as ZZTEST likes it"}
    assert fhir(dose) == [("routes", "", None)]
    reaction = hospital.reaction()
    reaction["reaction"][0]["manifestation"] = [{"text": "ZZTEST has blue toes"}]
    assert fhir(reaction) == [("reaction_concepts", "", None)]


@pytest.mark.parametrize(
    ("system", "code"),
    [
        ("https://elsewhere.example/id", True),
        ("urn:oid:1.2.276.0.76.3.1.1", True),
        ("https://elsewhere.example/1234", True),
        ("https://elsewhere.example/12345", False),
        ("https://elsewhere.example/X77", False),
        ("number of Smith", False),
        ("https://" + "e" * 72, True),
        ("https://" + "e" * 73, False),
    ],
)
def test_an_identifier_system_of_no_table_is_shown_when_it_can_be_nobodys_number(fhir, system, code):
    dose = {**hospital.dose(), "subject": {"identifier": {"system": system, "value": "X77"}}}
    row = f",{system},*,,," if code else None
    assert fhir(dose) == [("identifier_systems", system if code else "", row)]


@pytest.mark.parametrize(("system", "whole"), [("urn:" + "x" * 76, True), ("urn:" + "x" * 77, False)])
def test_the_system_of_a_code_is_shown_up_to_eighty_characters(knowledge, system, whole):
    body = json.dumps(of({"coding": [{"system": system, "code": "PEGASPX"}]})).encode()
    (found,) = fhir_missing(body, knowledge, {}.get, source="ward")
    assert (found.system, found.row) == ((system, f",PEGASPX,{system},,,") if whole else ("", None))
    assert found.example == f"MedicationAdministration.medication = {system if whole else '*'}|PEGASPX"


def test_who_gave_the_message_sees_the_code_that_others_do_not(knowledge):
    dose = of({"text": "pegaspargase for 900001"})
    (whole,) = missing_in_resources(resource_rows(dose, "ward", knowledge), knowledge, "ward")
    assert (whole.code, whole.near, whole.example) == (
        "pegaspargase for 900001",
        True,
        "MedicationAdministration.medication = text|*",
    )
    other = of({"coding": [{"system": "urn:x", "code": "PARACETAMOL"}]})
    (drug, *_) = missing_in_resources(resource_rows(other, "ward", knowledge), knowledge, "ward")
    assert (drug.row, drug.fill_in, drug.other) == (",PARACETAMOL,urn:x,,,", "target", True)
