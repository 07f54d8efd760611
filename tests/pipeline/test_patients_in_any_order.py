"""Versions of Patients, their links and what refers to them: whatever comes first, the end is the same."""

from __future__ import annotations

from itertools import permutations

import adt
import hospital
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linked_records import taken, waiting

from adapter.pipeline.process import reread

OLD, NEW, THIRD = NUMBERS = ("900001", "900002", "900003")
OLD_KEY, NEW_KEY, THIRD_KEY = (f"{hospital.MRN}|{mrn}" for mrn in NUMBERS)


def record(name, version, mrn=None, /, *, kind="replaced-by", to=(), **more):
    """A version of `Patient/<name>` with a number or none, and its links."""
    links = [{"type": kind, "other": {"reference": f"Patient/{other}"}} for other in to]
    return {
        "resourceType": "Patient",
        "id": name,
        "meta": {"versionId": str(version), "lastUpdated": f"2025-03-2{version}T08:00:00Z"},
        "identifier": [{"system": hospital.MRN, "value": mrn}] if mrn else [],
        **({"link": links} if links else {}),
        **more,
    }


def dose(name, *, version=1, status="completed", key="d"):
    made = {**hospital.dose(OLD), "id": key, "status": status, "subject": {"reference": f"Patient/{name}"}}
    return {**made, "meta": {"versionId": str(version), "lastUpdated": f"2025-03-1{version}T12:00:00Z"}}


ZZA = {"name": [{"family": "Zza"}], "birthDate": "2018-01-01"}
ZZB = {"name": [{"family": "Zzb"}], "birthDate": "2016-02-02"}


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_link_to_a_patient_nobody_knows_is_over_once_a_newer_version_has_none(corridor, order):
    story = [record("a", 1, OLD, to=["b"]), record("a", 2, OLD), dose("a")]
    assert taken(corridor, *(story[n] for n in order)) == {OLD_KEY: ([0], 0)}
    assert waiting(corridor) == []


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_dose_goes_on_when_its_patient_gets_a_number_of_his_own(corridor, order):
    story = [dose("a"), record("a", 1, to=["b"]), record("a", 2, OLD, to=["b"])]
    assert taken(corridor, *(story[n] for n in order)) == {OLD_KEY: ([0], 0)}
    assert [reason for reason, _ in waiting(corridor)] == ["unknown-patient"]  # the link alone
    taken(corridor, record("b", 1, NEW))
    assert (taken(corridor), waiting(corridor)) == ({NEW_KEY: ([0], 0)}, [])


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_dose_goes_on_when_a_record_on_the_way_gets_a_number(corridor, order):
    story = [dose("a"), record("a", 1, to=["b"]), record("b", 1), record("b", 2, NEW)]
    assert taken(corridor, *(story[n] for n in order)) == {NEW_KEY: ([0], 0)}
    assert waiting(corridor) == []


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_link_goes_on_when_a_record_on_its_way_gets_a_number(corridor, order):
    story = [record("a", 1, OLD, to=["b"]), record("b", 1, to=["c"]), record("b", 2, NEW, to=["c"]), dose("a")]
    assert taken(corridor, *(story[n] for n in order)) == {NEW_KEY: ([0], 0)}
    taken(corridor, record("c", 1, NEW))
    assert waiting(corridor) == []


@pytest.mark.parametrize("kind", ["replaced-by", "replaces"])
@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_two_records_of_one_number_are_linked_when_one_gets_another(corridor, order, kind):
    ends = {"replaced-by": OLD_KEY, "replaces": NEW_KEY}
    story = [record("a", 1, NEW, kind=kind, to=["b"]), record("b", 1, NEW), record("b", 2, OLD), dose("a")]
    assert taken(corridor, *(story[n] for n in order)) == {ends[kind]: ([0], 0)}


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_link_that_waits_joins_no_two_people_when_the_other_one_comes(corridor, order):
    story = [record("a", 1, OLD, to=["b"], **ZZA), record("b", 1, NEW, **ZZB), dose("a")]
    assert taken(corridor, *(story[n] for n in order)) == {OLD_KEY: ([0], 0)}
    assert [reason for reason, _ in waiting(corridor)] == ["possible-wrong-patient"]
    (parked,) = corridor.state.parked()
    reread(parked.message, corridor.parts, parked.parked_at, released=True)
    assert (taken(corridor), waiting(corridor)) == ({NEW_KEY: ([0], 0)}, [])


