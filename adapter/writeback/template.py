"""Fills an output template: digits keep their type, and a block with nothing to say disappears."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

from adapter.fhir import Json
from adapter.knowledge.spec import OutputTemplate

PLACEHOLDER = re.compile(r"\$\{([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*)\}")
_LITERALS = re.compile(r"\$\{[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*\}")
Names = Mapping[str, Json]
Filled = tuple[Json, bool | None]
"""A filled node, and whether anything in it was filled: None when it has no placeholder at all."""
Filler = Callable[[Names], Filled]


class UnknownPlaceholderError(LookupError):
    """A template names something the renderer does not offer."""


def fill(template: OutputTemplate, names: Names, *, constants: Mapping[str, str]) -> dict[str, Any]:
    """The resource of a template with every placeholder replaced.

    `${name}` alone in a scalar keeps the type of its value.  A list item that names a part of a list repeats, once
    per entry; `${name}` alone as an item is replaced by the entries of a list.  A block inside the resource whose
    placeholders are all empty disappears with its literals; `constants` are literals and keep no block alive.
    Raises UnknownPlaceholderError for a placeholder neither `names` nor `constants` has.
    """
    filled = ((element, fill_in(names)[0]) for element, fill_in in _compiled(template, tuple(constants.items())))
    return {element: value for element, value in filled if not is_empty(value)}


@lru_cache(maxsize=256)
def _compiled(template: OutputTemplate, constants: tuple[tuple[str, str], ...]) -> tuple[tuple[str, Filler], ...]:
    """The elements of a template as functions: it is taken apart once, however often it is filled."""
    whole = _with_constants(template.resource, dict(constants))
    return tuple((element, _node(node)) for element, node in whole.items())


def placeholders(template: OutputTemplate) -> frozenset[str]:
    """Every placeholder a template uses, dotted as written."""
    return frozenset(names_in(template.resource))


def _with_constants(node: Json, constants: Mapping[str, str]) -> Json:
    match node:
        case dict():
            return {key: _with_constants(item, constants) for key, item in node.items()}
        case list():
            return [_with_constants(item, constants) for item in node]
        case _:
            return PLACEHOLDER.sub(lambda found: constants.get(found[1], found[0]), str(node))


def _node(node: Json) -> Filler:
    match node:
        case dict():
            return _block(tuple((key, _node(item)) for key, item in node.items()))
        case list():
            return _list(tuple((_node(item), repeated(names_in(item))) for item in node))
        case _:
            return _scalar(node)


def _block(items: tuple[tuple[str, Filler], ...]) -> Filler:
    def filled(names: Names) -> Filled:
        spoken: bool | None = None
        told: dict[str, Json] = {}
        for key, item in items:
            value, said = item(names)
            spoken = spoken or said if said is not None else spoken
            if not is_empty(value):
                told[key] = value
        return (None, False) if spoken is False else (told, spoken)

    return filled


def _list(items: tuple[tuple[Filler, tuple[str, ...]], ...]) -> Filler:
    def filled(names: Names) -> Filled:
        values: list[Json] = []
        said: list[bool | None] = []
        for item, may_repeat in items:
            entries = scopes(list_spoken_of(may_repeat, names), names)
            if not entries:
                said.append(False)
            for scope in entries:
                value, spoken = item(scope)
                said.append(spoken)
                values.extend(value if isinstance(value, list) else [value])
        return [value for value in values if not is_empty(value)], _any_filled(said)

    return filled


def _scalar(text: str) -> Filler:
    paths = [tuple(found.split(".")) for found in PLACEHOLDER.findall(text)]
    if not paths:
        return lambda _: (text, None)
    if text == f"${{{'.'.join(paths[0])}}}":
        return partial(_alone, paths[0])
    literals = _LITERALS.split(text)

    def filled(names: Names) -> Filled:
        values = [value_of(path, names) for path in paths]
        if any(map(is_empty, values)):
            return None, False
        told = [literals[0]]
        for value, literal in zip(values, literals[1:], strict=True):
            told += (str(value), literal)
        return "".join(told), True

    return filled


def _alone(path: tuple[str, ...], names: Names) -> Filled:
    """A placeholder that is the whole scalar keeps the type of its value."""
    value = value_of(path, names)
    return (None, False) if is_empty(value) else (value, True)


def repeated(used: Iterable[str]) -> tuple[str, ...]:
    """The lists a list item with these placeholders may speak of, in the order in which they are looked for."""
    return tuple(sorted({path.split(".")[0] for path in used if "." in path}))


def list_spoken_of(may_repeat: tuple[str, ...], names: Names) -> str | None:
    """The list whose entries a list item repeats for."""
    return next((name for name in may_repeat if isinstance(names.get(name), list)), None)


def scopes(name: str | None, names: Names) -> Sequence[Names]:
    """One set of names per entry of the list an item speaks of; the names themselves when it speaks of none."""
    return [names] if name is None else [{**names, name: entry} for entry in names[name]]


def value_of(path: Sequence[str], names: Names) -> Json:
    """What a placeholder stands for; raises UnknownPlaceholderError when nothing of its name is offered."""
    first, *rest = path
    if first not in names:
        raise UnknownPlaceholderError(".".join(path))
    value = names[first]
    for part in rest:
        value = value.get(part) if isinstance(value, dict | Mapping) else None
    return value


def names_in(node: Json) -> Iterator[str]:
    """Every placeholder in a node, dotted as written, in its order."""
    match node:
        case dict():
            for item in node.values():
                yield from names_in(item)
        case list():
            for item in node:
                yield from names_in(item)
        case _:
            yield from PLACEHOLDER.findall(str(node))


def _any_filled(said: list[bool | None]) -> bool | None:
    known = [spoken for spoken in said if spoken is not None]
    return any(known) if known else None


def is_empty(value: Json) -> bool:
    """Whether a value says nothing, so that nothing is written of it."""
    return value is None or (isinstance(value, str | list | dict) and not value)
