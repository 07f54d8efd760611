"""Merged records of several authorities: a target gets the results under the number it can know, or not at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import adt
import hospital
import pytest

from adapter.knowledge.load import load_knowledge
from adapter.pipeline.deliver import deliver
from adapter.pipeline.parts import Target

DEMO = Path(__file__).parents[2] / "mappings" / "demo"
REGION = "urn:region"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = timedelta(minutes=2)
JOINED = adt.adt("A40", "M1", "PID|1||R1^^^REGION^PI", f"MRG|{adt.cx('900001')}")


@pytest.fixture
def ward_of(corridor, tmp_path):
    """A dose and a level under a number of the hospital; its only target has these authorities."""
    (tmp_path / "tables").mkdir()
    rows = "sender,code,system,target,note\n*,REGION,*,urn:region,\n"
    (tmp_path / "tables" / "identifier_systems.csv").write_text(rows)
    knowledge, faults = load_knowledge([DEMO, tmp_path])
    assert [fault for fault in faults if fault.severity == "error"] == []

    def make(*authorities):
        target = Target(name="ehr", authorities=frozenset(authorities))
        made = corridor.with_parts(knowledge=knowledge, targets=(target,))
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
