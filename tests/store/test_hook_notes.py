"""What hooks leave to be followed outlives the process, and nothing told meanwhile is forgotten."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from adapter.commands.traffic import of_store
from adapter.domain.message import Arrival
from adapter.store.hook_notes import HookNotes, KnownEvents
from adapter.store.sqlite_inbox import SqliteInbox, SqliteInboxReader

NOON = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def notes(tmp_path):
    notes = HookNotes(tmp_path)
    yield notes
    notes.close()


def test_what_is_to_be_read_is_there_after_a_restart_in_the_order_in_which_it_was_told(notes, tmp_path):
    notes.put_reads("ehr", ["Patient/p2"], 7)
    notes.put_reads("ehr", ["Patient/p1", "Patient/p3"], 8)
    notes.put_reads("other", ["Patient/p9"], 9)
    notes.close()
    again = HookNotes(tmp_path)
    assert list(again.reads("ehr", 10).items()) == [("Patient/p2", 7), ("Patient/p1", 8), ("Patient/p3", 8)]
    assert list(again.reads("ehr", 1)) == ["Patient/p2"]
    assert again.reads("nobody", 10) == {}
    again.close()


def test_what_was_told_again_while_it_was_read_is_read_again(notes):
    notes.put_reads("ehr", ["Patient/p1", "Patient/p2"], 7)
    taken = notes.reads("ehr", 10)
    notes.put_reads("ehr", ["Patient/p1"], 8)
    notes.settle_reads("ehr", taken)
    assert notes.reads("ehr", 10) == {"Patient/p1": 8}
    notes.settle_reads("ehr", {"Patient/p1": 8})
    assert notes.reads("ehr", 10) == {}


def test_what_is_read_at_one_source_is_not_at_another(notes):
    for source in ("ehr", "other"):
        notes.put_reads(source, ["Patient/p1"], 7)
    notes.settle_reads("ehr", {"Patient/p1": 7})
    assert (notes.reads("ehr", 10), notes.reads("other", 10)) == ({}, {"Patient/p1": 7})


def test_how_far_events_are_known_is_remembered_by_subscription(notes, tmp_path):
    assert notes.known("ehr", "Subscription/s1") is None
    notes.put_known("ehr", "Subscription/s1", KnownEvents(known=4, at=NOON))
    notes.put_known("ehr", "Subscription/s1", KnownEvents(known=5, at=None))
    notes.put_known("other", "Subscription/s1", KnownEvents(known=1, at=NOON))
    notes.close()
    again = HookNotes(tmp_path)
    assert again.known("ehr", "Subscription/s1") == KnownEvents(known=5, at=None)
    assert again.known("other", "Subscription/s1") == KnownEvents(known=1, at=NOON)
    again.close()


def test_hints_in_an_inbox_are_no_messages_to_those_who_look_through_it(tmp_path):
    inbox = SqliteInbox(tmp_path / "inbox-core.db", "inbox-core")
    for kind in ("fhir", "hint"):
        inbox.keep([Arrival(kind=kind, source="ehr", listener="hook", raw=b"{}", received_at=NOON)])
    inbox.close()
    reader = SqliteInboxReader(tmp_path / "inbox-core.db", "inbox-core")
    assert [stored.arrival.kind for stored in reader.after(0, 10)] == ["fhir", "hint"]
    assert [kept.arrival.kind for kept in of_store(SimpleNamespace(inboxes=[reader]))] == ["fhir"]
    reader.close()
