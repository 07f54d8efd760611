"""Where every element of the resources of a message came from, as plain values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from adapter.commands.play_folder import BEFORE_ANY_STAMP
from adapter.commands.run_message import Look
from adapter.commands.run_trace import Origin, printed_origin
from adapter.domain.copies import each_once
from adapter.domain.events import Event
from adapter.domain.history import fact_name, resolve
from adapter.domain.message import PatientState
from adapter.pipeline.interpreting import literal_reference
from adapter.pipeline.parts import Parts
from adapter.rules import interpret
from adapter.writeback.elements import Subject
from adapter.writeback.made_of import BESIDE, DECIDES, READ, Group, Made, made_of, read_beside
from adapter.writeback.press import Press
from adapter.writeback.template_trace import Leaf, Omitted, Steps
from adapter.writeback.traced import TracedOutput, traced

OF_THE_TIME = ("Observation.issued", "Flag.period.start")
"""Elements that no template writes: when the patient was evaluated."""
TIME_OF_EVALUATION = "time of evaluation, here the stamp of the message"
NO_STAMP = "time of evaluation; the message has no stamp"
BY_RULES: tuple[Group, ...] = ("judged", "worded")
"""Decisions that the numbered rules make; the others are made before them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The events of a message, numbered from 1, with the origins of their fields."""

    events: Sequence[Event]
    origins: Sequence[Sequence[Origin]]
    numbers: Mapping[str, tuple[int, ...]]
    """Numbers of the events that are versions of one fact, by the name of the fact."""
    clock: str
    """What the time of the evaluation was taken from."""
    by_patient: Mapping[str, Mapping[str, list[int]]]
    """Numbers of the events of a patient, by the name of the event."""

    def fields(self, fact: str, names: Iterable[str]) -> Iterator[dict[str, Any]]:
        """The origins of some fields of a fact."""
        wanted = dict.fromkeys(names)
        for number in self.numbers.get(fact, ()):
            for origin in self.origins[number - 1]:
                if origin.field.partition(".")[0] in wanted:
                    yield {"event": number, **printed_origin(origin)}

    def empty(self, fact: str, names: Iterable[str]) -> Iterator[dict[str, Any]]:
        """Which of some fields an event has, and does not hold."""
        wanted = tuple(dict.fromkeys(names))
        for number in self.numbers.get(fact, ()):
            event = self.events[number - 1]
            without = [name for name in wanted if hasattr(event, name) and not _holds(getattr(event, name))]
            if without:
                yield {"event": number, "fields": without}

    def kind(self, fact: str) -> str:
        """The name of the event a fact became known by."""
        return next((type(self.events[number - 1]).__name__ for number in self.numbers.get(fact, ())), "")


def _holds(value: Any) -> bool:  # noqa: ANN401 - any field of any event
    if is_dataclass(value):
        return any(_holds(getattr(value, inner.name)) for inner in fields(value))
    return not (value is None or value is False or value in ("", ()))


def known_of(look: Look, origins: Sequence[Sequence[Origin]]) -> Known:
    """The events of a message beside their origins."""
    events = [event for translation in look.translations for event in translation.events]
    numbers: dict[str, tuple[int, ...]] = {}
    by_patient: dict[str, dict[str, list[int]]] = {}
    for number, event in enumerate(events, start=1):
        numbers[fact_name(event)] = (*numbers.get(fact_name(event), ()), number)
        by_patient.setdefault(event.patient, {}).setdefault(type(event).__name__, []).append(number)
    clock = NO_STAMP if look.received_at == BEFORE_ANY_STAMP else TIME_OF_EVALUATION
    return Known(events=events, origins=origins, numbers=numbers, clock=clock, by_patient=by_patient)


def outputs_of(look: Look, known: Known, parts: Parts) -> list[dict[str, Any]]:
    """Every resource that `run` shows, in its order, taken apart."""
    by_reference: dict[str, dict[str, Any]] = {}
    for patient in look.patients:
        for output in _traced(patient, look, parts):
            if output.reference in look.resources:
                resource = look.resources[output.reference]
                by_reference[output.reference] = _output(output, resource, known, patient.patient)
    return [by_reference[reference] for reference in look.resources if reference in by_reference]


def _traced(patient: PatientState, look: Look, parts: Parts) -> tuple[TracedOutput, ...]:
    """What the corridor made of the same facts at the same time, by the same functions."""
    history = each_once(resolve(patient.patient, patient.recorded, patient.records))
    reference = literal_reference(patient.records, parts)
    press = Press(
        templates=parts.knowledge.outputs,
        canonical=parts.canonical,
        subject=Subject(patient=patient.patient, reference=reference),
    )
    return traced(interpret(history, parts.rulebook, look.received_at), history, press)


def _output(output: TracedOutput, resource: Mapping[str, Any], known: Known, patient: str) -> dict[str, Any]:
    traced_elements = {path_text(output.resource_type, leaf.path): leaf for leaf in output.leaves}
    elements = [
        _element(path, leaf, output, known)
        if (leaf := traced_elements.get(path)) and leaf.value == value
        else _of_the_time(path, value, known.clock)
        for path, value in leaves(resource)
    ]
    decisions = {element["decided"] for element in elements}
    others = _other_events(output, known, patient)
    return {
        "resource": output.reference,
        "kind": output.kind,
        "template": output.template.file,
        "events": _numbers(output.facts, known),
        "versions": [list(known.numbers[fact]) for fact in output.facts if len(known.numbers.get(fact, ())) > 1],
        "rules": _rules(output),
        "policies": _policies(output),
        "decisions": [_decision(group, output, known, others) for group in READ if group in decisions],
        "elements": elements,
        "not_written": [_gap(gap, output, known) for gap in output.omitted],
    }


def _rules(output: TracedOutput) -> list[str]:
    return list(dict.fromkeys(rule for finding in output.findings for rule in finding.rules))


def _policies(output: TracedOutput) -> list[str]:
    return list(dict.fromkeys(finding.policy for finding in output.findings if finding.policy))


def _element(path: str, leaf: Leaf, output: TracedOutput, known: Known) -> dict[str, Any]:
    made = [made_of(output.template.name, use.name, use.part, use.of) for use in leaf.uses]
    made += [made_of(output.template.name, name) for name in leaf.constants]
    facts = [fact for one in made for fact in _facts(one, leaf, output, known)]
    decided = next((one.decided for one in made if one.decided), None)
    return {
        "path": path,
        "value": leaf.value,
        "template": _line(output, leaf.node),
        "placeholders": [*(use.name for use in leaf.uses), *leaf.constants],
        "fields": [origin for fact, names in facts for origin in known.fields(fact, names)],
        "empty": _merged(gap for fact, names in facts for gap in known.empty(fact, names)),
        "decided": decided,
        "rules": _rules(output) if decided in BY_RULES else [],
        "policies": _policies(output) if decided else [],
        "beside": list(dict.fromkeys(word for one in made for word in one.site)),
        "own_word": bool(made) and all(one.own for one in made),
    }


def _of_the_time(path: str, value: Any, clock: str) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """An element beside the template: the time of the evaluation."""
    beside = [clock if path in OF_THE_TIME else "not known"]
    return {
        "path": path,
        "value": value,
        "template": None,
        "placeholders": [],
        "fields": [],
        "empty": [],
        "decided": None,
        "rules": [],
        "policies": [],
        "beside": beside,
        "own_word": False,
    }


def _facts(made: Made, leaf: Leaf, output: TracedOutput, known: Known) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every fact whose content stands at a leaf, with the fields; an entry of a list is about its own fact alone."""
    entry = next((use.entry for use in leaf.uses if use.entry is not None), None)
    for role, names in made.taken.items():
        facts = output.roles.get(role, ())
        own = facts[entry : entry + 1] if role == "samples" and entry is not None else facts
        yield from ((fact, names) for fact in own)
        if made.either and any(True for fact in own for _ in known.fields(fact, names)):
            return