def test_a_link_that_waits_joins_two_records_of_one_person(corridor):
    story = [record("a", 1, OLD, to=["b"], **ZZA), record("b", 1, NEW, **ZZA), dose("a")]
    assert taken(corridor, *story) == {NEW_KEY: ([0], 0)}


def test_a_number_that_makes_the_link_of_another_record_join_two_people_waits(corridor):
    corridor.take(hospital.oru("L9", mrn=THIRD, filler="F9").replace(b"ZZTEST^INVENTED||20180504", b"ZZB^X||20160202"))
    taken(corridor, record("b", 1, NEW, **ZZA), record("a", 1, OLD, to=["b"], **ZZA), dose("a"))
    assert corridor.state.group(OLD_KEY) == (NEW_KEY, OLD_KEY)
    assert taken(corridor, record("b", 2, THIRD, **ZZB)) == {NEW_KEY: ([0], 0), THIRD_KEY: ([], 1)}
    assert waiting(corridor) == [("possible-wrong-patient", ())]
    (parked,) = corridor.state.parked()
    assert parked.problems[-1].where == "link"
    reread(parked.message, corridor.parts, parked.parked_at)
    assert waiting(corridor) == [("possible-wrong-patient", ())]
    reread(parked.message, corridor.parts, parked.parked_at, released=True)
    assert corridor.state.group(OLD_KEY) == (THIRD_KEY, OLD_KEY)
    assert waiting(corridor) == []


def test_a_linked_record_that_takes_the_number_of_another_child_waits(corridor):
    corridor.take(hospital.oru("L9", mrn=THIRD, filler="F9").replace(b"ZZTEST^INVENTED||20180504", b"ZZB^X||20160202"))
    taken(corridor, record("b", 1, NEW, **ZZA), record("a", 1, OLD, to=["b"], **ZZA), dose("a"))
    assert taken(corridor, record("a", 2, THIRD, to=["b"], **ZZA)) == {NEW_KEY: ([0], 0), THIRD_KEY: ([], 1)}
    assert [reason for reason, _ in waiting(corridor)] == ["possible-wrong-patient"]
    assert corridor.state.group(THIRD_KEY) == (THIRD_KEY,)


def test_a_number_of_the_same_person_takes_the_link_of_another_record_along(corridor):
    corridor.take(hospital.oru("L9", mrn=THIRD, filler="F9").replace(b"ZZTEST^INVENTED||20180504", b"ZZA^X||20180101"))
    taken(corridor, record("b", 1, NEW, **ZZA), record("a", 1, OLD, to=["b"], **ZZA), record("b", 2, THIRD, **ZZA))
    assert (corridor.state.group(OLD_KEY), waiting(corridor)) == ((THIRD_KEY, OLD_KEY), [])


def test_a_link_of_an_older_version_is_compared_with_nobody(corridor):
    taken(corridor, record("b", 1, NEW, **ZZB), record("a", 2, OLD, **ZZA), record("a", 1, OLD, to=["b"], **ZZA))
    assert waiting(corridor) == []


def test_a_version_that_waited_says_nothing_of_its_person_beside_a_newer_one(corridor):
    taken(corridor, record("a", 1, OLD, to=["b"], **ZZA), record("a", 2, NEW, to=["b"], **ZZA))
    assert [len(corridor.state.people(key)) for key in (OLD_KEY, NEW_KEY)] == [0, 1]


def test_links_of_a_version_that_waited_do_not_stand_beside_a_newer_one(corridor):
    taken(corridor, record("b", 1, NEW), record("a", 1, OLD, kind="replaces", to=["b", "c"]), record("a", 2, OLD))
    assert corridor.state.group(NEW_KEY) == (NEW_KEY,)
    assert waiting(corridor) == []


