"""Every mutant of one source file: the file with one small change, and where that change lies."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from operators import OPERATORS, names_targets, never_changed

STATEMENTS = (cst.SimpleStatementLine, cst.BaseCompoundStatement)


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One source file with one small change."""

    file: str
    """Path from the root of the repository."""
    function: str | None
    """`Class.method` or `function` whose body was changed; None: the file itself, so that it must be imported anew."""
    lines: tuple[int, int]
    """First and last line of the changed statement: only a test that runs through them can notice."""
    operator: str
    was: str
    now: str
    pieces: tuple[str, ...]
    """The unchanged file, cut at its statements."""
    place: int
    piece: str
    """The changed statement, which stands at that place."""

    @property
    def source(self) -> str:
        """The whole file with the change."""
        return "".join((*self.pieces[: self.place], self.piece, *self.pieces[self.place + 1 :]))

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What names a mutant although lines move."""
        return self.file, self.function or "", self.was, self.now


def mutants_of(path: Path, root: Path) -> list[Mutant]:
    """All mutants of a file that compile, and that differ from the file and from each other."""
    wrapper = MetadataWrapper(cst.parse_module(path.read_text(encoding="utf-8")))
    module, finder = wrapper.module, _Finder()
    wrapper.visit(finder)
    statements = [module.code_for_node(statement) for statement in module.body]
    front, _, back = module.code.partition("".join(statements))
    pieces = (front, *statements, back)
    seen = {_meaning(piece) for piece in statements}
    found: list[Mutant] = []
    for change in finder.found:
        place = 1 + next(at for at, one in enumerate(module.body) if one is change.statement)
        piece = module.code_for_node(change.statement.deep_replace(change.node, change.changed))
        meaning = _meaning(piece)
        if meaning is None or meaning in seen:
            continue
        seen.add(meaning)
        was, now = _difference(pieces[place], piece)
        found.append(
            Mutant(
                file=str(path.relative_to(root)),
                function=change.function,
                lines=change.lines,
                operator=change.operator,
                was=was,
                now=now,
                pieces=pieces,
                place=place,
                piece=piece,
            )
        )
    return found


def _meaning(piece: str) -> str | None:
    """A statement without its layout; None when it does not compile."""
    try:
        compile(piece, "mutant", "exec")
    except SyntaxError:
        return None
    return ast.dump(ast.parse(piece))


def _difference(before: str, after: str) -> tuple[str, str]:
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm=""))[2:]
    sides = {sign: [line[1:].strip() for line in lines if line[0] == sign] for sign in "-+"}
    return " ".join(sides["-"]), " ".join(sides["+"])


@dataclass(frozen=True, kw_only=True, eq=False)
class _Change:
    """A node of the file, and what an operator makes of it."""

    statement: cst.CSTNode
    """The statement of the file that holds the node."""
    node: cst.CSTNode
    changed: cst.CSTNode
    operator: str
    function: str | None
    lines: tuple[int, int]


class _Finder(cst.CSTVisitor):
    """Walks one file and remembers every change that an operator offers."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self) -> None:
        super().__init__()
        self.found: list[_Change] = []
        self._stack: list[cst.CSTNode] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if never_changed(node):
            return False
        chain = [*self._stack, node]
        if len(chain) > 1 and not names_targets(node, self._stack[-1]):
            function, lines = self._place(chain)
            for changed, name in _changes(node):
                change = _Change(
                    statement=chain[1], node=node, changed=changed, operator=name, function=function, lines=lines
                )
                self.found.append(change)
        self._stack.append(node)
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if self._stack and self._stack[-1] is original_node:
            self._stack.pop()

    def _place(self, chain: list[cst.CSTNode]) -> tuple[str | None, tuple[int, int]]:
        """The function whose body holds the node, or none, and the lines whose tests can notice the change."""
        outer = next((place for place, one in enumerate(chain) if isinstance(one, cst.FunctionDef)), None)
        if outer is None or not any(one is chain[outer].body for one in chain[outer:]):
            return None, self._lines(chain[1])
        names = [one.name.value for one in chain[: outer + 1] if isinstance(one, (cst.ClassDef, cst.FunctionDef))]
        inner = next(one for one in reversed(chain) if isinstance(one, (*STATEMENTS, cst.MatchCase)))
        if isinstance(inner, (cst.Match, cst.MatchCase, cst.FunctionDef)):
            return ".".join(names), self._lines(chain[outer].body)
        first, last = self._lines(inner)
        body = getattr(inner, "body", None)
        return ".".join(names), (first, self._lines(body)[0] - 1 if isinstance(body, cst.IndentedBlock) else last)

    def _lines(self, node: cst.CSTNode) -> tuple[int, int]:
        span = self.get_metadata(PositionProvider, node)
        return span.start.line, span.end.line


def _changes(node: cst.CSTNode) -> Iterator[tuple[cst.CSTNode, str]]:
    for kind, operator in OPERATORS:
        if isinstance(node, kind):
            for changed in operator(node):
                yield changed, operator.__name__
