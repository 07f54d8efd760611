"""What a mapping says of a field has an effect, or is refused with a sentence: no key is accepted and then ignored."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from adapter.knowledge.codes import TARGETS, WORDS_OF_NO_FIELD
from adapter.knowledge.event_fields import EVENT_FIELDS, FieldKind, Form
from adapter.knowledge.paths import V2Path, joined, read_v2_path
from adapter.knowledge.reading import Block
from adapter.knowledge.spec import FieldSpec, Required, Select, Table
from adapter.knowledge.spec import Mapping as MessageMapping
from adapter.knowledge.text_yaml import Document, Fault, did_you_mean

KEYS = ("table", "type", "unit", "join", "default", "must_agree", "note_source")
"""Keys of a field beyond `from`, `as` and `required`."""


def check_field(
    block: Block, spec: FieldSpec, kind: FieldKind, *, form: Form, codes: tuple[str, ...], resource: str
) -> None:
    """Faults of one field: a reader it is not read by, a key or path without effect, a table nobody asks."""
    said = block.node("as")
    if spec.reader != kind.reader and (not said or said == spec.reader):  # a reader there is not is told already
        text = f"'{spec.name}' is read as {kind.reader} and in no other way; write 'as: {kind.reader}'"
        block.fault(text, *(("as",) if block.has("as") else ()))
    for key in KEYS:
        if block.has(key) and key not in kind.keys:
            takes = ", ".join(kind.keys)
            block.fault(f"'{key}' has no effect on '{spec.name}'; leave it out{_beside(takes)}", key)
    if kind.table and spec.table and spec.table != kind.table:
        block.fault(f"'{spec.name}' is looked up in {kind.table} and in no other table", "table")
    _check_paths(block, spec, kind, form=form, codes=codes, resource=resource)
    for key, path in (("type", spec.type_path), ("unit", spec.unit_path)):
        found = read_v2_path(path) if path else None
        if found and _narrow(found):
            block.fault(f"'{path}' goes too deep; '{key}' takes a whole field, e.g. OBX-6", key)
    _check_required(block, spec, kind)
    _check_words(block, spec, kind)


def _beside(takes: str) -> str:
    return f" (it may have {takes})" if takes else ""


def _check_paths(
    block: Block, spec: FieldSpec, kind: FieldKind, *, form: Form, codes: tuple[str, ...], resource: str
) -> None:
    if not spec.paths:
        return
    if kind.shape == "selected":
        if codes and spec.paths != codes:
            block.fault(f"'{spec.name}' is what 'select' found; write the same here: {', '.join(codes)}", "from")
        return
    if kind.shape == "identity":
        if spec.paths not in (("id",), (f"{resource}.id",)):
            block.fault(f"the key of a record is its id and nothing else; write {resource}.id", "from")
        return
    if form == "fhir":
        return
    listed = isinstance(block.node("from"), list)
    if kind.shape == "whole" and len(spec.paths) > 1:
        block.fault(f"'{spec.name}' is read from one field; a second one is never looked at", "from", 1)
    for number, text in enumerate(spec.paths):
        wrong = next((wrong for part in joined(text) if (wrong := _too_deep(part, spec.name, kind))), None)
        if wrong:
            block.fault(wrong, "from", *((number,) if listed else ()))


def _too_deep(text: str, name: str, kind: FieldKind) -> str | None:
    """Why part of a path has no effect on a field of this kind."""
    path = read_v2_path(text)
    if path is None:
        return None
    if name == "patient" and path.segment != "PID":
        return f"'{text}' is not in the PID; who the patient is, is read there, e.g. PID-3(*)"
    match kind.shape:
        case "fields" | "whole" if _narrow(path):
            return f"'{text}' goes too deep; '{name}' is read from the whole field {path.segment}-{path.field}"
        case "repetitions" if path.component:
            return f"'{text}' goes too deep; '{name}' is read from the whole repetition of {path.segment}-{path.field}"
        case "keys" if path.repetition:
            return f"'{text}' names a repetition; a key is read from the first one"
        case _:
            return None


def _narrow(path: V2Path) -> bool:
    return path.component is not None or path.repetition is not None


def _check_required(block: Block, spec: FieldSpec, kind: FieldKind) -> None:
    if spec.required is None:
        return
    if kind.required == "never":
        text = "an empty value makes an event without a level, which is no fault of the message; leave 'required' out"
        block.fault(text, "required")
    if kind.required == "always" and spec.required.field:
        block.fault(f"'{spec.name}' is always required; leave 'required' out, or write always", "required")
    if spec.default is not None and "default" in kind.keys:
        block.fault(f"'{spec.name}' has a default, so it is never missing; leave one of the two out", "required")


def _check_words(block: Block, spec: FieldSpec, kind: FieldKind) -> None:
    words = words_of(kind)
    if spec.default is not None and "default" in kind.keys and words and spec.default not in words:
        hint = did_you_mean(spec.default, words)
        block.fault(f"'{spec.default}' is no word of '{spec.name}'{hint}; it takes {', '.join(words)}", "default")
    if block.has("note_source") and "note_source" in kind.keys and not spec.note_source:
        text = (
            f"'{spec.name}' always says which place its time comes from: rules ask for it; write yes, or leave it out"
        )
        block.fault(text, "note_source")


def words_of(kind: FieldKind) -> tuple[str, ...]:
    """The words a coded field may have, nothing when the table decides."""
    return tuple(word for word in TARGETS.get(kind.targets or "", ()) if word not in WORDS_OF_NO_FIELD)


def check_condition(block: Block, name: str, required: Required | None, kinds: Mapping[str, FieldKind]) -> None:
    """Faults of `when FIELD is a, b`: a field without words, or a word the field never has."""
    if required is None or required.field is None or required.field not in kinds:
        return
    other = kinds[required.field]
    if other.reader != "code" or other.shape == "selected" or other is kinds.get(name):
        coded = [field for field, kind in kinds.items() if kind.reader == "code" and kind.shape != "selected"]
        text = f"'{required.field}' has no list of words to wait for; ask for one of {', '.join(coded)}"
        block.fault(text, "required")
        return
    words = words_of(other)
    for word in required.values:
        if words and word not in words:
            hint = did_you_mean(word, words)
            block.fault(f"'{required.field}' is never '{word}'{hint}; it is one of {', '.join(words)}", "required")


def never_met(mapping: MessageMapping, document: Document, tables: Mapping[str, Table]) -> Iterator[Fault]:
    """Faults of conditions on a field whose words are those of the site's table alone."""
    kinds = EVENT_FIELDS[mapping.event]
    for spec in mapping.fields:
        required = spec.required
        other = mapping.field(required.field) if required and required.field else None
        if required is None or other is None or words_of(kinds[other.name]) or kinds[other.name].reader != "code":
            continue
        table = tables.get(other.table or "")
        if table is None:  # it has an error of its own
            continue
        words = sorted({row.target for row in table.rows})
        for word in required.values:
            if word not in words:
                hint = did_you_mean(word, words)
                text = f"'{other.name}' is never '{word}'{hint}; no row of its table says so"
                yield document.fault(("fields", spec.name, "required"), text)


def read_by(select: Select, fields: Sequence[FieldSpec], resource: str | None) -> dict[str, str]:
    """Who reads each place, as `not_needed` would name it: without the repetition, or the name of the resource."""
    found = {_named(path, resource): "'select'" for path in select.codes}
    for spec in fields:
        paths = (*spec.paths, spec.type_path, spec.unit_path)
        for part in (part for path in paths if path for part in joined(path)):
            found.setdefault(_named(part, resource), f"the field '{spec.name}'")
    return found


def _named(path: str, resource: str | None) -> str:
    if read_v2_path(path):
        return re.sub(r"\(.*\)", "", path)
    return path.removeprefix(f"{resource}.") if resource else path
