"""Merged records of several authorities: a target gets the results under the number it can know, or not at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import adt
import hospital
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapter.knowledge.load import load_knowledge
from adapter.pipeline.deliver import deliver
from adapter.pipeline.parts import Target

DEMO = Path(__file__).parents[2] / "mappings" / "demo"
REGION = "urn:region"
HERE = f"{hospital.MRN}|900001"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = timedelta(minutes=2)
JOINED = adt.adt("A40", "M1", "PID|1||R1^^^REGION^PI", f"MRG|{adt.cx('900001')}")


@pytest.fixture
def ward_of(build_corridor, tmp_path):
    """A dose and a level under a number of the hospital; its only target has these authorities."""
    (tmp_path / "tables").mkdir()
    rows = "sender,code,system,target,note\n*,REGION,*,urn:region,\n"
    (tmp_path / "tables" / "identifier_systems.csv").write_text(rows)
    knowledge, faults = load_knowledge([DEMO, tmp_path])
    assert [fault for fault in faults if fault.severity == "error"] == []

    def make(*authorities):
        target = Target(name="ehr", authorities=frozenset(authorities))
        made = build_corridor().with_parts(knowledge=knowledge, targets=(target,))
        for one in (hospital.patient(), hospital.dose(), hospital.oru("A1", value="<0.03")):
            made.take(one)
        return made

    return make


def subjects(server):
    found = [one["subject"] for one in (*server.of_type("Observation"), *server.of_type("Flag"))]
    return {(one["reference"], one["identifier"]["system"], one["identifier"]["value"]) for one in found}


def delivered(ward, destination, now):
    counts = deliver(destination, ward.state, now)
    return {outcome: count for outcome, count in counts.items() if count}


@pytest.mark.parametrize(
    ("authorities", "named"),
    [
        ((), ("Patient/R1", REGION, "R1")),
        ((REGION,), ("Patient/R1", REGION, "R1")),
        ((REGION, hospital.MRN), ("Patient/R1", REGION, "R1")),
        ((hospital.MRN,), ("Patient/900001", hospital.MRN, "900001")),
    ],
)
def test_a_target_gets_the_merged_history_under_the_number_it_can_know(authorities, named, ward_of, servers, aim):
    ward, server = ward_of(*authorities), servers()
    ward.take(JOINED)
    assert ward.state.all_patients() == [f"{REGION}|R1"]
    delivered(ward, aim(server, authorities=frozenset(authorities)), NOW)
    assert subjects(server) == {named}


def test_a_target_of_none_of_these_authorities_gets_nothing(ward_of, servers, aim):
    ward, server = ward_of("urn:elsewhere"), servers()
    ward.take(JOINED)
    assert ward.state.oldest_pending("ehr") is None
    assert delivered(ward, aim(server, authorities=frozenset({"urn:elsewhere"})), NOW) == {}
    assert server.writes() == []


def test_an_unlink_gives_a_target_its_own_number_back(ward_of, servers, aim):
    ward, server = ward_of(), servers()
    ward.take(JOINED)
    delivered(ward, aim(server), NOW)
    assert subjects(server) == {("Patient/R1", REGION, "R1")}
    ward.take(adt.adt("A37", "U1", "PID|1||R1^^^REGION^PI", f"PID|2||{adt.cx('900001')}", at="20250321090000+0000"))
    delivered(ward, aim(server), NOW + LATER)
    assert subjects(server) == {("Patient/900001", hospital.MRN, "900001")}


UNJOINED = adt.adt("A37", "U1", "PID|1||R1^^^REGION^PI", f"PID|2||{adt.cx('900001')}", at="20250321090000+0000")
JOINED_HERE = adt.adt("A40", "M2", f"PID|1||{adt.cx('900001')}", "MRG|R1^^^REGION^PI")
JOINED_AGAIN = adt.adt("A40", "M3", f"PID|1||{adt.cx('900001')}", "MRG|R1^^^REGION^PI", at="20250322090000+0000")


def statuses(server, resource_type):
    return sorted(one["status"] for one in server.of_type(resource_type))


@pytest.mark.parametrize("guards", [True, False])
@pytest.mark.parametrize("strategy", ["update-as-create", "conditional-create"])
def test_after_an_unlink_a_target_of_the_other_authority_holds_nothing_as_true(guards, strategy, ward_of, servers, aim):
    ward, server = ward_of(REGION), servers(strategy, guards=guards)
    destination = aim(server, authorities=frozenset({REGION}))
    ward.take(JOINED)
    delivered(ward, destination, NOW)
    assert (statuses(server, "Flag"), len(server.of_type("Observation"))) == (["active"], 2)
    ward.take(UNJOINED)
    delivered(ward, destination, NOW + LATER)
    assert {*statuses(server, "Flag"), *statuses(server, "Observation")} == {"entered-in-error"}
    assert subjects(server) == {("Patient/R1", REGION, "R1")}
    before = list(server.history)
    ward.take(hospital.oru("A2", value="<0.03", status="C", sent="20250402090000+0000"))
    delivered(ward, destination, NOW + 2 * LATER)
    assert server.history == before, "it is not this target's patient any more"


def test_what_reads_as_before_is_withdrawn_too_where_its_patient_is_no_longer_known(ward_of, servers, aim):
    """The surviving record keeps its dose and its level: nothing changes but who may have them."""
    ward, server = ward_of(REGION), servers()
    destination = aim(server, authorities=frozenset({REGION}))
    ward.take(JOINED_HERE)
    delivered(ward, destination, NOW)
    assert (statuses(server, "Flag"), subjects(server)) == (["active"], {("Patient/R1", REGION, "R1")})
    done = ward.take(UNJOINED)
    assert done.changes == ()
    delivered(ward, destination, NOW + LATER)
    assert {*statuses(server, "Flag"), *statuses(server, "Observation")} == {"entered-in-error"}


def test_a_level_of_the_other_child_is_withdrawn_where_it_was_told_and_comes_back_with_a_new_merge(
    ward_of, servers, aim
):
    ward, server = ward_of(hospital.MRN), servers()
    destination = aim(server, authorities=frozenset({hospital.MRN}))
    ward.take(JOINED_HERE)
    ward.take(
        hospital.oru("B1", mrn="R1", authority="REGION", filler="B1", value="0.55", collected="20250312120000+0000")
    )
    delivered(ward, destination, NOW)
    (level,) = [one for one in server.of_type("Observation") if one.get("valueQuantity", {}).get("value") == 0.55]
    ward.take(UNJOINED)
    delivered(ward, destination, NOW + LATER)
    withdrawn = server.current[f"Observation/{level['id']}"]
    assert (withdrawn["status"], withdrawn["subject"]) == ("entered-in-error", level["subject"])
    ward.take(JOINED_AGAIN)
    delivered(ward, destination, NOW + 2 * LATER)
    again = server.current[f"Observation/{level['id']}"]
    assert (again["status"], again["subject"]) == (level["status"], level["subject"])


def test_what_somebody_edited_there_stays_and_waits_for_a_person(ward_of, servers, aim):
    ward, server = ward_of(REGION), servers()
    destination = aim(server, authorities=frozenset({REGION}))
    ward.take(JOINED)
    delivered(ward, destination, NOW)
    (flag,) = server.of_type("Flag")
    server.edited(f"Flag/{flag['id']}", author={"display": "ward round"})
    ward.take(UNJOINED)
    delivered(ward, destination, NOW + LATER)
    assert server.current[f"Flag/{flag['id']}"]["status"] == "active"
    assert set(statuses(server, "Observation")) == {"entered-in-error"}
    assert ward.state.outbox_counts("ehr")["parked"] == 1


def test_a_target_that_is_away_is_told_of_the_unlink_when_it_is_back(ward_of, servers, aim):
    ward, server = ward_of(REGION), servers()
    destination = aim(server, authorities=frozenset({REGION}))
    ward.take(JOINED)
    delivered(ward, destination, NOW)
    server.fail = lambda *_: (503, None, {})
    ward.take(UNJOINED)
    assert delivered(ward, destination, NOW + LATER) == {"pending": 3}
    server.fail = lambda *_: None
    delivered(ward, destination, NOW + 2 * LATER)
    assert {*statuses(server, "Flag"), *statuses(server, "Observation")} == {"entered-in-error"}


def test_a_target_gets_the_unchanged_results_of_a_record_that_is_now_its_patients_too(ward_of, servers, aim):
    ward, server = ward_of(REGION), servers()
    destination = aim(server, authorities=frozenset({REGION}))
    assert delivered(ward, destination, NOW) == {}
    done = ward.take(JOINED_HERE)
    assert done.changes == ()
    delivered(ward, destination, NOW + LATER)
    assert (statuses(server, "Flag"), subjects(server)) == (["active"], {("Patient/R1", REGION, "R1")})


def test_what_was_deleted_there_needs_no_withdrawal(ward_of, servers, aim):
    ward, server = ward_of(REGION), servers()
    destination = aim(server, authorities=frozenset({REGION}))
    ward.take(JOINED)
    delivered(ward, destination, NOW)
    for one in (*server.of_type("Flag"), *server.of_type("Observation")):
        server.delete(f"{one['resourceType']}/{one['id']}")
    written = len(server.writes())
    ward.take(UNJOINED)
    delivered(ward, destination, NOW + LATER)
    assert (len(server.writes()), ward.state.outbox_counts("ehr")["parked"]) == (written, 0)


STEPS = ("merge", "merge-back", "unlink", "level", "other-level", "withdrawn", "deliver")


@pytest.mark.slow
@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(STEPS), max_size=8))
def test_nothing_ever_stands_as_true_at_a_target_that_may_not_have_it(steps, ward_of, servers, aim):
    ward, server = ward_of(REGION), servers()
    destination = aim(server, authorities=frozenset({REGION}))
    for number, step in enumerate((*steps, "deliver")):
        _take(step, number, ward, destination)
    mine = ward.state.group(f"{REGION}|R1")
    owners = {row.id: key for key in (f"{REGION}|R1", HERE) for row in ward.state.recall(key).written}
    for one in (*server.of_type("Observation"), *server.of_type("Flag")):
        assert owners[one["id"]] in mine or one["status"] == "entered-in-error"
        assert one["subject"]["identifier"]["value"] == "R1"
    open_ = {row.id for key in mine for row in ward.state.recall(key).written if row.state == "open"}
    standing = {one["id"] for one in server.current.values() if one.get("status") != "entered-in-error"}
    assert open_ <= standing


def _take(step, number, ward, destination):
    at = f"202504{number + 1:02d}090000+0000"
    here, there = f"PID|1||{adt.cx('900001')}", "R1^^^REGION^PI"
    match step:
        case "merge":
            ward.take(adt.adt("A40", f"S{number}", here, f"MRG|{there}", at=at))
        case "merge-back":
            ward.take(adt.adt("A40", f"S{number}", f"PID|1||{there}", f"MRG|{adt.cx('900001')}", at=at))
        case "unlink":
            ward.take(adt.adt("A37", f"S{number}", here, f"PID|2||{there}", at=at))
        case "level" | "withdrawn":
            status = "W" if step == "withdrawn" else "C"
            ward.take(hospital.oru(f"S{number}", value=f"0.{number}1", status=status, sent=at))
        case "other-level":
            collected = "20250312120000+0000"
            more = {"mrn": "R1", "authority": "REGION", "filler": "B1", "collected": collected}
            ward.take(hospital.oru(f"S{number}", value=f"0.{number}2", status="C", sent=at, **more))
        case _:
            delivered(ward, destination, NOW + number * LATER)


def unknown(number):
    empty = {"resourceType": "Bundle", "type": "searchset", "total": 0}
    return lambda _, path: (200, empty, {}) if "/Patient?" in path and number in path else None


def test_a_level_withdrawn_before_the_target_knows_the_survivor_is_withdrawn_under_the_old_record(
    ward_of, servers, aim
):
    ward, server = ward_of(), servers()
    delivered(ward, aim(server), NOW)
    server.fail = unknown("R1")
    ward.take(JOINED)
    assert set(delivered(ward, aim(server), NOW + LATER)) == {"pending"}
    assert statuses(server, "Flag") == ["active"]
    ward.take(hospital.oru("A2", value="<0.03", status="W", sent="20250402090000+0000"))
    delivered(ward, aim(server), NOW + timedelta(hours=2))
    assert "active" not in statuses(server, "Flag")
    assert "entered-in-error" in statuses(server, "Observation")
    assert subjects(server) == {("Patient/900001", hospital.MRN, "900001")}
