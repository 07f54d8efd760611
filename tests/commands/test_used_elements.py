"""Every element of a resource of ours is mapped, not needed or unread, exactly once; what is unread changes nothing."""

from __future__ import annotations

import copy

import hospital
import pytest
from at_length import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from kept_store import shipped_parts

from adapter.commands.judged_rows import resource_rows
from adapter.commands.used_elements import ElementReads
from adapter.ingest.translate import translate_fhir

KNOWLEDGE = shipped_parts().knowledge
WHO = {"identifier": {"system": hospital.MRN, "value": "1"}}
DOSE = {**hospital.dose(), "subject": WHO}
REACTION = {**hospital.reaction(), "patient": WHO}


def uses(resource):
    rows = [row for row in resource_rows(resource, "ward", KNOWLEDGE) if row.judged.verdict == "ours"]
    return list(ElementReads({id(row.mapping): row.mapping for row in rows}.values()).uses(resource))


def classes(resource):
    return {use.place: use.kind for use in uses(resource)}


def leaves(value, place=()):
    """The dotted names of all primitive values."""
    if isinstance(value, dict):
        return [leaf for name, inner in value.items() for leaf in leaves(inner, (*place, name))]
    if isinstance(value, list):
        return [leaf for inner in value for leaf in leaves(inner, place)]
    return [place]


TEXTS = st.sampled_from(["x", "2025-03-03T10:15:00Z", "active"])
NAMES = st.sampled_from(["text", "site", "dose", "onset", "display", "exposureRoute", "url"])
OBJECTS = st.recursive(
    st.dictionaries(NAMES, TEXTS, min_size=1, max_size=3),
    lambda inner: st.dictionaries(NAMES, inner | st.lists(inner, min_size=1, max_size=2), min_size=1, max_size=2),
    max_leaves=4,
)
ELEMENTS = st.dictionaries(
    st.sampled_from(
        ["extension", "device", "note", "reasonCode", "dosage", "reaction", "text", "category", "performer"]
    ),
    OBJECTS | TEXTS | st.lists(TEXTS, min_size=1, max_size=2) | st.lists(OBJECTS, min_size=1, max_size=2),
    max_size=5,
)


def with_elements(base, more):
    found = copy.deepcopy(base)
    for name, value in more.items():
        if isinstance(found.get(name), dict) and isinstance(value, dict):
            found[name] |= value
        else:
            found.setdefault(name, value)
    return found


@pytest.mark.slow
@settings(max_examples=examples(150), deadline=None)
@given(st.sampled_from([DOSE, REACTION]), ELEMENTS)
def test_every_element_is_of_one_class(base, more):
    resource = with_elements(base, more)
    found = classes(resource)
    by_place = {tuple(place.split(".")): kind for place, kind in found.items()}
    assert len(by_place) == len({(use.place, use.kind) for use in uses(resource)})
    for leaf in leaves(resource):
        assert sum(leaf[: len(place)] == place for place in by_place) == 1, leaf


def without(value, place):
    if isinstance(value, list):
        return [without(inner, place) for inner in value]
    if not isinstance(value, dict):
        return value
    first, *rest = place
    if not rest:
        return {name: inner for name, inner in value.items() if name != first}
    return {name: without(inner, rest) if name == first else inner for name, inner in value.items()}


@pytest.mark.slow
@settings(max_examples=examples(100), deadline=None)
@given(st.sampled_from([DOSE, REACTION]), ELEMENTS)
def test_an_unread_element_changes_no_event(base, more):
    resource = with_elements(base, more)

    def events(one):
        return translate_fhir(one, KNOWLEDGE, lambda _: None, source="ward").events

    for use in uses(resource):
        if use.kind == "unread":
            assert events(without(resource, use.steps)) == events(resource), use.place


INFUSED = {"url": "http://x/infuse-over-time", "valueQuantity": {"value": 2, "unit": "h"}}
WARD = {"url": "http://x/ward", "valueString": "5"}


@pytest.mark.parametrize(
    ("more", "place", "kind"),
    [
        ({"extension": [INFUSED]}, "extension", "mapped"),
        ({"extension": [INFUSED, WARD]}, "extension", "unread"),
        ({"extension": [WARD]}, "extension", "unread"),
        ({"_effectiveDateTime": {"extension": [INFUSED]}}, "_effectiveDateTime.extension", "mapped"),
        ({"_effectiveDateTime": {"id": "x"}}, "_effectiveDateTime.id", "unread"),
        ({"dosage": {"rateQuantity": {"extension": [INFUSED]}}}, "dosage.rateQuantity.extension", "mapped"),
        ({"dosage": {"rateQuantity": {"value": 3}}}, "dosage.rateQuantity.value", "unread"),
        ({"text": {"status": "generated"}}, "text", "not needed"),
        ({"performer": [{"actor": {"display": "x"}}]}, "performer", "not needed"),
        ({"language": "it"}, "language", "unread"),
    ],
)
def test_elements_beside_the_usual_ones(more, place, kind):
    assert classes(with_elements(DOSE, more))[place] == kind


def test_rows_of_a_reaction_are_read_from_each_row():
    found = classes(
        with_elements(REACTION, {"reaction": [{**REACTION["reaction"][0], "exposureRoute": {"text": "IV"}}]})
    )
    assert found["reaction.onset"] == "mapped"
    twice = {**REACTION, "reaction": [*REACTION["reaction"], {"exposureRoute": {"text": "IV"}}]}
    assert classes(twice)["reaction.exposureRoute"] == "unread"
