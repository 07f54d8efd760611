"""What `troughline bench --peers` sends and starts: servers that close, servers that die, and the two libraries."""

from __future__ import annotations

import socket
import sys
import threading
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from adapter.commands.bench_load import Load, measured
from adapter.commands.bench_peers_checks import Held
from adapter.commands.bench_peers_known import PEERS
from adapter.commands.bench_peers_runs import Pace, answers, rates
from adapter.commands.bench_peers_servers import PeerDied, bridge, python_hl7

pytestmark = pytest.mark.loopback

ANSWER = b"\x0bMSH|^~\\&|A\rMSA|AA|1\r\x1c\r"
TEN = Load(
    host="127.0.0.1", port=0, connections=2, feed="unfiltered", count=10, seed=1, series="T", closed_after_each=True
)

LIBRARIES = [peer for peer in PEERS if peer.name in ("python-hl7", "hl7apy")]
TINY = Pace(runs=(("unfiltered", 1), ("relevant", 3)), seconds=0.01, probe=4, most=4, rounds=1)


@contextmanager
def listener(answer):
    """A listener that reads one frame a connection, answers it and closes; counts its connections."""
    counted = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    received = b""
                    while not received.endswith(b"\x1c\r") and (data := connection.recv(65536)):
                        received += data
                    if received:
                        counted.append(received)
                        connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1], counted
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def test_to_a_server_that_closes_after_every_answer_each_message_goes_over_a_connection_of_its_own():
    with listener(ANSWER) as (port, connections):
        found = measured(TEN.towards(port))
    assert (found.codes, len(connections)) == ({"AA": 10}, 10)


def test_a_server_that_closes_unexpectedly_breaks_the_load():
    with listener(ANSWER) as (port, _), pytest.raises(OSError, match=r"closed a connection|[Bb]roken pipe|reset"):
        measured(replace(TEN, closed_after_each=False, port=port))


def test_a_message_without_an_answer_fails_its_check_and_no_other_program():
    with listener(b"") as (port, _):
        told = answers(port, lambda: Held(results=(), stored=()), {})
    assert {(one.answer, one.why) for one in told} == {("no", "it closed the connection and gave no answer")}
    assert len(told) == 7


@pytest.mark.parametrize("peer", LIBRARIES, ids=lambda peer: peer.name)
def test_a_library_reads_what_was_sent_and_is_not_blamed_for_what_it_leaves_to_others(peer, tmp_path):
    with peer.start(Path(sys.executable), tmp_path, for_checks=True) as server:
        told = answers(server.port, server.held, peer.not_claimed)
    assert [one.id for one in told if one.answer == "yes"] == ["number", "offset", "comparator", "after-specimen"]
    assert [one.id for one in told if one.answer == "does not do this"] == ["resend", "late-final", "withdrawn"]


@pytest.mark.slow
@pytest.mark.parametrize("peer", LIBRARIES, ids=lambda peer: peer.name)
def test_a_library_answers_every_message_of_the_feed(peer, tmp_path):
    with peer.start(Path(sys.executable), tmp_path, for_checks=False) as server:
        runs = rates(server.port, lambda: 0.0, TINY, 20, closes=peer.closes)
    assert [(run.feed, run.connections, run.measured.codes) for run in runs] == [
        ("unfiltered", 1, {"AA": 4}),
        ("relevant", 3, {"AA": 4}),
    ]


def test_what_still_follows_from_the_messages_counts_until_it_is_done(tmp_path):
    done = []
    with python_hl7(Path(sys.executable), tmp_path, for_checks=False) as server:
        (run,) = rates(
            server.port, lambda: float(len(done)), replace(TINY, runs=TINY.runs[:1]), 20, after=lambda: done.append(1)
        )
    assert len(done) == 2
    assert run.cpu_us == 250_000
    assert run.whole_s >= run.measured.seconds


@pytest.mark.parametrize(
    ("script", "told"),
    [("echo something broke >&2; exit 3", "its server ended: something broke"), ("exit 0", "without a word")],
)
@pytest.mark.parametrize("start", [python_hl7, bridge])
def test_a_server_that_ends_tells_its_last_words(start, script, told, tmp_path):
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    python.chmod(0o700)
    with pytest.raises(PeerDied, match=told), start(python, tmp_path, for_checks=False):
        pass
