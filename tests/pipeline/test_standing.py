"""What stands on a target is ours, what we want already, or somebody else's doing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapter.domain.message import OutboxRow
from adapter.pipeline.standing import Letter, There, judged
from adapter.writeback.at_target import comparable_hash

ROW = OutboxRow(
    target="ehr",
    patient="urn:mrn|1",
    resource_type="Observation",
    id="o1",
    body={},
    content_hash="h",
    attempts=0,
    generation=1,
)
LAST, WANTED, OTHER = (
    {"resourceType": "Observation", "status": "final", "note": [{"text": text}]} for text in ("last", "now", "other")
)


def letter(**remembered):
    row = replace(ROW, **remembered)
    return Letter(row=row, body=WANTED, hash=comparable_hash(WANTED), identifier=("urn:keys", "o1"))


def standing(body, version):
    return {**body, "id": "77", "meta": {"versionId": version} if version else {}}


@pytest.mark.parametrize(
    ("remembered", "body", "version", "ours"),
    [
        ({"remote_version": "4"}, OTHER, "4", True),
        ({"remote_version": "4"}, OTHER, "5", False),
        ({"remote_version": "4", "remote_hash": comparable_hash(LAST)}, LAST, "5", True),
        ({"remote_version": "4", "remote_hash": comparable_hash(LAST)}, OTHER, "5", False),
        ({"remote_hash": comparable_hash(LAST), "sent_hash": comparable_hash(OTHER)}, OTHER, "5", True),
        ({"sent_hash": comparable_hash(LAST)}, OTHER, "1", False),
        ({}, OTHER, "1", True),
        ({}, OTHER, None, True),
        ({}, OTHER, "2", False),
    ],
)
def test_what_is_not_ours_by_version_or_content_is_left_alone(remembered, body, version, ours):
    found = judged(letter(**remembered), standing(body, version), "search-first")
    if ours:
        assert found == There(id="77", version=version)
    else:
        assert (found.state, found.reason) == ("parked", "foreign-edit")
        assert (found.remote_id, found.remote_version, found.remote_hash) == (None, None, None)


def test_what_is_wanted_already_is_confirmed_with_its_place():
    found = judged(letter(), standing(WANTED, "9"), "search-first")
    assert (found.state, found.remote_id, found.remote_version, found.strategy) == (
        "confirmed",
        "77",
        "9",
        "search-first",
    )
    assert found.remote_hash == found.sent_hash == comparable_hash(WANTED)


@pytest.mark.parametrize(
    ("remembered", "settled"),
    [
        ({"remote_id": "77", "remote_hash": "wanted", "sent_hash": "wanted"}, True),
        ({"remote_id": "77", "remote_hash": "wanted", "sent_hash": "other"}, False),
        ({"remote_id": "77", "remote_hash": "other", "sent_hash": "wanted"}, False),
        ({"remote_id": "77", "remote_hash": "wanted"}, False),
        ({"remote_hash": "wanted", "sent_hash": "wanted"}, False),
        ({"remote_id": "77", "remote_hash": "wanted", "sent_hash": "wanted", "strategy": "left-out"}, False),
    ],
)
def test_a_resource_is_settled_when_the_target_confirmed_it_and_got_nothing_else_since(remembered, settled):
    hashes = {name: comparable_hash(WANTED) if value == "wanted" else value for name, value in remembered.items()}
    assert letter(**hashes).settled is settled