@pytest.mark.parametrize("versions", [(2, 1), (1, 2)])
@pytest.mark.parametrize("kind", ["collection", "history"])
def test_of_two_versions_in_one_bundle_a_waiting_dose_follows_the_newer(corridor, versions, kind):
    told = {1: record("a", 1, OLD), 2: record("a", 2, NEW)}
    request = {"request": {"method": "PUT", "url": "Patient/a"}, "response": {"status": "200"}}
    entries = [{"resource": told[n], **(request if kind == "history" else {})} for n in versions]
    bundle = {"resourceType": "Bundle", "type": kind, "entry": entries}
    assert taken(corridor, dose("a"), bundle) == {NEW_KEY: ([0], 0)}


NAMES = ("a", "b", "c")
RECORDS = st.builds(
    lambda name, version, mrn, kind, to: record(name, version, mrn, kind=kind, to=[o for o in to if o != name]),
    st.sampled_from(NAMES),
    st.integers(1, 3),
    st.sampled_from(NUMBERS),
    st.sampled_from(["replaced-by", "replaces"]),
    st.lists(st.sampled_from([*NAMES, "d"]), max_size=2, unique=True),
) | st.builds(
    lambda name, to: record(name, 0, to=[other for other in to if other != name]),
    st.sampled_from(NAMES),
    st.lists(st.sampled_from(NAMES), max_size=1),
)
MOVES = st.builds(
    lambda joins, one, other, day: (adt.merge if joins else adt.unlink)(one, other, at=f"2025032{day}090000+0000"),
    st.booleans(),
    *[st.sampled_from(NUMBERS)] * 2,
    st.integers(1, 3),
)
FACTS = st.builds(
    lambda name, version, status, key: dose(name, version=version, status=status, key=key),
    st.sampled_from(NAMES),
    st.integers(1, 2),
    st.sampled_from(["completed", "entered-in-error"]),
    st.sampled_from("de"),
) | st.builds(
    lambda mrn, version, value: hospital.oru(
        f"L{version}", mrn=mrn, value=value, sent=f"2025031{version}130500+0000", status="C"
    ),
    st.sampled_from(NUMBERS),
    st.integers(1, 3),
    st.sampled_from(["<0.03", "0.55"]),
)


def _once(contents):
    """Each version of a resource and each message once."""
    named = {}
    for one in contents:
        is_message = isinstance(one, bytes)
        name = one.split(b"|")[9] if is_message else (one["resourceType"], one["id"], one["meta"]["versionId"])
        named.setdefault(name, one)
    return list(named.values())


def _end(corridor):
    parked = sorted((one.reason, one.message.digest) for one in corridor.state.parked())
    groups = [corridor.state.group(key) for key in (OLD_KEY, NEW_KEY, THIRD_KEY)]
    findings = {patient: told for patient, told in corridor.findings().items() if any(told)}
    return findings, parked, groups


@settings(max_examples=12, deadline=None)
@given(
    people=st.lists(RECORDS, max_size=6),
    moves=st.lists(MOVES, max_size=2),
    facts=st.lists(FACTS, min_size=1, max_size=4),
    data=st.data(),
)
def test_any_order_of_patients_merges_and_facts_gives_the_same_end(build_corridor, people, moves, facts, data):
    story = _once([*people, *moves, *facts])
    in_order, mixed = build_corridor(), build_corridor()
    taken(in_order, *story)
    taken(mixed, *data.draw(st.permutations(story)))
    assert _end(mixed) == _end(in_order)
    for corridor in (in_order, mixed):
        for key in (OLD_KEY, NEW_KEY, THIRD_KEY):
            surviving = corridor.state.group(key)[0].partition("|")[2]
            rows = [row for row in corridor.state.recall(key).written if row.state == "open"]
            assert {row.body["subject"]["identifier"]["value"] for row in rows} <= {surviving}
