from __future__ import annotations

import io
import itertools
import json
import tempfile
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import hospital
import pytest
from at_length import examples
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from kept_store import shipped_parts

from adapter.app.inboxes import message_ref
from adapter.domain.message import HOOK, HTTP, IMPORT, POLL, Arrival, Stored
from adapter.pipeline import importing
from adapter.pipeline.importing import REASONS, Import, OfEntries, OfLines, fault_of
from adapter.pipeline.process import process
from adapter.pipeline.understand import understand
from adapter.store.imports import Mark
from adapter.store.memory_state import MemoryState
from adapter.store.rejected_lines import RejectedLines
from adapter.store.sqlite_inbox import SqliteInbox, SqliteInboxReader
from adapter.transport.import_files import Piece, UnreadableFile, lines

AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
LIMIT = 200
PATH = "/export/a.ndjson"
LINES = st.sampled_from(
    [b'{"resourceType":"Patient","id":"%d"}' % number for number in range(6)]
    + [
        b"",
        b"{bad",
        b"\xff",
        b"[]",
        b'{"resourceType":"' + b"x" * LIMIT + b'"}',
        b'{"resourceType":"X","resourceType":"Y"}',
    ]
)


def clock():
    return AT


def mark():
    return Mark(path=PATH, source="ehr", size=0, head="", at=AT)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b'{"resourceType":"Patient"}', None),
        (b'  {"resourceType":"Bundle","entry":[]}\t', None),
        (b'{"resourceType":"\xc3\xa9"}', None),
        (b"\xff", "not-utf8"),
        (b'{"resourceType":"P', "not-json"),
        (b'{"resourceType":"P"}{}', "not-json"),
        (b'{"resourceType":"P","x":NaN}', "not-json"),
        (b'{"resourceType":"P","x":1e999}', "not-json"),
        (b'{"resourceType":"P","a":{"b":1,"b":2}}', "key-twice"),
        (b'{"resourceType":"P","a":' + b"[" * 59 + b"]" * 59 + b"}", None),
        (b'{"resourceType":"P","a":' + b"[" * 60 + b"]" * 60 + b"}", "too-deep"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "too-deep"),
        (b"[]", "no-resource-type"),
        (b"null", "no-resource-type"),
        (b'{"resourceType":""}', "no-resource-type"),
        (b'{"resourceType":1}', "no-resource-type"),
        (b'{"id":"x"}', "no-resource-type"),
    ],
)
def test_a_line_is_taken_or_rejected_for_a_reason_that_has_words(raw, reason):
    assert fault_of(raw) == reason
    assert reason is None or reason in REASONS


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b'{"resource":{"resourceType":"Patient"}}', None),
        (b'{"request":{"method":"DELETE","url":"Patient/1"}}', None),
        (b'{"fullUrl":"urn:uuid:1"}', "no-resource-type"),
        (b'{"resource":{"id":"1"}}', "no-resource-type"),
        (b'{"resource":{"resourceType":"P"},"resource":{}}', "key-twice"),
    ],
)
def test_an_entry_holds_a_resource_or_a_deletion(raw, reason):
    assert fault_of(raw, is_entry=True) == reason


class KilledError(Exception):
    """The process is gone."""


def run(store: Path, content: bytes, dies: int | None, *, after_commit: bool) -> bool:
    """One start of the command that dies at its n-th group; whether it came to the end of the file."""
    with (
        closing(SqliteInbox(store / "inbox.db", "inbox")) as inbox,
        closing(SqliteInboxReader(store / "inbox.db", "inbox")) as reader,
        RejectedLines(store, "a") as rejects,
    ):
        begins = reader.mark_of(PATH, "ehr") or mark()
        if begins.done:
            return True
        rejects.back_to(begins.rejected_bytes, begins.places_bytes)
        groups = itertools.count()

        def keep(arrivals, behind):
            dying = next(groups) == dies
            if dying and not after_commit:
                raise KilledError
            told = inbox.keep_imported(arrivals, behind)
            if dying:
                raise KilledError
            return told

        file = io.BytesIO(content)
        file.seek(begins.offset)
        one = Import(mark=begins, keep=keep, rejects=rejects, tail_of=lambda _: "", clock=clock)
        each = OfLines(source="ehr", name="a.ndjson", clock=clock)
        try:
            one.take(lines(file, LIMIT, begins.offset, begins.number), each)
        except KilledError:
            return False
    return True


