"""What `run` tells of one message, as a page: each field on its line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from adapter.commands.run_outputs_text import output_lines
from adapter.commands.run_trace import origin_line
from adapter.commands.run_why import why_line
from adapter.domain.problems import KINDS
from adapter.fhir import dumps

_INDENT = "  "


def page_of(told: dict[str, Any]) -> str:
    """One message, part by part."""
    return "\n".join(
        [
            _head(told),
            *_part("relevance", told["relevance"], _reasons(told)),
            *_part("events", _count(told["events"]), _events(told["events"])),
            *(_part("patient records", *_identities(told["identities"])) if told["identities"] else ()),
            *(_part("where each field came from", _count(told["trace"]), _trace(told)) if "trace" in told else ()),
            *_part("problems", _count(told["problems"]), _problems(told)),
            *_part("codes without a row", _count(told["gaps"]), _gaps(told["gaps"])),
            *_part("filled, and read by nothing", _count(told["unread"]), iter(told["unread"])),
            *_answer(told),
            *_part("resources for this message alone", _count(told["resources"]), _resources(told["resources"])),
            *(_part("where each element came from", _elements(told), _outputs(told)) if "trace" in told else ()),
        ]
    )


def _head(told: dict[str, Any]) -> str:
    words = [f"{told['file']}, message {told['message']}: {told['type'] or 'not readable'}"]
    words += [f"control id {told['control_id']}"] if told["control_id"] else []
    words += [f"from {told['sender']}"] if told["sender"] else []
    return ", ".join(words)


def _part(title: str, said: str, lines: Iterator[str]) -> Iterator[str]:
    yield ""
    yield f"{title}: {said}"
    yield from (f"{_INDENT}{line}" for line in lines)


def _count(items: Any) -> str:  # noqa: ANN401 - a list or a dict
    return str(len(items)) if items else "none"


def _reasons(told: dict[str, Any]) -> Iterator[str]:
    yield from told["because"]
    yield from map(why_line, told["why"])
    if not told["because"] and not told["why"]:
        yield "no code in it is read by a mapping"


def _events(events: list[dict[str, Any]]) -> Iterator[str]:
    for event in events:
        filled, empty = _fields(event)
        width = max(map(len, filled))
        yield str(event["event"])
        yield from (f"{_INDENT}{name:<{width}}  {value}" for name, value in filled.items())
        if empty:
            yield f"{_INDENT}empty: {', '.join(empty)}"


def _identities(told: list[dict[str, Any]]) -> tuple[str, Iterator[str]]:
    joins = {"merged": "{absorbed} ends in {survivor}", "unlinked": "{absorbed} and {survivor} are two people"}
    lines = (f"{joins[one['status']].format_map(one)}, since {one['at'] or 'an unknown time'}" for one in told)
    return _count(told), lines


def _trace(told: dict[str, Any]) -> Iterator[str]:
    for number, (event, origins) in enumerate(zip(told["events"], told["trace"], strict=True), start=1):
        name = f"event {number}, {event['event']}"
        yield name if origins else f"{name}: by its key alone"
        yield from (f"{_INDENT}{origin_line(origin)}" for origin in origins)


def _elements(told: dict[str, Any]) -> str:
    count = sum(len(output["elements"]) for output in told["outputs"])
    return f"{count} elements of {len(told['outputs'])} resources" if count else "none"


def _outputs(told: dict[str, Any]) -> Iterator[str]:
    if told["outputs"]:
        yield "as if this message were all that is known; bytes, lines and rows of each field stand above, by its event"
    for output in told["outputs"]:
        yield from output_lines(output)


def _fields(event: dict[str, Any]) -> tuple[dict[str, str], list[str]]:
    """The filled fields by dotted name, and the names of the others."""
    filled: dict[str, str] = {}
    empty: list[str] = []
    for name, value in event.items():
        if name == "event":
            continue
        before = len(filled)
        filled.update(_flat(name, value))
        if len(filled) == before:
            empty.append(name)
    return filled, empty


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - any field of any event
    match value:
        case None | "" | []:
            return
        case dict():
            for key, inner in value.items():
                yield from _flat(f"{name}.{key}", inner)
        case list():
            for number, inner in enumerate(value, start=1):
                yield from _flat(f"{name}[{number}]", inner)
        case bool():
            yield name, "yes" if value else "no"
        case _:
            yield name, " / ".join(str(value).splitlines())


def _problems(told: dict[str, Any]) -> Iterator[str]:
    for problem in told["problems"]:
        yield f"{problem['severity']} {_place(problem)}{problem['code']}: {problem['text']}"
        yield f"{_INDENT}-> {KINDS[problem['code']].advice}"
    if told["parked"]:
        yield f"the message waits in the work list: {told['parked']}"


def _place(problem: dict[str, Any]) -> str:
    place = problem["place"]
    if not place:
        return f"{problem['where']} " if problem["where"] else ""
    if "expression" in place:
        return f"{place['expression']} "
    component = f".{place['component']}" if place["component"] else ""
    line = f" (line {place['line']})" if place["line"] else " (not there)"
    return f"{problem['where']}{component}{line} "


def _gaps(gaps: list[dict[str, Any]]) -> Iterator[str]:
    for gap in gaps:
        looks = ", and it looks like ours" if gap["near"] else ""
        yield f"{gap['where']} {gap['code']}: not in tables/{gap['table']}.csv{looks}"
        yield f"{_INDENT}{gap['row']}"
        if gap["targets"]:
            yield f"{_INDENT}fill in the {gap['fill_in']}, one of: {', '.join(gap['targets'])}"


def _answer(told: dict[str, Any]) -> Iterator[str]:
    answer = told["answer"]
    if told["kind"] == "fhir":
        yield from _part("answer over HTTP", str(answer["status"]), _json_lines(answer["body"]))
    else:
        yield from _part("answer", answer["code"] or "none is sent", iter(answer["segments"]))


def _resources(resources: dict[str, Any]) -> Iterator[str]:
    for reference, resource in resources.items():
        yield reference
        yield from (f"{_INDENT}{line}" for line in _json_lines(resource))


def _json_lines(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    yield from dumps(value, indent=True).decode().splitlines()
