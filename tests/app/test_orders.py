"""A process prepares a change before it is told to take it, and a fault in between leaves it as it was."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapter.app.handing_over import packed
from adapter.app.orders import Changing
from adapter.app.parts import Instructions, read_everything
from adapter.app.versions import versions_of


@pytest.fixture(scope="module")
def loaded():
    found, faults = read_everything(Instructions(), thorough=False)
    assert faults == []
    return found


@pytest.fixture
def other(loaded):
    return replace(loaded, knowledge=replace(loaded.knowledge, hash="fedcba9876543210"))


class Room:
    """A process that notes what it is made to do."""

    def __init__(self, loaded):
        self.said, self.taken, self.done = [], [], []
        self.changing = Changing(
            loaded,
            self.take,
            self.said.append,
            hold=lambda held: (self.done.append("hold"), held()),
            let_go=lambda: self.done.append("let go"),
            facts=self.done.append,
        )

    def take(self, loaded, until, taken):
        self.taken.append((loaded, dict(until)))
        taken({"inbox": 4})

    def obey(self, order, **more):
        self.changing.obey({"order": order, "change": "r1", **more})


@pytest.fixture
def room(loaded):
    return Room(loaded)


def test_a_change_is_prepared_held_and_taken(room, other):
    room.obey("prepare", loaded=packed(other))
    assert room.taken == []
    room.obey("hold")
    room.obey("take", until={"inbox": 9})
    assert room.taken == [(other, {"inbox": 9})]
    assert room.said == [
        {"change": "r1", "said": "prepared"},
        {"change": "r1", "said": "held"},
        {"change": "r1", "said": "taken", "versions": versions_of(other).as_dict(), "until": {"inbox": 4}},
    ]


def test_mappings_with_the_same_content_stay_the_very_same(room, loaded):
    book = replace(loaded.rulebook, chosen={})
    room.obey("prepare", loaded=packed(replace(loaded, rulebook=book)))
    room.obey("take", until={})
    ((taken, _),) = room.taken
    assert taken.knowledge is loaded.knowledge
    assert taken.rulebook == book


@pytest.mark.parametrize("text", ["", "bm90aGluZw==", "not base64 at all"])
def test_what_cannot_be_unpacked_is_told_and_nothing_is_taken(room, text):
    room.obey("prepare", loaded=text)
    room.obey("take", until={})
    assert [told["said"] for told in room.said] == ["failed", "failed"]
    assert room.taken == []


def test_only_the_change_that_was_prepared_is_taken(room, other):
    room.obey("prepare", loaded=packed(other))
    room.changing.obey({"order": "take", "change": "r2", "until": {}})
    assert room.said[-1] == {"change": "r2", "said": "failed", "reason": "LookupError"}
    assert room.taken == []


def test_what_was_dropped_is_taken_no_more(room, other):
    room.obey("prepare", loaded=packed(other))
    room.obey("drop")
    room.obey("take", until={})
    assert (room.done, room.taken, room.said[-1]["said"]) == (["let go"], [], "failed")


def test_facts_are_handed_on(room):
    room.changing.obey({"order": "facts", "facts": {"folder_differs": True}})
    assert (room.done, room.said) == ([{"folder_differs": True}], [])
