from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.message import Header
from adapter.store import notes
from adapter.store.census import CodeSeen, seen
from adapter.store.notes import Notebook

AT = datetime(2025, 3, 10, 11, 30, tzinfo=UTC)


def header(number):
    return Header(
        received_at=AT,
        listener="mllp",
        sender="LAB|HOSP",
        message_type="ORU^R01",
        control_id=f"H{number}",
        sent="",
        size=number,
        digest="d",
    )


def test_notes_are_handed_over_once():
    notebook = Notebook()
    notebook.answered([(1, "AA")])
    taken = notebook.take()
    assert (taken.answers, bool(taken), bool(notebook.take())) == ({1: "AA"}, True, False)


def test_notes_given_back_stand_before_those_noted_since_and_the_later_answer_wins():
    notebook = Notebook()
    notebook.answered([(1, "AE"), (2, "AA")])
    notebook.irrelevant([header(1)])
    notebook.codes(seen("A|B", [("L", "ASN", "old")], first=AT, last=AT))
    taken = notebook.take()
    notebook.answered([(1, "AA")])
    notebook.irrelevant([header(2)])
    notebook.codes(seen("A|B", [("L", "ASN", "new")], first=AT + timedelta(hours=1), last=AT + timedelta(hours=1)))
    notebook.give_back(taken)
    together = notebook.take()
    assert together.answers == {1: "AA", 2: "AA"}
    assert list(together.headers) == [header(1), header(2)]
    assert list(together.codes.values()) == [
        CodeSeen(sender="A|B", system="L", code="ASN", text="new", count=2, first=AT, last=AT + timedelta(hours=1))
    ]


def test_headers_that_find_no_room_push_the_oldest_out(monkeypatch):
    monkeypatch.setattr(notes, "HEADERS_WAITING_LIMIT", 2)
    notebook = Notebook()
    notebook.take()
    notebook.irrelevant([header(1), header(2), header(3)])
    assert list(notebook.take().headers) == [header(2), header(3)]


def test_beyond_the_limit_only_known_codes_are_counted(monkeypatch):
    monkeypatch.setattr(notes, "CODES_WAITING_LIMIT", 2)
    notebook = Notebook()
    notebook.codes(seen("A|B", [("L", code, code) for code in ("a", "b", "c", "a")], first=AT, last=AT))
    assert [(row.code, row.count) for row in notebook.take().codes.values()] == [("a", 2), ("b", 1)]


@pytest.mark.usefixtures("_hostile_switching")
def test_no_note_is_lost_between_the_one_who_notes_and_the_one_who_takes():
    notebook, taken, ended = Notebook(), [], Event()

    def take():
        while not ended.is_set():
            taken.append(notebook.take())
        taken.append(notebook.take())

    with ThreadPoolExecutor(5) as threads:
        taking = threads.submit(take)
        noting = [threads.submit(note, notebook, range(first, first + 2000)) for first in range(0, 8000, 2000)]
        for one in noting:
            one.result(20)
        ended.set()
        taking.result(20)
    assert sorted(seq for notes in taken for seq in notes.answers) == list(range(8000))


def note(notebook, places):
    for seq in places:
        notebook.answered([(seq, "AA")])


def test_panels_that_repeat_are_counted_code_by_code_when_they_are_taken():
    notebook = Notebook()
    asparagine, potassium = ("L", "ASN", "Asparagine"), ("LN", "2823-3", "Potassium")
    later = AT + timedelta(hours=1)
    for codes, at in (((asparagine,), later), ((asparagine, potassium), AT), ((asparagine,), AT)):
        notebook.panel("A|B", codes, at)
    notebook.panel("C|D", (potassium,), AT)
    taken = notebook.take()
    assert [(row.sender, row.code, row.count, row.first, row.last) for row in taken.codes.values()] == [
        ("A|B", "ASN", 3, AT, later),
        ("A|B", "2823-3", 1, AT, AT),
        ("C|D", "2823-3", 1, AT, AT),
    ]
    assert not taken.panels


def test_beyond_the_limit_only_known_panels_are_counted(monkeypatch):
    monkeypatch.setattr(notes, "PANELS_WAITING_LIMIT", 1)
    notebook = Notebook()
    for code in ("a", "b", "a"):
        notebook.panel("A|B", (("L", code, code),), AT)
    assert [(row.code, row.count) for row in notebook.take().codes.values()] == [("a", 2)]


def test_panels_noted_while_others_could_not_be_written_are_kept():
    notebook = Notebook()
    notebook.panel("A|B", (("L", "a", "a"),), AT)
    taken = notebook.take()
    notebook.panel("A|B", (("L", "a", "a"),), AT)
    notebook.panel("A|B", (("L", "b", "b"),), AT)
    notebook.give_back(taken)
    assert [(row.code, row.count) for row in notebook.take().codes.values()] == [("a", 2), ("b", 1)]


def test_headers_and_census_can_stay_behind():
    notebook = Notebook()
    notebook.irrelevant([header(1)])
    notebook.answered([(1, "AA")])
    notebook.codes(seen("A|B", [("L", "a", "a")], first=AT, last=AT))
    notebook.panel("A|B", (("L", "a", "a"),), AT)
    first = notebook.take(everything=False)
    assert (first.answers, list(first.headers), first.codes, first.panels) == ({1: "AA"}, [], {}, {})
    notebook.give_back(first)
    whole = notebook.take()
    assert (whole.answers, list(whole.headers)) == ({1: "AA"}, [header(1)])
    assert [(row.code, row.count) for row in whole.codes.values()] == [("a", 2)]


def test_headers_leave_in_portions_oldest_first_and_one_given_back_stands_before_the_rest():
    notebook = Notebook()
    notebook.irrelevant(header(n) for n in range(5))
    notebook.answered([(1, "AA")])
    first = notebook.take(headers=2)
    assert (list(first.headers), first.answers) == ([header(0), header(1)], {1: "AA"})
    notebook.give_back(first)
    sizes = [[one.size for one in notebook.take(headers=2).headers] for _ in range(4)]
    assert sizes == [[0, 1], [2, 3], [4], []]


codes = st.sampled_from("abc").map(lambda code: ("L", code, f"text of {code}"))
panels = st.lists(
    st.tuples(st.sampled_from(["A|B", "C|D"]), st.lists(codes, max_size=3), st.integers(0, 9)), max_size=8
)


@given(panels, st.integers(1, 4))
def test_a_panel_counts_as_its_codes_do_one_by_one(told, limit):
    together, apart = Notebook(), Notebook()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(notes, "CODES_WAITING_LIMIT", 10**6 if limit == 4 else limit)
        for sender, some, hour in told:
            at = AT + timedelta(hours=hour)
            together.panel(sender, tuple(some), at)
            apart.codes(seen(sender, some, first=at, last=at))
        counted, one_by_one = together.take().codes, apart.take().codes
    if limit == 4:
        assert counted == one_by_one
    assert len(counted) == len(one_by_one)
