"""The polls of all sources as core holds them: hints, levels, waiting messages, and an inbox that was lost."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from records_server import RecordsServer, dose, patient
from running_service import eventually
from structlog.testing import capture_logs

from adapter.app.keeping import GroupKeeper
from adapter.app.parts import Loaded, service_parts
from adapter.app.polls import SourcePolls
from adapter.domain.message import MessageRef, Parked, Work
from adapter.knowledge.load import load_knowledge
from adapter.knowledge.policies import load_rulebook
from adapter.pipeline.process import Processed
from adapter.settings import PollSettings, Settings, Source
from adapter.store.polls import PollsReader
from adapter.store.sqlite_state import SqliteState

pytestmark = pytest.mark.loopback
NOW = datetime(2025, 6, 1, tzinfo=UTC)
DEMO = Path(__file__).parents[2] / "mappings" / "demo"


@pytest.fixture(scope="module")
def knowledge():
    return load_knowledge([DEMO])[0]


@pytest.fixture
def server():
    server = RecordsServer()
    server.commit(patient())
    server.commit(dose(1))
    yield server
    server.close()


class Core:
    """A keeper, a state and the polls of one source over one folder."""

    def __init__(self, folder, knowledge, *sources):
        settings = Settings(store=folder, sources=sources)
        loaded = Loaded(settings=settings, knowledge=knowledge, rulebook=load_rulebook()[0])
        self.keeper = GroupKeeper(folder / "inbox-core.db", "inbox-core", lambda _: None)
        self.state = SqliteState(folder / "state.db")
        parts = service_parts(loaded, self.state, lambda ref: self.keeper.inbox.get(ref.seq), lambda _: NOW.date())
        self.polls = SourcePolls(settings, self.keeper, self.state, parts, lambda: None, lambda: NOW)

    def kept(self):
        return [stored.arrival.message_type for stored in self.keeper.inbox.after(0, 100)]

    def close(self):
        self.polls.stop(5)
        self.keeper.close()
        self.state.close()


@pytest.fixture
def core(tmp_path, knowledge):
    opened = []

    def core(*sources, folder=tmp_path):
        opened.append(Core(folder, knowledge, *sources))
        return opened[-1]

    yield core
    for one in opened:
        one.close()


def ward(server, **more):
    return Source(name="ward", poll=PollSettings(url=server.url, **more))


def test_a_site_that_polls_nothing_has_neither_file_nor_timer(core, tmp_path):
    quiet = core(Source(name="ward"))
    quiet.polls.start()
    assert quiet.polls.timers() == ()
    assert quiet.polls.poll_now("ward") is False
    quiet.polls.told(Processed(work=Work(at=NOW), translations=()))
    assert not (tmp_path / "polls.db").exists()


def test_a_hint_polls_its_source_and_no_other(core, server):
    both = core(ward(server, every_s=3600), Source(name="default"))
    both.polls.start()
    eventually(lambda: both.kept() == ["Patient", "MedicationAdministration"])
    assert [(timer.name, timer.every_s) for timer in both.polls.timers()] == [("poll-ward", 3600.0)]
    asked = server.times_asked("_sort=_lastUpdated")
    assert both.polls.poll_now("default") is False
    assert both.polls.poll_now("nobody") is False
    assert server.times_asked("_sort=_lastUpdated") == asked
    server.commit(dose(2))
    assert both.polls.poll_now("ward") is True
    eventually(lambda: len(both.kept()) == 3)


def test_only_messages_of_the_source_that_wait_for_something_have_it_read(core, server, tmp_path):
    one = core(ward(server, mode="per-patient"))
    one.polls.start()
    reader = PollsReader(tmp_path / "polls.db")
    eventually(reader.last_complete)
    reader.close()
    for seq, source in enumerate(("other", "ward"), start=1):
        message = MessageRef(inbox="inbox-core", seq=seq, source=source)
        waits = Parked(message=message, reason="unknown-patient", problems=(), waits_for=("Patient/p1",), parked_at=NOW)
        work = Work(at=NOW, message=message, parked=waits)
        one.state.commit(work)
        assert one.kept() == []
        one.polls.told(Processed(work=work, translations=()))
    eventually(lambda: one.kept() == ["Patient"])
    assert server.times_asked("/Patient/p1") == 1


def test_after_the_inbox_was_lost_everything_is_polled_again(core, server, tmp_path):
    first = core(ward(server))
    first.polls.start()
    eventually(lambda: len(first.kept()) == 2)
    first.polls.stop(5)
    for file in tmp_path.glob("inbox-core.db*"):
        file.unlink()
    with capture_logs() as lines:
        again = core(ward(server))
    assert [line["event"] for line in lines] == ["polls-begin-anew"]
    again.polls.start()
    eventually(lambda: again.kept() == ["Patient", "MedicationAdministration"])
