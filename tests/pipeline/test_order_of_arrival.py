"""The same facts in any order, twice, over any connection: equal findings and equal open resources."""

from __future__ import annotations

import json

import hospital
import pytest
from at_length import examples
from hypothesis import given, settings
from hypothesis import strategies as st

EXAMPLES = 10
STORY = [json.loads(one.raw) if not one.is_hl7 else one.raw for one in hospital.course("900001")]


def told(corridor, messages):
    for message in messages:
        corridor.take(message)
    return corridor.findings(), corridor.open_resources()


@st.composite
def arrivals(draw):
    """Every message once or twice, in any order; then some of them sent over again."""
    once = draw(st.permutations(STORY))
    again = draw(st.lists(st.sampled_from(STORY), max_size=6))
    mixed = list(once)
    for message in again:
        mixed.insert(draw(st.integers(0, len(mixed))), message)
    return mixed


@st.composite
def connections(draw):
    """Several senders with their own order, interleaved as the network likes; all send everything."""
    waiting = [list(draw(st.permutations(STORY))) for _ in range(draw(st.integers(2, 3)))]
    mixed = []
    while waiting:
        sender = draw(st.sampled_from(waiting))
        mixed.append(sender.pop(0))
        waiting = [one for one in waiting if one]
    return mixed


@pytest.fixture(scope="module")
def in_order(build_corridor):
    """What the story tells when everything comes once and in its order."""
    return told(build_corridor(), STORY)


@given(messages=arrivals())
@settings(max_examples=examples(EXAMPLES))
def test_any_order_with_repeats_gives_the_same_findings_and_open_resources(build_corridor, in_order, messages):
    assert told(build_corridor(), messages) == in_order


@pytest.mark.slow
@given(messages=connections())
@settings(max_examples=examples(EXAMPLES))
def test_several_connections_sending_everything_give_the_same(build_corridor, in_order, messages):
    assert told(build_corridor(), messages) == in_order


def test_the_story_has_levels_reactions_and_flags_to_get_wrong(in_order):
    findings, standing = in_order
    ((doses, unlinked),) = findings.values()
    assert [(one["exposure"], len(one["samples"]), len(one["reactions"])) for one in doses] == [
        ("no-result", 0, 0),
        ("inadequate", 2, 1),
    ]
    assert unlinked == []
    kinds = [body["resourceType"] for body in standing.values()]
    assert (kinds.count("Flag"), kinds.count("Observation")) == (3, 4)
