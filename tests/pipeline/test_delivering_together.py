"""Several patients share searches and commits of a delivery, and nobody is worse off for it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import hospital
import pytest

from adapter.fhir import Canonical, loads
from adapter.pipeline import deliver as delivering
from adapter.pipeline import finding
from adapter.pipeline.deliver import deliver
from adapter.pipeline.destination import Destination
from adapter.store.faults import CannotKeep
from adapter.transport.fhir_client import Ambiguous, EntryResult, PatientMatch, Permanent, TransactionResult, Transient

NOW = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
NUMBERS = [f"90000{number}" for number in range(1, 7)]


class Clock:
    """Goes on only when something takes time."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Ledger:
    """The ledger, with everything that was written to it, and a moment at which it cannot."""

    def __init__(self, state, told):
        self._state = state
        self._told = told
        self.refuses = None

    def __getattr__(self, name):
        return getattr(self._state, name)

    def remember_sent(self, rows):
        if self.refuses:
            self.refuses(rows)
        self._told.append(("noted", {row.patient[-1] for row in rows}))
        self._state.remember_sent(rows)

    def settle(self, outcomes):
        self._told.append(("settled", {outcome.row.patient[-1] for outcome in outcomes}))
        self._state.settle(outcomes)


class Ward:
    """A server that takes everything, and takes its time for a search and for a transaction."""

    def __init__(self, told, clock):
        self.patients = {number: PatientMatch(reference=f"Patient/{number}") for number in NUMBERS}
        self.told = told
        self.clock = clock
        self.takes_s = {"search": 0.0, "transaction": 0.0}
        self.searched = []
        self.alone = []
        self.fails = None

    def capabilities(self):
        return {"resourceType": "CapabilityStatement"}

    def find_patients(self, identifiers):
        self.clock.now += self.takes_s["search"]
        self.searched.append([value for _, value in identifiers])
        if self.fails:
            raise self.fails
        found = {one: self.patients[one[1]] for one in identifiers}
        return {one: match for one, match in found.items() if match.reference}

    def find_patient(self, system, value):
        assert system == hospital.MRN
        self.clock.now += self.takes_s["search"]
        self.alone.append(value[-1])
        return self.patients[value]

    def transaction(self, bundle):
        self.clock.now += self.takes_s["transaction"]
        bodies = [entry["resource"] for entry in json.loads(bundle)["entry"]]
        (subject,) = {body["subject"]["reference"] for body in bodies if "subject" in body}
        self.told.append(("sent", subject[-1]))
        return TransactionResult(entries=tuple(EntryResult(status=201, version="1") for _ in bodies))


@pytest.fixture
def told():
    return []


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(delivering, "monotonic", made)
    monkeypatch.setattr(finding, "monotonic", made)
    return made


@pytest.fixture
def ledger(corridor, told):
    for number in NUMBERS:
        corridor.take(hospital.oru(f"A{number}", mrn=number, filler=f"F{number}"))
    return Ledger(corridor.state, told)


@pytest.fixture
def ward(told, clock):
    return Ward(told, clock)


def aimed(ward, *, at_a_time=1, **more):
    made = Destination(
        name="ehr", base_url="http://ehr/fhir", server=ward, canonical=Canonical(), write_raw="always", **more
    )
    made.known.at_a_time = at_a_time
    return made


def counted(destination, ledger, now=NOW):
    return {word: number for word, number in deliver(destination, ledger, now).items() if number}


def commits(told):
    return [(what, "".join(sorted(who))) for what, who in told if what != "sent"]


def test_a_server_that_answers_at_once_soon_gets_several_for_two_commits(ward, ledger, told):
    assert counted(aimed(ward), ledger).keys() == {"confirmed"}
    assert commits(told) == [("noted", "1"), ("settled", "1"), *[(what, "2345") for what in ("noted", "settled")]] + [
        (what, "6") for what in ("noted", "settled")
    ]
    assert ward.searched == [NUMBERS]
    assert ward.alone == []


def test_everything_is_noted_before_it_goes(ward, ledger, told):
    deliver(aimed(ward, at_a_time=16), ledger, NOW)
    noted = set()
    for what, who in told:
        if what == "noted":
            noted |= who
        elif what == "sent":
            assert who in noted
    assert [who for what, who in told if what == "sent"] == list("123456")


def test_a_server_that_takes_its_time_gets_one_after_another(ward, ledger, told):
    ward.takes_s["transaction"] = 0.2
    deliver(aimed(ward), ledger, NOW)
    assert commits(told) == [(what, number) for number in "123456" for what in ("noted", "settled")]


