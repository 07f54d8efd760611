"""HTTP answers: FHIR resources with exact digits, OperationOutcomes and plain sentences; never a traceback."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from adapter import fhir
from adapter.domain.problems import Problem

FHIR_JSON = "application/fhir+json"
FHIR_PATHS = ("/fhir", "/ingest", "/hooks")
ISSUE_CODES: Mapping[int, str] = {
    400: "invalid",
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    406: "not-supported",
    408: "timeout",
    413: "too-long",
    415: "not-supported",
    500: "exception",
    503: "transient",
}
"""http://hl7.org/fhir/issue-type by HTTP status."""


class RefusedRequest(Exception):  # noqa: N818 - named by what happened
    """A request we answer with a 4xx or 5xx and one sentence; the sentence never holds content of the request."""

    def __init__(self, status: int, text: str, *, expression: str | None = None, code: str | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.expression = expression
        self.code = code or ISSUE_CODES.get(status, "processing")


def operation_outcome(code: str, text: str, *, expression: str | None = None) -> dict[str, Any]:
    """One-issue OperationOutcome; `code` is a FHIR issue-type, `text` a sentence without content."""
    issue: dict[str, Any] = {"severity": "error", "code": code, "diagnostics": text}
    if expression:
        issue["expression"] = [expression]
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def outcome_of_problems(problems: Sequence[Problem]) -> dict[str, Any]:
    """OperationOutcome with one issue per problem: `details.coding` is the problem code, `expression` its place."""
    issues = [_issue_of(one) for one in problems]
    return {"resourceType": "OperationOutcome", "issue": issues or [_all_ok()]}


def fhir_response(status: int, resource: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    """A resource as `application/fhir+json`, decimals digit by digit."""
    return Response(fhir.dumps(resource), status_code=status, headers=dict(headers or {}), media_type=FHIR_JSON)


def refusal(request: Request, refused: RefusedRequest, headers: Mapping[str, str] | None = None) -> Response:
    """The answer to a refused request: OperationOutcome under the FHIR paths, else plain text."""
    extra = dict(headers or {})
    if refused.status == 503:
        extra.setdefault("Retry-After", "5")
    if refused.status == 401:
        extra.setdefault("WWW-Authenticate", "Bearer")
    if speaks_fhir(request.url.path):
        outcome = operation_outcome(refused.code, refused.text, expression=refused.expression)
        return fhir_response(refused.status, outcome, extra)
    return PlainTextResponse(refused.text + "\n", status_code=refused.status, headers=extra)


def peer_of(request: Request) -> str:
    """`host:port` of the sender, empty when the server does not know it."""
    return f"{request.client.host}:{request.client.port}" if request.client else ""


def speaks_fhir(path: str) -> bool:
    """True for the paths whose errors are OperationOutcomes."""
    return any(path == root or path.startswith(root + "/") for root in FHIR_PATHS)


def _issue_of(one: Problem) -> dict[str, Any]:
    issue: dict[str, Any] = {
        "severity": one.severity,
        "code": "processing",
        "details": {"coding": [{"code": one.code}]},
        "diagnostics": one.text,
    }
    if one.where:
        issue["expression"] = [one.where]
    return issue


def _all_ok() -> dict[str, Any]:
    return {"severity": "information", "code": "informational", "diagnostics": "No problems."}
