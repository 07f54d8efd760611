"""Each target holds every resource once, however it takes them, and whoever dies or races meanwhile."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import hospital
import pytest
from fhir_server import OFFERS

from adapter.fhir import Canonical
from adapter.pipeline.deliver import deliver
from adapter.store.faults import CannotKeep, StoreBroken
from adapter.transport.fhir_client import FhirClient
from adapter.transport.fhir_failures import Permanent

pytestmark = pytest.mark.loopback

NOW = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
MRN = "900001"
CANONICAL = Canonical(base="https://troughline.example/fhir")
STRATEGIES = tuple(OFFERS)


def correct(ward, value="0.55"):
    """The laboratory corrects its number."""
    corrected = hospital.oru("A2", value=value, status="C", assigner="1.2.840.99", sent="20250312080000+0000")
    ward.take(corrected, now=NOW + timedelta(minutes=1))


def counted(destination, state, now=NOW):
    return {word: number for word, number in deliver(destination, state, now).items() if number}


def no_dangling_reference(server):
    texts = str(list(server.current.values()))
    ours = {f"'{kind}/{one['id']}'" for kind in ("Observation", "Flag") for one in server.of_type(kind)}
    named = {word.rstrip(",}]") for word in texts.split() if word.startswith(("'Observation/", "'Flag/"))}
    assert named, "our resources refer to each other"
    assert named <= ours


@pytest.mark.parametrize("offers", STRATEGIES)
def test_every_strategy_writes_each_resource_once_with_references_to_where_they_stand(offers, servers, aim, ward):
    server = servers(offers)
    owed = len(ward.state.due("ehr", NOW, 50))
    assert counted(aim(server), ward.state) == {"confirmed": owed}
    assert len(server.current) == owed == len(server.history)
    no_dangling_reference(server)
    under_our_id = {one["id"] == one["identifier"][0]["value"] for one in server.of_type("Flag")}
    assert under_our_id == {offers == "update-as-create"}


@pytest.mark.parametrize("offers", STRATEGIES)
def test_every_strategy_updates_what_it_wrote_in_the_version_it_had(offers, servers, aim, ward):
    server = servers(offers)
    destination = aim(server)
    deliver(destination, ward.state, NOW)
    before = set(server.current)
    correct(ward)
    counts = counted(destination, ward.state, NOW + timedelta(minutes=2))
    assert set(counts) == {"confirmed"}
    assert before <= set(server.current)
    versions = {one["meta"]["versionId"] for one in server.of_type("Observation")}
    assert versions == {"2"}
    no_dangling_reference(server)


@pytest.mark.parametrize("transaction", [True, False])
def test_a_transaction_is_used_where_the_server_takes_one(transaction, servers, aim, ward):
    server = servers(transaction=transaction)
    deliver(aim(server), ward.state, NOW)
    if transaction:
        assert server.writes() == ["POST "]
    else:
        assert server.writes() == [f"PUT /{reference}" for reference, _ in server.history]


def test_one_by_one_what_is_referred_to_goes_first(servers, aim, ward):
    server = servers(transaction=False)
    deliver(aim(server), ward.state, NOW)
    kinds = [resource["meta"].get("tag", [{"code": "provenance"}])[0]["code"] for _, resource in server.history]
    assert kinds == sorted(kinds, key=["activity", "interpretation", "flag", "provenance"].index)
    assert set(kinds) == {"activity", "interpretation", "flag", "provenance"}


class ProcessDiedError(Exception):
    """Stands for the end of the process."""


class Dying:
    """A ledger whose process dies after the target has answered and before it could note that."""

    def __init__(self, state):
        self._state = state

    def __getattr__(self, name):
        return getattr(self._state, name)

    def settle(self, _):
        raise ProcessDiedError


@pytest.mark.parametrize("offers", STRATEGIES)
@pytest.mark.parametrize("transaction", [True, False])
def test_acceptance_7_killed_between_the_201_and_the_ledger_there_is_still_one_resource(
    offers, transaction, servers, aim, ward
):
    server = servers(offers, transaction=transaction)
    with pytest.raises(ProcessDiedError):
        deliver(aim(server), Dying(ward.state), NOW)
    standing = set(server.current)
    assert standing
    counts = counted(aim(server), ward.state)
    assert set(counts) == {"confirmed"}
    assert set(server.current) == standing
    for flag in server.of_type("Flag"):
        assert len(server.carrying(flag["identifier"][0]["value"])) == 1


@pytest.mark.parametrize("offers", STRATEGIES)
def test_killed_and_corrected_meanwhile_the_one_resource_is_updated(offers, servers, aim, ward):
    server = servers(offers)
    with pytest.raises(ProcessDiedError):
        deliver(aim(server), Dying(ward.state), NOW)
    correct(ward)
    assert set(counted(aim(server), ward.state, NOW + timedelta(minutes=2))) == {"confirmed"}
    assert {one["status"] for one in server.of_type("Observation")} != {"final"}
    keys = [one["identifier"][0]["value"] for one in (*server.of_type("Observation"), *server.of_type("Flag"))]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("offers", STRATEGIES)
@pytest.mark.parametrize("transaction", [True, False])
def test_killed_after_an_update_and_corrected_meanwhile_it_is_still_known_as_ours(
    offers, transaction, servers, aim, ward
):
    server = servers(offers, transaction=transaction)
    deliver(aim(server), ward.state, NOW)
    correct(ward)
    with pytest.raises(ProcessDiedError):
        deliver(aim(server), Dying(ward.state), NOW + timedelta(minutes=2))
    again = hospital.oru("A3", value="0.44", status="C", assigner="1.2.840.99", sent="20250313080000+0000")
    ward.take(again, now=NOW + timedelta(minutes=3))
    assert set(counted(aim(server), ward.state, NOW + timedelta(minutes=4))) == {"confirmed"}
    assert ward.state.outbox_counts("ehr")["parked"] == 0
    assert {one["valueQuantity"]["value"] for one in server.of_type("Observation") if "valueQuantity" in one} == {0.44}


@pytest.mark.parametrize("offers", STRATEGIES)
def test_an_answer_that_is_lost_leaves_one_resource(offers, servers, aim, ward):
    server = servers(offers, transaction=False)
    server.lose_answers = lambda method, _: method != "GET"
    destination = aim(server)
    assert set(counted(destination, ward.state)) == {"pending"}
    server.lose_answers = lambda *_: False
    for minute in range(1, 4):
        deliver(destination, ward.state, NOW + timedelta(minutes=minute))
    assert ward.state.outbox_counts("ehr")["pending"] == 0
    assert len(server.current) == len(ward.state.resources("Observation", "Flag", "Provenance"))


def race(server, callers):
    """As many clients at once, each creating the same resource unless it is there."""
    body = b'{"resourceType": "Flag", "identifier": [{"system": "urn:k", "value": "k"}]}'
    clients = [FhirClient(server.url) for _ in range(callers)]
    together = threading.Barrier(callers)

    def create(client):
        together.wait(10)
        # One that comes after others finds several of them, and is told so.
        with suppress(Permanent):
            client.post("Flag", body, none_exist=("urn:k", "k"))

    with ThreadPoolExecutor(callers) as pool:
        list(pool.map(create, clients))
    for client in clients:
        client.close()


@pytest.mark.parametrize("offers", STRATEGIES)
def test_acceptance_8_eight_workers_on_a_server_with_a_race_write_each_resource_once(offers, servers, aim, ward):
    server = servers(offers)
    server.race_s = 0.05
    race(server, 8)
    assert len(server.carrying("k")) > 1 or offers == "search-first", "the server does race"
    server.current.clear()
    destination = aim(server)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: deliver(destination, ward.state, NOW), range(8)))
    assert len(server.current) == len(ward.state.resources("Observation", "Flag", "Provenance"))


@pytest.mark.parametrize("offers", STRATEGIES)
def test_several_workers_write_different_patients_at_once_and_each_patient_in_order(offers, servers, aim, corridor):
    for mrn in map(str, range(900001, 900007)):
        corridor.take(hospital.patient(mrn))
        corridor.take(hospital.dose(mrn))
        corridor.take(hospital.oru(f"A{mrn}", mrn=mrn, filler=f"F{mrn}", value="<0.03", assigner="1.2.840.99"))
    server = servers(offers, transaction=False)
    inside, most, gate = [0], [0], threading.Lock()

    def slowly(*_):
        with gate:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        time.sleep(0.01)
        with gate:
            inside[0] -= 1

    server.fail = slowly
    assert set(counted(aim(server, workers=4), corridor.state)) == {"confirmed"}
    assert 1 < most[0] <= 4
    assert (
        len(server.current) == len(server.history) == len(corridor.state.resources("Observation", "Flag", "Provenance"))
    )
    no_dangling_reference(server)
    kinds = {}
    for _, one in server.history:
        if "subject" in one:
            kinds.setdefault(one["subject"]["reference"], []).append(one["meta"]["tag"][0]["code"])
    assert len(kinds) == 6
    assert all(of == sorted(of, key=["activity", "interpretation", "flag"].index) for of in kinds.values())


@pytest.mark.parametrize("workers", [1, 4])
def test_a_ledger_that_cannot_note_ends_the_round_whoever_works(workers, servers, aim, ward):
    server = servers()
    for mrn in map(str, range(900002, 900009)):
        ward.take(hospital.patient(mrn))
        ward.take(hospital.dose(mrn))
        ward.take(hospital.oru(f"A{mrn}", mrn=mrn, filler=f"F{mrn}", value="<0.03", assigner="1.2.840.99"))
    with pytest.raises(ProcessDiedError):
        deliver(aim(server, workers=workers), Dying(ward.state), NOW)
    assert set(counted(aim(server, workers=workers), ward.state, NOW + timedelta(minutes=1))) == {"confirmed"}
    assert len(server.current) == len(ward.state.resources("Observation", "Flag", "Provenance"))


@pytest.mark.parametrize(("offers", "refuses"), [("conditional-update", "PUT"), ("search-first", "PUT")])
def test_a_first_put_that_is_refused_brings_the_strategy_down_for_good(offers, refuses, servers, aim, ward):
    server = servers("update-as-create", transaction=False)
    statement = server.statement()
    for row in statement["rest"][0]["resource"]:
        row |= {"updateCreate": True, "conditionalUpdate": offers == "conditional-update"}
    server.statement = lambda: statement
    server.offers = offers
    assert set(counted(aim(server), ward.state)) == {"confirmed"}
    remembered = ward.state.strategies("ehr")
    assert (remembered["Observation"], remembered["Flag"]) == (offers, offers)
    assert len(server.current) == len(ward.state.resources("Observation", "Flag", "Provenance"))
    first = len(server.asked)
    correct(ward)
    assert set(counted(aim(server), ward.state, NOW + timedelta(minutes=2))) == {"confirmed"}
    refused_again = [path for method, path in server.asked[first:] if method == refuses and "identifier" not in path]
    assert all(path.rpartition("/")[2].isdecimal() for path in refused_again)


def test_a_strategy_a_person_chose_is_never_left(servers, aim, ward):
    server = servers("search-first")
    destination = aim(server, strategy="update-as-create")
    parked, trails = len(ward.state.resources("Observation", "Flag")), len(ward.state.resources("Provenance"))
    assert counted(destination, ward.state) == {"parked": parked, "confirmed": trails}
    assert server.current == {}
    assert ward.state.strategies("ehr") == {}


def test_a_server_that_says_nothing_is_tried_from_the_top_of_the_ladder(servers, aim, ward):
    server = servers("conditional-create", transaction=False)
    server.fail = lambda _, path: (404, None, {}) if path == "/metadata" else None
    assert set(counted(aim(server), ward.state)) == {"confirmed"}
    assert ward.state.strategies("ehr")["Flag"] == "conditional-create"


def test_what_a_server_does_not_take_is_parked_and_its_provenance_stays_with_us(servers, aim, ward):
    server = servers()
    server.takes = ("Observation",)
    counts = counted(aim(server), ward.state)
    assert counts["parked"] == len(ward.state.resources("Flag"))
    assert {reference.partition("/")[0] for reference in server.current} == {"Observation"}
    assert counts["confirmed"] == len(ward.state.resources("Observation", "Provenance"))


@pytest.mark.parametrize("guards", [True, False])
def test_a_resource_that_did_not_change_is_not_written_again(guards, servers, aim, ward):
    server = servers(guards=guards)
    destination = aim(server)
    deliver(destination, ward.state, NOW)
    before = list(server.history)
    correct(ward)
    correct_back = hospital.oru("A3", value="<0.03", assigner="1.2.840.99", sent="20250313080000+0000")
    ward.take(correct_back, now=NOW + timedelta(minutes=2))
    deliver(destination, ward.state, NOW + timedelta(minutes=3))
    assert server.history[: len(before)] == before
    twice = [reference for reference, _ in server.history if reference.startswith("Observation/")]
    activity = next(one for one in server.of_type("Observation") if "valueQuantity" in one)
    assert twice.count(f"Observation/{activity['id']}") <= 2


def test_authorities_keep_the_patients_of_others_from_a_target(servers, aim, ward):
    server = servers()
    other = aim(server, authorities=frozenset({"https://elsewhere.example/mrn"}))
    assert set(counted(other, ward.state)) == {"confirmed"}
    assert server.asked == []
    ward.state.remember_strategy("ehr", "Flag", "search-first")
    assert counted(other, ward.state) == {}


def test_authorities_let_their_own_patients_through(servers, aim, ward):
    server = servers()
    deliver(aim(server, authorities=frozenset({hospital.MRN})), ward.state, NOW)
    assert len(server.current) == len(ward.state.resources("Observation", "Flag", "Provenance"))


def test_nothing_is_owed_to_a_target_of_other_authorities(corridor):
    targets = tuple(
        replace(corridor.parts.targets[0], name=name, authorities=frozenset(systems))
        for name, systems in (("ours", [hospital.MRN]), ("theirs", ["urn:other"]), ("all", []))
    )
    ward = corridor.with_parts(targets=targets)
    for content in (hospital.patient(MRN), hospital.dose(MRN), hospital.oru("A1", value="<0.03")):
        ward.take(content)
    owed = {target.name: sum(ward.state.outbox_counts(target.name).values()) for target in targets}
    everything = len(ward.state.resources("Observation", "Flag", "Provenance"))
    assert owed == {"ours": everything, "theirs": 0, "all": everything}


def test_statuses_are_told_in_the_words_of_the_target(servers, aim, ward):
    server = servers()
    statuses = {"Observation": {"final": "amended"}, "Flag": {"active": "inactive"}}
    deliver(aim(server, status_map=statuses), ward.state, NOW)
    assert {one["status"] for one in server.of_type("Flag")} == {"inactive"}
    assert "final" not in {one["status"] for one in server.of_type("Observation")}
    ours = ward.state.resources("Flag").values()
    assert {one["status"] for one in ours} == {"active"}


def laboratory_copy(ward, **changes):
    """What the laboratory itself has written to the target: no identifier in common."""
    (ours,) = [one for one in ward.state.resources("Observation").values() if "valueQuantity" in one]
    (coding,) = [one for one in ours["code"]["coding"] if one.get("system") != CANONICAL.codes]
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{**coding, "system": "urn:oid:1.2.840.99.7"}]},
        "subject": {"reference": f"Patient/{MRN}"},
        "effectiveDateTime": "2025-03-10T13:00:00+01:00",
        "valueQuantity": {"value": 0.03},
    } | changes


def test_a_result_of_the_same_patient_code_and_time_is_the_same_result(servers, aim, ward):
    server = servers()
    server.create("Observation", laboratory_copy(ward))
    deliver(aim(server, write_raw="if-absent"), ward.state, NOW)
    assert [one["id"] for one in server.of_type("Observation") if "valueQuantity" in one] == ["1"]
    derived = [one["derivedFrom"] for one in server.of_type("Observation") if "derivedFrom" in one]
    assert [[link["reference"] for link in links] for links in derived] == [["Observation/1"]]
    correct(ward)
    deliver(aim(server, write_raw="if-absent"), ward.state, NOW + timedelta(minutes=2))
    assert [one["id"] for one in server.of_type("Observation") if "valueQuantity" in one] == ["1"]
    assert server.current["Observation/1"]["meta"]["versionId"] == "1"


@pytest.mark.parametrize(
    "changes",
    [
        {"effectiveDateTime": "2025-03-10T12:00:01Z"},
        {"effectiveDateTime": "2025-03-10"},
        {"code": {"coding": [{"system": "urn:other", "code": "ASPARAGINE"}]}},
        {"code": {"coding": [{"system": CANONICAL.codes, "code": "asparaginase-activity"}]}},
        {"code": {"text": "Asparaginase activity"}},
        {"subject": {"reference": "Patient/other"}},
    ],
)
def test_a_result_of_another_time_code_or_patient_is_another_result(changes, servers, aim, ward):
    server = servers()
    server.create("Observation", laboratory_copy(ward, **changes))
    deliver(aim(server, write_raw="if-absent"), ward.state, NOW)
    assert len([one for one in server.of_type("Observation") if "valueQuantity" in one]) == 2


@pytest.mark.parametrize("answered", [True, False])
@pytest.mark.parametrize("later", ["if-absent", "never"])
def test_our_copy_that_stands_already_is_followed_whatever_comes_to_stand_beside_it(
    later, answered, servers, aim, ward
):
    server = servers()
    server.lose_answers = lambda method, _: method != "GET" and not answered
    deliver(aim(server, write_raw="if-absent"), ward.state, NOW)
    server.lose_answers = lambda *_: False
    server.create("Observation", laboratory_copy(ward))
    correct(ward)
    deliver(aim(server, write_raw=later), ward.state, NOW + timedelta(minutes=2))
    values = {
        one["id"]: one["valueQuantity"]["value"] for one in server.of_type("Observation") if "valueQuantity" in one
    }
    assert (values.pop("1"), *values.values()) == (0.03, 0.55)


@pytest.mark.parametrize("offers", STRATEGIES)
def test_killed_with_if_absent_our_own_copy_is_not_taken_for_the_laboratorys(offers, servers, aim, ward):
    server = servers(offers)
    with pytest.raises(ProcessDiedError):
        deliver(aim(server, write_raw="if-absent"), Dying(ward.state), NOW)
    deliver(aim(server, write_raw="if-absent"), ward.state, NOW)
    correct(ward)
    deliver(aim(server, write_raw="if-absent"), ward.state, NOW + timedelta(minutes=2))
    values = [one["valueQuantity"]["value"] for one in server.of_type("Observation") if "valueQuantity" in one]
    assert values == [0.55]


@pytest.mark.parametrize("offers", STRATEGIES)
def test_acceptance_16_our_own_output_read_back_from_the_target_is_ignored(offers, servers, aim, ward):
    server = servers(offers)
    deliver(aim(server), ward.state, NOW)
    before = ward.findings()
    kinds = set()
    for resource in list(server.current.values()):
        done = ward.take(resource, now=NOW + timedelta(minutes=1))
        kinds.add(resource["resourceType"])
        for translation in done.translations:
            assert (translation.events, translation.known, translation.parked) == ((), (), None)
            # A Provenance bears no identifier; its type is one nothing is read from.
            told = ["resource-unsupported"] if resource["resourceType"] == "Provenance" else []
            assert [problem.code for problem in translation.problems] == told
    assert kinds == {"Observation", "Flag", "Provenance"}
    assert ward.findings() == before
    assert ward.state.outbox_counts("ehr")["pending"] == 0


def test_a_server_that_says_nothing_of_ids_and_refuses_ours_with_400_is_written_to_otherwise(servers, aim, ward):
    server = servers("conditional-update")
    statement = server.statement()
    for row in statement["rest"][0]["resource"]:
        del row["updateCreate"]
    server.statement = lambda: statement
    ours = {one["id"] for one in ward.state.resources("Observation", "Flag", "Provenance").values()}
    server.fail = lambda method, path: (400, None, {}) if method == "PUT" and path.rpartition("/")[2] in ours else None
    assert set(counted(aim(server), ward.state)) == {"confirmed"}
    assert len(server.current) == len(ours)
    assert ward.state.strategies("ehr")["Flag"] == "conditional-update"


@pytest.mark.parametrize("transaction", [True, False])
@pytest.mark.parametrize("fault", [CannotKeep, StoreBroken])
def test_a_ledger_that_cannot_be_written_is_no_fault_of_a_patient(fault, transaction, servers, aim, ward, monkeypatch):
    def refuses(_):
        raise fault("no space")

    server = servers(transaction=transaction)
    monkeypatch.setattr(ward.state, "remember_sent", refuses)
    with pytest.raises(fault):
        deliver(aim(server), ward.state, NOW)
    assert server.writes() == []
    assert {row.attempts for row in ward.state.due("ehr", NOW, 50)} == {0}