def test_who_is_slowly_made_ready_does_not_keep_the_others_waiting(ward, ledger, told):
    ward.takes_s["search"] = 0.03
    ward.fails = Permanent(400, "one value only")
    deliver(aimed(ward, at_a_time=16), ledger, NOW)
    assert commits(told) == [(what, number) for number in "123456" for what in ("noted", "settled")]


def test_a_confirmation_does_not_wait_long_for_others(ward, ledger, told):
    ward.takes_s["transaction"] = 0.06
    deliver(aimed(ward, at_a_time=16), ledger, NOW)
    assert commits(told) == [("noted", "123456"), ("settled", "1234"), ("settled", "56")]


def test_those_a_slow_answer_keeps_waiting_are_looked_up_again(ward, ledger, told):
    ward.takes_s["transaction"] = 1.1
    counts = counted(aimed(ward, at_a_time=16), ledger)
    assert counts.keys() == {"confirmed"}
    assert [who for what, who in told if what == "sent"] == list("123456")
    assert ward.alone == list("23456")


def test_a_fault_of_ours_is_counted_once_however_slow_the_others_are(ward, ledger, monkeypatch):
    readied = delivering.made_ready

    def refuses(rows, *more):
        if rows[0].patient.endswith("3"):
            raise TypeError("a fault of ours")
        return readied(rows, *more)

    monkeypatch.setattr(delivering, "made_ready", refuses)
    ward.takes_s["transaction"] = 1.1
    assert counted(aimed(ward, at_a_time=16), ledger)["failed"] == 1


def test_a_note_that_fails_for_one_fails_for_nobody_else(ward, ledger):
    def refuses(rows):
        if any(row.patient.endswith("3") for row in rows):
            raise TypeError("a fault of ours")

    ledger.refuses = refuses
    counts = counted(aimed(ward, at_a_time=16), ledger)
    assert counts["failed"] == 1
    assert {row.patient[-1] for row in ledger.due("ehr", NOW + timedelta(days=1), 50)} == {"3"}


def test_nothing_goes_that_cannot_be_noted(ward, ledger, told):
    def refuses(_):
        raise CannotKeep("full")

    ledger.refuses = refuses
    with pytest.raises(CannotKeep):
        deliver(aimed(ward, at_a_time=16), ledger, NOW)
    assert told == []


def test_what_refers_to_another_patients_resource_waits_until_that_is_settled(ward, ledger, told, monkeypatch):
    about_two = next(row for row in ledger.due("ehr", NOW, 50) if row.patient.endswith("2"))
    reference = f"{about_two.resource_type}/{about_two.id}"
    referred = delivering.referred_to

    def also(rows):
        return referred(rows) | ({reference} if rows[0].patient.endswith("4") else set())

    monkeypatch.setattr(delivering, "referred_to", also)
    deliver(aimed(ward, at_a_time=16), ledger, NOW)
    assert commits(told)[:2] == [("noted", "123"), ("settled", "123")]
    assert [who for what, who in told if what == "sent"] == list("123456")


def test_threads_share_the_patients_between_them(ward, ledger, told):
    assert counted(aimed(ward, workers=3, at_a_time=16), ledger).keys() == {"confirmed"}
    assert sorted(who for what, who in told if what == "sent") == list("123456")
    assert all(len(who) <= 2 for what, who in told if what != "sent")


def test_whoever_a_search_for_several_does_not_tell_is_asked_for_alone(ward, ledger):
    ward.patients[NUMBERS[1]] = PatientMatch(ambiguous=True)
    ward.patients[NUMBERS[3]] = PatientMatch()
    counts = counted(aimed(ward), ledger)
    assert counts.keys() == {"confirmed", "parked", "pending"}
    assert ward.alone == ["2", "4"]


@pytest.mark.parametrize(("failure", "again"), [(Permanent(400, "no"), False), (Transient("busy"), True)])
def test_a_server_that_takes_no_search_for_several_is_asked_for_each(ward, ledger, failure, again):
    ward.fails = failure
    destination = aimed(ward)
    assert counted(destination, ledger).keys() == {"confirmed"}
    assert ward.alone == list("123456")
    assert ward.searched == [NUMBERS]
    assert destination.known.finds_several is again


def asked(destination, times):
    """So many rounds in which the first patient is asked for."""
    for _ in range(times):
        patients = finding.PatientsFound(destination, [f"{hospital.MRN}|{number}" for number in NUMBERS])
        patients.match((hospital.MRN, NUMBERS[0]))


