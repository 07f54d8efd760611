"""A full disk, a lost state, a core that hangs, a FHIR server that is away: senders notice as little as possible."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

import hospital
import pytest
from feeding import Sender, drained, remains, tell
from hospital_server import HospitalServer
from running_service import Laboratory, Service, code_of, eventually

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

PATIENTS = ("920001", "920002", "920003")
NEVER_WITHHELD = {"inactivation", "neutralizing-hypersensitivity", "severe-reaction"}
"""Flags about doses of years ago: the others are not written to a server that first goes on today."""
ENDS_WITHIN_S = 60.0
CAP_SYS_ADMIN = 21
ANSWER_WITHIN_S = 2.5
"""A safety limit on an idle machine's answers of a few milliseconds."""


def may_mount():
    """Whether this process holds CAP_SYS_ADMIN."""
    status = Path("/proc/self/status").read_text()
    held = next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff"))
    return bool(int(held, 16) >> CAP_SYS_ADMIN & 1)


@pytest.fixture
def ward():
    server = HospitalServer()
    yield server
    server.close()


def test_a_lost_state_is_rebuilt_from_the_inboxes(start):
    service = start()
    tell(service, PATIENTS)
    drained(service)
    assert service.stop() == 0
    before = remains(service.store)
    for path in service.store.glob("state.db*"):
        path.unlink()
    again = start()
    eventually(lambda: again.found("Observation", **{"patient.identifier": f"{hospital.MRN}|990002"}), within_s=40)
    drained(again)
    assert again.stop() == 0
    after = remains(again.store)
    assert len(before.findings) == len(PATIENTS) + 2
    assert after.findings == before.findings
    assert after.standing == before.standing


def test_answers_keep_coming_while_core_hangs(start):
    service = start()
    tell(service, PATIENTS[:1])
    core = service.pids["core"]
    os.kill(core, signal.SIGSTOP)
    try:
        slowest, hung, number = 0.0, time.monotonic(), 0
        with Laboratory(service.mllp) as laboratory:
            while time.monotonic() - hung < 3:
                number += 1
                asked = time.monotonic()
                answer = laboratory.send(hospital.oru(f"H{number}", mrn=str(930000 + number), filler=f"H{number}"))
                slowest = max(slowest, time.monotonic() - asked)
                assert code_of(answer) == "AA"
                time.sleep(0.02)
    finally:
        os.kill(core, signal.SIGCONT)
    assert number > 20
    assert slowest < ANSWER_WITHIN_S
    drained(service)
    levels = service.found("Observation", code="asparaginase-activity")
    assert sum(level["subject"]["identifier"]["value"].startswith("93") for level in levels) == number
    assert service.pids["core"] == core


@pytest.mark.parametrize("mode", ["away", "busy"])
def test_a_fhir_server_that_is_away_delays_no_answer_and_gets_everything_when_it_is_back(start, ward, mode):
    ward.mode = mode
    service = start("--fhir", ward.url)
    asked = time.monotonic()
    tell(service, PATIENTS)
    took_s = time.monotonic() - asked
    drained(service)
    assert ward.asked > 0
    assert ward.resources == {}
    assert took_s / (11 * len(PATIENTS)) < ANSWER_WITHIN_S
    ward.mode = "open"
    flags = [flag for flag in service.found("Flag") if flag["code"]["coding"][0]["code"] in NEVER_WITHHELD]
    served = {f"{one['resourceType']}/{one['id']}": one for one in (*flags, *service.found("Observation"))}
    assert sum(flag["status"] == "active" for flag in flags) == 2 * len(PATIENTS)
    eventually(lambda: served.keys() <= ward.resources.keys(), within_s=60)
    mine = {reference: ward.resources[reference] for reference in served}
    assert {reference: body["status"] for reference, body in mine.items()} == {
        reference: body["status"] for reference, body in served.items()
    }
    assert {body["subject"]["reference"] for body in mine.values()} == {
        f"Patient/{mrn}" for mrn in (*PATIENTS, "990001", "990002")
    }
    assert service.stop() == 0


def test_a_fhir_server_that_never_answers_does_not_hold_up_the_end(start, ward):
    ward.mode = "mute"
    service = start("--fhir", ward.url)
    tell(service, PATIENTS[:1])
    eventually(lambda: ward.asked)
    asked = time.monotonic()
    assert service.stop() == 0
    assert time.monotonic() - asked < ENDS_WITHIN_S
    assert "Traceback" not in service.log.read_text()


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.skipif(not may_mount(), reason="mounting a small file system needs CAP_SYS_ADMIN")
def test_on_a_full_disk_nothing_is_answered_and_everything_goes_on_when_there_is_room(small_disk, tmp_path):
    service = Service(small_disk / "store", log=tmp_path / "log")
    try:
        tell(service, PATIENTS[:1])
        ballast = small_disk / "ballast"
        accepted = fill(service, ballast)
        refused = hospital.Sent(raw=hospital.oru("REFUSED", mrn="920008", filler="REFUSED"))
        not_answered(service, refused.raw)
        killed = service.pids["intake"]
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: service.pids.get("intake") not in (None, killed))
        eventually(lambda: answers_everyday(service))
        not_answered(service, refused.raw)
        assert [line for line in service.logged() if line["event"] == "cannot-keep"]
        assert service.post(hospital.patient("920008")).status_code == 503
        ballast.unlink()
        sender = Sender(mllp=service.mllp, http=service.http)
        sender.send(refused)
        sender.close()
        drained(service)
        counters = service.get("/metrics").text
        assert 'troughline_alarms_total{reason="inbox-cannot-keep"}' in counters
        assert service.stop() == 0
        left = remains(service.store)
        assert [left.kept.count(raw) for raw in (*accepted, refused.raw)] == [1] * (len(accepted) + 1)
        assert "Traceback" not in service.log.read_text()
        died = [(line["process"], line["status"]) for line in service.logged() if line["event"] == "process-died"]
        assert died == [("intake", -signal.SIGKILL)]
    finally:
        service.end()


def to_the_last_byte(file):
    for size in (65536, 4096, 1):
        with contextlib.suppress(OSError):
            while True:
                file.write(b"x" * size)


def not_answered(service, message):
    with pytest.raises(ConnectionError), Laboratory(service.mllp) as laboratory:
        laboratory.send(message)


def answers_everyday(service):
    """What takes no room is answered even now."""
    try:
        with Laboratory(service.mllp) as laboratory:
            return code_of(laboratory.send(hospital.everyday("STILL"))) == "AA"
    except OSError:
        return False


def fill(service, ballast):
    """Fill the disk to the last byte, sending all the while; gives the messages that were still accepted."""
    accepted = []
    with ballast.open("ab", buffering=0) as file:
        for number in range(2000):
            with contextlib.suppress(OSError):
                file.write(b"x" * 262144)
            raw = hospital.oru(f"FILL{number}", mrn=str(940000 + number), filler=f"FILL{number}")
            try:
                with Laboratory(service.mllp) as laboratory:
                    assert code_of(laboratory.send(raw)) == "AA"
            except ConnectionError:
                to_the_last_byte(file)
                return accepted
            accepted.append(raw)
    raise AssertionError("the disk was never full")
