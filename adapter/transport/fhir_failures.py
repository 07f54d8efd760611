"""How a FHIR server's answer fails: nothing happened, nobody knows, or never again; and the table that decides."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal, assert_never

MAX_RETRY_AFTER_S = 3600.0
"""A server may not silence us for longer."""
ISSUE_CODE = re.compile(r"[a-z]+(-[a-z]+)*")
PLACE = re.compile(
    r"[A-Z][A-Za-z]*(\[[0-9]{1,4}\])?(\.[A-Za-z]+(\([A-Za-z]*\))?(\[[0-9]{1,4}\])?)*|(/f:[A-Za-z]+(\[[0-9]{1,4}\])?)+"
)
"""FHIRPath or XPath of an element; anything else a server writes there may quote the resource."""
MAX_WORD_CHARACTERS = 120
BEARER_ERROR = re.compile(r'\berror="?(invalid_request|invalid_token|insufficient_scope)\b')
"""The errors RFC 6750 3.1 names; whatever else stands in WWW-Authenticate is not repeated."""


class FhirFailure(Exception):  # noqa: N818 - named by what happened
    """A request to a FHIR server that did not end well; its text holds no content of request or answer."""

    foreign = False
    """Whether something else than a FHIR server seems to have answered, as the page of a proxy does."""


class Transient(FhirFailure):
    """Nothing was changed; the same request may be sent again after `retry_after_s` (None: as the caller likes)."""

    def __init__(self, reason: str, *, status: int | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.retry_after_s = retry_after_s


class Unauthorized(Transient):
    """We are not let in, or cannot ask to be: a person has to act, and what is to be sent waits meanwhile."""

    def __init__(
        self,
        reason: str,
        *,
        status: int | None = None,
        retry_after_s: float | None = None,
        advice: str | None = None,
        description: str = "",
    ) -> None:
        super().__init__(reason, status=status, retry_after_s=retry_after_s)
        self.advice = advice
        self.description = description
        """What the server says of it, for the eyes of a person who asked; never logged."""


def later(failure: Transient, wait_s: float) -> Transient:
    """The same failure, after which nothing is to be sent for so long."""
    again = copy(failure)
    again.retry_after_s = wait_s
    return again


class Ambiguous(FhirFailure):
    """It is unknown whether the server did it: an idempotent PUT may be repeated, anything else must be looked up."""

    def __init__(self, reason: str, *, status: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


class Permanent(FhirFailure):
    """The server will not take this content; it waits for a person (status 0: no HTTP answer says so)."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status}: {reason}" if status else reason)
        self.status = status
        self.reason = reason


Sort = Literal["transient", "ambiguous", "permanent"]

BY_STATUS: Mapping[int, Sort] = {
    400: "permanent",  # our content or their rules
    401: "transient",  # the token; a person renews it, the content is not at fault
    403: "permanent",  # scope, break-the-glass: never retried blindly
    404: "permanent",  # on a first PUT: no update-as-create
    405: "permanent",
    408: "transient",
    409: "ambiguous",  # version or client-id race: read, compare, repeat
    410: "permanent",  # somebody deleted our resource: not resurrected
    412: "permanent",  # foreign edit, or several matches: never overwrite a person
    413: "permanent",
    415: "permanent",
    421: "transient",
    422: "permanent",
    425: "transient",
    429: "transient",
    501: "permanent",
    503: "transient",
}
"""Every other 4xx and every 3xx is permanent, every other 5xx ambiguous."""
PASSING_ISSUES = frozenset({"transient", "lock-error", "throttled", "timeout", "no-store", "incomplete"})
"""Issue types (http://hl7.org/fhir/issue-type) that pass by waiting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A server's whole answer, read within its bounds."""

    status: int
    headers: Mapping[str, str] = field(hash=False, repr=False)
    body: dict[str, Any] | None = field(hash=False, repr=False)
    """The JSON object of the body; None when it is empty or something else."""
    empty: bool


def failure_of(reply: Reply, *, now: datetime, writing: bool) -> FhirFailure | None:
    """The failure an answer stands for, None for a success; an ambiguous read is merely transient."""
    if 200 <= reply.status < 300:
        return _failure_in_success(reply, writing=writing)
    reason = _with_issues(_status_words(reply), reply.body)
    wait_s = retry_after_s(reply.headers, now=now)
    return failure_of_status(reply.status, reason, writing=writing, wait_s=wait_s)


