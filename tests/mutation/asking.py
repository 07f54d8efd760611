"""Asks the tests about mutants; nothing is written to disk, each mutant lives in a process of its own.

A change inside a function is laid over the function in a process that has collected every test already, and only the
tests that ran through that function are asked.  For any other change the file, and all that use it, are imported anew.
"""

from __future__ import annotations

import functools
import gc
import importlib.abc
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from baseline import FLAGS, IMPORTING, Baseline, Profile
from mutants import Mutant
from processes import in_process, limited

KILLERS = 12
"""How many tests that noticed a neighbour are asked first."""
FILES_OF_KILLERS = 3
COLLECTION_LIMIT_S = 60
LEFT = ("survived", "untested")
"""What becomes of a mutant no test noticed."""
NOTHING_ASKED = (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one mutant: `killed`, `timeout`, `survived`, or `untested`, and the test that failed first."""

    state: str
    by: str = ""


@dataclass(frozen=True, kw_only=True)
class Question:
    """One mutant, and how long its tests may take together before it counts as a survivor."""

    number: int
    mutant: Mutant
    patience_s: float


def needs_import(mutant: Mutant, baseline: Baseline) -> bool:
    """Whether a change shows only when its file is imported."""
    return mutant.function is None or IMPORTING in baseline.through(mutant.file, mutant.lines)


def remembered(killer: str, killers: Sequence[str]) -> list[str]:
    """The latest killers, newest first."""
    return [killer, *(test for test in killers if test != killer)][:KILLERS] if killer else list(killers)


def imported_anew(question: Question, tests: Sequence[str], killers: Sequence[str], baseline: Baseline) -> Outcome:
    """Ask after importing the changed file anew: the tests that noticed its neighbours, their files, then all."""
    order = baseline.within(baseline.soonest(baseline.seconds, killers), question.patience_s)
    near = list(dict.fromkeys(test.partition("::")[0] for test in killers))[:FILES_OF_KILLERS]
    for selection in [chosen for chosen in (killers, near) if chosen] + [tests]:
        state, answer = in_process(functools.partial(_fresh_run, question.mutant, selection, order, baseline))
        if state != "done":
            return Outcome(state="timeout" if state == "timeout" else "killed")
        code, failed = answer
        if code in NOTHING_ASKED and selection is not tests:
            continue
        if code != pytest.ExitCode.OK:
            return Outcome(state="killed", by=failed)
    return Outcome(state="survived")


def _fresh_run(mutant: Mutant, selection: Sequence[str], order: Sequence[str], baseline: Baseline) -> tuple[int, str]:
    limited(COLLECTION_LIMIT_S)
    room = "adapter.rules" if mutant.file.startswith("adapter/rules/") else "adapter"
    for name in [name for name in sys.modules if name == room or name.startswith(f"{room}.")]:
        del sys.modules[name]
    sys.meta_path.insert(0, Changed(mutant))
    plugin = InOrder(order, baseline)
    return int(pytest.main([*FLAGS, "-x", *selection], plugins=[plugin])), plugin.failed


class Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives the changed source where the file of a mutant is imported."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant

    def find_spec(self, fullname: str, path: object, target: object = None) -> Any:  # noqa: ARG002
        if fullname != module_name(self.mutant.file):
            return None
        return importlib.util.spec_from_loader(fullname, self, origin=self.mutant.file)

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self.mutant.source, self.mutant.file, "exec"), module.__dict__)  # noqa: S102 - a mutant is run


class InOrder(Profile):
    """Runs the tests of an order, each within its limit, and remembers the first that failed.

    Tests the order does not know, because their names hold what was changed, run too.
    """

    def __init__(self, order: Sequence[str], baseline: Baseline) -> None:
        self.places = {test: place for place, test in enumerate(order)}
        self.baseline = baseline
        self.failed = ""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        known = self.baseline.seconds
        items[:] = [item for item in items if item.nodeid in self.places or item.nodeid not in known]
        items.sort(key=lambda item: self.places.get(item.nodeid, len(self.places)))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        limited(self.baseline.limit_s(item.nodeid))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.failed:
            self.failed = report.nodeid


class Overlay(Profile):
    """Once all tests are collected: asks about each mutant of a function the tests that ran through it."""

    def __init__(
        self, questions: Sequence[Question], baseline: Baseline, tell: Callable[[Question, Outcome], None]
    ) -> None:
        self.questions, self.baseline, self.tell = questions, baseline, tell
        self.killers: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        gc.collect()
        gc.freeze()
        for question in self.questions:
            mutant = question.mutant
            through = self.baseline.through(mutant.file, mutant.lines) & set(items) - set(self.baseline.failed)
            order = self.baseline.within(self.baseline.soonest(through, self.killers), question.patience_s)
            outcome = self._asked(mutant, [items[test] for test in order]) if order else Outcome(state="untested")
            self.killers = remembered(outcome.by, self.killers)
            self.tell(question, outcome)
        return True

    def _asked(self, mutant: Mutant, items: Sequence[pytest.Item]) -> Outcome:
        state, answer = in_process(functools.partial(_overlaid_run, mutant, items, self.baseline))
        if state != "done":
            return Outcome(state="timeout" if state == "timeout" else "killed")
        return Outcome(state="killed", by=answer) if answer else Outcome(state="survived")


def _overlaid_run(mutant: Mutant, items: Sequence[pytest.Item], baseline: Baseline) -> str:
    """The first test that fails with the change, or nothing."""
    lay_over(mutant)
    for item, following in zip(items, [*items[1:], None], strict=True):
        limited(baseline.limit_s(item.nodeid))
        if any(report.failed for report in runtestprotocol(item, log=False, nextitem=following)):
            return item.nodeid
    return ""


def lay_over(mutant: Mutant) -> None:
    """Give the function of a loaded module the changed code."""
    module = sys.modules[module_name(mutant.file)]
    (function,) = {id(one): one for one in functions_of(module) if one.__qualname__ == mutant.function}.values()
    changed = compile(mutant.source, mutant.file, "exec")
    (function.__code__,) = [one for one in _codes(changed) if one.co_qualname == mutant.function]


def module_name(file: str) -> str:
    """`adapter/rules/clock.py` is `adapter.rules.clock`."""
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def functions_of(module: ModuleType) -> Iterator[FunctionType]:
    """Every function and method that a module defines."""
    for value in vars(module).values():
        own = inspect.isclass(value) and value.__module__ == module.__name__
        for one in vars(value).values() if own else (value,):
            plain = one.fget if isinstance(one, property) else inspect.unwrap(getattr(one, "__func__", one))
            if isinstance(plain, FunctionType) and plain.__module__ == module.__name__:
                yield plain


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)
