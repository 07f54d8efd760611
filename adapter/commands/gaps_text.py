"""Codes that no table has: for people, table by table, and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from typing import Any

from adapter.commands.gaps_count import Counted, Gap
from adapter.commands.missing_codes import LONGEST_SYSTEM_CHARS, LONGEST_TEXT_CHARS, shown
from adapter.domain.times import instant_text
from adapter.store.census import CodeSeen

SCHEMA = 1
NONE = "No code is missing in any table."


def tree_of(counted: Counted, *, everything: bool) -> dict[str, Any]:
    """Plain values for JSON; `everything` lists the codes of other tests too."""
    listed = [_other(row) for row in counted.others] if everything else None
    return {
        "schema": SCHEMA,
        "gaps": [gap.as_dict() for gap in counted.gaps],
        "other_codes": len(counted.others),
        "others": listed,
    }


def _other(row: CodeSeen) -> dict[str, Any]:
    return {
        "sender": row.sender,
        "system": shown(row.system, LONGEST_SYSTEM_CHARS),
        "code": row.code,
        "text": shown(row.text, LONGEST_TEXT_CHARS),
        "count": row.count,
        "first": instant_text(row.first),
        "last": instant_text(row.last),
    }


def page_of(counted: Counted, *, everything: bool) -> str:
    """Each table with its missing codes, its ready rows, and at the end what is as a rule another matter."""
    return "\n".join(_page(counted, everything=everything))


def _page(counted: Counted, *, everything: bool) -> Iterator[str]:
    if not counted.gaps:
        yield NONE
    for table, gaps in groupby(counted.gaps, key=lambda gap: gap.missing.table):
        yield from _table(table, list(gaps))
    if counted.others and not everything:
        yield f"{len(counted.others)} codes of other tests are in no table and resemble none of ours (--all has them)."
    for row in counted.others if everything else ():
        text = shown(row.text, LONGEST_TEXT_CHARS) or "-"
        yield f"other  {row.count:>9,}  {row.sender}  {row.code} ({text}) {shown(row.system, LONGEST_SYSTEM_CHARS)}"


def _table(table: str, gaps: list[Gap]) -> Iterator[str]:
    yield f"tables/{table}.csv lacks:"
    for gap in gaps:
        missing = gap.missing
        code = missing.code or "(not shown: too long, or perhaps a patient's)"
        yield f"  {code:<20} {gap.count:>9,} from {missing.sender}, {_span(gap.first, gap.last)}"
        yield f"      for example {gap.seen_in}: {missing.example}"
    rows = list(dict.fromkeys(gap.missing.row for gap in gaps if gap.missing.row))
    if rows:
        yield f"  rows to add, once the {gaps[0].missing.fill_in} is filled in ({gaps[0].missing.header}):"
        yield from (f"      {row}" for row in rows)
    if targets := gaps[0].missing.targets:
        yield f"  {gaps[0].missing.fill_in}: {', '.join(targets)}"
    yield ""


def _span(first: datetime | None, last: datetime | None) -> str:
    if first is None or last is None:
        return "at no stated time"
    return f"first {instant_text(first)}, last {instant_text(last)}"
