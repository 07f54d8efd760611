"""A sender silent since before the start is told by the running service, and is heard again with its first message."""

from __future__ import annotations

import json

import hospital
import pytest
from running_service import Laboratory, Service, eventually

from adapter.app.silence import HEARD_FILE

pytestmark = [pytest.mark.loopback, pytest.mark.slow, pytest.mark.timeout(90)]

LONG_AGO = 1.0e9
SITE = """\
mllp:
- name: lab
  port: 0
senders:
- match: HOSPLAB|*
  silent_after_minutes: 60
- match: GONE|*
  silent_after_minutes: 60
housekeeping_s: 1
"""


@pytest.fixture
def service(tmp_path):
    (tmp_path / "site.yaml").write_text(SITE)
    store = tmp_path / "store"
    store.mkdir(mode=0o700)
    (store / HEARD_FILE).write_text(json.dumps({"HOSPLAB|*": LONG_AGO, "GONE|*": LONG_AGO}))
    service = Service(store, "--config", str(tmp_path / "site.yaml"), log=tmp_path / "log")
    yield service
    service.end()


def silent(service):
    lines = service.get("/metrics").text.splitlines()
    return {line.partition('sender="')[2] for line in lines if line.startswith("troughline_sender_silent{")}


def test_a_sender_silent_since_before_the_start_is_told_until_it_is_heard(service):
    eventually(lambda: silent(service) == {'HOSPLAB|*"} 1.0', 'GONE|*"} 1.0'})
    with Laboratory(service.mllp) as laboratory:
        laboratory.send(hospital.oru("S1"))
    eventually(lambda: silent(service) == {'HOSPLAB|*"} 0.0', 'GONE|*"} 1.0'})
    told = [(line["event"], line["sender"]) for line in service.logged() if "sender" in line]
    assert sorted(told[:2]) == [("sender-silent", "GONE|*"), ("sender-silent", "HOSPLAB|*")]
    assert told[2:] == [("sender-heard-again", "HOSPLAB|*")]
    # The file is written after the metric was set.
    eventually(lambda: heard_of(service)["HOSPLAB|*"] > LONG_AGO)
    assert heard_of(service)["GONE|*"] == LONG_AGO


def heard_of(service):
    return json.loads((service.store / HEARD_FILE).read_text())
