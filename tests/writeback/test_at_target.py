"""A resource as one target takes it, and how it is recognised there."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.fhir import dumps, loads
from adapter.writeback.at_target import (
    NOT_THERE,
    WITHDRAWN,
    comparable_hash,
    has_new_verdict,
    is_ended_flag,
    references_in,
    stays_closed,
    with_links,
    with_status_of,
)

RESULT = {
    "resourceType": "Observation",
    "id": "o1",
    "text": {"status": "generated", "div": "<div>0.10</div>"},
    "status": "entered-in-error",
    "code": {"text": "Asparaginase activity"},
    "valueQuantity": {"value": Decimal("0.10")},
    "interpretation": [{"text": "low"}],
    "referenceRange": [{"text": ">=0.10"}],
    "component": [{"valueQuantity": {"value": Decimal("0.10")}}],
    "note": [{"text": "old"}],
}


def flag(status="active", topic="inactivation", verdict="suspected-silent-inactivation"):
    return {"resourceType": "Flag", "status": status, "code": {"coding": [{"code": topic}, {"code": verdict}]}}


def test_a_status_is_told_in_the_words_of_the_target_and_others_stay():
    statuses = {"Observation": {"preliminary": "final"}}
    assert with_status_of({**RESULT, "status": "preliminary"}, statuses) == {**RESULT, "status": "final"}
    assert with_status_of({**RESULT, "status": "amended"}, statuses) == {**RESULT, "status": "amended"}
    assert with_status_of(flag(), statuses) == flag()
    assert with_status_of({"resourceType": "Provenance", "id": "p"}, statuses) == {
        "resourceType": "Provenance",
        "id": "p",
    }


def test_a_withdrawn_result_that_must_stay_valid_keeps_no_number_and_says_so():
    assert with_status_of(RESULT, {"Observation": {"entered-in-error": "corrected"}}) == {
        "resourceType": "Observation",
        "id": "o1",
        "status": "corrected",
        "code": {"text": "Asparaginase activity"},
        "dataAbsentReason": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "error"}]
        },
        "note": [{"text": WITHDRAWN}],
    }


def test_a_withdrawn_flag_only_changes_its_status():
    statuses = {"Flag": {"entered-in-error": "inactive"}}
    assert with_status_of(flag("entered-in-error"), statuses) == flag("inactive")


def test_references_to_ours_are_turned_to_where_the_target_holds_them():
    body = {
        "resourceType": "Observation",
        "subject": {"reference": "Patient/a"},
        "derivedFrom": [
            {"reference": "Observation/here", "type": "Observation"},
            {"reference": "Observation/gone", "type": "Observation"},
        ],
    }
    links = {"Observation/here": "Observation/77", "Observation/gone": None}
    assert with_links(body, links) == {
        "resourceType": "Observation",
        "subject": {"reference": "Patient/a"},
        "derivedFrom": [
            {"reference": "Observation/77", "type": "Observation"},
            {"type": "Observation", "display": NOT_THERE},
        ],
    }
    assert list(references_in(body)) == ["Patient/a", "Observation/here", "Observation/gone"]


def test_a_provenance_names_only_what_stands_on_the_target():
    body = {
        "resourceType": "Provenance",
        "target": [{"reference": "Flag/here"}, {"reference": "Flag/gone"}, {"reference": "Flag/unknown"}],
        "entity": [{"what": {"reference": "Flag/gone"}}],
    }
    assert with_links(body, {"Flag/here": "Flag/7", "Flag/gone": None}) == {
        "resourceType": "Provenance",
        "target": [{"reference": "Flag/7"}, {"reference": "Flag/unknown"}],
        "entity": [{"what": {"type": "Flag", "display": NOT_THERE}}],
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "77"},
        {"meta": {"versionId": "3", "lastUpdated": "2025-03-10T12:00:00Z"}},
        {"text": {"status": "generated", "div": "<div>the server's</div>"}},
        {"valueQuantity": {"value": Decimal("0.1")}},
        {"valueQuantity": {"value": Decimal("0.1000")}},
    ],
)
def test_what_a_server_does_by_itself_is_no_edit(changes):
    assert comparable_hash({**RESULT, **changes}) == comparable_hash(RESULT)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "final"},
        {"valueQuantity": {"value": Decimal("0.11")}},
        {"note": []},
        {"performer": [{"display": "somebody"}]},
        {"valueQuantity": {"value": True}},
    ],
)
def test_any_other_change_is_an_edit(changes):
    assert comparable_hash({**RESULT, **changes}) != comparable_hash(RESULT)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.decimals(-1000, 1000, places=3) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["id", "meta", "text", "status", "code", "note"]), JSON))
def test_a_resource_that_went_over_the_wire_is_always_recognised(body):
    assert comparable_hash(loads(dumps(body))) == comparable_hash(body)


@pytest.mark.parametrize(
    ("standing", "wanted", "closed"),
    [
        (flag("active"), flag("active"), False),
        (flag("inactive"), flag("active"), True),
        (flag("inactive"), flag("inactive"), True),
        (flag("inactive"), flag("inactive", verdict="confirmed-silent-inactivation"), True),
        (flag("inactive"), flag("active", verdict="confirmed-silent-inactivation"), False),
        (flag("inactive"), flag("entered-in-error"), False),
        (flag("entered-in-error"), flag("active"), True),
        (flag("entered-in-error"), flag("inactive"), True),
        (flag("entered-in-error"), flag("entered-in-error"), True),
        ({**RESULT, "status": "entered-in-error"}, {**RESULT, "status": "final"}, False),
    ],
)
def test_a_flag_somebody_ended_stays_so_until_there_is_something_new_to_say(standing, wanted, closed):
    assert stays_closed(standing, wanted) is closed


def test_a_verdict_is_what_the_codes_say():
    assert not has_new_verdict(flag(), flag("inactive"))
    assert has_new_verdict(flag(), flag(verdict="confirmed-silent-inactivation"))
    assert has_new_verdict({"resourceType": "Flag", "code": "text"}, flag())
    assert has_new_verdict({"resourceType": "Flag", "code": {"coding": "text"}}, flag())
    assert [is_ended_flag(one) for one in (flag(), flag("inactive"), flag("entered-in-error"), RESULT)] == [
        False,
        True,
        True,
        False,
    ]
