"""Senders the site watches: both sides of the limit, told once, a restart, a clock set back, a full disk."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from adapter.app.counters import SENDER_SILENT
from adapter.app.silence import HEARD_FILE, SilenceWatch
from adapter.settings import Sender

AT = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
WATCHED = Sender(match="LIS|*", silent_after_minutes=120)
OTHER = Sender(match="EHR|*")
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def heard():
    """The last message by sender, as the counters tell it."""
    return {}


@pytest.fixture
def watch(tmp_path, heard):
    return lambda: SilenceWatch((WATCHED, OTHER), tmp_path, lambda: heard)


def looked(watch, at):
    """The names of the lines told by one look, and the gauge after it."""
    with capture_logs() as lines:
        watch.look(at)
    return [line["event"] for line in lines], SENDER_SILENT.labels(WATCHED.match)._value.get()


def test_a_sender_is_silent_after_its_limit_and_not_at_it(watch, heard):
    one = watch()
    heard["LIS|*"] = AT.timestamp()
    assert looked(one, AT + 2 * HOUR) == ([], 0)
    assert looked(one, AT + 2 * HOUR + SECOND) == (["sender-silent"], 1)


def test_silence_is_told_once_and_so_is_its_end(watch, heard):
    one = watch()
    heard["LIS|*"] = AT.timestamp()
    told = [looked(one, AT + hours * HOUR) for hours in (3, 4, 5)]
    assert told == [(["sender-silent"], 1), ([], 1), ([], 1)]
    heard["LIS|*"] = (AT + 5 * HOUR).timestamp()
    assert looked(one, AT + 6 * HOUR) == (["sender-heard-again"], 0)
    assert looked(one, AT + 7 * HOUR) == ([], 0)


def test_the_line_names_the_sender_as_the_site_wrote_it_and_how_long(watch, heard):
    heard["LIS|*"] = AT.timestamp()
    with capture_logs() as lines:
        watch().look(AT + 3 * HOUR)
    (line,) = lines
    assert (line["sender"], line["seconds"], line["limit_s"]) == ("LIS|*", 10_800, 7200)


def test_a_sender_never_heard_counts_from_the_first_look(watch):
    one = watch()
    assert looked(one, AT) == ([], 0)
    assert looked(one, AT + 2 * HOUR) == ([], 0)
    assert looked(one, AT + 2 * HOUR + SECOND) == (["sender-silent"], 1)


def test_a_restart_does_not_forget_when_a_sender_was_heard(watch, heard):
    heard["LIS|*"] = AT.timestamp()
    watch().look(AT + HOUR)
    heard.clear()  # the counters of a new process
    again = watch()
    assert looked(again, AT + 2 * HOUR) == ([], 0)
    assert looked(again, AT + 2 * HOUR + SECOND) == (["sender-silent"], 1)


def test_a_clock_set_back_does_not_hide_silence_for_as_long_as_it_went_back(watch, heard):
    one = watch()
    heard["LIS|*"] = (AT + 30 * HOUR).timestamp()
    assert looked(one, AT) == ([], 0)
    heard.clear()
    assert looked(one, AT + 2 * HOUR + SECOND) == (["sender-silent"], 1)


def test_a_sender_without_a_limit_is_not_watched(tmp_path):
    with capture_logs() as lines:
        SilenceWatch((OTHER,), tmp_path, dict).look(AT)
    assert lines == []
    assert not (tmp_path / HEARD_FILE).exists()


@pytest.mark.parametrize("left", [b"", b"{", b"[1]", b'{"LIS|*": "yesterday"}', b"\xff"])
def test_a_file_that_cannot_be_read_says_nothing(watch, tmp_path, left):
    (tmp_path / HEARD_FILE).write_bytes(left)
    one = watch()
    assert looked(one, AT) == ([], 0)
    assert looked(one, AT + 3 * HOUR) == (["sender-silent"], 1)


def test_a_sender_no_longer_watched_leaves_the_file(watch, tmp_path, heard):
    (tmp_path / HEARD_FILE).write_text(json.dumps({"OLD|*": 1.0, "LIS|*": 2.0}), encoding="utf-8")
    heard["LIS|*"] = AT.timestamp()
    watch().look(AT + HOUR)
    assert json.loads((tmp_path / HEARD_FILE).read_text(encoding="utf-8")) == {"LIS|*": AT.timestamp()}


def test_a_store_that_cannot_be_written_does_not_end_the_watch(tmp_path, heard):
    heard["LIS|*"] = AT.timestamp()
    one = SilenceWatch((WATCHED,), tmp_path / "gone", lambda: heard)
    assert looked(one, AT + HOUR) == ([], 0)
    assert looked(one, AT + 3 * HOUR) == (["sender-silent"], 1)
