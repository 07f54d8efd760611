"""What a running service does for those who send to it and read from it."""

from __future__ import annotations

import asyncio
import json

import hospital
import pytest
from hl7.client import MLLPClient
from running_service import Laboratory, address, code_of, eventually

from adapter.transport.mllp_client import MllpClient

pytestmark = [pytest.mark.loopback, pytest.mark.slow]


def of(mrn):
    return {"patient.identifier": f"{hospital.MRN}|{mrn}"}


def test_it_starts_with_flags_alone_and_says_where_it_listens(running):
    assert running.ready.keys() == {"http", "mllp", "listeners", "pids"}
    assert running.ready["listeners"] == {"default": running.ready["mllp"]}
    assert running.ready["pids"] == running.pids
    assert all(address(running.ready[door])[1] > 0 for door in ("http", "mllp"))


def test_python_hl7_gets_its_answer_and_the_result_is_visible(running):
    running.post(hospital.patient("910001"))
    assert running.post(hospital.dose("910001")).status_code in {200, 202}
    with MLLPClient(*running.mllp) as client:
        answer = client.send_message(hospital.oru("A1", mrn="910001", filler="FA1", value="<0.03"))
    assert code_of(answer) == "AA"
    assert b"MSA|AA|A1\r" in answer
    eventually(lambda: active_flags(running, "910001") == [["inactivation", "suspected-silent-inactivation"]])


def active_flags(service, mrn):
    """Topic and finding of what is raised now; a level read before its dose has raised and closed others."""
    found = service.found("Flag", **of(mrn), status="active")
    return [[coding["code"] for coding in flag["code"]["coding"]] for flag in found]


def test_our_own_client_gets_an_answer_on_a_connection_that_stays_open(running):
    async def send():
        async with MllpClient() as client:
            await client.connect(*running.mllp)
            return [await client.send(hospital.oru(f"B{n}", mrn="910002", filler=f"FB{n}")) for n in range(3)]

    assert [code_of(answer) for answer in asyncio.run(send())] == ["AA"] * 3


def test_a_message_that_cannot_be_used_is_answered_with_its_place(running):
    with Laboratory(running.mllp) as laboratory:
        answer = laboratory.send(hospital.oru("C1", mrn="910003", filler="FC1", unit=""))
        assert code_of(answer) == "AE"
        assert b"|OBX^1^6|101^" in answer
        assert code_of(laboratory.send(hospital.everyday("C2"))) == "AA"


def test_hl7_over_http_gets_the_same_answer(running):
    def send(message):
        headers = {"Content-Type": "application/hl7-v2+er7"}
        return running.session.post(f"{running.http}/hl7", data=message, headers=headers, timeout=20)

    accepted = send(hospital.oru("D1", mrn="910004", filler="FD1"))
    assert (accepted.status_code, code_of(accepted.content)) == (200, "AA")
    assert code_of(send(hospital.oru("D2", mrn="910004", filler="FD2", unit="")).content) == "AE"
    eventually(lambda: running.found("Observation", **of("910004")))


def test_a_resource_that_breaks_its_definition_is_answered_with_the_expression(running):
    broken = hospital.dose("910005") | {"status": "finished-somehow"}
    answer = running.post(broken)
    assert answer.status_code == 422
    assert [issue["expression"] for issue in answer.json()["issue"]] == [["MedicationAdministration.status"]]


def test_a_dose_of_an_unknown_patient_is_kept_and_goes_on_when_the_patient_comes(running):
    assert running.post(hospital.dose("910006")).status_code == 202
    assert running.post(hospital.patient("910006")).status_code == 200
    with Laboratory(running.mllp) as laboratory:
        laboratory.send(hospital.oru("E1", mrn="910006", filler="FE1"))
    interpretation = {"code": "asparaginase-activity-interpretation"}

    def mechanisms():
        found = running.found("Observation", **of("910006"), **interpretation)
        return [
            one["valueCodeableConcept"]["coding"][0]["code"] for one in found if one["status"] != "entered-in-error"
        ]

    eventually(lambda: mechanisms() == ["no-evidence-of-inactivation"])


def test_a_patient_who_seems_another_person_and_his_dose_are_told_to_wait(running):
    known = {**hospital.patient("910077"), "name": [{"family": "Zztest"}], "birthDate": "2018-05-04"}
    assert running.post(known).status_code == 200
    assert running.post(hospital.dose("910077")).status_code == 200
    eventually(lambda: running.found("Observation", **of("910077")))
    other = {**known, "id": "p910077x", "name": [{"family": "Zzother"}], "birthDate": "2011-09-30"}
    answer = running.post(other)
    assert (answer.status_code, _told(answer.json())) == (202, ["possible-wrong-patient"])
    his = {**hospital.dose("910077"), "id": "dose-910077x", "subject": {"reference": "Patient/p910077x"}}
    answer = running.post(his)
    assert (answer.status_code, _told(answer.json())) == (202, ["unknown-patient"])


