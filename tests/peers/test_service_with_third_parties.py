"""The real service between programs others wrote: python-hl7 sends to it, sekmet-fhir is written to by it."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from itertools import count
from pathlib import Path

import hospital
import pytest
from running_service import Service, eventually
from two_way_server import TwoWayServer

pytestmark = [pytest.mark.peers, pytest.mark.timeout(300)]

NUMBERS = count(950001)
MLLP_SEND = Path(sys.executable).with_name("mllp_send")


@pytest.fixture
def mrn():
    """The number of a patient nobody wrote about before: the server is one for all tests."""
    return str(next(NUMBERS))


@pytest.fixture
def ehr(sekmet, mrn):
    """The hospital's FHIR server, which already knows this patient."""
    server = TwoWayServer(sekmet)
    server.record(hospital.patient(mrn))
    yield server
    server.close()


@pytest.fixture
def patient(mrn):
    """The patient's id on that server."""
    return f"p{mrn}"


@pytest.fixture
def service(sekmet, tmp_path):
    """A service that writes every Flag to that server, whatever the age of its dose."""
    site = tmp_path / "site.yaml"
    site.write_text(
        f"targets:\n  - name: ehr\n    url: {sekmet}\n    delivery: on\n    monitor_from: 2020-01-01\n"
        "    write_raw: always\n"
    )
    started = Service(tmp_path / "store", "--config", str(site), log=tmp_path / "log")
    yield started
    started.end()


def mllp_send(service, folder, *messages):
    """The answers python-hl7's own command prints for a file of framed messages."""
    file = folder / "to-send.mllp"
    file.write_bytes(b"".join(b"\x0b" + message + b"\x1c\r" for message in messages))
    host, port = service.mllp
    done = subprocess.run(
        [MLLP_SEND, "--port", str(port), "--file", file, host], capture_output=True, timeout=60, check=True
    )
    return [line.split(b"|")[1].decode() for line in done.stdout.split(b"\r") if line.startswith(b"MSA")]


def test_levels_correction_and_retraction_arrive_where_others_read_them(service, ehr, mrn, patient, tmp_path):
    def level(control_id, **more):
        return hospital.oru(control_id, mrn=mrn, filler=f"F{mrn}", **more)

    assert service.post(hospital.patient(mrn)).status_code == 200
    assert service.post(hospital.dose(mrn)).status_code in {200, 202}
    first = level("P1", value="0.02")
    assert mllp_send(service, tmp_path, first, hospital.everyday("P2"), first) == ["AA", "AA", "AA"]
    eventually(lambda: ehr.flags(patient).get("inactivation") == "active", within_s=60)
    eventually(lambda: ehr.levels(patient) == [(Decimal("0.02"), "final")], within_s=60)
    eventually(lambda: ehr.verdicts(patient) == ["suspected-silent-inactivation"], within_s=60)

    corrected = level("P3", value="0.20", status="C", sent="20250312130500+0000")
    assert mllp_send(service, tmp_path, corrected) == ["AA"]
    eventually(lambda: ehr.flags(patient).get("inactivation") == "inactive", within_s=60)
    eventually(lambda: ehr.levels(patient) == [(Decimal("0.20"), "corrected")], within_s=60)
    eventually(lambda: ehr.verdicts(patient) == ["no-evidence-of-inactivation"], within_s=60)

    assert service.post(hospital.dose(mrn, status="entered-in-error")).status_code == 200
    eventually(lambda: "no-evidence-of-inactivation" not in ehr.verdicts(patient), within_s=60)
    assert ehr.levels(patient) == [(Decimal("0.20"), "corrected")]
    eventually(
        lambda: statuses(ehr.ours("Observation", patient).values()) == statuses(service.found("Observation")),
        within_s=60,
    )
    assert service.stop() == 0


def test_a_message_that_cannot_be_used_is_refused_to_python_hl7_too(service, mrn, tmp_path):
    broken = hospital.oru("Q1", mrn=mrn, filler=f"F{mrn}", unit="")
    assert mllp_send(service, tmp_path, broken) == ["AE"]


def test_every_resource_we_write_is_what_the_server_holds(service, ehr, mrn, patient, tmp_path):
    assert service.post(hospital.patient(mrn)).status_code == 200
    service.post(hospital.dose(mrn, 2, day="2025-03-17"))
    service.post(hospital.reaction(mrn, day="2025-03-17"))
    sent = hospital.oru("R1", mrn=mrn, filler=f"F{mrn}", value="0.55", collected="20250324120000+0000")
    assert mllp_send(service, tmp_path, sent) == ["AA"]
    eventually(lambda: ehr.flags(patient).get("severe-reaction") == "active", within_s=60)
    eventually(lambda: flags_held(ehr.ours("Flag", patient).values()) == flags_held(service.found("Flag")), within_s=60)
    assert len(service.found("Flag")) > 1


def statuses(resources):
    """Status of every resource by its id."""
    return {one["id"]: one["status"] for one in resources}


def flags_held(flags):
    """Code and period of every Flag by its id."""
    return {one["id"]: (json.dumps(one["code"]), json.dumps(one["period"])) for one in flags}
