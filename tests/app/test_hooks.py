"""What core does with a call: it is on disk with what it leads to before it is answered, or it is not answered."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from notifications import backport
from records_server import dose
from structlog.testing import capture_logs

from adapter.app.counters import ALARMS, HOOK_HINTS, HOOKS
from adapter.app.hook_numbers import Hole
from adapter.app.hooks import Hooks, hook_notes, hook_of
from adapter.domain.message import Kept
from adapter.knowledge.load import load_knowledge
from adapter.pipeline.parts import Parts
from adapter.settings import HookSettings, Settings, Source
from adapter.store.faults import CannotKeep, StoreBroken
from adapter.store.memory_state import MemoryState
from adapter.transport.cannot_store import CannotStore
from adapter.transport.http_hooks import HookCall

D1 = "MedicationAdministration/d1"
BARE = {"resourceType": "Bundle", "type": "transaction-response"}


class Polls:
    """The polls of a site, of which only what is asked of them matters."""

    def __init__(self, *, polled):
        self.polled = polled
        self.polls = 0
        self.reads = 0
        self.holes = []

    def is_polled(self, _source):
        return self.polled

    def poll_now(self, _source):
        self.polls += self.polled
        return self.polled

    def read_back(self, _source):
        self.reads += 1

    def ask(self, hole, _settled):
        self.holes += [hole] if self.polled else []
        return self.polled


class Keeper:
    def __init__(self):
        self.kept = []
        self.fault = None

    def submit(self, arrival):
        future = Future()
        if self.fault:
            future.set_exception(self.fault)
        else:
            self.kept.append(arrival)
            future.set_result(Kept(seq=len(self.kept)))
        return future


@pytest.fixture(scope="module")
def parts():
    return Parts(
        state=MemoryState(),
        knowledge=load_knowledge()[0],
        rulebook=None,
        canonical=None,
        rules_at=None,
        zone_of=lambda _: None,
        read=None,
    )


@pytest.fixture
def site(tmp_path, parts):
    opened = []

    def make(*, polled=True, **hook):
        (tmp_path / "token").write_text("t" * 32)
        (tmp_path / "secret").write_text("a-secret")
        files = {"path_token_file": tmp_path / "token", "secret_file": tmp_path / "secret"}
        settings = Settings(store=tmp_path, sources=(Source(name="ehr", hook=HookSettings(**files, **hook)),))
        notes, keeper, polls, broken = hook_notes(settings), Keeper(), Polls(polled=polled), []
        opened.append(notes)
        hooks = Hooks(settings, keeper, parts, polls, notes, lambda: None, broken.append)
        return SimpleNamespace(hooks=hooks, notes=notes, keeper=keeper, polls=polls, broken=broken)

    yield make
    for notes in opened:
        notes.close()


def call(site, body=b"", method="POST", target=None):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return asyncio.run(site.hooks.receive(HookCall(source="ehr", raw=raw, method=method, target=target, peer="p:1")))


def alarms(reason):
    return ALARMS.labels(reason)._value.get()


def test_what_is_named_is_noted_before_the_answer_with_the_place_of_the_call(site):
    one = site()
    call(one)
    assert call(one, backport(events=[(1, D1)])).resource == BARE
    assert (one.notes.reads("ehr", 10), one.polls.reads, one.polls.polls) == ({D1: 2}, 1, 1)
    assert [(kept.kind, kept.relevance, kept.message_type, kept.listener) for kept in one.keeper.kept] == [
        ("hint", "irrelevant", "empty", "hook"),
        ("hint", "irrelevant", "event-notification", "hook"),
    ]


def test_a_body_that_counts_is_kept_as_any_push_and_a_deletion_without_its_body(site):
    one = site()
    call(one, dose(1), "PUT", D1)
    call(one, b"{}", "DELETE", D1)
    kept = [(arrival.kind, arrival.relevance, arrival.method, arrival.target) for arrival in one.keeper.kept]
    assert kept == [("fhir", "relevant", "PUT", D1), ("fhir", "relevant", "DELETE", D1)]
    assert (one.keeper.kept[1].raw, one.notes.reads("ehr", 10)) == (b"", {D1: 2})


def test_with_bodies_that_are_not_trusted_nothing_is_kept_as_a_push(site):
    one = site(trust_push_body=False)
    for body, method in ((dose(1), "PUT"), (b"", "DELETE"), (backport(resources=[dose(1)]), "POST")):
        assert call(one, body, method, D1).resource == BARE
    assert {arrival.kind for arrival in one.keeper.kept} == {"hint"}
    assert one.notes.reads("ehr", 10) == {D1: 3}


@pytest.mark.parametrize("fault", [CannotKeep("no space"), StoreBroken("no sync")])
def test_a_call_that_cannot_be_kept_is_not_answered_and_leads_to_nothing(site, fault):
    one = site()
    one.keeper.fault = fault
    with pytest.raises(CannotStore):
        call(one, backport(events=[(1, D1)]))
    assert (one.notes.reads("ehr", 10), one.polls.reads) == ({}, 0)


def test_a_call_whose_errand_cannot_be_noted_is_not_answered(site, monkeypatch):
    one = site()
    for fault, ended in ((CannotKeep("no space"), 0), (StoreBroken("no sync"), 1)):

        def failing(*_, fault=fault):
            raise fault

        monkeypatch.setattr(one.notes, "put_reads", failing)
        before = alarms("hooks-cannot-keep")
        with pytest.raises(CannotStore):
            call(one, backport(events=[(1, D1)]))
        assert (len(one.broken), one.polls.reads) == (ended, 0)
        assert alarms("hooks-cannot-keep") == before + (1 - ended)


@pytest.mark.parametrize(
    ("body", "lost"),
    [
        (b"", 1),
        (backport(events=[(1, D1)]), 1),
        (backport(events=[(1, "")]), 1),
        (dose(1), 0),
        (backport(resources=[dose(1)], events=[(1, D1)]), 0),
        (backport("heartbeat"), 0),
        (backport("handshake"), 0),
    ],
)
def test_without_a_poll_what_is_lost_raises_an_alarm_and_is_logged_once(site, body, lost):
    one = site(polled=False)
    before = alarms("hook-not-followed")
    with capture_logs() as lines:
        for _ in range(2):
            assert call(one, body).status == 200
    assert alarms("hook-not-followed") == before + 2 * lost
    assert len([line for line in lines if line["event"] == "hook-not-followed"]) == lost
    assert one.notes.reads("ehr", 10) == {}


def test_a_server_that_counts_anew_is_polled_once_and_its_holes_are_not_gaps(site):
    one = site()
    for total, minute in ((40, 0), (1, 1), (2, 2)):
        at = f"2025-06-01T12:{minute:02}:00Z"
        call(one, backport(total=total, events=[(total, "Encounter/e")], at=at))
    assert one.polls.polls == 1
    one.hooks.look()
    assert one.polls.holes == []


def test_a_hole_is_asked_about_and_where_nobody_can_be_asked_it_is_told(site):
    hole = Hole(source="ehr", subscription="Subscription/s1", first=2, last=3)
    for polled in (True, False):
        one = site(polled=polled)
        one.hooks._numbers._wait_s = 0.0
        one.notes.put_known("ehr", "Subscription/s1", SimpleNamespace(known=1, at=None))
        call(one, backport(total=4, events=[(4, "Encounter/e")]))
        before = alarms("hook-not-followed")
        with capture_logs() as lines:
            one.hooks.look()
            one.hooks.look()
        assert one.polls.holes == ([hole] if polled else [])
        assert alarms("hook-not-followed") == before + (not polled)
        assert [line["events"] for line in lines if line["event"] == "hook-gap"] == [2]


def test_a_note_that_cannot_be_written_when_a_hole_closes_is_written_after_a_restart(site, monkeypatch):
    one = site(polled=False)
    one.hooks._numbers._wait_s = 0.0
    call(one, backport(total=1))
    call(one, backport(total=4))
    for fault, ended in ((CannotKeep("no space"), 0), (StoreBroken("no sync"), 1)):

        def failing(*_, fault=fault):
            raise fault

        monkeypatch.setattr(one.hooks._numbers, "settle", failing)
        one.hooks._settled(Hole(source="ehr", subscription="Subscription/s1", first=2, last=3))
        assert len(one.broken) == ended
    assert one.notes.known("ehr", "Subscription/s1").known == 1


def test_silence_and_what_a_source_could_not_make_us_take_have_it_polled(site, monkeypatch):
    one = site(heartbeat_s=1)
    now = [1000.0]
    monkeypatch.setattr(one.hooks._silence, "_monotonic", lambda: now[0])
    one.hooks._silence.heard("ehr", "")
    now[0] += 2.1
    one.hooks.look()
    assert one.polls.polls == 1

    async def refused(*reasons):
        for reason in reasons:
            one.hooks.refused("ehr", reason, "p:1")
        one.hooks.refused(None, "unknown-address", "p:1")

    asyncio.run(refused("wrong-secret", "wrong-signature"))
    assert one.polls.polls == 1
    asyncio.run(refused("too-large"))
    assert one.polls.polls == 2


def test_calls_are_counted_by_what_they_are(site):
    one = site()
    counters = [HOOKS.labels("ehr", "heartbeat"), HOOK_HINTS.labels("ehr", "poll"), HOOK_HINTS.labels("ehr", "read")]
    before = [counter._value.get() for counter in counters]
    call(one, backport("heartbeat"))
    call(one)
    call(one, backport(events=[(1, D1)]))
    assert [counter._value.get() - was for counter, was in zip(counters, before, strict=True)] == [1, 1, 1]


def test_a_site_without_hooks_has_neither_file_nor_address(tmp_path, parts):
    settings = Settings(store=tmp_path)
    assert hook_notes(settings) is None
    hooks = Hooks(settings, Keeper(), parts, Polls(polled=False), None, lambda: None, lambda _: None)
    assert (hooks.doors, hooks.timers()) == ([], ())
    hooks.look()
    assert not (tmp_path / "hooks.db").exists()


def test_a_secret_that_is_gone_keeps_the_service_from_starting(tmp_path, capsys):
    (tmp_path / "token").write_text("t" * 32)
    hook = HookSettings(path_token_file=tmp_path / "token", secret_file=tmp_path / "gone")
    with pytest.raises(SystemExit) as ended:
        hook_of("ehr", hook)
    assert ended.value.code == 2
    assert capsys.readouterr().err == "The hook of source ehr has a secret that cannot be read.\n"
