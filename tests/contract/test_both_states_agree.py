from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from adapter.domain.events import AsparaginaseAdministered, PatientRecord, PremedicationGiven, Recorded, Version
from adapter.domain.identities import IdentityTold, Membership, Statements
from adapter.domain.message import MessageRef, Outcome, Parked, PatientResult, Work
from adapter.domain.outputs import Change, Written
from adapter.domain.people import Person
from adapter.pipeline.outcomes import left_out
from adapter.store.memory import MemoryState
from adapter.store.sqlite_state import SqliteState

AT = datetime(2025, 3, 10, 11, 30, tzinfo=UTC)
PATIENTS = ("urn:mrn|1", "urn:mrn|2", "urn:mrn|3")
TARGETS = ("hapi", "shadow")
IDS = ("r1", "r2", "r3")

few = st.integers(0, 4)
patients = st.sampled_from(PATIENTS)
versions = st.builds(Version, number=st.none() | few)
instants = few.map(lambda minutes: AT + timedelta(minutes=minutes))
keys = st.sampled_from(["MedicationAdministration/m1", "MedicationAdministration/m2"])
sources = st.sampled_from(["ehr", "lab"])
doses = st.builds(
    AsparaginaseAdministered,
    patient=patients,
    source=sources,
    key=keys,
    status=st.sampled_from(["completed", "entered-in-error"]),
    version=versions,
    product=st.just("pegaspargase"),
    started=st.none(),
)
premedications = st.builds(
    PremedicationGiven,
    patient=patients,
    source=sources,
    key=keys,
    status=st.just("completed"),
    version=versions,
    role=st.just("corticosteroid"),
    started=st.none(),
)
records = st.builds(
    PatientRecord,
    source=sources,
    reference=st.sampled_from(["Patient/p1", "Patient/p2"]),
    patient=st.none() | patients,
    deceased=st.booleans(),
    version=versions,
)
references = st.builds(
    MessageRef, inbox=st.sampled_from(["inbox", "inbox-core"]), seq=st.integers(1, 6), source=sources
)
waiting = st.builds(
    Parked,
    message=references,
    reason=st.sampled_from(["near-miss", "unknown-patient"]),
    problems=st.just(()),
    waits_for=st.lists(st.sampled_from(["Patient/p1", "Patient/p2"]), max_size=3).map(tuple),
    parked_at=instants,
)


@st.composite
def written(draw):
    kind = draw(st.sampled_from(["activity", "interpretation", "flag"]))
    resource_id = {"activity": "r1", "interpretation": "r2", "flag": "r3"}[kind]
    at = draw(instants)
    return Written(
        kind=kind,
        resource_type="Flag" if kind == "flag" else "Observation",
        id=resource_id,
        body={"id": resource_id, "status": draw(st.sampled_from(["active", "inactive"]))},
        content_hash=str(draw(few)),
        state=draw(st.sampled_from(["open", "closed", "retracted"])),
        grounds=(),
        topic=None,
        verdict=None,
        first_written=at,
        last_written=at,
    )


statements = st.builds(
    Statements,
    source=sources,
    origin=st.sampled_from(["d1", "d2"]),
    told=st.lists(
        st.builds(
            IdentityTold,
            source=st.just("adt"),
            key=st.just("M1"),
            status=st.sampled_from(["merged", "unlinked"]),
            survivor=patients,
            absorbed=patients,
        ),
        max_size=2,
    ).map(tuple),
)
people = st.builds(
    Person,
    patient=patients,
    source=sources,
    born=st.sampled_from(["b1", "b2"]),
    family=st.sampled_from([("f1",), ("f1", "f2")]),
    record=st.sampled_from(["", "Patient/p1"]),
)
results = st.builds(
    PatientResult,
    owners=st.lists(st.tuples(st.sampled_from(IDS), patients), max_size=2, unique_by=lambda pair: pair[0]).map(tuple),
    patient=patients,
    findings=st.lists(st.just({"exposure": "adequate"}), max_size=2).map(tuple),
    changes=st.lists(st.builds(Change, operation=st.just("update"), after=written()), max_size=2).map(tuple),
    provenance=st.lists(st.sampled_from([{"id": "p1"}, {"id": "p2", "recorded": "now"}]), max_size=1).map(tuple),
    next_check=st.none() | instants,
)
works = st.builds(
    Work,
    at=instants,
    message=st.none() | references,
    events=st.lists(st.builds(Recorded, arrival=few, event=doses | premedications), max_size=3).map(tuple),
    patients=st.lists(records, max_size=2).map(tuple),
    known=st.lists(st.sampled_from([("Patient/p1", {"id": "p1"}), ("Patient/p1", {"id": "new"})]), max_size=1).map(
        tuple
    ),
    statements=st.lists(statements, max_size=2).map(tuple),
    memberships=st.lists(
        st.builds(Membership, patient=patients, survivor=patients), max_size=2, unique_by=lambda row: row.patient
    ).map(tuple),
    people=st.lists(people, max_size=2).map(tuple),
    results=st.lists(results, max_size=2).map(tuple),
    parked=st.none() | waiting,
    waiting=st.lists(waiting, max_size=1).map(tuple),
    resolved=st.lists(references, max_size=1).map(tuple),
    deliver_to=st.lists(st.sampled_from(TARGETS), unique=True).map(tuple),
    withheld=st.frozensets(st.tuples(st.sampled_from(TARGETS), st.sampled_from((*IDS, "p1"))), max_size=3),
)
ENDS = ("noted", "sent", "confirmed", "left-out", "pending", "unanswered", "parked")
settlements = st.tuples(st.sampled_from(TARGETS), st.sampled_from(ENDS), instants)


