"""What a notification says, in each of the forms it has in the field; and that it is no clinical resource."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notifications import backport, hapi, r4b, r5

from adapter.ingest.fhir_bundle import fhir_resources
from adapter.ingest.fhir_notification import named_in, notification_of

NOON = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
DOSE = {"resourceType": "MedicationAdministration", "id": "d1"}
FORMS = [backport, r4b, r5]
OF_HAPI = json.loads((Path(__file__).parent / "notifications_of_hapi.json").read_text(encoding="utf-8"))
"""As HAPI FHIR 8.8.0 sent them: a Patient created, then deleted, to three subscriptions of one topic."""


@pytest.mark.parametrize("form", FORMS)
def test_every_form_says_the_same(form):
    events = [(6, "MedicationAdministration/d1"), (7, "MedicationAdministration/d2")]
    told = notification_of(form(total=7, events=events))
    assert (told.kind, told.status, told.subscription) == ("event-notification", "active", "Subscription/s1")
    assert (told.total, told.numbers, told.told_at) == (7, (6, 7), NOON)
    assert told.focus == ("MedicationAdministration/d1", "MedicationAdministration/d2")
    assert told.eventful
    assert not told.out_of_order


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["handshake", "heartbeat", "query-status", "query-event"])
def test_the_kind_is_told(form, kind):
    told = notification_of(form(kind, total=0))
    assert (told.kind, told.total, told.numbers, told.focus) == (kind, 0, (), ())
    assert told.eventful == (kind == "query-event")


def test_what_has_no_known_kind_may_tell_of_an_event():
    assert notification_of(backport("newer-kind")).kind == "unknown"
    assert notification_of(backport("newer-kind")).eventful


@pytest.mark.parametrize(("status", "out"), [("error", True), ("off", True), ("active", False), ("requested", False)])
def test_a_subscription_that_does_not_work_is_out_of_order(status, out):
    assert notification_of(backport(status=status)).out_of_order == out


def test_the_numbers_of_hapi_are_not_relied_on():
    told = notification_of(hapi(total=5, resources=[DOSE]))
    assert (told.kind, told.total, told.numbers) == ("event-notification", None, ())
    assert told.focus == ("MedicationAdministration/d1",)


@pytest.mark.parametrize("name", list(OF_HAPI))
def test_what_hapi_really_sent_is_read(name):
    content, happened = name.split()
    body = OF_HAPI[name]
    told = notification_of(body)
    assert (told.kind, told.status, told.total, told.numbers) == ("event-notification", "active", None, ())
    assert told.subscription.startswith("Subscription/")
    assert told.focus == (() if content == "empty" else ("Patient/p1",))
    held, deleted, nameless = named_in(body)
    assert held == (["Patient/p1"] if (content, happened) == ("full-resource", "created") else [])
    assert deleted == ([] if content == "empty" or happened == "created" else ["Patient/p1"])
    assert not nameless


@pytest.mark.parametrize("left_out", ["request", "response"])
def test_nor_are_those_of_a_history_that_lacks_what_one_needs(left_out):
    body = backport(total=3)
    del body["entry"][0][left_out]
    assert notification_of(body).total is None
    body = backport(total=3)
    body["entry"][0]["request"] = {}
    assert notification_of(body).total is None


def test_a_date_for_an_instant_alone_marks_numbers_that_begin_anew():
    body = backport(total=3, events=[(3, "Patient/p1")])
    parts = body["entry"][0]["resource"]["parameter"][-1]["part"]
    parts[1] = {"name": "timestamp", "valueDate": "2025-06-01"}
    assert notification_of(body).total is None


def test_numbers_are_read_as_text_and_as_numbers_and_nothing_else():
    for sent, read in ((3, 3), ("3", 3), ("three", None), ("-3", None), (True, None), (None, None), ("٣", None)):
        body = r5()
        body["entry"][0]["resource"]["eventsSinceSubscriptionStart"] = sent
        assert notification_of(body).total == read


def test_entries_without_a_resource_name_one_and_are_no_fault():
    body = backport(events=[(1, "")])
    body["entry"].append({"fullUrl": "https://ehr.example/fhir/MedicationAdministration/d9", "response": {}})
    assert notification_of(body).focus == ("MedicationAdministration/d9",)
    assert fhir_resources(body) == []


def test_the_status_is_no_resource_and_what_follows_is():
    body = backport(resources=[DOSE], deleted=["MedicationAdministration/d2"])
    found = [(item.method, item.reference, item.index) for item in fhir_resources(body)]
    assert found == [("PUT", "MedicationAdministration/d1", 1), ("DELETE", "MedicationAdministration/d2", 2)]
    assert named_in(body) == (["MedicationAdministration/d1"], ["MedicationAdministration/d2"], False)


def test_what_has_no_name_is_told():
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": [{"resource": {"resourceType": "Patient"}}]}
    assert named_in(bundle) == ([], [], True)
    assert named_in({"resourceType": "Patient", "id": "a/b"}) == ([], [], True)


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        DOSE,
        {"resourceType": "Bundle"},
        {"resourceType": "Bundle", "entry": [None]},
        {"resourceType": "Bundle", "entry": [{"resource": DOSE}]},
        {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Parameters"}}]},
        {
            "resourceType": "Bundle",
            "entry": [{"resource": {"resourceType": "Parameters", "parameter": [{"name": "a"}]}}],
        },
        {"resourceType": "SubscriptionStatus", "type": "heartbeat"},
    ],
)
def test_what_begins_with_no_status_is_no_notification(body):
    assert notification_of(body) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PLACES = ("subscription", "status", "type", "eventsSinceSubscriptionStart", "notificationEvent", "parameter")


@given(
    form=st.sampled_from([backport, r4b, r5]),
    damage=st.dictionaries(st.sampled_from(PLACES), JSON),
    entry=st.dictionaries(st.sampled_from(["request", "response", "fullUrl", "resource"]), JSON),
)
def test_nothing_that_can_stand_in_a_notification_raises(form, damage, entry):
    body = form(events=[(1, "Patient/p1")])
    body["entry"][0]["resource"].update(damage)
    body["entry"].append(entry)
    told = notification_of(body)
    assert told is None or told.total is None or told.total >= 0
    named_in(body)
