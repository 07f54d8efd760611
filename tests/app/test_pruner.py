"""The hourly look of a process at its inbox: by which clock, what goes, and what it leaves for the next one."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import hospital
import pytest
import structlog
from kept_store import KeptStore, stored
from running_service import eventually

from adapter.app import pruning
from adapter.app.asking import ASKED
from adapter.app.inboxes import message_ref, reader
from adapter.app.pruning import Pruner, believed_before, remembered_retention
from adapter.app.rebuilding import refuse_to_rebuild_with_gaps
from adapter.app.replay_folder import FOLDER
from adapter.pipeline.process import process, reread
from adapter.settings import Settings, TargetSettings
from adapter.store.answers_told import note_told
from adapter.store.faults import CannotKeep, StoreBroken
from adapter.store.owed_answers import OwedAnswers, OwedAnswersReader
from adapter.store.prunable import prunes
from adapter.store.retention import Retention
from adapter.store.sqlite_inbox import SqliteInboxReader
from adapter.store.torn_frames import TornFrames

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NO_WORK = timedelta()
EVERYTHING = 10**9
PATIENT = f"{hospital.MRN}|900001"


def long_ago_and_today(made):
    """A patient with a dose and a level long ago, one message of every kind as old, and one of today."""
    made.now = NOW - 800 * DAY
    made.fhir(hospital.patient())
    made.fhir(hospital.dose())
    made.fhir(hospital.patient("900009"))
    made.hl7(hospital.oru("A1"))
    for _ in range(4):
        made.hl7(hospital.oru("A2", filler="F2", unit="blorps"), answer="AE")
    made.hl7(hospital.oru("A3", filler="F3", authority="ELSEWHERE"), answer="AE")
    made.hl7(hospital.oru("A4", code="ASPNEW^Asparaginase^L"), relevance="near-miss")
    made.hl7(hospital.everyday("K0"), relevance="irrelevant", answer=None)
    made.irrelevant("K1")
    TornFrames(made.folder / "torn").keep(b"MSH|", "mllp-main", made.now)
    made.now = NOW - HOUR
    made.hl7(hospital.oru("A5", filler="F5", collected="20250312120000+0000"))
    made.irrelevant("K2")


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    """Nobody else writes to these stores, so that one portion may follow the other at once."""
    monkeypatch.setattr(pruning, "PAUSE_S", 0)


@pytest.fixture
def kept(tmp_path):
    made = KeptStore(stored(tmp_path / "store", long_ago_and_today, "hospital"), "hospital")
    made.now = NOW - HOUR
    yield made
    made.close()


def pruner(kept, name="inbox", *, clock=lambda: NOW, write=None, **settings):
    made = Settings(store=kept.folder, **settings)
    return Pruner(made, name, write or kept.inboxes[name].prune, clock)


def control_ids(kept):
    return [row.arrival.control_id for row in kept.inboxes["inbox"].after(0, EVERYTHING)]


def files(kept):
    return list((kept.folder / "torn").iterdir())


def results(state):
    return {
        patient: (state.findings(patient), sorted(w.id for w in state.recall(patient).written if w.state == "open"))
        for patient in state.all_patients()
    }


def test_a_look_removes_what_is_old_of_every_kind_and_leaves_what_is_not_resolved(kept):
    gone = pruner(kept).look(NO_WORK)
    assert gone == {"headers": 1, "archived": 1, "copies": 2, "torn": 1}
    assert control_ids(kept) == ["A1", "A2", "A2", "A3", "A4", "A5"]
    assert [header.control_id for header in kept.inboxes["inbox"].irrelevant(9)] == ["K2"]
    assert files(kept) == []
    assert pruner(kept).look(NO_WORK) == {}


def test_answers_that_were_told_go_where_they_are_kept_and_nowhere_else(kept):
    owed = OwedAnswers(kept.folder / "answers.db", on_lost=lambda: None, on_broken=lambda _: None)
    for at in (NOW - 800 * DAY, NOW - 800 * DAY, NOW - DAY):
        owed.owe("lab", b"MSH|", at)
    with closing(OwedAnswersReader(kept.folder / "answers.db")) as reader:
        eventually(lambda: reader.last_id() == 3)
        note_told(kept.folder, "lab", 1)
        assert "answers" not in pruner(kept).look(NO_WORK)
        made = Settings(store=kept.folder)
        prune = kept.inboxes["inbox"].prune
        assert Pruner(made, "inbox", prune, lambda: NOW, write_answers=owed.prune).look(NO_WORK) == {"answers": 1}
        assert [one.id for one in reader.after("lab", 0, 9)] == [2, 3]
    owed.close()


def test_each_process_prunes_its_own_inbox_and_core_no_torn_frame(kept):
    assert pruner(kept, "inbox-core", read_messages_days=400).look(NO_WORK) == {"read": 1}
    assert len(files(kept)) == 1


def test_a_state_built_anew_after_a_prune_says_the_same(kept, tmp_path):
    before = results(kept.state)
    pruner(kept).look(NO_WORK)
    refuse_to_rebuild_with_gaps(kept.folder)
    again = KeptStore(tmp_path / "again", "hospital")
    for name in ("inbox-core", "inbox"):
        for message in kept.inboxes[name].after(0, EVERYTHING):
            process(message, message_ref(name, message), _with(again, kept), NOW)
    assert results(again.state) == before
    assert before[PATIENT] != (([], []), [])
    again.close()


def _with(again, kept):
    return replace(again.parts, read=reader(list(kept.inboxes.values())))


def test_bytes_of_read_messages_go_and_a_state_that_has_not_read_them_is_not_built_anew(kept):
    assert pruner(kept, read_messages_days=400).look(NO_WORK)["read"] == 1
    refuse_to_rebuild_with_gaps(kept.folder)
    folder = kept.close()
    (folder / "state.db").rename(folder / "elsewhere")
    with pytest.raises(StoreBroken) as refusal:
        refuse_to_rebuild_with_gaps(folder)
    assert str(refusal.value).startswith(
        "state.db is missing or too old: it has read inbox.db up to place 0, the bytes of"
    )
    assert "Restore state.db from a backup" in str(refusal.value)
    assert not (folder / "state.db").exists()


def test_a_result_a_target_has_not_confirmed_keeps_the_bytes_unless_nothing_is_sent_there(kept):
    target = TargetSettings(name="hospital", url="http://127.0.0.1:1/fhir", delivery="on")
    assert "read" not in pruner(kept, read_messages_days=400, targets=(target,)).look(NO_WORK)
    shadow = TargetSettings(name="hospital", url="http://127.0.0.1:1/fhir")
    assert pruner(kept, read_messages_days=400, targets=(shadow,)).look(NO_WORK)["read"] == 1


def test_a_message_read_again_after_its_bytes_went_changes_nothing_and_is_told(kept):
    (stored,) = kept.inboxes["inbox"].after(0, 1)
    pruner(kept, read_messages_days=400).look(NO_WORK)
    before, parked = results(kept.state), kept.state.parked()
    done = reread(message_ref("inbox", stored), kept.parts, NOW)
    assert (done.unreadable, done.changes) == (True, ())
    assert (results(kept.state), kept.state.parked()) == (before, parked)


def test_an_archived_message_that_comes_again_after_it_went_is_kept_anew_without_any_effect(kept):
    before = results(kept.state)
    last = kept.inboxes["inbox"].last_seq()
    kept.hl7(hospital.everyday("K0"), relevance="irrelevant", answer=None)
    assert kept.inboxes["inbox"].last_seq() == last
    pruner(kept).look(NO_WORK)
    kept.hl7(hospital.everyday("K0"), relevance="irrelevant", answer=None)
    assert kept.inboxes["inbox"].last_seq() == last + 1
    assert results(kept.state) == before


@pytest.mark.parametrize("settings", [{}, {"read_messages_days": 400}])
def test_a_relevant_message_that_comes_again_after_a_prune_is_known_and_has_no_effect(kept, settings):
    pruner(kept, **settings).look(NO_WORK)
    before, last = results(kept.state), kept.inboxes["inbox"].last_seq()
    (again,) = kept.inboxes["inbox"].keep([_arrival(kept, 1, hospital.oru("A1"))])
    assert (again.repeat_of, again.answer) == (1, "AA")
    assert (results(kept.state), kept.inboxes["inbox"].last_seq()) == (before, last)


def _arrival(kept, seq, raw):
    (stored, *_) = kept.inboxes["inbox"].after(seq - 1, 1)
    return replace(stored.arrival, raw=raw)


@pytest.mark.slow
def test_a_clock_far_ahead_removes_nothing_however_often_it_is_looked_at(kept):
    assert pruner(kept, archive_days=1000).look(NO_WORK) == {}
    ahead = NOW + 3650 * DAY
    kept.now = ahead
    kept.irrelevant("K3")
    for _ in range(24):
        assert pruner(kept, archive_days=1000, clock=lambda: ahead).look(HOUR) == {}
    assert believed_before(kept.folder, "inbox") == NOW - HOUR + timedelta(minutes=2) + 7 * DAY


def test_a_clock_far_ahead_at_the_very_first_look_is_not_believed_beyond_the_newest_message(kept):
    assert pruner(kept, archive_days=1000, clock=lambda: NOW + 3650 * DAY).look(NO_WORK) == {}


def test_messages_that_come_by_a_clock_far_ahead_before_the_first_look_of_all_cost_nothing(kept):
    ahead = NOW + 3650 * DAY
    first = pruner(kept, archive_days=1000, clock=lambda: ahead)
    kept.now = ahead
    kept.irrelevant("K3")
    with structlog.testing.capture_logs() as logs:
        assert first.look(HOUR) == {}
    assert [line["event"] for line in logs] == ["pruning-behind"]
    assert logs[0]["seconds"] > 3000 * 86_400


def test_a_clock_set_back_removes_nothing_and_is_not_remembered(kept):
    pruner(kept, archive_days=1000).look(NO_WORK)
    believed = believed_before(kept.folder, "inbox")
    assert pruner(kept, clock=lambda: NOW - 800 * DAY).look(HOUR) == {}
    assert believed_before(kept.folder, "inbox") == believed
    assert pruner(kept).look(HOUR)["headers"] == 1


def test_days_the_service_was_down_are_made_up_for_as_it_works(kept):
    pruner(kept, archive_days=830).look(NO_WORK)
    kept.now = NOW + 40 * DAY
    kept.irrelevant("K3")
    later = pruner(kept, archive_days=830, clock=lambda: NOW + 41 * DAY)
    assert later.look(NO_WORK) == {}
    assert later.look(4 * DAY) == {}
    assert later.look(DAY)["headers"] == 1


def test_while_messages_are_to_be_read_again_nothing_goes(kept):
    asked = kept.folder / FOLDER / f"one{ASKED}"
    asked.parent.mkdir()
    asked.touch()
    assert pruner(kept).look(NO_WORK) == {}
    asked.unlink()
    assert pruner(kept).look(NO_WORK)["headers"] == 1


def test_a_look_that_is_broken_off_is_gone_on_with_by_the_next_and_both_are_told(kept):
    wrote = []

    def write(portion, line):
        if wrote:
            raise CannotKeep("full")
        wrote.append(portion)
        kept.inboxes["inbox"].prune(portion, line)

    with pytest.raises(CannotKeep):
        pruner(kept, write=write).look(NO_WORK)
    pruner(kept, clock=lambda: NOW + HOUR).look(NO_WORK)
    with closing(SqliteInboxReader(kept.folder / "inbox.db", "inbox")) as inbox:
        lines = [(line.line.at, line.line.by, dict(line.counts)) for line in prunes(inbox, 9)]
    assert lines == [
        (NOW + HOUR, "service", {"headers": 1, "archived": 1, "copies": 2}),
        (NOW, "service", {"torn": 1}),
    ]


def test_the_days_of_a_site_are_remembered_for_commands_without_its_configuration(kept):
    assert remembered_retention(kept.folder) is None
    pruner(kept, archive_days=400, read_messages_days=500).look(NO_WORK)
    assert remembered_retention(kept.folder) == Retention(archive_days=400, read_messages_days=500)
    assert (kept.folder / "pruning-inbox.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("left", ["", "[]", "{}", '{"believed": "soon"}', '{"believed": 7}', "{"])
def test_what_was_left_and_cannot_be_read_counts_as_nothing(kept, left):
    (kept.folder / "pruning-inbox.json").write_text(left)
    assert believed_before(kept.folder, "inbox") is None
    assert remembered_retention(kept.folder) is None
    assert pruner(kept).look(NO_WORK)["headers"] == 1
    assert json.loads((kept.folder / "pruning-inbox.json").read_text())["archive_days"] == 90


@pytest.mark.parametrize(
    ("fault", "event"),
    [
        (CannotKeep("full"), "pruning-put-off"),
        (StoreBroken("damaged"), "pruning-put-off"),
        (KeyError("a value nobody may see"), "pruning-failed"),
    ],
)
def test_a_look_that_fails_is_told_without_any_value_and_ends_nothing(kept, fault, event):
    def fail(*_):
        raise fault

    with structlog.testing.capture_logs() as logs:
        pruner(kept, write=fail)._look_and_tell()
    (line,) = logs
    assert (line["event"], line["inbox"]) == (event, "inbox")
    assert "nobody may see" not in str(logs)


def test_what_was_removed_is_told_by_kind(kept):
    with structlog.testing.capture_logs() as logs:
        pruner(kept)._look_and_tell()
    told = {(line["kind"], line["count"]) for line in logs if line["event"] == "pruned"}
    assert told == {("headers", 1), ("archived", 1), ("copies", 2), ("torn", 1)}
