"""The work list as the store holds it, each message looked at with the tables of now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from adapter.app.parts import rules_at, zone_of
from adapter.commands.faults import tell
from adapter.commands.judged_rows import translated_resources
from adapter.commands.missing_codes import MissingCode
from adapter.commands.missing_codes_fhir import fhir_missing
from adapter.commands.missing_codes_hl7 import hl7_missing
from adapter.commands.store_parts import StoreParts
from adapter.domain.message import Arrival, Parked
from adapter.domain.problems import Problem
from adapter.domain.times import instant_text
from adapter.fhir import loads
from adapter.ingest.fhir_check import is_refused
from adapter.ingest.fhir_fields import Resource
from adapter.ingest.fhir_reading import Known
from adapter.ingest.senders import RulesFor
from adapter.ingest.translate import translate_hl7
from adapter.knowledge.load import load_knowledge
from adapter.knowledge.spec import Knowledge
from adapter.pipeline.wrong_merge import REASON
from adapter.settings import Settings

OURS_TO_MEND = "internal-error"
WRONG_PATIENT = REASON
UNNAMED = "other"
"""What a sender is called that no entry of `senders` matches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One message of the work list."""

    parked: Parked
    arrival: Arrival
    site_name: str | None
    """What the configuration calls its sender; None where it has no entry for it."""
    missing: tuple[MissingCode, ...]
    readable: bool
    """Whether it would wait no longer, read with the tables of now."""

    @property
    def place(self) -> str:
        """`inbox/412`"""
        return f"{self.parked.message.inbox}/{self.parked.message.seq}"

    @property
    def sender(self) -> str:
        """`MSH-3|MSH-4`, or the source of a FHIR resource."""
        return self.arrival.sender or self.arrival.source

    @property
    def causes(self) -> tuple[Problem, ...]:
        """The problems it waits for; all of them where none is named as the reason."""
        named = tuple(found for found in self.parked.problems if found.code == self.parked.reason)
        return named or self.parked.problems

    @property
    def awaited(self) -> tuple[str, ...]:
        """Types of the resources whose arrival would let it go on; their ids are a patient's."""
        return tuple(dict.fromkeys(reference.partition("/")[0] for reference in self.parked.waits_for))

    def as_dict(self, now: datetime) -> dict[str, Any]:
        """Plain values for JSON."""
        message = self.parked.message
        return {
            "place": self.place,
            "inbox": message.inbox,
            "seq": message.seq,
            "type": self.arrival.message_type,
            "sender": self.sender,
            "site_name": self.site_name,
            "control_id": message.control_id or None,
            "reason": self.parked.reason,
            "since": instant_text(self.parked.parked_at),
            "waits_s": int(max((now - self.parked.parked_at).total_seconds(), 0)),
            "where": [found.where for found in self.causes if found.where],
            "awaits": list(self.awaited),
            "missing": [one.as_dict() for one in self.missing],
            "readable_now": self.readable,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What messages are looked at with."""

    settings: Settings
    knowledge: Knowledge
    rules_at: Callable[[str], RulesFor]
    zone_of: Callable[[str], tzinfo | None]


def site_of(settings: Settings, knowledge: Knowledge) -> Site:
    """A site with its tables."""
    return Site(settings=settings, knowledge=knowledge, rules_at=rules_at(settings), zone_of=zone_of(settings))


def site_with(settings: Settings, overlays: Sequence[Path]) -> Site | None:
    """A site with these tables laid over its own; None, with every fault on stderr, where they cannot be used."""
    knowledge, faults = load_knowledge([*settings.mappings, *overlays])
    errors = [fault for fault in faults if fault.severity == "error"]
    tell(errors)
    return None if knowledge is None or errors else site_of(settings, knowledge)


def work_list(store: StoreParts, site: Site, reason: str | None = None) -> list[Waiting]:
    """Everything that waits, or its part with one reason, the longest waiting first."""
    return [_waiting(store, site, parked) for parked in store.state.parked_messages(reason)]


def with_places(store: StoreParts, places: Sequence[tuple[str, int]]) -> tuple[list[Parked], list[tuple[str, int]]]:
    """The messages at these places that wait, and the places where none does."""
    waiting = {(one.message.inbox, one.message.seq): one for one in store.state.parked_messages()}
    wanted = list(dict.fromkeys(places))
    return [waiting[one] for one in wanted if one in waiting], [one for one in wanted if one not in waiting]


def looked_at(store: StoreParts, site: Site, place: tuple[str, int]) -> Waiting | None:
    """The message at a place; None where none waits."""
    found, _ = with_places(store, [place])
    return _waiting(store, site, found[0]) if found else None


def _waiting(store: StoreParts, site: Site, parked: Parked) -> Waiting:
    arrival = _arrival(store, parked)
    name = site.settings.sender_name(arrival.sender) if arrival.sender else UNNAMED
    missing, readable = _with_tables_of_now(store, site, parked, arrival) if arrival.raw else ((), False)
    return Waiting(
        parked=parked,
        arrival=arrival,
        site_name=None if name == UNNAMED else name,
        missing=missing,
        readable=readable,
    )


def _arrival(store: StoreParts, parked: Parked) -> Arrival:
    """The message as it came; without its bytes where a state from a backup waits for what was pruned since."""
    message = parked.message
    try:
        return next(inbox for inbox in store.inboxes if inbox.name == message.inbox).get(message.seq).arrival
    except KeyError:
        return Arrival(
            kind="hl7v2" if message.sender or message.control_id else "fhir",
            source=message.source,
            listener="",
            raw=b"",
            received_at=parked.parked_at,
            sender=message.sender,
            control_id=message.control_id,
            digest=message.digest,
        )


def _with_tables_of_now(
    store: StoreParts, site: Site, parked: Parked, arrival: Arrival
) -> tuple[tuple[MissingCode, ...], bool]:
    """The codes without a row, and whether the message would wait no longer."""
    if parked.reason in (OURS_TO_MEND, WRONG_PATIENT):
        return (), False
    try:
        missing = tuple(dict.fromkeys(missing_in(store, site, arrival)))
        return missing, not _would_wait(store, site, arrival)
    except Exception:  # noqa: BLE001 - what our reader cannot take is told by its reason; the others are listed
        return (), False


def missing_in(store: StoreParts, site: Site, arrival: Arrival) -> list[MissingCode]:
    """The codes of a kept message that a table should have and has not."""
    if arrival.kind == "hl7v2":
        return list(hl7_missing(arrival.raw, site.knowledge, site.rules_at(arrival.listener)))
    if arrival.method == "DELETE":
        return []
    known = known_beside(store, arrival.source)
    return fhir_missing(arrival.raw, site.knowledge, known, source=arrival.source)


def _would_wait(store: StoreParts, site: Site, arrival: Arrival) -> bool:
    if arrival.kind == "hl7v2":
        rules = site.rules_at(arrival.listener)
        return any(t.parked for t in translate_hl7(arrival.raw, site.knowledge, rules, source=arrival.source))
    known, zone = known_beside(store, arrival.source), site.zone_of(arrival.source)
    body = loads(arrival.raw)
    if is_refused(body):
        return True
    read = translated_resources(body, site.knowledge, known, source=arrival.source, zone=zone)
    return any(translation.parked for _, translation in read)


def known_beside(store: StoreParts, source: str) -> Known:
    """What the store knows of the supporting resources of a source."""

    def known(reference: str) -> Resource | None:
        return store.state.known(source, reference)

    return known
