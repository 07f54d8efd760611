"""Options of the benches; nothing else is imported here, so that --help stays fast."""

from __future__ import annotations

import argparse

BENCH = "Measure what something costs on this machine, beside what it could cost at best and done in a plain way."
BENCH_EXAMPLES = ("troughline bench wire --quick", "troughline bench rules --quick --gate --json")
WIRE = "Messages a second over MLLP, how long answers take, and what each costs, beside a bare echo and the plain way."
WIRE_EXAMPLES = (
    "troughline bench wire --quick",
    "troughline bench wire",
    "troughline bench wire --quick --gate --json",
)
RULES = "Microseconds per re-interpretation of a patient, and how they grow with events and with other patients."
RULES_EXAMPLES = (
    "troughline bench rules",
    "troughline bench rules --quick",
    "troughline bench rules --quick --gate --json",
    "troughline bench rules --seed 7",
)


def wire_options(parser: argparse.ArgumentParser) -> None:
    """The options of `bench wire`."""
    parser.add_argument("--quick", action="store_true", help="fewer messages, within a minute")
    _common(parser, "other synthetic messages")


def rules_options(parser: argparse.ArgumentParser) -> None:
    """The options of `bench rules`."""
    parser.add_argument("--quick", action="store_true", help="10,000 patients instead of 100,000, and fewer rounds")
    _common(parser, "other synthetic patients")


def _common(parser: argparse.ArgumentParser, seed: str) -> None:
    parser.add_argument("--gate", action="store_true", help="exit with 1 when a ratio misses its goal")
    parser.add_argument("--seed", type=int, default=20, metavar="N", help=f"{seed} (default 20)")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
