"""One block of a YAML document while it is read: hands out typed values, collects every fault with its line."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from adapter.knowledge.text_yaml import Document, Fault, Node, Path, did_you_mean

_NUMBER = re.compile(r"-?(0|[1-9]\d{0,17})(\.\d{1,12})?")
_WHOLE = re.compile(r"0|[1-9]\d{0,15}")


@dataclass(slots=True, kw_only=True)
class Block:
    """The keys of one YAML block; asking for a key makes it a known one, `finish` reports the others."""

    document: Document
    path: Path
    data: dict[str, Node]
    faults: list[Fault]
    asked: set[str] = field(default_factory=set)

    @property
    def line(self) -> int:
        """The line where the block stands."""
        return self.document.places.get(self.path, (1, 1))[0]

    def fault(self, text: str, *path: str | int) -> None:
        """Report a mistake at a key of this block, or at the block itself."""
        self.faults.append(self.document.fault((*self.path, *path), text))

    def has(self, key: str) -> bool:
        """Is the key there and filled?"""
        self.asked.add(key)
        return self.data.get(key, "") != ""

    def node(self, key: str) -> Node:
        """Whatever stands under the key; empty text when nothing does."""
        self.asked.add(key)
        return self.data.get(key, "")

    def optional(self, key: str) -> str | None:
        """The text of a key, None when it is absent or empty."""
        value = self.node(key)
        if isinstance(value, str):
            return value or None
        self.fault(f"'{key}' takes one text, not a block", key)
        return None

    def text(self, key: str) -> str:
        """The text of a key that must be filled."""
        if not self.has(key):
            self.fault(f"'{key}' is missing" if key not in self.data else f"'{key}' is empty", key)
        return self.optional(key) or ""

    def choice(self, key: str, allowed: Collection[str], default: str | None = None) -> str:
        """One of some words; the default when absent, the first word after a fault."""
        if default is not None and not self.has(key):
            return default
        value = self.text(key)
        if value in allowed:
            return value
        if value:
            self.fault(f"'{value}' is not one of {', '.join(sorted(allowed))}{did_you_mean(value, allowed)}", key)
        return next(iter(allowed))

    def texts(self, key: str) -> tuple[str, ...]:
        """One text, or a list of texts."""
        value = self.node(key)
        if isinstance(value, str):
            return (value,) if value else ()
        if isinstance(value, list) and value and all(isinstance(item, str) and item for item in value):
            return tuple(str(item) for item in value)
        self.fault(f"'{key}' takes a text or a list of texts", key)
        return ()

    def yes_no(self, key: str, *, default: bool) -> bool:
        """`yes`/`no` (or `true`/`false`)."""
        words = {"yes": True, "true": True, "no": False, "false": False}
        return words[self.choice(key, words, "yes" if default else "no")]

    def whole(self, key: str, *, default: int | None = None, least: int = 0, most: int = 2**53) -> int:
        """A whole number within limits."""
        if default is not None and not self.has(key):
            return default
        value = self.text(key)
        if _WHOLE.fullmatch(value) and least <= int(value) <= most:
            return int(value)
        if value:
            self.fault(f"'{key}' takes a whole number from {least} to {most}", key)
        return least

    def number(self, key: str) -> Decimal:
        """An exact decimal number."""
        value = self.text(key)
        if _NUMBER.fullmatch(value):
            return Decimal(value)
        if value:
            self.fault(f"'{key}' takes a number with a decimal point", key)
        return Decimal(0)

    def day(self, key: str) -> date | None:
        """A date `YYYY-MM-DD`, None when absent or wrong."""
        value = self.optional(key)
        if value is None:
            return None
        try:
            if len(value) == len("2025-01-31"):
                return date.fromisoformat(value)
        except ValueError:
            pass
        self.fault(f"'{key}' takes a date written YYYY-MM-DD", key)
        return None

    def block(self, key: str) -> Block:
        """The block under a key, an empty one when absent."""
        value = self.node(key)
        if isinstance(value, dict):
            return self._child(value, key)
        if value != "":
            self.fault(f"'{key}' takes a block of keys", key)
        return self._child({}, key)

    def blocks(self, key: str) -> Iterator[tuple[str, Block]]:
        """The named blocks under a key, in file order."""
        inner = self.block(key)
        for name, value in inner.data.items():
            if isinstance(value, dict):
                yield name, self._child(value, key, name)
            else:
                inner.fault(f"'{name}' takes a block of keys", name)

    def rows(self, key: str) -> Iterator[Block]:
        """The blocks of a list under a key."""
        value = self.node(key)
        if value == "":
            return
        if not isinstance(value, list):
            self.fault(f"'{key}' takes a list; begin each entry with '- '", key)
            return
        for number, item in enumerate(value):
            if isinstance(item, dict):
                yield self._child(item, key, number)
            else:
                self.fault(f"an entry of '{key}' takes a block of keys", key, number)

    def finish(self) -> None:
        """Report the keys nobody asked for."""
        for key in self.data:
            if key not in self.asked:
                self.fault(f"'{key}' is not a key here{did_you_mean(key, self.asked)}", key)

    def _child(self, data: dict[str, Node], *path: str | int) -> Block:
        return Block(document=self.document, path=(*self.path, *path), data=data, faults=self.faults)


def top_block(document: Document, faults: list[Fault]) -> Block:
    """The whole document as a block; a fault when it is a list or a text."""
    if isinstance(document.data, dict):
        return Block(document=document, path=(), data=document.data, faults=faults)
    faults.append(document.fault((), "the file holds no keys; it begins with lines like 'key: value'"))
    return Block(document=document, path=(), data={}, faults=faults)
