"""Fifty reloads while messages flow: each message is taken once, and read with the tables that judged it."""

from __future__ import annotations

import itertools
import json
import os
import signal
import sqlite3
import threading
import time
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass

import hospital
import pytest
from owned_files import OwnedFiles, reloaded
from running_service import Laboratory, code_of, eventually

from adapter.store.sqlite_inbox import SqliteInboxReader
from adapter.store.state_reader import SqliteStateReader

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

RELOADS = int(os.environ.get("TROUGHLINE_RELOADS", "50"))
KILLS = 8
LANES = 2
PACE_S = 0.05
"""Slower than core reads: a reload waits until it has read what came in before."""
FEED_PACE_S = 0.001
SOMETIMES = "ZNEU^Something new^L"
"""No word in it is ours: with the first set it does not concern us, with the second it is a level."""
SETS = (
    {"units": (",XU,*,[IU]/mL,,",), "activity_tests": ()},
    {"units": (",XU,*,[IU]/L,,",), "activity_tests": (",ZNEU,L,asparaginase-activity,,",)},
)
VALUES = ("0.45", "0.00045")
"""What 0.45 XU is with each set."""


@dataclass(frozen=True, slots=True)
class Sent:
    control_id: str
    mrn: str
    sometimes: bool
    begun_s: float
    ended_s: float
    code: str


class Lane(threading.Thread):
    """One sender that alternates between both codes, with a patient for each message, and sends again what got lost."""

    def __init__(self, place, number, enough):
        super().__init__(daemon=True)
        self.place, self.enough = place, enough
        self.numbers = itertools.count(100_000 * (number + 1))
        self.sent: list[Sent] = []
        self.laboratory = None

    def run(self):
        while not self.enough.is_set():
            number = next(self.numbers)
            sometimes = bool(number % 2)
            begun = time.monotonic()
            more = {"code": SOMETIMES} if sometimes else {"unit": "XU", "value": "0.45"}
            code = self.answered(hospital.oru(f"M{number}", mrn=str(number), filler=f"M{number}", **more))
            self.sent.append(Sent(f"M{number}", str(number), sometimes, begun, time.monotonic(), code))
            time.sleep(PACE_S)

    def close(self):
        if self.laboratory:
            self.laboratory.close()
        self.laboratory = None

    def answered(self, message):
        while True:
            try:
                self.laboratory = self.laboratory or Laboratory(self.place)
                return code_of(self.laboratory.send(message))
            except OSError:
                self.close()
                time.sleep(0.05)


class Feed(Lane):
    """All the rest a laboratory sends, as fast as it is answered."""

    def run(self):
        while not self.enough.is_set():
            assert self.answered(hospital.everyday(f"E{next(self.numbers)}")) == "AA"
            time.sleep(FEED_PACE_S)


@pytest.fixture
def site(tmp_path):
    owned = OwnedFiles(tmp_path)
    take(owned, 0)
    return owned


@pytest.fixture
def service(site, start):
    return start("--config", str(site.config), store=site.store)


def take(site, which):
    for name, rows in SETS[which].items():
        site.table(name, *rows)


@pytest.fixture
def load(service):
    """Senders that go on until the test says that it is enough; gives what they sent."""
    enough = threading.Event()
    lanes = [Lane(service.mllp, number, enough) for number in range(LANES)]
    every = [*lanes, Feed(service.mllp, LANES, enough)]
    for lane in every:
        lane.start()

    def end():
        enough.set()
        for lane in every:
            lane.join(60)
            lane.close()
        return [one for lane in lanes for one in lane.sent]

    yield end
    end()


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """What the stopped service left."""

    kept: Counter
    """Control ids of the inbox."""
    hashes: dict[str, set[str]]
    """MRN -> mappings its result was read with, as Provenance of the message tells."""
    values: dict[str, str]
    """MRN -> activity in IU/mL, of its one level."""


def remains(service):
    eventually(lambda: not unread(service.store), within_s=90)
    assert service.stop() == 0
    inbox = SqliteInboxReader(service.store / "inbox.db", "inbox")
    kept = Counter(stored.arrival.control_id for stored in inbox.after(0, 10**9))
    inbox.close()
    with closing(sqlite3.connect(service.store / "state.db")) as state:
        findings = state.execute("SELECT patient, unlinked FROM findings").fetchall()
        trails = state.execute("SELECT patient, body FROM resources WHERE kind = 'provenance'").fetchall()
    hashes = {}
    for patient, body in trails:
        named = {name["system"].rpartition("/")[2]: name["value"] for name in identifiers(json.loads(body))}
        if "mappings" in named and "hl7v2-message" in named:
            hashes.setdefault(mrn_of(patient), set()).add(named["mappings"])
    values = {mrn_of(patient): sample["value"] for patient, text in findings for sample in samples(text)}
    return Remains(kept=kept, hashes=hashes, values=values)


