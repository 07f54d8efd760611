"""A server that throttles is given its time, within measure."""

from __future__ import annotations

import pytest

from adapter.app.poll_server import Unhurried
from adapter.transport.fhir_client import Transient


class Throttling:
    def __init__(self, *failures):
        self._failures = list(failures)

    def read(self, resource_type, resource_id):
        if self._failures:
            raise self._failures.pop(0)
        return {"resourceType": resource_type, "id": resource_id}


def busy(status=429, wait_s=7.0):
    return Transient("busy", status=status, retry_after_s=wait_s)


def test_a_throttling_server_is_given_the_time_it_asks_for():
    waited = []

    def wait(seconds):
        waited.append(seconds)
        return False

    server = Unhurried(Throttling(busy(429, 7.0), busy(503, 0.2)), wait)
    assert server.read("Patient", "p1") == {"resourceType": "Patient", "id": "p1"}
    assert waited == [7.0, 0.2]


@pytest.mark.parametrize(
    "failure", [busy(wait_s=120.1), busy(wait_s=None), busy(status=500), Transient("the server cannot be reached")]
)
def test_who_does_not_say_how_long_or_says_very_long_is_left_for_later(failure):
    with pytest.raises(Transient) as told:
        Unhurried(Throttling(failure), lambda _: False).read("Patient", "p1")
    assert told.value is failure


def test_nobody_is_waited_for_when_the_service_stops():
    with pytest.raises(Transient):
        Unhurried(Throttling(busy()), lambda _: True).read("Patient", "p1")


def test_a_server_that_throttles_without_end_is_left_for_later():
    waited = []
    with pytest.raises(Transient):
        Unhurried(Throttling(*[busy()] * 20), lambda s: waited.append(s) or False).read("Patient", "p1")
    assert len(waited) == 10
