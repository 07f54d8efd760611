"""What of an inbox goes by its age, kind by kind and on both sides of the day; and what never goes."""

from __future__ import annotations

import tempfile
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.message import Arrival, Header
from adapter.store.faults import BytesPruned
from adapter.store.prunable import BYTES, ROWS, Prunable, emptied, last_emptied, prunes
from adapter.store.retention import Horizon, Line, Portion, Prune
from adapter.store.sqlite_inbox import SqliteInbox, SqliteInboxReader

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ARCHIVE, READ = NOW - 90 * DAY, NOW - 400 * DAY
HORIZON = Horizon(now=NOW, archive=ARCHIVE, read=READ)
LINE = Line(at=NOW, by="test", older_than=ARCHIVE)
JUST = timedelta(microseconds=1)
EVERYTHING = 10**9


@dataclass
class Settled:
    """A state that has read everything, unless it is told otherwise."""

    read_to: int = EVERYTHING
    waiting: set[int] = field(default_factory=set)
    facts: dict[str, set[str]] = field(default_factory=dict)
    owed: set[str] = field(default_factory=set)
    asked: list[object] = field(default_factory=list)

    def cursor(self, _inbox):
        return self.read_to

    def waiting_places(self, _inbox):
        return frozenset(self.waiting)

    def patients_by_digest(self, digests):
        return {digest: self.facts[digest] for digest in digests if digest in self.facts}

    def owed_patients(self, targets):
        self.asked.append(targets)
        return frozenset(self.owed)


class Kept:
    """An inbox file with rows of any age, and what a prune makes of it."""

    def __init__(self, folder):
        self.path = folder / "inbox.db"
        self.inbox = SqliteInbox(self.path, "inbox")
        self.reader = SqliteInboxReader(self.path, "inbox")
        self.state = Settled()

    def message(self, at, content="A", *, relevance="relevant", answer="AA", kind="hl7v2", facts=False, **more):
        raw = content.encode()
        digest = sha256(raw).hexdigest()
        arrival = Arrival(
            kind=kind,
            source=more.get("source", "lab"),
            listener=more.get("listener", "mllp"),
            raw=raw,
            received_at=at,
            sender="LAB|HOSP",
            control_id=content,
            relevance=relevance,
            digest=digest,
        )
        (kept,) = self.inbox.keep([arrival])
        if answer:
            self.inbox.answered([(kept.seq, answer)])
            self.inbox.flush()
        if facts:
            self.state.facts[digest] = {f"patient of {content}"}
        return kept.seq

    def header(self, at, control_id="H"):
        one = Header(
            received_at=at,
            listener="mllp",
            sender="LAB|HOSP",
            message_type="ORU^R01",
            control_id=control_id,
            sent="",
            size=9,
            digest="d",
        )
        self.inbox.note_irrelevant([one])
        self.inbox.flush()

    def newest(self):
        """Rows that are never pruned: the newest of all, and today's."""
        self.header(NOW)
        return self.message(NOW, "newest")

    def portions(self, horizon=HORIZON):
        return list(Prunable(self.reader, self.state, None).portions(horizon))

    def prune(self, horizon=HORIZON):
        gone = {}
        for portion in Prunable(self.reader, self.state, None).portions(horizon):
            self.inbox.prune(portion, LINE)
            gone.setdefault(portion.kind, []).extend(portion.places)
        return gone

    def places(self):
        return [row.seq for row in self.inbox.after(0, EVERYTHING)]

    def close(self):
        self.reader.close()
        self.inbox.close()


@pytest.fixture
def kept(folder):
    made = Kept(folder)
    yield made
    made.close()


@pytest.mark.parametrize(("at", "gone"), [(ARCHIVE - JUST, True), (ARCHIVE, False), (ARCHIVE + JUST, False)])
def test_a_header_goes_once_it_is_older(kept, at, gone):
    kept.header(at, "H1")
    kept.newest()
    assert kept.prune() == ({"headers": [1]} if gone else {})
    assert [header.control_id for header in kept.inbox.irrelevant(9)] == (["H"] if gone else ["H", "H1"])