def left(store: Path):
    """Everything an import has left in a store."""
    with closing(SqliteInboxReader(store / "inbox.db", "inbox")) as reader:
        rows = [(one.seq, one.arrival.raw, one.arrival.file) for one in reader.after(0, 1000)]
        behind = reader.mark_of(PATH, "ehr")
    files = {file.name: file.read_bytes() for file in (store / "imports").iterdir()}
    return rows, behind, files


@settings(max_examples=examples(15), suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.lists(LINES, min_size=4, max_size=14),
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=4),
    st.integers(1, 4),
)
@example([b"{bad", b"[]", b"\xff"], True, [(0, False), (1, True), (0, False)], 1)
def test_whenever_it_is_killed_and_started_again_an_import_always_comes_to_the_same(whole, ends, deaths, together):
    content = b"\n".join(whole) + (b"\n" if ends else b"")
    with patch.object(importing, "TOGETHER_LINES", together), tempfile.TemporaryDirectory() as folder:
        once, again = Path(folder) / "once", Path(folder) / "again"
        for store in (once, again):
            store.mkdir()
        assert run(once, content, None, after_commit=False)
        for dies, after_commit in deaths:
            run(again, content, dies, after_commit=after_commit)
        assert run(again, content, None, after_commit=False)
        assert left(again) == left(once)


BARE = Arrival(kind="fhir", source="ehr", listener=IMPORT, raw=b"", received_at=AT)
HISTORY = [
    json.dumps(resource).encode()
    for mrn in ("900001", "900002")
    for resource in (
        hospital.patient(mrn),
        hospital.dose(mrn, 1),
        hospital.dose(mrn, 2, day="2025-03-17"),
        hospital.reaction(mrn),
        hospital.dose(mrn, 1, status="entered-in-error")
        if mrn == "900002"
        else hospital.dose(mrn, 3, day="2025-03-31"),
    )
]


def understood(raws):
    """The findings of two patients, and what waits, after these lines in this order."""
    state, kept = MemoryState(), []
    parts = replace(shipped_parts(), state=state, read=lambda ref: kept[ref.seq - 1])
    each = OfLines(source="default", name="a.ndjson", clock=clock)
    for number, raw in enumerate(raws, start=1):
        assert each.take(Piece(number=number, offset=0, length=len(raw), raw=raw)) is None
    for seq, arrival in enumerate(each.taken(), start=1):
        kept.append(Stored(seq=seq, arrival=arrival))
        process(kept[-1], message_ref("inbox-core", kept[-1]), parts, AT)
    patients = [f"{hospital.MRN}|{mrn}" for mrn in ("900001", "900002")]
    return [state.findings(patient) for patient in patients], state.parked()


@settings(max_examples=examples(15), suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.permutations(HISTORY))
def test_lines_in_any_order_always_give_the_same_findings(shuffled):
    findings, waits = understood(shuffled)
    assert findings == understood(HISTORY)[0]
    assert findings[0][0]
    assert waits == []


