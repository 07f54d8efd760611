"""YAML as analysts write it: every scalar is text, every node knows its line, every mistake is a sentence."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import yaml

Node = str | list["Node"] | dict[str, "Node"]
Path = tuple[str | int, ...]

MAX_DEPTH = 40
_LOADER: type = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something wrong in a file that people own: where it stands and what to do about it."""

    file: str
    line: int
    """Counted from 1; 0 when the whole file is meant."""
    column: int | None = None
    text: str
    severity: Literal["error", "warning", "information"] = "error"

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {'' if self.severity == 'error' else f'{self.severity}: '}{self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A parsed YAML file: plain dicts, lists and text, and the place of every node."""

    file: str
    data: Node
    places: dict[Path, tuple[int, int]] = field(hash=False)
    """Line and column, from 1, by path of keys and list positions; a mapping entry stands where its key stands."""
    origins: dict[Path, str] = field(hash=False, default_factory=dict)
    """For nodes that came from elsewhere than the file (an option of the command line): what to call that place."""
    folded: frozenset[Path] = frozenset()
    """Texts over several lines whose line ends became blanks, because no '|' stands before them."""

    def fault(self, path: Path, text: str, severity: Literal["error", "warning"] = "error") -> Fault:
        """A fault at a node, or at its nearest ancestor that has a place."""
        while path and path not in self.places:
            path = path[:-1]
        line, column = self.places.get(path, (1, 1))
        file = self.origins.get(path, self.file)
        return Fault(file=file, line=line, column=column, text=text, severity=severity)


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end has not been read yet."""

    node: list[Node] | dict[str, Node]
    path: Path
    key: str | None = None


class _NotReadableError(Exception):
    """The file stops being readable at one place."""

    def __init__(self, event: yaml.Event, text: str) -> None:
        super().__init__(text)
        self.place, self.text = _place(event), text


def read_yaml(content: bytes | str, file: str) -> tuple[Document | None, list[Fault]]:
    """The document of one YAML file, or why it cannot be read; never raises for any content."""
    text, fault = decode(content, file)
    if fault:
        return None, [fault]
    composer = _Composer(file=file)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            composer.take(event)
    except _NotReadableError as error:
        line, column = error.place
        return None, [*composer.faults, Fault(file=file, line=line, column=column, text=error.text)]
    except yaml.YAMLError as error:
        return None, [*composer.faults, _unreadable(error, text, file)]
    faults = [*composer.faults, *_tabs(text, composer.scalars, file)]
    if faults:
        return None, faults
    return Document(file=file, data=composer.data, places=composer.places, folded=frozenset(composer.folded)), []


def decode(content: bytes | str, file: str) -> tuple[str, Fault | None]:
    """UTF-8 with or without a byte order mark, as text."""
    raw = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    try:
        return raw.decode("utf-8-sig"), None
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        how = "in a spreadsheet: 'CSV UTF-8'" if file.lower().endswith(".csv") else "in an editor: encoding UTF-8"
        text = f"the file is not UTF-8 here; save it as UTF-8 ({how})"
        return "", Fault(file=file, line=line, column=column, text=text)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'units'?`, or nothing when no known word is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean '{near[0]}'?" if near else ""


@dataclass(slots=True, kw_only=True)
class _Composer:
    """Puts parser events together without recursion, so that no nesting can exhaust the stack."""

    file: str
    places: dict[Path, tuple[int, int]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    scalars: list[tuple[int, int]] = field(default_factory=list)
    """Where texts begin and end, in characters: tabs are welcome there."""
    folded: set[Path] = field(default_factory=set)
    stack: list[_Open] = field(default_factory=lambda: [_Open(node=[], path=())])

    @property
    def data(self) -> Node:
        """What stands in the file; empty text for an empty one."""
        root = self.stack[0].node
        return root[0] if isinstance(root, list) and root else ""

    def take(self, event: yaml.Event) -> None:
        """Put one parser event where it belongs."""
        _refuse_extras(event)
        match event:
            case yaml.ScalarEvent():
                self.scalars.append((_index(event.start_mark), _index(event.end_mark)))
                path = self._put(str(event.value), event)
                if _is_folded(event):
                    self.folded.add(path)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._begin(event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self.stack.pop()
            case yaml.DocumentStartEvent() if self.stack[0].node:
                raise _NotReadableError(event, "a second document ('---') begins here; write one document per file")

    def _begin(self, event: yaml.Event) -> None:
        top = self.stack[-1]
        if len(self.stack) > MAX_DEPTH:
            raise _NotReadableError(event, f"nested more than {MAX_DEPTH} levels deep; check the indentation")
        if isinstance(top.node, dict) and top.key is None:
            raise _NotReadableError(event, "a list or block cannot be a key; quote a text that begins with '[' or '{'")
        node: list[Node] | dict[str, Node] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self.stack.append(_Open(node=node, path=self._put(node, event)))

    def _put(self, value: Node, event: yaml.Event) -> Path:
        """The path of the node that was put."""
        top = self.stack[-1]
        if isinstance(top.node, list):
            path = (*top.path, len(top.node)) if len(self.stack) > 1 else ()
            self.places[path] = _place(event)
            top.node.append(value)
            return path
        if top.key is None:
            top.key = str(value)
            return self._begin_entry((*top.path, top.key), event)
        path = (*top.path, top.key)
        top.node[top.key] = value
        top.key = None
        return path

    def _begin_entry(self, path: Path, event: yaml.Event) -> Path:
        line, column = _place(event)
        first = self.places.setdefault(path, (line, column))
        if first != (line, column):
            text = f"'{path[-1]}' stands here a second time (first in line {first[0]}); keep one"
            self.faults.append(Fault(file=self.file, line=line, column=column, text=text))
        return path


def _is_folded(event: yaml.ScalarEvent) -> bool:
    if event.style in (">", "|"):
        return event.style == ">"
    return bool(event.start_mark and event.end_mark and event.start_mark.line != event.end_mark.line)


def _refuse_extras(event: yaml.Event) -> None:
    if getattr(event, "anchor", None):
        raise _NotReadableError(
            event, "anchors and aliases ('&', '*') are not used here; quote the text or write it out"
        )
    if getattr(event, "tag", None):
        raise _NotReadableError(event, "tags ('!') are not used here; quote the text")


def _index(mark: object) -> int:
    return int(getattr(mark, "index", 0))


def _place(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _tabs(text: str, scalars: list[tuple[int, int]], file: str) -> Iterator[Fault]:
    """Tabs outside of texts and comments: they look like indentation and are none."""
    if "\t" not in text:
        return
    covered = bytearray(len(text) + 1)
    for start, end in scalars:
        covered[start:end] = b"\x01" * (end - start)
    offset = 0
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        for column, character in enumerate(line):
            if covered[min(offset + column, len(text))]:
                continue
            if character == "#":
                break
            if character == "\t":
                yield Fault(file=file, line=number, column=column + 1, text=_TAB)
                break
        offset += len(line)


_TAB = "a tab; YAML counts spaces, so replace the tab by spaces"


def _unreadable(error: yaml.YAMLError, text: str, file: str) -> Fault:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        position = getattr(error, "position", None)
        before = text[:position] if isinstance(position, int) else ""
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        return Fault(
            file=file, line=line, column=column, text="not readable as YAML: a character that text files do not hold"
        )
    lines = text.splitlines()
    if mark.line < len(lines) and "\t" in lines[mark.line]:
        return Fault(file=file, line=mark.line + 1, column=mark.column + 1, text=_TAB)
    problem = getattr(error, "problem", None) or "this does not parse"
    advice = "check the indentation, and quote texts that begin with one of [ { % * & @ ` or hold ': '"
    return Fault(
        file=file, line=mark.line + 1, column=mark.column + 1, text=f"not readable as YAML: {problem}; {advice}"
    )