@pytest.mark.parametrize(("at", "gone"), [(ARCHIVE - JUST, True), (ARCHIVE, False)])
@pytest.mark.parametrize("answer", ["AA", None])
def test_a_message_that_does_not_concern_us_goes_with_its_answer_once_it_is_older(kept, at, gone, answer):
    seq = kept.message(at, relevance="irrelevant", answer=answer)
    last = kept.newest()
    assert kept.prune() == ({"archived": [seq]} if gone else {})
    assert kept.places() == ([last] if gone else [seq, last])
    assert (seq in kept.reader.answered_with("AA")) is (answer is not None and not gone)


@pytest.mark.parametrize(
    "unresolved",
    [
        lambda kept, _: kept.state.waiting.add(1),
        lambda kept, _: setattr(kept.state, "read_to", 0),
        lambda kept, digest: kept.state.facts.update({digest: {"anna"}}),
    ],
)
def test_an_archived_message_that_waits_is_not_processed_or_gave_facts_stays(kept, unresolved):
    seq = kept.message(ARCHIVE - DAY, relevance="irrelevant", answer=None)
    last = kept.newest()
    unresolved(kept, kept.inbox.get(seq).arrival.digest)
    assert kept.prune() == {}
    assert kept.places() == [seq, last]


@pytest.mark.parametrize("answer", ["AE", "AR"])
def test_an_archived_message_that_was_refused_stays(kept, answer):
    seq = kept.message(ARCHIVE - DAY, relevance="irrelevant", answer=answer)
    last = kept.newest()
    assert kept.prune() == {}
    assert kept.places() == [seq, last]


def test_the_newest_message_stays_whatever_it_is_so_that_no_place_is_given_twice(kept):
    first = kept.message(ARCHIVE - 2 * DAY, "one", relevance="irrelevant", answer=None)
    last = kept.message(ARCHIVE - DAY, "two", relevance="irrelevant", answer=None)
    kept.header(NOW)
    assert kept.prune() == {"archived": [first]}
    assert kept.inbox.last_seq() == last
    assert kept.message(NOW, "three") == last + 1


@pytest.mark.parametrize(("at", "gone"), [(ARCHIVE - JUST, True), (ARCHIVE, False)])
def test_of_a_message_sent_again_and_again_the_first_and_the_newest_copy_stay(kept, at, gone):
    copies = [kept.message(at, "refused", answer="AE") for _ in range(5)]
    last = kept.newest()
    assert kept.prune() == ({"copies": copies[1:-1]} if gone else {})
    assert kept.places() == [copies[0], copies[-1], last] if gone else [*copies, last]
    assert kept.reader.answered_with("AE") == set(kept.places()) - {last}


def test_each_copy_has_its_own_age_and_one_that_waits_or_is_not_processed_stays(kept):
    times = [ARCHIVE - 9 * DAY, ARCHIVE - 8 * DAY, ARCHIVE - 7 * DAY, ARCHIVE - 6 * DAY, NOW - DAY, NOW - DAY]
    copies = [kept.message(at, "refused", answer="AE") for at in times]
    kept.newest()
    kept.state.waiting.add(copies[1])
    kept.state.read_to = copies[2]
    assert kept.prune() == {"copies": [copies[2]]}


@pytest.mark.parametrize(
    "differs",
    [
        lambda kept, n: kept.message(ARCHIVE - DAY, "same", answer="AE", source=f"source-{n % 2}"),
        lambda kept, n: kept.message(ARCHIVE - DAY, "same", answer="AE", listener=f"port-{n % 2}"),
        lambda kept, n: kept.message(ARCHIVE - DAY, f"content {n % 2}", answer="AE"),
    ],
)
def test_through_another_door_or_with_another_content_it_is_no_copy(kept, differs):
    for n in range(4):
        differs(kept, n)
    kept.newest()
    assert kept.prune() == {}


def test_near_misses_and_fhir_resources_that_came_again_stay(kept):
    for _ in range(4):
        kept.message(ARCHIVE - DAY, "fhir", kind="fhir", answer=None)
        kept.message(ARCHIVE - DAY, "near", relevance="near-miss", answer="AE")
    kept.newest()
    assert kept.prune() == {}
    assert len(kept.places()) == 9


