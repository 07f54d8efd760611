"""Both sides of each measure of the log, what a span leaves out, and that the next begins anew."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from adapter.app import doors
from adapter.app.measured_log import LINES_OF_A_HOST, LINES_OF_AN_EVENT, SPAN_S, MeasuredLog
from adapter.app.observing import SAFE_KEYS


class Desk:
    """A log, a clock, and what is to happen later."""

    def __init__(self) -> None:
        self.lines: list[tuple] = []
        self.now, self.due = 100.0, []
        self.log = MeasuredLog(
            lambda event, **facts: self.lines.append((event, facts)),
            clock=lambda: self.now,
            later=lambda delay_s, do: self.due.append((delay_s, do)),
        )

    def told(self, times, *, host="10.0.0.1", event="not-mllp"):
        """How many of so many lines are written."""
        before = len(self.lines)
        for number in range(times):
            self.log.line(event, {"peer": f"{host}:{50000 + number}", "speaks": "http"})
        return len(self.lines) - before

    def end_of_span(self):
        """What the end of the span tells."""
        ((delay_s, do),) = self.due
        self.due.clear()
        self.now += delay_s
        before = len(self.lines)
        do()
        return self.lines[before:]


@pytest.fixture
def desk():
    return Desk()


def test_a_host_has_its_lines_and_the_others_keep_theirs(desk):
    assert desk.told(LINES_OF_A_HOST) == LINES_OF_A_HOST
    assert desk.told(3) == 0
    assert desk.told(1, host="10.0.0.2") == 1
    assert desk.told(1, event="tls-refused") == 1
    assert desk.lines[0] == ("not-mllp", {"peer": "10.0.0.1:50000", "speaks": "http"})


def test_all_hosts_together_have_their_lines(desk):
    hosts = [f"10.0.1.{number}" for number in range(LINES_OF_AN_EVENT)]
    assert sum(desk.told(1, host=host) for host in hosts) == LINES_OF_AN_EVENT
    assert desk.told(1, host="10.0.2.1") == 0
    assert desk.told(1, host="10.0.2.1", event="tls-refused") == 1


def test_hosts_without_end_are_not_remembered(desk):
    for number in range(5000):
        desk.told(1, host=f"10.1.{number // 250}.{number % 250}")
    assert len(desk.log._told) <= LINES_OF_AN_EVENT + 1


def test_the_end_of_a_span_counts_what_was_left_out_and_the_next_begins_anew(desk):
    desk.told(LINES_OF_A_HOST + 7)
    desk.told(LINES_OF_A_HOST, event="junk-skipped")
    desk.told(LINES_OF_A_HOST + 1, event="tls-refused")
    assert desk.end_of_span() == [
        ("lines-left-out", {"kind": "not-mllp", "count": 7, "seconds": round(SPAN_S)}),
        ("lines-left-out", {"kind": "tls-refused", "count": 1, "seconds": round(SPAN_S)}),
    ]
    assert desk.due == []
    assert desk.told(LINES_OF_A_HOST) == LINES_OF_A_HOST
    assert desk.end_of_span() == []


def test_what_has_no_peer_is_measured_too(desk):
    for _ in range(LINES_OF_A_HOST + 1):
        desk.log.line("cannot-keep", {"reason": "full"})
    assert len(desk.lines) == LINES_OF_A_HOST


def test_every_part_of_the_count_is_written():
    assert {"kind", "count", "seconds", "listener"} <= SAFE_KEYS


def test_requests_that_end_too_early_are_measured(monkeypatch):
    monkeypatch.setattr(doors, "_at_the_door", MeasuredLog(doors._warn))

    async def gone():
        for _ in range(LINES_OF_A_HOST + 1):
            doors.observe("http-client-gone", {})

    with capture_logs() as lines:
        asyncio.run(gone())
    assert [line["event"] for line in lines] == ["http-client-gone"] * LINES_OF_A_HOST
