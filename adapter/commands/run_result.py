"""What `run` tells of one message, as plain values: the same for the page and for --json."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from adapter.commands.judged_rows import (
    ResourceRow,
    entry_prefix,
    message_of,
    resource_rows,
    result_rows,
)
from adapter.commands.missing_codes_fhir import missing_in_resources
from adapter.commands.missing_codes_hl7 import missing_in_results
from adapter.commands.run_message import Look, body_of
from adapter.commands.run_outputs import known_of, outputs_of
from adapter.commands.run_places import fhir_expression, hl7_place
from adapter.commands.run_trace import Origin, printed_origin
from adapter.commands.run_trace_fhir import traced_resources
from adapter.commands.run_trace_hl7 import traced_results
from adapter.commands.run_unread_fhir import unread_elements
from adapter.commands.run_unread_hl7 import unread_fields
from adapter.commands.run_why import by_its_header, why
from adapter.domain.event_text import printed_event, printed_identity
from adapter.domain.events import ActivityMeasured
from adapter.domain.message import Translation
from adapter.domain.problems import Problem
from adapter.ingest.acknowledgment_errors import error_rows
from adapter.ingest.fhir_bundle import fhir_resources
from adapter.pipeline.parts import Parts


def result_of(look: Look, number: int, parts: Parts, *, trace: bool = False) -> dict[str, Any]:
    """One message: relevance and why, events, problems, gaps, unread fields, answer, resources, and the trace."""
    own = _of_hl7(look, parts) if look.arrival.kind == "hl7v2" else _of_fhir(look, parts)
    return {
        "file": look.arrival.file,
        "message": number,
        "kind": look.arrival.kind,
        "type": own["type"],
        "sender": look.arrival.sender or None,
        "control_id": look.arrival.control_id or None,
        "relevance": look.relevance,
        "why": own["why"],
        "because": own["because"],
        "events": [printed_event(event) for t in look.translations for event in t.events],
        "identities": [printed_identity(told) for t in look.translations for told in t.identities],
        "problems": own["problems"],
        "parked": look.parked,
        "gaps": [one.as_dict() for one in own["gaps"]],
        "unread": own["unread"],
        "answer": own["answer"],
        "resources": look.resources,
        **(_traced(look, own["origins"](), parts) if trace else {}),
        "mappings": next((t.mapping_hash for t in look.translations if t.mapping_hash), None),
    }


def _traced(look: Look, origins: Sequence[Sequence[Origin]], parts: Parts) -> dict[str, Any]:
    """Where the fields of every event came from, and the elements of every resource."""
    return {
        "trace": [[printed_origin(one) for one in of_event] for of_event in origins],
        "outputs": outputs_of(look, known_of(look, origins), parts),
    }


def _of_hl7(look: Look, parts: Parts) -> dict[str, Any]:
    arrival = look.arrival
    message = message_of(arrival, parts)
    rows, orders = result_rows(message, arrival.sender, parts.knowledge) if message else ([], [])
    ours = [row for row in rows if row.judged.verdict == "ours"]
    judged = [*(row.judged for row in rows), *orders]
    return {
        "type": arrival.message_type or None,
        "why": why(judged),
        "because": list(by_its_header(arrival.message_type)),
        "problems": [{**_problem(p), "place": hl7_place(p, message, parts)} for p in look.problems],
        "gaps": missing_in_results(rows, orders, arrival.sender),
        "unread": unread_fields(ours) if any(t.events for t in look.translations) else [],
        "origins": lambda: traced_results(ours, _measured(look), parts),
        "answer": {
            "code": look.answer.code or None,
            "segments": look.acknowledgment.decode(message.charset if message else "utf-8", "replace").split("\r")[:-1],
            "errors": error_rows(look.answer),
        },
    }


def _of_fhir(look: Look, parts: Parts) -> dict[str, Any]:
    body = body_of(look.arrival.raw)
    source = look.arrival.source
    rows = resource_rows(body, source, parts.knowledge)
    ours = [row for row in rows if row.judged.verdict == "ours"]
    known = {row.judged.where for row in ours}
    http = look.http
    return {
        "type": str(body.get("resourceType")) if isinstance(body, dict) else None,
        "why": why([row.judged for row in rows if row.judged.verdict == "ours" or row.judged.where not in known]),
        "because": [],
        "problems": _fhir_problems(look, body),
        "gaps": missing_in_resources(rows, parts.knowledge, source),
        "unread": unread_elements(ours) if any(t.events for t in look.translations) else [],
        "origins": lambda: list(_origins(look, body, ours)),
        "answer": {"status": http.status, "body": http.resource},
    }


def _fhir_problems(look: Look, body: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - any JSON
    return [
        {**_problem(found), "place": {"expression": fhir_expression(found, prefix)} if found.where else None}
        for translation, prefix in _prefixed(look, body)
        for found in translation.problems
    ]


def _prefixed(look: Look, body: Any) -> Iterator[tuple[Translation, str]]:  # noqa: ANN401 - any JSON
    """Each translation with the path to its resource."""
    indices = sorted(item.index for item in fhir_resources(body))
    aligned = len(indices) == len(look.translations)
    prefixes = [entry_prefix(body, index) for index in indices] if aligned else [""] * len(look.translations)
    yield from zip(look.translations, prefixes, strict=True)


def _origins(look: Look, body: Any, ours: list[ResourceRow]) -> Iterator[tuple[Origin, ...]]:  # noqa: ANN401 - any JSON
    """The origins of every event; the first mapping that knows a resource is the one that reads it."""
    for translation, prefix in _prefixed(look, body):
        rows = [row for row in ours if row.prefix == prefix]
        rows = [row for row in rows if row.mapping is rows[0].mapping]
        yield from traced_resources(rows, translation.events, look.arrival.source)


def _measured(look: Look) -> list[ActivityMeasured]:
    return [event for t in look.translations for event in t.events if isinstance(event, ActivityMeasured)]


def _problem(found: Problem) -> dict[str, Any]:
    return {"code": found.code, "severity": found.severity, "where": found.where, "text": found.text}
