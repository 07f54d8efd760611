"""Senders that flood the service: idle connections, an endless frame, bytes that trickle; nobody else notices."""

from __future__ import annotations

import resource
import socket
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import hospital
import pytest
from running_service import Laboratory, code_of, eventually

from adapter.app.measured_log import LINES_OF_A_HOST

pytestmark = [pytest.mark.loopback, pytest.mark.faults, pytest.mark.timeout(120)]

IDLE = 2000
FILES_NEEDED = 2 * IDLE
PER_CONNECTION_BYTES = 6 * 1024  # 3.9 KB when this was written, the library's task and socket among them
MEBIBYTE = 1024 * 1024


@pytest.fixture
def many_files():
    """Room for the sockets of both sides; the service inherits it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, FILES_NEEDED), hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def settings(folder, **listener):
    file = folder / "site.yaml"
    lines = "".join(f"  {key}: {value}\n" for key, value in listener.items())
    file.write_text(f"mllp:\n- name: default\n{lines}")
    return ("--config", str(file))


def resident_bytes(pid, field="VmRSS"):
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024


@pytest.mark.usefixtures("many_files")
def test_two_thousand_idle_connections_cost_little_and_disturb_nobody(start, tmp_path):
    service = start(*settings(tmp_path, max_connections=IDLE + 10))
    intake = service.pids["intake"]
    with ExitStack() as held, Laboratory(service.mllp) as lab:
        assert code_of(lab.send(hospital.oru("I0"))) == "AA"
        before = resident_bytes(intake)
        for _ in range(IDLE):
            held.enter_context(socket.create_connection(service.mllp, timeout=10))
        open_now = f'troughline_connections{{listener="default"}} {IDLE + 1}.0'
        eventually(lambda: open_now in service.get("/metrics").text)
        assert (resident_bytes(intake) - before) / IDLE < PER_CONNECTION_BYTES
        assert code_of(lab.send(hospital.oru("I1", filler="I1"))) == "AA"
    eventually(lambda: 'troughline_connections{listener="default"} 0.0' in service.get("/metrics").text)
    with Laboratory(service.mllp) as lab:
        assert code_of(lab.send(hospital.oru("I2", filler="I2"))) == "AA"


def test_a_frame_of_a_hundred_megabytes_takes_no_memory_and_holds_nobody_up(start, tmp_path):
    service = start(*settings(tmp_path, frame_limit_bytes=8 * MEBIBYTE))
    intake = service.pids["intake"]
    with Laboratory(service.mllp, answer_s=60) as flooding, Laboratory(service.mllp) as lab:
        assert code_of(lab.send(hospital.oru("L0"))) == "AA"
        before = resident_bytes(intake, "VmHWM")
        answered = []

        def flood():
            flooding.write(b"\x0b" + hospital.oru("L1"))
            for _ in range(100):
                flooding.write(b"x" * MEBIBYTE)
            flooding.write(b"\x1c\r")
            answered.append(flooding.answer())

        sending = threading.Thread(target=flood)
        sending.start()
        number = 2
        while sending.is_alive() and number < 1000:
            assert code_of(lab.send(hospital.oru(f"L{number}", filler=f"L{number}"))) == "AA"
            number += 1
        sending.join()
        assert code_of(answered[0]) == "AE"
        assert b"|207" in answered[0]
        assert code_of(flooding.send(hospital.oru("L1", filler="L1"))) == "AA"
        # The frame up to its limit, its copies on the way, and what the other sender's messages take.
        assert resident_bytes(intake, "VmHWM") - before < 64 * MEBIBYTE


def test_bytes_that_trickle_are_cut_off_in_time_and_others_are_answered(start, tmp_path):
    service = start(*settings(tmp_path, frame_timeout_s=2, max_connections=64))
    with ExitStack() as held, Laboratory(service.mllp) as lab:
        slow = [held.enter_context(socket.create_connection(service.mllp, timeout=10)) for _ in range(50)]
        for one in slow:
            one.sendall(b"\x0bMSH|^~\\&|")
        closed = set()
        for number in range(100):
            for one in slow:
                try:
                    one.sendall(b"x")
                except OSError:
                    closed.add(one)
            assert code_of(lab.send(hospital.oru(f"T{number}", filler=f"T{number}"))) == "AA"
            if len(closed) == len(slow):
                break
            time.sleep(0.05)
        assert len(closed) == len(slow)
        # Of one host the first are told one by one, the others as a number at the end of the span.
        told = [line for line in service.logged() if line["event"] == "frame-too-slow"]
        assert len(told) == LINES_OF_A_HOST < len(slow)
