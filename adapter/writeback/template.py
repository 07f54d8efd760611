"""Fills an output template: digits keep their type, and a block with nothing to say disappears."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from adapter.fhir import Json
from adapter.knowledge.spec import OutputTemplate

_PLACEHOLDER = re.compile(r"\$\{([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*)\}")


class UnknownPlaceholderError(LookupError):
    """A template names something the renderer does not offer."""


def fill(template: OutputTemplate, names: Mapping[str, Json], *, constants: Mapping[str, str]) -> dict[str, Any]:
    """The resource of a template with every placeholder replaced.

    `${name}` alone in a scalar keeps the type of its value.  A list item that names a part of a list repeats, once
    per entry; `${name}` alone as an item is replaced by the entries of a list.  A block inside the resource whose
    placeholders are all empty disappears with its literals; `constants` are literals and keep no block alive.
    Raises UnknownPlaceholderError for a placeholder neither `names` nor `constants` has.
    """
    whole = _with_constants(template.resource, constants)
    filled = {element: _node(node, names)[0] for element, node in whole.items()}
    return {element: value for element, value in filled.items() if not _empty(value)}


def placeholders(template: OutputTemplate) -> frozenset[str]:
    """Every placeholder a template uses, dotted as written."""
    return frozenset(_names_in(template.resource))


def _with_constants(node: Json, constants: Mapping[str, str]) -> Json:
    match node:
        case dict():
            return {key: _with_constants(item, constants) for key, item in node.items()}
        case list():
            return [_with_constants(item, constants) for item in node]
        case _:
            return _PLACEHOLDER.sub(lambda found: constants.get(found[1], found[0]), str(node))


def _node(node: Json, names: Mapping[str, Json]) -> tuple[Json, bool | None]:
    """A filled node, and whether anything in it was filled: None when it has no placeholder at all."""
    match node:
        case dict():
            return _block(node, names)
        case list():
            return _list(node, names)
        case _:
            return _scalar(node, names)


def _block(node: dict[str, Json], names: Mapping[str, Json]) -> tuple[Json, bool | None]:
    filled = {key: _node(item, names) for key, item in node.items()}
    spoken = _any_filled([said for _, said in filled.values()])
    if spoken is False:
        return None, False
    return {key: value for key, (value, _) in filled.items() if not _empty(value)}, spoken


def _list(node: list[Json], names: Mapping[str, Json]) -> tuple[Json, bool | None]:
    items: list[Json] = []
    said: list[bool | None] = []
    for item in node:
        scopes = list(_scopes(item, names))
        if not scopes:
            said.append(False)
        for scope in scopes:
            value, spoken = _node(item, scope)
            said.append(spoken)
            items.extend(value if isinstance(value, list) else [value])
    return [item for item in items if not _empty(item)], _any_filled(said)


def _scalar(text: str, names: Mapping[str, Json]) -> tuple[Json, bool | None]:
    found = _PLACEHOLDER.findall(text)
    if not found:
        return text, None
    values = [_value(path, names) for path in found]
    if any(_empty(value) for value in values):
        return None, False
    if text == f"${{{found[0]}}}":
        return values[0], True
    return _PLACEHOLDER.sub(lambda match: str(_value(match[1], names)), text), True


def _scopes(item: Json, names: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    """One set of names per entry of the list an item speaks of; the names themselves when it speaks of none."""
    repeated = {path.split(".")[0] for path in _names_in(item) if "." in path}
    lists = sorted(name for name in repeated if isinstance(names.get(name), list))
    if not lists:
        yield names
        return
    for entry in names[lists[0]]:
        yield {**names, lists[0]: entry}


def _value(path: str, names: Mapping[str, Json]) -> Json:
    first, *rest = path.split(".")
    if first not in names:
        raise UnknownPlaceholderError(path)
    value = names[first]
    for part in rest:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _names_in(node: Json) -> Iterator[str]:
    match node:
        case dict():
            for item in node.values():
                yield from _names_in(item)
        case list():
            for item in node:
                yield from _names_in(item)
        case _:
            yield from _PLACEHOLDER.findall(str(node))


def _any_filled(said: list[bool | None]) -> bool | None:
    known = [spoken for spoken in said if spoken is not None]
    return any(known) if known else None


def _empty(value: Json) -> bool:
    return value is None or (isinstance(value, str | list | dict) and not value)
