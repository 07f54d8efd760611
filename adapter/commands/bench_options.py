"""Options of the benches; nothing else is imported here, so that --help stays fast."""

from __future__ import annotations

import argparse
from pathlib import Path

BENCH = (
    "Measure what receiving, keeping, interpreting and reading again cost on this machine, beside what they could cost "
    "at best and done in a plain way: limits, baseline, scenarios, filter, growth, replay, delivery and one verdict."
)
BENCH_EXAMPLES = (
    "troughline bench",
    "troughline bench --full --save before.json",
    "troughline bench --full --gate before.json",
    "troughline bench --nightly --growth 10000,100000 --json",
    "troughline bench wire --quick",
    "troughline bench mapping",
    "troughline bench rules --quick --json",
    "troughline bench delivery --quick",
    "troughline bench --peers",
    "troughline bench --peers --environment peers --json",
)
WIRE = "Messages a second over MLLP, how long answers take, and what each costs, beside a bare echo and the plain way."
WIRE_EXAMPLES = (
    "troughline bench wire --quick",
    "troughline bench wire",
    "troughline bench wire --quick --save before.json",
    "troughline bench wire --quick --gate before.json --json",
)
RULES = "Microseconds per re-interpretation of a patient, and how they grow with events and with other patients."
RULES_EXAMPLES = (
    "troughline bench rules",
    "troughline bench rules --quick",
    "troughline bench rules --quick --strict --json",
    "troughline bench rules --seed 7",
)
MAPPING = "Microseconds to filter one message and map it to events, beside what hl7apy and python-hl7 need to parse it."
MAPPING_EXAMPLES = (
    "troughline bench mapping",
    "troughline bench mapping --quick --json",
    "troughline bench mapping --save before.json",
)
DELIVERY = "Results a second to a FHIR server, and what each costs, beside bare requests and the plain way."
DELIVERY_EXAMPLES = (
    "troughline bench delivery --quick",
    "troughline bench delivery",
    "troughline bench delivery --quick --save before.json",
    "troughline bench delivery --quick --gate before.json --json",
)
SEED = 20
MIN_SIZES = 2
SMALLEST = 500
"""Patients of a store for growth: those that are asked again have to be among them."""


def whole_options(parser: argparse.ArgumentParser) -> None:
    """The options of plain `bench`."""
    extent = parser.add_mutually_exclusive_group()
    for name, told in (
        ("quick", "within a minute (the default)"),
        (
            "full",
            "100,000 messages read again, growth up to 100,000 messages and patients; some minutes",
        ),
        ("nightly", "as --full, with 1,000,000 of both; about an hour, and 35 GB of disk"),
    ):
        extent.add_argument(f"--{name}", action="store_const", const=name, dest="extent", help=told)
    parser.add_argument(
        "--growth",
        type=_sizes,
        metavar="N,N",
        help="stores of so many messages and patients are compared, in place of those of the extent; about 30 KB each",
    )
    parser.add_argument(
        "--peers",
        action="store_true",
        help="instead: the same feed and seven checks for python-hl7, hl7apy, hl7v2-fhir-bridge and this program; "
        "installs them with pip into environments of their own",
    )
    parser.add_argument(
        "--environment",
        type=Path,
        metavar="DIR",
        help="with --peers: keep those environments there for the next time",
    )
    _common(parser, "other synthetic messages")
    parser.set_defaults(strict=False, gate=None, save=None, seed=SEED, json=False)


def wire_options(parser: argparse.ArgumentParser) -> None:
    """The options of `bench wire`."""
    parser.add_argument("--quick", action="store_true", help="fewer messages, within a minute")
    _common(parser, "other synthetic messages")


def rules_options(parser: argparse.ArgumentParser) -> None:
    """The options of `bench rules`."""
    parser.add_argument("--quick", action="store_true", help="10,000 patients instead of 100,000, and fewer rounds")
    _common(parser, "other synthetic patients")


def mapping_options(parser: argparse.ArgumentParser) -> None:
    """The options of `bench mapping`."""
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    _common(parser, "other synthetic messages")


def delivery_options(parser: argparse.ArgumentParser) -> None:
    """The options of `bench delivery`."""
    parser.add_argument("--quick", action="store_true", help="40 patients instead of 2,000")
    _common(parser, "other synthetic messages")


def _sizes(text: str) -> tuple[int, ...]:
    """Sizes of stores, the smallest first; raises ArgumentTypeError."""
    parts = text.split(",")
    sizes = tuple(int(part) for part in parts if part.isdecimal())
    if len(sizes) < MIN_SIZES or len(sizes) != len(parts) or [*sizes] != sorted({*sizes}):
        raise argparse.ArgumentTypeError(f"'{text}': name at least two sizes, the smallest first, as 10000,1000000")
    if sizes[0] < SMALLEST:
        raise argparse.ArgumentTypeError(f"'{text}': the smallest store has at least {SMALLEST} patients")
    return sizes


def _common(parser: argparse.ArgumentParser, seed: str) -> None:
    """Options of every bench; the defaults are those of plain `bench`, so that a word before BENCH is not undone."""
    absent = argparse.SUPPRESS
    parser.add_argument(
        "--strict", action="store_true", default=absent, help="exit with 1 when a ratio misses its goal"
    )
    parser.add_argument(
        "--gate",
        type=Path,
        default=absent,
        metavar="FILE",
        help="compare the ratios of this run with those of an earlier one; exit with 1 when one is over 25 %% worse",
    )
    parser.add_argument("--save", type=Path, default=absent, metavar="FILE", help="keep this run, for a later --gate")
    parser.add_argument("--seed", type=int, default=absent, metavar="N", help=f"{seed} (default {SEED})")
    parser.add_argument("--json", action="store_true", default=absent, help="print the result as JSON")
