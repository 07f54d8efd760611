"""Three ways in which a message comes again, and none of them has an effect of its own."""

from __future__ import annotations

import hospital
import pytest

PATIENT = f"{hospital.MRN}|900001"


@pytest.fixture
def ward(corridor):
    for one in (hospital.patient(), hospital.dose()):
        corridor.take(one)
    return corridor


def values(corridor):
    """Every remembered version of the level, as (value, status)."""
    return [
        (one.event.reported.value, one.event.letter)
        for one in corridor.state.recall(PATIENT).recorded
        if type(one.event).__name__ == "ActivityMeasured"
    ]


def reported(corridor):
    """The value of each sample in the findings."""
    (finding,), _ = corridor.state.findings(PATIENT)
    return [sample["value"] for sample in finding["samples"]]


def test_the_same_bytes_are_kept_once(ward):
    assert ward.take(hospital.oru("A1")) is not None
    assert ward.take(hospital.oru("A1")) is None
    assert len(values(ward)) == 1


def test_a_replay_under_another_control_id_makes_no_new_version(ward):
    ward.take(hospital.oru("A1"))
    before = ward.findings(), ward.open_resources()
    done = ward.take(hospital.oru("B7"))
    assert done.changes == ()
    assert len(values(ward)) == 1
    assert (ward.findings(), ward.open_resources()) == before


def test_a_replay_under_another_control_id_and_time_changes_nothing_that_is_told(ward):
    ward.take(hospital.oru("A1"))
    before = ward.findings(), ward.open_resources()
    done = ward.take(hospital.oru("B7").replace(b"20250311130500+0000||ORU", b"20250318090000+0000||ORU"))
    assert done.changes == ()
    assert (ward.findings(), ward.open_resources()) == before


def test_an_older_message_after_a_newer_one_is_history(ward, build_corridor):
    older = hospital.oru("A1", value="0.62", sent="20250311130500+0000")
    newer = hospital.oru("A2", value="0.05", status="C", sent="20250312130500+0000")
    in_order = build_corridor()
    for one in (hospital.patient(), hospital.dose(), older, newer):
        in_order.take(one)
    ward.take(newer)
    ward.take(older)
    assert len(values(ward)) == 2
    assert reported(ward) == ["0.05"]
    assert (ward.findings(), ward.open_resources()) == (in_order.findings(), in_order.open_resources())


def test_other_content_under_the_same_control_id_is_kept_and_read(ward):
    ward.take(hospital.oru("A1", value="0.62"))
    ward.take(hospital.oru("A1", value="0.05", status="C", sent="20250312130500+0000"))
    assert len(values(ward)) == 2
    assert reported(ward) == ["0.05"]
