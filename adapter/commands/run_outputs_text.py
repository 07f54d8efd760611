"""Where every element of the resources of a message came from, as lines of a page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from adapter.fhir import dumps

_INDENT = "  "
_KINDS = {"activity": "what was measured", "interpretation": "what it means", "flag": "what a person must look at"}
LONGEST_VALUE = 72


def output_lines(output: dict[str, Any]) -> Iterator[str]:
    """One resource: what it rests on, how it was decided, every element on its line, and what was not written."""
    yield f"{output['resource']}: {_KINDS[output['kind']]}, from {_events(output['events'])} by {output['template']}"
    for versions in output["versions"]:
        yield f"{_INDENT}{_events(versions)} are versions of one fact; times and states decide which of them counts"
    yield from (f"{_INDENT}{line}" for line in _decisions(output["decisions"]))
    yield from (f"{_INDENT}{_element(element)}" for element in output["elements"])
    yield from (f"{_INDENT}{_gap(gap)}" for gap in output["not_written"])


def _decisions(decisions: list[dict[str, Any]]) -> Iterator[str]:
    """Each decision with all that was read for it; what an earlier line has named already is not named again."""
    told: dict[str, set[tuple[int, str]]] = {}
    for decision in decisions:
        yield f"{decision['decision']}: {decision['what']}; {_by(decision)}"
        named = _named(decision)
        within = {name: fields for name, fields in told.items() if fields and fields <= named}
        widest = [name for name, fields in within.items() if not any(fields < other for other in within.values())]
        if widest:
            yield f"{_INDENT}read all that was read for {' and '.join(widest)}"
        known = {field for fields in within.values() for field in fields}
        yield from (f"{_INDENT}{line}" for line in _read(decision, known))
        yield f"{_INDENT}beside the facts: {', '.join(decision['beside'])}"
        told[decision["decision"]] = named


def _by(decision: dict[str, Any]) -> str:
    """`rule D12; policy CONS16@1`"""
    words = [f"rule {', '.join(decision['rules'])}"] if decision["rules"] else []
    words.append(f"policy {', '.join(decision['policies'])}" if decision["policies"] else "no policy applies")
    return "; ".join(words)


def _named(decision: dict[str, Any]) -> set[tuple[int, str]]:
    filled = {(origin["event"], origin["field"]) for origin in decision["fields"]}
    return filled | {(gap["event"], name) for gap in decision["empty"] for name in gap["fields"]}


def _read(decision: dict[str, Any], known: set[tuple[int, str]]) -> Iterator[str]:
    fields = [origin for origin in decision["fields"] if (origin["event"], origin["field"]) not in known]
    for number in sorted({origin["event"] for origin in fields}):
        yield f"read of {_of_event(number, fields)}"
    for gap in sorted(decision["empty"], key=lambda gap: gap["event"]):
        names = [name for name in gap["fields"] if (gap["event"], name) not in known]
        if names:
            yield f"empty in event {gap['event']}: {', '.join(names)}"
    for other in decision["other_events"]:
        yield f"read of {_events(other['events'])} to tell what belongs together: {', '.join(other['fields'])}"


def _element(element: dict[str, Any]) -> str:
    if element["own_word"]:
        return f"{element['path']} = {_short(element['value'])} <- {_written_at(element)}; the product's own word"
    words = [_written_at(element)]
    numbers = dict.fromkeys(origin["event"] for origin in element["fields"])
    words += [_of_event(number, element["fields"]) for number in numbers]
    words += [f"empty in event {gap['event']}: {', '.join(gap['fields'])}" for gap in element["empty"]]
    words += [_decided(element)] if element["decided"] else []
    words += element["beside"]
    return f"{element['path']} = {_short(element['value'])} <- {'; '.join(word for word in words if word)}"


def _written_at(element: dict[str, Any]) -> str:
    if element["template"] is None:
        return ""
    _, _, line = element["template"].rpartition(":")
    placeholders = " ".join(f"${{{name}}}" for name in element["placeholders"])
    return f"line {line}, {placeholders or 'literal'}"


def _decided(element: dict[str, Any]) -> str:
    """`judged (rule D12; policy CONS16@1)`: what stands there, or what chose the facts that do."""
    how = f"{element['decided']} ({_by(element)})"
    return f"chosen by {how}" if element["fields"] else how


def _of_event(number: int, origins: list[dict[str, Any]]) -> str:
    """`event 1: collected (OBR[1]-7), status (OBX[1]-11)`"""
    own = (origin for origin in origins if origin["event"] == number)
    return f"event {number}: {', '.join(dict.fromkeys(map(_field, own)))}"


def _field(origin: dict[str, Any]) -> str:
    places = [place["where"] for place in origin["places"]]
    at = ", ".join(places or origin["rows"] or origin["said"])
    return f"{origin['field']} ({at})" if at else str(origin["field"])


def _gap(gap: dict[str, Any]) -> str:
    _, _, line = gap["template"].rpartition(":")
    placeholders = " ".join(f"${{{name}}}" for name in gap["placeholders"])
    empty = [f"empty in event {one['event']}: {', '.join(one['fields'])}" for one in gap["empty"]]
    words = [f"line {line}, {placeholders}", *empty, *([gap["decided"]] if gap["decided"] else [])]
    return f"not written: {gap['path']} <- {'; '.join(words)}"


def _short(value: Any) -> str:  # noqa: ANN401 - any JSON
    text = dumps(value).decode()
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}..."


def _events(numbers: list[int]) -> str:
    """`event 1`, `events 1, 3-7`"""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and spans[-1][-1] == number - 1:
            spans[-1] = [spans[-1][0], number]
        else:
            spans.append([number])
    told = ", ".join("-".join(map(str, span)) for span in spans)
    return f"event {told}" if len(numbers) == 1 else f"events {told}"
