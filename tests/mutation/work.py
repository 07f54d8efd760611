"""Makes all mutants, hands them to processes, and gathers what became of each."""

from __future__ import annotations

import functools
import gc
import json
import os
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from asking import FLAGS, LEFT, Outcome, Overlay, Question, imported_anew, needs_import, remembered
from baseline import Baseline, measured
from mutants import Mutant, mutants_of
from notes import Notes
from processes import in_process

ROOMS = ("adapter.domain", "adapter.rules")
FOREVER_S = 1e9
EXPLAINED_S = 2.0
"""How long the tests are asked about a survivor that has its reason."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is asked for."""

    root: Path
    files: Sequence[Path]
    tests: Sequence[str]
    jobs: int
    explained: Collection[tuple[str, str, str, str]]
    patience_s: float = FOREVER_S
    quiet: bool = False
    despite_failures: bool = False
    notes: Notes | None = None
    """What was noticed before, and is not asked about again."""


def outcomes_of(order: Order) -> list[tuple[Mutant, Outcome]] | str:
    """Every mutant of some files with its outcome; a sentence where that cannot be told."""
    _load_early()
    say = _Progress(quiet=order.quiet)
    say("running the unchanged tests")
    baseline = measured(order.tests, ROOMS, order.root)
    if baseline.failed and not order.despite_failures:
        return f"without any change these tests fail: {', '.join(baseline.failed[:5])}; make them pass first"
    say(f"{len(baseline.seconds)} tests pass; making mutants of {len(order.files)} files")
    mutants = [mutant for file in order.files for mutant in mutants_of(file, order.root)]
    found = {} if order.notes is None else _found_before(mutants, order.notes)
    questions = [
        Question(
            number=number,
            mutant=mutant,
            patience_s=min(order.patience_s, EXPLAINED_S) if mutant.key in order.explained else order.patience_s,
        )
        for number, mutant in enumerate(mutants)
        if number not in found
    ]
    say(f"{len(mutants)} mutants, {len(found)} of them noticed before by the same tests of the same code")
    noticed = _noticed_without_change(questions, order, baseline)
    if noticed:
        return f"{noticed} fails although nothing was changed; it depends on the order of tests"
    gc.collect()
    gc.freeze()  # forked processes then share what is known so far
    for number, outcome in _gathered(questions, order, baseline):
        found[number] = outcome
        if order.notes is not None:
            order.notes.add(mutants[number], outcome)
        if outcome.state in LEFT and mutants[number].key not in order.explained:
            say(f"{outcome.state}: {' | '.join(mutants[number].key)}")
        if len(found) % 250 == 0:
            left = sum(one.state in LEFT for one in found.values())
            say(f"{len(found)} of {len(mutants)}, {left} survived so far")
    lost = Outcome(state="survived", by="its process died")
    return [(mutant, found.get(number, lost)) for number, mutant in enumerate(mutants)]


def _found_before(mutants: Sequence[Mutant], notes: Notes) -> dict[int, Outcome]:
    return {number: notes.noticed[one.key] for number, one in enumerate(mutants) if one.key in notes.noticed}


class _Progress:
    """Says on stderr how far the work is."""

    def __init__(self, *, quiet: bool) -> None:
        self.quiet, self.begun = quiet, time.monotonic()

    def __call__(self, text: str) -> None:
        if not self.quiet:
            print(f"[{time.monotonic() - self.begun:5.0f} s] {text}", file=sys.stderr, flush=True)


def _load_early() -> None:
    """What no mutant changes is loaded once, before the processes are forked."""
    import hypothesis.strategies  # noqa: F401
    import yaml  # noqa: F401

    import adapter.knowledge.policies  # noqa: F401


def _noticed_without_change(questions: Sequence[Question], order: Order, baseline: Baseline) -> str:
    """The test that fails with a mutant that changes nothing, where there is one: then what it notices is no change."""
    for question in questions[:1]:
        same = replace(question.mutant, piece=question.mutant.pieces[question.mutant.place])
        outcome = imported_anew(replace(question, mutant=same, patience_s=FOREVER_S), order.tests, (), baseline)
        if outcome.state != "survived":
            return outcome.by or "the import"
    return ""


def _gathered(questions: Sequence[Question], order: Order, baseline: Baseline) -> Iterator[tuple[int, Outcome]]:
    reading, writing = os.pipe()
    children = []
    for job in range(order.jobs):
        child = os.fork()
        if child == 0:
            os.close(reading)
            try:
                _job(questions[job :: order.jobs], order.tests, baseline, writing)
            finally:
                os._exit(0)
        children.append(child)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as lines:
        for line in lines:
            number, state, by = json.loads(line)
            yield number, Outcome(state=state, by=by)
    for child in children:
        os.waitpid(child, 0)


def _job(questions: Sequence[Question], tests: Sequence[str], baseline: Baseline, writing: int) -> None:
    def tell(question: Question, outcome: Outcome) -> None:
        # One write of less than a page is never torn, so all jobs share the pipe.
        os.write(writing, (json.dumps([question.number, outcome.state, outcome.by[:300]]) + "\n").encode())

    inside = [question for question in questions if not needs_import(question.mutant, baseline)]
    in_process(functools.partial(_collected, tests, Overlay(inside, baseline, tell)))
    killers: list[str] = []
    for question in questions:
        if needs_import(question.mutant, baseline):
            outcome = imported_anew(question, tests, killers, baseline)
            killers = remembered(outcome.by, killers)
            tell(question, outcome)


def _collected(tests: Sequence[str], plugin: Overlay) -> int:
    return int(pytest.main([*FLAGS, *tests], plugins=[plugin]))
