"""What senders do on the wire, one test for each case (numbers of the acceptance list), against the running service."""

from __future__ import annotations

import re
import socket
from itertools import count

import hospital
import pytest
import requests
from running_service import Laboratory, Service, code_of, counted_by_now, eventually

pytestmark = [pytest.mark.loopback, pytest.mark.slow, pytest.mark.timeout(90)]

NUMBERS = count(970001)
FRAME_LIMIT = 16 * 1024 * 1024


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """One service for these tests, which ends with them: what they count begins at nothing."""
    folder = tmp_path_factory.mktemp("wire")
    service = Service(folder / "store", log=folder / "log")
    yield service
    service.end()


@pytest.fixture
def mrn():
    return str(next(NUMBERS))


@pytest.fixture
def lab(running):
    with Laboratory(running.mllp) as laboratory:
        yield laboratory


def framed(message):
    return b"\x0b" + message + b"\x1c\r"


def level(mrn, control_id, **more):
    return hospital.oru(f"{mrn}{control_id}", mrn=mrn, filler=f"F{mrn}", **more)


def activities(running, mrn):
    found = running.found("Observation", **{"patient.identifier": f"{hospital.MRN}|{mrn}"})
    return [one["valueQuantity"]["value"] for one in found if "valueQuantity" in one]


def counted(running, metric, **labels):
    counted_by_now()
    text = running.get("/metrics").text
    wanted = [f'{name}="{value}"' for name, value in labels.items()]
    lines = [line for line in text.splitlines() if line.startswith(f"{metric}{{") and all(w in line for w in wanted)]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def wire_events(running, event):
    return counted(running, "troughline_wire_events_total", event=event)


def torn(running):
    return [file.read_bytes() for file in sorted((running.store / "torn").glob("*.torn"))]


def acknowledged(answer):
    """(MSA-1, MSA-2) of each acknowledgment of an answer."""
    return [tuple(line.split(b"|")[1:3]) for line in answer.split(b"\r") if line.startswith(b"MSA")]


def test_a14_01_a_frame_in_fifty_segments(lab, mrn):
    whole = framed(level(mrn, "A"))
    lab._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    step = len(whole) // 50 + 1
    for at in range(0, len(whole), step):
        lab.write(whole[at : at + step])
    assert code_of(lab.answer()) == "AA"


def test_a14_02_two_frames_in_one_packet(lab, mrn):
    lab.write(framed(level(mrn, "A")) + framed(level(mrn, "B", value="0.63", status="C")))
    received = b""
    while received.count(b"\x1c\r") < 2:
        received += lab._socket.recv(65536)
    assert acknowledged(received) == [(b"AA", f"{mrn}A".encode()), (b"AA", f"{mrn}B".encode())]


def test_a14_03_junk_before_the_start_byte(running, lab, mrn):
    before = wire_events(running, "junk-skipped")
    lab.write(b"\x00\x00 hello\r\n" + framed(level(mrn, "A")))
    assert code_of(lab.answer()) == "AA"
    assert wire_events(running, "junk-skipped") == before + 1


def test_a14_04_the_return_after_the_end_byte_is_missing(running, lab, mrn):
    lab.write(framed(level(mrn, "A"))[:-1])
    assert code_of(lab.answer()) == "AA"
    assert wire_events(running, "frame-end-loose") == 1


def test_a14_05_a_torn_frame_and_then_a_new_start(running, lab, mrn):
    fragment = level(mrn, "A")[:100]
    lab.write(b"\x0b" + fragment + framed(level(mrn, "B")))
    assert acknowledged(lab.answer()) == [(b"AA", f"{mrn}B".encode())]
    eventually(lambda: fragment in torn(running))


def test_a14_06_closed_inside_a_frame(running, mrn):
    fragment = level(mrn, "A")[:-20]
    with Laboratory(running.mllp) as lab:
        lab.write(b"\x0b" + fragment)
        lab._socket.shutdown(socket.SHUT_WR)
        assert lab._socket.recv(1) == b""
    eventually(lambda: fragment in torn(running))
    assert {file.stat().st_mode & 0o777 for file in (running.store / "torn").iterdir()} == {0o600}


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a14_07_lines_end_with_lf(running, lab, mrn, end):
    assert code_of(lab.send(level(mrn, "A").replace(b"\r", end))) == "AA"
    eventually(lambda: activities(running, mrn) == [0.62])


def test_a14_08_a_latin_1_name_and_msh_18_empty(running, lab, mrn):
    message = level(mrn, "A").replace(b"ZZTEST^INVENTED", "ZZTÉST^JÖRG".encode("latin-1"))
    assert code_of(lab.send(message)) == "AA"
    eventually(lambda: activities(running, mrn) == [0.62])


