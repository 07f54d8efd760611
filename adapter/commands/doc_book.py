"""The whole mapping as plain rows: what is read from where, how, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from adapter.commands.coverage_names import name_of
from adapter.commands.doc_outputs import shown_in
from adapter.knowledge.event_fields import EVENT_FIELDS
from adapter.knowledge.language import READERS
from adapter.knowledge.load import Reading, knowledge_of
from adapter.knowledge.paths import joined, read_v2_path
from adapter.knowledge.spec import FieldSpec, Mapping, Row, Table

SHIPPED = "mappings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One place of the input and the field it fills."""

    place: str
    name: str
    choice: str
    """`2 of 3` where several places are tried in order."""
    reader: str
    rule: str
    table: str
    required: str
    field: str
    outputs: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A place that was looked at and left behind."""

    place: str
    name: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One mapping."""

    name: str
    version: str
    event: str
    input: str
    rows: str
    code: str
    table: str
    near: tuple[str, ...]
    otherwise: str
    layer: str
    file: str
    lines: tuple[Line, ...]
    left: tuple[Left, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of a code table."""

    sender: str
    code: str
    system: str
    target: str
    label: str
    note: str
    others: tuple[tuple[str, str], ...]
    layer: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeTable:
    """One code table and the fields that read it."""

    name: str
    read_by: tuple[str, ...]
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One output template."""

    name: str
    version: str
    resource: str
    layer: str
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """Everything `doc` writes down."""

    product: str
    hash: str
    layers: tuple[str, ...]
    """The folders in the order they are laid over each other."""
    chapters: tuple[Chapter, ...]
    tables: tuple[CodeTable, ...]
    outputs: tuple[Template, ...]


def book_of(reading: Reading, overlays: Sequence[Path], *, product: str) -> Book:
    """The book of mappings without errors."""
    knowledge = knowledge_of(reading)
    layers = (SHIPPED, *(path.as_posix() for path in overlays))
    return Book(
        product=product,
        hash=knowledge.hash if knowledge else "",
        layers=layers,
        chapters=tuple(_chapter(mapping, reading, layers) for mapping in sorted(reading.mappings, key=_messages_first)),
        tables=tuple(_code_table(table, reading, layers) for table in reading.tables.values()),
        outputs=tuple(
            Template(
                name=output.name,
                version=output.version,
                resource=str(output.resource.get("resourceType", "")),
                layer=_layer(output.file, layers),
                file=output.file,
            )
            for output in reading.outputs.values()
        ),
    )


def _messages_first(mapping: Mapping) -> tuple[bool, str]:
    return mapping.format == "fhir", mapping.file


def _layer(file: str, layers: Sequence[str]) -> str:
    return next((layer for layer in reversed(layers) if file.startswith(f"{layer}/")), layers[0])


def _chapter(mapping: Mapping, reading: Reading, layers: Sequence[str]) -> Chapter:
    return Chapter(
        name=mapping.id,
        version=mapping.version,
        event=mapping.event,
        input=", ".join(mapping.messages) or f"FHIR R4 {mapping.resource}",
        rows=_rows(mapping),
        code=", ".join(mapping.select.codes),
        table=mapping.select.table,
        near=mapping.select.near,
        otherwise=mapping.select.otherwise,
        layer=_layer(mapping.file, layers),
        file=mapping.file,
        lines=tuple(line for spec in mapping.fields for line in _lines(spec, mapping, reading)),
        left=tuple(
            Left(place=path, name=_name(path, mapping, of_row=False), why=why) for path, why in mapping.not_needed
        ),
    )


def _rows(mapping: Mapping) -> str:
    if not mapping.for_each:
        return "one event for each resource" if mapping.format == "fhir" else "one event for each OBX"
    without = "; without any, one for the resource" if mapping.if_none == "once" else ""
    return f"one event for each {mapping.for_each}{without}"


def _lines(spec: FieldSpec, mapping: Mapping, reading: Reading) -> Iterator[Line]:
    places = [*spec.paths, *(path for path in (spec.type_path, spec.unit_path) if path)]
    for number, path in enumerate(places, start=1):
        role = {spec.type_path: "type of the value", spec.unit_path: "unit of the value"}
        beside = number > len(spec.paths)
        yield Line(
            place=path,
            name=_name(path, mapping),
            choice=f"{number} of {len(spec.paths)}" if len(spec.paths) > 1 and not beside else "",
            reader=spec.reader,
            rule=role.get(path, "") if beside else _rule(spec),
            table="" if beside and path == spec.type_path else spec.table or "",
            required=_required(spec, mapping.event),
            field=spec.name,
            outputs=shown_in(mapping.event, spec.name, reading.outputs),
            line=spec.line,
        )


def _rule(spec: FieldSpec) -> str:
    """How the field is read, in words."""
    parts = [READERS[spec.reader]]
    parts += [f"All that is found, joined by {spec.join}."] if spec.join else []
    parts += [f"Without any: {spec.default}."] if spec.default is not None else []
    if spec.must_agree_minutes is not None:
        parts.append(f"Filled places that differ by more than {spec.must_agree_minutes} minutes are a warning.")
    parts += ["The event says which place it was."] if spec.note_source else []
    return " ".join(parts)


def _required(spec: FieldSpec, event: str) -> str:
    """When an empty place is told: some fields always are, whatever the file says."""
    required = spec.required
    if required and required.field:
        return f"when {required.field} is {', '.join(required.values)}"
    return "always" if required or EVENT_FIELDS[event][spec.name].required == "always" else ""


def _name(text: str, mapping: Mapping, *, of_row: bool = True) -> str:
    """What HL7 calls a place; for FHIR the element with its resource."""
    if mapping.format == "fhir":
        whole = text.split(".", maxsplit=1)[0] == mapping.resource
        row = f"{mapping.for_each}." if mapping.for_each and of_row else ""
        return text if whole else f"{mapping.resource}.{row}{text}"
    return " + ".join(_named(part) for part in joined(text))


def _named(text: str) -> str:
    name = name_of(text) or ""
    return name[:1].upper() + name[1:] if read_v2_path(text) else text.strip("()")


def _code_table(table: Table, reading: Reading, layers: Sequence[str]) -> CodeTable:
    readers = [
        f"{mapping.event}.{spec.name}"
        for mapping in reading.mappings
        for spec in mapping.fields
        if spec.table == table.name
    ]
    return CodeTable(
        name=table.name,
        read_by=tuple(dict.fromkeys(readers)),
        entries=tuple(_entry(row, layers) for row in table.rows),
    )


def _entry(row: Row, layers: Sequence[str]) -> Entry:
    return Entry(
        sender=row.sender,
        code=row.code,
        system=row.system,
        target=row.target,
        label=row.label,
        note=row.note,
        others=tuple(row.extra.items()),
        layer=_layer(row.file, layers),
        line=row.line,
    )
