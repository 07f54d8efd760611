"""Enhanced mode, its silence, and heartbeats, against the running service."""

from __future__ import annotations

import hospital
import pytest
from asking import ACK, asking
from running_service import Laboratory, Service, code_of, counted_by_now, eventually

pytestmark = [pytest.mark.loopback, pytest.mark.slow, pytest.mark.timeout(90)]

SITE = """\
mllp:
- name: north
  port: 0
  ack_mode: enhanced
  heartbeats: PING|*
senders:
- match: HOSPLAB|*
  warn_in_err: yes
"""


@pytest.fixture(scope="module")
def enhanced(tmp_path_factory):
    folder = tmp_path_factory.mktemp("enhanced")
    (folder / "site.yaml").write_text(SITE)
    service = Service(folder / "store", "--config", str(folder / "site.yaml"), log=folder / "log")
    yield service
    service.end()


@pytest.fixture
def lab(enhanced):
    with Laboratory(enhanced.mllp) as laboratory:
        yield laboratory


def frames(lab, number):
    """(MSA-1, MSA-2) of the next acknowledgments on the connection."""
    found = b""
    while found.count(b"\x1c\r") < number:
        found += lab._socket.recv(65536)
    return [
        tuple(part.decode() for part in line.split(b"|")[1:3]) for line in found.split(b"\r") if line.startswith(b"MSA")
    ]


def framed(message):
    return b"\x0b" + message + b"\x1c\r"


def metric(service, name):
    counted_by_now()
    lines = service.get("/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name}{{"))


def test_a14_23_a_sender_that_wants_no_acknowledgment_gets_none(enhanced, lab):
    lab.write(framed(asking(hospital.oru("S1", mrn="971001", filler="S1"), "NE", "NE")))
    lab.write(framed(asking(hospital.everyday("S2"), "NE", "NE")))
    lab.write(framed(asking(hospital.oru("S3", mrn="971001", filler="S1"), "AL", "NE")))
    assert frames(lab, 1) == [("CA", "S3")]
    eventually(lambda: enhanced.found("Observation", **{"patient.identifier": f"{hospital.MRN}|971001"}))


def test_ca_and_then_the_application_answer_message_by_message(lab):
    for message in (
        hospital.oru("T1", mrn="971002", filler="T1"),
        hospital.everyday("T2"),
        hospital.oru("T3", mrn="971002", filler="T3", unit=""),
    ):
        lab.write(framed(asking(message)))
    assert frames(lab, 6) == [("CA", "T1"), ("AA", "T1"), ("CA", "T2"), ("AA", "T2"), ("CA", "T3"), ("AE", "T3")]


def test_only_errors_are_told_when_only_errors_are_asked_for(lab):
    lab.write(framed(asking(hospital.oru("U1", mrn="971003", filler="U1"), "ER", "ER")))
    lab.write(framed(asking(hospital.oru("U2", mrn="971003", filler="U2", unit=""), "ER", "ER")))
    lab.write(framed(asking(hospital.oru("", mrn="971003", filler="U3"), "ER", "ER")))
    assert frames(lab, 2) == [("AE", "U2"), ("CE", "")]


def test_the_answer_to_our_application_answer_is_not_answered(lab):
    lab.write(framed(asking(hospital.everyday("V1"))))
    assert frames(lab, 2) == [("CA", "V1"), ("AA", "V1")]
    lab.write(framed(ACK) + framed(ACK.replace(b"MSA|AA", b"MSA|CA")) + framed(hospital.everyday("V2")))
    assert frames(lab, 1) == [("CA", "V2")]


def test_a_sender_that_sends_the_same_three_times_hears_the_same_three_times(lab):
    message = asking(hospital.oru("W1", mrn="971004", filler="W1"))
    for _ in range(3):
        lab.write(framed(message))
    assert frames(lab, 6) == [("CA", "W1"), ("AA", "W1")] * 3


def test_warnings_stand_in_the_answer_for_a_sender_that_wants_them(lab):
    lab.write(framed(asking(hospital.oru("X1", mrn="971005", filler="X1", status=""), "NE", "AL")))
    answer = lab.answer()
    assert code_of(answer) == "AA"
    assert b"\rERR||OBX^1^11|101^Required field missing^HL70357|W|status-missing^" in answer


def test_a_heartbeat_is_answered_and_counted(enhanced, lab):
    before = metric(enhanced, "troughline_heartbeats_total")
    assert code_of(lab.send(hospital.everyday("Y1").replace(b"|HOSPLAB|", b"|PING|"))) == "CA"
    assert metric(enhanced, "troughline_heartbeats_total") == before + 1
    assert metric(enhanced, "troughline_last_heartbeat_timestamp_seconds") > 0


def test_http_is_answered_in_original_mode(enhanced):
    headers = {"Content-Type": "application/hl7-v2+er7"}
    body = asking(hospital.oru("Z1", mrn="971006", filler="Z1"), "NE", "NE")
    answer = enhanced.session.post(f"{enhanced.http}/hl7", data=body, headers=headers, timeout=20)
    assert code_of(answer.content) == "AA"
