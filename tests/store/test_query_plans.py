from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from unittest.mock import patch

import pytest
from sqlalchemy import event

from adapter.domain.events import AsparaginaseAdministered, HypersensitivityRecorded, PatientRecord, Recorded, Version
from adapter.domain.identities import Membership
from adapter.domain.message import Arrival, MessageRef, OutboxRow, Outcome, PatientResult, Work
from adapter.domain.outputs import Change, Written
from adapter.domain.people import Person
from adapter.store import sql_prepared
from adapter.store.imports import Mark
from adapter.store.inbox_pruning import archived_behind, copies_between, headers_behind, read_behind

AT = datetime(2025, 3, 10, 11, 30, tzinfo=UTC)
ANNA = "urn:mrn|1"
DOSE = AsparaginaseAdministered(
    patient=ANNA,
    source="ehr",
    key="MedicationAdministration/m1",
    status="completed",
    version=Version(),
    product="pegaspargase",
    started=None,
)
REACTION = HypersensitivityRecorded(
    patient=ANNA,
    source="ehr",
    key="AllergyIntolerance/a/1",
    record="AllergyIntolerance/a",
    verification="confirmed",
    version=Version(),
)
FLAG = Change(
    operation="create",
    after=Written(
        kind="flag",
        resource_type="Flag",
        id="f",
        body={"resourceType": "Flag", "id": "f"},
        content_hash="h",
        state="open",
        grounds=(),
        topic=None,
        verdict=None,
        first_written=AT,
        last_written=AT,
    ),
)
ROW = OutboxRow(
    target="hapi", patient=ANNA, resource_type="Flag", id="f", body={}, content_hash="", attempts=0, generation=1
)
PERSON = Person(patient="urn:mrn|1", source="ehr", born="b", family=("f",), record="Patient/p1")
MESSAGE = MessageRef(inbox="inbox", seq=1, source="ehr")


class Noting:
    """A cursor that notes what is run on it."""

    def __init__(self, cursor, seen):
        self._cursor, self._seen = cursor, seen

    def execute(self, statement, parameters):
        self._seen.append((statement, tuple(parameters)))
        return self._cursor.execute(statement, parameters)

    def executemany(self, statement, rows):
        self._seen.append((statement, tuple(rows[0])))
        return self._cursor.executemany(statement, rows)

    def fetchall(self):
        return self._cursor.fetchall()

    def __iter__(self):
        return iter(self._cursor)

    def close(self):
        self._cursor.close()


@contextmanager
def statements(database):
    """Every statement, with its parameters, that runs meanwhile."""
    seen = []
    cursor_of = sql_prepared.cursor_of

    def note(_connection, _cursor, statement, parameters, _context, executemany):
        seen.append((statement, parameters[0] if executemany else parameters))

    engines = (database._writer, database._readers)
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        with patch.object(sql_prepared, "cursor_of", lambda connection: Noting(cursor_of(connection), seen)):
            yield seen
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)


