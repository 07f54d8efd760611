from __future__ import annotations

import pytest

from adapter.store.memory import MemoryInbox, MemoryState
from adapter.store.sqlite_inbox import SqliteInbox
from adapter.store.sqlite_state import SqliteState


@pytest.fixture(params=["memory", "sqlite"])
def inbox(request, tmp_path):
    made = MemoryInbox("inbox") if request.param == "memory" else SqliteInbox(tmp_path / "store" / "inbox.db", "inbox")
    yield made
    made.close()


@pytest.fixture(params=["memory", "sqlite"])
def state(request, tmp_path):
    made = MemoryState() if request.param == "memory" else SqliteState(tmp_path / "store" / "state.db")
    yield made
    made.close()
