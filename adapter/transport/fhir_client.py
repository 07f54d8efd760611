"""A FHIR R4 server as its client sees it: read, search, find a patient, PUT, POST, transaction.

Failures are the three exceptions of `fhir_failures`: Transient, Ambiguous, Permanent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from adapter.transport.fhir_auth import Auth, BasicAuth, BearerAuth, NoAuth, ReadAgain, SmartAuth, nothing_new
from adapter.transport.fhir_failures import (
    Ambiguous,
    FhirFailure,
    Permanent,
    Reply,
    Transient,
    Unauthorized,
    told_at,
    unsure,
)
from adapter.transport.fhir_patients import carries, replaced_by, sure_carriers
from adapter.transport.fhir_results import (
    EntryResult,
    Greeting,
    Page,
    PatientMatch,
    TransactionResult,
    entry_result,
    id_of,
    issue_words,
    made_at,
    rows_of,
    version_of,
)
from adapter.transport.fhir_session import FHIR_JSON, FhirSession, Observe, unobserved
from adapter.transport.fhir_wire import ClientTls, Timeouts
from adapter.transport.smart_token import Token

__all__ = [
    "Ambiguous",
    "Auth",
    "BasicAuth",
    "BearerAuth",
    "ClientTls",
    "EntryResult",
    "FhirClient",
    "FhirFailure",
    "Greeting",
    "NoAuth",
    "Page",
    "PatientMatch",
    "Permanent",
    "SmartAuth",
    "Timeouts",
    "TransactionResult",
    "Transient",
    "Unauthorized",
]

MAX_LINK_HOPS = 5
"""A chain of replaced patients longer than this is taken for a loop."""
MAX_PATIENT_PAGES = 10
"""One identifier has one bearer: a server with so many pages answers something else than what it was asked."""
TOKEN_ESCAPES = str.maketrans({"\\": "\\\\", "|": "\\|", ",": "\\,", "$": "\\$"})
"""http://hl7.org/fhir/R4/search.html#escaping"""
WRITE_HEADERS = {"Content-Type": FHIR_JSON, "Prefer": "return=minimal"}
READ_HEADERS = {"Cache-Control": "no-cache"}
"""HAPI answers an equal search from the results of the last minute, and a patient just registered is not in them."""


class _Sent(msgspec.Struct):
    """As much of a Bundle of ours as its answer is compared with."""

    entry: list[msgspec.Raw] = []


_OURS = msgspec.json.Decoder(_Sent)


