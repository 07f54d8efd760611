"""How a server takes our resources without ever holding one twice, chosen from what it says it can.

The ladder, best first (why: docs/reference/outputs.md):
`update-as-create`   PUT under our own id;
`conditional-update` PUT to our identifier, the server finds or creates;
`conditional-create` POST unless our identifier is there already;
`search-first`       look for our identifier, then POST.
Once its id on the server is known, a resource is updated there, with the version it had.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from adapter.transport.fhir_failures import Permanent
from adapter.transport.fhir_results import rows_of

Strategy = Literal["update-as-create", "conditional-update", "conditional-create", "search-first"]
StrategyChoice = Literal["auto", "update-as-create", "conditional-update", "conditional-create", "search-first"]
LADDER: tuple[Strategy, ...] = ("update-as-create", "conditional-update", "conditional-create", "search-first")
REFUSALS = frozenset({404, 405, 501})
ASKED_AGAIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Able:
    """What a server says it can do with one resource type."""

    offered: tuple[Strategy, ...]
    """From the ladder, best first; empty: the type can only be read."""
    says_update_creates: bool = False
    """It says that a PUT under our id creates; when not, a first one refused with 400 may mean just that."""
    guards_versions: bool = False
    """It refuses an update whose `If-Match` is stale, so that nothing needs to be read before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What a server says it can do."""

    transaction: bool = True
    types: Mapping[str, Able] | None = None
    """None when it does not say: then each way is tried from the top of the ladder."""

    def of(self, resource_type: str) -> Able:
        """What it can do with a type; a type it does not name it does not take."""
        if self.types is None:
            return Able(offered=LADDER)
        return self.types.get(resource_type, Able(offered=()))


class Tells(Protocol):
    """A server that says what it can."""

    def capabilities(self) -> dict[str, Any]:
        """Its CapabilityStatement."""


@dataclass(slots=True, kw_only=True)
class Known:
    """The abilities of one server, asked for again every hour."""

    abilities: Abilities | None = None
    asked_at: datetime | None = None
    finds_several: bool = True
    """Whether it takes a search for several patients."""
    unanswered_for_several: int = 0
    """Such searches in a row that had no answer, while it answered others."""
    at_a_time: int = 1
    """Patients to be made ready together, by how fast it answered last."""
    brought_down: Mapping[str, str] | None = None
    """The strategies it has been brought down to, by resource type; None: the ledger has to be asked."""

    def of(self, server: Tells, now: datetime) -> Abilities:
        """What the server can do; raises Transient when it is away. One that does not tell is tried."""
        if self.abilities is None or self.asked_at is None or now - self.asked_at >= ASKED_AGAIN:
            try:
                self.abilities = abilities_in(server.capabilities())
            except Permanent:
                self.abilities = self.abilities or Abilities()
            if self.asked_at is not None:
                self.finds_several, self.unanswered_for_several = True, 0
            self.asked_at = now
        return self.abilities


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How each resource type of one target is written now."""

    abilities: Abilities
    choice: StrategyChoice
    remembered: Mapping[str, str] = field(default_factory=dict)
    """Strategies a target has been brought down to, by resource type."""

    def strategy_of(self, resource_type: str) -> Strategy | None:
        """The configured strategy, else the best one offered that was not refused yet; None when it takes none."""
        if self.choice != "auto":
            return self.choice
        offered = self.abilities.of(resource_type).offered
        refused_down_to = self.remembered.get(resource_type)
        lowest = LADDER.index(refused_down_to) if refused_down_to in LADDER else 0
        return next((one for one in offered if LADDER.index(one) >= lowest), offered[-1] if offered else None)

    def refusals(self, strategy: Strategy, resource_type: str) -> frozenset[int]:
        """Statuses of a first write that say: not like this."""
        unsure = strategy == "update-as-create" and not self.abilities.of(resource_type).says_update_creates
        return REFUSALS | {400} if unsure else REFUSALS

    def below(self, strategy: Strategy, resource_type: str) -> Strategy | None:
        """The next strategy to try after a refusal; None when a person chose this one, or none is left."""
        if self.choice != "auto":
            return None
        lower = LADDER[LADDER.index(strategy) + 1 :]
        return next((one for one in lower if one in self.abilities.of(resource_type).offered), None)


def abilities_in(statement: Mapping[str, Any]) -> Abilities:
    """What a CapabilityStatement offers to a writer."""
    rest = next((row for row in rows_of(statement, "rest") if row.get("mode", "server") == "server"), {})
    rows = rows_of(rest, "resource")
    spoken = _codes(rest)
    return Abilities(
        transaction="transaction" in spoken or not spoken,
        types={str(row.get("type")): _able(row) for row in rows} if rows else None,
    )


def _able(row: Mapping[str, Any]) -> Able:
    codes = _codes(row)
    creates, updates = "create" in codes, "update" in codes
    told: dict[Strategy, bool] = {
        "update-as-create": updates and row.get("updateCreate") is not False,
        "conditional-update": updates and row.get("conditionalUpdate") is True,
        "conditional-create": creates and row.get("conditionalCreate") is True,
        "search-first": creates,
    }
    return Able(
        offered=tuple(one for one in LADDER if told[one]),
        # Several servers allow it without a word in their statement, HAPI among them: it is tried.
        says_update_creates=row.get("updateCreate") is True,
        guards_versions=row.get("versioning") == "versioned-update",
    )


def _codes(row: Mapping[str, Any]) -> set[object]:
    return {interaction.get("code") for interaction in rows_of(row, "interaction")}
