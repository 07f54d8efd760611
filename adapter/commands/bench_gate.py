"""The gate of a bench: the ratios of this run beside those of an earlier one, which it kept in a file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapter.knowledge.plain_file import read_plain

SCHEMA = 1
WORSE = 1.25
"""A ratio above so many times what it was fails the gate."""


class NoBaseline(Exception):  # noqa: N818 - named by what is missing
    """A baseline that cannot be compared with; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One ratio then and now; less is better. None where one of the runs did not measure it."""

    name: str
    was: float | None
    now: float | None

    @property
    def change(self) -> float | None:
        """Now over then."""
        return self.now / self.was if self.was is not None and self.now is not None else None

    @property
    def worse(self) -> bool:
        """Whether it fails the gate; what only one run measured does not."""
        return self.change is not None and self.change > WORSE

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"name": self.name, "was": self.was, "now": self.now, "change": self.change, "worse": self.worse}


def baseline(path: Path, *, bench: str, extent: str) -> Mapping[str, float]:
    """The ratios of an earlier run of the same bench and extent; raises NoBaseline."""
    try:
        told = json.loads(read_plain(path))
    except OSError as fault:
        raise NoBaseline(f"{path} cannot be read ({fault.strerror}); write one with --save {path}.") from None
    except ValueError:
        raise NoBaseline(f"{path} is no JSON; write one with --save {path}.") from None
    if not isinstance(told, dict) or told.get("schema") != SCHEMA or not _are_ratios(told.get("gated")):
        raise NoBaseline(f"{path} is no result of a bench of this version; write one with --save {path}.")
    if (told.get("bench"), told.get("extent")) != (bench, extent):
        raise NoBaseline(
            f"{path} holds a run of bench {told.get('bench')!s:.20} ({told.get('extent')!s:.20}), and this one is of "
            f"{bench} ({extent}): their ratios do not compare; run the same, or write a baseline with --save."
        )
    ratios: dict[str, float] = told["gated"]
    return ratios


def _are_ratios(given: object) -> bool:
    return isinstance(given, dict) and all(isinstance(value, int | float) and value > 0 for value in given.values())


def compared(was: Mapping[str, float], now: Mapping[str, float]) -> list[Compared]:
    """Every ratio that either run measured."""
    names = dict.fromkeys((*was, *now))
    return [Compared(name=name, was=was.get(name), now=now.get(name)) for name in names]


def gate_lines(rows: Sequence[Compared], path: Path) -> list[str]:
    """The comparison for a person."""
    width = max([len("ratio"), *(len(row.name) for row in rows)])
    lines = [f"ratios of this run against {path} (less is better; more than {WORSE:.2f} times what it was fails):"]
    lines.append(f"{'ratio':<{width}}{'was':>10}{'is':>10}{'change':>9}")
    for row in rows:
        told = "WORSE" if row.worse else "" if row.change is not None else "measured by one run only"
        change = "" if row.change is None else f"x {row.change:.2f}"
        lines.append(f"{row.name:<{width}}{_number(row.was)}{_number(row.now)}{change:>9}  {told}".rstrip())
    return lines


def _number(value: float | None) -> str:
    return f"{'-':>10}" if value is None else f"{value:>10.3f}"