def test_a_server_that_never_answers_a_search_for_several_is_asked_for_each_before_long(ward):
    destination = aimed(ward)
    ward.fails = Transient("no answer")
    asked(destination, 2)
    ward.fails = None
    asked(destination, 1)
    ward.fails = Transient("no answer")
    asked(destination, 2)
    assert destination.known.finds_several
    asked(destination, 1)
    assert not destination.known.finds_several


def test_a_server_that_answers_nobody_at_all_is_not_taken_for_one(ward, monkeypatch):
    destination = aimed(ward)
    ward.fails = Transient("away")

    def away(*_):
        raise Transient("away")

    monkeypatch.setattr(ward, "find_patient", away)
    for _ in range(4):
        with pytest.raises(Transient):
            asked(destination, 1)
    assert destination.known.finds_several


def test_it_is_tried_again_when_the_server_is_asked_what_it_can(ward):
    destination = aimed(ward)
    destination.known.finds_several = False
    for hours in (0, 1):
        assert not destination.known.finds_several
        destination.known.of(ward, NOW + timedelta(hours=hours))
    assert destination.known.finds_several


def test_what_was_found_a_while_ago_is_asked_for_again(ward, ledger):
    ward.takes_s["transaction"] = 0.6
    deliver(aimed(ward), ledger, NOW)
    assert ward.searched == [NUMBERS]
    assert ward.alone == ["3", "4", "5", "6"]


def test_a_target_is_not_asked_for_numbers_of_other_authorities(ward, ledger):
    deliver(aimed(ward, authorities=frozenset({"urn:elsewhere"})), ledger, NOW)
    assert ward.searched == []
    assert ward.alone == []


def test_an_address_does_not_grow_without_end(ward, ledger, monkeypatch):
    monkeypatch.setattr(finding, "LONGEST_TOGETHER", 2 * len(hospital.MRN + NUMBERS[0]) + 1)
    deliver(aimed(ward), ledger, NOW)
    assert ward.searched == [NUMBERS[:2], NUMBERS[2:4], NUMBERS[4:]]


def test_a_patient_out_of_turn_is_asked_for_alone(ward):
    patients = finding.PatientsFound(aimed(ward), [f"{hospital.MRN}|{number}" for number in NUMBERS])
    assert patients.match((hospital.MRN, NUMBERS[4])).reference == f"Patient/{NUMBERS[4]}"
    assert patients.match((hospital.MRN, NUMBERS[0])).reference == f"Patient/{NUMBERS[0]}"
    assert (ward.searched, ward.alone) == ([NUMBERS[4:]], ["1"])


def test_the_last_one_is_asked_for_alone(ward):
    ward.fails = Ambiguous("never asked")
    patients = finding.PatientsFound(aimed(ward), [f"{hospital.MRN}|{NUMBERS[0]}"])
    assert patients.match((hospital.MRN, NUMBERS[0])).reference == f"Patient/{NUMBERS[0]}"
    assert ward.searched == []


class Unguarded(Ward):
    """A server that guards no versions, and tells what is looked at."""

    def read(self, resource_type, resource_id):
        self.told.append(("read", {"?"}))
        return self.standing[f"{resource_type}/{resource_id}"]

    def transaction(self, bundle):
        for entry in loads(bundle)["entry"]:
            self.standing[entry["request"]["url"]] = {**entry["resource"], "meta": {"versionId": "1"}}
        return super().transaction(bundle)


def test_what_a_server_does_not_guard_is_looked_at_just_before_it_goes(corridor, ledger, told, clock):
    ward = Unguarded(told, clock)
    ward.standing = {}
    destination = aimed(ward, at_a_time=16)
    deliver(destination, ledger, NOW)
    for number in NUMBERS[:2]:
        sent = "20250312080000+0000"
        corrected = hospital.oru(f"B{number}", mrn=number, filler=f"F{number}", value="0.55", status="C", sent=sent)
        corridor.take(corrected, now=NOW + timedelta(minutes=1))
    told.clear()
    assert counted(destination, ledger, NOW + timedelta(minutes=2)).keys() == {"confirmed"}
    order = [what for what, _ in told]
    first = order.index("sent")
    assert set(order[:first]) == {"read", "noted"}
    assert "read" in order[first:]
    assert order[-1] == "settled"
    assert order[:first].count("noted") == order[first + 1 : -1].count("noted") == 1
