"""The HTTP doors of core: HL7 v2 and FHIR bodies are kept first, then answered."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import structlog

from adapter.app.counters import ALARMS, count
from adapter.app.in_use import MappingsInUse
from adapter.app.keeping import GroupKeeper
from adapter.app.measured_log import MeasuredLog
from adapter.app.receptions import hl7_reception
from adapter.domain.message import HTTP, Arrival, Translation
from adapter.pipeline import answer_fhir as answers
from adapter.pipeline.hooked import hear
from adapter.pipeline.parts import Parts
from adapter.pipeline.receive import Door, receive_hl7
from adapter.pipeline.understand import is_bundle, understand
from adapter.pipeline.wrong_patient import checked
from adapter.store.faults import CannotKeep, StoreBroken
from adapter.transport.cannot_store import CannotStore
from adapter.transport.http_intake import FhirAnswer, ReceiveHl7
from adapter.transport.http_outcome import RefusedRequest

RELEVANCE_BOUND = 10_000
JUST_TAKEN_LIMIT = 500
Wake = Callable[[], None]


def hl7_door(
    keeper: GroupKeeper, in_use: MappingsInUse, parts: Parts, source: str, executor: Executor, wake: Wake
) -> ReceiveHl7:
    """`POST /hl7`: the same reception as a frame over MLLP."""
    door = Door(listener=HTTP, source=source)
    rules = parts.rules_at(HTTP)
    reception = hl7_reception(keeper, in_use.door(rules, RELEVANCE_BOUND), rules, executor, observe, prefix="H")

    async def receive(raw: bytes, _peer: str) -> bytes | None:
        with storing():
            answer = await receive_hl7(raw, door, reception)
        wake()
        return answer

    return receive


class FhirDoor:
    """`/ingest/fhir`: keeps a body, then words its answer."""

    def __init__(self, keeper: GroupKeeper, parts: Parts, source: str, wake: Wake) -> None:
        self._keeper = keeper
        self._parts = parts
        self._source = source
        self._wake = wake
        self._taking = threading.Lock()
        self._just_taken: OrderedDict[str, dict[str, Any]] = OrderedDict()

    def take(self, parts: Parts) -> None:
        """Word the answers by these from now on."""
        self._parts = parts

    async def receive(self, raw: bytes, method: str, target: str | None, _peer: str) -> FhirAnswer:
        """The answer to one push; raises CannotStore when the body is not on disk."""
        if b"ubscription" in raw:  # only a notification has to be looked into before it is kept
            await asyncio.to_thread(_refuse_mere_names, raw, method)
        arrival = fhir_arrival(self._source, HTTP, raw, method, target)
        await kept_at(self._keeper, arrival)
        self._wake()
        answer = await asyncio.to_thread(self._worded, arrival)
        return FhirAnswer(status=answer.status, resource=answer.resource)

    def understood(self, arrival: Arrival) -> tuple[Translation, ...]:
        """What a kept body says, in the light of what this door took a moment ago and the engine has not committed."""
        with self._taking:
            just_taken = dict(self._just_taken)
        translations = self._judged(understand(arrival, replace(self._parts, beforehand=just_taken)))
        with self._taking:
            for translation in translations:
                self._just_taken.update(translation.known)
            while len(self._just_taken) > JUST_TAKEN_LIMIT:
                self._just_taken.popitem(last=False)
        return translations

    def _judged(self, translations: tuple[Translation, ...]) -> tuple[Translation, ...]:
        """Whether a person has to look first, as far as it can be told before the engine has read what came before."""
        try:
            return checked(translations, self._parts.state)
        except Exception:  # noqa: BLE001 - the body is kept, and the engine looks again
            return translations

    def _worded(self, arrival: Arrival) -> answers.FhirAnswer:
        return answers.answer_fhir(self.understood(arrival), bundle=is_bundle(arrival.raw))


def fhir_arrival(source: str, listener: str, raw: bytes, method: str, target: str | None) -> Arrival:
    """One push as it is kept."""
    return Arrival(
        kind="fhir",
        source=source,
        listener=listener,
        raw=raw,
        received_at=datetime.now(UTC),
        message_type=(target or "").partition("/")[0],
        digest=hashlib.sha256(raw or f"{method} {target}".encode()).hexdigest(),
        method=method,
        target=target,
    )


async def kept_at(keeper: GroupKeeper, arrival: Arrival) -> int:
    """The place of an arrival, once it is on disk; raises CannotStore."""
    with storing():
        return (await asyncio.wrap_future(keeper.submit(arrival))).seq


def _refuse_mere_names(raw: bytes, method: str) -> None:
    """Here what is pushed is all there is: a notification that brings no resource would be lost."""
    if hear(raw, method, None, trusted=True).needed:
        text = (
            "The notification names resources and does not bring them. Its address is the hook of a source (/hooks/)."
        )
        raise RefusedRequest(400, text)


def observe(event: str, facts: dict[str, Any]) -> None:
    """Count what happened at a door; what is amiss is logged too."""
    count(event, facts)
    if event.startswith("http-"):
        _at_the_door.line(event, facts)


def tell_in_measure(event: str, facts: dict[str, Any]) -> None:
    """A warning that a peer can cause at will; said on the event loop."""
    _at_the_door.line(event, facts)


def _warn(event: str, **facts: Any) -> None:  # noqa: ANN401  (whatever a line carries)
    structlog.get_logger().warning(event, **facts)


_at_the_door = MeasuredLog(_warn)


@contextlib.contextmanager
def storing() -> Iterator[None]:
    """A failure to keep becomes the transport's word for it."""
    try:
        yield
    except CannotKeep as fault:
        ALARMS.labels("inbox-cannot-keep").inc()
        structlog.get_logger().error("cannot-keep", listener=HTTP, reason=str(fault))
        raise CannotStore from None
    except StoreBroken:
        raise CannotStore from None