def plan(database, performed):
    with statements(database) as seen:
        performed()
    steps = []
    with database.write() as connection:
        for statement, parameters in seen:
            if statement.split()[0] in ("SELECT", "UPDATE", "DELETE", "INSERT"):
                steps += [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    return steps


def scans(steps):
    return [step for step in steps if step.startswith("SCAN") and "CONSTANT ROW" not in step]


def test_keeping_a_batch_looks_its_repeats_up_in_the_index(inbox, oru):
    steps = plan(inbox._database, lambda: inbox.keep([oru(1), oru(2)]))
    assert "SEARCH messages USING INDEX messages_by_control_id (sender=? AND control_id=?)" in steps
    assert scans(steps) == []


def test_importing_lines_looks_up_what_is_known_by_its_key(inbox):
    line = Arrival(kind="fhir", source="ehr", listener="import", raw=b"{}", received_at=AT)
    mark = Mark(path="/a.ndjson", source="ehr", size=2, head="", at=AT)
    steps = plan(inbox._database, lambda: inbox.keep_imported([line], mark))
    assert "SEARCH imported USING PRIMARY KEY (source=? AND digest=?)" in steps
    assert [step for step in scans(steps) if "sqlite_master" not in step] == []


@pytest.mark.parametrize(
    ("question", "index"),
    [
        (lambda s: s.recall(ANNA, [DOSE, REACTION]), "events_by_fact"),
        (lambda s: s.recall(ANNA), "patient_records_by_patient"),
        (lambda s: s.recall(ANNA), "resources_by_patient"),
        (lambda s: s.holders([DOSE, REACTION]), "events_by_fact"),
        (lambda s: s.checks_due(AT, 10), "findings_by_next_check"),
        (lambda s: s.due("hapi", AT, 10), "outbox_by_state"),
        (lambda s: s.oldest_pending("hapi"), "outbox_by_state"),
        (lambda s: s.outbox_counts("hapi"), "outbox_by_state"),
        (lambda s: s.parked_deliveries(), "outbox_by_state"),
        (lambda s: s.owe_again([("hapi", "Flag", "f")]), "outbox"),
        (lambda s: s.settle([Outcome(row=ROW, state="confirmed")]), "outbox"),
        (lambda s: s.mark_sent([ROW]), "outbox"),
        (lambda s: s.waiting_for("ehr", ["Patient/p1"]), "waits"),
        (lambda s: s.owners(["f", "g"]), "resources"),
        (lambda s: s.named_by("Patient/p1"), "patient_records_by_reference"),
        (lambda s: s.group(ANNA), "merged_patients_by_survivor"),
        (lambda s: s.told_about([ANNA]), "identity_facts_by_absorbed"),
        (lambda s: s.people(ANNA), "people"),
        (lambda s: s.commit(Work(at=AT, people=(PERSON,))), "people_by_record"),
        (lambda s: s.reason(MESSAGE), "parked"),
        (lambda s: s.said_by("ehr", "d"), "identity_facts"),
        (lambda s: s.commit(Work(at=AT, memberships=(Membership(patient=ANNA, survivor="b"),))), "merged_patients"),
        (lambda s: s.known("ehr", "Patient/p1"), "known_resources"),
        (lambda s: s.resource("Flag", "f"), "resources"),
        (lambda s: s.search("Flag", patients=[ANNA]), "resources_by_patient"),
        (lambda s: s.search("Flag", last_updated=[("ge", AT)]), "resources_by_time"),
        (lambda s: s.search("Flag", count=10, after=(AT, "f")), "resources_by_time"),
        (lambda s: s.search("Flag", identifier=[[("k", "1")]]), "resource_tokens"),
        (
            lambda s: s.commit(
                Work(
                    at=AT,
                    message=MESSAGE,
                    events=(Recorded(arrival=1, event=DOSE),),
                    patients=(PatientRecord(source="ehr", reference="Patient/p1", patient=ANNA),),
                    resolved=(MESSAGE,),
                )
            ),
            "parked_waits_by_message",
        ),
    ],
)
def test_no_question_the_corridor_asks_reads_a_whole_table(state, question, index):
    state.commit(
        Work(at=AT, results=(PatientResult(patient=ANNA, findings=(), changes=(FLAG,)),), deliver_to=("hapi",))
    )
    steps = plan(state._database, lambda: question(state))
    assert any(index in step for step in steps)
    assert scans(steps) == []


def looked(inbox, look, *places):
    with inbox._database.read() as connection:
        return list(look(connection, *places))


def test_looking_for_what_may_be_pruned_begins_where_the_last_page_ended_and_reads_no_other_messages(inbox, oru):
    inbox.keep([oru(1)])
    archived = plan(inbox._database, lambda: looked(inbox, archived_behind, 0))
    assert any("messages_irrelevant" in step for step in archived)
    every = [*archived, *plan(inbox._database, lambda: looked(inbox, headers_behind, 0))]
    every += plan(inbox._database, lambda: looked(inbox, read_behind, 0))
    assert [step for step in scans(every) if "sqlite_master" not in step] == []


def test_looking_for_copies_goes_through_the_answers_and_reads_no_message_that_was_accepted(inbox, oru):
    inbox.keep([oru(1), oru(2)])
    steps = plan(inbox._database, lambda: looked(inbox, copies_between))
    assert scans(steps) == ["SCAN answers"]
    assert "SEARCH messages USING INTEGER PRIMARY KEY (rowid=?)" in steps
