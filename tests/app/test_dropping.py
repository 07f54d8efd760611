"""Dropped files become kept messages in their order; what fails on our side leaves the file where it is."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import hospital
import pytest
from running_service import eventually

from adapter.app.dropping import DropFolders
from adapter.app.in_use import MappingsInUse
from adapter.app.keeping import GroupKeeper
from adapter.ingest.senders import SenderRules
from adapter.knowledge.load import load_knowledge
from adapter.settings import DropFolder
from adapter.store.faults import CannotKeep, StoreBroken
from adapter.transport import drop_folder

MESSAGES = [hospital.oru(f"M{n:03d}", mrn=f"9901{n:02d}", filler=f"M{n}") for n in range(90)]


@pytest.fixture(scope="module")
def knowledge():
    loaded, _ = load_knowledge([Path(__file__).parents[2] / "mappings" / "demo"])
    return loaded


@pytest.fixture
def site(tmp_path, knowledge):
    """A folder, an inbox, and a way to begin looking as often as one likes."""
    folder = tmp_path / "drop"
    folder.mkdir()
    keeper = GroupKeeper(tmp_path / "inbox.db", "inbox", lambda _: None)
    executor = ThreadPoolExecutor(2)
    parts = SimpleNamespace(knowledge=knowledge, rules_at=lambda _: lambda _: SenderRules())
    begun = []

    def begin(through=keeper):
        settings = DropFolder(name="files", folder=folder, settle_s=0, look_every_s=1)
        woken = []
        begun.append(
            DropFolders((settings,), through, MappingsInUse(knowledge), parts, executor, lambda: woken.append(1))
        )
        begun[-1].start()
        return woken

    def end():
        while begun:
            begun.pop().stop(10)

    yield SimpleNamespace(folder=folder, keeper=keeper, begin=begin, end=end)
    end()
    keeper.close()
    executor.shutdown()


def kept(site):
    return [stored.arrival.raw for stored in site.keeper.inbox.after(0, 1000)]


def test_the_messages_of_a_file_are_kept_in_its_order(site):
    (site.folder / "day.hl7").write_bytes(b"".join(MESSAGES))
    woken = site.begin()
    eventually((site.folder / "processed" / "day.hl7").exists)
    assert kept(site) == MESSAGES
    assert woken


def test_after_a_crash_before_the_move_the_file_is_read_again_and_counts_once(site, monkeypatch):
    (site.folder / "day.hl7").write_bytes(b"".join(MESSAGES[:3]))
    with monkeypatch.context() as crashing:

        def crash(*_, **__):
            raise StoreBroken("as a kill ends the process, this ends the thread")

        crashing.setattr(drop_folder.DropFolder, "done", crash)
        site.begin()
        eventually(lambda: len(kept(site)) == 3)
        site.end()
    assert (site.folder / "day.hl7").exists()
    site.begin()
    eventually((site.folder / "processed" / "day.hl7").exists)
    assert kept(site) == MESSAGES[:3]


def test_a_file_stays_where_it_is_as_long_as_its_messages_cannot_be_kept(site):
    full = [True]

    class Full:
        """The keeper on a disk that has no room for a while."""

        def __getattr__(self, name):
            return getattr(site.keeper, name)

        def submit(self, arrival):
            if full and b"M001" in arrival.raw:
                refused = Future()
                refused.set_exception(CannotKeep("The disk is full."))
                return refused
            return site.keeper.submit(arrival)

    (site.folder / "day.hl7").write_bytes(b"".join(MESSAGES[:2]))
    site.begin(Full())
    eventually(lambda: MESSAGES[0] in kept(site))
    assert (site.folder / "day.hl7").exists()
    full.clear()
    eventually((site.folder / "processed" / "day.hl7").exists)
    assert kept(site) == MESSAGES[:2]
