"""The answer a kept FHIR body deserves: used, kept and waiting, or not usable, item by item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from adapter.domain.message import Translation
from adapter.domain.problems import Problem

USED = 200
WAITING = 202
UNUSABLE = 422
REFUSED = ("fhir-invalid", "fhir-unreadable")
"""What waits for these reasons waits for a person; its sender is told that it cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirAnswer:
    """An HTTP status and the resource to answer with."""

    status: int
    resource: dict[str, Any] = field(hash=False)


def answer_fhir(translations: Sequence[Translation], *, bundle: bool) -> FhirAnswer:
    """200 when used, 202 when kept and parked, 422 with expressions when unusable; a Bundle answers each entry."""
    statuses = [_status(translation) for translation in translations]
    if is_answered_by_entry(translations, bundle=bundle):
        entries = [_entry(t, status) for t, status in zip(translations, statuses, strict=True)]
        return FhirAnswer(status=USED, resource=_response(entries))
    status = max(statuses, default=USED)
    if status == USED:
        return FhirAnswer(status=USED, resource=_response([_entry(t, USED) for t in translations]))
    return FhirAnswer(status=status, resource=outcome([p for t in translations for p in t.problems]))


def is_answered_by_entry(translations: Sequence[Translation], *, bundle: bool) -> bool:
    """Whether the answer is 200 with a status for each entry: a Bundle is refused as a whole for a fault of its own."""
    whole = len(translations) == 1 and _status(translations[0]) == UNUSABLE and _names_bundle(translations[0])
    return bundle and not whole


def answer_call(translations: Sequence[Translation], *, notification: bool) -> FhirAnswer:
    """200 whatever a kept call holds, item by item: a server that is answered anything else only tells it again.

    HAPI FHIR reads the answer to a notification as that to a transaction. Its first entry is the status.
    """
    status: list[dict[str, Any]] = [{"response": {"status": str(USED)}}] if notification else []
    return FhirAnswer(status=USED, resource=_response([*status, *(_entry(t, _status(t)) for t in translations)]))


def _names_bundle(translation: Translation) -> bool:
    """Whether the fault is the Bundle's own, so that no entry was read."""
    return any((p.where or "") in ("Bundle.type", "Bundle.entry") for p in translation.problems)


def _status(translation: Translation) -> int:
    if translation.parked is not None and translation.parked not in REFUSED:
        return WAITING
    errors = any(p.severity == "error" for p in translation.problems)
    return UNUSABLE if errors and not translation.events else USED


def _response(entries: list[dict[str, Any]]) -> dict[str, Any]:
    response: dict[str, Any] = {"resourceType": "Bundle", "type": "transaction-response"}
    if entries:
        response["entry"] = entries
    return response


def _entry(translation: Translation, status: int) -> dict[str, Any]:
    told = outcome(translation.problems) if translation.problems else _nothing_wrong(translation)
    return {"response": {"status": str(status), "outcome": told}}


def _nothing_wrong(translation: Translation) -> dict[str, Any]:
    used = bool(translation.events or translation.known)
    text = (
        "Read; it concerns asparaginase monitoring."
        if used
        else "Read; nothing in it concerns asparaginase monitoring."
    )
    issue = {"severity": "information", "code": "informational", "diagnostics": text}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def outcome(problems: Sequence[Problem]) -> dict[str, Any]:
    """OperationOutcome with one issue per problem: where it is, what it is, what to do."""
    return {"resourceType": "OperationOutcome", "issue": [_issue(problem) for problem in problems]}


def _issue(problem: Problem) -> dict[str, Any]:
    issue: dict[str, Any] = {
        "severity": problem.severity,
        "code": "invalid" if problem.severity == "error" else "informational",
        "details": {"text": problem.code},
        "diagnostics": problem.text,
    }
    if problem.where:
        issue["expression"] = [problem.where]
    return issue
