"""The door of imports: keeps what it is handed, says what it cannot, and never gets far ahead of the engine."""

from __future__ import annotations

import json
import threading
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from running_service import eventually
from structlog.testing import capture_logs

from adapter.app import import_door
from adapter.app.import_door import AHEAD_LINES, SOCKET, ImportDoor, packed, unpacked
from adapter.app.keeping import GroupKeeper
from adapter.domain.message import Arrival
from adapter.store.faults import CannotKeep
from adapter.store.imports import Mark
from adapter.transport.local_socket import Unheard, connected, received, send

AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
MARK = Mark(path="/export/a.ndjson", source="ehr", size=10, head="h", at=AT, reasons={"not-json": 2})
LINES = [
    Arrival(kind="fhir", source="ehr", listener="import", raw=raw, received_at=AT, message_type="Patient", file="a:1")
    for raw in (b"one", b"", b"\xff\n\0")
]

pytestmark = pytest.mark.loopback


class Made:
    """A door on an inbox; `ahead` is what the engine has not read."""

    def __init__(self, folder, keeper):
        self.keeper, self.ahead, self.woken = keeper, 0, 0
        self.door = ImportDoor(folder, keeper, lambda: self.ahead, self.wake)
        self.door.start()
        self.line = connected(folder, SOCKET)

    def wake(self):
        self.woken += 1

    def ask(self, text, body=b""):
        send(self.line, text, body)
        return json.loads(received(self.line, 0)[0])

    def close(self):
        self.line.close()
        self.door.stop(5)


@pytest.fixture
def made(tmp_path):
    keeper = GroupKeeper(tmp_path / "inbox-core.db", "inbox-core", lambda _: None)
    door = Made(tmp_path, keeper)
    yield door
    door.close()
    keeper.close()


def test_what_is_packed_is_what_is_unpacked():
    assert unpacked(*packed(LINES, MARK)) == (LINES, MARK)
    text, body = packed(LINES, MARK)
    with pytest.raises(ValueError, match="differ"):
        unpacked(text, body + b"x")


def test_lines_are_kept_and_the_engine_is_woken(made):
    told = made.ask(*packed(LINES, replace(MARK, done=True)))
    assert Mark.from_dict(told["mark"]).kept == 3
    assert [one.arrival.raw for one in made.keeper.inbox.after(0, 9)] == [b"one", b"", b"\xff\n\0"]
    assert made.woken == 1


def test_messages_are_kept_beside_lines(made):
    pushed = made.keeper.submit(replace(LINES[0], listener="http", raw=b"pushed"))
    made.ask(*packed(LINES, MARK))
    pushed.result(5)
    assert {one.arrival.raw for one in made.keeper.inbox.after(0, 9)} == {b"pushed", b"one", b"", b"\xff\n\0"}


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{}", b'{"arrivals":[],"mark":{}}', b'{"arrivals":[{}],"mark":{}}', b"\xff"]
)
def test_what_nobody_says_here_is_refused_and_the_door_stays_open(made, text):
    assert "both have to be of one version" in made.ask(text)["refused"]
    assert "mark" in made.ask(*packed(LINES, MARK))


@pytest.mark.parametrize(
    ("fault", "said"), [(CannotKeep("The disk is full."), "disk is full"), (ZeroDivisionError(), "ZeroDiv")]
)
def test_what_cannot_be_kept_is_told(made, monkeypatch, fault, said):
    def refuse(*_):
        raise fault

    monkeypatch.setattr(made.keeper, "keep_imported", refuse)
    assert said in made.ask(*packed(LINES, MARK))["refused"]
    assert made.woken == 0


def test_no_more_lines_are_kept_while_too_many_are_not_understood(made):
    made.ahead = AHEAD_LINES + 1
    send(made.line, *packed(LINES, MARK))
    waiting = threading.Event()
    assert not waiting.wait(3 * import_door.LOOK_EVERY_S)
    assert made.keeper.inbox.last_seq() == 0
    made.ahead = AHEAD_LINES
    assert "mark" in json.loads(received(made.line, 0)[0])


def test_stopping_ends_a_connection_that_waits_and_removes_the_socket(made, tmp_path):
    made.ahead = AHEAD_LINES + 1
    send(made.line, *packed(LINES, MARK))
    made.door.stop(5)
    with suppress(Unheard):  # what it says last may still arrive
        received(made.line, 0)
    with pytest.raises(Unheard):
        received(made.line, 0)
    assert made.keeper.inbox.last_seq() == 0
    assert not (tmp_path / SOCKET).exists()


def test_a_command_that_dies_in_mid_frame_leaves_nothing(made, tmp_path):
    with connected(tmp_path, SOCKET) as other:
        text, body = packed(LINES, MARK)
        send(other, text)
        other.sendall(body[:1])
    eventually(lambda: "mark" in made.ask(*packed(LINES[:1], MARK)))
    assert [one.arrival.raw for one in made.keeper.inbox.after(0, 9)] == [b"one"]


def test_a_socket_that_cannot_be_made_is_told_and_nothing_else_ends(tmp_path):
    with (
        closing(GroupKeeper(tmp_path / "inbox-core.db", "inbox-core", lambda _: None)) as keeper,
        capture_logs() as logs,
    ):
        door = ImportDoor(tmp_path / "absent", keeper, lambda: 0, lambda: None)
        door.start()
        door.stop(1)
    assert [(one["event"], one["reason"]) for one in logs] == [("import-door-closed", "No such file or directory")]
