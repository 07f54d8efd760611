"""The census counts every code, as long as there is room: made-up ones do not fill the disk."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from at_length import examples
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from adapter.store import census_rows
from adapter.store.census import CodeSeen, add_up
from adapter.store.sqlite_inbox import SqliteInbox

AT = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


def code_seen(sender):
    return CodeSeen(sender=sender, system="L", code="K", text="", count=1, first=AT, last=AT)


@pytest.fixture
def inbox(tmp_path, monkeypatch):
    monkeypatch.setattr(census_rows, "CENSUS_ROWS_LIMIT", 3)
    made = SqliteInbox(tmp_path / "store" / "inbox.db", "inbox")
    yield made
    made.close()


def test_the_last_place_is_given_and_no_further_one(inbox):
    inbox.note_codes([code_seen(f"S{number}|H") for number in range(2)])
    inbox.flush()
    inbox.note_codes([code_seen(f"S{number}|H") for number in range(5)])
    inbox.flush()
    inbox.note_codes([code_seen("S4|H"), code_seen("S0|H")])
    inbox.flush()
    assert [(row.sender, row.count) for row in inbox.census()] == [("S0|H", 3), ("S1|H", 2), ("S2|H", 1)]


counted = st.builds(
    CodeSeen,
    sender=st.sampled_from(["S1|H", "S2|H"]),
    system=st.sampled_from(["", "L"]),
    code=st.sampled_from(["K", "NA"]),
    text=st.sampled_from(["", "potassium", "sodium"]),
    count=st.integers(1, 3),
    first=st.integers(0, 4).map(lambda hours: AT + timedelta(hours=hours)),
    last=st.integers(0, 4).map(lambda hours: AT + timedelta(hours=hours)),
)


@given(st.lists(st.lists(counted, max_size=4), max_size=5))
@hypothesis_settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_counted_up_in_the_file_is_what_adding_up_gives(tmp_path_factory, handfuls):
    inbox = SqliteInbox(tmp_path_factory.mktemp("counted") / "inbox.db", "inbox")
    expected: dict[tuple[str, str, str], CodeSeen] = {}
    for handful in handfuls:
        inbox.note_codes(handful)
        inbox.flush()
        together: dict[tuple[str, str, str], CodeSeen] = {}
        add_up(handful, together)
        add_up(together.values(), expected)
    assert {row.place: row for row in inbox.census()} == expected
    inbox.close()
