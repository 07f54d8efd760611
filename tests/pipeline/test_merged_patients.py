"""A merge is a pointer: histories are read together while it stands, and apart again after an unlink."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations

import adt
import hospital
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.pipeline.process import reassess

OLD, NEW, THIRD = "900001", "900002", "900003"
OLD_KEY, NEW_KEY, THIRD_KEY = (f"{hospital.MRN}|{mrn}" for mrn in (OLD, NEW, THIRD))
DOSE = [hospital.patient(OLD), hospital.dose(OLD)]
SAMPLE = hospital.oru("A1", mrn=NEW, value="<0.03")
MERGE = adt.merge(NEW, OLD)
UNLINK = adt.unlink(NEW, OLD)
LATER = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def corridor(corridor_of_either_state):
    return corridor_of_either_state


def take(corridor, *contents):
    for content in contents:
        for one in content if isinstance(content, list) else [content]:
            corridor.take(one)
    return corridor


def told(corridor):
    """Whose findings there are: (samples of each dose, samples without a dose)."""
    return {
        patient: ([len(one["samples"]) for one in doses], len(unlinked))
        for patient, (doses, unlinked) in corridor.findings().items()
    }


def standing(corridor, *patients):
    """Every open resource as (type, whom it is about), by id."""
    written = [row for patient in patients for row in corridor.state.recall(patient).written]
    return {row.id: _subject(row.body) for row in written if row.state == "open"}


def _subject(body):
    return body["subject"]["identifier"]["value"]


@pytest.mark.parametrize("order", list(permutations(["dose", "sample", "merge"])))
def test_acceptance_11_a_merge_before_between_and_after_dose_and_sample_gives_one_history(corridor, order):
    story = {"dose": DOSE, "sample": SAMPLE, "merge": MERGE}
    take(corridor, *(story[one] for one in order))
    assert told(corridor) == {NEW_KEY: ([1], 0)}
    ((finding,), _) = corridor.state.findings(NEW_KEY)
    assert (finding["patient"], finding["mechanism"]) == (NEW_KEY, "suspected-silent-inactivation")
    assert set(standing(corridor, OLD_KEY, NEW_KEY).values()) == {NEW}


@pytest.mark.parametrize("order", list(permutations(["dose", "sample", "merge", "unlink"])))
def test_acceptance_11_an_unlink_leaves_two_histories_whenever_it_comes(corridor, order):
    story = {"dose": DOSE, "sample": SAMPLE, "merge": MERGE, "unlink": UNLINK}
    take(corridor, *(story[one] for one in order))
    assert told(corridor) == {OLD_KEY: ([0], 0), NEW_KEY: ([], 1)}
    assert set(standing(corridor, OLD_KEY).values()) <= {OLD}
    assert set(standing(corridor, NEW_KEY).values()) == {NEW}


def test_the_keys_of_outputs_stay_and_their_subject_follows_the_surviving_record(corridor):
    take(corridor, DOSE, hospital.oru("A1", mrn=OLD, value="<0.03"))
    before = standing(corridor, OLD_KEY)
    take(corridor, MERGE)
    assert (set(before.values()), standing(corridor, OLD_KEY, NEW_KEY)) == ({OLD}, dict.fromkeys(before, NEW))
    assert {row.patient for row in corridor.state.due("ehr", LATER, 9)} == {NEW_KEY}
    take(corridor, UNLINK)
    assert standing(corridor, OLD_KEY) == before
    assert standing(corridor, NEW_KEY) == {}


def test_what_was_first_written_while_merged_goes_back_to_its_own_record(corridor):
    take(corridor, MERGE, DOSE, SAMPLE, UNLINK)
    activity = [row for row in corridor.state.recall(NEW_KEY).written if row.kind == "activity"]
    dose = [row for row in corridor.state.recall(OLD_KEY).written if row.kind == "interpretation"]
    assert [(row.state, _subject(row.body)) for row in activity] == [("open", NEW)]
    assert [(row.state, _subject(row.body), "derivedFrom" in row.body) for row in dose] == [("open", OLD, False)]
    assert all(corridor.state.owners([row.id]) == {row.id: OLD_KEY} for row in dose)
    apart = take(_fresh(corridor), DOSE, SAMPLE)
    assert activity[0].id in standing(apart, NEW_KEY)


def _fresh(corridor):
    return type(corridor).build(corridor.parts.knowledge, corridor.parts.rulebook)


def test_a_conclusion_that_an_unlink_takes_back_is_told(corridor):
    take(corridor, DOSE, SAMPLE, MERGE, UNLINK)
    notices = [row for row in corridor.state.recall(OLD_KEY).written if row.topic == "conclusion-reversed"]
    assert [(row.state, _subject(row.body)) for row in notices] == [("open", OLD)]


def test_both_numbers_find_the_history_and_what_was_written(corridor):
    take(corridor, DOSE, SAMPLE, MERGE)
    assert corridor.state.findings(OLD_KEY) == corridor.state.findings(NEW_KEY)
    assert corridor.state.group(OLD_KEY) == corridor.state.group(NEW_KEY) == (NEW_KEY, OLD_KEY)
    found = [corridor.state.search("Observation", patients=[patient]) for patient in (OLD_KEY, NEW_KEY)]
    assert found[0] == found[1]
    assert found[0][0] >= 2


def test_only_the_surviving_record_is_due_again_and_a_check_of_the_old_one_is_its(corridor):
    for one in (*DOSE, MERGE):
        corridor.take(one, now=datetime(2025, 3, 4, tzinfo=UTC))
    assert corridor.state.checks_due(LATER, 9) == [NEW_KEY]
    (result,) = reassess(OLD_KEY, corridor.parts, LATER).work.results
    assert (result.patient, result.findings[0]["monitoring"]) == (NEW_KEY, "missed")


def test_a_merge_of_records_nobody_knows_yet_holds_for_what_comes_later(corridor):
    take(corridor, adt.merge(NEW, OLD), adt.merge(THIRD, NEW))
    take(corridor, DOSE, SAMPLE)
    assert told(corridor) == {THIRD_KEY: ([1], 0)}


def test_a_message_sent_twice_and_a_record_merged_with_itself_change_nothing(corridor):
    take(corridor, DOSE, SAMPLE, MERGE)
    before = corridor.findings(), standing(corridor, OLD_KEY, NEW_KEY)
    done = corridor.take(adt.adt("A40", "other", f"PID|1||{adt.cx(NEW)}", f"MRG|{adt.cx(OLD)}"))
    assert done.changes == ()
    take(corridor, adt.merge(OLD, OLD), adt.unlink(NEW, NEW))
    assert (corridor.findings(), standing(corridor, OLD_KEY, NEW_KEY)) == before


def test_an_account_merge_changes_no_patient(corridor):
    take(corridor, DOSE, SAMPLE, adt.merge(NEW, OLD, trigger="A35"))
    assert told(corridor) == {OLD_KEY: ([0], 0), NEW_KEY: ([], 1)}


def test_several_numbers_in_one_message_are_no_merge(corridor):
    both = hospital.oru("A1", mrn=f"{NEW}^^^HOSP^MR~{OLD}", value="<0.03")
    take(corridor, DOSE, both)
    assert told(corridor) == {OLD_KEY: ([0], 0), NEW_KEY: ([], 1)}


MOVES = st.lists(
    st.builds(
        lambda kind, one, other, hour: (adt.merge if kind else adt.unlink)(one, other, at=f"2025032{hour}090000+0000"),
        st.booleans(),
        *[st.sampled_from([OLD, NEW, THIRD])] * 2,
        st.integers(0, 3),
    ),
    max_size=5,
)


@settings(max_examples=10)
@given(moves=MOVES, data=st.data())
def test_any_order_of_any_merges_and_unlinks_gives_the_same_findings(build_corridor, moves, data):
    facts = [*moves, SAMPLE, hospital.oru("A3", mrn=THIRD, filler="F3"), *DOSE]
    in_order, mixed = build_corridor(), build_corridor()
    take(in_order, *facts)
    take(mixed, *data.draw(st.permutations(facts)))
    assert mixed.findings() == in_order.findings()
    assert mixed.state.all_patients() == in_order.state.all_patients()
    assert activities(mixed) == activities(in_order)
    for key in (OLD_KEY, NEW_KEY, THIRD_KEY):
        surviving = mixed.state.group(key)[0].partition("|")[2]
        assert set(standing(mixed, key).values()) <= {surviving}


def activities(corridor):
    """Each patient's open activity Observations, with whom they are about."""
    return {
        key: {row.id: _subject(row.body) for row in corridor.state.recall(key).written if row.kind == "activity"}
        for key in (OLD_KEY, NEW_KEY, THIRD_KEY)
    }


def test_a_conclusion_that_is_back_as_it_was_is_reversed_no_more(corridor):
    take(corridor, DOSE, SAMPLE, adt.merge(NEW, OLD, at="20250320090000+0000"))
    take(corridor, adt.unlink(NEW, OLD, at="20250321090000+0000"))
    assert _notices(corridor) == ["open"]
    take(corridor, adt.merge(NEW, OLD, at="20250322090000+0000"))
    assert _notices(corridor) == ["closed"]
    take(corridor, adt.unlink(NEW, OLD, at="20250323090000+0000"))
    assert _notices(corridor) == ["closed", "open"]


def _notices(corridor):
    written = [row for patient in (OLD_KEY, NEW_KEY) for row in corridor.state.recall(patient).written]
    return sorted(row.state for row in written if row.topic == "conclusion-reversed")
