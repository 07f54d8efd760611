"""Requests to read again wait while the service changes what it reads with; none is read with two sets."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime

import pytest

from adapter.app.asking import ASKED, DONE
from adapter.app.replaying import FOLDER, OTHER_TABLES, Replays, Request, ask
from adapter.domain.message import MessageRef, Work
from adapter.pipeline.process import Processed

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
MESSAGES = tuple(MessageRef(inbox="inbox", seq=seq, source="lab") for seq in (1, 2))


@pytest.fixture
def replays(tmp_path):
    return Replays(tmp_path, "old", lambda: NOW)


def asked(store, name, mark):
    request = Request(id=name, asked_at="2026-03-10T11:00:00Z", because="row", read_with=mark, messages=MESSAGES)
    ask(store, request)


def result(store, name):
    place = store / FOLDER / f"{name}{DONE}"
    return json.loads(place.read_text()) if place.exists() else None


def at_once(_message, told, _released):
    told(Processed(work=Work(at=NOW), translations=()))


def test_while_paused_nothing_is_begun(replays, tmp_path):
    replays.pause()
    asked(tmp_path, "r1", "old")
    replays.look(at_once)
    assert result(tmp_path, "r1") is None
    replays.go_on("old")
    replays.look(at_once)
    assert result(tmp_path, "r1")["messages"] == 2


@pytest.mark.parametrize(("mark", "refused"), [("old", OTHER_TABLES), ("new", None)])
def test_after_a_change_only_what_was_asked_with_the_new_is_read(replays, tmp_path, mark, refused):
    replays.pause()
    asked(tmp_path, "r1", mark)
    replays.go_on("new")
    replays.look(at_once)
    assert result(tmp_path, "r1").get("refused") == refused
    assert not (tmp_path / FOLDER / f"r1{ASKED}").exists()


def test_a_pause_waits_until_what_is_being_begun_is_begun(replays, tmp_path):
    asked(tmp_path, "r1", "old")
    begun, paused, order = threading.Event(), threading.Event(), []

    def slowly(_message, _told, _released):
        begun.set()
        assert not paused.wait(0.2)
        order.append("begun")

    looking = threading.Thread(target=replays.look, args=(slowly,))
    looking.start()
    assert begun.wait(10)
    replays.pause()
    order.append("paused")
    paused.set()
    looking.join(10)
    assert order == ["begun", "begun", "paused"]
