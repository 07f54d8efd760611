"""A FHIR server says by Patient.link which record ended in which; the newest version of a Patient counts."""

from __future__ import annotations

from itertools import permutations

import adt
import hospital
import pytest

OLD, NEW, THIRD = "900001", "900002", "900003"
OLD_KEY, NEW_KEY, THIRD_KEY = (f"{hospital.MRN}|{mrn}" for mrn in (OLD, NEW, THIRD))
DOSE = hospital.dose(OLD)
SAMPLE = hospital.oru("A1", mrn=NEW, value="<0.03")


def person(mrn, *, version=1, day=1, **links):
    """A Patient; `links` by type (`replaced_by`, `replaces`) to the record of another number."""
    rows = [
        {"type": kind.replace("_", "-"), "other": {"reference": f"Patient/p{other}"}} for kind, other in links.items()
    ]
    made = hospital.patient(mrn, version=version)
    made["meta"]["lastUpdated"] = f"2025-03-2{day}T08:00:00Z"
    return {**made, "link": rows} if rows else made


def take(corridor, *resources):
    return [corridor.take(one) for one in resources]


def told(corridor):
    return {
        patient: ([len(one["samples"]) for one in doses], len(unlinked))
        for patient, (doses, unlinked) in corridor.findings().items()
    }


TWO = {OLD_KEY: ([0], 0), NEW_KEY: ([], 1)}


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_acceptance_11_a_replaced_record_gives_one_history_whatever_comes_first(corridor, order):
    story = [person(OLD, replaced_by=NEW), person(NEW), DOSE, SAMPLE]
    take(corridor, *(story[n] for n in order))
    assert told(corridor) == {NEW_KEY: ([1], 0)}
    assert corridor.state.parked() == []


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_the_surviving_record_may_say_it_alone(corridor, order):
    story = [person(OLD), person(NEW, replaces=OLD), DOSE, SAMPLE]
    take(corridor, *(story[n] for n in order))
    assert told(corridor) == {NEW_KEY: ([1], 0)}
    assert corridor.state.parked() == []


def test_a_link_to_a_patient_nobody_knows_waits_for_him(corridor):
    take(corridor, person(OLD, replaced_by=NEW), DOSE)
    (parked,) = corridor.state.parked()
    assert (parked.reason, parked.waits_for) == ("unknown-patient", (f"Patient/p{NEW}", f"Patient/p{OLD}"))
    assert told(corridor) == {OLD_KEY: ([0], 0)}  # the Patient itself is known and used
    take(corridor, person(NEW))
    assert (corridor.state.parked(), told(corridor)) == ([], {NEW_KEY: ([0], 0)})


def test_an_update_that_drops_the_link_parts_the_records(corridor):
    take(corridor, person(OLD, replaced_by=NEW), person(NEW), DOSE, SAMPLE)
    take(corridor, person(OLD, version=2, day=2))
    assert told(corridor) == TWO
    take(corridor, person(OLD, version=3, day=3, replaced_by=NEW))
    assert told(corridor) == {NEW_KEY: ([1], 0)}


def test_an_older_version_of_a_patient_says_nothing_any_more(corridor):
    take(corridor, person(OLD, version=2, day=2), person(NEW), DOSE, SAMPLE)
    take(corridor, person(OLD, replaced_by=NEW))
    assert told(corridor) == TWO


def test_a_waiting_link_that_was_dropped_meanwhile_does_not_come_back(corridor):
    take(corridor, person(OLD, replaced_by=NEW), DOSE, SAMPLE, person(OLD, version=2, day=2), person(NEW))
    assert told(corridor) == TWO


@pytest.mark.parametrize("behind", [False, True])
def test_linked_patients_of_one_bundle_find_each_other(corridor, behind):
    people = [person(OLD, replaced_by=NEW), person(NEW)]
    entries = [{"resource": one} for one in (people[::-1] if behind else people)]
    take(corridor, {"resourceType": "Bundle", "type": "collection", "entry": entries}, DOSE, SAMPLE)
    assert (corridor.state.parked(), told(corridor)) == ([], {NEW_KEY: ([1], 0)})


