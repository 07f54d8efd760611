"""Resources that others refer to, read from their server and remembered for a while."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from adapter.ingest.fhir_bundle import SUPPORTING
from adapter.pipeline.parts import JsonObject
from adapter.transport.fhir_client import Permanent

LITERAL = re.compile(rf"({'|'.join(SUPPORTING)})/([A-Za-z0-9.-]{{1,64}})")


class Reads(Protocol):
    """A server that gives one resource."""

    def read(self, resource_type: str, resource_id: str) -> JsonObject:
        """The resource; Permanent with status 404 or 410 when it is not there."""


class References:
    """A bounded memory of what was read, and of what could not be."""

    def __init__(
        self,
        server: Reads,
        monotonic: Callable[[], float],
        *,
        found_life_s: float = 3600.0,
        missing_life_s: float = 600.0,
        limit: int = 5000,
    ) -> None:
        self._server = server
        self._monotonic = monotonic
        self._lives_s = (missing_life_s, found_life_s)
        self._limit = limit
        self._read: OrderedDict[str, tuple[float, JsonObject | None]] = OrderedDict()

    def read(self, reference: str) -> JsonObject | None:
        """A Patient, Medication or MedicationRequest; None when the server has no such thing, or refuses it.

        Raises Transient when the server cannot say now.
        """
        place = LITERAL.fullmatch(reference)
        if place is None:
            return None
        until, resource = self._read.get(reference, (0.0, None))
        if self._monotonic() < until:
            return resource
        try:
            resource = self._server.read(place[1], place[2])
        except Permanent:
            resource = None
        self._remember(reference, resource)
        return resource

    def _remember(self, reference: str, resource: JsonObject | None) -> None:
        self._read[reference] = (self._monotonic() + self._lives_s[resource is not None], resource)
        self._read.move_to_end(reference)
        while len(self._read) > self._limit:
            self._read.popitem(last=False)
