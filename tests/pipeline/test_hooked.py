"""What a call at a hook comes down to, with a body that is trusted and with one that is not."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from notifications import backport, hapi, r4b, r5
from records_server import dose, patient

from adapter.domain.message import Arrival
from adapter.pipeline.answer_fhir import answer_call
from adapter.pipeline.hooked import Heard, hear
from adapter.pipeline.understand import understand

NOW = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)

D1, D2 = "MedicationAdministration/d1", "MedicationAdministration/d2"


def heard(body, *, trusted, method="POST", target=None):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return hear(raw, method, target, trusted=trusted)


def told(found):
    """Whether the body counts, what is read, whether the source is polled, whether there is no other way."""
    return found.counts, found.read, found.poll, found.needed


@pytest.mark.parametrize("body", [b"", b" \r\n", b"{}", b"[]", b"{"])
@pytest.mark.parametrize("trusted", [True, False])
def test_a_call_that_says_nothing_has_the_source_polled(body, trusted):
    assert heard(body, trusted=trusted) == Heard(kind="empty", poll=True, needed=True)


def test_a_resource_counts_or_is_read_back():
    assert told(heard(dose(1), trusted=True)) == (True, (), False, False)
    assert told(heard(dose(1), trusted=False)) == (False, (D1,), False, True)
    nameless = {"resourceType": "MedicationAdministration"}
    assert told(heard(nameless, trusted=False)) == (False, (), True, True)
    assert told(heard(nameless, trusted=True)) == (True, (), False, False)


def test_a_deletion_counts_and_is_read_back_in_any_case():
    assert told(heard(b"", trusted=True, method="DELETE", target=D1)) == (True, (D1,), False, False)
    assert told(heard(b"", trusted=False, method="DELETE", target=D1)) == (False, (D1,), False, True)
    assert told(heard(b"", trusted=False, method="DELETE", target="what/ever!")) == (False, (), True, True)


def test_a_bundle_counts_or_all_it_names_is_read_back():
    entries = [{"resource": dose(1)}, {"request": {"method": "DELETE", "url": D2}}]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    assert told(heard(bundle, trusted=True)) == (True, (D2,), False, False)
    assert told(heard(bundle, trusted=False)) == (False, (D1, D2), False, True)


@pytest.mark.parametrize("form", [backport, r4b, r5])
@pytest.mark.parametrize("trusted", [True, False])
def test_signs_of_life_ask_for_nothing_and_a_handshake_for_a_poll(form, trusted):
    for kind in ("heartbeat", "query-status"):
        assert told(heard(form(kind), trusted=trusted)) == (False, (), False, False)
    assert told(heard(form("handshake"), trusted=trusted)) == (False, (), True, False)


@pytest.mark.parametrize("form", [backport, r4b, r5])
@pytest.mark.parametrize("trusted", [True, False])
def test_an_event_without_a_name_has_the_source_polled_and_one_with_a_name_is_read(form, trusted):
    assert told(heard(form(events=[(1, "")]), trusted=trusted)) == (False, (), True, True)
    assert told(heard(form(events=[(1, D1)]), trusted=trusted)) == (False, (D1,), False, True)


@pytest.mark.parametrize("form", [backport, r4b, r5])
def test_a_full_event_counts_or_is_read_back(form):
    body = form(events=[(1, D1), (2, D2)], resources=[dose(1), patient()])
    assert told(heard(body, trusted=True)) == (True, (D2,), False, True)
    assert told(heard(body, trusted=False)) == (False, ("Patient/p1", D1, D2), False, True)


def test_deletions_in_a_notification_count_and_are_read_back():
    body = hapi(resources=[dose(1)], deleted=[D2])
    assert told(heard(body, trusted=True)) == (True, (D2,), False, False)
    assert told(heard(body, trusted=False)) == (False, (D1, D2), False, True)


def test_a_subscription_out_of_order_has_the_source_polled():
    assert told(heard(backport("query-status", status="error"), trusted=True)) == (False, (), True, False)


def test_a_hint_in_the_inbox_says_nothing_whatever_it_holds(corridor):
    body = json.dumps(dose(1, subject={"identifier": {"system": "https://hospital.example/mrn", "value": "900001"}}))
    arrival = Arrival(kind="hint", source="ward", listener="hook", raw=body.encode(), received_at=NOW)
    assert understand(arrival, corridor.parts) == ()
    assert understand(replace(arrival, kind="fhir"), corridor.parts)[0].events
    deletion = replace(arrival, raw=b"", method="DELETE", target=D1)
    assert understand(deletion, corridor.parts) == ()
    assert len(understand(replace(deletion, kind="fhir"), corridor.parts)[0].events) > 0


@pytest.mark.parametrize("form", [backport, r4b, r5])
def test_the_status_of_a_notification_is_no_resource_of_an_unsupported_type(corridor, form):
    done = corridor.take(form(resources=[patient(), dose(1, meta={"versionId": "1"})], events=[(1, D1), (2, "")]))
    assert [found.code for found in done.work.problems] == []
    assert [type(row.event).__name__ for row in done.work.events] == ["AsparaginaseAdministered"]
    assert corridor.take(form("heartbeat")).work.problems == ()


def test_a_call_is_answered_200_entry_by_entry_whatever_it_holds(corridor):
    broken = {"resourceType": "MedicationAdministration", "id": "d2", "status": "so-so"}
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": [{"resource": one} for one in (dose(1), broken)]}
    translations = understand(corridor.arrival(bundle, NOW), corridor.parts)
    for notification, statuses in ((False, ["202", "422"]), (True, ["200", "202", "422"])):
        answer = answer_call(translations, notification=notification)
        assert answer.status == 200
        assert [entry["response"]["status"] for entry in answer.resource["entry"]] == statuses
    assert answer_call((), notification=False).resource == {"resourceType": "Bundle", "type": "transaction-response"}
    assert answer_call(understand(corridor.arrival({}, NOW), corridor.parts), notification=False).status == 200