@pytest.mark.parametrize(("at", "gone"), [(READ - JUST, True), (READ, False)])
@pytest.mark.parametrize(("kind", "answer"), [("hl7v2", "AA"), ("fhir", None)])
def test_of_a_message_that_gave_facts_the_bytes_go_and_the_row_stays(kept, at, gone, kind, answer):
    seq = kept.message(at, "level", kind=kind, answer=answer, facts=True)
    last = kept.newest()
    whole = kept.inbox.get(seq).arrival
    assert kept.prune() == ({"read": [seq]} if gone else {})
    assert kept.places() == [seq, last]
    assert emptied(kept.reader, [seq, last]) == ({seq} if gone else set())
    assert last_emptied(kept.reader) == (seq if gone else 0)
    if gone:
        with pytest.raises(BytesPruned):
            kept.inbox.get(seq)
        assert kept.prune() == {}
    else:
        assert kept.inbox.get(seq).arrival == whole


def test_without_a_number_of_days_bytes_of_read_messages_stay_for_ever(kept):
    kept.message(datetime(1990, 1, 1, tzinfo=UTC), "level", facts=True)
    kept.newest()
    assert kept.prune(Horizon(now=NOW, archive=ARCHIVE, read=None)) == {}


@pytest.mark.parametrize(
    ("more", "unresolved"),
    [
        ({"answer": "AE", "facts": True}, lambda _: None),
        ({"answer": None, "facts": True}, lambda _: None),
        ({"facts": False}, lambda _: None),
        ({"relevance": "near-miss", "facts": True}, lambda _: None),
        ({"facts": True}, lambda state: state.waiting.add(1)),
        ({"facts": True}, lambda state: setattr(state, "read_to", 0)),
        ({"facts": True}, lambda state: state.owed.add("patient of level")),
    ],
    ids=["refused", "answer unknown", "no fact", "near miss", "in the work list", "not processed", "result owed"],
)
def test_bytes_that_may_be_needed_again_stay(kept, more, unresolved):
    seq = kept.message(READ - DAY, "level", **more)
    kept.newest()
    unresolved(kept.state)
    assert kept.prune() == {}
    assert kept.inbox.get(seq).arrival.raw == b"level"


def test_a_repeat_of_a_message_whose_bytes_are_gone_is_known_and_gets_its_answer(kept):
    seq = kept.message(READ - DAY, "level", facts=True)
    kept.newest()
    kept.prune()
    raw = b"level"
    arrival = Arrival(
        kind="hl7v2",
        source="lab",
        listener="mllp",
        raw=raw,
        received_at=NOW,
        sender="LAB|HOSP",
        control_id="level",
        digest=sha256(raw).hexdigest(),
    )
    (again,) = kept.inbox.keep([arrival])
    assert (again.repeat_of, again.answer) == (seq, "AA")


def test_whoever_sends_to_shadow_targets_only_is_asked_about_no_other(kept):
    kept.newest()
    list(Prunable(kept.reader, kept.state, frozenset({"hospital"})).portions(HORIZON))
    assert kept.state.asked == [frozenset({"hospital"})]


