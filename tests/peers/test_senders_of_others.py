"""MLLP clients others wrote, over real sockets: ORU out, acknowledgment back, read by their own parsers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import count
from pathlib import Path

import hospital
import pytest
from node_packages import node_environment
from running_service import Service, eventually

pytestmark = [pytest.mark.peers, pytest.mark.timeout(300)]

SCRIPTS = Path(__file__).parent / "node"
NUMBERS = count(960001)
PACKAGES = {
    "simple-hl7": ("simple-hl7@3.3.0",),
    "node-hl7-client": ("node-hl7-client@3.2.0",),
    # Its newest dictionary is older than it asks for; the pair that can be installed is named.
    "hl7v2-net": ("hl7v2-net@1.9.0", "hl7v2@1.9.0", "hl7v2-dictionary@1.8.0"),
    "medplum-hl7": ("@medplum/hl7@4.5.2", "@medplum/core@4.5.2"),
}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("senders")
    started = Service(folder / "store", log=folder / "log")
    yield started
    started.end()


def node_client(name, peers_folder, service, messages):
    """The answers that client got, as its own parser writes them."""
    environment = node_environment(peers_folder / name, PACKAGES[name])
    host, port = service.mllp
    texts = json.dumps([message.decode() for message in messages])
    done = subprocess.run(
        ["node", "--no-warnings", SCRIPTS / f"{name}.cjs", host, str(port), texts],
        cwd=environment,
        env={**os.environ, "NODE_PATH": str(environment / "node_modules")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [answer.encode() for answer in json.loads(done.stdout)]


def python_hl7(_name, folder, service, messages):
    """The answers python-hl7's own command prints."""
    file = folder / "to-send.mllp"
    file.write_bytes(b"".join(b"\x0b" + message + b"\x1c\r" for message in messages))
    host, port = service.mllp
    program = [Path(sys.executable).with_name("mllp_send"), "--file", file, "--port", str(port), host]
    done = subprocess.run(program, capture_output=True, timeout=60, check=True)
    return [b"MSH" + part for part in done.stdout.split(b"MSH")[1:]]


def told(answer):
    """(MSA-1, MSA-2) of an answer, whatever line ends its reader wrote."""
    lines = answer.replace(b"\n", b"\r").split(b"\r")
    return next(tuple(line.decode().split("|")[1:3]) for line in lines if line.startswith(b"MSA"))


@pytest.mark.parametrize("name", ["hl7", *PACKAGES])
def test_oru_and_acknowledgment_are_exchanged(name, peers_folder, service, tmp_path):
    mrn = str(next(NUMBERS))
    messages = [
        hospital.oru(f"{mrn}A", mrn=mrn, filler=f"F{mrn}"),
        hospital.everyday(f"{mrn}B"),
        hospital.oru(f"{mrn}C", mrn=mrn, filler=f"G{mrn}", unit=""),
        hospital.oru(f"{mrn}A", mrn=mrn, filler=f"F{mrn}"),
    ]
    send = python_hl7 if name == "hl7" else node_client
    answers = send(name, tmp_path if name == "hl7" else peers_folder, service, messages)
    assert [told(answer) for answer in answers] == [
        ("AA", f"{mrn}A"),
        ("AA", f"{mrn}B"),
        ("AE", f"{mrn}C"),
        ("AA", f"{mrn}A"),
    ]
    assert b"unit-missing" in answers[2]
    found = eventually(
        lambda: service.found("Observation", **{"patient.identifier": f"{hospital.MRN}|{mrn}"}), within_s=60
    )
    assert 0.62 in [one["valueQuantity"]["value"] for one in found if "valueQuantity" in one]
