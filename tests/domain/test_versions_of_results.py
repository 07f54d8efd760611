"""Versions of one fact at their edges: every status's rank, what a promotion takes over, what contests a value."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import combinations, permutations

import pytest
from versions_of_facts import ME, OTHER, at, dose, either_way, known, reaction, result

from adapter.domain.events import PatientRecord, PremedicationGiven, Recorded, Version
from adapter.domain.history import resolve

RANKS = ("preliminary", "cancelled", "final", "corrected")
"""Statuses of one time, each over those before it (ruling 25); entered in error stands over all."""


@pytest.mark.parametrize(("low", "high"), [*combinations(RANKS, 2)])
def test_of_one_time_the_status_of_the_higher_rank_counts_whatever_the_content_and_the_sending(low, high):
    for values in (("0.1", "0.2"), ("0.2", "0.1")):
        for sent in ((0, 0), (1, 0), (0, 1)):
            older = result(values[0], status=low, sent=sent[0])
            newer = result(values[1], status=high, sent=sent[1])
            assert either_way(older, newer).samples[0].status == high


@pytest.mark.parametrize("status", RANKS)
def test_of_one_time_a_withdrawal_stands_over_every_status(status):
    history = either_way(result("0.1", status=status, sent=1), result("0.1", status="entered-in-error", letter="W"))
    assert (history.samples, history.withdrawn) == ((), {"lab|LAB/1"})


@pytest.mark.parametrize("status", RANKS)
def test_of_one_status_the_time_of_sending_decides(status):
    for first, second in (("A", "B"), ("B", "A")):
        older, newer = result("0.1", status=status, letter=first), result("0.2", status=status, letter=second, sent=1)
        assert either_way(older, newer).samples[0].letter == second


@pytest.mark.parametrize("status", ["pending", "not-asked", "preliminary"])
def test_what_is_not_settled_has_one_rank(status):
    for other in ("pending", "not-asked", "preliminary"):
        newest = result("0.2", status=other, sent=1)
        assert either_way(result("0.1", status=status), newest).samples == (newest,)


PROMOTED = {
    "collected": (at(1), at(2)),
    "received_by_laboratory": (at(3), at(4)),
    "specimen": ("S1", "S2"),
    "lloq_iu_per_ml": (Decimal("0.01"), Decimal("0.02")),
    "method": ("A", "B"),
}


@pytest.mark.parametrize("name", PROMOTED)
def test_a_promotion_keeps_what_it_says_and_takes_over_what_it_leaves_open(name):
    first, second = PROMOTED[name]
    for before, now, told in (
        (first, second, second),
        (first, None, first),
        (None, second, second),
        (None, None, None),
    ):
        earlier = result("0.1", status="preliminary", letter="P", **{name: before})
        promotion = result(None, updated=1, letter="U", promotes=True, **{name: now})
        assert getattr(either_way(earlier, promotion).samples[0], name) == told


def test_a_promotion_with_a_value_of_its_own_takes_over_nothing():
    earlier = result("0.1", status="preliminary", letter="P", specimen="S1")
    promotion = result("0.2", updated=1, letter="U", promotes=True)
    (sample,) = either_way(earlier, promotion).samples
    assert (sample.reported.value, sample.specimen) == ("0.2", None)


def test_a_promotion_takes_over_remarks_beside_its_own_and_a_value_that_is_only_a_remark():
    value = result("0.1", status="preliminary", letter="P")
    remark = result(None, updated=1, status="preliminary", letter="P", remarks=("specimen-quality", "unit-missing"))
    nothing = result(None, updated=2, status="preliminary", letter="P")
    promotion = result(None, updated=3, letter="U", promotes=True, remarks=("unit-assumed", "unit-missing"))
    (sample,) = either_way(value, remark, nothing, promotion).samples
    assert sample.activity is None
    assert sample.remarks == ("unit-assumed", "unit-missing", "specimen-quality")


@pytest.mark.parametrize(("updated", "sent"), [(0, 0), (0, None), (None, 0)])
def test_two_values_of_one_version_are_discordant_beside_what_was_remarked(updated, sent):
    one = result("0.1", updated=updated, sent=sent, remarks=("unit-assumed",))
    other = result("0.2", updated=updated, sent=sent, remarks=("unit-assumed",))
    (sample,) = either_way(one, other).samples
    assert sample.remarks == ("unit-assumed", "discordant")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (result("0.1", sent=0), result("0.2", sent=1)),
        (result("0.1", updated=0), result("0.2", updated=1)),
        (result("0.1"), result("0.2", status="corrected", letter="C")),
        (result("0.1"), result("0.1", method="B")),
    ],
)
def test_a_newer_version_or_the_same_value_is_not_discordant(one, other):
    assert either_way(one, other).samples[0].remarks == ()


def test_only_the_newest_versions_contest_each_other():
    old, one, other = result("0.1"), result("0.2", updated=1), result("0.3", updated=1)
    assert either_way(old, one).samples[0].remarks == ()
    assert either_way(old, one, other).samples[0].remarks == ("discordant",)
    history = either_way(result("0.1"), result("0.2", updated=1), result("0.3", updated=2))
    assert history.earlier_values["lab|LAB/1"].value == "0.2"


def test_facts_stand_in_the_order_of_their_times_then_of_their_names():
    times = {"b": 0, "c": 1, "a": 2, "d": 2}
    doses = [replace(dose(key=key), started=at(minutes)) for key, minutes in times.items()]
    samples = [result("0.1", key=key, collected=at(minutes)) for key, minutes in times.items()]
    drugs = [
        PremedicationGiven(
            patient=ME, source="ehr", key=key, status="completed", version=Version(), role="corticosteroid",
            started=at(minutes),
        )
        for key, minutes in times.items()
    ]  # fmt: skip
    reactions = [replace(reaction(1), key=f"{key}/1", record=key, occurred=at(at_)) for key, at_ in times.items()]
    history = either_way(*doses, *samples, *drugs, *reactions)
    for facts in (history.doses, history.samples, history.premedications):
        assert [fact.key for fact in facts] == ["b", "c", "a", "d"]
    assert [fact.record for fact in history.reactions] == ["b", "c", "a", "d"]


def test_a_history_can_be_a_key():
    history = either_way(result("0.1"), result("0.2", updated=1))
    assert {history: "known"}[known(result("0.1"), result("0.2", updated=1))] == "known"


def test_without_any_time_the_last_received_counts_and_is_not_discordant():
    one, other = result("0.1", updated=None, sent=None), result("0.2", updated=None, sent=None)
    corrected = replace(one, status="corrected", letter="C")
    assert known(one, other).samples == (other,)
    assert known(other, one).samples == (one,)
    assert known(corrected, other).samples == (other,)


def test_a_number_of_one_copy_alone_leaves_it_to_the_times():
    assert either_way(dose(9, updated=0), dose(updated=1, route="IM")).doses[0].route == "IM"
    assert either_way(dose(1, updated=0), dose(0, updated=1, route="IM")).doses[0].route is None
    assert either_way(dose(1, updated=0), dose(1, updated=1, route="IM")).doses[0].route == "IM"


def test_copies_without_a_version_follow_the_order_of_receipt():
    first, second, third = dose(), dose(route="IM"), dose(route="IV")
    assert known(first, second, third).doses == (third,)
    assert known(third, first, second).doses == (second,)
    versioned = dose(1, route="IM")
    assert known(versioned, first, third).doses == (third,)
    assert known(first, third, versioned).doses == (versioned,)
    assert known(first, versioned, third).doses == (third,)


@pytest.mark.parametrize("count", [2, 3])
def test_copies_of_one_message_without_a_version_are_told_apart_by_content_alone(count):
    every = (dose(), dose(route="IM"), dose(1, route="IV"))
    for copies in combinations(every, count):
        orders = ([Recorded(arrival=1, event=event) for event in order] for order in permutations(copies))
        first, *others = (resolve(ME, order) for order in orders)
        assert all(other == first for other in others)


def test_a_late_copy_of_an_older_version_is_no_part_of_a_record_without_one():
    older, newer, loose = reaction(1, 1), reaction(1, 2), reaction(2)
    history = known(newer, replace(loose, key="AllergyIntolerance/1/1"), loose, older)
    assert [(row.key, row.version) for row in history.reactions] == [
        ("AllergyIntolerance/1/1", Version()),
        ("AllergyIntolerance/1/2", Version()),
    ]


def test_rows_of_one_version_that_differ_are_told_apart_by_content_alone():
    one, other = reaction(1, 1), replace(reaction(1, 1), verification="unconfirmed")
    second = reaction(2, 1)
    assert len(either_way(one, other, second).reactions) == 2


def test_a_reaction_record_moved_to_another_patient_leaves_its_rows_as_withdrawn_here_only():
    here, there = reaction(1, 1), reaction(1, 2, patient=OTHER)
    assert either_way(here, there).withdrawn == {"ehr|AllergyIntolerance/1/1"}
    assert either_way(here, there).reactions == ()
    assert either_way(there, reaction(2, 3)).withdrawn == frozenset()


def test_withdrawn_rows_of_several_records_are_all_told():
    first = replace(reaction(1, 1), verification="entered-in-error")
    second = replace(first, record="AllergyIntolerance/2", key="AllergyIntolerance/2/1")
    assert either_way(first, second).withdrawn == {"ehr|AllergyIntolerance/1/1", "ehr|AllergyIntolerance/2/1"}


def test_only_doses_not_done_count_as_withdrawn_among_those_listed():
    history = known(dose(key="MedicationAdministration/1"), dose(key="MedicationAdministration/2", status="not-done"))
    assert len(history.doses) == 2
    assert history.withdrawn == {"ehr|MedicationAdministration/2"}


def person(number=None, *, updated=None, deceased=False, source="ehr", reference="Patient/1"):
    return PatientRecord(
        source=source,
        reference=reference,
        patient=ME,
        version=Version(number=number, updated=None if updated is None else at(updated)),
        deceased=deceased,
    )


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (person(1), person(2, deceased=True)),
        (person(1, deceased=True), person(2)),
        (person(updated=5), person(1, updated=0, deceased=True)),
        (person(1, updated=0), person(1, updated=1, deceased=True)),
        (person(1, updated=0, deceased=True), person(1, updated=1)),
    ],
)
def test_the_newer_record_of_one_person_counts_by_number_then_by_time(older, newer):
    for records in ((older, newer), (newer, older)):
        assert resolve(ME, [], records).deceased is newer.deceased


@pytest.mark.parametrize("other", [{"source": "adt"}, {"reference": "Patient/2"}])
def test_records_of_other_sources_or_names_stand_beside_each_other(other):
    for records in ((person(1, deceased=True), person(2, **other)), (person(2, **other), person(1, deceased=True))):
        assert resolve(ME, [], records).deceased is True


def test_records_alike_in_version_are_told_apart_by_content_whatever_the_order():
    one, other = person(1), person(1, deceased=True)
    assert resolve(ME, [], [one, other]).deceased is resolve(ME, [], [other, one]).deceased
