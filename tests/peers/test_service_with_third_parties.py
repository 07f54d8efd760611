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

from adapter import fhir
from adapter.transport.fhir_client import FhirClient

pytestmark = [pytest.mark.peers, pytest.mark.timeout(300)]

NUMBERS = count(950001)
KEYS = "https://troughline.example/fhir/sid/output-key"
MLLP_SEND = Path(sys.executable).with_name("mllp_send")


@pytest.fixture
def mrn():
    """The number of a patient nobody wrote about before: the server is one for all tests."""
    return str(next(NUMBERS))


@pytest.fixture
def ehr(sekmet, mrn):
    """The hospital's FHIR server as a reader of this patient, whom it already knows."""
    client = FhirClient(sekmet)
    patient = hospital.patient(mrn)
    assert client.put("Patient", patient["id"], fhir.dumps(patient)).done
    yield Reader(client, mrn)
    client.close()


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


class Reader:
    """What somebody else reads of one patient on the server."""

    def __init__(self, client, mrn):
        self._client = client
        self._mrn = mrn

    def ours(self, resource_type):
        """Our resources, one per key or the test fails."""
        asked = {"subject": f"Patient/p{self._mrn}", "_count": "100"}
        found = self._client.search(resource_type, asked).resources
        keys = [one["identifier"][0]["value"] for one in found if one["identifier"][0]["system"] == KEYS]
        assert len(keys) == len(set(keys)) == len(found)
        return {one["id"]: one for one in found}

    def levels(self):
        """Value and status of every activity."""
        return sorted(
            (Decimal(str(one["valueQuantity"]["value"])), one["status"])
            for one in self.ours("Observation").values()
            if "valueQuantity" in one
        )

    def verdicts(self):
        """What the interpretations that still stand say."""
        return [
            one["valueCodeableConcept"]["coding"][0]["code"]
            for one in self.ours("Observation").values()
            if "valueCodeableConcept" in one and one["status"] != "entered-in-error"
        ]

    def flags(self):
        return {one["code"]["coding"][0]["code"]: one["status"] for one in self.ours("Flag").values()}


def test_levels_correction_and_retraction_arrive_where_others_read_them(service, ehr, mrn, tmp_path):
    def level(control_id, **more):
        return hospital.oru(control_id, mrn=mrn, filler=f"F{mrn}", **more)

    assert service.post(hospital.patient(mrn)).status_code == 200
    assert service.post(hospital.dose(mrn)).status_code in {200, 202}
    first = level("P1", value="0.02")
    assert mllp_send(service, tmp_path, first, hospital.everyday("P2"), first) == ["AA", "AA", "AA"]
    eventually(lambda: ehr.flags().get("inactivation") == "active", within_s=60)
    assert ehr.levels() == [(Decimal("0.02"), "final")]
    assert ehr.verdicts() == ["suspected-silent-inactivation"]

    corrected = level("P3", value="0.20", status="C", sent="20250312130500+0000")
    assert mllp_send(service, tmp_path, corrected) == ["AA"]
    eventually(lambda: ehr.flags().get("inactivation") == "inactive", within_s=60)
    eventually(lambda: ehr.levels() == [(Decimal("0.20"), "corrected")], within_s=60)
    assert ehr.verdicts() == ["no-evidence-of-inactivation"]

    assert service.post(hospital.dose(mrn, status="entered-in-error")).status_code == 200
    eventually(lambda: "no-evidence-of-inactivation" not in ehr.verdicts(), within_s=60)
    assert ehr.levels() == [(Decimal("0.20"), "corrected")]
    shown = {f"{one['resourceType']}/{one['id']}": one["status"] for one in service.found("Observation")}
    assert {f"Observation/{one['id']}": one["status"] for one in ehr.ours("Observation").values()} == shown
    assert service.stop() == 0


def test_a_message_that_cannot_be_used_is_refused_to_python_hl7_too(service, mrn, tmp_path):
    broken = hospital.oru("Q1", mrn=mrn, filler=f"F{mrn}", unit="")
    assert mllp_send(service, tmp_path, broken) == ["AE"]


def test_every_resource_we_write_is_what_the_server_holds(service, ehr, mrn, tmp_path):
    assert service.post(hospital.patient(mrn)).status_code == 200
    service.post(hospital.dose(mrn, 2, day="2025-03-17"))
    service.post(hospital.reaction(mrn, day="2025-03-17"))
    sent = hospital.oru("R1", mrn=mrn, filler=f"F{mrn}", value="0.55", collected="20250324120000+0000")
    assert mllp_send(service, tmp_path, sent) == ["AA"]
    eventually(lambda: ehr.flags().get("severe-reaction") == "active", within_s=60)
    ours = {one["id"]: one for one in service.found("Flag")}
    eventually(lambda: ours.keys() <= {one["id"] for one in ehr.ours("Flag").values()}, within_s=60)
    held = {one["id"]: one for one in ehr.ours("Flag").values()}
    for key, flag in ours.items():
        assert held[key]["code"] == flag["code"]
        assert json.dumps(held[key]["period"]) == json.dumps(flag["period"])
