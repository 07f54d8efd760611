"""JSON Schemas of mappings and output templates, made from the tables the loader itself checks by."""

from __future__ import annotations

from collections.abc import Iterator

from adapter.knowledge.event_fields import EVENT_FIELDS, EVENT_INPUT, FieldKind, InputKind
from adapter.knowledge.field_checks import words_of
from adapter.knowledge.language import FIELD_KEYS, INPUT_KEYS, NOT_NEEDED_KEYS, READERS, SELECT_KEYS, TOP_KEYS
from adapter.knowledge.mapping_files import AGREEMENT, CONDITION, MESSAGE, NAME
from adapter.knowledge.paths import V2_PATH
from adapter.knowledge.schema_parts import (
    Schema,
    block,
    described,
    maybe,
    rows,
    said,
    text,
    texts,
    whole,
    whole_file,
    words,
)

_JOINS = ("lines", "commas", "spaces")


def mapping_schema() -> Schema:
    """The schema of a file in mappings/v2 or mappings/fhir."""
    keys: dict[str, Schema] = {
        "mapping": text(NAME.pattern),
        "version": whole(),
        "event": words(list(EVENT_FIELDS)),
        "input": {"type": "object"},
        "for_each": maybe(text()),
        "if_none": maybe(words(("nothing", "once"))),
        "select": {"type": "object"},
        "fields": {"type": "object", "minProperties": 1},
        "not_needed": rows(block(described({"path": text(), "why": text()}, NOT_NEEDED_KEYS), ("path", "why"))),
    }
    needed = ("mapping", "version", "event", "input", "select", "fields")
    made = block(described(keys, TOP_KEYS), needed)
    return whole_file("Message mapping", {**made, "allOf": list(_by_event())})


def output_schema() -> Schema:
    """The schema of a file in mappings/outputs."""
    resource: Schema = {
        "type": "object",
        "properties": {"resourceType": said(text(), "The type of the FHIR resource.")},
        "required": ["resourceType"],
    }
    keys = {
        "output": said(text(), "The name of the output template."),
        "version": said(whole(), "A whole number; raise it with every change."),
        "resource": said(resource, "The FHIR resource, with ${placeholders} that a finding fills."),
    }
    return whole_file("Output template", block(keys, ("output", "version", "resource")))


def _by_event() -> Iterator[Schema]:
    """What the rest of the file may hold, once the event is named."""
    for event, kinds in EVENT_FIELDS.items():
        made_of = EVENT_INPUT[event]
        fields = {name: said(_field(kind, made_of), _about(kind)) for name, kind in kinds.items()}
        keys: dict[str, Schema] = {
            "input": _input(made_of),
            "select": _select(made_of),
            "fields": {**block(fields), "minProperties": 1},
            "for_each": maybe(words(made_of.rows)) if made_of.rows else {"enum": [None, ""]},
        }
        is_it = {"properties": {"event": {"const": event}}, "required": ["event"]}
        yield {"if": is_it, "then": {"properties": keys}}


def _about(kind: FieldKind) -> str:
    """What an editor shows beside a field."""
    about = f"as: {kind.reader}. {READERS[kind.reader]}"
    return f"{about} One of: {', '.join(words_of(kind))}." if words_of(kind) else about


def _input(made_of: InputKind) -> Schema:
    keys: dict[str, Schema] = {"format": words((made_of.form,))}
    if made_of.form == "hl7v2":
        keys["messages"] = texts(text(MESSAGE.pattern))
    else:
        keys |= {"release": words(("R4",)), "resource": words((made_of.resource or "",))}
    return block(described(keys, INPUT_KEYS), tuple(keys))


def _select(made_of: InputKind) -> Schema:
    keys: dict[str, Schema] = {
        "code": texts(words((made_of.code,)) if made_of.code else text()),
        "table": words((made_of.table,)) if made_of.table else text(),
        "near": maybe(texts({**text(), "minLength": 3})),
        "otherwise": maybe(words(("ignore", "report", "reject"))),
    }
    return block(described(keys, SELECT_KEYS), ("code", "table"))


def _field(kind: FieldKind, made_of: InputKind) -> Schema:
    always = kind.required == "always"
    known: dict[str, Schema] = {
        "table": words((kind.table,)) if kind.table else text(),
        "type": maybe(text()),
        "unit": maybe(text()),
        "join": maybe(words(_JOINS)),
        "default": maybe(words(words_of(kind)) if words_of(kind) else text()),
        "must_agree": maybe(text(AGREEMENT.pattern)),
        "note_source": maybe({"enum": ["yes", "true", True]}),
    }
    keys = {"from": texts(_path(kind, made_of)), "as": words((kind.reader,))}
    keys |= {key: known[key] if key in kind.demands else maybe(known[key]) for key in kind.keys}
    if kind.required != "never":
        keys["required"] = maybe(words(("always",)) if always else text(f"always|{CONDITION.pattern}"))
    needed = ("from", *(("as",) if kind.reader != "text" else ()), *kind.demands)
    return block(described(keys, FIELD_KEYS), needed)


def _path(kind: FieldKind, made_of: InputKind) -> Schema:
    if made_of.form == "fhir":
        return text()
    return text(rf"{V2_PATH}(?: \+ +(?:{V2_PATH}|\(test\)) *)*" if kind.shape == "keys" else V2_PATH)
