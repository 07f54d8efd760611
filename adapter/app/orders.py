"""What the parent tells its processes after their start, and what they say to it: one line of JSON each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import structlog

from adapter.app.handing_over import unpacked
from adapter.app.parts import Loaded
from adapter.app.versions import versions_of

PREPARE, HOLD, TAKE, DROP, FACTS = "prepare", "hold", "take", "drop", "facts"
"""The orders.  A change is prepared by both, held by core, then taken by intake before core; or dropped by both."""
PREPARED, HELD, TAKEN, FAILED = "prepared", "held", "taken", "failed"
"""What a process says of a change."""

Order = Mapping[str, Any]
Places = Mapping[str, int]
"""The last message of each inbox that was judged, and is to be read, with what was in use before."""
Take = Callable[[Loaded, Places, Callable[[Places], None]], None]
"""(what to take, the places of others, whom to tell when it is taken, with the places of one's own)"""


def _nothing_to_hold(held: Callable[[], None]) -> None:
    held()


class Changing:
    """How one process takes other mappings and policies."""

    def __init__(
        self,
        loaded: Loaded,
        take: Take,
        say: Callable[[Mapping[str, Any]], None],
        *,
        hold: Callable[[Callable[[], None]], None] = _nothing_to_hold,
        let_go: Callable[[], None] = lambda: None,
        facts: Callable[[Mapping[str, Any]], None] = lambda _: None,
    ) -> None:
        """`hold`, `let_go` and `facts` are core's."""
        self._loaded = loaded
        self._take = take
        self._say = say
        self._hold = hold
        self._let_go = let_go
        self._facts = facts
        self._prepared: tuple[str, Loaded] | None = None

    def obey(self, order: Order) -> None:
        """Do one thing the parent says; a fault of ours is told to it, and everything stays as it was."""
        change = str(order.get("change", ""))
        try:
            self._do(order, change)
        except Exception as fault:  # noqa: BLE001 - a set that cannot be taken must not end the work with the old one
            structlog.get_logger().error("reload-failed", exception=type(fault).__name__)
            self._say({"change": change, "said": FAILED, "reason": type(fault).__name__})

    def _do(self, order: Order, change: str) -> None:
        match order.get("order"):
            case "prepare":
                self._prepared = change, self._in_place_of_ours(unpacked(order["loaded"]))
                self._say({"change": change, "said": PREPARED})
            case "hold":
                self._hold(lambda: self._say({"change": change, "said": HELD}))
            case "take":
                self._take_prepared(change, order["until"])
            case "drop":
                self._prepared = None
                self._let_go()
            case "facts":
                self._facts(order["facts"])

    def _in_place_of_ours(self, loaded: Loaded) -> Loaded:
        """Mappings with the same content stay the very same, so that nothing is compiled or remembered anew."""
        ours = self._loaded.knowledge
        return replace(loaded, knowledge=ours) if loaded.knowledge.hash == ours.hash else loaded

    def _take_prepared(self, change: str, until: Places) -> None:
        if self._prepared is None or self._prepared[0] != change:
            raise LookupError("this change was not prepared")
        loaded = self._prepared[1]

        def taken(places: Places) -> None:
            self._loaded, self._prepared = loaded, None
            versions = versions_of(loaded).as_dict()
            self._say({"change": change, "said": TAKEN, "versions": versions, "until": dict(places)})

        self._take(loaded, until, taken)
