"""Rows that are right each by itself, and odd beside each other: one hides another, one name is spelt in two ways."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from adapter.knowledge.senders import ANY, same_sender
from adapter.knowledge.spec import NOT_OURS, Row, Table
from adapter.knowledge.text_yaml import Fault


def hidden_rows(table: Table) -> Iterator[Fault]:
    """Warnings for codes that differ only in case or inner blanks and mean different things."""
    first: dict[tuple[str, str, str], str] = {}
    for row in table.rows:
        folded = (row.sender, " ".join(row.code.casefold().split()), row.system)
        if first.setdefault(folded, row.target) != row.target:
            text = f"'{row.code}' differs only in upper and lower case from a row with another target"
            yield row.fault("code", text, "warning")


def switched_off(table: Table) -> Iterator[Fault]:
    """Warnings for rows that take a code of ours away from a narrower sender than the row that makes it ours."""
    for rows in table.index.values():
        ours = [row for row in rows if row.target != NOT_OURS]
        for row in rows:
            if row.target != NOT_OURS:
                continue
            off = next((one for one in ours if _narrower(row.sender, one.sender) and meet(row, one)), None)
            if off:
                text = (
                    f"this row switches '{row.code}' off for '{row.sender}', which line {off.line} of {off.file} "
                    "makes ours: what that sender sends under it is not read; take the row away if that is not meant"
                )
                yield row.fault("target", text, "warning")


def senders_in_two_spellings(tables: Iterable[Table], configured: Sequence[str] = ()) -> Iterator[Fault]:
    """Warnings for senders of rows that differ from another, or from a configured one, only in upper and lower case."""
    named: dict[str, tuple[str, str]] = {}
    for sender in configured:
        named.setdefault(same_sender(sender).casefold(), (same_sender(sender), "the configuration"))
    for table in tables:
        for row in table.rows:
            spelt = same_sender(row.sender)
            first, where = named.setdefault(spelt.casefold(), (spelt, f"line {row.line} of {row.file}"))
            if first != spelt:
                text = f"'{row.sender}' differs only in upper and lower case from '{first}' ({where}): it is another"
                yield row.fault("sender", text, "warning")


def meet(one: Row, other: Row) -> bool:
    """Whether one result can be found by both rows."""
    senders = zip(*([*same_sender(row.sender).split("|"), ANY][:2] for row in (one, other)), strict=True)
    pairs = [(one.system, other.system), *((a or ANY, b or ANY) for a, b in senders)]
    return one.code == other.code and all(a == b or ANY in (a, b) for a, b in pairs)


def _narrower(one: str, other: str) -> bool:
    """Whether the sender of one row wins over that of another, whatever the system."""
    return _named_parts(one) > _named_parts(other)


def _named_parts(sender: str) -> int:
    return sum(part not in ("", ANY) for part in same_sender(sender).split("|"))
