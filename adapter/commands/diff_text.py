"""What changes between two versions, for people: the summary, then message by message, then patient by patient."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any, TypeVar

from adapter.commands.diff_fields import FieldChange
from adapter.commands.diff_message import EVENT, WEIGHTS, Weight
from adapter.commands.diff_patients import (
    GRADES,
    FindingDifference,
    Grade,
    PatientChange,
    ResourceDifference,
)
from adapter.commands.diff_result import Result, finding_fields, message_fields, resource_kinds
from adapter.commands.diff_sides import Side
from adapter.commands.diff_survey import MessageChange
from adapter.commands.finding_changes import verdict_words
from adapter.fhir import dumps

SHOWN = 50
FIELDS_SHOWN = 12
LONGEST_CHARS = 160
SAME = "the same mappings and policies: nothing to compare"
NOTHING = "nothing"
DEMO_TABLES = "the shipped tables with those of the demo: neither --mappings nor --config FILE was named"
_SENTENCE = "sentence"
_GROUNDS = "evidence"
_REPEATED = (".display", ".system", ".text", ".div", ".unit")
"""Parts of a resource that say again what a code, a number or the finding says: counted on the page."""
RESOURCE_FIELDS = 6
_WEIGHTS: dict[Weight, str] = {
    "lost": "lost",
    "withdrawn": "withdrawn by its status",
    "new": "newly read",
    "otherwise": "read otherwise",
    "told": "only told otherwise",
}
_GRADES: dict[Grade, str] = {
    "lost": "finding lost",
    "turned": "verdict or Flag turned",
    "withdrawn": "finding withdrawn with its result",
    "new": "finding or Flag new",
    "otherwise": "other facts",
    "worded": "only words and grounds",
}
_T = TypeVar("_T")


def page_of(result: Result) -> str:
    """The whole page."""
    if result.sides.nothing_to_compare:
        return "\n".join([SAME, *_sides(result)])
    lines = [*_summary(result), *_sides(result)]
    lines += _part("messages, the most harmful first", result.messages, _message)
    lines += _part("patients, the most harmful first", result.patients, _patient)
    return "\n".join(map(printable, lines))


def _summary(result: Result) -> Iterator[str]:
    messages, patients = result.messages, result.patients
    of = f"{len(messages)} of {_counted(result.read, 'message')}"
    yield f"{of} {_change(messages)}{_listed(message_fields(messages))}"
    if messages:
        yield _weighed([one.weight for one in messages], WEIGHTS, _WEIGHTS)
    yield f"{_counted(len(patients), 'patient')} {_change(patients)}{_listed(finding_fields(patients), 'findings: ')}"
    if patients:
        yield _weighed([one.grade for one in patients], GRADES, _GRADES)
        yield f"  resources{_listed(resource_kinds(patients)) or ': none'}"
    if not result.relevant:
        yield "none of the messages is ours on either side: nothing could change"


def _change(found: Sequence[object]) -> str:
    return "changes" if len(found) == 1 else "change"


def _weighed(found: Sequence[str], order: Sequence[_T], words: dict[_T, str]) -> str:
    return "  " + ", ".join(f"{found.count(str(one))} {words[one]}" for one in order if str(one) in found)


def _listed(fields: Sequence[tuple[str, int]], title: str = "") -> str:
    told = [f"{count} {name}" for name, count in fields[:FIELDS_SHOWN]]
    told += [f"{len(fields) - FIELDS_SHOWN} more kinds"] if len(fields) > FIELDS_SHOWN else []
    return f": {title}{', '.join(told)}" if told else ""


def _sides(result: Result) -> Iterator[str]:
    for word, side in (("from", result.sides.old), ("to", result.sides.new)):
        yield f"{word:<5} {_side(side)}"
    if result.sides.new.demo:
        yield f"      {result.sides.new.name} has {DEMO_TABLES}"


def _side(side: Side) -> str:
    chosen = ", ".join(sorted(set(side.parts.rulebook.chosen.values())))
    return f"{side.name}: mappings {side.mappings}, policies {side.policies} ({chosen})"


def _part(title: str, every: Sequence[_T], told: Callable[[_T], Iterator[str]]) -> Iterator[str]:
    if every:
        yield from ("", f"{title}:")
        for one in every[:SHOWN]:
            yield ""
            yield from told(one)
        if len(every) > SHOWN:
            yield from ("", f"and {len(every) - SHOWN} more (--json has all)")


def _message(one: MessageChange) -> Iterator[str]:
    named = f"{one.file}, message {one.number}: {one.kind or 'no type'}"
    named += f", control id {one.control_id}" if one.control_id else ""
    named += f", from {one.sender}" if one.sender else ""
    yield f"{_WEIGHTS[one.weight]}: {named}"
    for event, changes in groupby(one.changes, key=lambda change: change.event):
        if event is None:
            yield from (f"  {line}" for line in _lines([change.change for change in changes]))
        else:
            yield from _event(event, [change.change for change in changes])


def _event(event: str, changes: Sequence[FieldChange]) -> Iterator[str]:
    if changes[0].path == EVENT:
        yield f"  {event}: {changes[0].how}"
        return
    yield f"  {event}"
    yield from (f"    {line}" for line in _lines(changes))


def _patient(one: PatientChange) -> Iterator[str]:
    yield f"{_GRADES[one.grade]}: {one.patient}"
    for finding in sorted(one.findings, key=lambda found: GRADES.index(found.grade)):
        yield from _finding(finding)
    for resource in sorted(one.resources, key=lambda found: GRADES.index(found.grade)):
        yield from _resource(resource)


def _finding(finding: FindingDifference) -> Iterator[str]:
    before, after = verdict_words(finding.whole.before), verdict_words(finding.whole.after)
    yield f"  finding {finding.whole.key}: {before if before == after else f'{before} -> {after}'}"
    grounds = [change for change in finding.changes if change.field.startswith(_GROUNDS)]
    told = [change for change in finding.changes if change not in grounds]
    yield from (f"    {line}" for line in _lines(told))
    if grounds:
        yield f"    evidence: {_counted(len(grounds), 'difference')} (--json has all)"


def _resource(resource: ResourceDifference) -> Iterator[str]:
    was, is_now = resource.before or NOTHING, resource.after or NOTHING
    status = "" if was == is_now else f" ({was} -> {is_now})"
    yield f"  {resource.kind} {resource.reference}: {resource.how}{status}"
    telling = [change for change in resource.changes if not change.field.endswith(_REPEATED)]
    shown = (telling or resource.changes)[:RESOURCE_FIELDS]
    yield from (f"    {line}" for line in _lines(shown))
    left = len(resource.changes) - len(shown)
    if left:
        yield f"    {_counted(left, 'further difference')} (--json has all)"


def _lines(changes: Iterable[FieldChange]) -> Iterator[str]:
    """A line for each field; of a list of words one line says which went and which came."""
    for path, found in groupby(changes, key=lambda change: change.path):
        every = list(found)
        if len(every) == 1 or any(change.how == "changed" for change in every):
            yield from (line for change in every for line in _field(change))
        else:
            gone = ", ".join(_value(change.before) for change in every if change.how == "gone")
            come = ", ".join(_value(change.after) for change in every if change.how == "added")
            yield f"{path}: {gone or NOTHING} -> {come or NOTHING}"


def _field(change: FieldChange) -> Iterator[str]:
    row = change.before or change.after
    if change.field == _SENTENCE:
        yield from (f"{_SENTENCE}:", f"  - {change.before}", f"  + {change.after}")
    elif change.how != "changed" and isinstance(row, dict):
        severity = f" ({row['severity']})" if "severity" in row else ""
        yield f"{change.path}: {change.how}{severity}"
    else:
        yield f"{change.path}: {_value(change.before)} -> {_value(change.after)}"


def _value(value: Any) -> str:  # noqa: ANN401 - any JSON
    """A value with its digits, texts in quotes, what is long cut."""
    match value:
        case None:
            return NOTHING
        case str():
            text = f"'{value}'"
        case Decimal():
            text = format(value, "f")
        case _:
            text = dumps(value).decode()
    return text if len(text) <= LONGEST_CHARS else f"{text[:LONGEST_CHARS]}..."


def printable(text: str) -> str:
    """The text on one line, control characters told by their escapes: a message must not steer a terminal."""
    return text if text.isprintable() else "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
