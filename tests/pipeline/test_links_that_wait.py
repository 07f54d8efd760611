"""Links of a Patient that tell no surviving number wait in the work list until a version says one."""

from __future__ import annotations

from itertools import permutations

import hospital
import pytest
from linked_records import taken, waiting

OLD, NEW, THIRD = "900001", "900002", "900003"
OLD_KEY, NEW_KEY, THIRD_KEY = (f"{hospital.MRN}|{mrn}" for mrn in (OLD, NEW, THIRD))
DOSE = hospital.dose(OLD)
SAMPLE = hospital.oru("A1", mrn=NEW, value="<0.03")
UNMAPPED = {"identifier": {"system": "https://old.example/mrn", "value": NEW}}


def to(*mrns):
    return [{"reference": f"Patient/p{mrn}"} for mrn in mrns]


def person(mrn, *others, version=1, kind="replaced-by", number=True):
    made = hospital.patient(mrn, version=version)
    made["meta"]["lastUpdated"] = f"2025-03-2{version}T08:00:00Z"
    if not number:
        made["identifier"] = []
    return {**made, "link": [{"type": kind, "other": other} for other in others]} if others else made


TWO = {OLD_KEY: ([0], 0), NEW_KEY: ([], 1)}


@pytest.mark.parametrize("kind", ["replaced-by", "replaces"])
def test_a_link_to_an_unmapped_number_waits_for_a_version_that_says_better(corridor, kind):
    assert taken(corridor, person(OLD, UNMAPPED, kind=kind), DOSE, SAMPLE) == TWO
    assert waiting(corridor) == [("unknown-authority", (f"Patient/p{OLD}",))]
    better = person(OLD, *to(NEW), version=2)
    assert taken(corridor, person(NEW), better) == {NEW_KEY: ([1], 0)}
    assert waiting(corridor) == []


def test_the_sender_is_told_where_the_number_stands(corridor):
    done = corridor.take(person(OLD, UNMAPPED))
    assert [(p.code, p.where) for p in done.work.problems] == [("unknown-authority", "Patient.link")]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_link_that_waits_is_over_once_a_newer_version_has_none(corridor, order):
    story = [person(OLD, UNMAPPED), person(OLD, version=2), DOSE]
    assert taken(corridor, *(story[n] for n in order)) == {OLD_KEY: ([0], 0)}
    assert waiting(corridor) == []


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_link_to_a_patient_without_a_number_waits_for_it(corridor, order):
    story = [person(OLD, *to(NEW)), person(NEW, number=False), DOSE, SAMPLE]
    assert taken(corridor, *(story[n] for n in order)) == TWO
    assert waiting(corridor) == [("unknown-authority", (f"Patient/p{OLD}", f"Patient/p{NEW}"))]
    assert taken(corridor, person(NEW, version=2)) == {NEW_KEY: ([1], 0)}
    assert waiting(corridor) == []


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_record_that_ended_in_two_others_ends_in_none_until_it_says_which(corridor, order):
    story = [person(OLD, *to(NEW, THIRD)), person(NEW), person(THIRD), DOSE]
    assert taken(corridor, *(story[n] for n in order), SAMPLE) == TWO
    assert waiting(corridor) == [("replaced-by-several", (f"Patient/p{OLD}",))]
    assert taken(corridor, person(OLD, *to(NEW), version=2)) == {NEW_KEY: ([1], 0)}
    assert waiting(corridor) == []


def test_of_two_others_one_of_whom_nobody_knows_none_is_taken(corridor):
    assert taken(corridor, person(OLD, *to(NEW, THIRD)), person(NEW), DOSE, SAMPLE) == TWO
    assert waiting(corridor) == [("unknown-patient", (f"Patient/p{THIRD}", f"Patient/p{OLD}"))]


def test_two_links_that_name_one_record_are_one(corridor):
    by_number = {"identifier": {"system": hospital.MRN, "value": NEW}}
    assert taken(corridor, person(OLD, by_number, *to(NEW)), person(NEW), DOSE, SAMPLE) == {NEW_KEY: ([1], 0)}
    assert waiting(corridor) == []


def test_several_records_may_have_ended_in_one(corridor):
    survivor = person(NEW, *to(OLD, THIRD), kind="replaces")
    assert taken(corridor, person(OLD), person(THIRD), survivor, DOSE, SAMPLE) == {NEW_KEY: ([1], 0)}


def test_a_dose_of_a_patient_without_a_number_who_ended_in_two_waits(corridor):
    split = person(OLD, *to(NEW, THIRD), number=False)
    assert taken(corridor, person(NEW), person(THIRD), split, DOSE) == {}
    assert [reason for reason, _ in waiting(corridor)] == ["unknown-authority"]
    assert taken(corridor, person(OLD, *to(THIRD), version=2, number=False)) == {THIRD_KEY: ([0], 0)}
    assert waiting(corridor) == []
