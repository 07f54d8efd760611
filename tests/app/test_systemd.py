"""What systemd hears: ready once every door is open, alive as long as both processes work, stopping at the end."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from adapter.app import supervisor
from adapter.app.children import Child
from adapter.app.supervisor import HEARD_WITHIN_S
from adapter.app.systemd import ADDRESS, FEEDINGS, OURS, WATCHDOG_PID, WATCHDOG_USEC, Systemd
from adapter.app.versions import Versions

SECOND = 1_000_000


class Manager:
    """The other end of the socket, as systemd holds it."""

    def __init__(self, place: str) -> None:
        self.address = place
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{place[1:]}" if place.startswith("@") else place)

    def next(self, *, within_s: float = 20.0) -> str:
        """The next datagram; empty when none comes in time."""
        self._socket.settimeout(within_s)
        try:
            return self._socket.recv(4096).decode()
        except (TimeoutError, BlockingIOError):
            return ""

    def all_until(self, wanted: str, *, within_s: float = 20.0) -> list[str]:
        """Every datagram up to the wanted one."""
        heard, deadline = [], time.monotonic() + within_s
        while wanted not in heard and time.monotonic() < deadline:
            heard += [told] if (told := self.next(within_s=0.5)) else []
        return heard

    def drained(self) -> int:
        """How many datagrams lie there."""
        count = 0
        while self.next(within_s=0):
            count += 1
        return count

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    abstract = f"@troughline-test-{secrets.token_hex(8)}"
    made = Manager(abstract if request.param == "abstract" else str(tmp_path / "notify"))
    yield made
    made.close()


def test_each_word_is_one_datagram(manager):
    systemd = Systemd({ADDRESS: manager.address})
    systemd.ready("MLLP 127.0.0.1:2575")
    systemd.stopping()
    systemd.alive(0.0)
    assert [manager.next(), manager.next()] == ["READY=1\nSTATUS=MLLP 127.0.0.1:2575", "STOPPING=1"]
    assert manager.drained() == 0


def test_the_watchdog_is_fed_often_enough_and_not_at_every_call(manager):
    systemd = Systemd({ADDRESS: manager.address, WATCHDOG_USEC: str(4 * SECOND), WATCHDOG_PID: str(os.getpid())})
    every_s = 4.0 / FEEDINGS
    fed = []
    for now_s in (100.0, 100.0 + every_s - 0.01, 100.0 + every_s, 100.0 + every_s + 0.01, 100.0 + 2 * every_s):
        systemd.alive(now_s)
        fed.append(manager.drained())
    assert fed == [1, 0, 1, 0, 1]


@pytest.mark.parametrize(
    "watchdog",
    [{}, {WATCHDOG_USEC: "0"}, {WATCHDOG_USEC: "soon"}, {WATCHDOG_USEC: "2000000", WATCHDOG_PID: str(os.getpid() + 1)}],
)
def test_a_watchdog_nobody_set_or_meant_for_another_is_not_fed(manager, watchdog):
    Systemd({ADDRESS: manager.address, **watchdog}).alive(0.0)
    assert manager.drained() == 0


@pytest.mark.parametrize("place", ["", "relative", "@nobody-listens-there", "/nowhere/notify", "vsock:2:1"])
def test_where_nobody_listens_every_word_is_lost_and_harmless(place):
    systemd = Systemd({ADDRESS: place, WATCHDOG_USEC: "1000000"})
    systemd.ready("")
    systemd.alive(0.0)
    systemd.stopping()


def test_a_manager_that_does_not_read_holds_nobody_up(manager):
    systemd = Systemd({ADDRESS: manager.address})
    for _ in range(2000):
        systemd.stopping()
    assert 0 < manager.drained() < 2000


@pytest.fixture
def child():
    """A process that tells as often as a line comes in that its loop turns."""
    program = "import sys\nfor line in sys.stdin: print(flush=True)"
    process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    os.set_blocking(process.stdout.fileno(), False)
    yield Child(name="core", process=process, started_at=0.0, runs=Versions(mappings="", policies=""))
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def test_a_process_counts_as_working_while_it_tells_so_and_lives(child, monkeypatch):
    now = [time.monotonic()]
    monkeypatch.setattr(supervisor.time, "monotonic", lambda: now[0])
    child.heard_at = now[0]
    now[0] += HEARD_WITHIN_S - 0.01
    assert supervisor._all_work([child])
    now[0] += 0.01
    assert not supervisor._all_work([child])
    child.process.stdin.write(b"\n")
    child.process.stdin.flush()
    while not supervisor._all_work([child]):
        pass
    assert child.heard_at == now[0]
    child.process.kill()
    child.process.wait()
    assert not supervisor._all_work([child])


@pytest.mark.slow
@pytest.mark.loopback
def test_the_service_says_that_it_is_ready_alive_and_stopping(start, manager):
    service = start(environment={ADDRESS: manager.address, WATCHDOG_USEC: str(2 * SECOND)})
    status = f"STATUS=MLLP {service.ready['mllp']}, HTTP {service.ready['http']}"
    assert manager.all_until("WATCHDOG=1") == [f"READY=1\n{status}", "WATCHDOG=1"]
    for name, pid in service.pids.items():
        inherited = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        named = {entry.partition(b"=")[0].decode() for entry in inherited} & OURS
        assert named == ({ADDRESS, WATCHDOG_USEC} if name == "parent" else set())
    assert service.stop() == 0
    heard = manager.all_until("STOPPING=1")
    assert heard[-1] == "STOPPING=1"
    assert set(heard[:-1]) <= {"WATCHDOG=1"}


@pytest.mark.slow
@pytest.mark.parametrize("manager", ["path"], indirect=True)
@pytest.mark.parametrize("room", ["core", "intake"])
def test_the_watchdog_is_not_fed_while_a_process_hangs(start, manager, room):
    service = start(environment={ADDRESS: manager.address, WATCHDOG_USEC: str(2 * SECOND)})
    assert "WATCHDOG=1" in manager.all_until("WATCHDOG=1")
    os.kill(service.pids[room], signal.SIGSTOP)
    time.sleep(HEARD_WITHIN_S + 1)
    manager.drained()
    time.sleep(2)
    hanging = manager.drained()
    os.kill(service.pids[room], signal.SIGCONT)
    assert hanging == 0
    assert "WATCHDOG=1" in manager.all_until("WATCHDOG=1")
