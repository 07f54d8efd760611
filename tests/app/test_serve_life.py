"""How a service starts, refuses to start, survives a dead process, and ends."""

from __future__ import annotations

import os
import signal
import socket
import time

import hospital
import pytest
from running_service import Laboratory, address, alive, code_of, command, eventually, port_is_free, refused

from adapter.app.child import ORPHAN_GRACE_S

pytestmark = [pytest.mark.loopback, pytest.mark.slow, pytest.mark.timeout(90)]

FREE_WITHIN_S = 15.0  # machines are shared and noisy; the product's own limit is asserted as a number
"""Addresses and lock after the death of any process (a safety limit)."""


def lines_of(told):
    assert "Traceback" not in told
    return told.strip().splitlines()


def test_a_frame_in_hand_is_answered_before_the_end_and_the_addresses_are_free(start):
    service = start()
    with Laboratory(service.mllp) as laboratory:
        message = hospital.oru("A1")
        laboratory.write(b"\x0b" + message[:100])
        service.process.send_signal(signal.SIGTERM)
        eventually(lambda: port_is_free(service.mllp))
        laboratory.write(message[100:] + b"\x1c\r")
        assert code_of(laboratory.answer()) == "AA"
        assert service.process.wait(10) == 0
    assert port_is_free(service.mllp)
    assert not any(alive(pid) for pid in service.seen)
    again = start(mllp=service.ready["mllp"], http=service.ready["http"])
    eventually(lambda: again.found("Observation", **{"patient.identifier": f"{hospital.MRN}|900001"}))
    assert again.ready["mllp"] == service.ready["mllp"]
    assert second_service_is_refused(again)


def second_service_is_refused(service):
    code, told = refused(command(service.store))
    assert lines_of(told) == [f"The store folder {service.store} is already in use by process {service.process.pid}."]
    return code == 2


@pytest.mark.parametrize("door", ["mllp", "http"])
def test_a_port_in_use_is_told_in_one_sentence(tmp_path, door):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, told = refused(command(tmp_path / "store", **{door: f"127.0.0.1:{port}"}))
    assert code == 2
    assert len(lines_of(told)) == 1
    assert (str(port) in told, f"--{door}" in told) == (True, True)


def test_every_fault_of_a_configuration_is_told_with_its_line(tmp_path):
    site = tmp_path / "site.yaml"
    site.write_text("overdue_check_s: 0\nhttp:\n  porrt: 1\ntargets:\n  - name: ehr\n")
    code, told = refused(command(tmp_path / "store", "--config", str(site)))
    assert code == 2
    lines = lines_of(told)
    assert all(line.startswith(f"{site}:") for line in lines)
    assert {int(line.removeprefix(f"{site}:").partition(":")[0]) for line in lines} == {1, 3, 5}


def test_a_fault_in_a_table_is_told_with_its_line(tmp_path):
    overlay = tmp_path / "ours" / "tables"
    overlay.mkdir(parents=True)
    (overlay / "units.csv").write_text("sender,code,system,target,label,note\n,IU,,parsecs,,\n")
    code, told = refused(command(tmp_path / "store", "--mappings", str(overlay.parent)))
    assert code == 2
    assert any("units.csv:2" in line for line in lines_of(told))


def test_http_beyond_loopback_needs_protection(tmp_path):
    code, told = refused(command(tmp_path / "store", http="0.0.0.0:0"))
    assert code == 2
    assert len(lines_of(told)) == 1
    assert "--insecure" in told or "insecure" in told


def test_an_address_that_is_none_is_told_in_one_sentence(tmp_path):
    code, told = refused(command(tmp_path / "store", mllp="nonsense"))
    assert (code, len(lines_of(told))) == (2, 1)


@pytest.mark.parametrize("place", ["a-file", "a-file/below", "/proc/troughline"])
def test_a_store_that_cannot_be_a_folder_is_told_in_one_sentence(tmp_path, place):
    (tmp_path / "a-file").write_text("a file stands here")
    blocked = tmp_path / place
    code, told = refused(command(blocked))
    assert (code, len(lines_of(told))) == (2, 1)
    assert str(blocked) in told


def test_a_store_that_is_no_database_is_told_in_one_sentence(tmp_path):
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / "state.db").write_bytes(b"this was never a database, whatever its name says" * 100)
    code, told = refused(command(folder))
    assert (code, len(lines_of(told))) == (2, 1)


def test_where_processors_are_short_senders_are_answered_first(start):
    pids = start().pids
    assert os.getpriority(os.PRIO_PROCESS, pids["intake"]) < os.getpriority(os.PRIO_PROCESS, pids["core"])


def test_a_killed_process_is_started_again_on_its_addresses(start):
    service = start()
    held = Laboratory(service.mllp)
    assert code_of(held.send(hospital.everyday("K0"))) == "AA"
    for room in ("intake", "core"):
        before = service.pids[room]
        os.kill(before, signal.SIGKILL)
        eventually(lambda room=room, before=before: service.pids.get(room) not in (None, before))
        eventually(lambda: answers(service))
    held.close()
    eventually(lambda: 'troughline_connections{listener="default"} 0.0' in service.get("/metrics").text)
    eventually(lambda: len(lives(service)) >= 4)  # it answers before the parent has written that it lives
    assert lives(service) == [
        ("process-died", "intake"),
        ("process-restarted", "intake"),
        ("process-died", "core"),
        ("process-restarted", "core"),
    ]
    assert service.stop() == 0


def lives(service):
    return [(line["event"], line["process"]) for line in service.logged() if line["event"].startswith("process-")]


def answers(service):
    try:
        if not service.get("/readyz").json()["ok"]:
            return False
        with Laboratory(service.mllp) as laboratory:
            return code_of(laboratory.send(hospital.everyday("K1"))) == "AA"
    except OSError:
        return False


def test_an_orphan_ends_inside_the_two_seconds_of_the_contract():
    assert ORPHAN_GRACE_S < 2


def test_when_the_parent_is_killed_everything_is_free_soon(start):
    service = start()
    children = {pid for name, pid in service.pids.items() if name != "parent"}
    with Laboratory(service.mllp):
        os.kill(service.process.pid, signal.SIGKILL)
        died = time.monotonic()
        eventually(lambda: not any(alive(pid) for pid in children))
        assert time.monotonic() - died < FREE_WITHIN_S
    assert port_is_free(service.mllp)
    started = start(mllp=service.ready["mllp"], http=service.ready["http"])
    assert started.ready["mllp"] == service.ready["mllp"]


def test_a_parent_that_dies_while_its_children_start_leaves_nothing_behind(start):
    service = start()
    killed = service.ready["pids"]["core"]
    os.kill(killed, signal.SIGKILL)
    starting = eventually(lambda: (pid := service.pids.get("core", killed)) != killed and pid)
    os.kill(service.process.pid, signal.SIGKILL)
    died = time.monotonic()
    eventually(lambda: port_is_free(service.mllp) and port_is_free(address(service.ready["http"])))
    assert time.monotonic() - died < FREE_WITHIN_S
    eventually(lambda: not any(alive(pid) for pid in (starting, service.ready["pids"]["intake"])))
    assert "Traceback" not in service.log.read_text()
