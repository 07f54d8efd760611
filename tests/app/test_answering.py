"""Application answers on their way to another address: over real sockets, in order, until each is acknowledged."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from authority import Authority
from running_service import eventually
from structlog.testing import capture_logs

from adapter.app import answering
from adapter.app.answering import Answering
from adapter.app.counters import ANSWERS_OLDEST, ANSWERS_TOLD, ANSWERS_WAITING
from adapter.settings.site import ApplicationAnswers
from adapter.store.answers_told import note_told, told_to
from adapter.store.owed_answers import OwedAnswers, OwedAnswersReader
from adapter.transport.mllp import MllpLimits, MllpListener
from adapter.transport.tls_server import ServerTls, ServerTlsFiles

pytestmark = [pytest.mark.loopback, pytest.mark.timeout(60)]


class Receiver:
    """Takes answers on a port of its own; `says` gives what it acknowledges each with, None closes."""

    def __init__(self, says=lambda _: "CA", *, port=0, tls=None) -> None:
        self.heard: list[str] = []
        self._says = says
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._listener = asyncio.run_coroutine_threadsafe(self._open(port, tls), self._loop).result(10)

    async def _open(self, port, tls):
        async def handle(message, _peer):
            name = message.split(b"|")[9].decode()
            self.heard.append(name)
            code = self._says(name)
            if code is None:
                raise RuntimeError("no answer")
            return f"MSH|^~\\&|LIS\rMSA|{code}|{name}\r".encode()

        listener = MllpListener(
            handle=handle, too_large=lambda _: None, limits=MllpLimits(), on_event=lambda *_: None, tls=tls
        )
        self.port = await listener.start("127.0.0.1", port)
        return listener

    def close(self):
        asyncio.run_coroutine_threadsafe(self._listener.stop(1), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@contextmanager
def receiving(*given, **more):
    receiver = Receiver(*given, **more)
    try:
        yield receiver
    finally:
        receiver.close()


class Port:
    """One port that owes answers."""

    def __init__(self, folder, name) -> None:
        self.folder, self.name = folder / "store", name
        self.owed = OwedAnswers(self.folder / "answers.db", on_lost=lambda: None, on_broken=lambda _: None)
        self.reader = OwedAnswersReader(self.folder / "answers.db")

    def owes(self, *names):
        for name in names:
            self.owed.owe(
                self.name, f"MSH|^~\\&|T|H|L|H|1||ACK|{name}|P|2.5|||AL|NE\rMSA|AA|A\r".encode(), datetime.now(UTC)
            )

    @contextmanager
    def answering(self, port, **more):
        sending = Answering(
            self.name, ApplicationAnswers(host="127.0.0.1", port=port, **more), self.reader, self.folder
        )
        sending.start()
        try:
            yield sending
        finally:
            sending.stop(10)

    def waiting(self):
        return ANSWERS_WAITING.labels(self.name)._value.get(), ANSWERS_OLDEST.labels(self.name)._value.get()

    def told(self, state):
        return ANSWERS_TOLD.labels(self.name, state)._value.get()


@pytest.fixture
def port(tmp_path, request, monkeypatch):
    monkeypatch.setattr(answering, "FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(answering, "LOOK_EVERY_S", 0.02)
    monkeypatch.setattr(answering, "GAUGES_EVERY_S", 0.0)
    made = Port(tmp_path, f"lab/{request.node.name}")
    yield made
    made.owed.close()
    made.reader.close()


def test_answers_are_told_in_order_and_once_over_a_restart_too(port):
    with receiving() as receiver:
        with port.answering(receiver.port):
            port.owes("T1", "T2", "T3")
            eventually(lambda: len(receiver.heard) == 3)
            eventually(lambda: port.waiting() == (0, 0))
        port.owes("T4")
        with port.answering(receiver.port):
            eventually(lambda: len(receiver.heard) == 4)
    assert receiver.heard == ["T1", "T2", "T3", "T4"]
    assert port.told("confirmed") == 4


def test_what_nobody_takes_waits_is_told_and_goes_out_when_somebody_listens(port):
    with receiving() as gone:
        place = gone.port
    port.owes("T1", "T2")
    with capture_logs() as lines, port.answering(place):
        eventually(lambda: any(line["event"] == "application-answer-not-told" for line in lines))
        eventually(lambda: port.waiting()[0] == 2 and port.waiting()[1] > 0)
        with receiving(port=place) as receiver:
            eventually(lambda: len(receiver.heard) == 2)
            eventually(lambda: port.waiting()[0] == 0)
            assert receiver.heard == ["T1", "T2"]
    (reason, *_) = {line["reason"] for line in lines if line["event"] == "application-answer-not-told"}
    assert reason == "nobody listens there"


@pytest.mark.parametrize("first", ["CR", "AR", None, "XX|", "CA|another"])
def test_what_is_not_acknowledged_is_sent_again_before_the_next(port, first):
    said = iter([first])
    with receiving(lambda _: next(said, "CA")) as receiver, port.answering(receiver.port):
        port.owes("T1", "T2")
        eventually(lambda: port.told("confirmed") == 2)
        assert receiver.heard == ["T1", "T1", "T2"]


@pytest.mark.parametrize("code", ["CE", "AE"])
def test_a_refused_answer_is_told_and_does_not_hold_up_the_next(port, code):
    with (
        capture_logs() as lines,
        receiving(lambda name: code if name == "T1" else "AA") as receiver,
        port.answering(receiver.port),
    ):
        port.owes("T1", "T2")
        eventually(lambda: port.told("confirmed") == 1)
        assert receiver.heard == ["T1", "T2"]
    assert port.told("refused") == 1
    assert [line["event"] for line in lines] == ["application-answer-refused"]


@pytest.mark.slow
def test_a_receiver_that_never_answers_is_asked_again_on_a_new_connection(port):
    gate = threading.Event()
    silent = iter([True])

    def says(_name):
        if next(silent, False):
            gate.wait(3)
        return "CA"

    with receiving(says) as receiver, port.answering(receiver.port, timeout_s=1):
        port.owes("T1")
        eventually(lambda: port.told("confirmed") == 1)
        gate.set()
    assert set(receiver.heard) == {"T1"}


def test_of_another_file_everything_is_told(port, tmp_path):
    with receiving() as receiver:
        with port.answering(receiver.port):
            port.owes("T1", "T2", "T3")
            eventually(lambda: port.told("confirmed") == 3)
        port.owed.close()
        port.reader.close()
        for file in port.folder.glob("answers.db*"):
            file.unlink()
        other = Port(tmp_path, port.name)
        other.owes("T4")
        with other.answering(receiver.port):
            eventually(lambda: "T4" in receiver.heard)
        other.owed.close()
        other.reader.close()


def test_of_another_file_a_note_is_taken_back_before_anything_is_told(port):
    note_told(port.folder, port.name, 5)
    port.owes("T1")
    eventually(lambda: port.reader.last_id() == 1)
    with capture_logs() as lines, port.answering(9):
        eventually(lambda: lines)
        assert told_to(port.folder, port.name) == 0


def test_both_sides_show_their_certificates_when_tls_is_wanted(port, tmp_path):
    authority = Authority(tmp_path, "lis")
    ours, theirs = authority.issue("ours"), authority.issue("theirs")
    tls = ServerTls(
        ServerTlsFiles(
            certificate=theirs.certificate,
            key=theirs.key,
            client_cert="required",
            client_ca=tmp_path / "lis.crt",
            client_fingerprints=(),
        )
    )
    files = {"tls_ca": tmp_path / "lis.crt", "tls_certificate": ours.certificate, "tls_key": ours.key}
    port.owes("T1")
    with receiving(tls=tls) as receiver:
        with capture_logs() as lines, port.answering(receiver.port, tls=True, tls_ca=tmp_path / "lis.crt"):
            eventually(lambda: lines)
        assert receiver.heard == []
        with port.answering(receiver.port, tls=True, tls_any_name=True, **files):
            eventually(lambda: receiver.heard == ["T1"])
