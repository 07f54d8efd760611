"""Processes killed at random moments while messages stream to a FHIR server that drops, delays, repeats and
half-answers: nothing acknowledged is lost, nothing counts twice, and the server holds what it should, once.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from feeding import Stream, drained, remains, tell
from running_service import eventually, room_of
from troublesome_server import PATIENCE_S, TROUBLES, TroublesomeServer

from adapter import fhir
from adapter.fhir import Canonical
from adapter.pipeline.deliver import deliver
from adapter.pipeline.destination import Destination
from adapter.store.sqlite_state import SqliteState
from adapter.transport.fhir_client import FhirClient
from adapter.writeback.at_target import comparable_hash, with_links
from adapter.writeback.bundle import for_target

CYCLES = int(os.environ.get("TROUGHLINE_KILLS", "20")) // 4
"""For each of the four victims; nightly 200 kills in all."""

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120 + 30 * CYCLES)]

VICTIMS = {
    "the parent": ("parent",),
    "core": ("core",),
    "intake": ("intake",),
    "all": ("parent", "core", "intake"),
}
OFFERS = {
    "the parent": "conditional-update",
    "core": "update-as-create",
    "intake": "search-first",
    "all": "conditional-create",
}
"""What the FHIR server takes beside each victim, so that every strategy meets kills and trouble."""
CANONICAL = Canonical(base="https://troughline.example/fhir")
WAITED = timedelta(hours=2)
"""Longer than any pause before another attempt."""


def kill(service, rooms):
    running = service.pids
    for room in rooms:
        if room in running:
            os.kill(running[room], signal.SIGKILL)


def working(service):
    try:
        return service.get("/readyz").json().get("ok") and {"core", "intake"} <= service.pids.keys()
    except OSError:
        return False


def survived(start, rooms, seed, config):
    """A service that was killed again and again while the stream went on; and the stream."""
    chance = random.Random(seed)  # noqa: S311 - a seed, not a secret
    service = start("--config", str(config))
    with Stream(service) as stream:
        for _ in range(CYCLES):
            time.sleep(chance.uniform(0, 0.2))
            eventually(lambda: len(stream.acknowledged) > 5)
            begun = len(stream.acknowledged) + chance.randrange(1, 25)
            eventually(lambda begun=begun: len(stream.acknowledged) >= begun, within_s=30)
            kill(service, rooms)
            if "parent" in rooms:
                service = start("--config", str(config), mllp=service.ready["mllp"], http=service.ready["http"])
            eventually(partial(working, service), within_s=40)
    return service, stream


def towards(url, folder):
    """A configuration whose only target is tried again soon, and gets all there is."""
    target = {"name": "ehr", "url": url, "delivery": "on", "timeout_s": PATIENCE_S, "write_raw": "always"}
    file = folder / "site.yaml"
    file.write_text(json.dumps({"targets": [{**target, "monitor_from": "2025-01-01"}]}))
    return file


def everything_delivered(store, target):
    """What is still owed is sent to the server, which has come to rest; gives what it should hold, by id."""
    state, client = SqliteState(store / "state.db"), FhirClient(target.url)
    aim = Destination(name="ehr", base_url=target.url, server=client, canonical=CANONICAL, write_raw="always")
    now = datetime.now(UTC)
    for _ in range(500):
        now += WAITED
        if not state.outbox_counts("ehr")["pending"]:
            break
        deliver(aim, state, now)
    counts = state.outbox_counts("ehr")
    assert {name: number for name, number in counts.items() if number} == {"confirmed": sum(counts.values())}
    wanted = {
        row.id: row.body
        for patient in state.all_patients()
        for row in state.recall(patient).written
        if row.body["resourceType"] != "Provenance"
    }
    places = state.places("ehr", sorted(wanted))
    state.close()
    client.close()
    return wanted, {reference: place or reference for reference, place in places.items()}


def holds_exactly(target, wanted, places):
    """One resource for each key, with just the content it should have, and nothing else."""
    ours = [one for one in target.current.values() if one["resourceType"] != "Provenance"]
    keys = Counter(row["value"] for one in ours for row in one["identifier"] if row["value"] in wanted)
    assert keys == dict.fromkeys(wanted, 1)
    assert len(ours) == len(wanted)
    for key, body in wanted.items():
        (standing,) = target.carrying(key)
        meant = for_target(
            with_links(body, places),
            canonical=CANONICAL,
            literal_sources=frozenset(),
            patient_reference=standing["subject"]["reference"],
        )
        held = fhir.loads(json.dumps(standing).encode())
        assert comparable_hash(held) == comparable_hash(meant), key


@pytest.mark.parametrize("victim", VICTIMS)
def test_whoever_is_killed_nothing_acknowledged_is_lost_and_nothing_counts_twice(start, tmp_path, victim):
    seed = sum(victim.encode())
    with closing(TroublesomeServer(OFFERS[victim], seed)) as target:
        service, stream = survived(start, VICTIMS[victim], seed, towards(target.url, tmp_path))
        drained(service)
        assert service.stop() == 0
        target.calm()
        assert target.happened.keys() >= needed(target)
        wanted, places = everything_delivered(service.store, target)
        assert len(wanted) > 4 * len(stream.patients)
        holds_exactly(target, wanted, places)
    left_by(service, stream, start, tmp_path)


def needed(target):
    """The troubles this server must have made: of `search-first` some meet its updates only, which may not come."""
    unrepeatable = {"repeat", "delay-past-patience"} if target.offers == "search-first" else set()
    return set(TROUBLES) - unrepeatable


def left_by(service, stream, start, tmp_path):
    """What a service that was never disturbed makes of the same stream."""
    left = remains(service.store)

    undisturbed = start(store=tmp_path / "undisturbed")
    tell(undisturbed, stream.patients)
    drained(undisturbed)
    assert undisturbed.stop() == 0
    wanted = remains(undisturbed.store)

    counted = Counter(left.kept)
    accepted = [raw for raw, code in stream.acknowledged if code == "AA" and b"|ASPACT^" in raw]
    assert len(accepted) == 4 * len(stream.patients)
    assert {raw: counted[raw] for raw in accepted} == dict.fromkeys(accepted, 1)
    refused = {raw for raw, code in stream.acknowledged if code == "AE"}
    assert len(refused) == len(stream.patients)
    assert refused <= counted.keys()
    assert {raw for raw, code in stream.acknowledged if code in {"200", "202"}} <= set(left.kept_fhir)
    assert left.findings == wanted.findings
    assert left.standing == wanted.standing
    assert sum(sender.resent for sender in stream.senders) > 0
    assert "Traceback" not in service.log.read_text()


def test_no_process_is_left_of_a_killed_service(start):
    service = start()
    pids = set(service.pids.values())
    kill(service, ("parent",))
    eventually(lambda: not any(room_of(pid) for pid in pids), within_s=2)
