"""The parts JSON Schemas for editors are put together from: a file may write a scalar as a text, a number or yes/no."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

Schema = dict[str, Any]
DIALECT = "http://json-schema.org/draft-07/schema#"
"""What the YAML language server of editors understands."""
_SCALARS = ["string", "number", "boolean"]


def text(pattern: str | None = None) -> Schema:
    """A filled text; numbers and truth values are texts too for our reader."""
    return {"type": _SCALARS, **({"pattern": f"^(?:{pattern})$"} if pattern else {})}


def maybe(schema: Schema) -> Schema:
    """The same, or nothing behind the colon."""
    return {"anyOf": [schema, {"enum": [None, ""]}]}


def words(allowed: Collection[str]) -> Schema:
    """One of some words; a number among them may stand without quotes."""
    return {"enum": [*allowed, *(int(word) for word in allowed if word.isdecimal())]}


def yes_no() -> Schema:
    """`yes` or `no`, however YAML names them."""
    return {"enum": ["yes", "no", "true", "false", True, False]}


def whole() -> Schema:
    """A whole number."""
    return {"type": ["integer", "string"], "pattern": "^(?:0|[1-9][0-9]*)$"}


def number() -> Schema:
    """A number with a decimal point."""
    return {"type": ["number", "string"], "pattern": r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$"}


def texts(item: Schema | None = None) -> Schema:
    """One text or a list of texts."""
    one = item or text()
    return {"anyOf": [one, {"type": "array", "minItems": 1, "items": one}]}


def rows(item: Schema) -> Schema:
    """A list of blocks."""
    return maybe({"type": "array", "items": item})


def block(keys: Mapping[str, Schema], required: Collection[str] = ()) -> Schema:
    """A block that has these keys and no others."""
    made: Schema = {"type": "object", "properties": dict(keys), "additionalProperties": False}
    return {**made, "required": list(required)} if required else made


def named(item: Schema, *, least: int = 0) -> Schema:
    """A block whose keys are names."""
    return {"type": "object", "additionalProperties": item, **({"minProperties": least} if least else {})}


def said(schema: Schema, description: str) -> Schema:
    """The schema with what an editor shows beside it."""
    return {**schema, "description": description} if description else schema


def described(keys: Mapping[str, Schema], meanings: Mapping[str, str]) -> dict[str, Schema]:
    """Each key with its meaning."""
    return {key: said(schema, meanings.get(key, "")) for key, schema in keys.items()}


def whole_file(title: str, schema: Schema) -> Schema:
    """The schema of a file."""
    return {"$schema": DIALECT, "title": title, **schema}
