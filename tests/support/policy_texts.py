"""Policy files as text, to be spoiled: one change, or every deletion a slip of the hand could make."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from adapter.knowledge.shipped import shipped
from adapter.knowledge.text_yaml import Document, Node, read_yaml

CONS16 = "policies/cons16.yaml"
PARTS = ("value", "unit", "cites", "grade")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """A file without one of its parts."""

    what: str
    text: str
    lines: tuple[int, ...]
    """Where it has to be found, counted in the spoiled text."""


def copy_config(root: Path) -> Path:
    """A copy of all shipped products and policies."""
    shutil.copytree(shipped("config"), root)
    return root


def one_policy(root: Path) -> Path:
    """A copy of the shipped products and of CONS16, the default of pegaspargase; the others have none."""
    copy_config(root)
    for path in (root / "policies").iterdir():
        if path.name != "cons16.yaml":
            path.unlink()
    products = root / "products.yaml"
    products.write_text(re.sub(r"(?m)^    default_policy: (?!CONS16).*\n", "", products.read_text()))
    return root


def change(config: Path, before: str, after: str, name: str = CONS16) -> int:
    """Replace a text of a file once; the line it stood in."""
    path = config / name
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))
    return text[: text.index(before)].count("\n") + 1


def deletions(text: str, file: str) -> Iterator[Deletion]:
    """The file without each value, unit, citation and grade of each number, and without each reference text."""
    document, faults = read_yaml(text, file)
    assert document is not None, faults
    for path in numbers(document.data):
        for part in PARTS:
            yield _without_part(text, document, path, part)
    assert isinstance(document.data, dict)
    listed = document.data["citations"]
    assert isinstance(listed, dict)
    for key in listed:
        yield _without_citation(text, document, key)


def numbers(node: Node, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The places of all numbers."""
    if isinstance(node, dict) and set(PARTS) <= set(node):
        yield path
    elif isinstance(node, dict):
        for key, item in node.items():
            yield from numbers(item, (*path, key))
    elif isinstance(node, list):
        for number, item in enumerate(node):
            yield from numbers(item, (*path, number))


def _without_part(text: str, document: Document, path: tuple[str | int, ...], part: str) -> Deletion:
    lines = text.splitlines(keepends=True)
    at, (line, _) = document.places[path][0], document.places[(*path, part)]
    if line == at:
        lines[at - 1], count = re.subn(rf"(?<=[{{ ]){part}: (\"[^\"]*\"|[^,}}\s]+)(, )?", "", lines[at - 1])
        assert count == 1
    else:
        del lines[line - 1]
    return Deletion(what=f"{path} {part}", text="".join(lines), lines=(at,))


def _without_citation(text: str, document: Document, key: str) -> Deletion:
    """Reference texts stand at the end of a file, so the places that cite them keep their lines."""
    lines = text.splitlines(keepends=True)
    starts = sorted(document.places[path][0] for path in document.places if path[:1] == ("citations",) and path[1:])
    first = document.places["citations", key][0]
    end = next((line for line in starts if line > first), len(lines) + 1)
    citing = {document.places[path][0] for path, text in _texts(document.data) if _names(path, text, key)}
    assert citing, f"nothing cites {key}"
    return Deletion(
        what=f"citation {key}", text="".join(lines[: first - 1] + lines[end - 1 :]), lines=tuple(sorted(citing))
    )


def _names(path: tuple[str | int, ...], text: str, key: str) -> bool:
    return (path[-1] == "cites" and text == key) or (path[-1] == "note" and f"({key})" in text)


def _texts(node: Node, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, item in items:
        if isinstance(item, str):
            yield (*path, key), item
        else:
            yield from _texts(item, (*path, key))
