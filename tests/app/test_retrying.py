"""Sending again: written down before it is owed, finished after a crash, and never what a person edited or deleted."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import hospital
import pytest
from kept_store import RECEIVED, KeptStore, stored

from adapter.app import asking
from adapter.app.asking import ASKED, DONE
from adapter.app.retrying import DELETED, EDITED, FOLDER, Retries, Retry, ask_to_retry, is_named
from adapter.domain.message import Outcome
from adapter.store.faults import CannotKeep

NOW = datetime(2026, 1, 1, tzinfo=UTC)
REASONS = ("422: invalid", "403: forbidden", "foreign-edit", "410: deleted-on-target", "patient-ambiguous")


def held_back(kept):
    """A patient's resources, of which the target would not take five."""
    for resource in (hospital.patient(), hospital.dose(), hospital.reaction()):
        kept.fhir(resource)
    kept.hl7(hospital.oru("S1", value="<0.03"))
    rows = kept.state.due("hospital", NOW, 10)
    assert len(rows) > len(REASONS)
    endings = [Outcome(row=row, state="parked", reason=reason) for row, reason in zip(rows, REASONS, strict=False)]
    rest = [Outcome(row=row, state="confirmed", remote_id=row.id) for row in rows[len(REASONS) :]]
    kept.state.settle([*endings, *rest])


@pytest.fixture
def store(tmp_path):
    kept = KeptStore(stored(tmp_path / "store", held_back, "hospital"), "hospital")
    yield kept
    kept.close()


def held(store):
    return {one.reason: one for one in store.state.parked_deliveries()}


def owed(store):
    return sorted(f"{row.resource_type}/{row.id}" for row in store.state.due("hospital", NOW, 10))


def retry(**more):
    return Retry(id="r1", asked_at="2026-01-01T00:00:00Z", by="anna", because="a test", **more)


def retries(store, woken=None, state=None):
    return Retries(store.folder, state or store.state, lambda: RECEIVED, lambda: woken is not None and woken.append(1))


def test_what_is_asked_is_owed_again_and_stays_as_an_audit_line(store):
    before, woken = held(store), []
    place = ask_to_retry(store.folder, retry(reason="422"))
    retries(store, woken).look()
    assert owed(store) == [before["422: invalid"].key]
    assert woken == [1]
    assert json.loads(place.read_text()) == {
        "schema": 1,
        "id": "r1",
        "asked_at": "2026-01-01T00:00:00Z",
        "by": "anna",
        "because": "a test",
        "done_at": "2025-03-11T13:05:00Z",
        "retried": [["hospital", before["422: invalid"].key]],
        "refused": [],
    }
    assert place.stat().st_mode & 0o077 == 0
    assert not (store.folder / FOLDER / f"r1{ASKED}").exists()


def test_what_a_person_edited_or_deleted_stays_and_is_told(store):
    before = held(store)
    place = ask_to_retry(store.folder, retry())
    retries(store).look()
    told = json.loads(place.read_text())
    assert {key for _, key in told["retried"]} == {
        before[reason].key for reason in ("422: invalid", "403: forbidden", "patient-ambiguous")
    }
    assert {key: why for _, key, why in told["refused"]} == {
        before["foreign-edit"].key: EDITED,
        before["410: deleted-on-target"].key: DELETED,
    }
    assert set(held(store)) == {"foreign-edit", "410: deleted-on-target"}


@pytest.mark.parametrize("reason", ["foreign-edit", "410: deleted-on-target"])
def test_not_even_by_its_name_is_it_sent(store, reason):
    woken = []
    ask_to_retry(store.folder, retry(key=held(store)[reason].key))
    retries(store, woken).look()
    assert owed(store) == woken == []
    assert store.state.owe_again([("hospital", one.resource_type, one.id) for one in held(store).values()]) == 3


@pytest.mark.parametrize(
    ("more", "count"),
    [
        ({"target": "hospital"}, 3),
        ({"target": "other"}, 0),
        ({"reason": "403: forbidden"}, 1),
        ({"reason": "forbidden"}, 1),
        ({"reason": "4"}, 0),
        ({"target": "hospital", "reason": "500"}, 0),
    ],
)
def test_what_is_not_meant_is_not_touched(store, more, count):
    ask_to_retry(store.folder, retry(**more))
    retries(store).look()
    assert len(owed(store)) == count


def test_one_resource_is_named_with_or_without_its_type(store):
    one, other = held(store)["422: invalid"], held(store)["403: forbidden"]
    ask_to_retry(store.folder, retry(key=one.key))
    retries(store).look()
    ask_to_retry(store.folder, retry(key=other.id))
    retries(store).look()
    assert owed(store) == sorted((one.key, other.key))


def test_a_process_that_ends_in_between_is_finished_and_tells_what_it_began(store, monkeypatch):
    before = held(store)
    place = ask_to_retry(store.folder, retry(reason="422"))

    def died(*_, **__):
        raise OSError

    with monkeypatch.context() as patched:
        patched.setattr(asking.Requests, "answer", died)
        retries(store).look()
    assert not place.exists()
    assert owed(store) == [before["422: invalid"].key]
    retries(store).look()
    assert json.loads(place.read_text())["retried"] == [["hospital", before["422: invalid"].key]]


def test_a_store_that_cannot_be_written_leaves_the_request(store, monkeypatch):
    ask_to_retry(store.folder, retry())

    def full(*_):
        raise CannotKeep("no room")

    with monkeypatch.context() as patched:
        patched.setattr(store.state, "owe_again", full)
        with pytest.raises(CannotKeep):
            retries(store).look()
    assert owed(store) == []
    assert not (store.folder / FOLDER / f"r1{DONE}").exists()
    retries(store).look()
    assert len(owed(store)) == 3


def test_a_resource_that_changed_meanwhile_is_owed_once(store):
    place = ask_to_retry(store.folder, retry())
    store.hl7(hospital.oru("S2", value="0.55", status="C", sent="20250312080000+0000"))
    before = owed(store)
    retries(store).look()
    assert set(before) <= set(owed(store))
    assert not {key for _, key in json.loads(place.read_text())["retried"]} & set(before)


@pytest.mark.parametrize(
    ("reason", "asked", "fits"),
    [
        ("422: a: b", "422", True),
        ("422: a: b", "a: b", False),
        ("422: a", "422: a", True),
        ("422", "42", False),
        (None, "422", False),
    ],
)
def test_a_reason_is_named_whole_or_by_a_part(reason, asked, fits):
    assert is_named(reason, asked) is fits
