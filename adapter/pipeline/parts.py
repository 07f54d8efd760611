"""What every step of the corridor works with, and what it asks of a store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, tzinfo
from typing import Any, Protocol

from adapter.domain.events import Event, Recorded
from adapter.domain.identities import Group, IdentityTold, Statements
from adapter.domain.message import MessageRef, PatientState, Stored, Work
from adapter.domain.people import Person
from adapter.domain.policy import RuleBook
from adapter.fhir import Canonical
from adapter.ingest.translate import RulesFor
from adapter.knowledge.spec import Knowledge

JsonObject = dict[str, Any]
Lookup = Callable[[str], JsonObject | None]


class State(Protocol):
    """What the corridor needs of a store."""

    def recall(self, patient: str, facts: Sequence[Event] = ()) -> PatientState:
        """All that is remembered of a patient, and every version of these facts wherever it is held."""

    def look_ahead(self, patients: Sequence[str], digests: Sequence[str], ids: Sequence[str]) -> None:
        """Told of the patients, messages and outputs that are asked for next; it changes nothing of the answers."""

    def read_from(self, digests: Sequence[str]) -> tuple[Recorded, ...]:
        """The events that were read from messages with these digests."""

    def twins(self, message: MessageRef) -> list[MessageRef]:
        """Parked messages with the very bytes of this one."""

    def holders(self, events: Sequence[Event]) -> tuple[str, ...]:
        """All patients whose history these events touch."""

    def group(self, patient: str) -> Group:
        """Everybody who is the same person as a patient, the surviving record first."""

    def told_about(self, patients: Sequence[str]) -> tuple[Statements, ...]:
        """What origins say of the identities of these patients."""

    def said_by(self, source: str, origin: str) -> tuple[IdentityTold, ...]:
        """What one origin says of identities."""

    def people(self, patient: str) -> tuple[Person, ...]:
        """Whom a record number, or one of a record merged with it, was said to stand for."""

    def reason(self, message: MessageRef) -> str | None:
        """Why a message waits in the work list; None when it does not."""

    def known(self, source: str, reference: str) -> JsonObject | None:
        """A supporting resource of a source."""

    def waiting_for(self, source: str, references: Sequence[str]) -> list[MessageRef]:
        """Parked messages that may go on once these references are known."""

    def owners(self, ids: Sequence[str]) -> dict[str, str]:
        """The patient each of these resource ids was first written for."""

    def commit(self, work: Work) -> bool:
        """Write everything of one message in one transaction; False when that message was already committed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What the corridor must know of a FHIR server the results go to."""

    name: str
    monitor_from: date | None = None
    """Flags about earlier doses are withheld, except the three that never wait."""
    authorities: frozenset[str] = frozenset()
    """Identifier systems of the patients it may get; empty: all."""


def nothing_held(source: str, digests: Sequence[str]) -> Sequence[MessageRef]:  # noqa: ARG001 - as `Parts.holding`
    """No message is kept where a step has no inbox."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything a step needs that is neither the message nor the clock."""

    state: State
    knowledge: Knowledge
    rulebook: RuleBook
    canonical: Canonical
    rules_at: Callable[[str], RulesFor]
    """Listener name -> how the messages of each sender are read there."""
    zone_of: Callable[[str], tzinfo | None]
    """Source name -> the zone of FHIR times that were sent without one."""
    read: Callable[[MessageRef], Stored]
    """A kept message again, for those that waited."""
    holding: Callable[[str, Sequence[str]], Sequence[MessageRef]] = nothing_held
    """The FHIR messages of a source with these digests whose bytes are still kept, each content once."""
    targets: tuple[Target, ...] = ()
    beforehand: Mapping[str, JsonObject] = field(default_factory=dict)
    """`Type/id` of supporting resources known before anything is received (`play` reads its folder first)."""
    arrived: Mapping[str, JsonObject] = field(default_factory=dict)
    """`Type/id` of supporting resources the message in hand brought: what the store holds of them may be older."""
    literal_references: bool = False
    """Whether resources of the source exist on the target under the same reference."""