def test_a_portion_is_short_in_rows_and_in_bytes(kept):
    rows = 2 * ROWS + 1
    with kept.inbox._database.together():
        for n in range(rows):
            kept.header(ARCHIVE - DAY, f"H{n}")
    for n in range(3):
        kept.message(ARCHIVE - DAY, f"{n}" * (BYTES // 2 + 1), relevance="irrelevant")
    kept.newest()
    told = [(portion.kind, portion.count) for portion in kept.portions()]
    assert told == [("headers", ROWS), ("headers", ROWS), ("headers", 1), *[("archived", 1)] * 3]
    assert sum(len(places) for places in kept.prune().values()) == rows + 3


def test_each_prune_leaves_one_line_whose_counts_grow_with_every_portion(kept):
    for n in range(3):
        kept.inbox.prune(Portion(kind="headers", places=(n,), count=1, bytes=10), LINE)
    read = Line(at=NOW, by="test", older_than=READ)
    kept.inbox.prune(Portion(kind="read", places=(), count=2, bytes=5), read)
    later = Line(at=NOW + DAY, by="somebody", older_than=ARCHIVE + DAY)
    kept.inbox.prune(Portion(kind="torn", places=(), count=4, bytes=7), later)
    first = Prune(inbox="inbox", line=LINE, counts={"headers": 3, "read": 2}, bytes=35, read_older_than=READ)
    second = Prune(inbox="inbox", line=later, counts={"torn": 4}, bytes=7)
    assert prunes(kept.reader, 9) == [second, first]
    assert prunes(kept.reader, 1) == [second]


def test_an_inbox_that_is_not_made_yet_has_nothing_to_prune(tmp_path):
    with closing(SqliteInboxReader(tmp_path / "inbox.db", "inbox")) as reader:
        prunable = Prunable(reader, Settled(), None)
        assert (prunable.newest(), list(prunable.portions(HORIZON))) == (None, [])
        assert (prunes(reader, 1), last_emptied(reader), emptied(reader, [1])) == ([], 0, set())


@pytest.mark.parametrize("order", [("header", "message"), ("message", "header")])
def test_the_newest_reception_is_that_of_the_last_message_or_header(kept, order):
    for days, what in enumerate(order):
        getattr(kept, what)(ARCHIVE + days * DAY)
    assert Prunable(kept.reader, kept.state, None).newest() == ARCHIVE + DAY


def test_compacting_gives_the_room_back_and_changes_no_row(kept):
    for n in range(40):
        kept.message(ARCHIVE - DAY, f"{n:04}" * 20_000, relevance="irrelevant")
    last = kept.newest()
    before = kept.path.stat().st_size
    kept.prune()
    kept.inbox.compact()
    assert kept.path.stat().st_size < before / 10
    assert kept.places() == [last]
    assert {path.name.partition(".")[0] for path in kept.path.parent.iterdir()} == {"inbox"}


one_message = st.fixed_dictionaries(
    {
        "content": st.sampled_from(["a", "b", "c"]),
        "days": st.integers(0, 600),
        "relevance": st.sampled_from(["relevant", "near-miss", "irrelevant"]),
        "answer": st.sampled_from(["AA", "AE", "AR", None]),
        "kind": st.sampled_from(["hl7v2", "hl7v2", "fhir"]),
        "facts": st.booleans(),
        "waits": st.booleans(),
    }
)


@pytest.mark.slow
@given(rows=st.lists(one_message, max_size=12), read_to=st.integers(0, 14), owed=st.sampled_from(["", "a", "b"]))
def test_nothing_unresolved_is_ever_pruned(rows, read_to, owed):
    with tempfile.TemporaryDirectory() as folder, closing(Kept(Path(folder))) as kept:
        for row in sorted(rows, key=lambda row: -row["days"]):
            told = {key: value for key, value in row.items() if key not in ("days", "waits")}
            seq = kept.message(NOW - row["days"] * DAY, **told)
            if row["waits"]:
                kept.state.waiting.add(seq)
        kept.state.read_to = read_to
        kept.state.owed = {f"patient of {owed}"}
        before = {row.seq: row.arrival for row in kept.inbox.after(0, EVERYTHING)}
        refused = kept.reader.answered_with("AE") | kept.reader.answered_with("AR")
        kept.prune()
        after = {row.seq: row.arrival for row in kept.inbox.after(0, EVERYTHING)}
        for seq, arrival in before.items():
            same = [n for n, other in before.items() if _copy(other) == _copy(arrival)]
            waiting = seq in kept.state.waiting or seq > read_to or arrival.relevance == "near-miss"
            edge = seq in (same[0], same[-1])
            owes = bool(kept.state.facts.get(arrival.digest, set()) & kept.state.owed) and edge
            if waiting or (seq in refused and edge) or owes:
                assert after[seq] == arrival
            if arrival.relevance == "relevant" and edge:
                assert seq in after
            if arrival.received_at >= ARCHIVE:
                assert after[seq] == arrival


def _copy(arrival):
    return (arrival.kind, arrival.relevance, arrival.control_id)
