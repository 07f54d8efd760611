"""Application answers to another address, by the running service: kept over a restart, and nobody waits for them."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading

import hospital
import pytest
from asking import asking
from running_service import Laboratory, code_of, eventually, port_is_free

from adapter.cli import main

pytestmark = [pytest.mark.loopback, pytest.mark.slow, pytest.mark.timeout(120)]

SITE = """\
mllp:
- name: north
  port: 0
  ack_mode: enhanced
  application_answers:
    host: 127.0.0.1
    port: {port}
    timeout_s: 5
"""


class Receiver:
    """Hears application answers on a port of its own and confirms each with CA."""

    def __init__(self, port) -> None:
        self.heard: list[tuple[str, str]] = []
        self._listening = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                line, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(line,), daemon=True).start()

    def _talk(self, line):
        received = b""
        with line:
            while data := line.recv(65536):
                received += data
                while b"\x1c\r" in received:
                    message, _, received = received.partition(b"\x1c\r")
                    fields = message.split(b"\r")[0].split(b"|")
                    msa = next(part for part in message.split(b"\r") if part.startswith(b"MSA")).split(b"|")
                    self.heard.append((msa[1].decode(), msa[2].decode()))
                    line.sendall(b"\x0bMSH|^~\\&|LIS\rMSA|CA|" + fields[9] + b"\r\x1c\r")

    def close(self):
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


@pytest.fixture
def place():
    with socket.create_server(("127.0.0.1", 0)) as free:
        number = free.getsockname()[1]
    assert port_is_free(("127.0.0.1", number))
    return number


def waiting(service):
    lines = service.get("/metrics").text.splitlines()
    found = [line for line in lines if line.startswith('troughline_application_answers_waiting{listener="north"}')]
    return float(found[0].rpartition(" ")[2]) if found else None


def test_answers_wait_for_their_receiver_over_kills_and_are_told_in_order(start, place, tmp_path, capsys):
    (tmp_path / "site.yaml").write_text(SITE.format(port=place))
    service = start("--config", str(tmp_path / "site.yaml"))
    with Laboratory(service.mllp) as lab:
        for name, message in (
            ("A1", hospital.oru("A1")),
            ("A2", hospital.everyday("A2")),
            ("A3", hospital.oru("A3", filler="F3", unit="")),
        ):
            answer = lab.send(asking(message))
            assert (code_of(answer), f"MSA|CA|{name}".encode() in answer) == ("CA", True)
    eventually(lambda: waiting(service) == 3)
    assert main(["status", "--store", str(service.store), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["application_answers"] == {"north": 3}
    assert main(["status", "--store", str(service.store)]) == 0
    assert "application answers of north: 3 wait for their receiver" in capsys.readouterr().out
    before = service.pids
    for room in ("intake", "core"):
        os.kill(before[room], signal.SIGKILL)
    receiver = Receiver(place)
    eventually(lambda: len(receiver.heard) == 3)
    eventually(lambda: waiting(service) == 0)
    assert receiver.heard == [("AA", "A1"), ("AA", "A2"), ("AE", "A3")]
    assert service.stop() == 0
    receiver.close()
