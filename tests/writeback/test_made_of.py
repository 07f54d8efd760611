"""What a placeholder is said to be made of is true: nothing undeclared changes it, and what is declared does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from perturbed_facts import FIELDS, Difference, Placeholder, differences, otherwise, printed, said
from telling_histories import AS_OF, VERSIONS, telling_histories

from adapter.domain.events import EVENT_TYPES, Event
from adapter.knowledge.load import load_knowledge
from adapter.knowledge.policies import load_rulebook
from adapter.writeback.made_of import MADE, READ, WRITTEN, made_of
from adapter.writeback.offered import OFFERED

KNOWLEDGE, _ = load_knowledge()
RULEBOOK, _ = load_rulebook()
EVERY = dict(telling_histories())
HISTORIES = {name: events for name, events in EVERY.items() if name != VERSIONS}
ROWS_OF_A_DOSE = {"dose", "linked", "reacted", "premedicated"}
"""Decisions that read the same fields of a dose for one purpose: to tell which rows are one dose."""


def outputs(events: tuple[Event, ...]) -> dict[str, Any]:
    return printed(events, AS_OF, KNOWLEDGE, RULEBOOK)


def variants(events: tuple[Event, ...]) -> Iterator[tuple[Event, str, tuple[Event, ...]]]:
    """Every history that differs in one field of one fact, with that fact and that field."""
    for place, event in enumerate(events):
        for name in FIELDS[type(event)]:
            for other in otherwise(event, name, events):
                yield event, name, (*events[:place], other, *events[place + 1 :])


def test_every_placeholder_that_is_offered_is_declared_and_no_other():
    assert {name: {re.split(r"[.\[]", word)[0] for word in made} for name, made in MADE.items()} == {
        name: set(offered) for name, offered in OFFERED.items() if name != "provenance"
    }
    assert sorted(WRITTEN) == sorted(MADE)


def test_every_field_that_is_declared_is_one_of_its_event():
    for kinds in READ.values():
        for event, names in kinds.items():
            assert set(names) <= {field.name for field in fields(EVENT_TYPES[event])}
            assert len(set(names)) == len(names)


def test_the_longest_name_that_is_declared_counts():
    assert made_of("flag", "device", ("identifier", "system")) is MADE["flag"]["device.identifier.system"]
    assert made_of("flag", "subject", ("identifier", "value")) is MADE["flag"]["subject"]
    assert made_of("observation-interpretation", "hours.quantity", ("unit",)).own
    assert not made_of("observation-interpretation", "hours.quantity", ("value",)).own
    with pytest.raises(KeyError, match="nothing"):
        made_of("flag", "nothing.code")


@st.composite
def histories(draw: Any) -> tuple[Event, ...]:
    """A history with up to two fields said otherwise, whatever that makes of it."""
    events = draw(st.sampled_from(list(HISTORIES.values())))
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(events) - 1))
        name = draw(st.sampled_from(FIELDS[type(events[place])]))
        others = list(otherwise(events[place], name, events)) or [events[place]]
        events = (*events[:place], draw(st.sampled_from(others)), *events[place + 1 :])
    return events


@settings(phases=(Phase.explicit, Phase.reuse, Phase.generate))  # the message says it all; shrinking takes minutes
@given(histories(), st.data())
def test_a_field_never_changes_an_element_that_does_not_declare_it(events: tuple[Event, ...], data: Any):
    place = data.draw(st.integers(0, len(events) - 1))
    event = events[place]
    before = outputs(events)
    for name in FIELDS[type(event)]:
        others = list(otherwise(event, name, events)) or [event]
        after = outputs((*events[:place], data.draw(st.sampled_from(others)), *events[place + 1 :]))
        for one in differences(before, after):
            assert one.declares(event, name, events), f"{one} by {name} of {type(event).__name__}"


@pytest.mark.slow
@pytest.mark.parametrize("history", HISTORIES)
def test_no_field_of_any_history_changes_an_element_that_does_not_declare_it(history: str):
    events = HISTORIES[history]
    before = outputs(events)
    for event, name, other in variants(events):
        for one in differences(before, outputs(other)):
            assert one.declares(event, name, events), f"{one} by {name} of {type(event).__name__}"


def shows(event_type: str, name: str, wanted: Any) -> bool:
    """Whether some history has a fact whose field, said otherwise, makes a difference that is wanted."""
    for events in EVERY.values():
        before = outputs_of(events)
        for place, event in enumerate(events):
            if type(event).__name__ != event_type:
                continue
            for other in otherwise(event, name, events):
                after = outputs((*events[:place], other, *events[place + 1 :]))
                if any(wanted(one, event) for one in differences(before, after)):
                    return True
    return False


@cache
def outputs_of(events: tuple[Event, ...]) -> dict[str, Any]:
    return outputs(events)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("group", "event_type", "name"),
    [
        pytest.param(group, event, name, id=f"{group}-{event}-{name}")
        for group, kinds in READ.items()
        for event, names in kinds.items()
        for name in names
        if group not in ROWS_OF_A_DOSE or event != "AsparaginaseAdministered"
    ],
)
def test_every_field_that_rules_are_said_to_read_decides_something_somewhere(group, event_type, name):
    assert shows(event_type, name, lambda one, _: one.made.decided == group)


TAKEN = {
    (template, re.split(r"[.\[]", word)[0], role, name)
    for template, made in MADE.items()
    for word, one in made.items()
    for role, names in one.taken.items()
    for name in names
    if name not in {"source", "key", "patient"}
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("template", "word", "role", "name"), [pytest.param(*one, id="-".join(one)) for one in sorted(TAKEN)]
)
def test_every_field_that_stands_in_an_output_changes_it_somewhere(template, word, role, name):
    def wanted(one: Difference, event: Event) -> bool:
        there = one.output.template.name == template and (one.name or "").split(".")[0] == word
        return there and role in one.takes(event, name)

    types = [kind for kind, event in EVENT_TYPES.items() if name in {field.name for field in fields(event)}]
    assert any(shows(kind, name, wanted) for kind in types)


def test_a_word_of_the_product_is_always_the_same_word():
    words: dict[tuple[str, Placeholder], set[str]] = {}
    for events in HISTORIES.values():
        for output in outputs_of(events).values():
            for placeholder, values in said(output).items():
                if made_of(output.template.name, *placeholder).own:
                    words.setdefault((output.template.name, placeholder), set()).update(str(v) for _, v in values)
    assert {len(found) for found in words.values()} == {1}
    assert len(words) > len(MADE)
