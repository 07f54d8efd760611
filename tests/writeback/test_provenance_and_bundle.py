"""Provenance of a set of changes, the transaction that carries them, and the code system behind them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from adapter.domain import findings
from adapter.domain.message import MessageRef
from adapter.domain.outputs import Change
from adapter.fhir import Canonical, dumps, output_key
from adapter.knowledge.spec import OutputTemplate
from adapter.writeback.bundle import for_target, transaction
from adapter.writeback.changes import changes_due
from adapter.writeback.codes import DISPLAYS, EXPOSURES, MECHANISMS, MODIFIERS, MONITORING, code_system
from adapter.writeback.elements import Subject, subject_reference
from adapter.writeback.provenance import provenance

Make = Callable[..., Any]
NOW = datetime(2025, 3, 12, 12, 0, tzinfo=UTC)
MESSAGE = MessageRef(
    inbox="inbox", seq=7, source="play", sender="LABSYS|LAB", control_id="M1", digest="ab" * 32, file="20-level.hl7"
)


@pytest.fixture
def changes(make: SimpleNamespace, site: dict[str, Any]) -> tuple[Change, ...]:
    dose, sample, reaction = make.dose(), make.sample("0.05"), make.reaction()
    finding = make.finding(
        "neutralizing-hypersensitivity", "inadequate", dose=dose, samples=(sample,), reactions=(reaction,)
    )
    return changes_due(
        make.interpretation(finding),
        make.history(doses=(dose,), samples=(sample,), reactions=(reaction,)),
        [],
        **site,
        now=NOW,
    )


@pytest.fixture
def made(changes: tuple[Change, ...], templates: dict[str, OutputTemplate], canonical: Canonical) -> Make:
    def of(**other: Any) -> dict[str, Any] | None:
        plain: dict[str, Any] = {
            "changes": changes,
            "message": MESSAGE,
            "template": templates["provenance"],
            "canonical": canonical,
            "mapping_hash": "cafe",
            "policies": ("CONS16@1", "CONS16@1"),
            "now": NOW,
        }
        named = plain | other
        return provenance(named.pop("changes"), **named)

    return of


def test_provenance_names_message_facts_mappings_and_policies(
    made: Make, changes: tuple[Change, ...], check_resource: Make
) -> None:
    resource = made()
    check_resource(resource)
    assert resource["target"] == [{"reference": change.reference} for change in changes]
    assert resource["recorded"] == "2025-03-12T12:00:00Z"
    assert resource["activity"]["coding"][0]["code"] == "CREATE"
    assert [agent["type"]["coding"][0]["code"] for agent in resource["agent"]] == ["assembler", "performer"]
    assert resource["agent"][1]["who"] == {"display": "LABSYS LAB"}
    base = "https://troughline.example/fhir/sid"
    assert [(entity["role"], entity["what"]["identifier"]) for entity in resource["entity"]] == [
        ("source", {"system": f"{base}/hl7v2-message", "value": "LABSYS^LAB^M1"}),
        ("source", {"system": f"{base}/source/play", "value": "AllergyIntolerance/a1"}),
        ("source", {"system": f"{base}/source/play", "value": "MedicationAdministration/d1"}),
        ("source", {"system": f"{base}/mappings", "value": "cafe"}),
        ("source", {"system": f"{base}/policy", "value": "CONS16@1"}),
    ]
    assert resource["entity"][0]["what"]["display"] == f"Message control id M1, sha256 {'ab' * 32}"


def test_a_repeat_after_a_crash_is_the_same_provenance(made: Make) -> None:
    later = NOW + timedelta(hours=1)
    assert made()["id"] == made(now=later)["id"]
    assert made()["id"] != made(message=None)["id"]
    assert made(message=None)["id"] != made(message=None, now=later)["id"]


def test_no_change_has_no_provenance(made: Make) -> None:
    assert made(changes=()) is None


def test_a_reassessment_and_a_fhir_body_have_valid_provenance(
    made: Make, changes: tuple[Change, ...], check_resource: Make
) -> None:
    reassessed = made(message=None, mapping_hash="")
    check_resource(reassessed)
    assert [agent["type"]["coding"][0]["code"] for agent in reassessed["agent"]] == ["assembler"]
    body = MessageRef(inbox="core", seq=1, source="ehr", digest="cd" * 32)
    updated = Change(operation="update", after=changes[0].after)
    pushed = made(message=body, changes=(updated,))
    check_resource(pushed)
    assert pushed["activity"]["coding"][0]["code"] == "UPDATE"
    assert pushed["entity"][0]["what"] == {
        "identifier": {"system": "https://troughline.example/fhir/sid/hl7v2-message", "value": "cd" * 32},
        "display": f"Message sha256 {'cd' * 32}",
    }


def test_a_message_without_a_name_or_digest_is_left_out(made: Make, check_resource: Make) -> None:
    nameless = made(message=MessageRef(inbox="core", seq=1, source="ehr"))
    check_resource(nameless)
    assert "hl7v2-message" not in str(nameless["entity"])
    named = made(message=MessageRef(inbox="core", seq=1, source="ehr", control_id="M1"))
    check_resource(named)
    assert named["entity"][0]["what"]["display"] == "Message control id M1"


def test_a_transaction_puts_every_resource_under_its_own_id(changes: tuple[Change, ...], check_resource: Make) -> None:
    bundle = transaction([change.after.body for change in changes], base_url="https://server.example/fhir/")
    check_resource(bundle)
    assert bundle["type"] == "transaction"
    assert [(entry["fullUrl"], entry["request"]) for entry in bundle["entry"]] == [
        (f"https://server.example/fhir/{change.reference}", {"method": "PUT", "url": change.reference})
        for change in changes
    ]
    assert [entry["resource"] for entry in bundle["entry"]] == [change.after.body for change in changes]


def test_a_target_gets_literal_references_only_to_what_it_holds(
    changes: tuple[Change, ...], canonical: Canonical, check_resource: Make
) -> None:
    body = changes[1].after.body
    logical = for_target(body, canonical=canonical)
    check_resource(logical)
    assert "reference" not in logical["extension"][0]["valueReference"]
    assert "reference" not in logical["subject"]
    assert logical["derivedFrom"] == body["derivedFrom"]
    literal = for_target(body, canonical=canonical, literal_sources=frozenset({"play"}), patient_reference="Patient/77")
    assert literal["extension"] == body["extension"]
    assert literal["subject"] == {
        "reference": "Patient/77",
        "type": "Patient",
        "identifier": {"system": "https://hospital.example/mrn", "value": "1001"},
    }
    assert "subject" not in for_target({"resourceType": "Provenance", "id": "x"}, canonical=canonical)


def test_another_base_changes_systems_and_no_key(
    changes: tuple[Change, ...], make: SimpleNamespace, templates: dict[str, OutputTemplate], subject: Subject
) -> None:
    elsewhere = changes_due(
        make.interpretation(),
        make.history(samples=(make.sample("0.05"),)),
        [],
        templates,
        canonical=Canonical(base="https://site.example/fhir"),
        subject=subject,
        now=NOW,
    )
    assert elsewhere[0].after.id == changes[0].after.id
    assert b"troughline.example" not in dumps(elsewhere[0].after.body)


def test_a_subject_is_named_by_identifier_and_by_reference_when_known() -> None:
    assert subject_reference(Subject(patient="urn:mrn|a|7")) == {
        "type": "Patient",
        "identifier": {"system": "urn:mrn", "value": "a|7"},
    }
    assert subject_reference(Subject(patient="urn:mrn|7", reference="Patient/p")) == {
        "reference": "Patient/p",
        "type": "Patient",
        "identifier": {"system": "urn:mrn", "value": "7"},
    }


def test_every_finding_code_has_a_display() -> None:
    assert tuple(EXPOSURES) == findings.EXPOSURES
    assert tuple(MECHANISMS) == findings.MECHANISMS
    assert tuple(MONITORING) == findings.MONITORING
    assert tuple(MODIFIERS) == findings.MODIFIERS


def test_the_code_system_defines_every_code_the_templates_write(
    canonical: Canonical, templates: dict[str, OutputTemplate], check_resource: Make
) -> None:
    resource = code_system(canonical)
    check_resource(resource)
    assert resource["url"] == canonical.codes
    assert resource["count"] == len(resource["concept"]) == len(DISPLAYS)
    written = {pair for template in templates.values() for pair in our_codes(template.resource)}
    assert len(written) == 12
    assert {code: DISPLAYS[code] for code, _ in written} == dict(written)


def our_codes(node: Any) -> set[tuple[str, str]]:
    if isinstance(node, list):
        return {pair for item in node for pair in our_codes(item)}
    if not isinstance(node, dict):
        return set()
    ours = node.get("system", "").endswith("/CodeSystem/troughline") if isinstance(node.get("system"), str) else False
    here = {(node["code"], node["display"])} if ours and not node["code"].startswith("$") else set()
    return here | {pair for item in node.values() for pair in our_codes(item)}


def test_what_a_person_reads(changes: tuple[Change, ...]) -> None:
    narratives = [change.after.body["text"]["div"] for change in changes]
    spoken = "\n".join([*narratives, changes[2].after.body["code"]["text"]])
    assert spoken == (Path(__file__).parent / "golden" / "narratives.txt").read_text(encoding="utf-8").strip()


def test_keys_of_outputs_do_not_hold_the_patient(changes: tuple[Change, ...]) -> None:
    assert changes[2].after.id == output_key(
        "flag", "play", "MedicationAdministration/d1", "ecoli", "neutralizing-hypersensitivity"
    )
