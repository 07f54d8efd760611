"""The newest version of every fact counts, whatever order the facts came in (rulings 25 and 26)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from versions_of_facts import ME, OTHER, at, dose, either_way, known, reaction, result

from adapter.domain.activity import Reported
from adapter.domain.events import (
    PatientRecord,
    PremedicationGiven,
    Recorded,
    Version,
)
from adapter.domain.history import History, resolve


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (result("0.1", updated=0, sent=9), result("0.2", updated=1, sent=0)),
        (result("0.1", status="preliminary", letter="P"), result("0.2", status="cancelled", letter="X")),
        (result("0.1", status="cancelled", letter="X"), result("0.2")),
        (result("0.1"), result("0.2", status="corrected", letter="C")),
        (result("0.1"), result("0.2", status="corrected", letter="B")),
        (result("0.1", sent=0), result("0.2", sent=1)),
        (result("0.1", updated=None, sent=0), result("0.2", updated=None, sent=1)),
    ],
    ids=["reported-later", "X-over-P", "F-over-X", "C-over-F", "B-over-F", "sent-later", "sent-later-only"],
)
def test_the_newer_version_of_a_result_counts_in_either_order(older, newer):
    assert either_way(older, newer).samples == (newer,)


@pytest.mark.parametrize("letter", ["W", "D"])
def test_a_withdrawal_wins_over_a_correction_of_the_same_time(letter):
    withdrawn = result(None, status="entered-in-error", letter=letter)
    history = either_way(result("0.1", status="corrected", letter="C"), withdrawn)
    assert (history.samples, history.withdrawn) == ((), {"lab|LAB/1"})


def test_a_result_issued_again_after_its_withdrawal_counts():
    again = result("0.2", updated=2)
    history = either_way(result("0.1"), result(None, status="entered-in-error", letter="W", updated=1), again)
    assert (history.samples, history.withdrawn) == ((again,), frozenset())


def test_two_results_alike_in_all_times_are_told_apart_by_content():
    assert len(either_way(result("0.1"), result("0.2")).samples) == 1


@pytest.mark.parametrize(
    ("earlier", "newest", "corrected"),
    [
        (result("0.1"), result("0.2", updated=1, status="corrected", letter="C"), True),
        (result("0.10"), result("0.1", updated=1, status="corrected", letter="C"), False),
        (result("0.1", status="preliminary", letter="P"), result("0.2", updated=1), False),
        (result("0.1"), result(None, updated=1, status="cancelled", letter="X"), True),
        (result(None), result("0.2", updated=1), False),
    ],
    ids=["changed", "same-number", "preliminary-before", "taken-back", "no-value-before"],
)
def test_a_sample_is_corrected_when_an_earlier_final_version_said_otherwise(earlier, newest, corrected):
    assert either_way(earlier, newest).corrected == ({"lab|LAB/1"} if corrected else frozenset())


def test_a_promotion_takes_the_value_of_the_newest_version_that_has_one():
    old = result("0.1", status="preliminary", letter="P")
    valued = result("0.2", updated=1, status="preliminary", letter="P", collected=at(-60), specimen="S1")
    promoting = result(None, updated=2, letter="U", promotes=True)
    (sample,) = either_way(old, valued, promoting).samples
    assert sample == replace(
        promoting, activity=valued.activity, reported=valued.reported, collected=at(-60), specimen="S1"
    )


@pytest.mark.parametrize(
    "before",
    [[], [result("0.1"), result(None, updated=1, status="entered-in-error", letter="W")], [result(None)]],
    ids=["nothing", "withdrawn", "empty"],
)
def test_a_promotion_of_nothing_has_no_value(before):
    promoting = result(None, updated=2, letter="U", promotes=True)
    assert either_way(*before, promoting).samples == (promoting,)


def test_a_result_never_moves_between_patients():
    mine, theirs = result("0.1"), result("0.2", updated=5, patient=OTHER)
    history = either_way(mine, theirs)
    assert (history.samples, history.withdrawn, history.corrected) == ((mine,), frozenset(), frozenset())


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (dose(2), dose(10)),
        (dose(1, updated=9), dose(2, updated=0)),
        (dose(updated=0), dose(updated=1)),
        (dose(1, updated=0), dose(1, updated=1)),
        (dose(7, updated=0), dose(updated=1)),
    ],
    ids=["number", "number-before-time", "time", "same-number", "number-missing-once"],
)
def test_the_newer_version_of_a_resource_counts_in_either_order(older, newer):
    newer = replace(newer, lot="new")
    assert either_way(older, newer).doses == (newer,)


def test_a_resource_without_a_version_counts_as_last_received():
    first, second = dose(lot="a"), dose(lot="b")
    assert known(first, second).doses == (second,)
    assert known(second, first).doses == (first,)


def test_a_retraction_without_a_version_counts_when_it_came_last():
    versions, deleted = (dose(2), dose(1)), dose(status="entered-in-error")
    assert known(*versions, deleted).doses == ()
    assert known(deleted, *versions).doses == (versions[0],)


def test_a_dose_entered_in_error_or_moved_away_is_gone():
    assert either_way(dose(1), dose(2, status="entered-in-error")).withdrawn == {"ehr|MedicationAdministration/1"}
    moved = either_way(dose(1), dose(2, patient=OTHER))
    assert (moved.doses, moved.withdrawn) == ((), {"ehr|MedicationAdministration/1"})


def test_a_dose_moved_here_counts_and_one_of_others_leaves_no_trace():
    here = dose(2)
    assert either_way(dose(1, patient=OTHER), here).doses == (here,)
    assert either_way(dose(1, patient=OTHER)) == History(patient=ME)


def test_a_dose_not_done_stays_listed_and_counts_as_gone():
    not_done = dose(2, status="not-done")
    history = either_way(dose(1), not_done)
    assert (history.doses, history.withdrawn) == ((not_done,), {"ehr|MedicationAdministration/1"})


def test_premedication_follows_the_same_order():
    drug = PremedicationGiven(
        patient=ME,
        source="ehr",
        key="MedicationAdministration/9",
        status="completed",
        version=Version(number=1),
        role="corticosteroid",
        started=at(0),
    )
    later = replace(drug, version=Version(number=2), status="entered-in-error")
    assert either_way(drug).premedications == (drug,)
    assert either_way(drug, later).withdrawn == {"ehr|MedicationAdministration/9"}


def test_only_the_rows_of_the_newest_version_of_a_reaction_record_count():
    history = either_way(reaction(1, 1), reaction(2, 1), reaction(1, 2))
    assert history.reactions == (reaction(1, 2),)
    assert history.withdrawn == {"ehr|AllergyIntolerance/1/2"}


def test_a_reaction_record_entered_in_error_removes_all_its_rows():
    history = either_way(reaction(1, 1), reaction(2, 1), reaction(1, 2, verification="entered-in-error"))
    assert history.reactions == ()
    assert history.withdrawn == {"ehr|AllergyIntolerance/1/1", "ehr|AllergyIntolerance/1/2"}


def test_a_refuted_reaction_keeps_its_event():
    refuted = reaction(1, 2, verification="refuted")
    assert either_way(reaction(1, 1), refuted).reactions == (refuted,)


def test_of_reaction_records_without_a_version_the_last_received_copy_counts_whole():
    first, second, shorter = reaction(1), reaction(2), reaction(1, verification="unconfirmed")
    assert known(first, second).reactions == (first, second)
    assert known(first, second, shorter).reactions == (shorter,)
    together = [Recorded(arrival=1, event=event) for event in (second, first)]
    assert resolve(ME, together).reactions == (first, second)


def test_a_copy_of_rows_without_a_first_row_ends_where_a_row_comes_again():
    second, third, again = reaction(2), reaction(3), reaction(2, verification="unconfirmed")
    assert known(second, third).reactions == (second, third)
    assert known(third, second, again).reactions == (again,)


@pytest.mark.parametrize(
    ("records", "deceased"),
    [
        ([(1, ME, True)], True),
        ([(1, ME, True), (2, ME, False)], False),
        ([(2, ME, True), (1, ME, False)], True),
        ([(1, OTHER, True)], False),
        ([], False),
    ],
)
def test_the_newest_patient_record_tells_of_a_death(records, deceased):
    told = [
        PatientRecord(
            source="ehr", reference="Patient/1", patient=patient, deceased=dead, version=Version(number=number)
        )
        for number, patient, dead in records
    ]
    assert resolve(ME, [], told).deceased is deceased


def test_facts_are_listed_in_the_order_of_their_times():
    late, early = result("0.1", key="LAB/1", collected=at(9)), result("0.2", key="LAB/2", collected=at(1))
    unknown = result("0.3", key="LAB/3")
    assert known(late, early, unknown).samples == (unknown, early, late)


versions = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 2), st.sampled_from("FCPWXU"), st.sampled_from(("0.1", "0.2", None))),
    max_size=5,
    unique=True,
)


@given(versions, st.randoms(use_true_random=False))
def test_the_history_is_a_function_of_the_set_of_facts(drawn, random):
    words = {
        "F": "final",
        "C": "corrected",
        "P": "preliminary",
        "W": "entered-in-error",
        "X": "cancelled",
        "U": "final",
    }
    facts = [
        result(value, updated=updated, sent=sent, letter=letter, status=words[letter], promotes=letter == "U")
        for updated, sent, letter, value in drawn
    ]
    shuffled = facts + facts[:2]
    random.shuffle(shuffled)
    assert known(*facts) == known(*shuffled)


def standing(*events):
    history = either_way(*events)
    (sample,) = history.samples
    return sample.reported.text, sample.status, bool(history.unsettled_later)


@pytest.mark.parametrize(("status", "letter"), [("preliminary", "P"), ("preliminary", "R"), ("pending", "I")])
@pytest.mark.parametrize(("settled", "settled_letter"), [("final", "F"), ("corrected", "C")])
def test_an_unsettled_version_never_replaces_a_settled_value(status, letter, settled, settled_letter):
    valid = result("0.1", updated=0, status=settled, letter=settled_letter)
    assert standing(valid, result("0.2", updated=5, status=status, letter=letter)) == ("0.1", settled, True)


def test_an_order_not_asked_for_never_clears_a_final_value():
    assert standing(result("0.1"), result(None, updated=5, status="not-asked", letter="N")) == ("0.1", "final", True)


def test_a_final_value_after_a_preliminary_one_leaves_nothing_unsettled():
    early = result("0.1", status="preliminary", letter="P")
    assert standing(early, result("0.2", updated=5)) == ("0.2", "final", False)


def test_among_unsettled_versions_the_latest_counts():
    early = result("0.1", status="preliminary", letter="P")
    assert standing(early, result(None, updated=5, status="pending", letter="I")) == ("", "pending", False)


@pytest.mark.parametrize(("status", "letter"), [("entered-in-error", "W"), ("cancelled", "X")])
def test_after_a_withdrawal_or_cancellation_an_unsettled_version_counts(status, letter):
    events = (
        result("0.1"),
        result(None, updated=2, status=status, letter=letter),
        result("0.3", updated=5, status="preliminary", letter="P"),
    )
    assert standing(*events) == ("0.3", "preliminary", False)


def test_a_withdrawal_after_a_late_preliminary_version_withdraws_all():
    events = (
        result("0.1"),
        result("0.3", updated=2, status="preliminary", letter="P"),
        result(None, updated=5, status="entered-in-error", letter="W"),
    )
    assert either_way(*events).samples == ()


def test_a_correction_keeps_the_value_before_it():
    events = (result("0.1"), result("0.2", updated=1, letter="C", status="corrected"), result("0.2", updated=2))
    history = either_way(*events)
    assert history.earlier_values == {"lab|LAB/1": Reported(value="0.1", unit="IU/mL", text="0.1")}
    assert history.corrected == frozenset({"lab|LAB/1"})


def test_the_same_value_in_other_versions_is_no_correction():
    history = either_way(result("0.1"), result("0.1", updated=1, letter="C", status="corrected"))
    assert (history.earlier_values, history.corrected) == ({}, frozenset())
