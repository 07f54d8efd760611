"""JSON Schema of a site's configuration, made from the values it is read into."""

from __future__ import annotations

import ast
import inspect
import types
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from itertools import pairwise
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from adapter.knowledge.schema_parts import (
    Schema,
    block,
    maybe,
    rows,
    said,
    text,
    texts,
    whole,
    whole_file,
    words,
    yes_no,
)
from adapter.settings.site import Settings


def site_schema() -> Schema:
    """The schema of troughline.yaml."""
    return whole_file("Configuration of a site", _block(Settings))


def _block(kind: type[Any]) -> Schema:
    hints, meanings = get_type_hints(kind), dict(_meanings(kind))
    parts = {part.name: said(_value(hints[part.name]), meanings.get(part.name, "")) for part in fields(kind)}
    needed = [part.name for part in fields(kind) if _needed(part)]
    return block(parts, needed)


def _needed(part: Field[Any]) -> bool:
    return part.default is MISSING and part.default_factory is MISSING


def _value(hint: Any) -> Schema:  # noqa: ANN401 - a type hint
    if get_origin(hint) in (Union, types.UnionType):
        (inner,) = (kind for kind in get_args(hint) if kind is not type(None))
        return _value(inner)
    if get_origin(hint) is Literal:
        return maybe(words(get_args(hint)))
    if get_origin(hint) is tuple:
        inner = get_args(hint)[0]
        return rows(_block(inner)) if isinstance(inner, type) and is_dataclass(inner) else maybe(texts())
    if is_dataclass(hint) and isinstance(hint, type):
        return maybe(_block(hint))
    return maybe({bool: yes_no(), int: whole()}.get(hint, text()))


def _meanings(kind: type[Any]) -> Iterator[tuple[str, str]]:
    """The sentence below each field, where it has one."""
    body = ast.parse(inspect.getsource(kind)).body[0]
    statements = body.body if isinstance(body, ast.ClassDef) else []
    for before, after in pairwise(statements):
        if isinstance(before, ast.AnnAssign) and isinstance(before.target, ast.Name) and isinstance(after, ast.Expr):
            yield before.target.id, str(ast.literal_eval(after.value))
