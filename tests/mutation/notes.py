"""Remembers which mutants were noticed, so that a run after an ended one, or after more tests, need not ask again.

A mutant stays noticed as long as the code, and the test that noticed it, are the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from asking import LEFT, Outcome
from mutants import Mutant

Key = tuple[str, str, str, str]
CODE = (
    "adapter/domain",
    "adapter/rules",
    "adapter/knowledge",
    "adapter/ingest",
    "adapter/writeback",
    "config",
    "mappings",
)
"""Any change here, and everything is asked again."""
SUPPORT = ("tests/support", "tests/conftest.py")


class Notes:
    """A file of outcomes: first the marks of all files they rest on, then one line for each mutant."""

    def __init__(self, path: Path, root: Path, tests: Sequence[str]) -> None:
        """Read what still holds, and begin the file anew with it.

        Raises:
            ValueError: the file is no file of notes.
        """
        self.marks = dict(_marks(root, (*CODE, *SUPPORT, *tests)))
        self.noticed = dict(self._still(path)) if path.exists() else {}
        self._file = path.open("w", encoding="utf-8")
        _add(self._file, self.marks)
        for key, outcome in self.noticed.items():
            _add(self._file, [*key, outcome.state, outcome.by])

    def add(self, mutant: Mutant, outcome: Outcome) -> None:
        """Write down one outcome at once."""
        _add(self._file, [*mutant.key, outcome.state, outcome.by])

    def _still(self, path: Path) -> Iterator[tuple[Key, Outcome]]:
        then, *lines = _lines_of(path)
        if not isinstance(then, dict):
            raise ValueError(f"{path} holds no notes of a mutation run")
        changed = {file for file, mark in then.items() if self.marks.get(file) != mark}
        more_code = {file for file in self.marks.keys() - then.keys() if file.startswith(CODE)}
        if more_code or not all(_is_test(file) for file in changed):
            return
        for file, function, was, now, state, by in lines:
            test = by.partition("::")[0]
            if state not in LEFT and (test not in changed if test in then else not changed):
                yield (file, function, was, now), Outcome(state=state, by=by)


def _lines_of(path: Path) -> Iterator[Any]:
    """The lines of the file; a run that was killed may have left half a line at the end."""
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.endswith("\n"):
            yield json.loads(line)


def _add(file: TextIO, line: Any) -> None:
    file.write(json.dumps(line, ensure_ascii=False) + "\n")
    file.flush()


def _is_test(file: str) -> bool:
    return Path(file).name.startswith("test_")


def _marks(root: Path, places: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Every file the outcomes rest on, with a mark of its content."""
    for place in places:
        path = root / place
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                yield str(file.relative_to(root)), hashlib.sha256(file.read_bytes()).hexdigest()[:16]
