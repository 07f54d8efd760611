"""The keep list of `deid`: what may pass, how, and why; read from files analysts own, every mistake with its line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from adapter.knowledge.hl7_names import unknown_place
from adapter.knowledge.paths import read_v2_path
from adapter.knowledge.plain_file import read_plain
from adapter.knowledge.shipped import shipped
from adapter.knowledge.text_yaml import Document, Fault, Node, did_you_mean, read_yaml

SHIPPED = "deidentify.yaml"
ACTIONS = (
    "keep",
    "code",
    "name",
    "text",
    "value",
    "time",
    "birth",
    "id",
    "number",
    "reference",
    "person",
    "facility",
    "truth",
    "amount",
    "uri",
    "charset",
    "fixed",
)
KEYS = ("schema", "hl7v2", "types", "fhir", "reference_types", "people", "names", "phrases")
_LINE_KEYS = ("path", "do", "as", "why")
_HL7_PATH = re.compile(r"([A-Z][A-Z0-9]{2})-(\d{1,3})(?:\.(\d{1,2})(?:\.(\d{1,2}))?)?", re.ASCII)
_FHIR_PATH = re.compile(r"[A-Za-z_]\w*(\[[\w.-]+\])?(\.[A-Za-z_]\w*(\[[\w.-]+\])?)*", re.ASCII)
_DEEPEST = 6
_UNITS = ("unit", "code")
_UNITS_OF_RESULTS = ("OBX-6", "OBX-6.4")

Level = Literal["name", "person", "word"]
"""Names and numbers are looked for everywhere; other things about a person where no facility stands; words in texts."""
Place = tuple[str, int, int, int]
"""Segment, field, component and sub-component; 0 where the path names none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is done with one place."""

    do: str
    fixed: str = ""


@dataclass(frozen=True, kw_only=True)
class KeepList:
    """Everything that may pass; what is not here may not."""

    hl7: dict[Place, Rule] = field(hash=False)
    fhir: dict[str, Rule] = field(hash=False)
    """By the path of the element without positions: `Patient.identifier.value`."""
    reference_types: frozenset[str]
    people: frozenset[str]
    names: frozenset[str]
    phrases: tuple[str, ...]

    def level(self, place: str) -> Level:
        """How hard what was taken out of a place is looked for in the result."""
        steps = re.split(r"[-.]", place)
        starts = {place[: len("-".join(steps[:end]))] for end in range(1, len(steps) + 1)}
        return "name" if starts & self.names else "person" if starts & self.people else "word"

    def is_unit(self, place: str) -> bool:
        """Whether a unit stands in a place: of a result, or of an amount, which has a line for its unit."""
        parent, _, name = place.rpartition(".")
        return place in _UNITS_OF_RESULTS or (name in _UNITS and f"{parent}.unit" in self.fhir)

    @cached_property
    def elements(self) -> frozenset[str]:
        """Elements that have a line somewhere below them."""
        paths = [path.split(".") for path in self.fhir]
        return frozenset(".".join(steps[:end]) for steps in paths for end in range(1, len(steps)))

    @cached_property
    def segments(self) -> frozenset[str]:
        """Segments that have a line."""
        return frozenset(place[0] for place in self.hl7)

    @cached_property
    def resources(self) -> frozenset[str]:
        """Resource types that have a line."""
        return frozenset(path.partition(".")[0] for path in self.fhir)

    def rule(self, segment: str, number: int, component: int = 0, part: int = 0) -> Rule | None:
        """The line that names a place most exactly."""
        places = ((segment, number, component, part), (segment, number, component, 0), (segment, number, 0, 0))
        return next((self.hl7[place] for place in places if place in self.hl7), None)


@dataclass(slots=True, kw_only=True)
class _Gathered:
    """The lines of all files so far; a later one replaces."""

    hl7: dict[Place, Rule] = field(default_factory=dict)
    fhir: dict[str, Rule] = field(default_factory=dict)
    types: dict[str, dict[str, Rule]] = field(default_factory=dict)
    reference_types: set[str] = field(default_factory=set)
    people: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    phrases: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def load_keep_list(files: Sequence[Path] = ()) -> tuple[KeepList | None, list[Fault]]:
    """The shipped list with each file laid over it; None with every mistake when there is one."""
    gathered = _Gathered()
    named = [(shipped("config") / SHIPPED, f"config/{SHIPPED}"), *((path, path.as_posix()) for path in files)]
    documents = [document for path, shown in named if (document := _document(path, shown, gathered.faults))]
    for document in documents:
        _gather(document, gathered)
    for document in documents[1:]:
        gathered.faults.extend(misspelt(document))
    for document in documents:
        _check_types(document, gathered)
    if gathered.faults:
        return None, gathered.faults
    keep = KeepList(
        hl7=gathered.hl7,
        fhir=_spread(gathered.fhir, gathered.types),
        reference_types=frozenset(gathered.reference_types),
        people=frozenset(gathered.people),
        names=frozenset(gathered.names),
        phrases=tuple(gathered.phrases),
    )
    return keep, []


def misspelt(document: Document) -> Iterator[Fault]:
    """Places no version of HL7 has; looked up for the files of a site, as the tables of HL7 load slowly."""
    for place, line in _lines(document, ("hl7v2",), []):
        path = read_v2_path(str(line["path"]))
        wrong = unknown_place(path) if path else None
        if wrong:
            yield document.fault(place, wrong)


def _document(path: Path, shown: str, faults: list[Fault]) -> Document | None:
    try:
        content = read_plain(path)
    except OSError as error:
        faults.append(Fault(file=shown, line=0, text=f"cannot be read: {error.strerror}"))
        return None
    document, wrong = read_yaml(content, shown)
    faults.extend(wrong)
    return document


def _gather(document: Document, gathered: _Gathered) -> None:
    data = document.data
    if not isinstance(data, dict):
        gathered.faults.append(document.fault((), f"a keep list has the keys {', '.join(KEYS)}"))
        return
    gathered.faults.extend(
        document.fault((key,), f"'{key}' is no key of a keep list{did_you_mean(key, KEYS)}; it has {', '.join(KEYS)}")
        for key in data
        if key not in KEYS
    )
    if data.get("schema") != "1":
        gathered.faults.append(document.fault(("schema",), "write 'schema: 1': the form this version reads"))
    for place, line in _lines(document, ("hl7v2",), gathered.faults):
        _hl7_line(document, place, line, gathered)
    for place, line in _lines(document, ("fhir",), gathered.faults):
        _fhir_line(document, place, line, gathered.fhir, gathered.faults)
    types = data.get("types", {})
    for name in types if isinstance(types, dict) else ():
        rules = gathered.types.setdefault(name, {})
        for place, line in _lines(document, ("types", name), gathered.faults):
            _fhir_line(document, place, line, rules, gathered.faults)
    gathered.reference_types.update(_words(document, "reference_types", gathered.faults))
    gathered.names.update(_words(document, "names", gathered.faults))
    gathered.people.update(_words(document, "people", gathered.faults))
    gathered.phrases.extend(_words(document, "phrases", gathered.faults))


def _lines(
    document: Document, path: tuple[str, ...], faults: list[Fault]
) -> list[tuple[tuple[str | int, ...], dict[str, Node]]]:
    """The lines of one list that have a path, a `do` and a reason."""
    node: Node = document.data
    for key in path:
        node = node.get(key, "") if isinstance(node, dict) else ""
    if not isinstance(node, list):
        if node:
            faults.append(document.fault(path, f"'{path[-1]}' is a list of lines with path, do and why"))
        return []
    whole: list[tuple[tuple[str | int, ...], dict[str, Node]]] = []
    for number, line in enumerate(node):
        place: tuple[str | int, ...] = (*path, number)
        wrong = _line_fault(line)
        if wrong or not isinstance(line, dict):
            faults.append(document.fault(place, wrong))
        else:
            whole.append((place, line))
    return whole


def _line_fault(line: Node) -> str:
    if not isinstance(line, dict):
        return "a line is {path: ..., do: ..., why: ...}"
    unknown = next((key for key in line if key not in _LINE_KEYS), None)
    if unknown:
        return f"'{unknown}' is no key of a line{did_you_mean(unknown, _LINE_KEYS)}; it has {', '.join(_LINE_KEYS)}"
    missing = [key for key in ("path", "do", "why") if not str(line.get(key, "")).strip()]
    if missing:
        return f"the line lacks {', '.join(missing)}: say what passes, how, and why it may"
    if (line["do"] == "fixed") != bool(line.get("as")):
        return "'do: fixed' and 'as' go together: 'as' is the text that is put there"
    return ""


def _hl7_line(document: Document, place: tuple[str | int, ...], line: dict[str, Node], gathered: _Gathered) -> None:
    path, do = str(line["path"]), str(line["do"])
    found = _HL7_PATH.fullmatch(path)
    if found is None:
        gathered.faults.append(document.fault(place, f"'{path}' is no place of a message; write PID-3 or PID-3.1"))
        return
    if do not in ACTIONS or do == "reference":
        gathered.faults.append(document.fault(place, _no_action(do)))
        return
    segment, *numbers = found.groups()
    number, component, part = (int(text or 0) for text in numbers)
    gathered.hl7[segment, number, component, part] = Rule(do=do, fixed=str(line.get("as", "")))


def _fhir_line(
    document: Document,
    place: tuple[str | int, ...],
    line: dict[str, Node],
    rules: dict[str, Rule],
    faults: list[Fault],
) -> None:
    path = str(line["path"])
    if not _FHIR_PATH.fullmatch(path):
        faults.append(document.fault(place, f"'{path}' is no element; write Patient.identifier.value"))
        return
    rules[path] = Rule(do=str(line["do"]), fixed=str(line.get("as", "")))


def _check_types(document: Document, gathered: _Gathered) -> None:
    """Every `do` of a FHIR line is an action or a type that some file describes."""
    known = (*ACTIONS, *gathered.types)
    data = document.data if isinstance(document.data, dict) else {}
    types = data.get("types")
    lists = [("fhir",), *(("types", name) for name in types)] if isinstance(types, dict) else [("fhir",)]
    for path in lists:
        for place, line in _lines(document, path, []):
            if line["do"] not in known:
                gathered.faults.append(document.fault(place, _no_action(str(line["do"]), tuple(gathered.types))))


def _no_action(do: str, types: tuple[str, ...] = ()) -> str:
    known = (*ACTIONS, *types)
    return f"'{do}' is nothing that can be done{did_you_mean(do, known)}; it is one of {', '.join(known)}"


def _words(document: Document, key: str, faults: list[Fault]) -> list[str]:
    data = document.data
    node = data.get(key, []) if isinstance(data, dict) else []
    if not isinstance(node, list) or not all(isinstance(item, str) for item in node):
        faults.append(document.fault((key,), f"'{key}' is a list of words"))
        return []
    return [str(item) for item in node]


def _spread(rules: dict[str, Rule], types: dict[str, dict[str, Rule]], depth: int = 0) -> dict[str, Rule]:
    """Each line whose `do` is a type, replaced by the lines of that type; a type within itself ends somewhere."""
    spread: dict[str, Rule] = {}
    for path, rule in rules.items():
        if rule.do not in types:
            spread[path] = rule
        elif depth < _DEEPEST:
            inner = _spread(types[rule.do], types, depth + 1)
            spread |= {f"{path}.{name}": each for name, each in inner.items()}
    return spread