class FhirClient:
    """One FHIR server."""

    def __init__(
        self,
        base_url: str,
        *,
        auth: Auth | None = None,
        timeouts: Timeouts | None = None,
        tls: ClientTls | None = None,
        connections: int = 8,
        answer_limit_bytes: int = 16 * 1024 * 1024,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        observe: Observe = unobserved,
        again: ReadAgain = nothing_new,
    ) -> None:
        """Asks nothing yet; raises OSError when a file of `tls` cannot be used."""
        self._session = FhirSession(
            base_url,
            auth=auth or NoAuth(),
            timeouts=timeouts or Timeouts(),
            tls=tls or ClientTls(),
            connections=connections,
            answer_limit_bytes=answer_limit_bytes,
            clock=clock,
            observe=observe,
            again=again,
        )

    def authorize(self) -> Token | None:
        """The access token of now, None where the credentials need none.

        Raises:
            Unauthorized, Transient: it is refused, or nobody answers.
        """
        return self._session.authorize()

    def close(self) -> None:
        """Ends all kept connections."""
        self._session.close()

    def capabilities(self) -> dict[str, Any]:
        """The server's CapabilityStatement."""
        return self._resource("/metadata", "CapabilityStatement")

    def greeting(self) -> Greeting:
        """The CapabilityStatement with the time of the answer."""
        reply = self._session.send("GET", "/metadata")
        statement = self._expected(reply, "CapabilityStatement")
        return Greeting(statement=statement, told_at=told_at(reply.headers))

    def read(self, resource_type: str, resource_id: str) -> dict[str, Any]:
        """One resource; Permanent with status 404 or 410 when it is not there."""
        return self._resource(_path(resource_type, resource_id), resource_type)

    def search(self, resource_type: str, params: Mapping[str, str] | Sequence[tuple[str, str]]) -> Page:
        """The first page of a search; values are URL-encoded here, FHIR escapes are the caller's."""
        query = urlencode(list(params.items()) if isinstance(params, Mapping) else list(params))
        return self._page(f"/{quote(resource_type)}?{query}", resource_type)

    def follow(self, next_url: str, resource_type: str) -> Page:
        """The page a `next` link names; refused when it leaves the server, where our token must not go."""
        base = self._session.base_url
        if not next_url.startswith((base + "/", base + "?")):
            raise Permanent(0, "the next link leaves the FHIR server")
        return self._page(next_url.removeprefix(base), resource_type)

    def events(self, subscription_id: str, first: int, last: int) -> dict[str, Any]:
        """The events of a topic subscription with these numbers, both included (`$events`)."""
        numbers = urlencode({"eventsSinceNumber": first, "eventsUntilNumber": last})
        return self._resource(f"{_path('Subscription', subscription_id)}/$events?{numbers}", "Bundle")

    def find_patient(self, system: str, value: str) -> PatientMatch:
        """Who carries this identifier, merged records followed to the surviving one (Patient.link replaced-by)."""
        bearers, whole = self._bearers(system, value)
        survivors = {self._survivor(patient) for patient in bearers}
        if not whole or len(survivors) > 1 or None in survivors:
            return PatientMatch(ambiguous=True)
        return PatientMatch(reference=next(iter(survivors), None))

    def find_patients(self, identifiers: Sequence[tuple[str, str]]) -> dict[tuple[str, str], PatientMatch]:
        """Those of these identifiers whose one carrier a single search tells for certain: the others ask alone."""
        query = ",".join(_token(*one) for one in identifiers)
        found = sure_carriers(self.search("Patient", {"identifier": query}), identifiers)
        return {one: PatientMatch(reference=f"Patient/{own}") for one, own in found.items()}

    def has_result(self, identifiers: Sequence[tuple[str, str]], *, not_of: str) -> str | None:
        """`Observation/<id>` of the first Observation that carries one of these (system, value) identifiers.

        Those with an identifier of the system `not_of` do not count: they are copies we wrote.
        """
        for system, value in identifiers:
            for found in self.carriers("Observation", system, value):
                if not any(row.get("system") == not_of for row in rows_of(found, "identifier")):
                    return f"Observation/{found.get('id')}"
        return None

    def pointing_at(self, resource_type: str, parameter: str, reference: str) -> list[dict[str, Any]]:
        """Every resource of a type that refers to another one, of the first page of a search."""
        return list(self.search(resource_type, {parameter: reference}).resources)

    def put(self, resource_type: str, resource_id: str, body: bytes, if_match: str | None = None) -> EntryResult:
        """Update of one resource, or its creation under our id, the bytes as given."""
        headers = {} if if_match is None else {"If-Match": f'W/"{if_match}"'}
        return self._write("PUT", _path(resource_type, resource_id), body, headers)

    def put_where(self, resource_type: str, identifier: tuple[str, str], body: bytes) -> EntryResult:
        """Conditional update: of the one resource that carries an identifier, which is created when there is none."""
        return self._write("PUT", f"/{quote(resource_type)}?{_criteria(identifier)}", body, {})

    def post(self, resource_type: str, body: bytes, *, none_exist: tuple[str, str] | None = None) -> EntryResult:
        """Creation under an id of the server; with `none_exist` only when nothing carries that identifier."""
        # Servers match the criteria as text: they are always spelled the same, with the type in front.
        headers = {"If-None-Exist": f"{resource_type}?{_criteria(none_exist)}"} if none_exist else {}
        return self._write("POST", f"/{quote(resource_type)}", body, headers)

    def _write(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> EntryResult:
        reply = self._session.send(method, path, body=body, headers={**WRITE_HEADERS, **headers})
        location = reply.headers.get("Location") or reply.headers.get("Content-Location")
        return EntryResult(
            status=reply.status,
            version=version_of(reply.headers.get("ETag"), location),
            id=id_of(location),
            issues=issue_words(reply.body),
        )

    def transaction(self, bundle: bytes) -> TransactionResult:
        """All entries of a transaction Bundle or none, the bytes as given.

        Raises:
            Transient, Ambiguous, Permanent: for the whole; Ambiguous too when the answer has not one entry for each.
        """
        reply = self._session.send("POST", "", body=bundle, headers=WRITE_HEADERS)
        body = reply.body or {}
        if body.get("resourceType") != "Bundle":
            raise Ambiguous("the answer is not a transaction-response", status=reply.status)
        entries = tuple(entry_result(entry) for entry in rows_of(body, "entry"))
        if len(entries) != len(_OURS.decode(bundle).entry):
            raise Ambiguous("the transaction-response has another number of entries", status=reply.status)
        return TransactionResult(entries=entries)

    def results_about(self, patient: str, at: datetime) -> list[dict[str, Any]]:
        """Observations of a patient (`Patient/<id>`) within a minute of a time."""
        minute = timedelta(minutes=1)
        dates = [("date", f"ge{(at - minute).isoformat()}"), ("date", f"le{(at + minute).isoformat()}")]
        return list(self.search("Observation", [("patient", patient), *dates]).resources)

    def carriers(self, resource_type: str, system: str, value: str) -> list[dict[str, Any]]:
        """Every resource of a type that carries an identifier, of the first page of a search."""
        found = self.search(resource_type, {"identifier": _token(system, value)}).resources
        return [resource for resource in found if carries(resource, system, value)]

    def _resource(self, path: str, resource_type: str) -> dict[str, Any]:
        return self._expected(self._session.send("GET", path, headers=READ_HEADERS), resource_type)

    def _expected(self, reply: Reply, resource_type: str) -> dict[str, Any]:
        if reply.body is None or reply.body.get("resourceType") != resource_type:
            raise unsure("the answer is another resource than asked for", status=reply.status, writing=False)
        return reply.body

    def _page(self, path: str, resource_type: str) -> Page:
        reply = self._session.send("GET", path, headers=READ_HEADERS)
        bundle = self._expected(reply, "Bundle")
        total = bundle.get("total")
        return Page(
            resources=tuple(_matches(bundle, resource_type)),
            total=total if isinstance(total, int) else None,
            next_url=next(
                (link.get("url") for link in rows_of(bundle, "link") if link.get("relation") == "next"), None
            ),
            told_at=made_at(told_at(reply.headers), bundle),
        )

    def _bearers(self, system: str, value: str) -> tuple[list[dict[str, Any]], bool]:
        """Every Patient with an identifier, and whether these are all: of pages without end only the first are read."""
        page = self.search("Patient", {"identifier": _token(system, value)})
        found = list(page.resources)
        for _ in range(MAX_PATIENT_PAGES - 1):
            if page.next_url is None:
                break
            page = self.follow(page.next_url, "Patient")
            found += page.resources
        return [patient for patient in found if carries(patient, system, value)], page.next_url is None

    def _survivor(self, patient: dict[str, Any]) -> str | None:
        """`Patient/<id>` at the end of the replaced-by links; None when the chain is broken or has no end."""
        for _ in range(MAX_LINK_HOPS + 1):
            successors = replaced_by(patient)
            if not successors:
                return f"Patient/{patient.get('id')}"
            if len(successors) > 1 or not successors[0].startswith("Patient/"):
                return None
            try:
                patient = self.read("Patient", successors[0].removeprefix("Patient/"))
            except Permanent:
                return None
        return None


def _token(system: str, value: str) -> str:
    return f"{system.translate(TOKEN_ESCAPES)}|{value.translate(TOKEN_ESCAPES)}"


def _criteria(identifier: tuple[str, str]) -> str:
    return urlencode({"identifier": _token(*identifier)})


def _path(resource_type: str, resource_id: str) -> str:
    return f"/{quote(resource_type, safe='')}/{quote(resource_id, safe='')}"


def _matches(bundle: Mapping[str, Any], resource_type: str) -> list[dict[str, Any]]:
    resources = [entry.get("resource") for entry in rows_of(bundle, "entry")]
    return [one for one in resources if isinstance(one, dict) and one.get("resourceType") == resource_type]
