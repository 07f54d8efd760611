"""`troughline bench mapping`: what reading one message costs, beside what other libraries need to parse it alone."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from random import Random
from statistics import median
from typing import Any

from adapter.commands.bench_feed import SENT
from adapter.commands.bench_gate import NoBaseline
from adapter.commands.bench_mapping_text import told
from adapter.commands.bench_measuring import bar, cpu_us, machine, mean_cpu_us
from adapter.commands.bench_outcome import before, conclude, refused
from adapter.commands.bench_verdict import Goal, at_least
from adapter.commands.demo_laboratory import PANELS, measured_row, person
from adapter.commands.demo_oru import ASPARAGINASE_TEST, Order, Row, oru
from adapter.domain.events import ActivityMeasured
from adapter.ingest.hl7v2.header import envelope_of
from adapter.ingest.relevance import RelevanceFilter
from adapter.ingest.senders import SenderRules
from adapter.ingest.translate import translate_hl7
from adapter.knowledge.load import load_knowledge
from adapter.knowledge.shipped import shipped
from adapter.knowledge.spec import Knowledge

RESULTS = (1, 20, 200)
VALUE = "0.42"
BOUND = 10_000
FASTER_THAN_HL7APY = 50.0
ROUND_US = 20_000.0
"""Calls are repeated until a round takes about so long: what is short is measured often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much is measured."""

    rounds: int
    results: tuple[int, ...] = RESULTS


FULL = Extent(rounds=15)
QUICK = Extent(rounds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageCost:
    """Microseconds of processor time for one message; None where a library is not installed."""

    results: int
    relevant: bool
    size_bytes: int
    filter_us: float
    """The door's question whether it concerns us; all that an irrelevant message costs in mapping."""
    reading_us: float
    """The whole message to events and problems."""
    hl7apy_us: float
    python_hl7_us: float | None
    as_expected: bool
    """Whether the door and the reading made of it what stands in it."""

    @property
    def whole_us(self) -> float:
        """What the service spends on understanding it."""
        return self.filter_us + (self.reading_us if self.relevant else 0.0)


def run(options: argparse.Namespace) -> int:
    """0 fine, 1 when a message was read wrongly, or a ratio is strictly missed or worse, 2 when not measured."""
    name, extent = ("quick", QUICK) if options.quick else ("full", FULL)
    try:
        was = before(options, bench="mapping", extent=name)
    except NoBaseline as fault:
        return refused(fault)
    result, goals = measured(options.seed, extent)
    return conclude({**result, "extent": name}, goals, options, was, partial(told, strict=options.strict))


def measured(seed: int, extent: Extent) -> tuple[dict[str, Any], list[Goal]]:
    """Everything measured, as JSON-ready values, and what it says of the goals."""
    knowledge, faults = load_knowledge([shipped("mappings") / "demo"])
    assert knowledge, faults  # noqa: S101 - shipped files are checked by the tests
    kinds = [(results, relevant) for relevant in (True, False) for results in extent.results]
    with bar("messages", len(kinds)) as advance:
        costs = []
        for results, relevant in kinds:
            costs.append(cost_of(knowledge, seed, results, relevant=relevant, rounds=extent.rounds))
            advance()
    result = {
        "bench": "mapping",
        "seed": seed,
        "machine": machine(),
        "messages": [asdict(cost) | {"whole_us": cost.whole_us} for cost in costs],
        "gated": gated(costs),
    }
    return result, goals_of(costs)


def goals_of(costs: Sequence[MessageCost]) -> list[Goal]:
    """What this run says of every goal."""
    right = all(cost.as_expected for cost in costs)
    least = min(cost.hl7apy_us / cost.whole_us for cost in costs)
    return [
        Goal(
            id="M0",
            goal="every message is read as it was written",
            measured="all" if right else "WRONG",
            passed=right,
            correctness=True,
        ),
        at_least("M1", "hl7apy's parse alone / filter and mapping, at the least", least, FASTER_THAN_HL7APY),
    ]


def gated(costs: Sequence[MessageCost]) -> dict[str, float]:
    """The ratios a later run is compared by, less is better."""
    return {f"{_named(cost)}, filter and mapping / hl7apy": cost.whole_us / cost.hl7apy_us for cost in costs}


def _named(cost: MessageCost) -> str:
    return f"{'relevant' if cost.relevant else 'irrelevant'}, {cost.results} OBX"


def cost_of(knowledge: Knowledge, seed: int, results: int, *, relevant: bool, rounds: int) -> MessageCost:
    """The costs of one made-up message, each the median of rounds that take turns."""
    raw = message_of(Random(seed), results, relevant=relevant)  # noqa: S311 - repeatable, not secret
    text = raw.decode()
    door = RelevanceFilter(knowledge, BOUND)
    reading = partial(translate_hl7, raw, knowledge, lambda _sender: _RULES, source="bench")
    ways: dict[str, Callable[[], object]] = {
        "filter": lambda: door.judge_one(raw, envelope_of(raw)),
        "reading": reading,
        "hl7apy": _hl7apy(text),
    }
    python_hl7 = _python_hl7(text)
    if python_hl7:
        ways["python_hl7"] = python_hl7
    costs = _in_turns(ways, rounds)
    (translation,) = reading()
    values = [event.reported.value for event in translation.events if isinstance(event, ActivityMeasured)]
    verdict = "relevant" if relevant else "irrelevant"
    return MessageCost(
        results=results,
        relevant=relevant,
        size_bytes=len(raw),
        filter_us=costs["filter"],
        reading_us=costs["reading"],
        hl7apy_us=costs["hl7apy"],
        python_hl7_us=costs.get("python_hl7"),
        as_expected=values == ([VALUE] if relevant else [])
        and translation.relevance == verdict
        and door.judge(raw).relevance == verdict,
    )


_RULES = SenderRules()


def _in_turns(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Each way once to be warm, then in turns, so that a slow minute of the machine touches all."""
    calls = {name: _calls(way) for name, way in ways.items()}
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            taken[name].append(mean_cpu_us(way, calls[name]))
    return {name: median(costs) for name, costs in taken.items()}


def _calls(way: Callable[[], object]) -> int:
    way()
    return max(1, int(ROUND_US / max(cpu_us(way), 1.0)))


def message_of(random: Random, results: int, *, relevant: bool) -> bytes:
    """A report of so many results; a relevant one begins with an asparaginase activity."""
    tests = [test for panel in PANELS.values() for test in panel]
    rows = [measured_row(random, test) for test in random.choices(tests, k=results)]
    if relevant:
        rows[0] = Row(test=ASPARAGINASE_TEST, value=VALUE, unit="IU/mL", reference_range=">=0.10")
    order = Order(
        service=ASPARAGINASE_TEST if relevant else "PROFILE^Laboratory profile^L",
        filler="F1",
        collected=SENT,
        reported=SENT,
        rows=tuple(rows),
    )
    return oru(control_id="B1", sent=SENT, person=person(random, "B1"), order=order)


def _hl7apy(text: str) -> Callable[[], object]:
    from hl7apy.parser import parse_message

    def parse() -> object:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # hl7apy's own
            return parse_message(text, find_groups=True)

    return parse


def _python_hl7(text: str) -> Callable[[], object] | None:
    """python-hl7 is a test dependency only."""
    try:
        from hl7 import parse
    except ImportError:
        return None
    return lambda: parse(text)
