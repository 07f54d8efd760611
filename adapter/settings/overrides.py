"""Overrides of single settings: `http.port` or `mllp.0.host`, laid into the document before it is read."""

from __future__ import annotations

from collections.abc import Mapping

from adapter.knowledge.text_yaml import Document, Node, Path

OPTIONS = {
    "mllp.0.host": "--mllp",
    "mllp.0.port": "--mllp",
    "http.host": "--http",
    "http.port": "--http",
    "targets.0.url": "--fhir",
    "store": "--store",
    "insecure": "--insecure",
}
"""What a person typed for a setting."""


def override(document: Document, overrides: Mapping[str, str]) -> Document:
    """The document with each dotted key set to its text; a number means the entry of a list, from 0."""
    data = _copy(document.data)
    places, origins = dict(document.places), dict(document.origins)
    for dotted, text in overrides.items():
        path: Path = tuple(int(part) if part.isdecimal() and part.isascii() else part for part in dotted.split("."))
        data = _set(data, path, text)
        places[path], origins[path] = (0, 1), OPTIONS.get(dotted, f"option {dotted}")
    return Document(file=document.file, data=data, places=places, origins=origins)


def _set(node: Node, path: Path, text: str) -> Node:
    if not path:
        return text
    head, rest = path[0], path[1:]
    if isinstance(head, int):
        items = node if isinstance(node, list) else []
        inner = items[head] if head < len(items) else {}
        return [*items[:head], _set(inner, rest, text), *items[head + 1 :]]
    entries = node if isinstance(node, dict) else {}
    return {**entries, head: _set(entries.get(head, ""), rest, text)}


def _copy(node: Node) -> Node:
    match node:
        case str():
            return node
        case list():
            return [_copy(item) for item in node]
        case dict():
            return {key: _copy(value) for key, value in node.items()}
