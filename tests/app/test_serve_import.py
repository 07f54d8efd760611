"""`troughline import` beside the running service: it keeps, understands, and writes once what is new."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing

import hospital
import pytest
from fhir_server import FhirServer
from running_service import DEMO, eventually

from adapter.store.sqlite_inbox import SqliteInboxReader
from adapter.store.state_reader import SqliteStateReader

pytestmark = [pytest.mark.slow, pytest.mark.loopback]


def run(store, *words):
    program = [
        sys.executable,
        "-m",
        "adapter",
        "import",
        *map(str, words),
        "--store",
        store,
        "--mappings",
        DEMO,
        "--json",
    ]
    done = subprocess.run(program, capture_output=True, text=True, timeout=100, check=False)
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


def written(folder, name, *resources):
    path = folder / name
    path.write_bytes(b"".join(json.dumps(resource).encode() + b"\n" for resource in resources))
    return path


def test_history_beside_the_service_gives_the_findings_of_pushes_and_goes_out_once(start, tmp_path):
    mrns = [str(900000 + number) for number in range(12)]
    doses = [
        hospital.dose(mrn, number, day=day) for mrn in mrns for number, day in ((1, "2025-03-03"), (2, "2025-03-17"))
    ]
    files = (
        written(tmp_path, "MedicationAdministration.ndjson", *doses),
        written(tmp_path, "AllergyIntolerance.ndjson", *map(hospital.reaction, mrns)),
        written(tmp_path, "Patient.ndjson", *map(hospital.patient, mrns)),
    )
    target = FhirServer()
    try:
        for mrn in mrns:
            target.current[f"Patient/p{mrn}"] = hospital.patient(mrn)
        service = start("--fhir", target.url)
        code, told = run(service.store, *files)
        assert code == 0, told
        assert [one["kept"] for one in told["files"]] == [24, 12, 12]
        eventually(lambda: nothing_owed(service.store))
        before = len(target.history)

        code, told = run(service.store, *files, "--restart")
        assert (code, sum(one["known"] for one in told["files"])) == (0, 48)
        assert run(service.store, *files)[1]["files"][0]["state"] == "imported-before"
        for mrn in mrns[:3]:
            assert service.post(hospital.patient(mrn)).ok
        assert run(service.store, *files, "--dry-run")[1]["would"]["resources"] == {}
        assert len(target.history) == before > 12
        assert service.stop() == 0
    finally:
        target.close()

    pushed = start(store=tmp_path / "pushed")
    for mrn in mrns:
        for resource in (hospital.patient(mrn), hospital.dose(mrn, 1), hospital.reaction(mrn)):
            assert pushed.post(resource).ok
        assert pushed.post(hospital.dose(mrn, 2, day="2025-03-17")).ok
    eventually(lambda: findings(pushed.store) == findings(service.store))
    assert len(findings(pushed.store)) == 24


def nothing_owed(store):
    """Whether every target has confirmed everything."""
    with closing(SqliteStateReader(store / "state.db")) as state:
        counts = [state.undelivered(target) for target in state.targets()]
    return counts and all(one["confirmed"] and not one["pending"] + one["sent"] for one in counts)


def findings(store):
    with closing(SqliteStateReader(store / "state.db")) as state:
        doses, unlinked = state.findings()
    return [*doses, *unlinked]


def test_a_push_beside_an_import_is_kept_and_answered(start, tmp_path):
    path = written(tmp_path, "a.ndjson", *(hospital.patient(str(number)) for number in range(500)))
    service = start()
    program = [sys.executable, "-m", "adapter", "import", path, "--store", service.store, "--mappings", DEMO]
    importing = subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        answered = 0
        while importing.poll() is None:
            assert service.post(hospital.patient("77")).ok
            answered += 1
        assert importing.returncode == 0
        assert answered > 3
    finally:
        if importing.poll() is None:
            os.kill(importing.pid, 9)
        importing.wait(10)
    with closing(SqliteInboxReader(service.store / "inbox-core.db", "inbox-core")) as inbox:
        doors = [one.arrival.listener for one in inbox.after(0, 100_000)]
    assert (doors.count("import"), doors.count("http")) == (500, answered)
