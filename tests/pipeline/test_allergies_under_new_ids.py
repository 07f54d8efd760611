"""A server gives an allergy a new id: its reaction counts once, and stands while either record does."""

from __future__ import annotations

from itertools import permutations

import hospital
import pytest

FIRST = hospital.reaction()
AGAIN = {
    **hospital.reaction(),
    "id": "reconciled",
    "meta": {"versionId": "1", "lastUpdated": "2025-03-05T08:00:00Z"},
    "recordedDate": "2025-03-05T08:00:00Z",
}
WITHDRAWN = {
    "resourceType": "AllergyIntolerance",
    "id": FIRST["id"],
    "meta": {"versionId": "2", "lastUpdated": "2025-03-05T09:00:00Z"},
    "verificationStatus": {"coding": [{"system": hospital.VERIFICATION, "code": "entered-in-error"}]},
    "patient": FIRST["patient"],
}


def take(corridor, *resources):
    return [corridor.take(one) for one in resources]


@pytest.mark.parametrize("order", list(permutations([FIRST, AGAIN])))
def test_a_reaction_beside_no_dose_is_told_once(corridor, order):
    done = take(corridor, hospital.patient(), *order)[-1]
    assert [result.problems for result in done.work.results] == [("reaction-unlinked",)]


def test_the_copy_changes_nothing_that_was_written_and_the_withdrawal_of_the_first_closes_no_flag(corridor):
    take(corridor, hospital.patient(), hospital.dose(), FIRST)
    before = corridor.open_resources()
    (done,) = take(corridor, AGAIN)
    assert done.changes == ()
    take(corridor, WITHDRAWN)
    after = corridor.open_resources()
    assert before.keys() == after.keys()
    assert any(body["resourceType"] == "Flag" for body in after.values())
    take(corridor, {**WITHDRAWN, "id": "reconciled", "meta": {"versionId": "2", "lastUpdated": "2025-03-06T09:00:00Z"}})
    assert not any(
        body["resourceType"] == "Flag" and body["code"]["coding"][0]["code"] == "severe-reaction"
        for body in corridor.open_resources().values()
    )
