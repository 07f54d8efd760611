"""Syncs that fail or hang, a clock that jumps, a listener that is stopped: what a running service makes of them."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import hospital
import pytest
from blackbox import ALL
from feeding import Sender, Stream, drained
from running_service import Laboratory, code_of, eventually
from surviving import restarted, survived

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

SYNCED = {"inbox.db-wal": "intake", "inbox-core.db-wal": "core", "state.db-wal": "core"}
BROKEN = 70
HOUR_S = 3600


def test_a_process_whose_sync_fails_acknowledges_nothing_more_and_is_started_again(troubled, blackbox, loaded):
    with Stream(troubled, lanes=2) as stream:
        for file in SYNCED:
            lines = len(troubled.logged())
            blackbox.control.file = file.encode()
            blackbox.control.failing_syncs = 1
            eventually(lambda lines=lines: restarted(troubled, since=lines))
    drained(troubled)
    assert survived(troubled, stream, loaded) == list(SYNCED.values())
    assert {line["status"] for line in troubled.logged() if line["event"] == "process-died"} == {BROKEN}
    assert sum(line["event"] == "store-broken" for line in troubled.logged()) >= len(SYNCED)


def test_on_a_disk_that_refuses_every_sync_nothing_is_answered_until_it_is_replaced(troubled, blackbox):
    refused = hospital.Sent(raw=hospital.oru("REFUSED", mrn="920008", filler="REFUSED"))
    blackbox.control.file = b"inbox.db-wal"
    blackbox.control.failing_syncs = ALL
    for times in (1, 2):
        with pytest.raises(ConnectionError):
            eventually(lambda: tried(troubled, refused.raw))
        eventually(
            lambda times=times: [line["event"] for line in troubled.logged()].count("process-restarted") >= times
        )
    blackbox.control.failing_syncs = 0
    sender = Sender(mllp=troubled.mllp, http=troubled.http)
    sender.send(refused)
    sender.close()
    assert sender.acknowledged == [(refused.raw, "AA")]
    drained(troubled)
    assert troubled.stop() == 0


def tried(service, message):
    """The answer; False while nobody listens."""
    try:
        laboratory = Laboratory(service.mllp)
    except ConnectionRefusedError:
        return False
    with laboratory:
        return laboratory.send(message)


def test_while_a_sync_hangs_only_what_must_be_on_disk_waits(troubled, blackbox):
    blackbox.control.file = b"inbox.db-wal"
    blackbox.control.stalled = 1
    begun, answers = time.monotonic(), []

    def tell_the_relevant():
        with Laboratory(troubled.mllp) as laboratory:
            answers.append(code_of(laboratory.send(hospital.oru("SLOW"))))

    waiting = threading.Thread(target=tell_the_relevant)
    waiting.start()
    with Laboratory(troubled.mllp) as laboratory:
        number = 0
        while number < 20 or time.monotonic() - begun < 2:
            number += 1
            assert code_of(laboratory.send(hospital.everyday(f"QUICK{number}"))) == "AA"
            time.sleep(0.01)
    assert answers == []
    blackbox.control.stalled = 0
    waiting.join()
    assert answers == ["AA"]
    assert troubled.stop() == 0


def test_a_listener_that_is_stopped_for_a_while_answers_when_it_goes_on(start):
    service = start()
    with Laboratory(service.mllp) as laboratory:
        assert code_of(laboratory.send(hospital.oru("BEFORE"))) == "AA"
        os.kill(service.pids["intake"], signal.SIGSTOP)
        try:
            laboratory.write(b"\x0b" + hospital.oru("DURING", filler="F2") + b"\x1c\r")
            eventually(lambda: not service.get("/readyz").json()["intake"])
        finally:
            os.kill(service.pids["intake"], signal.SIGCONT)
        assert b"MSA|AA|DURING\r" in laboratory.answer()
    eventually(lambda: service.get("/readyz").json()["ok"])
    assert [line for line in service.logged() if line["event"] == "process-died"] == []
    assert service.stop() == 0


def test_a_clock_that_jumps_changes_no_answer_and_no_finding(troubled, blackbox, loaded):
    with Stream(troubled, lanes=2) as stream:
        for jump_s in (HOUR_S, -HOUR_S, 0):
            told = len(stream.acknowledged)
            blackbox.control.clock_offset_s = jump_s
            eventually(lambda told=told: len(stream.acknowledged) > told + 20)
    drained(troubled)
    assert survived(troubled, stream, loaded) == []
    assert [sender.resent for sender in stream.senders] == [0, 0]


TICKS = """
import threading
from adapter.app.timers import Timer, start_timers

start_timers((Timer(name="tick", every_s=0.1, do=lambda: print("tick", flush=True)),))
threading.Event().wait(60)
"""


@pytest.mark.parametrize("jump_s", [HOUR_S, -HOUR_S])
def test_timers_go_on_after_the_clock_jumped(blackbox, jump_s):
    with blackbox.started([sys.executable, "-c", TICKS]) as program:
        assert program.stdout.readline() == "tick\n"
        blackbox.control.clock_offset_s = jump_s
        jumped = time.monotonic()
        assert [program.stdout.readline() for _ in range(10)] == ["tick\n"] * 10
        assert time.monotonic() - jumped < HOUR_S / 60
        program.kill()
