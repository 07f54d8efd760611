"""A Bundle of type history tells the newest first: what happened last counts, wherever it stands."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import hospital
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kept_store import shipped_parts

from adapter.app.inboxes import message_ref
from adapter.domain.message import Arrival, Stored
from adapter.pipeline.process import process
from adapter.store.memory_state import MemoryState

AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
ANNA = f"{hospital.MRN}|900001"
DOSE = hospital.dose()
URL = f"MedicationAdministration/{DOSE['id']}"
MADE = {
    "resource": DOSE,
    "request": {"method": "PUT", "url": URL},
    "response": {"lastModified": "2025-03-03T12:10:00Z"},
}
DELETED = {"request": {"method": "DELETE", "url": URL}, "response": {"lastModified": "2025-03-04T10:00:00Z"}}
MADE_AGAIN = {
    "resource": {**DOSE, "meta": {"versionId": "3", "lastUpdated": "2025-03-05T10:00:00Z"}},
    "request": {"method": "PUT", "url": URL},
    "response": {"lastModified": "2025-03-05T10:00:00Z"},
}


def bundle(*entries, kind="history"):
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def doses_after(*bodies):
    """How many doses stand after these pushes."""
    state = MemoryState()
    parts = replace(shipped_parts(), state=state)
    for seq, body in enumerate((hospital.patient(), *bodies), start=1):
        raw = json.dumps(body).encode()
        arrival = Arrival(kind="fhir", source="default", listener="hook", raw=raw, received_at=AT, digest=str(seq))
        stored = Stored(seq=seq, arrival=arrival)
        process(stored, message_ref("inbox-core", stored), parts, AT)
    return len(state.findings(ANNA)[0])


def bare(entry):
    """An entry without any time."""
    kept = {name: value for name, value in entry.items() if name != "response"}
    if "resource" in kept:
        kept["resource"] = {name: value for name, value in kept["resource"].items() if name != "meta"}
    return kept


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.permutations([MADE, DELETED, MADE_AGAIN]), st.integers(2, 3), st.booleans())
def test_whatever_order_the_entries_stand_in_the_newest_always_counts(entries, upto, apart):
    told = [entry for entry in entries if upto == 3 or entry is not MADE_AGAIN]
    bodies = [bundle(entry) for entry in told] if apart else [bundle(*told)]
    assert doses_after(*bodies) == (1 if upto == 3 else 0)


def test_entries_without_times_are_read_from_the_last_to_the_first():
    assert doses_after(bundle(bare(DELETED), bare(MADE))) == 0
    assert doses_after(bundle(bare(MADE), bare(DELETED))) == 1


def test_entries_without_times_are_read_by_their_versions():
    first = {**bare(MADE), "resource": {**DOSE, "meta": {"versionId": "1"}}}
    gone = {**DELETED, "response": {"etag": 'W/"2"'}}
    for entries in ((first, gone), (gone, first)):
        assert doses_after(bundle(*entries)) == 0


@pytest.mark.parametrize(("entries", "left"), [((MADE, DELETED), 0), ((DELETED, MADE), 1)])
def test_entries_of_any_other_bundle_are_read_as_they_stand(entries, left):
    assert doses_after(bundle(*map(bare, entries), kind="batch")) == left


@pytest.mark.parametrize("etag", ['W/"2"', '"2"', "two", None])
def test_a_deletion_has_the_version_its_server_tells(etag):
    response = {"etag": etag, "lastModified": "2025-03-04T10:00:00Z"}
    assert doses_after(bundle({**DELETED, "response": response}), bundle(MADE)) == 0
    assert doses_after(bundle({**DELETED, "response": response}), bundle(MADE_AGAIN)) == 1


def test_a_time_nobody_can_read_is_none():
    odd = [{**entry, "response": {"lastModified": "yesterday"}} for entry in map(bare, (DELETED, MADE))]
    assert doses_after(bundle(*odd)) == 0
