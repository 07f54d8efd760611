"""The real service polls a real server: doses are there when a level is read, and a restart goes on."""

from __future__ import annotations

import json
import os
import signal
import threading

import pytest
from hospital import MRN, oru
from records_server import RecordsServer, dose, page_number, patient
from running_service import Laboratory, alive, code_of, command, eventually, refused

from adapter.cli import main
from adapter.store.sqlite_inbox import SqliteInboxReader

pytestmark = [pytest.mark.loopback, pytest.mark.slow, pytest.mark.timeout(90)]
ME = {"patient.identifier": f"{MRN}|900001"}


@pytest.fixture
def records():
    server = RecordsServer()
    server.commit(patient())
    yield server
    server.close()


@pytest.fixture
def site(tmp_path, records):
    def write(**poll):
        settings = {"url": records.url, **poll}
        file = tmp_path / "site.yaml"
        file.write_text(json.dumps({"sources": [{"name": "default", "poll": settings}]}))
        return file

    return write


def level(service, control_id="L1", **more):
    with Laboratory(service.mllp) as laboratory:
        return code_of(laboratory.send(oru(control_id, collected="20250527120000+0000", sent="20250528080000", **more)))


def verdicts(service):
    found = service.found("Observation", **ME)
    return sorted(code["code"] for one in found for code in one.get("valueCodeableConcept", {}).get("coding", ()))


def kept(service):
    """How many messages the inbox of core holds."""
    text = service.get("/metrics").text
    rows = [line for line in text.splitlines() if line.startswith("troughline_polled_resources_total{")]
    return {row.partition('state="')[2].partition('"')[0]: float(row.rpartition(" ")[2]) for row in rows}


def test_a_polled_dose_is_there_for_its_level_and_a_restart_keeps_nothing_twice(start, site, records, capsys):
    records.commit(dose(1))
    config = site(every_s=1)
    service = start("--config", str(config))
    eventually(lambda: kept(service).get("kept") == 1)
    assert level(service) == "AA"
    eventually(lambda: "no-evidence-of-inactivation" in verdicts(service))

    records.commit(dose(2, effectiveDateTime="2025-05-27T13:00:00Z"))
    eventually(lambda: kept(service).get("kept") == 2)
    # Answers of a server that is away in between change nothing, and it is polled again when it is back.
    records.script = lambda _: (503, {}, {})
    eventually(lambda: [line for line in service.logged() if line["event"] == "poll-failed"])
    records.script = lambda _: None
    eventually(lambda: [line for line in service.logged() if line["event"] == "poll-works-again"])

    capsys.readouterr()
    assert main(["status", "--store", str(service.store), "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["polls"]
    assert told["source"] == "default"
    main(["status", "--store", str(service.store)])
    assert "source default: last polled whole " in capsys.readouterr().out

    assert service.stop() == 0
    again = start("--config", str(config))
    records.commit(dose(3))
    eventually(lambda: kept(again).get("kept") == 1)
    assert kept(again)["known"] >= 2


def test_a_level_has_its_patient_asked_for_at_once_also_where_nobody_has_told_of_him(start, site, records):
    records.commit(dose(1))
    service = start("--config", str(site(mode="per-patient", every_s=3600)))
    eventually(lambda: "troughline_polls_total" in service.get("/metrics").text)
    assert records.times_asked("MedicationAdministration") == 0
    assert level(service) == "AA"
    eventually(lambda: "no-evidence-of-inactivation" in verdicts(service))
    assert records.times_asked("MedicationAdministration?patient=p1&effective-time=ge") == 1


def test_a_patient_a_pushed_dose_names_is_read(start, site):
    service = start("--config", str(site(mode="per-patient", every_s=3600)))
    pushed = {**dose(1), "meta": {"versionId": "1"}}
    assert service.post(pushed).status_code < 500
    eventually(lambda: service.get("/metrics").text.count('troughline_events_total{event="AsparaginaseAdministered"}'))
    assert level(service) == "AA"
    eventually(lambda: "no-evidence-of-inactivation" in verdicts(service))


def test_a_secret_that_is_not_there_keeps_the_service_from_starting(tmp_path, site):
    config = site(auth={"kind": "bearer", "secret_environment": "NOBODY_SET_THIS"})
    code, told = refused([*command(tmp_path / "store"), "--config", str(config)])
    assert code == 2
    assert "The source default cannot be polled: its secret is empty" in told
    assert "Traceback" not in told


@pytest.mark.faults
def test_a_core_that_is_killed_between_two_pages_polls_again_and_keeps_nothing_twice(start, site, records):
    for number in range(1, 7):
        records.commit(dose(number))
    killed: list[int] = []
    announced = threading.Event()

    def script(target):
        if page_number(target) < 3 or killed:
            return None
        announced.wait(30)
        killed.append(service.pids["core"])
        os.kill(killed[0], signal.SIGKILL)
        return 503, {}, {}

    records.script = script
    service = start("--config", str(site(page_size=2, every_s=1)))
    announced.set()
    eventually(lambda: killed and not alive(killed[0]))
    inbox = SqliteInboxReader(service.store / "inbox-core.db", "inbox-core")
    eventually(lambda: len(_doses(inbox)) == 6)
    assert sorted(_doses(inbox)) == [f"d{number}" for number in range(1, 7)]
    inbox.close()
    assert level(service) == "AA"
    eventually(lambda: "no-evidence-of-inactivation" in verdicts(service))


def _doses(inbox):
    """The ids of all doses kept, however often."""
    kept = [stored.arrival for stored in inbox.after(0, 1000)]
    return [json.loads(one.raw)["id"] for one in kept if one.message_type == "MedicationAdministration"]
