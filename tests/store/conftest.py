from __future__ import annotations

from datetime import UTC, datetime

import pytest

from adapter.domain.message import Arrival
from adapter.store.sqlite_inbox import SqliteInbox
from adapter.store.sqlite_state import SqliteState


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def inbox(folder):
    made = SqliteInbox(folder / "inbox.db", "inbox")
    yield made
    made.close()


@pytest.fixture
def state(folder):
    made = SqliteState(folder / "state.db")
    yield made
    made.close()


@pytest.fixture
def oru():
    def make(number=1, content=b"MSH|one"):
        return Arrival(
            kind="hl7v2",
            source="lab",
            listener="mllp",
            raw=content,
            received_at=datetime(2025, 3, 10, 11, 30, tzinfo=UTC),
            sender="LAB|HOSP",
            control_id=f"M{number:06d}",
            digest=f"{content.hex():0>64}",
        )

    return make