def failure_of_status(status: int, reason: str, *, writing: bool, wait_s: float | None = None) -> FhirFailure:
    """The failure a status other than 2xx stands for, by the table above."""
    match _sort(status):
        case "transient" if status == 401:
            return Unauthorized(reason, status=status, retry_after_s=wait_s)
        case "transient":
            return Transient(reason, status=status, retry_after_s=wait_s)
        case "ambiguous":
            return unsure(reason, status=status, writing=writing)
        case "permanent":
            return Permanent(status, reason)
        case unsorted:
            assert_never(unsorted)


def unsure(reason: str, *, status: int | None = None, writing: bool) -> FhirFailure:
    """Ambiguous for a write, Transient for a read: asking again changes nothing."""
    return Ambiguous(reason, status=status) if writing else Transient(reason, status=status)


def foreign(reason: str, *, status: int | None = None, writing: bool) -> FhirFailure:
    """The same for an answer that is no FHIR: it passes where it is a proxy's, and else a person has to look."""
    failure = unsure(reason, status=status, writing=writing)
    failure.foreign = True
    return failure


def retry_after_s(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Seconds to wait by `x-ms-retry-after-ms` or `Retry-After` (RFC 9110 10.2.3), one hour at most."""
    milliseconds = headers.get("x-ms-retry-after-ms", "").strip()
    if milliseconds.isdecimal() and milliseconds.isascii():
        return min(float(milliseconds) / 1000, MAX_RETRY_AFTER_S)
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal() and text.isascii():
        return min(float(text), MAX_RETRY_AFTER_S)
    return _seconds_until(text, now) if text else None


def issues_of(body: Mapping[str, Any] | None) -> Sequence[tuple[str, str, str]]:
    """(severity, code, expression) of an OperationOutcome; its diagnostics may hold patient data and stay out."""
    if not body or body.get("resourceType") != "OperationOutcome":
        return ()
    issues = body.get("issue")
    rows = issues if isinstance(issues, list) else []
    return [
        (_word(row.get("severity"), ISSUE_CODE), _word(row.get("code"), ISSUE_CODE), _place(row))
        for row in rows
        if isinstance(row, dict)
    ]


def told_at(headers: Mapping[str, str]) -> datetime | None:
    """The instant of a Date header (RFC 9110, 6.6.1); None when there is none, or it is no date with a zone."""
    try:
        told = parsedate_to_datetime(headers.get("Date", ""))
    except ValueError:
        return None
    return told if told.tzinfo else None


def _status_words(reply: Reply) -> str:
    text = f"status {reply.status}"
    named = BEARER_ERROR.search(reply.headers.get("WWW-Authenticate", "")) if reply.status in (401, 403) else None
    if named:
        return f"{text} ({named[1]})"
    if 300 <= reply.status < 400:
        return f"{text}, a redirect, which is not followed: the setting url takes the address it leads to"
    return text


def passing(status: int) -> bool:
    """Does waiting mend this status, without a person?"""
    return status >= 500 or status in (408, 425, 429)


def _sort(status: int) -> Sort:
    if status in BY_STATUS:
        return BY_STATUS[status]
    return "ambiguous" if status >= 500 else "permanent"


def _failure_in_success(reply: Reply, *, writing: bool) -> FhirFailure | None:
    if reply.body is None:
        said = f"status {reply.status}: not JSON"
        return None if reply.empty else foreign(said, status=reply.status, writing=writing)
    errors = [issue for issue in issues_of(reply.body) if issue[0] in {"error", "fatal"}]
    if not errors:
        return None
    reason = _with_issues(f"status {reply.status}", reply.body)
    if all(code in PASSING_ISSUES for _, code, _ in errors):
        return unsure(reason, status=reply.status, writing=writing)
    return Permanent(reply.status, reason)


def _with_issues(text: str, body: Mapping[str, Any] | None) -> str:
    named = [" ".join(part for part in (code, place) if part) for _, code, place in issues_of(body)[:5]]
    return f"{text}: {'; '.join(named)}" if named else text


def _word(value: object, form: re.Pattern[str]) -> str:
    """A code or path as a server wrote it; whatever does not look like one is left out."""
    if isinstance(value, str) and len(value) <= MAX_WORD_CHARACTERS and form.fullmatch(value):
        return value
    return ""


def _place(issue: Mapping[str, Any]) -> str:
    for name in ("expression", "location"):
        paths = issue.get(name)
        if isinstance(paths, list) and paths:
            return _word(paths[0], PLACE)
    return ""


def _seconds_until(text: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    return min(max((moment - now).total_seconds(), 0.0), MAX_RETRY_AFTER_S)