def _decision(group: Group, output: TracedOutput, known: Known, others: Mapping[str, list[int]]) -> dict[str, Any]:
    """One decision behind an output: what was read for it, and by which rules and policies it was made."""
    wanted = READ[group]
    facts = [(fact, wanted.get(known.kind(fact), ())) for fact in output.facts]
    return {
        "decision": group,
        "what": DECIDES[group],
        "rules": _rules(output) if group in BY_RULES else [],
        "policies": _policies(output),
        "fields": [origin for fact, names in facts for origin in known.fields(fact, names)],
        "empty": [gap for fact, names in facts for gap in known.empty(fact, names)],
        "other_events": [
            {"events": numbers, "fields": list(wanted[event])} for event, numbers in others.items() if event in wanted
        ],
        "beside": list(BESIDE[group]),
    }


def _other_events(output: TracedOutput, known: Known, patient: str) -> dict[str, list[int]]:
    """The other facts of the patient in the message, by name: the rules read them to tell what belongs together."""
    own = set(_numbers(output.facts, known))
    found = known.by_patient.get(patient, {}) if output.findings else {}
    others = {name: [number for number in found[name] if number not in own] for name in read_beside(found)}
    return {name: numbers for name, numbers in others.items() if numbers}


def _gap(gap: Omitted, output: TracedOutput, known: Known) -> dict[str, Any]:
    """A part of the template of which nothing was written, and the fields that were empty."""
    leaf = Leaf(path=(), node=gap.node, value=None)
    made = [made_of(output.template.name, name) for name in gap.placeholders]
    facts = [fact for one in made for fact in _facts(one, leaf, output, known)]
    return {
        "path": path_text(output.resource_type, tuple(step for step in gap.node if isinstance(step, str))),
        "template": _line(output, gap.node),
        "placeholders": list(gap.placeholders),
        "empty": _merged(gap for fact, names in facts for gap in known.empty(fact, names)),
        "decided": next((one.decided for one in made if one.decided), None),
    }


def _merged(gaps: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    found: dict[int, dict[str, None]] = {}
    for gap in gaps:
        found.setdefault(gap["event"], {}).update(dict.fromkeys(gap["fields"]))
    return [{"event": number, "fields": list(names)} for number, names in found.items()]


def _numbers(facts: Iterable[str], known: Known) -> list[int]:
    return sorted({number for fact in facts for number in known.numbers.get(fact, ())})


def _line(output: TracedOutput, node: Steps) -> str:
    """`mappings/outputs/flag.yaml:41`"""
    line = output.template.lines.get(node)
    return f"{output.template.file}:{line}" if line else output.template.file


def leaves(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - any JSON
    """Every element of a resource that holds a value, by its path: `Flag.code.coding[0].code`."""
    match node:
        case dict():
            head = path or str(node.get("resourceType"))
            for name, value in node.items():
                yield from leaves(value, f"{head}.{name}")
        case list():
            for number, value in enumerate(node):
                yield from leaves(value, f"{path}[{number}]")
        case _:
            yield path, node


def path_text(resource_type: str, path: Steps) -> str:
    """`Observation.component[2].valueQuantity.value`"""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return resource_type + "".join(steps)