@pytest.mark.parametrize("first", [1, 2])
def test_of_two_versions_in_one_bundle_the_newer_counts(corridor, first):
    versions = {1: person(OLD, replaced_by=NEW), 2: person(OLD, version=2, day=2)}
    entries = [{"resource": one} for one in (versions[first], versions[3 - first], person(NEW))]
    take(corridor, {"resourceType": "Bundle", "type": "collection", "entry": entries}, DOSE, SAMPLE)
    assert told(corridor) == TWO


def test_a_chain_and_a_circle_of_links_end(corridor):
    take(corridor, person(OLD, replaced_by=NEW), person(NEW, day=2, replaced_by=THIRD), person(THIRD), DOSE, SAMPLE)
    assert told(corridor) == {THIRD_KEY: ([1], 0)}
    take(corridor, person(THIRD, version=2, day=3, replaced_by=OLD))
    assert told(corridor) == {OLD_KEY: ([1], 0)}


def nameless(number, other=None):
    """A Patient without any identifier of a known system."""
    link = [{"type": "replaced-by", "other": {"reference": f"Patient/{other}"}}] if other else []
    return {"resourceType": "Patient", "id": f"x{number}", **({"link": link} if link else {})}


def test_records_without_a_number_are_followed_five_links_far(corridor):
    about = {**DOSE, "subject": {"reference": "Patient/x1"}}
    chain = [nameless(n, f"x{n + 1}") for n in range(1, 5)]
    take(corridor, *chain, nameless(5, f"p{NEW}"), person(NEW), about)
    assert told(corridor) == {NEW_KEY: ([0], 0)}
    further = {**DOSE, "id": "dose-2", "subject": {"reference": "Patient/x0"}}
    (done,) = take(corridor, nameless(0, "x1"))[:1]
    assert done.work.parked is None
    take(corridor, further)
    assert [one.reason for one in corridor.state.parked()] == ["unknown-authority"]


def test_a_record_without_a_number_that_ended_in_one_nobody_knows_waits(corridor):
    about = {**DOSE, "subject": {"reference": "Patient/x1"}}
    take(corridor, nameless(1, f"p{NEW}"), about)
    (parked,) = corridor.state.parked()
    assert (parked.reason, parked.waits_for) == ("unknown-patient", (f"Patient/p{NEW}", "Patient/x1"))
    take(corridor, person(NEW))
    assert (corridor.state.parked(), told(corridor)) == ([], {NEW_KEY: ([0], 0)})


def test_a_link_may_name_the_other_by_its_number(corridor):
    link = {"type": "replaced-by", "other": {"identifier": {"system": hospital.MRN, "value": NEW}}}
    take(corridor, {**person(OLD), "link": [link]}, DOSE, SAMPLE)
    assert told(corridor) == {NEW_KEY: ([1], 0)}


@pytest.mark.parametrize("kind", ["seealso", "refer"])
def test_other_links_join_nothing(corridor, kind):
    link = {"type": kind, "other": {"reference": f"Patient/p{NEW}"}}
    take(corridor, {**person(OLD), "link": [link]}, person(NEW), DOSE, SAMPLE)
    assert told(corridor) == TWO


def test_a_later_unlink_parts_what_a_link_joined_and_a_later_version_joins_it_again(corridor):
    take(corridor, person(OLD, replaced_by=NEW), person(NEW), DOSE, SAMPLE)
    take(corridor, adt.unlink(NEW, OLD, at="20250322090000+0000"))
    assert told(corridor) == TWO
    take(corridor, person(OLD, version=2, day=3, replaced_by=NEW))
    assert told(corridor) == {NEW_KEY: ([1], 0)}


def test_dropping_a_link_leaves_a_merge_that_was_told_by_message(corridor):
    take(corridor, person(OLD, replaced_by=NEW), person(NEW), adt.merge(NEW, OLD), DOSE, SAMPLE)
    take(corridor, person(OLD, version=2, day=2))
    assert told(corridor) == {NEW_KEY: ([1], 0)}
