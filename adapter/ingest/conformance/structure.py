"""The order and number of segments against the structure of the message (HL7 2.5 section 2.13)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from adapter.ingest.conformance.finding import Finding, finding
from adapter.ingest.hl7v2 import Segment
from adapter.knowledge.hl7_tables import ANY_SEGMENT, Node, segment_fields

_Fits = Callable[[Node, str, bool], bool]


def check_structure(segments: tuple[Segment, ...], structure: Node, version: str) -> list[Finding]:
    """Everything wrong with which segments stand where; Z segments may stand anywhere and are passed over.

    One walk along the structure: a segment goes to the nearest place at or behind the one reached, in the innermost
    open group first. One that has no such place is named and passed over, and the walk goes on behind it.
    """
    walk = _Walk(structure)
    held = _names(structure)
    found: list[Finding] = []
    for segment in segments:
        place = f"{segment.name}[{segment.occurrence}]"
        if not segment.name or segment.name.startswith("Z"):
            continue
        if segment.name in held or ANY_SEGMENT in held:
            found += walk.take(segment.name, place)
        elif segment_fields(version, segment.name) is not None:
            found.append(finding("segment-not-in-structure", place, f"{structure.name} of version {version}"))
    return found + walk.close()


@dataclass(slots=True)
class _Open:
    """A group that has begun: the position reached in it, and how often what stands there has come."""

    node: Node
    position: int = 0
    count: int = 0
    chosen: bool = False
    """A choice has been made: its alternatives are gone."""
    seen: set[int] = field(default_factory=set)


class _Walk:
    def __init__(self, structure: Node) -> None:
        self._open = [_Open(structure)]
        self._before = "the beginning"
        """Place of the segment before, to say where something is missing."""

    def take(self, name: str, place: str) -> list[Finding]:
        """Put the next segment into the structure; what that shows to be wrong."""
        for fits in (_begins, _is_missing_its_first):
            for depth in range(len(self._open) - 1, -1, -1):
                position = self._position(self._open[depth], name, fits)
                if position is not None:
                    found = self._enter(depth, position, name)
                    self._before = place
                    return found
        return [self._out_of_place(name, place)]

    def close(self) -> list[Finding]:
        """The message is over: what is still missing."""
        return self._leave(0) + self._skipped(self._open[0], len(self._open[0].node.children))

    def _position(self, group: _Open, name: str, fits: _Fits) -> int | None:
        children = group.node.children
        if group.node.choice and group.chosen:
            candidates = [group.position]
        else:
            candidates = list(range(group.position, len(children)))
        for position in candidates:
            child = children[position]
            again = position == group.position and group.count > 0
            full = again and child.most is not None and group.count >= child.most
            if not full and fits(child, name, again):
                return position
        return None

    def _enter(self, depth: int, position: int, name: str) -> list[Finding]:
        found = self._leave(depth)
        group = self._open[depth]
        found += self._skipped(group, position)
        self._advance(group, position)
        child = group.node.children[position]
        while child.is_group:
            group = _Open(child)
            self._open.append(group)
            fits = _begins if _begins(child, name) else _holds
            position = next(n for n, inner in enumerate(child.children) if fits(inner, name))
            found += self._skipped(group, position)
            self._advance(group, position)
            child = child.children[position]
        return found

    def _advance(self, group: _Open, position: int) -> None:
        group.count = group.count + 1 if position == group.position else 1
        group.position = position
        group.chosen = True
        group.seen.add(position)

    def _leave(self, depth: int) -> list[Finding]:
        """Close the groups inside of `depth`: what they still required is missing."""
        found: list[Finding] = []
        while len(self._open) > depth + 1:
            group = self._open.pop()
            found += self._skipped(group, len(group.node.children))
        return found

    def _skipped(self, group: _Open, until: int) -> list[Finding]:
        if group.node.choice:
            return []
        passed = range(group.position, until)
        return [
            self._missing(group.node.children[n], group.node)
            for n in passed
            if _is_demanded(group.node.children[n]) and n not in group.seen
        ]

    def _missing(self, node: Node, group: Node) -> Finding:
        first = _first_segment(node)
        what = f"group {node.name} with its {first}," if node.is_group else first
        return finding("segment-missing", first, f"{what} of {group.name}, expected behind {self._before}")

    def _out_of_place(self, name: str, place: str) -> Finding:
        full = any(group.count > 0 and group.node.children[group.position].name == name for group in self._open)
        if full:
            return finding("segment-repeated", place, f"in {self._open[-1].node.name}")
        return finding("segment-misplaced", place, f"behind {self._before}, in {self._open[-1].node.name}")


def _begins(node: Node, name: str, _again: bool = False) -> bool:  # noqa: FBT001, FBT002 - one signature for both
    """Whether the segment may be the first of the node, nothing required being left out."""
    if not node.is_group:
        return node.name in (name, ANY_SEGMENT)
    for child in node.children:
        if _begins(child, name):
            return True
        if _is_demanded(child) and not node.choice:
            return False
    return False


def _is_missing_its_first(node: Node, name: str, again: bool) -> bool:  # noqa: FBT001 - one signature for both
    """Whether a group holds the segment, but not as its first: only a group that has not come yet is read so."""
    return node.is_group and not again and _holds(node, name)


def _holds(node: Node, name: str) -> bool:
    if not node.is_group:
        return node.name in (name, ANY_SEGMENT)
    return any(_holds(child, name) for child in node.children)


def _is_demanded(node: Node) -> bool:
    """Whether something must stand there: a required group of optional segments may be empty."""
    if not node.required or not node.is_group:
        return node.required
    return node.choice or any(_is_demanded(child) for child in node.children)


def _first_segment(node: Node) -> str:
    """The first required segment of a node, else its first one: what tells that it is missing."""
    while node.is_group:
        node = next((child for child in node.children if child.required), node.children[0])
    return node.name


def _names(node: Node) -> frozenset[str]:
    if not node.is_group:
        return frozenset((node.name,))
    return frozenset(name for child in node.children for name in _names(child))
