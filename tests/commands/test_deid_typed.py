"""What stands where a truth value, an amount, a code system or a character set is expected passes only if it is one."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.commands.deid_fhir import body_out, resource_out
from adapter.commands.deid_hl7 import message_out
from adapter.commands.deid_keep_list import load_keep_list
from adapter.commands.deid_key import Pseudonyms
from adapter.commands.deid_leaf import Means, Notes, Person
from adapter.commands.deid_typed import amount, charset, truth, uri
from adapter.commands.deid_words import words_of
from adapter.ingest.hl7v2 import read_message
from adapter.knowledge.load import load_knowledge

KEEP, _ = load_keep_list()
KNOWLEDGE, _ = load_knowledge([])
MEANS = Means(keep=KEEP, words=words_of(KEEP, KNOWLEDGE), pseudonyms=Pseudonyms(b"k" * 32))


def shared(resource: dict) -> dict | None:
    return resource_out(resource, Person(name="p", days=3), MEANS, Notes())


def coded(system: str, **more: object) -> dict:
    coding = {"system": system, "code": "C1", **more}
    made = shared({"resourceType": "Medication", "code": {"coding": [coding]}})
    return made["code"]["coding"][0]


@pytest.mark.parametrize("sent", ["true", "false", "Zorkowski", "True", "1", " true"])
def test_a_text_where_a_truth_value_belongs_passes_only_if_it_is_one(sent):
    made = shared({"resourceType": "Patient", "active": sent, "deceasedBoolean": sent})
    assert made.get("active") == made.get("deceasedBoolean") == (sent if sent in ("true", "false") else None)
    assert coded("http://loinc.org", userSelected=sent).get("userSelected") == made.get("active")


@pytest.mark.parametrize("sent", [True, False])
def test_a_truth_value_passes_where_one_belongs_and_nowhere_else(sent):
    made = shared({"resourceType": "Patient", "active": sent, "gender": sent, "birthDate": sent})
    assert made == {"resourceType": "Patient", "active": sent}


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (Decimal(3750), True),
        (Decimal("999999.999999"), True),
        (1000000, False),
        (Decimal("0.1234567"), False),
        ("2500", True),
        ("4711 Zorkowski", False),
        (True, False),
    ],
)
def test_an_amount_is_a_number_of_the_size_of_doses(sent, kept):
    made = shared({"resourceType": "MedicationAdministration", "dosage": {"dose": {"value": sent, "code": "[IU]"}}})
    assert made["dosage"]["dose"].get("value") == (sent if kept else None)


@pytest.mark.parametrize(("sent", "kept"), [(12, True), (1234567, False), ("12", True)])
def test_a_total_is_a_small_number(sent, kept):
    made = body_out({"resourceType": "Bundle", "total": sent}, lambda _: Person(), Person(), MEANS, Notes())
    assert made.json.get("total") == (sent if kept else None)


@pytest.mark.parametrize(
    ("system", "kept"),
    [
        ("http://snomed.info/sct", True),
        ("http://www.whocc.no/atc", True),
        ("https://hospital.example/formulary/v2", True),
        ("urn:oid:2.16.840.1.113883.6.96", True),
        ("urn:oid:2.16.Zorkowski", False),
        ("urn:uuid:5a1b7c1e-0000-4000-8000-000000000001", False),
        ("http://hospital.example/patient/4711471", False),
        ("http://hospital.example/?name=Zorkowski", False),
        ("http://zorkowski@hospital.example/", False),
        ("Anneliese Zorkowski", False),
        ("http://hospital.example/" + "a" * 60 + "/" + "b" * 60 + "/" + "c" * 60, False),
    ],
)
def test_a_code_system_is_a_uri_that_names_nobody(system, kept):
    assert (coded(system).get("system") == system) is kept


@pytest.mark.parametrize(
    ("sent", "kept"), [("UNICODE UTF-8", True), ("8859/1", True), ("8859/1~ISO IR87", True), ("Zorkowski", False)]
)
def test_a_character_set_is_a_known_one(sent, kept):
    raw = f"MSH|^~\\&|LAB|HOSP|||20250310||ORU^R01|1|P|2.5||||||{sent}\r".encode()
    made = message_out(read_message(raw), Person(name="p"), MEANS, Notes())
    assert (sent.encode() in made) is kept


@given(st.text(max_size=30) | st.from_regex(r"(https?://|urn:oid:)[a-z0-9 .@?&=/]{0,20}", fullmatch=True))
def test_what_is_let_through_is_as_sent_and_holds_no_sentence_and_no_query(text):
    kept = [truth(text), amount(text), uri(text, (), ""), charset(text)]
    assert set(kept) <= {text, ""}
    if any(kept[:3]):
        assert not set(" @?&=") & set(text)
