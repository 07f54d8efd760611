"""A newer version of a Patient says which number he has: what was read through him follows, in any order."""

from __future__ import annotations

from itertools import permutations

import hospital
import pytest
from linked_records import taken, waiting

from adapter.pipeline.process import reread

OLD, NEW, THIRD = "900001", "900002", "900003"
OLD_KEY, NEW_KEY, THIRD_KEY = (f"{hospital.MRN}|{mrn}" for mrn in (OLD, NEW, THIRD))
DOSE = hospital.dose(OLD)
OWN_DOSE = {**DOSE, "id": "own", "subject": {"identifier": {"system": hospital.MRN, "value": OLD}}}
SAMPLE = hospital.oru("A1", mrn=NEW, value="<0.03")


def person(mrn, *, id=f"p{OLD}", version=1, link=None):  # noqa: A002 - as the element is called
    """A version of a Patient, with a number or none, and perhaps ended in another."""
    made = {**hospital.patient(OLD, version=version), "id": id}
    made["meta"]["lastUpdated"] = f"2025-03-2{version}T08:00:00Z"
    made["identifier"] = [{"system": hospital.MRN, "value": mrn}] if mrn else []
    return {**made, "link": [{"type": "replaced-by", "other": {"reference": f"Patient/{link}"}}]} if link else made


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_corrected_number_takes_the_doses_along(corridor, build_corridor, order):
    story = [person(OLD), person(NEW, version=2), DOSE, SAMPLE]
    assert taken(corridor, *(story[n] for n in order)) == {NEW_KEY: ([1], 0)}
    assert waiting(corridor) == []
    one_way = build_corridor()
    taken(one_way, *story[1:])
    assert corridor.findings()[NEW_KEY] == one_way.findings()[NEW_KEY]
    about = {body["subject"]["identifier"]["value"] for body in corridor.open_resources().values()}
    assert about == {NEW}


def test_a_dose_with_a_number_of_its_own_stays(corridor):
    assert taken(corridor, person(OLD), DOSE, OWN_DOSE, SAMPLE, person(NEW, version=2)) == {
        OLD_KEY: ([0], 0),
        NEW_KEY: ([1], 0),
    }


def test_a_number_that_is_corrected_back_brings_the_doses_back(corridor):
    story = [person(OLD), DOSE, SAMPLE, person(NEW, version=2), person(OLD, version=3)]
    assert taken(corridor, *story) == {OLD_KEY: ([0], 0), NEW_KEY: ([], 1)}


def test_another_patient_of_the_same_number_keeps_his_doses(corridor):
    other = {**DOSE, "id": "other", "subject": {"reference": "Patient/twin"}}
    story = [person(OLD), person(OLD, id="twin"), DOSE, other, SAMPLE, person(NEW, version=2)]
    assert taken(corridor, *story) == {OLD_KEY: ([0], 0), NEW_KEY: ([1], 0)}


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_bundle_with_an_older_version_of_its_patient_follows_the_newest(corridor, order):
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": person(OLD)}, {"resource": DOSE}]}
    story = [bundle, person(NEW, version=2), SAMPLE]
    assert taken(corridor, *(story[n] for n in order)) == {NEW_KEY: ([1], 0)}


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_dose_of_a_patient_without_a_number_waits_again_when_his_link_is_dropped(corridor, order):
    story = [person(None, link="x2"), person(NEW, id="x2"), person(None, version=2), DOSE]
    assert taken(corridor, *(story[n] for n in order)) == {}
    assert waiting(corridor) == [("unknown-authority", (f"Patient/p{OLD}",))]
    assert taken(corridor, person(OLD, version=3)) == {OLD_KEY: ([0], 0)}
    assert waiting(corridor) == []


def test_a_dose_read_through_several_patients_follows_the_last(corridor):
    chain = [person(None, link="x2"), person(None, id="x2", link="x3"), person(NEW, id="x3")]
    assert taken(corridor, *chain, DOSE) == {NEW_KEY: ([0], 0)}
    assert taken(corridor, person(THIRD, id="x3", version=2)) == {THIRD_KEY: ([0], 0)}
    assert taken(corridor, person(OLD, id="x2", version=2)) == {OLD_KEY: ([0], 0)}


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_link_to_a_patient_follows_his_number(corridor, order):
    story = [person(OLD, link="x2"), person(NEW, id="x2"), person(THIRD, id="x2", version=2), DOSE]
    assert taken(corridor, *(story[n] for n in order)) == {THIRD_KEY: ([0], 0)}


def standing(corridor):
    rows = {row.id: row for key in (OLD_KEY, NEW_KEY) for row in corridor.state.recall(key).written}
    return {
        (row.body["resourceType"], row.topic, row.body["subject"]["identifier"]["value"])
        for row in rows.values()
        if row.state == "open" and row.topic != "conclusion-reversed"
    }


def test_a_conclusion_from_the_other_number_does_not_move_along(corridor):
    level = hospital.oru("A0", mrn=OLD, value="<0.03")
    taken(corridor, person(OLD), DOSE, level)
    assert ("Flag", "inactivation", OLD) in standing(corridor)
    taken(corridor, person(NEW, version=2))
    assert "inactivation" not in {topic for _, topic, _ in standing(corridor)}
    assert ("Observation", None, OLD) in standing(corridor)  # the level, now without a dose
    assert ("Flag", "data-check", OLD) in standing(corridor)


def test_a_patient_who_went_and_is_dead_ends_nothing_for_those_who_stay(corridor, build_corridor):
    dead = {"deceasedBoolean": True}
    story = [{**person(OLD), **dead}, OWN_DOSE, {**person(NEW, version=2), **dead}]
    taken(corridor, *story)
    other = build_corridor()
    taken(other, *story[::-1])
    assert corridor.findings()[OLD_KEY] == other.findings()[OLD_KEY]


@pytest.mark.parametrize("corrected_first", [True, False])
def test_a_deleted_dose_does_not_come_back_with_the_number(corridor, corrected_first):
    taken(corridor, person(OLD), {**DOSE, "meta": {}})
    steps = [lambda: corridor.take(person(NEW, version=2)), lambda: delete(corridor)]
    for step in steps if corrected_first else steps[::-1]:
        assert step().fault is None
    assert taken(corridor) == {}


def delete(corridor):
    return corridor.take(b"", method="DELETE", target=f"MedicationAdministration/{DOSE['id']}")


def test_of_two_versions_without_a_number_the_later_still_counts(corridor):
    bare = {**DOSE, "meta": {}}
    story = [bare, {**bare, "status": "not-done"}, person(NEW, version=2)]
    assert taken(corridor, person(OLD), *story) == {}


def test_a_corrected_number_that_a_person_released_takes_the_doses_along(corridor):
    born = {"birthDate": "2018-05-04", "name": [{"family": "Zzother"}]}
    taken(corridor, person(OLD), DOSE, {**person(NEW, id="p9"), **born})
    wrong = {**person(NEW, version=2), "birthDate": "2011-01-01", "name": [{"family": "Zztest"}]}
    assert taken(corridor, wrong) == {OLD_KEY: ([0], 0)}
    (parked,) = corridor.state.parked()
    assert parked.reason == "possible-wrong-patient"
    reread(parked.message, corridor.parts, parked.parked_at, released=True)
    assert taken(corridor) == {NEW_KEY: ([0], 0)}
