"""Fills an output template: digits keep their type, and a block with nothing to say disappears."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from adapter.fhir import Json
from adapter.knowledge.spec import OutputTemplate

PLACEHOLDER = re.compile(r"\$\{([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*)\}")
_LITERALS = re.compile(r"\$\{[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*\}")
Names = Mapping[str, Json]
Filled = tuple[Json, bool]
"""A filled node, and whether any of its placeholders was filled."""
Filler = Callable[[Names], Filled]
Node = tuple[Json, Filler | None]
"""A literal, shared by all resources that are printed with it, or what fills a node that has placeholders."""
_NOTHING: Filled = (None, False)
_MISSING = object()


class UnknownPlaceholderError(LookupError):
    """A template names something the renderer does not offer."""


def fill(template: OutputTemplate, names: Names, *, constants: Mapping[str, str]) -> dict[str, Any]:
    """The resource of a template with every placeholder replaced.

    `${name}` alone in a scalar keeps the type of its value.  A list item that names a part of a list repeats, once
    per entry; `${name}` alone as an item is replaced by the entries of a list.  A block inside the resource whose
    placeholders are all empty disappears with its literals; `constants` are literals and keep no block alive.
    Raises UnknownPlaceholderError for a placeholder neither `names` nor `constants` has.
    """
    told: dict[str, Any] = {}
    for element, (value, fill_in) in _compiled(template, tuple(constants.items())):
        if fill_in:
            value, _ = fill_in(names)  # noqa: PLW2901 - what is no literal has no value before
        if value or not is_empty(value):
            told[element] = value
    return told


@lru_cache(maxsize=256)
def _compiled(template: OutputTemplate, constants: tuple[tuple[str, str], ...]) -> tuple[tuple[str, Node], ...]:
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


def _node(node: Json) -> Node:
    """A node as the literal it is, or as the function that fills it."""
    match node:
        case dict():
            return _block(node)
        case list():
            return _list(node)
        case _:
            return _scalar(str(node))


def _block(block: Mapping[str, Json]) -> Node:
    items = tuple((key, *_node(node), _sole_name(node)) for key, node in block.items())
    used = {path.split(".")[0] for path in names_in(block)}
    if not used:
        return {key: value for key, value, *_ in items if not is_empty(value)}, None
    deep = any(isinstance(node, dict | list) for node in block.values())
    # Where nothing of it is filled, a block of blocks need not be gone through.
    asked = tuple(used) if deep else ()

    def filled(names: Names) -> Filled:
        if asked and not _says_anything(asked, names):
            return _NOTHING
        spoken = False
        told: dict[str, Json] = {}
        for key, value, fill_in, (name, part) in items:
            if name:  # most placeholders, so without a call for each
                value = names.get(name, _MISSING)  # noqa: PLW2901 - what is no literal has no value before
                if part and type(value) is dict:
                    value = value.get(part)  # noqa: PLW2901 - the same
                elif value is _MISSING or part:
                    value, _ = fill_in(names)  # type: ignore[misc]  # noqa: PLW2901 - a name has what fills it
                if value or not is_empty(value):
                    told[key] = value
                    spoken = True
                continue
            if fill_in:
                value, said = fill_in(names)  # noqa: PLW2901 - the same
                spoken = spoken or said
            if value or not is_empty(value):
                told[key] = value
        return (told, True) if spoken else _NOTHING

    return None, filled


def _sole_name(node: Json) -> tuple[str, str]:
    """The name that is all of a node, and its part: `${name}` or `${name.part}`; two empty texts for any other node."""
    found = PLACEHOLDER.fullmatch(node) if isinstance(node, str) else None
    name, _, part = found[1].partition(".") if found else ("", "", "")
    return ("", "") if "." in part else (name, part)


def _says_anything(asked: Sequence[str], names: Names) -> bool:
    """Whether one of these names is filled, or is not offered, which is a fault to be met where it stands."""
    for name in asked:
        value = names.get(name, _MISSING)
        if value or not is_empty(value):
            return True
    return False


def _list(nodes: Sequence[Json]) -> Node:
    items = tuple((*_node(item), repeated(names_in(item))) for item in nodes)
    if all(fill_in is None for _, fill_in, _ in items):
        return [one for value, _, _ in items for one in _entries(value)], None

    if len(items) == 1:
        return None, _filling_one(*items[0])

    def filled(names: Names) -> Filled:
        spoken = False
        told: list[Json] = []
        for value, fill_in, may_repeat in items:
            if fill_in is None:
                told += _entries(value)
                continue
            spoken_of = list_spoken_of(may_repeat, names) if may_repeat else None
            for scope in scopes(spoken_of, names) if spoken_of else (names,):
                found, said = fill_in(scope)
                spoken = spoken or said
                if type(found) is dict and found:
                    told.append(found)
                else:
                    told += _entries(found)
        return told, spoken

    return None, filled


def _filling_one(value: Json, fill_in: Filler | None, may_repeat: tuple[str, ...]) -> Filler:
    """Fills a list of one item, as most are, with its entries."""
    assert fill_in, value  # noqa: S101 - a list of literals is a literal

    def filled(names: Names) -> Filled:
        for name in may_repeat:
            if isinstance(names.get(name), list):
                each = [fill_in(scope) for scope in scopes(name, names)]
                return [one for found, _ in each for one in _entries(found)], any(said for _, said in each)
        found, said = fill_in(names)
        return ([found] if type(found) is dict and found else _entries(found)), said

    return filled


def _entries(value: Json) -> list[Json]:
    """What a filled item of a list adds to it."""
    return [one for one in (value if isinstance(value, list) else [value]) if one or not is_empty(one)]


def _scalar(text: str) -> Node:
    paths = [tuple(found.split(".")) for found in PLACEHOLDER.findall(text)]
    if not paths:
        return text, None
    if text == f"${{{'.'.join(paths[0])}}}":
        return None, _alone(paths[0])
    literals = _LITERALS.split(text)

    def filled(names: Names) -> Filled:
        values = [value_of(path, names) for path in paths]
        if any(map(is_empty, values)):
            return _NOTHING
        told = [literals[0]]
        for value, literal in zip(values, literals[1:], strict=True):
            told += (str(value), literal)
        return "".join(told), True

    return None, filled


def _alone(path: tuple[str, ...]) -> Filler:
    """A placeholder that is the whole scalar keeps the type of its value."""
    first, *rest = path

    def filled(names: Names) -> Filled:
        value = names.get(first, _MISSING)
        if value is _MISSING:
            raise UnknownPlaceholderError(".".join(path))
        for part in rest:
            value = value.get(part) if type(value) is dict or isinstance(value, Mapping) else None
        return (value, True) if value or not is_empty(value) else _NOTHING

    return filled


def repeated(used: Iterable[str]) -> tuple[str, ...]:
    """The lists a list item with these placeholders may speak of, in the order in which they are looked for."""
    return tuple(sorted({path.split(".")[0] for path in used if "." in path}))


def list_spoken_of(may_repeat: tuple[str, ...], names: Names) -> str | None:
    """The list whose entries a list item repeats for."""
    for name in may_repeat:
        if isinstance(names.get(name), list):
            return name
    return None


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


def is_empty(value: Json) -> bool:
    """Whether a value says nothing, so that nothing is written of it."""
    return value is None or (isinstance(value, str | list | dict) and not value)