def unread(store):
    inbox, state = SqliteInboxReader(store / "inbox.db", "inbox"), SqliteStateReader(store / "state.db")
    try:
        return inbox.last_seq() - state.cursor("inbox")
    finally:
        inbox.close()
        state.close()


def identifiers(provenance):
    return [entity["what"]["identifier"] for entity in provenance["entity"] if "identifier" in entity["what"]]


def samples(unlinked):
    return [sample for finding in json.loads(unlinked) for sample in finding["samples"]]


def mrn_of(patient):
    return patient.rpartition("|")[2]


def accounted(sent, left, hashes):
    """Every message that matters is kept once and gave one level, which is what its set of tables makes of it."""
    for one in sent:
        assert one.code == "AA"
        if not one.sometimes:
            assert left.kept[one.control_id] == 1
        if one.sometimes and left.kept[one.control_id] == 0:
            assert one.mrn not in left.values
            continue
        assert left.kept[one.control_id] == 1
        (read_by,) = left.hashes[one.mrn]
        assert left.values[one.mrn] == ("0.62" if one.sometimes else VALUES[hashes.index(read_by)])
        # What only the second set knows was judged, and therefore read, with the second.
        assert not one.sometimes or read_by == hashes[1]


def between(sent, begun_s, ended_s):
    return [one for one in sent if begun_s < one.begun_s and one.ended_s < ended_s]


def test_every_message_is_read_once_and_with_the_tables_that_judged_it(service, site, load):
    hashes = [reloaded(site.store)["after"]["mappings"]]
    phases, since = [], time.monotonic()
    for number in range(1, RELOADS + 1):
        take(site, number % 2)
        asked = time.monotonic()
        result = reloaded(site.store)
        assert result["result"] == "reloaded", result["faults"]
        phases.append(((number - 1) % 2, since, asked))
        since = time.monotonic()
        hashes += [result["after"]["mappings"]] if len(hashes) < 2 else []
        assert result["after"]["mappings"] == hashes[number % 2]
        time.sleep(0.1)
    sent = load()
    left = remains(service)
    accounted(sent, left, hashes)
    # Between two reloads there is nothing to choose: relevant with the second set, not with the first.
    certain = [(which, one) for which, *span in phases for one in between(sent, *span) if one.sometimes]
    assert all(left.kept[one.control_id] == which for which, one in certain)
    assert {which for which, _ in certain} == {0, 1}
    assert {read_by for read in left.hashes.values() for read_by in read} == set(hashes)
    assert "Traceback" not in service.log.read_text()
    assert not [line for line in service.logged() if line["event"].startswith("process-")]


def test_whoever_dies_during_a_reload_both_processes_end_with_the_same_set_and_nothing_is_lost(service, site, load):
    hashes = [reloaded(site.store)["after"]["mappings"]]
    for number in range(1, KILLS + 1):
        take(site, number % 2)
        killing = threading.Timer(0.05 * number, kill, args=(service, ("core", "intake")[number // 2 % 2]))
        killing.start()
        result = reloaded(site.store)
        killing.join()
        assert result["result"] == "reloaded", result["faults"]
        hashes += [result["after"]["mappings"]] if len(hashes) < 2 else []
        eventually(lambda now=hashes[number % 2]: both_run(service, now), within_s=60)
    sent = load()
    left = remains(service)
    for one in sent:
        assert left.kept[one.control_id] == 1 or (one.sometimes and left.kept[one.control_id] == 0)
        # A core that died before it had read everything reads the rest with the new set.
        if not one.sometimes:
            (read_by,) = left.hashes[one.mrn]
            assert left.values[one.mrn] == VALUES[hashes.index(read_by)]
    assert "Traceback" not in service.log.read_text()


def kill(service, room):
    if pid := service.pids.get(room):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def both_run(service, mappings):
    try:
        told = service.get("/readyz").json()
    except OSError:
        return False
    return told["ok"] and (told["read_with"] or {}).get("mappings") == {"core": mappings, "intake": mappings}
