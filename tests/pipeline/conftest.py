from __future__ import annotations

import asyncio
import gc
import json
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import hospital
import pytest
import uvloop
from fhir_server import FhirServer
from hand_overs import PATIENCE_S, Recording

from adapter.app.inboxes import finder
from adapter.domain.message import Arrival, MessageRef, Stored
from adapter.fhir import Canonical
from adapter.ingest.relevance import RelevanceFilter
from adapter.ingest.senders import SenderRules
from adapter.ingest.sure_answers import near_misses_accepted
from adapter.ingest.translate import translate_hl7
from adapter.knowledge.load import load_knowledge
from adapter.knowledge.policies import load_rulebook
from adapter.pipeline.destination import Destination
from adapter.pipeline.parts import Parts, Target
from adapter.pipeline.process import process
from adapter.pipeline.receive import Door, Reception, hl7_arrival
from adapter.pipeline.reception import Reading
from adapter.store.memory_inbox import MemoryInbox
from adapter.store.memory_state import MemoryState
from adapter.store.sqlite_state import SqliteState
from adapter.transport.fhir_client import FhirClient, Timeouts

NOW = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
SOURCE = "ward"


@pytest.fixture(scope="session")
def knowledge():
    loaded, faults = load_knowledge([Path(__file__).parents[2] / "mappings" / "demo"])
    assert [fault for fault in faults if fault.severity == "error"] == []
    return loaded


@pytest.fixture(scope="session")
def rulebook():
    loaded, _ = load_rulebook()
    return loaded


@pytest.fixture
def corridor(knowledge, rulebook):
    return Corridor.build(knowledge, rulebook)


@pytest.fixture(scope="session")
def build_corridor(knowledge, rulebook):
    def build():
        return Corridor.build(knowledge, rulebook)

    return build


@pytest.fixture(params=["memory", "sqlite"])
def corridor_of_either_state(request, build_corridor, tmp_path):
    """A corridor with the state in memory, and one with it in a file."""
    made = build_corridor()
    if request.param == "memory":
        yield made
        return
    state = SqliteState(tmp_path / "store" / "state.db")
    yield replace(made, state=state, parts=replace(made.parts, state=state))
    state.close()


@dataclass(frozen=True, kw_only=True)
class Corridor:
    """The corridor on memory: what is taken is kept, processed and committed at once."""

    inbox: MemoryInbox
    state: MemoryState
    parts: Parts
    judge: object

    @classmethod
    def build(cls, knowledge, rulebook):
        inbox, state = MemoryInbox("inbox"), MemoryState()
        parts = Parts(
            state=state,
            knowledge=knowledge,
            rulebook=rulebook,
            canonical=Canonical(base="https://troughline.example/fhir"),
            rules_at=lambda _: lambda _: SenderRules(),
            zone_of=lambda _: None,
            read=lambda ref: inbox.get(ref.seq),
            holding=finder([inbox]),
            targets=(Target(name="ehr"),),
        )
        return cls(inbox=inbox, state=state, parts=parts, judge=RelevanceFilter(knowledge, 1000).judge)

    def with_parts(self, **changed):
        return replace(self, parts=replace(self.parts, **changed))

    def take(self, content, *, now=NOW, **more):
        """HL7 bytes or a FHIR resource through the corridor; None for a repeat and for what does not concern us."""
        arrival = self.arrival(content, now, **more)
        if arrival.relevance == "irrelevant":
            return None
        kept = self.inbox.keep([arrival])[0]
        if kept.repeat_of is not None:
            return None
        ref = MessageRef(inbox="inbox", seq=kept.seq, source=SOURCE, digest=arrival.digest)
        done = process(Stored(seq=kept.seq, arrival=arrival), ref, self.parts, now)
        worst = next((code for code in ("AE", "AA") if any(t.answer.code == code for t in done.translations)), "")
        self.inbox.answered([(kept.seq, worst)])
        return done

    def arrival(self, content, now, **more):
        if isinstance(content, bytes) and content.startswith(b"MSH"):
            return hl7_arrival(content, Door(listener="test", source=SOURCE), now, self.judge(content))
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        digest = sha256(raw).hexdigest()
        return Arrival(kind="fhir", source=SOURCE, listener="http", raw=raw, received_at=now, digest=digest, **more)

    def findings(self):
        return {patient: self.state.findings(patient) for patient in self.state.all_patients()}

    def open_resources(self):
        """What stands on a FHIR server as true now, but for notices of what was once said otherwise."""
        return {
            row.id: row.body
            for patient in self.state.all_patients()
            for row in self.state.recall(patient).written
            if row.state == "open" and row.topic != "conclusion-reversed"
        }


