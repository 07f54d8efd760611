from __future__ import annotations

import pytest

from adapter.ingest.acknowledgment_modes import ORIGINAL, Wishes, wishes

ACCEPTS, APPLICATIONS = ("CA", "CE", "CR"), ("AA", "AE", "AR")


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [("AL", [True] * 3), ("NE", [False] * 3), ("ER", [False, True, True]), ("SU", [True, False, False])],
)
def test_a_condition_decides_by_the_outcome(condition, wanted):
    both = Wishes(accept=condition, application="NE"), Wishes(accept="NE", application=condition)
    assert [both[0].wants(code) for code in ACCEPTS] == wanted
    assert [both[1].wants(code) for code in APPLICATIONS] == wanted
    assert not any(both[0].wants(code) for code in APPLICATIONS)
    assert not any(both[1].wants(code) for code in ACCEPTS)


def test_nothing_is_never_wanted():
    assert not Wishes(accept="AL", application="AL").wants("")


@pytest.mark.parametrize(("accept", "application"), [("", ""), ("AL", "NE"), ("NE", "NE"), ("AL", "AL"), ("x", "")])
def test_original_mode_never_looks_at_the_message(accept, application):
    assert wishes("original", accept, application) is ORIGINAL


@pytest.mark.parametrize("empty", ["", '""', " "])
def test_a_message_that_asks_for_nothing_gets_what_its_port_is_for(empty):
    assert wishes("auto", empty, empty) is ORIGINAL
    assert wishes("enhanced", empty, empty) == Wishes(accept="AL", application="NE")


@pytest.mark.parametrize("mode", ["auto", "enhanced"])
@pytest.mark.parametrize(
    ("accept", "application", "asked"),
    [
        ("AL", "NE", ("AL", "NE")),
        ("al", " er ", ("AL", "ER")),
        ("AL", "", ("AL", "NE")),
        ("", "AL", ("NE", "AL")),
        ("NE", "SU", ("NE", "SU")),
        ("NE", "NE", ("NE", "NE")),
        ("Y", "", ("AL", "NE")),
    ],
)
def test_a_message_that_fills_one_of_the_two_gets_what_it_asks_for(mode, accept, application, asked):
    found = wishes(mode, accept, application)
    assert (found.accept, found.application, found.original) == (*asked, False)
