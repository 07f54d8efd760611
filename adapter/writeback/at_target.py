"""A resource as one target takes it: its statuses in the target's words, references to where it holds our others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from adapter.fhir import Json, text_hash, with_leaves

NOT_THERE = "not written to this server"
WITHDRAWN = "Withdrawn: this result was entered in error."
_ENDED = frozenset({"inactive", "entered-in-error"})
_OF_THE_SERVER = frozenset({"id", "meta", "text"})
"""What a server writes or rewrites by itself."""
StatusMap = Mapping[str, Mapping[str, str]]
"""Resource type -> our status -> the status this target takes for it."""


def with_status_of(body: Mapping[str, Any], statuses: StatusMap) -> dict[str, Any]:
    """The resource with its status in the target's words; a withdrawn result that must stay valid keeps no value."""
    ours = body.get("status")
    theirs = statuses.get(str(body.get("resourceType")), {}).get(str(ours), ours)
    if theirs == ours:
        return dict(body)
    if ours == "entered-in-error" and body.get("resourceType") == "Observation":
        return _without_value(body) | {"status": theirs}
    return dict(body) | {"status": theirs}


def _without_value(body: Mapping[str, Any]) -> dict[str, Any]:
    """An Observation that says nothing but that it was withdrawn: its number must not be read as a result."""
    read = ("value", "component", "interpretation", "dataAbsentReason", "text", "note", "referenceRange")
    kept = {name: value for name, value in body.items() if not name.lstrip("_").startswith(read)}
    absent = {"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "error"}
    return kept | {"dataAbsentReason": {"coding": [absent]}, "note": [{"text": WITHDRAWN}]}


def references_in(value: Json) -> Iterator[str]:
    """Every literal reference of a resource."""
    found: list[str] = []
    _gather(value, found)
    return iter(found)


def _gather(value: Json, found: list[str]) -> None:
    kind = type(value)
    if kind is dict:
        reference = value.get("reference")
        if type(reference) is str:
            found.append(reference)
        items = value.values()
    elif kind is list:
        items = value
    else:
        return
    for item in items:
        if type(item) is not str:
            _gather(item, found)


def with_links(body: Mapping[str, Any], links: Mapping[str, str | None]) -> dict[str, Any]:
    """The resource with references to our others turned to where the target holds them.

    `links`: our `Type/id` -> the reference there, None for what does not stand there; others are left alone.
    """
    kept = dict(body)
    if kept.get("resourceType") == "Provenance":
        kept["target"] = [one for one in kept.get("target", []) if links.get(one.get("reference"), "") is not None]
    moved = {reference: there for reference, there in links.items() if there != reference}
    turned: dict[str, Any] = _turned(kept, moved) if moved else kept
    return turned


def _turned(value: Json, links: Mapping[str, str | None]) -> Json:
    # Nearly all of a resource is text: what is text is not asked again.
    kind = type(value)
    if kind is dict:
        reference = value.get("reference")
        if type(reference) is str and reference in links:
            return _reference(value, links[reference])
        return {key: item if type(item) is str else _turned(item, links) for key, item in value.items()}
    if kind is list:
        return [item if type(item) is str else _turned(item, links) for item in value]
    return value


def _reference(value: Mapping[str, Any], there: str | None) -> dict[str, Any]:
    if there is not None:
        return {**value, "reference": there}
    return {"type": value["reference"].partition("/")[0], "display": NOT_THERE}


def comparable_hash(body: Mapping[str, Any]) -> str:
    """One hash for a resource as we send it and as a server gives it back: without id, meta and narrative.

    Servers turn 0.10 into 0.1; that is no edit by anybody.
    """
    return text_hash(with_leaves({name: value for name, value in body.items() if name not in _OF_THE_SERVER}, _plain))


def _plain(value: Json) -> Json:
    if type(value) is int or type(value) is Decimal:
        return f"{Decimal(value).normalize():f}"
    if value is not None and type(value) is not bool:
        raise ValueError("no value of exact JSON")
    return value


def is_ended(body: Mapping[str, Any]) -> bool:
    """Whether a resource says nothing any more: it was closed, or entered in error."""
    return body.get("status") in _ENDED


def ended_as_it_stands(standing: Mapping[str, Any], ending: Mapping[str, Any]) -> dict[str, Any]:
    """What stands on a target with the status of its end, and of a Flag the time of it."""
    return {**standing, **{name: ending[name] for name in ("status", "period") if name in ending}}


def stays_closed(standing: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a Flag that somebody else has ended stays so: what we want is ended too, or says nothing new.

    A retraction is something new for a Flag that was merely closed: it should never have been raised.
    """
    if standing.get("resourceType") != "Flag" or standing.get("status") not in _ENDED:
        return False
    if wanted.get("status") == "entered-in-error":
        return bool(standing["status"] == "entered-in-error")
    return wanted.get("status") in _ENDED or not has_new_verdict(standing, wanted)


def has_new_verdict(standing: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a Flag names another finding than the one that stands."""
    return _codes(standing) != _codes(wanted)


def is_ended_flag(standing: Mapping[str, Any]) -> bool:
    """Whether this is a Flag that is not active any more."""
    return standing.get("resourceType") == "Flag" and standing.get("status") in _ENDED


def _codes(flag: Mapping[str, Any]) -> list[object]:
    code = flag.get("code")
    coding = code.get("coding") if isinstance(code, dict) else None
    return [one.get("code") for one in coding if isinstance(one, dict)] if isinstance(coding, list) else []
