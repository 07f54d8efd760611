"""The running service takes other mappings and policies between two messages, and no broken ones ever."""

from __future__ import annotations

import json
import os
import signal

import hospital
import pytest
from owned_files import OwnedFiles, reloaded
from running_service import Laboratory, code_of, eventually

from adapter.cli import main

pytestmark = [pytest.mark.loopback, pytest.mark.slow, pytest.mark.timeout(120)]

RENAMED = "ASPNEU^Asparaginase activity new^L"
ROW = ",ASPNEU,L,asparaginase-activity,,renamed by the laboratory"
BROKEN = ",ASPNEU,L,nonsense,,"


@pytest.fixture
def site(tmp_path):
    return OwnedFiles(tmp_path)


@pytest.fixture
def service(site, start):
    return start("--config", str(site.config), store=site.store)


def send(service, control_id, **more):
    with Laboratory(service.mllp) as laboratory:
        return code_of(laboratory.send(hospital.oru(control_id, filler=control_id, **more)))


def levels(service, mrn):
    return service.found("Observation", **{"patient.identifier": f"{hospital.MRN}|{mrn}"})


def read_with(service):
    return service.get("/readyz").json()["read_with"]


def alarms(service, reason):
    told = service.get("/metrics").text
    return f'troughline_alarms_total{{reason="{reason}"}} 1.0' in told


def test_a_renamed_code_is_a_near_miss_until_its_row_is_taken_and_then_a_level(site, service, capsys):
    assert send(service, "N1", mrn="900001", code=RENAMED) == "AA"
    eventually(lambda: 'problem="near-miss"' in service.get("/metrics").text)
    before = read_with(service)["mappings"]
    site.table("activity_tests", ROW)
    eventually(lambda: read_with(service)["folder_differs"])
    assert main(["status", "--store", str(site.store)]) == 0
    assert "FILES DIFFER" in capsys.readouterr().out
    assert main(["reload", "--config", str(site.config)]) == 0
    told = capsys.readouterr().out
    assert "table activity_tests: added ASPNEU\n" in told
    assert "troughline replay" in told
    assert send(service, "N2", mrn="900002", code=RENAMED) == "AA"
    eventually(lambda: levels(service, "900002"))
    assert levels(service, "900001") == []
    after = eventually(lambda: (now := read_with(service))["last_reload"] and now)
    assert after["mappings"]["core"] == after["mappings"]["intake"] != before["core"]
    assert (after["folder_differs"], after["last_reload"]["result"]) == (False, "reloaded")
    assert main(["status", "--store", str(site.store)]) == 0
    assert "FILES DIFFER" not in capsys.readouterr().out


def test_with_a_broken_table_nothing_is_taken_and_a_process_that_dies_comes_back_as_it_was(site, service, capsys):
    site.table("activity_tests", ROW)
    good = reloaded(site.store)["after"]
    site.table("activity_tests", BROKEN)
    assert main(["reload", "--config", str(site.config), "--json"]) == 1
    result = json.loads(capsys.readouterr().out)
    assert (result["before"], result["after"]) == (good, good)
    assert [(fault["file"], fault["line"]) for fault in result["faults"]] == [
        (str(site.tables / "activity_tests.csv"), 2)
    ]
    assert alarms(service, "reload-failed")
    for room in ("core", "intake"):
        killed = service.pids[room]
        os.kill(killed, signal.SIGKILL)
        eventually(lambda room=room, killed=killed: service.pids.get(room) not in (None, killed))
    eventually(lambda: ready(service) and read_with(service))
    assert send(service, "N3", mrn="900003", code=RENAMED) == "AA"
    eventually(lambda: levels(service, "900003"))
    now = read_with(service)
    assert (now["mappings"], now["folder_differs"]) == (dict.fromkeys(("core", "intake"), good["mappings"]), True)
    assert main(["status", "--store", str(site.store)]) == 0
    told = capsys.readouterr().out
    assert "LAST RELOAD FAILED" in told
    assert "restarts of processes: core 1, intake 1" in told
    assert json.loads((site.store / "running.json").read_text())["pids"]["core"] == service.pids["core"]


def ready(service):
    try:
        return service.get("/readyz").json()["ok"]
    except OSError:
        return False


def test_sighup_does_the_same_and_may_reach_all_processes(site, service):
    site.table("activity_tests", ROW)
    for pid in service.pids.values():
        os.kill(pid, signal.SIGHUP)
    eventually(lambda: (read_with(service)["last_reload"] or {}).get("result") == "reloaded")
    assert send(service, "N4", mrn="900004", code=RENAMED) == "AA"
    eventually(lambda: levels(service, "900004"))
    (line,) = [json.loads(file.read_text()) for file in (site.store / "reloads").iterdir()]
    assert (line["by"], line["result"], line["changes"]) == (
        "SIGHUP",
        "reloaded",
        ["table activity_tests: added ASPNEU"],
    )
    assert [line["event"] for line in service.logged()] == ["reloaded"]


def test_settings_that_need_a_restart_are_told_and_not_taken(site, service):
    site.configure("mllp: [{name: default, host: 127.0.0.1, port: 0, max_connections: 1}]", "archive_days: 5")
    result = reloaded(site.store)
    assert (result["result"], result["needs_restart"]) == ("unchanged", ["mllp", "archive_days"])
    with Laboratory(service.mllp) as one, Laboratory(service.mllp) as other:
        assert [code_of(lab.send(hospital.everyday("E"))) for lab in (one, other)] == ["AA", "AA"]


def policies_of(service, mrn):
    """The policies the results of a patient were judged by."""
    told = service.found("Provenance", **{"patient.identifier": f"{hospital.MRN}|{mrn}"})
    entities = [entity["what"] for one in told for entity in one["entity"]]
    return {what["identifier"]["value"] for what in entities if what.get("display", "").startswith("Policy ")}


def treat(service, mrn):
    """A dose of pegaspargase and a level a week later."""
    service.post(hospital.patient(mrn))
    service.post(hospital.dose(mrn))
    send(service, f"L{mrn}", mrn=mrn)
    eventually(lambda: policies_of(service, mrn))


def test_other_policies_judge_what_comes_and_leave_what_was_judged(site, service):
    treat(service, "900005")
    site.configure("mllp: [{name: default, host: 127.0.0.1, port: 0}]", "policies: [COLO]")
    result = reloaded(site.store)
    assert result["changes"] == ["pegaspargase is read by COLO, before by CONS16"]
    assert (result["result"], result["needs_restart"]) == ("reloaded", [])
    assert result["before"]["mappings"] == result["after"]["mappings"]
    treat(service, "900006")
    assert policies_of(service, "900006") == {"COLO@1"}
    assert policies_of(service, "900005") == {"CONS16@1"}
