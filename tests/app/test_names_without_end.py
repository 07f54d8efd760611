"""A peer that writes another name into every message: what is remembered of senders stays within bounds."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from adapter.app import counters
from adapter.app.asking import ASKED
from adapter.app.engine import Engine, EngineParts
from adapter.app.parts import rules_for
from adapter.app.remembering import SENDERS_REMEMBERED, remembered
from adapter.app.replaying import FOLDER, Replays, Request, ask
from adapter.app.silence import HEARD_FILE, SilenceWatch
from adapter.pipeline.reception import NAME_LIMIT_CHARS
from adapter.settings import Sender, Settings

AT = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
SITE = Settings(senders=(Sender(match="LIS|*", decimal_comma=True), Sender(match="EHR|*")))
STRANGERS = [f"X{n}|HOSP" for n in range(SENDERS_REMEMBERED)]


@pytest.fixture
def site_names():
    counters.name_senders(SITE.sender_name)
    yield
    counters.name_senders(lambda _: counters.OTHER_SENDER)


def test_as_many_senders_are_remembered_as_fit_and_the_oldest_goes_first():
    asked = []
    of = remembered(lambda sender: asked.append(sender) or sender.lower())
    assert [of(sender) for sender in (*STRANGERS, STRANGERS[0])] == [*(s.lower() for s in STRANGERS), "x0|hosp"]
    assert len(asked) == SENDERS_REMEMBERED
    of("ONE|MORE")
    of(STRANGERS[0])
    assert len(asked) == SENDERS_REMEMBERED + 1
    of(STRANGERS[1])
    assert len(asked) == SENDERS_REMEMBERED + 2


@pytest.mark.parametrize(("length", "times"), [(NAME_LIMIT_CHARS, 1), (NAME_LIMIT_CHARS + 1, 2)])
def test_what_no_sender_is_called_is_looked_up_and_not_kept(length, times):
    asked = []
    of = remembered(lambda sender: asked.append(sender) or len(sender))
    assert [of("x" * length), of("x" * length)] == [length, length]
    assert len(asked) == times


def test_the_rules_of_a_sender_are_the_same_after_many_others_came_and_he_was_forgotten():
    rules = rules_for(SITE, None)
    first = rules("LIS|LAB")
    assert rules("LIS|LAB") is first
    for sender in STRANGERS:
        assert not rules(sender).decimal_comma
    assert rules("LIS|LAB") == first
    assert rules("LIS|LAB") is not first


@pytest.mark.usefixtures("site_names")
def test_a_metric_has_a_line_for_each_name_of_the_site_and_one_for_all_others():
    for sender in ("LIS|A", "LIS|B", "EHR|A", *STRANGERS):
        counters.heard("names", sender)
    lines = [labels for labels in counters.FROM_SENDER._metrics if labels[0] == "names"]
    assert sorted(lines) == [("names", "EHR|*"), ("names", "LIS|*"), ("names", "other")]
    assert counters.FROM_SENDER.labels("names", "LIS|*")._value.get() == 2
    assert counters.FROM_SENDER.labels("names", "other")._value.get() == len(STRANGERS)


def test_only_senders_of_the_site_are_written_down_as_heard(tmp_path):
    (tmp_path / HEARD_FILE).write_text(json.dumps(dict.fromkeys(STRANGERS, 1.0)))
    watched = Sender(match="LIS|*", silent_after_minutes=5)
    told = dict.fromkeys((*STRANGERS, "LIS|*"), AT.timestamp())
    SilenceWatch((watched,), tmp_path, lambda: told).look(AT)
    assert json.loads((tmp_path / HEARD_FILE).read_text()) == {"LIS|*": AT.timestamp()}


def test_a_patient_whose_rest_is_over_is_forgotten(monkeypatch):
    engine = Engine(EngineParts(parts=None, cursors=None, inboxes=(), clock=lambda: AT, after_commit=lambda: None))
    now = [100.0]
    monkeypatch.setattr("adapter.app.engine.time.monotonic", lambda: now[0])
    engine._resting_until.update(dict.fromkeys(STRANGERS, 160.0))
    engine.reassess([STRANGERS[0], "p1"])
    assert (len(engine._resting_until), list(engine._due)) == (len(STRANGERS), ["p1"])
    now[0] = 160.0
    engine.reassess([STRANGERS[0]])
    assert (engine._resting_until, list(engine._due)) == ({}, ["p1", STRANGERS[0]])


def test_a_request_that_is_done_is_forgotten(tmp_path):
    replays = Replays(tmp_path, "mark", lambda: AT)
    for number in range(3):
        ask(tmp_path, Request(id=f"r{number}", asked_at="", because="", read_with="mark", messages=()))
    replays.look(lambda *_: None)
    assert list((tmp_path / FOLDER).glob(f"*{ASKED}")) == []
    assert replays._taken == set()
