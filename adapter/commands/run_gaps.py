"""Codes of a message that stand in no table, each with the row of CSV that would put it there."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from adapter.commands.run_rows import Judged, Triplet
from adapter.knowledge.codes import TARGETS
from adapter.knowledge.spec import NOT_OURS

CHOOSE = "TARGET"
"""Stands where only the analyst can know: `troughline lint` refuses it."""
URI = "a URI such as https://hospital.example/mrn"
LIMITS = "quantification_limits"
_OF_ONE_SENDER = frozenset({"activity_tests", LIMITS})
"""Tables whose codes mean something else at the next laboratory."""
BY_CODE_ONLY = frozenset({"activity_tests"})
"""Tables in which a text finds nothing: no row would help where a result has only a text."""
_MOST_ROWS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """One code without a row."""

    table: str
    where: str
    code: str
    system: str
    text: str = ""
    near: bool = False
    """Whether it looks like ours: a level may be lost."""
    targets: tuple[str, ...] = ()
    rows: tuple[str, ...]
    """Rows to choose from, or one in which TARGET stands for one of the targets."""


def gap(
    table: str, where: str, triplet: Triplet, *, sender: str = "", near: bool = False, used: Iterable[str] = ()
) -> Gap:
    """The gap a code leaves in a table; `used` are the targets of a table that takes any."""
    code, text, system = triplet
    targets = (URI,) if table == "identifier_systems" else TARGETS.get(table) or tuple(dict.fromkeys(used))
    who = sender if table in _OF_ONE_SENDER else ""
    chosen = targets if 0 < len(targets) <= _MOST_ROWS and targets != (URI,) else (CHOOSE,)
    return Gap(
        table=table,
        where=where,
        code=code,
        system=system,
        text=text,
        near=near,
        targets=targets,
        rows=tuple(csv_row(who, code or text, _system(code, system), target, text, "") for target in chosen),
    )


def _system(code: str, system: str) -> str:
    """The system of the row: `*` where none was sent, `text` where only a text was."""
    return (system or "*") if code else "text"


def csv_row(*cells: str) -> str:
    """One line of a code table, quoted where it must be."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


def gaps_of_codes(judged: Iterable[Judged], sender: str, suspects: Collection[str] = ()) -> list[Gap]:
    """The codes that decide what is ours, and are in no table; `suspects` are places a result may hide at."""
    found: list[Gap] = []
    for one in judged:
        if one.hit or one.verdict in {"ours", "unresolved"} or not one.triplets:
            continue
        named = next((t for t in one.triplets if t[0]), one.triplets[0])
        if not named[0] and one.select.table in BY_CODE_ONLY:
            continue
        near = one.verdict == "near" or one.where in suspects
        made = gap(one.select.table, one.where, named, sender=sender, near=near)
        found.append(made if made.near else _not_ours(made, sender, named))
    near_at = {made.where for made in found if made.near}
    # What one mapping finds near is not to be called another matter by the next.
    return [made for made in found if made.near or made.where not in near_at]


def _not_ours(made: Gap, sender: str, named: Triplet) -> Gap:
    """A code nothing speaks for: the row at hand says so, lest a potassium become a level by one paste."""
    code, text, system = named
    row = csv_row(
        sender if made.table in _OF_ONE_SENDER else "", code or text, _system(code, system), NOT_OURS, text, ""
    )
    return Gap(
        table=made.table,
        where=made.where,
        code=code,
        system=system,
        text=text,
        targets=made.targets,
        rows=(row,),
    )


def limit_gap(where: str, triplet: Triplet, sender: str) -> Gap:
    """A test whose quantification limit nobody has stated."""
    code, text, system = triplet
    row = csv_row(sender, code, system or "*", "", "LLOQ", "IU/mL", "")
    return Gap(
        table=LIMITS,
        where=where,
        code=code,
        system=system,
        text=text,
        targets=("the limit the laboratory states, such as 0.03",),
        rows=(row,),
    )


def once(gaps: Sequence[Gap]) -> list[Gap]:
    """Each code of a table once, near misses first."""
    first: dict[tuple[str, str, str, str], Gap] = {}
    for one in gaps:
        first.setdefault((one.table, one.code, one.system, one.text if not one.code else ""), one)
    return sorted(first.values(), key=lambda one: not one.near)
