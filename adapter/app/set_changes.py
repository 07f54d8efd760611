"""What became different between two sets of mappings and policies, in the words of the people who own the files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from adapter.app.parts import Loaded
from adapter.domain.policy import RuleBook
from adapter.knowledge.spec import Knowledge, Row, Table
from adapter.knowledge.spec import Mapping as MessageMapping

NAMED = 5
"""So many rows of a table are named, further ones are counted."""
Thing = TypeVar("Thing")
_NO_TABLE = Table(name="", rows=(), index={})


def changes(old: Loaded, new: Loaded) -> tuple[str, ...]:
    """One line for each table, mapping, output, product, policy and choice that is not what it was."""
    return (*_of_mappings(old.knowledge, new.knowledge), *_of_policies(old.rulebook, new.rulebook))


def _of_mappings(old: Knowledge, new: Knowledge) -> Iterator[str]:
    for name in sorted({*old.tables, *new.tables}):
        yield from _of_table(name, old.tables.get(name, _NO_TABLE), new.tables.get(name, _NO_TABLE))
    yield from _named("mapping", *({m.id: _content(m) for m in one.mappings} for one in (old, new)))
    yield from _named("output", *({n: (o.version, o.resource) for n, o in one.outputs.items()} for one in (old, new)))


def _content(mapping: MessageMapping) -> MessageMapping:
    """A mapping without the places in its file, which a comment moves."""
    return replace(mapping, file="", fields=tuple(replace(field, line=0) for field in mapping.fields))


def _of_table(name: str, old: Table, new: Table) -> Iterator[str]:
    before, after = ({(r.sender, r.code, r.system): _said(r) for r in table.rows} for table in (old, new))
    parts = [
        _rows("added", [key for key in after if key not in before]),
        _rows("removed", [key for key in before if key not in after]),
        _rows("changed", [key for key in after if key in before and before[key] != after[key]]),
    ]
    if told := [part for part in parts if part]:
        yield f"table {name}: {'; '.join(told)}"


def _said(row: Row) -> tuple[object, ...]:
    return row.target, row.label, row.note, row.extra


def _rows(what: str, keys: list[tuple[str, str, str]]) -> str:
    codes = ", ".join(code for _, code, _ in keys[:NAMED])
    more = f" and {len(keys) - NAMED} more" if len(keys) > NAMED else ""
    return f"{what} {codes}{more}" if keys else ""


def _of_policies(old: RuleBook, new: RuleBook) -> Iterator[str]:
    yield from _named("product", old.products, new.products)
    before, after = ({policy.label: policy.hash for policy in book.policies} for book in (old, new))
    yield from _named("policy", before, after)
    for product in sorted({*old.chosen, *new.chosen}):
        was, now = old.chosen.get(product), new.chosen.get(product)
        if was != now:
            yield f"{product} is read by {now or 'no policy'}, before by {was or 'none'}"


def _named(kind: str, old: Mapping[str, Thing], new: Mapping[str, Thing]) -> Iterator[str]:
    for name in sorted({*old, *new}):
        if name not in old:
            yield f"{kind} {name} added"
        elif name not in new:
            yield f"{kind} {name} removed"
        elif old[name] != new[name]:
            yield f"{kind} {name} changed"