class Keeper:
    """An inbox that keeps at once, or when it is told to, or not at all; remembers in what order things happened."""

    def __init__(self, *, waits=False, fault=None):
        self.inbox = MemoryInbox("inbox")
        self.log = []
        self._waits = waits
        self._fault = fault
        self._held = []

    def submit(self, arrival):
        future = Future()
        if self._fault:
            future.set_exception(self._fault)
        elif self._waits:
            self._held.append((arrival, future))
        else:
            self._keep(arrival, future)
        return future

    def release(self):
        for arrival, future in self._held:
            self._keep(arrival, future)

    def _keep(self, arrival, future):
        kept = self.inbox.keep([arrival])[0]
        self.log.append(("kept", arrival.control_id))
        future.set_result(kept)

    def answered(self, seq, code):
        self.inbox.answered([(seq, code)])
        self.log.append(("answered", code))

    def note_irrelevant(self, header):
        self.inbox.note_irrelevant([header])

    def note_codes(self, sender, codes, _at):
        self.log.append(("codes", sender, [code for _, code, _ in codes]))


@pytest.fixture
def make_reception(knowledge):
    """A reception around a scripted keeper; `translate` may be replaced."""
    executor = ThreadPoolExecutor(2)

    def translated(raw, source):
        return translate_hl7(raw, knowledge, lambda _: SenderRules(), source=source)

    def make(keeper, *, translate=translated):
        observed = []
        relevance = RelevanceFilter(knowledge, 1000)
        accepted = near_misses_accepted(knowledge, lambda _: SenderRules())
        reception = Reception(
            keeper=keeper,
            reading=lambda: Reading(relevance.judge_one, translate, relevance.judge_alone, accepted),
            executor=executor,
            clock=lambda: NOW,
            next_control_id=lambda: "T1",
            observe=lambda event, facts: observed.append((event, facts)),
        )
        return reception, observed

    yield make
    executor.shutdown()


@pytest.fixture
def keeper():
    return Keeper


@pytest.fixture
def servers():
    opened = []

    def start(*offers, **more):
        opened.append(FhirServer(*offers, **more))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


@pytest.fixture
def aim():
    clients = []

    def destination(server, **more):
        clients.append(FhirClient(server.url, timeouts=Timeouts(connect_s=2, read_s=5)))
        values = {
            "name": "ehr",
            "base_url": server.url,
            "write_raw": "always",
            "canonical": Canonical(base="https://troughline.example/fhir"),
        }
        return Destination(**(values | {"server": clients[-1], "pause": lambda _: None} | more))

    yield destination
    for client in clients:
        client.close()


@pytest.fixture
def ward(corridor):
    """One patient with an inactivation: activity, interpretation, Flag and Provenance are owed."""
    corridor.take(hospital.patient())
    corridor.take(hospital.dose())
    corridor.take(hospital.oru("A1", value="<0.03", assigner="1.2.840.99"))
    return corridor


@pytest.fixture(scope="module")
def _rest_known():
    """What was there before is not looked through after every test that collects what it left."""
    gc.collect()
    gc.freeze()


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def on_a_loop(request, caplog, _rest_known):
    """Run a coroutine function to its end; asyncio may have complained of nothing."""

    def run(work):
        with asyncio.Runner(loop_factory=request.param) as runner:
            return runner.run(asyncio.wait_for(work(), PATIENCE_S))

    yield run
    gc.collect()
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


@pytest.fixture
def one_thread():
    with Recording(1) as executor:
        yield executor