def ended(row, outcome, retry_at):
    match outcome:
        case "confirmed":
            return Outcome(row=row, state="confirmed", remote_hash=row.content_hash, sent_hash=row.content_hash)
        case "unanswered":
            sent = f"{row.sent_hash or ''} {row.content_hash}".strip()
            return Outcome(row=row, state="pending", retry_at=retry_at, sent_hash=sent)
        case _:
            return Outcome(row=row, state=outcome, retry_at=retry_at)


def perform(state, step):
    if isinstance(step, Work):
        return state.commit(step)
    target, outcome, at = step
    rows = state.due(target, at, 2)
    if outcome == "sent":
        state.mark_sent(rows)
    elif outcome == "noted":
        state.remember_sent(
            [replace(row, sent_hash=f"{row.sent_hash or ''} {row.content_hash}".strip()) for row in rows]
        )
    elif outcome == "left-out":
        state.settle([left_out(row, "other-authority") for row in rows])
    else:
        state.settle([ended(row, outcome, at + timedelta(minutes=1)) for row in rows])
    return rows


def picture(state):
    return {
        "recalled": [state.recall(patient) for patient in PATIENTS],
        "findings": [state.findings(patient) for patient in PATIENTS],
        "patients": state.all_patients(),
        "groups": [state.group(patient) for patient in PATIENTS],
        "told": [state.told_about([patient]) for patient in PATIENTS],
        "said": [state.said_by(source, origin) for source in ("ehr", "lab") for origin in ("d1", "d2")],
        "people": [state.people(patient) for patient in PATIENTS],
        "searched": [state.search("Flag", patients=[patient]) for patient in PATIENTS],
        "known": [state.known(source, "Patient/p1") for source in ("ehr", "lab", "")],
        "named": [state.named_by(reference) for reference in ("Patient/p1", "Patient/p2")],
        "parked": state.parked(),
        "waiting": [state.waiting_for(source, ["Patient/p1", "Patient/p2"]) for source in ("ehr", "lab")],
        "owners": state.owners(IDS),
        "checks": state.checks_due(AT + timedelta(minutes=2), 2),
        "due": [state.due(target, AT + timedelta(minutes=m), 2) for target in TARGETS for m in (0, 2, 9)],
        "ledger": [(state.outbox_counts(target), state.oldest_pending(target)) for target in TARGETS],
        "resources": state.resources("Observation", "Flag", "Provenance"),
        "found": [state.search(kind, status=[[(None, "active")]]) for kind in ("Observation", "Flag")],
        "counts": state.counts(),
    }


@pytest.mark.slow
@settings(deadline=None, max_examples=20, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(st.lists(works | settlements, max_size=8))
def test_memory_and_sqlite_agree_after_any_sequence_of_steps(steps):
    with TemporaryDirectory() as folder:
        in_memory, on_disk = MemoryState(), SqliteState(Path(folder) / "store" / "state.db")
        try:
            for step in steps:
                assert perform(on_disk, step) == perform(in_memory, step)
            assert picture(on_disk) == picture(in_memory)
        finally:
            on_disk.close()
