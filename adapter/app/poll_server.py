"""The FHIR server of a source, asked again when it only wants us to wait a little."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from adapter.pipeline.poll import Server
from adapter.transport.fhir_client import Greeting, Page, PatientMatch, Transient

LONGEST_WAIT_S = 120.0
TIMES = 10
Answer = TypeVar("Answer")


class Unhurried:
    """Waits as long as a throttling server asks (429, 503), so that a poll of many pages goes on with the next one."""

    def __init__(self, server: Server, wait: Callable[[float], bool]) -> None:
        """`wait` waits so many seconds; True when the service stops meanwhile."""
        self._server = server
        self._wait = wait

    def greeting(self) -> Greeting:
        """Its CapabilityStatement, with its time."""
        return self._asked(self._server.greeting)

    def search(self, resource_type: str, params: Sequence[tuple[str, str]]) -> Page:
        """The first page of a search."""
        return self._asked(lambda: self._server.search(resource_type, params))

    def follow(self, next_url: str, resource_type: str) -> Page:
        """The page a link names."""
        return self._asked(lambda: self._server.follow(next_url, resource_type))

    def read(self, resource_type: str, resource_id: str) -> dict[str, Any]:
        """One resource."""
        return self._asked(lambda: self._server.read(resource_type, resource_id))

    def find_patient(self, system: str, value: str) -> PatientMatch:
        """Who carries an identifier."""
        return self._asked(lambda: self._server.find_patient(system, value))

    def events(self, subscription_id: str, first: int, last: int) -> dict[str, Any]:
        """Events of a subscription."""
        return self._asked(lambda: self._server.events(subscription_id, first, last))

    def _asked(self, ask: Callable[[], Answer]) -> Answer:
        for _ in range(TIMES):
            try:
                return ask()
            except Transient as failure:
                wait_s = failure.retry_after_s
                if failure.status not in (429, 503) or wait_s is None or wait_s > LONGEST_WAIT_S or self._wait(wait_s):
                    raise
        return ask()
