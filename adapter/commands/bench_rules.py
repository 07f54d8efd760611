"""`troughline bench rules`: what a re-interpretation costs, and how that grows with events and with other patients."""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from adapter.commands.bench_gate import NoBaseline
from adapter.commands.bench_measuring import growth, machine, n_log_n_growth
from adapter.commands.bench_outcome import before, conclude, refused
from adapter.commands.bench_rules_digest import Agreement, agreement
from adapter.commands.bench_rules_growth import ShapeGrowth, SizeCost, cost_by_shape, cost_by_size
from adapter.commands.bench_rules_patients import Crowd, many_patients
from adapter.commands.bench_rules_text import told
from adapter.commands.bench_verdict import Goal, at_most
from adapter.commands.faults import tell
from adapter.domain.policy import RuleBook
from adapter.knowledge.policies import load_rulebook

FIRST_FITTED = 50
"""Below so few events a fixed cost per patient hides how cost grows with events."""
CROWD_LIMIT = 1.25
MEMORY_LIMIT = 1.10
MODELS_LIMIT = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much is measured."""

    rounds: int
    patients: int
    thousand: int = 1000
    """How many patients at the beginning are compared with as many at the end."""
    sizes: tuple[int, ...] = (5, 50, 500, 5000)
    shape_sizes: tuple[int, int] = (100, 800)


FULL = Extent(rounds=5, patients=100_000)
QUICK = Extent(rounds=3, patients=10_000, shape_sizes=(50, 400))


def run(options: argparse.Namespace) -> int:
    """0 fine, 1 when findings differ, or a ratio is strictly missed or worse, 2 when it could not be measured."""
    rulebook, faults = load_rulebook()
    if rulebook is None:
        tell(faults)
        return 2
    name, extent = ("quick", QUICK) if options.quick else ("full", FULL)
    try:
        was = before(options, bench="rules", extent=name)
    except NoBaseline as fault:
        return refused(fault)
    result, goals = measured(rulebook, options.seed, extent)
    return conclude({**result, "extent": name}, goals, options, was, partial(told, strict=options.strict))


def measured(rulebook: RuleBook, seed: int, extent: Extent) -> tuple[dict[str, Any], list[Goal]]:
    """Everything measured, as JSON-ready values, and what it says of the goals."""
    sizes = cost_by_size(rulebook, seed, rounds=extent.rounds, sizes=extent.sizes)
    shapes = cost_by_shape(rulebook, rounds=extent.rounds, sizes=extent.shape_sizes)
    crowd = many_patients(rulebook, seed, count=extent.patients, thousand=extent.thousand)
    same = agreement(rulebook, seed)
    goals = goals_of(sizes, shapes, crowd, same)
    result = {
        "bench": "rules",
        "seed": seed,
        "machine": machine(),
        "sizes": [asdict(size) | {"together_us": size.together_us} for size in sizes],
        "growth": {"exponent": exponent(sizes), "n_log_n": n_log_n(sizes)},
        "shapes": [asdict(shape) for shape in shapes],
        "patients": asdict(crowd) | {"later_over_first": crowd.later_over_first, "memory_ratio": crowd.memory_ratio},
        "digest": asdict(same),
        "gated": gated(sizes, crowd),
    }
    return result, goals


def goals_of(sizes: list[SizeCost], shapes: list[ShapeGrowth], crowd: Crowd, same: Agreement) -> list[Goal]:
    """What this run says of every goal."""
    worst = max(shapes, key=lambda shape: shape.exponent)
    models = max(size.together_us / size.models_us for size in sizes)
    return [
        Goal(
            id="R0",
            goal="findings are equal in every run and order of arrival, and after all other patients",
            measured="equal" if same.equal and crowd.same_findings_afterwards else "DIFFERENT",
            passed=same.equal and crowd.same_findings_afterwards,
            correctness=True,
        ),
        at_most("R1", "growth with a patient's events, as an exponent", exponent(sizes), n_log_n(sizes)),
        at_most("R2", f"the same for the worst shape ({worst.shape})", worst.exponent, worst.n_log_n),
        at_most("R3", "time per event after all other patients / before them", crowd.later_over_first, CROWD_LIMIT),
        at_most("R4", "memory after all other patients / before them", crowd.memory_ratio, MEMORY_LIMIT),
        at_most("R5", "whole interpretation / reading the events into FHIR models", models, MODELS_LIMIT),
    ]


def gated(sizes: list[SizeCost], crowd: Crowd) -> dict[str, float]:
    """The ratios a later run is compared by, less is better."""
    return {
        **{f"{size.events} events, interpretation / FHIR models": size.together_us / size.models_us for size in sizes},
        "time per event after all other patients / before them": crowd.later_over_first,
        "memory after all other patients / before them": crowd.memory_ratio,
    }


def exponent(sizes: list[SizeCost]) -> float:
    """How the cost of a re-interpretation grows with events, fitted from 50 of them upwards."""
    return growth([(size.events, size.together_us) for size in sizes if size.events >= FIRST_FITTED])


def n_log_n(sizes: list[SizeCost]) -> float:
    """What the same fit gives for n log n."""
    return n_log_n_growth([size.events for size in sizes if size.events >= FIRST_FITTED])
