"""A FHIR server is brought to the present state, patient by patient, whatever it answers."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import hospital
import pytest

from adapter.fhir import Canonical
from adapter.pipeline.deliver import deliver
from adapter.pipeline.destination import Destination
from adapter.pipeline.outcomes import LONGEST_RETRY_S
from adapter.transport.fhir_client import Ambiguous, EntryResult, PatientMatch, Permanent, TransactionResult, Transient

NOW = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
ONE, TWO = "900001", "900002"


class Server:
    """A FHIR server that does as the test says, and remembers what stands on it."""

    def __init__(self):
        self.patients = {ONE: PatientMatch(reference="Patient/a"), TWO: PatientMatch(reference="Patient/b")}
        self.asked = None
        self.refused = set()
        self.laboratory = {}
        self.standing = {}
        self.transactions = 0
        self.searched = []

    def find_patient(self, system, value):
        assert system == hospital.MRN
        return self.patients[value]

    def find_patients(self, identifiers):
        self.searched.append([value for _, value in identifiers])
        found = {one: self.patients[one[1]] for one in identifiers}
        return {one: match for one, match in found.items() if match and match.reference}

    def has_result(self, identifiers, *, not_of):
        assert not_of.endswith("/sid/output-key")
        return next((self.laboratory[value] for _, value in identifiers if value in self.laboratory), None)

    def transaction(self, bundle):
        self.transactions += 1
        if self.asked:
            raise self.asked
        bodies = [entry["resource"] for entry in json.loads(bundle)["entry"]]
        if self.refused & {body["resourceType"] for body in bodies}:
            raise Permanent(422, "one entry is wrong")
        return TransactionResult(entries=tuple(self._put(body) for body in bodies))

    def results_about(self, *_):
        return []

    def capabilities(self):
        return {"resourceType": "CapabilityStatement"}

    def put(self, resource_type, *rest):
        if resource_type in self.refused:
            raise Permanent(422, "wrong")
        return self._put(json.loads(rest[1]))

    def _put(self, body):
        self.standing[f"{body['resourceType']}/{body['id']}"] = body
        return EntryResult(status=201, version="1")


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def story(corridor):
    """Two patients with an inactivation each: activity, interpretation, Flag and Provenance are owed."""
    for mrn in (ONE, TWO):
        corridor.take(hospital.patient(mrn))
        corridor.take(hospital.dose(mrn))
        corridor.take(hospital.oru(f"A{mrn}", mrn=mrn, filler=f"F{mrn}", value="<0.03", assigner="1.2.840.99"))
    return corridor.state


def sent(server, story, now=NOW, **more):
    destination = Destination(
        name="ehr",
        base_url="http://ehr/fhir",
        server=server,
        canonical=Canonical(base="https://troughline.example/fhir"),
        **{"write_raw": "always", **more},
    )
    counts = deliver(destination, story, now)
    return {state: number for state, number in counts.items() if number}


def owed(story, now=NOW):
    return {row.id for row in story.due("ehr", now, 50)}


def reasons(story):
    return story.outbox_counts("ehr")


def test_everything_owed_is_written_once_in_one_transaction_per_patient(server, story):
    everything = owed(story)
    assert sent(server, story) == {"confirmed": len(everything)}
    assert {reference.partition("/")[2] for reference in server.standing} == everything
    assert server.transactions == 2
    assert sent(server, story) == {}


def test_the_patient_of_the_server_is_the_subject(server, story):
    sent(server, story)
    subjects = {body["subject"]["reference"] for body in server.standing.values() if "subject" in body}
    assert subjects == {"Patient/a", "Patient/b"}


def test_a_patient_the_server_does_not_know_waits_and_delays_nobody(server, story):
    server.patients[ONE] = PatientMatch()
    everything = len(owed(story))
    waiting = sum(row.patient.endswith(ONE) for row in story.due("ehr", NOW, 50))
    assert sent(server, story) == {"pending": waiting, "confirmed": everything - waiting}
    assert owed(story, NOW + timedelta(seconds=4)) == set()
    server.patients[ONE] = PatientMatch(reference="Patient/late")
    assert sent(server, story, NOW + timedelta(seconds=6)) == {"confirmed": waiting}
    assert owed(story, NOW + timedelta(days=1)) == set()


def test_a_patient_found_twice_is_never_guessed(server, story):
    server.patients[ONE] = PatientMatch(ambiguous=True)
    counts = sent(server, story)
    assert counts["parked"] == counts["confirmed"]
    assert reasons(story)["parked"] == counts["parked"]
    assert all(body["subject"]["reference"] == "Patient/b" for body in server.standing.values() if "subject" in body)


@pytest.mark.parametrize(
    ("failure", "waits_s"),
    [(Transient("busy", retry_after_s=30.0), 30), (Transient("busy"), 2), (Ambiguous("no answer"), 2)],
)
def test_what_may_pass_is_tried_again_when_its_time_comes(server, story, failure, waits_s):
    everything = owed(story)
    server.asked = failure
    assert sent(server, story) == {"pending": len(everything)}
    assert owed(story, NOW + timedelta(seconds=waits_s - 1)) == set()
    server.asked = None
    assert sent(server, story, NOW + timedelta(seconds=waits_s)) == {"confirmed": len(everything)}


@pytest.mark.parametrize(
    ("attempts", "waits_s"), [(0, 2), (1, 4), (7, 256), (8, LONGEST_RETRY_S), (5000, LONGEST_RETRY_S)]
)
def test_a_server_that_is_away_for_days_is_asked_every_few_minutes(server, story, attempts, waits_s):
    class Asked:
        outcomes = ()

        def due(self, target, now, limit):
            return [replace(row, attempts=attempts) for row in story.due(target, now, limit)][:1]

        def settle(self, outcomes):
            self.outcomes = outcomes

        def places(self, *_):
            return {}

        def strategies(self, _):
            return {}

    asked = Asked()
    server.asked = Transient("away")
    sent(server, asked)
    assert [outcome.retry_at for outcome in asked.outcomes] == [NOW + timedelta(seconds=waits_s)]


def test_one_entry_the_server_will_not_take_does_not_hold_back_the_others(server, story):
    server.refused = {"Flag"}
    everything = owed(story)
    assert sent(server, story) == {"confirmed": len(everything) - 2, "parked": 2}
    assert {reference.partition("/")[0] for reference in server.standing} == {"Observation", "Provenance"}
    assert owed(story, NOW + timedelta(days=30)) == set()


def test_a_fault_of_ours_with_one_patient_does_not_hold_back_the_others(server, story):
    server.patients[ONE] = None
    counts = sent(server, story)
    assert (counts["failed"], counts["pending"]) == (1, counts["confirmed"])
    assert {body["subject"]["reference"] for body in server.standing.values() if "subject" in body} == {"Patient/b"}


def activities(server):
    return [body for body in server.standing.values() if "valueQuantity" in body]


def references(value, prefix):
    """Everything a resource refers to that begins like this."""
    if isinstance(value, dict):
        own = [value["reference"]] if str(value.get("reference", "")).startswith(prefix) else []
        return own + [found for item in value.values() for found in references(item, prefix)]
    return [found for item in value for found in references(item, prefix)] if isinstance(value, list) else []


def test_results_are_not_written_where_the_site_does_not_want_them(server, story):
    everything = len(owed(story))
    assert sent(server, story, write_raw="never") == {"confirmed": everything}
    assert activities(server) == []
    written = set(server.standing)
    observations = [body for body in server.standing.values() if body["resourceType"] == "Observation"]
    assert len(observations) == 2
    named = {found for body in server.standing.values() for found in references(body, "Observation/")}
    assert named <= written
    assert all(body["derivedFrom"][0]["display"] == "not written to this server" for body in observations)


def test_a_result_the_server_has_already_is_referred_to_there(server, story):
    server.laboratory = {f"F{ONE}": "Observation/of-the-laboratory"}
    sent(server, story, write_raw="if-absent")
    assert [body["subject"]["reference"] for body in activities(server)] == ["Patient/b"]
    derived = [body["derivedFrom"][0]["reference"] for body in server.standing.values() if "derivedFrom" in body]
    mine = next(body for body in activities(server))
    assert set(derived) == {"Observation/of-the-laboratory", f"Observation/{mine['id']}"}
