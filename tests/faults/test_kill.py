"""Processes killed at random moments while messages stream: nothing acknowledged is lost, nothing counts twice."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from functools import partial

import pytest
from feeding import Stream, drained, remains, tell
from running_service import eventually, room_of

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

CYCLES = int(os.environ.get("TROUGHLINE_KILLS", "20")) // 4
"""For each of the four victims; nightly 200 kills in all."""
VICTIMS = {
    "the parent": ("parent",),
    "core": ("core",),
    "intake": ("intake",),
    "all": ("parent", "core", "intake"),
}


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


def survived(start, rooms, seed):
    """A service that was killed again and again while the stream went on; and the stream."""
    chance = random.Random(seed)  # noqa: S311 - a seed, not a secret
    service = start()
    with Stream(service) as stream:
        for _ in range(CYCLES):
            time.sleep(chance.uniform(0, 0.2))
            eventually(lambda: len(stream.acknowledged) > 5)
            begun = len(stream.acknowledged) + chance.randrange(1, 25)
            eventually(lambda begun=begun: len(stream.acknowledged) >= begun, within_s=30)
            kill(service, rooms)
            if "parent" in rooms:
                service = start(mllp=service.ready["mllp"], http=service.ready["http"])
            eventually(partial(working, service), within_s=40)
    return service, stream


@pytest.mark.parametrize("victim", VICTIMS)
def test_whoever_is_killed_nothing_acknowledged_is_lost_and_nothing_counts_twice(start, tmp_path, victim):
    service, stream = survived(start, VICTIMS[victim], seed=sum(victim.encode()))
    drained(service)
    assert service.stop() == 0
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
