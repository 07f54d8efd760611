"""Message mappings (mappings/v2, mappings/fhir): which place of a message fills which field of an event."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Literal, cast, get_args

from adapter.domain.events import EVENT_TYPES
from adapter.knowledge.event_fields import EVENT_FIELDS, EVENT_INPUT, FieldKind, Form, InputKind
from adapter.knowledge.field_checks import check_condition, check_field, read_by
from adapter.knowledge.paths import not_needed_fault, path_fault
from adapter.knowledge.reading import Block, top_block
from adapter.knowledge.spec import FieldSpec, Mapping, Reader, Required, Select
from adapter.knowledge.text_yaml import Document, Fault, did_you_mean

_READERS: tuple[str, ...] = get_args(Reader)
_JOINS = ("lines", "commas", "spaces")
_OTHERWISE = ("ignore", "report", "reject")
MESSAGE = re.compile(r"[A-Z]{3}\^[A-Z][A-Z0-9]{2}")
_MINUTES = {"minute": 1, "minutes": 1, "hour": 60, "hours": 60, "day": 1440, "days": 1440}
AGREEMENT = re.compile(r"([1-9]\d{0,5}) (minutes?|hours?|days?)")
CONDITION = re.compile(r"when ([a-z][a-z0-9_]*) is ([A-Za-z][A-Za-z0-9-]*(?:, *[A-Za-z][A-Za-z0-9-]*)*)")
NAME = re.compile(r"[a-z][a-z0-9-]*")
_KEY_NAMES = ("test",)
"""What a key may hold beside places of the message."""
_UNKNOWN = InputKind(form="hl7v2")


def read_mapping(document: Document, tables: Collection[str]) -> tuple[Mapping | None, list[Fault]]:
    """The mapping of one file, or every fault in it; `tables` are the names of the tables that exist."""
    faults: list[Fault] = []
    top = top_block(document, faults)
    name = top.text("mapping")
    if name and not NAME.fullmatch(name):
        top.fault(f"'{name}' is not a name; use lower-case letters, digits and '-'", "mapping")
    version = str(top.whole("version", least=1))
    event = top.choice("event", EVENT_TYPES)
    known = event if top.node("event") == event else ""
    form, messages, resource = _input(top.block("input"), known)
    for_each, if_none = _rows(top, form, known)
    select = _select(top.block("select"), form, tables, EVENT_INPUT.get(known, _UNKNOWN))
    kinds = EVENT_FIELDS.get(known, {})
    names = list(top.block("fields").data)
    fields = tuple(
        _field(field, block, form, tables, names=names, kinds=kinds, codes=select.codes, resource=resource or "")
        for field, block in top.blocks("fields")
    )
    _check_names(top, known, names)
    _check_selected(top, select, fields, kinds)
    if not names:
        top.fault("'fields' is missing; a mapping fills at least one field", "fields")
    read = read_by(select, fields, resource if not for_each else None)
    not_needed = tuple(_not_needed(row, form, read) for row in top.rows("not_needed"))
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
        if_none=if_none,
        select=select,
        fields=fields,
        not_needed=not_needed,
        file=document.file,
    ), []


def _check_names(top: Block, event: str, names: list[str]) -> None:
    """A field no event has would be read and dropped without a word."""
    known = EVENT_FIELDS.get(event, {})
    for name in names:
        if known and name not in known:
            top.fault(f"'{name}' is not a field of {event}{did_you_mean(name, known)}", "fields", name)


def _check_selected(top: Block, select: Select, fields: tuple[FieldSpec, ...], kinds: dict[str, FieldKind]) -> None:
    """What `select` found is told in the event: the same table gives its word."""
    for spec in fields:
        kind = kinds.get(spec.name)
        if kind and kind.shape == "selected" and spec.table and select.table and spec.table != select.table:
            text = f"'{spec.name}' is what 'select' found in {select.table}; write the same table here"
            top.fault(text, "fields", spec.name, "table")


def _input(block: Block, event: str) -> tuple[Form, tuple[str, ...], str | None]:
    form = cast("Form", block.choice("format", ("hl7v2", "fhir")))
    made_of = EVENT_INPUT.get(event)
    if made_of and block.has("format") and made_of.form != form:
        block.fault(f"{event} is made of {_made_of(made_of)}; write 'format: {made_of.form}'", "format")
    if form == "fhir":
        block.choice("release", ("R4",))
        resource = block.text("resource")
        if made_of and resource and made_of.resource and resource != made_of.resource:
            hint = did_you_mean(resource, [made_of.resource])
            block.fault(f"{event} is made of {_made_of(made_of)}, not of '{resource}'{hint}", "resource")
        block.finish()
        return form, (), resource
    messages = block.texts("messages")
    if not messages and not block.has("messages"):
        block.fault("'messages' is missing; list for example ORU^R01", "messages")
    for number, message in enumerate(messages):
        if not MESSAGE.fullmatch(message):
            place = ("messages", number) if isinstance(block.node("messages"), list) else ("messages",)
            block.fault(f"'{message}' is not a message type; write for example ORU^R01", *place)
    block.finish()
    return form, messages, None


def _made_of(kind: InputKind) -> str:
    return kind.resource or "HL7 v2 results"


def _rows(top: Block, form: Form, event: str) -> tuple[str | None, Literal["nothing", "once"]]:
    """What becomes one event each, and what happens when there is none of it."""
    for_each = top.optional("for_each")
    rows = EVENT_INPUT[event].rows if event else ()
    if for_each and event and for_each not in rows:
        takes = f"it takes {', '.join(rows)}" if rows else "each resource is one event; leave it out"
        top.fault(f"'{for_each}' cannot be the rows of {event}; {takes}", "for_each")
    if_none = cast("Literal['nothing', 'once']", top.choice("if_none", ("nothing", "once"), "nothing"))
    if top.has("if_none") and form == "hl7v2":
        top.fault("'if_none' has no effect on HL7 v2: a message without OBX holds no result; leave it out", "if_none")
    elif top.has("if_none") and not for_each:
        top.fault("'if_none' has no effect without 'for_each'; leave it out", "if_none")
    return for_each, if_none


def _select(block: Block, form: Form, tables: Collection[str], made_of: InputKind) -> Select:
    codes = _paths(block, "code", form)
    if made_of.code and codes and codes != (made_of.code,) and made_of.form == form:
        text = f"results are found by {made_of.code} and nothing else: the filter in front looks there too"
        block.fault(f"{text}; write {made_of.code}", "code")
    table = _table(block, tables, needed=True) or ""
    if made_of.table and table and table != made_of.table and made_of.form == form:
        block.fault(f"results are found by {made_of.table} and no other table; write {made_of.table}", "table")
    near = block.texts("near")
    for number, word in enumerate(near):
        if len(word.strip()) < 3:
            place = ("near", number) if isinstance(block.node("near"), list) else ("near",)
            block.fault(f"'{word}' is too short for a near word; it would match everything", *place)
    otherwise = block.choice("otherwise", _OTHERWISE, "ignore")
    block.finish()
    return Select(
        codes=codes, table=table, near=near, otherwise=cast("Literal['ignore', 'report', 'reject']", otherwise)
    )


def _field(
    name: str,
    block: Block,
    form: Form,
    tables: Collection[str],
    *,
    names: Collection[str],
    kinds: dict[str, FieldKind],
    codes: tuple[str, ...],
    resource: str,
) -> FieldSpec:
    kind = kinds.get(name)
    reader = block.choice("as", _READERS, "text")
    named = _KEY_NAMES if kind and kind.shape == "keys" else ()
    spec = FieldSpec(
        name=name,
        paths=_paths(block, "from", form, named, joins=bool(named)),
        reader=cast("Reader", reader),
        table=_table(block, tables, needed=bool(kind and "table" in kind.demands)),
        type_path=_path(block, "type", form),
        unit_path=_path(block, "unit", form),
        join=cast(
            "Literal['lines', 'commas', 'spaces'] | None", block.choice("join", _JOINS) if block.has("join") else None
        ),
        default=block.optional("default"),
        must_agree_minutes=_agreement(block),
        note_source=block.yes_no("note_source", default=False),
        required=_required(block, names),
        line=block.line,
    )
    if kind:
        check_field(block, spec, kind, form=form, codes=codes, resource=resource)
        check_condition(block, name, spec.required, kinds)
    block.finish()
    return spec


def _paths(block: Block, key: str, form: Form, names: Collection[str] = (), *, joins: bool = False) -> tuple[str, ...]:
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


def _path(block: Block, key: str, form: Form) -> str | None:
    path = block.optional(key)
    if path and (fault := path_fault(path, form)):
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
    if match := AGREEMENT.fullmatch(text):
        return int(match[1]) * _MINUTES[match[2]]
    block.fault("'must_agree' takes a duration, for example '60 minutes'", "must_agree")
    return None


def _required(block: Block, names: Collection[str]) -> Required | None:
    text = block.optional("required")
    if text is None:
        return None
    if text == "always":
        return Required()
    match = CONDITION.fullmatch(text)
    if not match:
        block.fault("'required' takes 'always' or 'when FIELD is a, b'", "required")
        return None
    if match[1] not in names:
        block.fault(f"no field is called '{match[1]}'{did_you_mean(match[1], names)}", "required")
    return Required(field=match[1], values=tuple(value.strip() for value in match[2].split(",")))


def _not_needed(block: Block, form: Form, read: dict[str, str]) -> tuple[str, str]:
    path, why = block.text("path"), block.text("why")
    if path and (fault := not_needed_fault(path, form)):
        block.fault(fault, "path")
    elif path in read:
        block.fault(f"'{path}' is read by {read[path]}, so it is needed; take it out here, or there", "path")
    block.finish()
    return path, why
