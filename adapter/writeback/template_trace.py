"""A filled template taken apart: for every element the node it is written at and the placeholders that filled it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from adapter.fhir import Json
from adapter.knowledge.spec import OutputTemplate
from adapter.writeback.elements import ENTRY_OF
from adapter.writeback.template import (
    PLACEHOLDER,
    Names,
    is_empty,
    list_spoken_of,
    names_in,
    repeated,
    scopes,
    value_of,
)

Steps = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One placeholder where it is used."""

    name: str
    """`value.number`, as written."""
    part: Steps = ()
    """What of its value stands there, when the value is a block or a list: `identifier`, `value`."""
    entry: int | None = None
    """The place in the list whose entry was taken, from 0."""
    of: str | None = None
    """What that entry says it is made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One element of a resource that holds a value."""

    path: Steps
    """`valueQuantity`, `value`: where it stands in the resource."""
    node: Steps
    """Where it is written in the template."""
    value: Json
    uses: tuple[Use, ...] = ()
    """None of them: a literal."""
    constants: tuple[str, ...] = ()
    """The constants in it, such as `canonical`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Omitted:
    """A node of the template of which nothing was written, because none of its placeholders was filled."""

    node: Steps
    placeholders: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A filled node: what `template.fill` makes of it, and how."""

    value: Json
    spoken: bool | None
    leaves: tuple[Leaf, ...] = ()
    omitted: tuple[Omitted, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scope:
    """The names at one node, and which entry of a list they speak of."""

    names: Names = field(hash=False)
    constants: Mapping[str, str] = field(hash=False)
    entries: Mapping[str, int] = field(hash=False)


def taken_apart(
    template: OutputTemplate, names: Names, *, constants: Mapping[str, str]
) -> tuple[tuple[Leaf, ...], tuple[Omitted, ...]]:
    """Every element that `template.fill` writes of the same names, in its order, and every node it leaves out."""
    scope = _Scope(names=names, constants=constants, entries={})
    parts = [(name, _node(node, (name,), scope)) for name, node in template.resource.items()]
    leaves = tuple(leaf for name, part in parts if not is_empty(part.value) for leaf in _below(name, part))
    return leaves, tuple(gap for _, part in parts for gap in part.omitted)


def _node(node: Json, at: Steps, scope: _Scope) -> _Part:
    match node:
        case dict():
            return _block(node, at, scope)
        case list():
            return _list(node, at, scope)
        case _:
            return _scalar(str(node), at, scope)


def _block(node: Mapping[str, Json], at: Steps, scope: _Scope) -> _Part:
    parts = [(name, _node(item, (*at, name), scope)) for name, item in node.items()]
    spoken = _spoken([part for _, part in parts])
    if spoken is False:
        return _nothing(node, at, scope)
    kept = [(name, part) for name, part in parts if not is_empty(part.value)]
    return _Part(
        value={name: part.value for name, part in kept},
        spoken=spoken,
        leaves=tuple(leaf for name, part in kept for leaf in _below(name, part)),
        omitted=tuple(gap for _, part in parts for gap in part.omitted),
    )


def _list(node: Sequence[Json], at: Steps, scope: _Scope) -> _Part:
    parts = [part for number, item in enumerate(node) for part in _items(item, (*at, number), scope)]
    values: list[Json] = []
    leaves: list[Leaf] = []
    for part in parts:
        spliced = isinstance(part.value, list)
        for number, value in enumerate(part.value if spliced else [part.value]):
            if is_empty(value):
                continue
            own = [leaf for leaf in part.leaves if not spliced or leaf.path[0] == number]
            leaves += (replace(leaf, path=(len(values), *leaf.path[spliced:])) for leaf in own)
            values.append(value)
    omitted = tuple(gap for part in parts for gap in part.omitted)
    return _Part(value=values, spoken=_spoken(parts), leaves=tuple(leaves), omitted=omitted)


def _items(item: Json, at: Steps, scope: _Scope) -> Iterator[_Part]:
    """An item once, or once per entry of the list it speaks of."""
    name = list_spoken_of(repeated(_placeholders(item, scope)), scope.names)
    each = scopes(name, scope.names)
    if not each:
        yield _nothing(item, at, scope)
    for number, names in enumerate(each):
        entries = scope.entries if name is None else {**scope.entries, name: number}
        yield _node(item, at, replace(scope, names=names, entries=entries))


def _scalar(text: str, at: Steps, scope: _Scope) -> _Part:
    constants = tuple(dict.fromkeys(name for name in names_in(text) if name in scope.constants))
    uses = _uses(text, scope)
    values = {use.name: value_of(use.name.split("."), scope.names) for use in uses}
    if any(map(is_empty, values.values())):
        return _nothing(text, at, scope)
    filled = {**scope.constants, **values}
    alone = len(uses) == 1 and text == f"${{{uses[0].name}}}"
    value = values[uses[0].name] if alone else PLACEHOLDER.sub(lambda found: str(filled[found[1]]), text)
    leaf = Leaf(path=(), node=at, value=value, uses=uses, constants=constants)
    return _Part(value=value, spoken=True if uses else None, leaves=tuple(_opened(leaf)) if alone else (leaf,))


def _uses(node: Json, scope: _Scope) -> tuple[Use, ...]:
    names = dict.fromkeys(_placeholders(node, scope))
    return tuple(_use(name, scope) for name in names)


def _use(name: str, scope: _Scope) -> Use:
    first = name.split(".", maxsplit=1)[0]
    entry = scope.entries.get(first)
    of = scope.names[first].get(ENTRY_OF) if entry is not None and isinstance(scope.names[first], dict) else None
    return Use(name=name, entry=entry, of=of)


def _opened(leaf: Leaf) -> Iterator[Leaf]:
    """The elements of a value that is itself a block or a list."""
    match leaf.value:
        case dict():
            inner: Sequence[tuple[str | int, Json]] = list(leaf.value.items())
        case list():
            inner = list(enumerate(leaf.value))
        case _:
            yield leaf
            return
    [use] = leaf.uses
    for step, value in inner:
        part = replace(use, part=(*use.part, step))
        yield from _opened(replace(leaf, path=(*leaf.path, step), value=value, uses=(part,)))


def _below(name: str, part: _Part) -> Iterator[Leaf]:
    return (replace(leaf, path=(name, *leaf.path)) for leaf in part.leaves)


def _nothing(node: Json, at: Steps, scope: _Scope) -> _Part:
    gap = Omitted(node=at, placeholders=tuple(dict.fromkeys(_placeholders(node, scope))))
    return _Part(value=None, spoken=False, omitted=(gap,))


def _placeholders(node: Json, scope: _Scope) -> list[str]:
    return [name for name in names_in(node) if name not in scope.constants]


def _spoken(parts: Sequence[_Part]) -> bool | None:
    known = [part.spoken for part in parts if part.spoken is not None]
    return any(known) if known else None
