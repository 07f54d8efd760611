"""Messages that wait together are read a few at once, and come to what each would have come to alone."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from random import Random

import adt
import hospital
import pytest

from adapter.domain.message import MessageRef, Stored
from adapter.pipeline.process import process
from adapter.pipeline.understand import READ_AHEAD, read_ahead, understand
from adapter.store.faults import CannotKeep, StoreBroken
from adapter.store.memory import MemoryState
from adapter.store.sqlite_state import SqliteState

NOW = datetime(2025, 6, 1, tzinfo=UTC)
MOST_TOGETHER = 60


class Looking(MemoryState):
    """A state that notes how much it was told of, and fails at it."""

    def __init__(self, fault=None):
        super().__init__()
        self.told = []
        self._fault = fault

    def look_ahead(self, patients, digests, ids):
        self.told.append((len(patients), len(digests), len(ids)))
        if self._fault:
            raise self._fault


def ahead(corridor, state, contents):
    arrivals = [corridor.arrival(content, NOW) for content in contents]
    return arrivals, read_ahead(arrivals, replace(corridor.parts, state=state))


def test_a_few_are_read_when_the_first_of_them_is_asked_for(corridor):
    state = Looking()
    reports = [hospital.oru(f"A{n}", mrn=f"9100{n:02d}", filler=f"A{n}") for n in range(READ_AHEAD + 3)]
    arrivals, read = ahead(corridor, state, reports)
    assert next(read) == understand(arrivals[0], corridor.parts)
    assert state.told == [(READ_AHEAD,) * 3]
    assert list(read) == [understand(arrival, corridor.parts) for arrival in arrivals[1:]]
    assert state.told == [(READ_AHEAD,) * 3, (3,) * 3]


def test_what_hangs_on_what_came_before_it_is_not_read_ahead(corridor):
    _, read = ahead(corridor, Looking(), [hospital.patient(), hospital.oru("A1"), hospital.dose()])
    assert [told is None for told in read] == [True, False, True]


def test_a_fault_of_ours_while_looking_ahead_stops_nothing(corridor):
    _, read = ahead(corridor, Looking(UnicodeError()), [hospital.oru("A1")])
    assert [len(told) for told in read] == [1]


@pytest.mark.parametrize("fault", [CannotKeep("no space"), StoreBroken("gone")])
def test_a_store_that_fails_is_told(corridor, fault):
    _, read = ahead(corridor, Looking(fault), [hospital.oru("A1")])
    with pytest.raises(type(fault)):
        next(read)


def sent(random, number):
    """Anything a hospital may send of a few children, so that most of it meets what came shortly before."""
    mrn, other = (f"9200{random.randrange(6):02d}" for _ in range(2))
    day = random.choice(("2025-03-03", "2025-03-07", "2025-03-10"))
    filler = f"F{mrn}{random.randrange(3)}"
    report = hospital.oru(f"R{number}", mrn=mrn, filler=filler, status=random.choice("FFFCPX"))
    at = f"20250320{random.randrange(24):02d}0000+0000"
    return random.choice(
        (
            report,
            report,
            report,
            hospital.oru(f"R{random.randrange(number + 1)}", mrn=other, filler="F1"),
            hospital.oru(f"R{number}", mrn=mrn, filler=filler, unit="furlong"),
            hospital.oru(f"R{number}", mrn=mrn, authority="ELSEWHERE"),
            adt.merge(mrn, other, at=at),
            adt.unlink(mrn, other, at=at),
            hospital.patient(mrn),
            hospital.dose(mrn, random.randrange(1, 4), day=day),
            hospital.reaction(mrn, day=day),
        )
    )


def outcome(state):
    patients = state.all_patients()
    return (
        {patient: (state.findings(patient), state.recall(patient), state.people(patient)) for patient in patients},
        state.resources("Observation", "Flag", "Provenance"),
        state.parked(),
        state.problem_counts(),
        state.counts(),
        sorted(state.due("ehr", NOW, 1000), key=lambda row: row.id),
        state.cursor("inbox"),
    )


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(n, marks=pytest.mark.slow) for n in range(2, 8))])
def test_any_messages_come_together_to_what_they_come_to_alone(build_corridor, tmp_path, seed):
    random = Random(seed)  # noqa: S311 - repeatable, not secret
    contents = [sent(random, number) for number in range(150)]
    corridor = build_corridor()
    arrivals = [corridor.arrival(content, NOW) for content in contents]
    rows = [
        (Stored(seq=seq, arrival=one), MessageRef(inbox="inbox", seq=seq, source=one.source, digest=one.digest))
        for seq, (one, _) in enumerate(zip(arrivals, corridor.inbox.keep(arrivals), strict=True), start=1)
    ]
    with (
        closing(SqliteState(tmp_path / "alone" / "state.db")) as alone,
        closing(SqliteState(tmp_path / "together" / "state.db")) as together,
    ):
        parts = replace(corridor.parts, state=alone)
        for stored, ref in rows:
            process(stored, ref, parts, NOW)
        parts = replace(corridor.parts, state=together)
        while rows:
            group, rows = rows[: (size := random.randrange(1, MOST_TOGETHER))], rows[size:]
            with together.together():
                for (stored, ref), told in zip(group, read_ahead([s.arrival for s, _ in group], parts), strict=True):
                    process(stored, ref, parts, NOW, told=told)
        assert outcome(together) == outcome(alone)