@settings(max_examples=examples(15), suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.sampled_from([b"a1", b"a2", b"b1", b"b2", b"c"]), max_size=12), st.integers(1, 4))
def test_of_lines_without_versions_all_are_always_kept_but_repeats_of_what_was_read_last(read, together):
    """Against the plain rule: a line says something new unless its resource said it last; `c` has a version."""
    targets = {b"a": "Patient/a", b"b": "Patient/b"}
    arrivals = [replace(BARE, raw=raw, target=targets.get(raw[:1])) for raw in read]
    wanted, last = [], {}
    for raw in read:
        if last.get(raw[:1]) != raw:
            wanted.append(raw)
        last[raw[:1]] = raw
    with tempfile.TemporaryDirectory() as folder, closing(SqliteInbox(Path(folder) / "i.db", "inbox")) as inbox:
        behind = mark()
        for at in range(0, len(arrivals), together):
            behind = inbox.keep_imported(arrivals[at : at + together], behind)
        assert [one.arrival.raw for one in inbox.after(0, 50)] == wanted
        assert (behind.kept, behind.known) == (len(wanted), len(read) - len(wanted))


def test_entries_of_a_bundle_become_portions_that_hold_them_byte_for_byte():
    entries = [b'{"resource": {"resourceType":"Patient","id":"%d"}}' % number for number in range(450)]
    each = OfEntries(source="ehr", name="b.json", clock=clock, needed_by=lambda _: [])
    for number, raw in enumerate(entries, start=1):
        assert each.take(Piece(number=number, offset=0, length=len(raw), raw=raw)) is None
    taken = each.taken()
    assert [one.file for one in taken] == ["b.json:1-200", "b.json:201-400", "b.json:401-450"]
    assert all(raw in taken[at // 200].raw for at, raw in enumerate(entries))
    assert [len(json.loads(one.raw)["entry"]) for one in taken] == [200, 200, 50]
    assert each.taken() == []


def test_a_portion_holds_no_more_bytes_than_it_may():
    large = b'{"resource":{"resourceType":"Binary","data":"' + b"A" * 600_000 + b'"}}'
    each = OfEntries(source="ehr", name="b.json", clock=clock, needed_by=lambda _: [])
    for number in range(1, 4):
        each.take(Piece(number=number, offset=0, length=len(large), raw=large))
    assert [one.file for one in each.taken()] == ["b.json:1-1", "b.json:2-2", "b.json:3-3"]


def test_what_stands_before_damage_is_kept_and_the_damage_told():
    kept, behind = [], []

    def keep(arrivals, mark_):
        kept.extend(arrivals)
        behind.append(mark_)
        return mark_

    def damaged():
        yield Piece(number=1, offset=0, length=27, raw=b'{"resourceType":"Patient"}')
        raise UnreadableFile("cut")

    one = Import(mark=mark(), keep=keep, rejects=RejectsNothing(), tail_of=lambda _: "", clock=clock)
    with pytest.raises(UnreadableFile):
        one.take(damaged(), OfLines(source="ehr", name="a", clock=clock))
    assert [arrival.raw for arrival in kept] == [b'{"resourceType":"Patient"}']
    assert [(one.offset, one.done) for one in behind] == [(27, False)]


class RejectsNothing:
    def add(self, *_):
        raise AssertionError("nothing is to be rejected")

    def written(self):
        return 0, 0


BROKEN = {**hospital.dose(), "status": "banana"}


@pytest.mark.parametrize(
    ("listener", "body", "waits"),
    [
        (IMPORT, BROKEN, "fhir-invalid"),
        (HOOK, BROKEN, "fhir-invalid"),
        (POLL, BROKEN, "fhir-invalid"),
        (HOOK, {"id": "nothing"}, "fhir-unreadable"),
        (HTTP, BROKEN, None),
        (HTTP, {"resourceType": "Bundle", "type": "batch", "entry": [{"resource": BROKEN}]}, "fhir-invalid"),
        (HTTP, {"resourceType": "Bundle", "type": "batch", "entry": {}}, None),
        (HOOK, {"resourceType": "Bundle", "type": "batch", "entry": {}}, "fhir-invalid"),
    ],
)
def test_what_is_refused_to_nobody_waits(listener, body, waits):
    arrival = Arrival(kind="fhir", source="default", listener=listener, raw=json.dumps(body).encode(), received_at=AT)
    (told,) = understand(arrival, replace(shipped_parts(), state=MemoryState()))
    assert told.answer.code == "AE"
    assert told.parked == waits
