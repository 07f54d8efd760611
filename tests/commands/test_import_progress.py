from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from adapter.commands import import_progress
from adapter.commands.import_plan import Plan
from adapter.store.imports import Mark

MARK = Mark(path="/export/a.ndjson", source="ehr", size=4000, head="", at=datetime(2026, 3, 1, tzinfo=UTC))
PLAN = Plan(path=Path("/export/a.ndjson"), mark=MARK, begun=False)


@pytest.fixture
def clock(monkeypatch):
    """Seconds, as the test turns them."""
    now = [100.0]
    monkeypatch.setattr(import_progress.time, "monotonic", lambda: now[0])
    return now


def test_elsewhere_than_on_a_terminal_a_line_is_told_every_ten_seconds(clock, capsys):
    with import_progress.telling() as progress:
        progress.begin(PLAN)
        for seconds, number in ((9.9, 10), (0.2, 1010), (5.0, 1500), (5.1, 2020)):
            clock[0] += seconds
            progress.told(replace(MARK, number=number, offset=number))
    assert capsys.readouterr().err.splitlines() == [
        "a.ndjson: 1,010 lines, 1,010 of 4,000 bytes, 100 lines/s",
        "a.ndjson: 2,020 lines, 2,020 of 4,000 bytes, 100 lines/s",
    ]


@pytest.mark.parametrize("path", [None, Path("/export/a.ndjson.gz")])
def test_of_what_nobody_knows_the_size_no_size_is_told(clock, capsys, path):
    with import_progress.telling() as progress:
        progress.begin(replace(PLAN, path=path))
        clock[0] += 10
        progress.told(replace(MARK, number=20, offset=500))
    assert capsys.readouterr().err.endswith(": 20 lines, 500 bytes, 2 lines/s\n")


def test_what_is_not_understood_yet_is_told_too(clock, capsys):
    with import_progress.telling() as progress:
        progress.begin(PLAN)
        progress.waiting(900)
        clock[0] += 10
        progress.waiting(700)
    assert capsys.readouterr().err == "700 kept and not understood yet\n"


def test_on_a_terminal_a_bar_grows(monkeypatch):
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=120)
    monkeypatch.setattr(import_progress, "Console", lambda **_: terminal)
    with import_progress.telling() as progress:
        progress.begin(PLAN)
        progress.told(replace(MARK, number=20, offset=4000))
        progress.waiting(7)
        progress.waiting(3)
    shown = screen.getvalue()
    assert "a.ndjson" in shown
    assert "20 lines" in shown
    assert "3 lines" in shown
