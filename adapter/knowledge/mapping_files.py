"""Message mappings (mappings/v2, mappings/fhir): which place of a message fills which field of an event."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Literal, cast, get_args

from adapter.domain.events import EVENT_TYPES
from adapter.knowledge.event_fields import EVENT_FIELDS
from adapter.knowledge.paths import path_fault
from adapter.knowledge.reading import Block, top_block
from adapter.knowledge.spec import FieldSpec, Mapping, Reader, Required, Select
from adapter.knowledge.text_yaml import Document, Fault, did_you_mean

_READERS: tuple[str, ...] = get_args(Reader)
_JOINS = ("lines", "commas", "spaces")
_OTHERWISE = ("ignore", "report", "reject")
_TABLE_READERS = ("identifier", "quantity")
_MESSAGE = re.compile(r"[A-Z]{3}\^[A-Z][A-Z0-9]{2}")
_MINUTES = {"minute": 1, "minutes": 1, "hour": 60, "hours": 60, "day": 1440, "days": 1440}
_AGREE = re.compile(r"([1-9]\d{0,5}) (minutes?|hours?|days?)")
_WHEN = re.compile(r"when ([a-z][a-z0-9_]*) is ([a-z][a-z-]*(?:, *[a-z][a-z-]*)*)")
_NAME = re.compile(r"[a-z][a-z0-9-]*")
Format = Literal["hl7v2", "fhir"]


def read_mapping(document: Document, tables: Collection[str]) -> tuple[Mapping | None, list[Fault]]:
    """The mapping of one file, or every fault in it; `tables` are the names of the tables that exist."""
    faults: list[Fault] = []
    top = top_block(document, faults)
    name = top.text("mapping")
    if name and not _NAME.fullmatch(name):
        top.fault(f"'{name}' is not a name; use lower-case letters, digits and '-'", "mapping")
    version = str(top.whole("version", least=1))
    event = top.choice("event", EVENT_TYPES)
    form, messages, resource = _input(top.block("input"))
    for_each = top.optional("for_each")
    if form == "hl7v2" and for_each and not re.fullmatch(r"[A-Z][A-Z0-9]{2}", for_each):
        top.fault(f"'{for_each}' is not a segment; write for example OBX", "for_each")
    if_none = top.choice("if_none", ("nothing", "once"), "nothing")
    select = _select(top.block("select"), form, tables)
    names = list(top.block("fields").data)
    fields = tuple(_field(field, block, form, names, tables) for field, block in top.blocks("fields"))
    _check_names(top, event, names)
    if not names:
        top.fault("'fields' is missing; a mapping fills at least one field", "fields")
    not_needed = tuple(_not_needed(row) for row in top.rows("not_needed"))
    top.finish()
    if faults:
        return None, faults
    return Mapping(
        id=name,
        version=version,
        event=event,
        format=form,
        messages=messages,
        resource=resource,
        for_each=for_each,
        if_none=cast("Literal['nothing', 'once']", if_none),
        select=select,
        fields=fields,
        not_needed=not_needed,
        file=document.file,
    ), []


def _check_names(top: Block, event: str, names: list[str]) -> None:
    """A field no event has would be read and dropped without a word."""
    known, _ = EVENT_FIELDS.get(event, ((), ()))
    for name in names:
        if known and name not in known:
            top.fault(f"'{name}' is not a field of {event}{did_you_mean(name, known)}", "fields", name)


def _input(block: Block) -> tuple[Format, tuple[str, ...], str | None]:
    form = cast("Format", block.choice("format", ("hl7v2", "fhir")))
    if form == "fhir":
        block.choice("release", ("R4",))
        resource = block.text("resource")
        block.finish()
        return form, (), resource
    messages = block.texts("messages")
    if not messages:
        block.fault("'messages' is missing; list for example ORU^R01", "messages")
    for number, message in enumerate(messages):
        if not _MESSAGE.fullmatch(message):
            block.fault(f"'{message}' is not a message type; write for example ORU^R01", "messages", number)
    block.finish()
    return form, messages, None


def _select(block: Block, form: Format, tables: Collection[str]) -> Select:
    codes = _paths(block, "code", form, ())
    table = _table(block, tables, needed=True) or ""
    near = block.texts("near")
    for number, word in enumerate(near):
        if len(word) < 3:
            block.fault(f"'{word}' is too short for a near word; it would match everything", "near", number)
    otherwise = block.choice("otherwise", _OTHERWISE, "ignore")
    block.finish()
    return Select(
        codes=codes, table=table, near=near, otherwise=cast("Literal['ignore', 'report', 'reject']", otherwise)
    )


def _field(name: str, block: Block, form: Format, names: Collection[str], tables: Collection[str]) -> FieldSpec:
    reader = block.choice("as", _READERS, "text")
    spec = FieldSpec(
        name=name,
        paths=_paths(block, "from", form, names, joins=True),
        reader=cast("Reader", reader),
        table=_table(block, tables, needed=reader in _TABLE_READERS),
        type_path=_path(block, "type", form, names),
        unit_path=_path(block, "unit", form, names),
        join=cast(
            "Literal['lines', 'commas', 'spaces'] | None", block.choice("join", _JOINS) if block.has("join") else None
        ),
        default=block.optional("default"),
        must_agree_minutes=_agreement(block),
        note_source=block.yes_no("note_source", default=False),
        required=_required(block, names),
        line=block.line,
    )
    block.finish()
    return spec


def _paths(block: Block, key: str, form: Format, names: Collection[str], *, joins: bool = False) -> tuple[str, ...]:
    paths = block.texts(key)
    if not paths and not block.has(key):
        block.fault(f"'{key}' is missing", key)
    listed = isinstance(block.node(key), list)
    for number, path in enumerate(paths):
        place = (key, number) if listed else (key,)
        if fault := path_fault(path, form, names, joins=joins):
            block.fault(fault, *place)
        if path in paths[:number]:
            block.fault(f"'{path}' stands here twice; the second is never reached", *place)
    return paths


def _path(block: Block, key: str, form: Format, names: Collection[str]) -> str | None:
    path = block.optional(key)
    if path and (fault := path_fault(path, form, names)):
        block.fault(fault, key)
    return path


def _table(block: Block, tables: Collection[str], *, needed: bool) -> str | None:
    table = block.text("table") if needed else block.optional("table")
    if table and table not in tables:
        block.fault(f"there is no table tables/{table}.csv{did_you_mean(table, tables)}", "table")
    return table


def _agreement(block: Block) -> int | None:
    text = block.optional("must_agree")
    if text is None:
        return None
    if match := _AGREE.fullmatch(text):
        return int(match[1]) * _MINUTES[match[2]]
    block.fault("'must_agree' takes a duration, for example '60 minutes'", "must_agree")
    return None


def _required(block: Block, names: Collection[str]) -> Required | None:
    text = block.optional("required")
    if text is None:
        return None
    if text == "always":
        return Required()
    match = _WHEN.fullmatch(text)
    if not match:
        block.fault("'required' takes 'always' or 'when FIELD is a, b'", "required")
        return None
    if match[1] not in names:
        block.fault(f"no field is called '{match[1]}'{did_you_mean(match[1], names)}", "required")
    return Required(field=match[1], values=tuple(value.strip() for value in match[2].split(",")))


def _not_needed(block: Block) -> tuple[str, str]:
    path, why = block.text("path"), block.text("why")
    block.finish()
    return path, why
