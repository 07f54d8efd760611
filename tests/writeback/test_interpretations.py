"""The interpretation Observation: verdict, components, and what is never claimed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from adapter.domain.findings import EXPOSURES, MECHANISMS, MONITORING
from adapter.writeback.interpretations import is_written, spoken_value
from adapter.writeback.render import activity_key, interpretation_key, render

Make = Callable[..., Any]


@pytest.fixture
def written(
    make: SimpleNamespace,
    site: dict[str, Any],
    check_resource: Callable[[dict[str, Any]], None],
) -> Make:
    def of(finding: Any, *, linked: bool = True, **facts: Any) -> Any:
        findings = (finding,) if linked else ()
        unlinked = () if linked else (finding,)
        rendered = render(
            make.interpretation(*findings, unlinked=unlinked),
            make.history(**facts),
            **site,
        )
        (wanted,) = (want for want in rendered if want.kind == "interpretation")
        check_resource(wanted.body)
        return wanted

    return of


def component(body: dict[str, Any], code: str) -> dict[str, Any]:
    (found,) = (part for part in body["component"] if part["code"]["coding"][0]["code"] == code)
    return {key: value for key, value in found.items() if key != "code"}


def codes(concept: dict[str, Any]) -> list[str]:
    return [coding["code"] for coding in concept["coding"]]


def test_one_per_dose_derived_from_every_sample(written: Make, make: SimpleNamespace) -> None:
    dose, reaction = make.dose(), make.reaction()
    first, second = make.sample("<0.03"), make.sample("0.02", key="L2")
    wanted = written(
        make.finding(dose=dose, samples=(first, second), reactions=(reaction,)),
        doses=(dose,),
        samples=(first, second),
        reactions=(reaction,),
    )
    assert wanted.id == interpretation_key("play", dose.key, linked=True)
    assert wanted.grounds == (
        "play|AllergyIntolerance/a1/1",
        "play|LAB/L1/asparaginase-activity/1",
        "play|LAB/L2/asparaginase-activity/1",
        "play|MedicationAdministration/d1",
    )
    assert wanted.body["derivedFrom"] == [
        {"reference": f"Observation/{activity_key('play', sample.key)}", "type": "Observation"}
        for sample in (first, second)
    ]
    assert wanted.body["extension"] == [
        {
            "url": "http://hl7.org/fhir/StructureDefinition/workflow-supportingInfo",
            "valueReference": {
                "reference": "MedicationAdministration/d1",
                "type": "MedicationAdministration",
                "identifier": {
                    "system": "https://troughline.example/fhir/sid/source/play",
                    "value": "MedicationAdministration/d1",
                },
            },
        }
    ]


def test_the_verdict_stands_in_value_components_and_note(written: Make, make: SimpleNamespace) -> None:
    sample = make.sample("<0.03")
    body = written(make.finding(dose=make.dose(), samples=(sample,), modifiers=("premedicated",))).body
    assert body["valueCodeableConcept"]["text"] == "Suspected silent inactivation"
    assert codes(body["valueCodeableConcept"]) == ["suspected-silent-inactivation"]
    assert codes(component(body, "exposure")["valueCodeableConcept"]) == ["inadequate"]
    assert codes(component(body, "monitoring")["valueCodeableConcept"]) == ["complete"]
    assert component(body, "asparaginase-activity")["valueQuantity"] == {
        "value": Decimal("0.03"),
        "comparator": "<",
        "unit": "IU/mL",
        "system": "http://unitsofmeasure.org",
        "code": "[IU]/mL",
    }
    assert component(body, "hours-since-dose")["valueQuantity"]["value"] == Decimal("167.5")
    assert component(body, "threshold")["valueQuantity"]["value"] == Decimal("0.10")
    assert component(body, "premedicated") == {"valueBoolean": True}
    assert body["note"][0]["text"].endswith("policy CONS16 v1. For review by the treating team.")
    assert body["method"] == {"text": "CONS16@1"}
    assert body["effectiveDateTime"] == "2025-03-10T11:30:00+00:00"
    assert "issued" not in body


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("exposure", [code for code in EXPOSURES if code != "no-result"])
def test_every_verdict_is_a_valid_resource(written: Make, make: SimpleNamespace, mechanism: str, exposure: str) -> None:
    body = written(make.finding(mechanism, exposure, dose=make.dose(), samples=(make.sample(),))).body
    lost = "silent-inactivation" in mechanism or "neutralizing" in mechanism
    expected = (
        "LL" if lost else {"adequate": "N", "inadequate": "L", "above-band": "H", "indeterminate": "IND"}[exposure]
    )
    assert codes(body["interpretation"][0]) == [expected]


@pytest.mark.parametrize(
    "changes",
    [
        {"modifiers": ("same-day-ambiguous",)},
        {"modifiers": ("date-only",)},
        {"modifiers": ("early",)},
        {"policy": None, "policy_hash": None, "threshold_iu_per_ml": None},
        {"monitoring": None, "priority": None},
    ],
)
def test_what_cannot_be_judged_is_written_as_indeterminate_though_no_flag_asks(
    make: SimpleNamespace, site: dict[str, Any], changes: dict[str, Any]
) -> None:
    sample = make.sample("<0.03")
    unjudged = make.finding("not-assessable", "indeterminate", dose=make.dose(), samples=(sample,), rules=("D0",))
    rendered = render(make.interpretation(replace(unjudged, **changes)), make.history(samples=(sample,)), **site)
    (body,) = (want.body for want in rendered if want.kind == "interpretation")
    assert codes(body["interpretation"][0]) == ["IND"]
    assert codes(component(body, "exposure")["valueCodeableConcept"]) == ["indeterminate"]
    assert [want.topic for want in rendered if want.kind == "flag"] == []


@pytest.mark.parametrize("monitoring", [*MONITORING, None])
def test_a_dose_without_a_result_is_written_once_it_is_overdue(make: SimpleNamespace, monitoring: str | None) -> None:
    finding = make.finding("not-assessable", "no-result", dose=make.dose(), monitoring=monitoring)
    assert is_written(finding) == (monitoring in ("sample-overdue", "result-overdue", "missed"))


def test_a_linked_reaction_is_written_without_a_result(written: Make, make: SimpleNamespace) -> None:
    finding = make.finding(
        "reaction-unresolved", "no-result", dose=make.dose(), reactions=(make.reaction(),), monitoring="not-due"
    )
    body = written(finding, reactions=(make.reaction(),)).body
    assert "interpretation" not in body
    assert codes(component(body, "asparaginase-activity")["dataAbsentReason"]) == ["unknown"]
    assert "derivedFrom" not in body
    assert body["effectiveDateTime"] == "2025-03-03T10:00:00+00:00"


def test_no_reaction_record_is_unknown_and_never_no_reaction(written: Make, make: SimpleNamespace) -> None:
    base = {"dose": make.dose(), "samples": (make.sample(),)}
    assert codes(component(written(make.finding(**base)).body, "reaction")["dataAbsentReason"]) == ["unknown"]
    refuted = make.finding(**base, reactions=(make.reaction(verification="refuted"),), counts=False)
    assert component(written(refuted).body, "reaction") == {"valueBoolean": False}
    counted = make.finding(**base, reactions=(make.reaction(),))
    assert component(written(counted).body, "reaction") == {"valueBoolean": True}


def test_an_unlinked_sample_has_its_own_interpretation(written: Make, make: SimpleNamespace) -> None:
    sample = make.sample("0.40")
    finding = make.finding(
        "not-assessable",
        "indeterminate",
        samples=(sample,),
        modifiers=("no-dose-known",),
        monitoring=None,
        policy=None,
        threshold_iu_per_ml=None,
    )
    wanted = written(finding, linked=False, samples=(sample,))
    assert wanted.id == interpretation_key("play", sample.key, linked=False)
    assert "extension" not in wanted.body
    assert [part["code"]["coding"][0]["code"] for part in wanted.body["component"]] == [
        "exposure",
        "asparaginase-activity",
        "hours-since-dose",
    ]


def test_uncertain_hours_are_a_range(written: Make, make: SimpleNamespace) -> None:
    finding = make.finding(dose=make.dose(), samples=(make.sample(),))
    (sample,) = finding.samples
    wide = replace(finding, samples=(replace(sample, hours_since_dose=None, hours_range=("150", "174.5")),))
    assert component(written(wide).body, "hours-since-dose")["valueRange"] == {
        "low": {"value": Decimal(150), "unit": "h", "system": "http://unitsofmeasure.org", "code": "h"},
        "high": {"value": Decimal("174.5"), "unit": "h", "system": "http://unitsofmeasure.org", "code": "h"},
    }
    unknown = replace(finding, samples=(replace(sample, hours_since_dose=None),))
    assert "hours-since-dose" not in str(written(unknown).body["component"])


def test_a_value_in_words_is_absent_as_text(written: Make, make: SimpleNamespace) -> None:
    sample = make.sample("not detected")
    wanted = written(make.finding(dose=make.dose(), samples=(sample,)))
    assert codes(component(wanted.body, "asparaginase-activity")["dataAbsentReason"]) == ["as-text"]
    assert wanted.verdict["value"] == "not detected"


@pytest.mark.parametrize(("modifiers", "status"), [((), "preliminary"), (("corrected",), "corrected")])
def test_the_status_follows_from_the_facts_alone(
    written: Make, make: SimpleNamespace, modifiers: tuple[str, ...], status: str
) -> None:
    finding = make.finding(dose=make.dose(), samples=(make.sample(),), modifiers=modifiers)
    assert written(finding).body["status"] == status


def test_a_dose_without_a_fhir_id_is_named_by_its_identifier(written: Make, make: SimpleNamespace) -> None:
    listed = make.finding(dose=make.dose(), samples=(make.sample(),))
    by_identifier = replace(listed, dose=replace(listed.dose, key="urn:doses|77"))
    assert written(by_identifier).body["extension"][0]["valueReference"] == {
        "type": "MedicationAdministration",
        "identifier": {"system": "urn:doses", "value": "77"},
    }
    by_content = replace(listed, dose=replace(listed.dose, key="sha256:0123456789abcdef"))
    assert written(by_content).body["extension"][0]["valueReference"]["identifier"] == {
        "system": "https://troughline.example/fhir/sid/source/play",
        "value": "sha256:0123456789abcdef",
    }


def test_the_same_dose_of_another_source_has_another_key(written: Make, make: SimpleNamespace) -> None:
    finding = make.finding(dose=make.dose(), samples=(make.sample(),))
    assert written(finding).id != written(replace(finding, source="other")).id


def test_a_key_that_belongs_to_another_patient_is_left_to_it(make: SimpleNamespace, site: dict[str, Any]) -> None:
    dose, sample = make.dose(), make.sample()
    facts = (
        make.interpretation(make.finding(dose=dose, samples=(sample,))),
        make.history(doses=(dose,), samples=(sample,)),
    )
    first = render(*facts, **site)
    moved = render(*facts, **site, attempts={sample.key: 1})
    assert moved[0].id == activity_key("play", f"{sample.key}/r1")
    assert moved[0].id != first[0].id
    assert moved[1].body["derivedFrom"][0]["reference"] == f"Observation/{moved[0].id}"
    assert [want.id for want in moved[1:]] == [want.id for want in first[1:]]


def test_a_value_is_spoken_with_its_comparator(make: SimpleNamespace) -> None:
    (sample,) = make.finding(samples=(make.sample("<0.03"),)).samples
    assert spoken_value(sample) == "<0.03 IU/mL"
    assert spoken_value(replace(sample, value=None, reported={"text": ""})) == "no value"
