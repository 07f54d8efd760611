"""What comes of a golden case now, and how it differs from what the case expects."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import yaml

from adapter.commands.golden_case import Case
from adapter.commands.run_message import Look, Sources, looks_at
from adapter.commands.run_result import result_of
from adapter.knowledge.text_yaml import Node
from adapter.pipeline.parts import Parts

NOT_COMPARED = ("source",)
"""Fields of an event that name where a message came from, and nothing it says."""
_NOTHING: tuple[object, ...] = (None, [], {})
_UNASKED = ("gaps", "unread")
"""Parts a case has only when it is about them."""


def outcome_of(case: Case, parts: Parts) -> dict[str, Any]:
    """Every part of `expect` as it comes out now."""
    rules = case.rules
    site = replace(parts, rules_at=lambda _listener: lambda _sender: rules, zone_of=lambda _source: rules.zone)
    looks = looks_at(case.raw, site, Sources(), file=case.shown)
    told = [result_of(look, number, site) for number, look in enumerate(looks, start=1)]
    found: dict[str, Any] = {
        "relevance": _joined([look.relevance for look in looks]),
        "events": [_event(event) for one in told for event in one["events"]],
        "identities": [_event(identity) for one in told for identity in one["identities"]],
        "problems": [
            {name: problem[name] for name in ("code", "severity", "where") if problem[name]}
            for one in told
            for problem in one["problems"]
        ],
    }
    parked = [one["parked"] for one in told if one["parked"]]
    if parked:
        found["parked"] = _joined(parked)
    found |= _answers(looks)
    found["gaps"] = [_gap(gap) for one in told for gap in one["gaps"]]
    found["unread"] = [place for one in told for place in one["unread"]]
    return found


def _answers(looks: Sequence[Look]) -> dict[str, Any]:
    found: dict[str, Any] = {"ack": _joined([look.answer.code or "none" for look in looks])}
    bodies = [str(look.http.status) for look in looks if look.arrival.kind == "fhir"]
    return {**found, "http": _joined(bodies)} if bodies else found


def _joined(words: list[str]) -> str:
    """One word per message."""
    return ", ".join(words)


def _gap(gap: dict[str, Any]) -> str:
    """`units.csv: ,xU/mL,*,,,`"""
    return f"{gap['table']}.csv: {gap['row']}"


def _event(event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in _filled(event).items() if name not in NOT_COMPARED}


def _filled(value: Any) -> Any:  # noqa: ANN401 - any field of any event
    """The value without what is empty or no, and numbers as text."""
    match value:
        case bool():
            return value
        case dict():
            inner = {name: _filled(item) for name, item in value.items()}
            return {name: item for name, item in inner.items() if item not in _NOTHING and item is not False}
        case list():
            return [_filled(item) for item in value]
        case None:
            return None
        case _:
            return str(value)


def asked(case: Case, found: dict[str, Any]) -> dict[str, Any]:
    """The parts of an outcome a case compares; of a new case all that every case should have."""
    if case.expect is None:
        needless = {*_UNASKED, *(() if found["identities"] else ("identities",)), "ack" if "http" in found else "http"}
        return {name: value for name, value in found.items() if name not in needless}
    named = {name for name in case.expect if name != "only"}
    # A message that begins to wait is never beside the point of a case that looks at problems.
    compared = named | ({"parked"} if "problems" in named else set())
    compared |= {"identities"} if "events" in named and found["identities"] else set()
    kept = {name: value for name, value in found.items() if name in compared}
    only = case.expect.get("only")
    if isinstance(only, list) and "events" in kept:
        kept["events"] = [_chosen(event, [str(name) for name in only]) for event in kept["events"]]
        kept = {"only": only, **kept}
    return kept


def _chosen(event: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """The event reduced to the fields a case is about, by their dotted names."""
    chosen: dict[str, Any] = {"event": event["event"]}
    for name in names:
        value: Any = event
        for step in name.split("."):
            value = value.get(step) if isinstance(value, dict) else None
        if value is not None:
            chosen[name] = value
    return chosen


def difference(case: Case, found: dict[str, Any]) -> list[str]:
    """A unified diff from what is expected to what was found; empty when they agree."""
    kept = asked(case, found)
    before, after = plain(case.expect or {}), plain(kept)
    if before == after:
        return []
    ordered = {name: before[name] for name in (*after, *before) if name in before}
    lines = difflib.unified_diff(
        written(ordered).splitlines(), written(after).splitlines(), "expected", "found", lineterm=""
    )
    # The same in another order of keys is the same.
    return list(lines)


def plain(value: Any) -> Any:  # noqa: ANN401 - nodes of YAML, or an outcome
    """The value as the YAML reader gives it: every scalar a text."""
    match value:
        case dict():
            return {name: plain(item) for name, item in value.items()}
        case list():
            return [plain(item) for item in value]
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)


def written(expect: dict[str, Any] | Node) -> str:
    """An expectation as YAML."""
    return yaml.safe_dump(_typed(expect), sort_keys=False, allow_unicode=True, width=1000)


def _typed(value: Any) -> Any:  # noqa: ANN401 - nodes of YAML
    """Truth values without quotes, as people write them."""
    match value:
        case dict():
            return {name: _typed(item) for name, item in value.items()}
        case list():
            return [_typed(item) for item in value]
        case "true" | "false":
            return value == "true"
        case _:
            return value
