"""A request that a target takes up long after it was given up: what it leaves there is ours, and is written over."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import hospital
import pytest

from adapter.pipeline.deliver import deliver

pytestmark = pytest.mark.loopback

NOW = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)


def at(minutes):
    return NOW + timedelta(minutes=minutes)


def correct(ward, value, *, minute):
    sent = f"202503{10 + minute}080000+0000"
    ward.take(hospital.oru(f"C{minute}", value=value, status="C", assigner="1.2.840.99", sent=sent), now=at(minute))


def swallow(server):
    """The server takes a write from the wire, and does not get round to it."""
    server.fail = lambda method, _: (0, None, {}) if method != "GET" else None


def get_round_to(server, request):
    """Now it does."""
    body = json.loads(request)
    for one in [entry["resource"] for entry in body.get("entry", [])] or [body]:
        standing = next(iter(server.carrying(one["identifier"][0]["value"])), one) if "identifier" in one else one
        server.update(f"{one['resourceType']}/{standing['id']}", one, None)


def values(server):
    return {str(one["valueQuantity"]["value"]) for one in server.of_type("Observation") if "valueQuantity" in one}


@pytest.mark.parametrize("guards", [True, False])
@pytest.mark.parametrize(
    ("offers", "transaction"),
    [("update-as-create", True), ("update-as-create", False), ("conditional-update", False)],
)
def test_an_older_state_that_arrives_last_stays_until_the_next_change_only(
    offers, transaction, guards, servers, aim, ward
):
    server = servers(offers, transaction=transaction, guards=guards)
    destination = aim(server)
    swallow(server)
    deliver(destination, ward.state, NOW)
    late = server.received[-1]
    server.fail = lambda *_: None
    correct(ward, "0.55", minute=2)
    deliver(destination, ward.state, at(3))
    assert values(server) == {"0.55"}
    get_round_to(server, late)
    assert values(server) != {"0.55"}
    correct(ward, "0.44", minute=4)
    deliver(destination, ward.state, at(5))
    counts = ward.state.outbox_counts("ehr")
    assert (counts["pending"], counts["parked"]) == (0, 0)
    assert values(server) == {"0.44"}


@pytest.mark.parametrize("guards", [True, False])
def test_what_a_person_makes_of_an_older_state_two_changes_later_is_his(guards, servers, aim, ward):
    server = servers(transaction=False, guards=guards)
    destination = aim(server)
    swallow(server)
    deliver(destination, ward.state, NOW)
    restored = server.received[-1]
    server.fail = lambda *_: None
    for minute, value in ((2, "0.55"), (4, "0.44")):
        correct(ward, value, minute=minute)
        deliver(destination, ward.state, at(minute + 1))
    get_round_to(server, restored)
    correct(ward, "0.33", minute=6)
    deliver(destination, ward.state, at(7))
    assert ward.state.outbox_counts("ehr")["parked"] == 1
    assert "0.33" not in values(server)