def _told(outcome):
    return [issue["details"]["text"] for issue in outcome["issue"]]


def test_each_entry_of_a_bundle_is_answered(running):
    entries = [hospital.patient("910007"), hospital.dose("910007"), hospital.dose("910007") | {"status": "so-so"}]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in entries]}
    answer = running.post(bundle)
    assert [entry["response"]["status"] for entry in answer.json()["entry"]] == ["200", "200", "422"]


def test_a_body_that_is_no_json_is_refused(running):
    answer = running.post(b"{")
    assert answer.status_code == 400
    assert answer.json()["resourceType"] == "OperationOutcome"


def test_results_are_searched_by_patient_code_status_time_and_count(running):
    def ids(resource_type, **params):
        return [one["id"] for one in running.found(resource_type, **params)]

    running.post(hospital.patient("910008"))
    running.post(hospital.dose("910008"))
    eventually(lambda: len(running.found("Observation", **of("910008"))) == 1)
    with Laboratory(running.mllp) as laboratory:
        laboratory.send(hospital.oru("G1", mrn="910008", filler="FG1"))
    eventually(lambda: len(running.found("Observation", **of("910008"))) == 2)
    mine = running.found("Observation", **of("910008"))
    level = next(one for one in mine if "valueQuantity" in one)
    assert ids("Observation", **of("910008"), code="asparaginase-activity") == [level["id"]]
    assert ids("Observation", **of("910008"), status="final") == [level["id"]]
    assert len(ids("Observation", **of("910008"), status="final,preliminary")) == 2
    assert running.found("Observation", **of("910008"), status="entered-in-error") == []
    assert len(running.found("Observation", **of("910008"), _lastUpdated="gt2020-01-01")) == 2
    assert running.found("Observation", **of("910008"), _lastUpdated="lt2020-01-01") == []
    identifier = level["identifier"][0]
    assert ids("Observation", identifier=f"{identifier['system']}|{identifier['value']}") == [level["id"]]
    page = running.get("/fhir/Observation", **of("910008"), _count="1").json()
    assert (page["total"], len(page["entry"]), page["link"][1]["relation"]) == (2, 1, "next")
    assert running.get(f"/fhir/Observation/{level['id']}").json() == level
    assert running.get("/fhir/Observation/none").status_code == 404


def test_the_health_of_the_service_can_be_asked(running):
    assert running.get("/healthz").text == "ok\n"
    read_with = eventually(lambda: running.get("/readyz").json()["read_with"])
    ready = running.get("/readyz")
    told = {**ready.json(), "read_with": None}
    assert (ready.status_code, told) == (
        200,
        {"ok": True, "store": True, "engine": True, "intake": True, "read_with": None},
    )
    assert list(read_with) == ["mappings", "policies", "folder_differs", "needs_restart", "last_reload"]
    assert [len(set(read_with[kind].values())) for kind in ("mappings", "policies")] == [1, 1]
    assert (read_with["needs_restart"], read_with["last_reload"]) == ([], None)


def test_the_counters_of_all_processes_are_in_one_place(running):
    with Laboratory(running.mllp) as laboratory:
        laboratory.send(hospital.oru("H1", mrn="910009", filler="FH1", unit=""))
        laboratory.send(hospital.everyday("H2"))
    counted_by_intake = (
        'troughline_acks_total{code="AE",listener="default"}',
        'troughline_messages_received_total{listener="default",relevance="irrelevant"}',
    )
    counted_by_core = (
        'troughline_events_total{event="ActivityMeasured"}',
        'troughline_problems_total{problem="unit-missing"}',
    )
    for figure in (*counted_by_intake, *counted_by_core):
        eventually(lambda figure=figure: figure in running.get("/metrics").text)


def test_what_is_in_the_store_can_be_read_by_its_owner_only(running):
    running.get("/metrics")
    modes = {path.relative_to(running.store).as_posix(): oct(path.stat().st_mode & 0o777) for path in paths(running)}
    assert {name: mode for name, mode in modes.items() if mode not in ("0o600", "0o700")} == {}
    assert (modes["."], modes["inbox.db"], modes["state.db"]) == ("0o700", "0o600", "0o600")


def paths(service):
    return [service.store, *service.store.rglob("*")]


def test_the_log_is_json_that_says_which_process_speaks(running):
    with Laboratory(running.mllp) as laboratory:
        laboratory.write(b"GET / HTTP/1.1\r\n\r\n")
    seen = eventually(lambda: [line for line in running.logged() if line["event"] == "not-mllp"])
    assert (seen[0]["process"], seen[0]["level"]) == ("intake", "info")
    assert all(isinstance(json.loads(line), dict) for line in running.log.read_text().splitlines())
