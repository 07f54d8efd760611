"""A small judge of JSON Schema: the keywords our schemas use, and no others."""

from __future__ import annotations

import re
from typing import Any

_TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "number": (int, float),
    "integer": int,
    "null": type(None),
}
_SILENT = {"$schema", "title", "description", "then", "else"}


def refused(value: Any, schema: dict[str, Any], path: str = "") -> list[str]:
    """Where and by which keyword a value is refused; nothing when it is accepted."""
    found: list[str] = []
    for keyword, wanted in schema.items():
        if keyword not in _SILENT:
            found += _JUDGES[keyword](value, wanted, schema, path)
    return found


def _type(value, wanted, _schema, path):
    kinds = wanted if isinstance(wanted, list) else [wanted]
    fits = any(isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool)) for kind in kinds)
    return [] if fits else [f"{path}: type"]


def _enum(value, wanted, _schema, path):
    return (
        []
        if any(value == one and isinstance(value, bool) == isinstance(one, bool) for one in wanted)
        else [f"{path}: enum"]
    )


def _pattern(value, wanted, _schema, path):
    return [f"{path}: pattern"] if isinstance(value, str) and not re.search(wanted, value, re.ASCII) else []


def _min_length(value, wanted, _schema, path):
    return [f"{path}: minLength"] if isinstance(value, str) and len(value) < wanted else []


def _properties(value, wanted, _schema, path):
    if not isinstance(value, dict):
        return []
    return [
        text for key, inner in wanted.items() if key in value for text in refused(value[key], inner, f"{path}/{key}")
    ]


def _additional(value, wanted, schema, path):
    if not isinstance(value, dict):
        return []
    others = [key for key in value if key not in schema.get("properties", {})]
    if wanted is False:
        return [f"{path}/{key}: additionalProperties" for key in others]
    return [text for key in others for text in refused(value[key], wanted, f"{path}/{key}")]


def _required(value, wanted, _schema, path):
    return [f"{path}/{key}: required" for key in wanted if isinstance(value, dict) and key not in value]


def _items(value, wanted, _schema, path):
    if not isinstance(value, list):
        return []
    return [text for number, item in enumerate(value) for text in refused(item, wanted, f"{path}/{number}")]


def _min_items(value, wanted, _schema, path):
    return [f"{path}: minItems"] if isinstance(value, list) and len(value) < wanted else []


def _min_properties(value, wanted, _schema, path):
    return [f"{path}: minProperties"] if isinstance(value, dict) and len(value) < wanted else []


def _any_of(value, wanted, _schema, path):
    return [] if any(not refused(value, one, path) for one in wanted) else [f"{path}: anyOf"]


def _all_of(value, wanted, _schema, path):
    return [text for one in wanted for text in refused(value, one, path)]


def _if(value, wanted, schema, path):
    return refused(value, schema["then"], path) if not refused(value, wanted, path) else []


_JUDGES = {
    "type": _type,
    "enum": _enum,
    "const": lambda value, wanted, schema, path: _enum(value, [wanted], schema, path),
    "pattern": _pattern,
    "minLength": _min_length,
    "properties": _properties,
    "additionalProperties": _additional,
    "required": _required,
    "items": _items,
    "minItems": _min_items,
    "minProperties": _min_properties,
    "anyOf": _any_of,
    "allOf": _all_of,
    "if": _if,
}
