"""The neighbourhood of each result in a message, found by walking its segments, never by group names.

An OBX belongs to the last OBR before it and to the last PID before it; an SPM belongs to its order wherever it stands
between that order's ORC or OBR and the next; an NTE belongs to the segment before it; Z segments break nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from adapter.ingest.hl7v2 import Message, Segment

OF_AN_ORDER = frozenset({"ORC", "OBR", "SPM"})
"""Segments that are never lent to another order."""
STRUCTURE = frozenset({"NTE", "PID", "ORC", "OBR"})
"""Segments that decide to what the others belong."""


@dataclass(slots=True, kw_only=True)
class Order:
    """The segments of one order by name, without its results; filled while the message is walked."""

    by_name: dict[str, list[Segment]] = field(default_factory=dict)
    rows: int = 0
    told: dict[Callable[[Sequence[Segment]], Sequence[str]], Sequence[str]] = field(default_factory=dict)
    """What was found in its segments: the same for each of its rows, and a message may have very many of both."""

    @property
    def request(self) -> Segment | None:
        """The OBR."""
        found = self.by_name.get("OBR")
        return found[0] if found else None


@dataclass(slots=True, kw_only=True, eq=False)
class Scope:
    """One row (usually an OBX) and what lies around it.

    Not frozen: one is made for each row of a message, and freezing costs more than the rest of the making.
    """

    message: Message
    sender: str
    row: Segment
    notes: Sequence[Segment]
    order: Order | None
    """None for a row before the first OBR: it has no order number and no time of an order."""
    above: dict[str, list[Segment]]
    """MSH, PID and what else stands before the orders of this patient, by name."""
    _by_name: dict[str, Sequence[Segment]] | None = field(default=None, init=False, repr=False)

    def segments(self, name: str) -> Sequence[Segment]:
        """The segments a path of that name reads for this row."""
        return (self._by_name or self._gathered()).get(name, ())

    def _gathered(self) -> dict[str, Sequence[Segment]]:
        """All of them by name; gathered on the first question, for most rows of a message are never asked."""
        gathered: dict[str, Sequence[Segment]] = {n: s for n, s in self.above.items() if n not in OF_AN_ORDER}
        if self.order:
            gathered.update(self.order.by_name)
        gathered["NTE"] = self.notes
        gathered[self.row.name] = (self.row,)
        self._by_name = gathered
        return gathered

    def told(self, name: str, find: Callable[[Sequence[Segment]], Sequence[str]]) -> Sequence[str]:
        """What `find` finds in them; asked once where they are those of the order."""
        segments, order = self.segments(name), self.order
        if order is None or order.by_name.get(name) is not segments:
            return find(segments)
        if find not in order.told:
            order.told[find] = find(segments)
        return order.told[find]

    def segment(self, name: str) -> Segment | None:
        """The first of them."""
        found = self.segments(name)
        return found[0] if found else None


class Walk(NamedTuple):
    """All rows of a message with their scopes, and all its orders."""

    scopes: list[Scope]
    orders: list[Order]


def walk(message: Message, sender: str, row_name: str) -> Walk:
    """Find every `row_name` segment and its neighbourhood, in one pass."""
    scopes: list[Scope] = []
    orders: list[Order] = []
    notes: list[Segment] = []
    above: dict[str, list[Segment]] = {}
    block: Order | None = None
    owner: Order | None = None
    for segment in message.segments:
        name = segment.name
        if name in STRUCTURE:
            if name == "NTE":
                notes.append(segment)
                continue
            if name == "PID":
                _dissolve(block, owner)
                above, block, owner = {"MSH": above.get("MSH", [])}, None, None
            elif name == "ORC":
                _dissolve(block, owner)
                block = Order()
            else:
                if block is None or block.request:
                    block = Order()
                owner = block
                orders.append(block)
        if name and name[0] != "Z":
            notes = []
        if name == row_name:
            if owner:
                owner.rows += 1
            scopes.append(Scope(message=message, sender=sender, row=segment, notes=notes, order=owner, above=above))
        else:
            (block.by_name if block else above).setdefault(name, []).append(segment)
    _dissolve(block, owner)
    return Walk(scopes=scopes, orders=orders)


def _dissolve(block: Order | None, owner: Order | None) -> None:
    """An ORC that no OBR followed opened no order: its segments belong to the order before it."""
    if block and owner and not block.request:
        for name, segments in block.by_name.items():
            owner.by_name.setdefault(name, []).extend(segments)
