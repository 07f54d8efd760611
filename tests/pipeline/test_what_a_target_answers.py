"""Every answer a FHIR server may give to a write, and what becomes of the resource: a person's edit is never lost."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import hospital
import pytest
from fhir_server import OFFERS

from adapter.domain.message import Outcome
from adapter.pipeline.deliver import deliver
from adapter.pipeline.destination import conflict_pause_s
from adapter.pipeline.outcomes import FOREIGN_ANSWERS_BORNE

pytestmark = pytest.mark.loopback

NOW = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
STRATEGIES = tuple(OFFERS)
OUTCOME = {
    "resourceType": "OperationOutcome",
    "issue": [
        {
            "severity": "error",
            "code": "business-rule",
            "diagnostics": "Erika Mustermann has no such thing",
            "expression": ["Flag.status"],
        }
    ],
}


def at(minutes):
    return NOW + timedelta(minutes=minutes)


def correct(ward, value="0.55", *, number=2):
    """The laboratory corrects its number."""
    day = 10 + number
    sent = f"202503{day}080000+0000"
    corrected = hospital.oru(f"A{number}", value=value, status="C", assigner="1.2.840.99", sent=sent)
    ward.take(corrected, now=at(number))


def counted(destination, state, now=NOW):
    return {word: number for word, number in deliver(destination, state, now).items() if number}


class Ledger:
    """The ledger, with every outcome that came to it."""

    def __init__(self, state):
        self._state = state
        self.outcomes = []

    def __getattr__(self, name):
        return getattr(self._state, name)

    def settle(self, outcomes):
        self.outcomes = list(outcomes)
        self._state.settle(outcomes)

    def told(self, resource_type):
        return {(one.state, one.reason) for one in self.outcomes if one.row.resource_type == resource_type}


class Forgetful(Ledger):
    """A ledger that loses the outcome."""

    def settle(self, _):
        """Nothing is noted."""


def flag_of(server):
    """The Flag of the inactivation."""
    (flag,) = [one for one in server.of_type("Flag") if one["code"]["coding"][0]["code"] == "inactivation"]
    return flag


def for_type(resource_type, status, body=None, headers=None, *, times=10_000):
    """Answers a write of that type like this, so many times."""
    left = [times]

    def answer(method, path):
        if method == "GET" or not path.startswith(f"/{resource_type}") or not left[0]:
            return None
        left[0] -= 1
        return status, body, headers or {}

    return answer


@pytest.mark.parametrize("offers", STRATEGIES)
@pytest.mark.parametrize("status", [400, 422])
def test_acceptance_9_refused_content_is_parked_with_the_servers_words_until_it_changes(
    offers, status, servers, aim, ward
):
    server, ledger = servers(offers, transaction=False), Ledger(ward.state)
    server.fail = for_type("Flag", status, OUTCOME)
    destination = aim(server)
    deliver(destination, ledger, NOW)
    assert ledger.told("Flag") == {("parked", f"{status}: status {status}: business-rule Flag.status")}
    asked = len(server.asked)
    assert counted(destination, ledger, at(60 * 24 * 30)) == {}
    assert len(server.asked) == asked
    server.fail = lambda *_: None
    correct(ward)
    deliver(destination, ledger, at(3))
    assert {state for state, _ in ledger.told("Flag")} == {"confirmed"}


def test_acceptance_9_a_forbidden_write_is_parked_and_not_tried_piece_by_piece(servers, aim, ward):
    server, ledger = servers(), Ledger(ward.state)
    server.fail = lambda method, _: (403, OUTCOME, {}) if method != "GET" else None
    deliver(aim(server), ledger, NOW)
    assert {one.state for one in ledger.outcomes} == {"parked"}
    assert {one.reason for one in ledger.outcomes} == {"403: status 403: business-rule Flag.status"}
    assert server.writes() == ["POST "]


@pytest.mark.parametrize("offers", STRATEGIES)
def test_acceptance_9_a_conflict_over_our_own_write_is_confirmed(offers, servers, aim, ward):
    server, ledger = servers(offers, transaction=False), Ledger(ward.state)
    server.lose_answers = lambda method, _: method != "GET"
    destination = aim(server)
    deliver(destination, ledger, NOW)
    server.lose_answers = lambda *_: False
    server.fail = for_type("Observation", 409, times=1)
    deliver(destination, ledger, at(1))
    assert {one.state for one in ledger.outcomes} == {"confirmed"}
    assert len(server.current) == len(ward.state.resources("Observation", "Flag", "Provenance"))


@pytest.mark.parametrize(("conflicts", "state"), [(1, "confirmed"), (5, "confirmed"), (6, "pending")])
def test_acceptance_9_a_conflict_is_looked_at_and_tried_five_times_more(conflicts, state, servers, aim, ward):
    server, ledger, pauses = servers(transaction=False), Ledger(ward.state), []
    server.fail = for_type("Flag", 409, times=conflicts)
    deliver(aim(server, pause=pauses.append), ledger, NOW)
    assert {found for found, _ in ledger.told("Flag")} == {state}
    assert pauses == list(range(1, min(conflicts, 5) + 1))


def test_a_pause_after_a_conflict_is_never_exactly_as_long_as_another_ones():
    pauses = [[conflict_pause_s(conflicts) for _ in range(50)] for conflicts in range(1, 6)]
    assert all(len(set(row)) > 1 for row in pauses)
    assert [0.02 * 2**n <= min(row) <= max(row) <= 0.05 * 2**n for n, row in enumerate(pauses, start=1)] == [True] * 5


def test_a_transaction_in_conflict_is_written_one_by_one(servers, aim, ward):
    server, ledger = servers(), Ledger(ward.state)
    server.fail = lambda _, path: (409, OUTCOME, {}) if path == "" else None
    deliver(aim(server), ledger, NOW)
    assert {one.state for one in ledger.outcomes} == {"confirmed"}
    assert [request.split("/")[0] for request in server.writes()] == ["POST "] + ["PUT "] * len(server.current)


@pytest.mark.parametrize("offers", STRATEGIES)
@pytest.mark.parametrize("guards", [True, False])
@pytest.mark.parametrize("transaction", [True, False])
def test_acceptance_10_a_flag_deleted_on_the_target_is_parked_and_never_raised_again(
    offers, guards, transaction, servers, aim, ward
):
    server, ledger = servers(offers, guards=guards, transaction=transaction), Ledger(ward.state)
    destination = aim(server)
    deliver(destination, ledger, NOW)
    deleted = f"Flag/{flag_of(server)['id']}"
    server.delete(deleted)
    correct(ward)
    deliver(destination, ledger, at(3))
    assert ("parked", "410: deleted-on-target") in ledger.told("Flag")
    assert deleted not in server.current
    correct(ward, "<0.03", number=4)
    deliver(destination, ledger, at(5))
    assert deleted not in server.current


def test_a_first_write_to_what_was_deleted_is_parked(servers, aim, ward):
    server, ledger = servers(transaction=False), Ledger(ward.state)
    server.fail = for_type("Flag", 410)
    deliver(aim(server), ledger, NOW)
    assert ledger.told("Flag") == {("parked", "410: deleted-on-target")}


@pytest.mark.parametrize("offers", STRATEGIES)
@pytest.mark.parametrize("guards", [True, False])
@pytest.mark.parametrize("transaction", [True, False])
def test_acceptance_9_a_persons_edit_is_never_overwritten(offers, guards, transaction, servers, aim, ward):
    server, ledger = servers(offers, guards=guards, transaction=transaction), Ledger(ward.state)
    destination = aim(server)
    deliver(destination, ledger, NOW)
    (edited,) = [one for one in server.of_type("Observation") if "valueQuantity" in one]
    place = f"Observation/{edited['id']}"
    server.edited(place, note=[{"text": "Haemolysed, see phone call."}])
    standing = server.current[place]
    correct(ward)
    deliver(destination, ledger, at(3))
    assert ("parked", "foreign-edit") in ledger.told("Observation")
    assert server.current[place] == standing
    others = {one.state for one in ledger.outcomes if one.reason != "foreign-edit"}
    assert others == {"confirmed"}


@pytest.mark.parametrize("guards", [True, False])
def test_a_version_that_moved_without_another_content_is_written_over(guards, servers, aim, ward):
    server, ledger = servers(guards=guards), Ledger(ward.state)
    destination = aim(server)
    deliver(destination, ledger, NOW)
    for reference in list(server.current):
        server.edited(reference, text={"status": "generated", "div": "<div>the server's own</div>"})
    correct(ward)
    deliver(destination, ledger, at(3))
    assert {one.state for one in ledger.outcomes} == {"confirmed"}


@pytest.mark.parametrize("offers", STRATEGIES)
@pytest.mark.parametrize("guards", [True, False])
def test_a_flag_closed_by_a_person_stays_closed_until_the_verdict_changes(offers, guards, servers, aim, ward):
    server, ledger = servers(offers, guards=guards), Ledger(ward.state)
    destination = aim(server)
    deliver(destination, ledger, NOW)
    place = f"Flag/{flag_of(server)['id']}"
    server.edited(place, status="inactive", period={"start": "2025-03-11", "end": "2025-03-12"})
    # The same verdict in other words: another low number of the same sample.
    correct(ward, "<0.02")
    deliver(destination, ledger, at(3))
    assert ledger.told("Flag") == {("confirmed", "closed-on-target")}
    correct(ward, "<0.01", number=4)
    deliver(destination, ledger, at(5))
    assert ledger.told("Flag") == {("confirmed", "closed-on-target")}
    assert server.current[place]["status"] == "inactive"
    assert server.current[place]["meta"]["versionId"] == "2"
    # Another sample, taken apart from the first, confirms it: that is another verdict.
    second = hospital.oru("B1", value="<0.03", filler="F9", collected="20250311120000+0000", sent="20250318080000+0000")
    ward.take(second, now=at(6))
    deliver(destination, ledger, at(7))
    again = server.current[place]
    assert (again["status"], again["code"]["coding"][1]["code"]) == ("active", "confirmed-silent-inactivation")


def test_a_flag_closed_by_a_person_is_withdrawn_when_it_should_never_have_been_raised(servers, aim, ward):
    server, ledger = servers(), Ledger(ward.state)
    destination = aim(server)
    deliver(destination, ledger, NOW)
    place = f"Flag/{flag_of(server)['id']}"
    server.edited(place, status="inactive")
    withdrawn = hospital.oru("A2", value="<0.03", status="W", assigner="1.2.840.99", sent="20250312080000+0000")
    ward.take(withdrawn, now=at(2))
    deliver(destination, ledger, at(3))
    assert server.current[place]["status"] == "entered-in-error"


def doubled(server):
    """Another service of ours has written each Flag and Observation a second time."""
    for reference, one in list(server.current.items()):
        if "identifier" in one and one["resourceType"] != "Provenance":
            server.create(reference.partition("/")[0], one)


@pytest.mark.parametrize("offers", STRATEGIES[1:])
def test_acceptance_9_of_several_matches_one_is_kept_and_the_others_are_withdrawn(offers, servers, aim, ward):
    server, ledger = servers(offers), Ledger(ward.state)
    deliver(aim(server), Forgetful(ward.state), NOW)
    doubled(server)
    deliver(aim(server), ledger, NOW)
    assert {one.state for one in ledger.outcomes} == {"confirmed"}
    assert "several-on-target" in {one.reason for one in ledger.outcomes}
    for output in ward.state.resources("Observation", "Flag").values():
        statuses = sorted(one["status"] for one in server.carrying(output["id"]))
        assert len(statuses) == 2
        assert statuses.count("entered-in-error") == 1


@pytest.mark.parametrize(
    ("headers", "waits_s"),
    [({"Retry-After": "90"}, 90), ({"x-ms-retry-after-ms": "1500", "Retry-After": "90"}, 1.5), ({}, 2)],
)
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("transaction", [True, False])
def test_acceptance_9_a_busy_server_is_left_alone_for_as_long_as_it_asks(
    headers, waits_s, status, transaction, servers, aim, ward
):
    server, ledger = servers(transaction=transaction), Ledger(ward.state)
    server.fail = lambda method, _: (status, None, headers) if method != "GET" else None
    deliver(aim(server), ledger, NOW)
    assert {(one.state, one.retry_at) for one in ledger.outcomes} == {("pending", NOW + timedelta(seconds=waits_s))}
    assert len(server.writes()) == 1


@pytest.mark.parametrize("offers", STRATEGIES)
@pytest.mark.parametrize("status", [500, 502, 0])
def test_acceptance_9_an_unknown_outcome_is_tried_again_and_looked_up_before_a_post(offers, status, servers, aim, ward):
    server, ledger = servers(offers, transaction=False), Ledger(ward.state)
    server.fail = lambda method, _: (status, None, {}) if method != "GET" else None
    destination = aim(server)
    deliver(destination, ledger, NOW)
    assert {one.state for one in ledger.outcomes} == {"pending"}
    server.fail = lambda *_: None
    before = len(server.asked)
    deliver(destination, ledger, at(1))
    assert {one.state for one in ledger.outcomes} == {"confirmed"}
    posts = [n for n, (method, _) in enumerate(server.asked) if n >= before and method == "POST"]
    for n in posts:
        kind = server.asked[n][1]
        assert server.asked[n - 1][0] == "GET"
        assert server.asked[n - 1][1].startswith(f"{kind}?")
    assert bool(posts) == (offers != "update-as-create")


def test_acceptance_9_an_unaccepted_token_waits_and_spends_no_content(servers, aim, ward):
    server, ledger = servers(), Ledger(ward.state)
    server.fail = lambda *_: (401, None, {})
    deliver(aim(server), ledger, NOW)
    assert {one.state for one in ledger.outcomes} == {"pending"}


@pytest.mark.parametrize("offers", STRATEGIES)
@pytest.mark.parametrize("asks", [True, False])
def test_what_answers_with_no_fhir_is_borne_for_a_minute_and_then_parked(offers, asks, servers, aim, ward):
    """Asked for the patient or told to write: a page of a proxy may pass, one that stays is for a person."""
    server, ledger = servers(offers, transaction=False), Ledger(ward.state)
    page = (200, ["not the FHIR server"], {})
    server.fail = lambda method, _: page if asks or method != "GET" else None
    destination = aim(server)
    for attempt in range(FOREIGN_ANSWERS_BORNE):
        ledger.outcomes.clear()
        deliver(destination, ledger, at(10 * attempt))
        assert {one.state for one in ledger.outcomes} == {"pending"}
    deliver(destination, ledger, at(10 * FOREIGN_ANSWERS_BORNE))
    parked = [one for one in ledger.outcomes if one.state == "parked"]
    assert parked
    assert {one.reason for one in parked} == {"status 200: not JSON"}


def test_a_success_with_warnings_is_confirmed_and_its_words_are_kept(servers, aim, ward):
    warning = {**OUTCOME, "issue": [{**OUTCOME["issue"][0], "severity": "warning"}]}
    server, ledger = servers(transaction=False), Ledger(ward.state)
    server.fail = for_type("Flag", 200, warning)
    deliver(aim(server), ledger, NOW)
    assert ledger.told("Flag") == {("confirmed", "business-rule Flag.status")}


def test_one_target_that_is_down_never_delays_another_and_drains_in_order_when_it_returns(servers, aim, corridor):
    targets = tuple(replace(corridor.parts.targets[0], name=name) for name in ("up", "down"))
    ward = corridor.with_parts(targets=targets)
    up, down = servers(), servers(transaction=False)
    down.fail = lambda *_: (0, None, {})
    to_up, to_down = aim(up, name="up"), aim(down, name="down")
    for number, mrn in enumerate(("900001", "900002", "900003")):
        for content in (hospital.patient(mrn), hospital.dose(mrn)):
            ward.take(content, now=at(number))
        ward.take(hospital.oru(f"A{mrn}", mrn=mrn, filler=f"F{mrn}", value="<0.03"), now=at(number))
        deliver(to_down, ward.state, at(number))
        started = time.monotonic()
        deliver(to_up, ward.state, at(number))
        assert time.monotonic() - started < 5
        assert ward.state.outbox_counts("up")["pending"] == 0
    assert ward.state.outbox_counts("down")["confirmed"] == 0
    down.fail = lambda *_: None
    deliver(to_down, ward.state, at(60))
    assert ward.state.outbox_counts("down") == ward.state.outbox_counts("up")
    order = [one["subject"]["reference"] for _, one in down.history if "subject" in one]
    assert order == sorted(order)
    kinds = [one["resourceType"] for _, one in down.history]
    per_patient = [kinds[n : n + len(kinds) // 3] for n in range(0, len(kinds), len(kinds) // 3)]
    ranks = ["Observation", "Flag", "Provenance"]
    assert all(row == sorted(row, key=ranks.index) for row in per_patient)


def test_what_is_owed_again_without_a_change_is_not_written_again(servers, aim, ward):
    server, ledger = servers(), Ledger(ward.state)
    destination = aim(server)
    deliver(destination, ledger, NOW)
    written = len(server.writes())
    ward.state.settle([Outcome(row=one.row, state="pending") for one in ledger.outcomes])
    deliver(destination, ledger, at(1))
    assert {(one.state, one.reason) for one in ledger.outcomes} == {("confirmed", "unchanged")}
    assert len(server.writes()) == written


def test_an_update_whose_answer_was_lost_is_known_as_ours_when_the_content_changes_again(servers, aim, ward):
    server, ledger = servers(transaction=False), Ledger(ward.state)
    destination = aim(server)
    deliver(destination, ledger, NOW)
    correct(ward)
    server.lose_answers = lambda method, _: method != "GET"
    for minute in range(3, 7):
        deliver(destination, ledger, at(minute))
    server.lose_answers = lambda *_: False
    correct(ward, "0.31", number=7)
    deliver(destination, ledger, at(20))
    assert {one.state for one in ledger.outcomes} == {"confirmed"}
    assert [one["valueQuantity"]["value"] for one in server.of_type("Observation") if "valueQuantity" in one] == [0.31]


@pytest.mark.parametrize("offers", STRATEGIES)
def test_of_several_attempts_without_an_answer_any_may_stand_there_and_is_ours(offers, servers, aim, ward):
    server = servers(offers, transaction=False)
    destination = aim(server)
    deliver(destination, ward.state, NOW)
    correct(ward)
    server.lose_answers = lambda method, _: method != "GET"
    deliver(destination, ward.state, at(3))
    server.lose_answers = lambda *_: False
    correct(ward, "0.44", number=4)
    server.fail = lambda method, _: (0, None, {}) if method != "GET" else None
    deliver(destination, ward.state, at(5))
    server.fail = lambda *_: None
    correct(ward, "0.33", number=6)
    for minute in (7, 30, 60):
        deliver(destination, ward.state, at(minute))
    counts = ward.state.outbox_counts("ehr")
    assert (counts["pending"], counts["parked"]) == (0, 0)
    (value,) = {one["valueQuantity"]["value"] for one in server.of_type("Observation") if "valueQuantity" in one}
    assert value == 0.33


@pytest.mark.parametrize("transaction", [True, False])
def test_what_refers_to_a_resource_that_waits_for_its_next_attempt_goes_with_it(transaction, servers, aim, ward):
    server = servers(transaction=transaction)
    server.fail = lambda method, _: (0, None, {}) if method != "GET" else None
    destination = aim(server)
    assert counted(destination, ward.state)["pending"] > 1
    server.fail = lambda *_: None
    later_version = {"meta": {"versionId": "2", "lastUpdated": "2025-03-04T08:00:00Z"}}
    amended = {**hospital.dose()["dosage"], "dose": {"value": 2000, "unit": "IU/m2"}}
    ward.take(hospital.dose() | later_version | {"dosage": amended}, now=NOW + timedelta(milliseconds=100))
    deliver(destination, ward.state, NOW + timedelta(milliseconds=200))
    if transaction:  # the one without an answer may still arrive
        assert server.of_type("Observation") == []
        deliver(destination, ward.state, at(1))
    (interpretation,) = [one for one in server.of_type("Observation") if "derivedFrom" in one]
    (activity,) = [one for one in server.of_type("Observation") if "derivedFrom" not in one]
    assert [one["reference"] for one in interpretation["derivedFrom"]] == [f"Observation/{activity['id']}"]
    assert ward.state.outbox_counts("ehr")["pending"] == 0


def test_one_that_another_service_created_in_the_same_moment_is_looked_at_and_updated(servers, aim, ward):
    server, ledger = servers("conditional-create"), Ledger(ward.state)
    (ours,) = ward.state.resources("Flag").values()

    def beaten(method, path):
        if method == "POST" and path == "/Flag" and not server.of_type("Flag"):
            server.create("Flag", {**ours, "code": {"text": "an older state"}})

    server.fail = beaten
    deliver(aim(server), ledger, NOW)
    assert {one.state for one in ledger.outcomes} == {"confirmed"}
    (flag,) = server.of_type("Flag")
    assert (flag["code"]["text"], flag["meta"]["versionId"]) == (ours["code"]["text"], "2")


def test_an_update_answered_with_404_is_a_deletion_too(servers, aim, ward):
    server, ledger = servers(transaction=False), Ledger(ward.state)
    destination = aim(server)
    deliver(destination, ledger, NOW)
    place = f"/Flag/{flag_of(server)['id']}"
    server.fail = lambda method, path: (404, None, {}) if (method, path) == ("PUT", place) else None
    correct(ward)
    deliver(destination, ledger, at(3))
    assert ("parked", "404: deleted-on-target") in ledger.told("Flag")


@pytest.mark.parametrize("offers", ["conditional-create", "search-first"])
def test_what_a_person_edited_before_we_noted_it_is_left_alone(offers, servers, aim, ward):
    server, ledger = servers(offers), Ledger(ward.state)
    deliver(aim(server), Forgetful(ward.state), NOW)
    place = next(ref for ref, one in server.current.items() if "valueQuantity" in one)
    server.edited(place, note=[{"text": "Haemolysed, see phone call."}])
    deliver(aim(server), ledger, at(1))
    assert ("parked", "foreign-edit") in ledger.told("Observation")
    assert server.current[place]["note"] == [{"text": "Haemolysed, see phone call."}]