def test_a14_09_unicode_utf_8_is_named(running, lab, mrn):
    named = level(mrn, "A").replace(b"|P|2.5.1", b"|P|2.5.1||||||UNICODE UTF-8")
    assert code_of(lab.send(named.replace(b"ZZTEST", "ZZTÉST".encode()))) == "AA"
    eventually(lambda: activities(running, mrn) == [0.62])


def test_a14_10_a_frame_of_17_mebibytes(lab, mrn):
    lab._socket.settimeout(30)
    lab.write(b"\x0b" + level(mrn, "A"))
    for _ in range(17):
        lab.write(b"x" * (1 << 20))
    lab.write(b"\x1c\r")
    answer = lab.answer()
    assert acknowledged(answer) == [(b"AE", f"{mrn}A".encode())]
    assert b"|207" in answer
    assert code_of(lab.send(level(mrn, "B"))) == "AA"


def test_a14_11_no_control_id(lab, mrn):
    answer = lab.send(level(mrn, "A").replace(f"|{mrn}A|".encode(), b"||"))
    assert code_of(answer) == "AE"
    assert b"MSH^1^10" in answer
    assert b"|101" in answer


def test_a14_12_a_header_alone(lab, mrn):
    assert code_of(lab.send(level(mrn, "A").split(b"\r")[0] + b"\r")) == "AA"
    assert code_of(lab.send(level(mrn, "B"))) == "AA"


def test_a14_13_a_message_that_is_no_report_is_taken_and_the_channel_goes_on(lab, mrn):
    header = f"MSH|^~\\&|ADT|HOSP|||20250311||ADT^A08^ADT_A01|{mrn}A|P|2.5\rPID|1||{mrn}^^^HOSP^MR\r"
    assert code_of(lab.send(header.encode())) == "AA"
    assert code_of(lab.send(level(mrn, "B"))) == "AA"


def test_a14_14_the_same_message_three_times(running, lab, mrn):
    message = level(mrn, "A")
    assert [code_of(lab.send(message)) for _ in range(3)] == ["AA"] * 3
    eventually(lambda: activities(running, mrn))
    assert code_of(lab.send(level(mrn, "B", code="2823-3^Potassium^LN"))) == "AA"
    assert activities(running, mrn) == [0.62]


def test_a14_15_the_same_control_id_with_other_content(running, lab, mrn):
    before = counted(running, "troughline_problems_total", problem="control-id-reused")
    assert code_of(lab.send(level(mrn, "A"))) == "AA"
    other = level(mrn, "A", value="0.70", status="C", sent="20250312130500+0000")
    assert code_of(lab.send(other)) == "AA"
    eventually(lambda: activities(running, mrn) == [0.7])
    assert counted(running, "troughline_problems_total", problem="control-id-reused") > before


def test_a14_24_an_acknowledgment_is_not_answered(lab, mrn):
    ack = f"MSH|^~\\&|LIS|H|||20250311||ACK^R01^ACK|{mrn}A|P|2.5\rMSA|AA|T1\r".encode()
    lab.write(framed(ack) + framed(level(mrn, "B")))
    assert acknowledged(lab.answer()) == [(b"AA", f"{mrn}B".encode())]


def test_a14_25_delimiters_of_the_senders_own_are_echoed(lab, mrn):
    message = level(mrn, "A", unit="").translate(bytes.maketrans(b"|^", b"$%"))
    answer = lab.send(message)
    assert answer.startswith(b"MSH$%~\\&$")
    assert re.search(rb"\rMSA\$AE\$%sA\$" % mrn.encode(), answer)


@pytest.mark.parametrize(
    ("version", "err"), [("2.3", rb"\rERR\|[^|]+\r"), ("2.5", rb"\rERR\|\|OBX\^1\^6\|101[^|]*\|E\|")]
)
def test_a14_26_the_error_segment_is_that_of_the_version(lab, mrn, version, err):
    message = level(mrn, "A", unit="").replace(b"|P|2.5.1", f"|P|{version}".encode())
    answer = lab.send(message)
    assert code_of(answer) == "AE"
    assert re.search(err, answer), answer


def test_a14_28_an_error_over_http_comes_back_with_200(running, mrn):
    headers = {"Content-Type": "application/hl7-v2+er7; charset=utf-8"}
    body = level(mrn, "A", unit="")
    answer = requests.post(f"{running.http}/hl7", data=body, headers=headers, timeout=20)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, headers["Content-Type"])
    assert code_of(answer.content) == "AE"
