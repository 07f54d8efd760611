"""What a FHIR sender is told: used, kept and waiting, or not usable, resource by resource."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapter.domain.message import Translation
from adapter.domain.problems import problem
from adapter.pipeline.answer_fhir import FhirAnswer, answer_fhir

USED = Translation(relevance="relevant")
WARNED = Translation(relevance="relevant", problems=(problem("weak-identity", where="MedicationAdministration"),))
WAITING = Translation(
    relevance="relevant",
    problems=(problem("unknown-patient", where="MedicationAdministration.subject"),),
    parked="unknown-patient",
    waits_for=("Patient/p1",),
)
BROKEN = Translation(
    relevance="relevant",
    problems=(problem("fhir-invalid", where="MedicationAdministration.status"),),
)
BROKEN_BUNDLE = Translation(relevance="relevant", problems=(problem("fhir-invalid", where="Bundle.type"),))
OURS = Translation(relevance="relevant", problems=(problem("internal-error"),), parked="internal-error")


def seen(answer):
    return answer.status, [(i["severity"], i["details"]["text"], i.get("expression")) for i in answer.resource["issue"]]


def responses(answer: FhirAnswer):
    assert (answer.resource["resourceType"], answer.resource["type"]) == ("Bundle", "transaction-response")
    return [entry["response"] for entry in answer.resource["entry"]]


def test_success_is_a_transaction_response_that_says_what_became_of_it():
    answer = answer_fhir([USED], bundle=False)
    (response,) = responses(answer)
    assert (answer.status, response["status"]) == (200, "200")
    assert [issue["severity"] for issue in response["outcome"]["issue"]] == ["information"]
    assert "nothing in it concerns" in response["outcome"]["issue"][0]["diagnostics"]


def test_a_used_resource_is_told_from_one_that_is_none_of_our_business():
    known = Translation(relevance="relevant", known=(("Patient/p1", {}),))
    (response,) = responses(answer_fhir([known], bundle=False))
    assert response["outcome"]["issue"][0]["diagnostics"] == "Read; it concerns asparaginase monitoring."


def test_a_warning_comes_with_success():
    answer = answer_fhir([WARNED], bundle=False)
    (response,) = responses(answer)
    assert (answer.status, [i["details"]["text"] for i in response["outcome"]["issue"]]) == (200, ["weak-identity"])


def test_a_bundle_that_is_broken_itself_is_unprocessable():
    assert seen(answer_fhir([BROKEN_BUNDLE], bundle=True)) == (422, [("error", "fhir-invalid", ["Bundle.type"])])


def test_what_waits_for_another_resource_is_accepted():
    expected = [("warning", "unknown-patient", ["MedicationAdministration.subject"])]
    assert seen(answer_fhir([WAITING], bundle=False)) == (202, expected)


def test_what_breaks_its_definition_is_unprocessable():
    assert seen(answer_fhir([BROKEN], bundle=False)) == (
        422,
        [("error", "fhir-invalid", ["MedicationAdministration.status"])],
    )


def test_a_fault_of_ours_is_kept_and_accepted():
    assert seen(answer_fhir([OURS], bundle=False)) == (202, [("warning", "internal-error", None)])


def test_the_worst_of_several_resources_counts():
    assert answer_fhir([USED, WAITING], bundle=False).status == 202
    assert answer_fhir([BROKEN, WAITING, USED], bundle=False).status == 422


@pytest.mark.parametrize("broken", [BROKEN, replace(BROKEN, parked="fhir-invalid")])
def test_a_bundle_answers_each_entry_in_its_place(broken):
    answer = answer_fhir([USED, WAITING, broken], bundle=True)
    responses = [entry["response"] for entry in answer.resource["entry"]]
    assert answer.status == 200
    assert [response["status"] for response in responses] == ["200", "202", "422"]
    assert all("outcome" in response for response in responses)


def test_an_empty_bundle_is_answered_with_an_empty_one():
    assert answer_fhir([], bundle=True).resource == {"resourceType": "Bundle", "type": "transaction-response"}
