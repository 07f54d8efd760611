"""`troughline test`: every golden case read with the mappings of now."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC
from typing import Any, Literal

from adapter.commands.faults import tell
from adapter.commands.golden_accept import accept
from adapter.commands.golden_case import Case
from adapter.commands.golden_outcome import difference, outcome_of
from adapter.commands.golden_suites import Suite, read_suite, suites_of
from adapter.domain.policy import RuleBook
from adapter.fhir import Canonical, dumps
from adapter.ingest.senders import SenderRules
from adapter.knowledge.load import load_knowledge
from adapter.knowledge.policies import load_rulebook
from adapter.knowledge.spec import Knowledge
from adapter.knowledge.text_yaml import Fault
from adapter.pipeline.parts import Parts
from adapter.settings.site import CANONICAL_BASE
from adapter.store.memory_state import MemoryState

Verdict = Literal["passed", "failed", "accepted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """How one case ended."""

    file: str
    case: str
    result: Verdict
    diff: tuple[str, ...] = ()


def run(options: argparse.Namespace) -> int:
    """0 when every case comes out as expected, 1 when one does not or cannot be read, 2 when there is none to test."""
    missing = [folder for folder in (*options.mappings, options.folder) if folder and not folder.is_dir()]
    if missing:
        print(f"{missing[0]} is no folder; name one with mappings, or with golden cases.", file=sys.stderr)
        return 2
    suites = list(suites_of(options.folder, options.mappings))
    tested: list[Tested] = []
    faults: list[Fault] = []
    try:
        for suite in suites:
            tested += _tested(suite, faults, accepting=options.accept and suite.writable)
    except OSError as fault:
        print(f"{fault.filename} cannot be written: {fault.strerror}. Nothing after it was tested.", file=sys.stderr)
        return 2
    if not tested and not faults:
        print(f"{', '.join(suite.shown for suite in suites)}: no golden case (*.yaml) to test.", file=sys.stderr)
        return 2
    _tell(tested, faults, as_json=options.json)
    return 1 if faults or any(one.result == "failed" for one in tested) else 0


def _tested(suite: Suite, faults: list[Fault], *, accepting: bool) -> Iterator[Tested]:
    """Every case of a suite; what cannot be read becomes a fault."""
    knowledge, mistakes = load_knowledge(suite.overlays)
    rulebook, more = load_rulebook()
    faults.extend(fault for fault in (*mistakes, *more) if fault.severity == "error" and fault not in faults)
    if knowledge is None or rulebook is None:
        for _ in read_suite(suite, knowledge, faults):
            pass  # what is wrong with a case itself is told all the same
        return
    parts = parts_of(knowledge, rulebook)
    for case in read_suite(suite, knowledge, faults):
        yield _compared(case, parts, accepting=accepting)


def _compared(case: Case, parts: Parts, *, accepting: bool) -> Tested:
    found = outcome_of(case, parts)
    diff = tuple(difference(case, found))
    result: Verdict = "failed" if diff or case.expect is None else "passed"
    if accepting and result == "failed":
        accept(case, found)
        result = "accepted"
    return Tested(file=case.shown, case=case.title, result=result, diff=diff)


def parts_of(knowledge: Knowledge, rulebook: RuleBook) -> Parts:
    """What reads a golden case: nothing remembered, and no settings of a sender but those the case names."""

    def nothing_kept(ref: object) -> Any:  # noqa: ANN401 - it never gives anything
        raise KeyError(ref)

    return Parts(
        state=MemoryState(),
        knowledge=knowledge,
        rulebook=rulebook,
        canonical=Canonical(base=CANONICAL_BASE),
        rules_at=lambda _listener: lambda _sender: SenderRules(),
        zone_of=lambda _source: UTC,
        read=nothing_kept,
    )


def _tell(tested: Sequence[Tested], faults: Sequence[Fault], *, as_json: bool) -> None:
    counts = Counter(one.result for one in tested)
    if as_json:
        told = {
            "cases": [asdict(one) for one in tested],
            "faults": [asdict(fault) for fault in faults],
            **{result: counts[result] for result in ("passed", "failed", "accepted")},
        }
        sys.stdout.write(dumps(told, indent=True).decode() + "\n")
        return
    for one in tested:
        if one.result != "passed":
            print("\n".join([f"{one.result}: {one.file}: {one.case}", *(f"  {line}" for line in one.diff), ""]))
    tell(faults)
    words = [f"{counts[result]} {result}" for result in ("passed", "failed", "accepted") if counts[result]]
    words += [f"{_counted(faults, 'fault')} in files"] if faults else []
    print(f"{_counted(tested, 'golden case')}: {', '.join(words)}")


def _counted(items: Sequence[object], noun: str) -> str:
    return f"{len(items)} {noun}{'' if len(items) == 1 else 's'}"
