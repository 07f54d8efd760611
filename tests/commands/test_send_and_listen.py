"""`send` and `listen` over real sockets: what is sent, what is answered, what a person reads."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager

import hospital
import pytest
from authority import Authority

from adapter.cli import main
from adapter.commands.acknowledgments import decoded
from adapter.commands.send_files import read_files
from adapter.transport.certificates import read_certificate
from adapter.transport.mllp_framing import Frame, Framer, framed

pytestmark = pytest.mark.loopback

ONE, TWO = hospital.oru("S1"), hospital.oru("S2", unit="")


@contextmanager
def listening(*options):
    """A `troughline listen` on a free port; gives its process and port, ends with it."""
    program = [sys.executable, "-m", "adapter", "listen", "0", *map(str, options)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        first = process.stderr.readline()
        assert first.startswith("Listening on 127.0.0.1:"), first
        try:
            yield process, int(first.split(":")[1].split()[0].strip(","))
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(10)


class Receiver:
    """A listener whose answers a test writes itself; one thread, connections one after the other."""

    def __init__(self, answer):
        self.answer = answer
        self.received = []
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            with peer:
                self._serve(peer)

    def _serve(self, peer):
        framer = Framer()
        while data := peer.recv(65536):
            for event in framer.feed(data):
                if isinstance(event, Frame):
                    self.received.append(event.content)
                    answer = self.answer(event.content)
                    if answer is None:
                        return
                    peer.sendall(framed(answer))

    def close(self):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@pytest.fixture
def receiver():
    made = []

    def make(answer):
        made.append(Receiver(answer))
        return made[-1]

    yield make
    for one in made:
        one.close()


def ack(message, code="AA", **more):
    control_id = more.get("control_id", message.split(b"|")[9].decode())
    text = more.get("text", "")
    return f"MSH|^~\\&|||||||ACK|1|P|2.5\rMSA|{code}|{control_id}|{text}\r{more.get('err', '')}".encode()


def write(folder, content, name="m.hl7"):
    file = folder / name
    file.write_bytes(content)
    return str(file)


def test_what_is_sent_is_printed_and_its_answer_decoded(tmp_path, capsys):
    with listening("--count", 2) as (process, port):
        assert main(["send", write(tmp_path, ONE + TWO), f"127.0.0.1:{port}"]) == 0
        printed, told = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "ORU^R01, control id S1" in printed
    assert ONE.decode().replace("\r", "\n").strip() in printed
    assert told == ""
    sent = capsys.readouterr()
    assert f"{tmp_path / 'm.hl7'}, message 1: AA\n" in sent.out
    assert "2 messages in" in sent.out
    assert "AA 2; 2 accepted." in sent.out
    assert sent.err == ""


@pytest.mark.parametrize(
    ("code", "status"), [("AA", 0), ("CA", 0), ("AE", 1), ("AR", 1), ("CE", 1), ("CR", 1), ("", 1)]
)
def test_the_exit_code_tells_whether_everything_was_accepted(tmp_path, receiver, capsys, code, status):
    other = receiver(lambda message: ack(message, code))
    assert main(["send", write(tmp_path, ONE + TWO), f":{other.port}", "--json"]) == status
    assert json.loads(capsys.readouterr().out)["summary"]["accepted"] == (0 if status else 2)


def test_the_answer_is_the_one_that_was_told(tmp_path, capsys):
    with listening("--answer", "CE", "--headers", "--json") as (process, port):
        assert main(["send", write(tmp_path, ONE), f":{port}", "--json"]) == 1
        row = json.loads(process.stdout.readline())
        result = json.loads(capsys.readouterr().out)
        assert main(["send", write(tmp_path, ONE), f"localhost:{port}", "--tls"]) == 2
    assert "nothing was sent" in capsys.readouterr().err
    assert {key: row[key] for key in ("number", "type", "control_id", "version", "bytes")} == {
        "number": 1,
        "type": "ORU^R01",
        "control_id": "S1",
        "version": "2.5.1",
        "bytes": len(ONE),
    }
    assert "message" not in row
    assert (result["messages"][0]["code"], result["messages"][0]["control_id"]) == ("CE", "S1")
    assert result["summary"]["answers"] == {"CE": 1}


@pytest.mark.parametrize(("answer", "why"), [("none", "no answer in time"), ("close", "closed the connection")])
def test_silence_is_told_as_what_it_was(tmp_path, capsys, answer, why):
    with listening("--answer", answer) as (_, port):
        assert main(["send", write(tmp_path, ONE), f"127.0.0.1:{port}", "--timeout", "0.3"]) == 1
    shown = capsys.readouterr().out
    assert why in shown
    assert "1 without a usable answer." in shown


def test_an_acknowledgment_that_comes_is_never_answered(tmp_path):
    with listening("--count", 2, "--save", tmp_path / "kept") as (process, port):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
            raw.sendall(framed(ack(ONE)) + framed(ONE))
            received = b""
            while data := raw.recv(65536):
                received += data
        process.wait(10)
    assert received.count(b"MSA|") == 1
    assert [file.read_bytes() for file in sorted((tmp_path / "kept").iterdir())] == [ack(ONE), ONE]


def test_messages_over_one_connection_keep_their_order_at_the_rate(tmp_path, receiver, capsys):
    other = receiver(ack)
    messages = [hospital.oru(f"R{n}") for n in range(30)]
    assert (
        main(["send", write(tmp_path, b"".join(messages)), f"127.0.0.1:{other.port}", "--rate", "100", "--json"]) == 0
    )
    assert other.received == messages
    assert other.connections == 1
    # 29 pauses of 10 ms: the least it can have taken.
    assert json.loads(capsys.readouterr().out)["summary"]["seconds"] >= 0.29


def test_several_connections_send_everything_once(tmp_path, capsys):
    messages = [hospital.oru(f"C{n}") for n in range(40)]
    with listening("--headers", "--json", "--delay", 0.01) as (process, port):
        assert main(["send", write(tmp_path, b"".join(messages)), f"127.0.0.1:{port}", "--connections", "4"]) == 0
        rows = [json.loads(process.stdout.readline()) for _ in messages]
    assert sorted(row["control_id"] for row in rows) == sorted(f"C{n}" for n in range(40))
    assert len({row["peer"] for row in rows}) == 4
    shown = capsys.readouterr().out
    assert "40 messages in" in shown
    assert "message 1:" not in shown


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda m: ack(m, control_id="OTHER"), "the answer is for another message: MSA-2 is not the control id"),
        (lambda _: b"MSH|^~\\&|||||||ACK|1|P|2.5\r", "the answer holds no MSA segment"),
        (lambda _: None, "it closed the connection without an answer"),
    ],
)
def test_an_answer_that_is_none_is_a_problem(tmp_path, receiver, capsys, answer, why):
    assert main(["send", write(tmp_path, ONE), f"127.0.0.1:{receiver(answer).port}", "--json"]) == 1
    (row,) = json.loads(capsys.readouterr().out)["messages"]
    assert row["problem"] == why


def test_errors_of_an_answer_are_shown_with_their_place(tmp_path, receiver, capsys):
    err = "ERR||OBX^1^6|101^Required field missing^HL70357|E||||The unit is missing\r"
    other = receiver(lambda m: ack(m, "AE", text="unit missing", err=err))
    assert main(["send", write(tmp_path, TWO), f"127.0.0.1:{other.port}"]) == 1
    shown = capsys.readouterr().out
    assert "message 1: AE unit missing\n    OBX^1^6 101 E The unit is missing\n" in shown


def test_after_three_messages_without_an_answer_no_more_is_sent(tmp_path, receiver, capsys):
    other = receiver(lambda _: None)
    content = b"".join(hospital.oru(f"N{n}") for n in range(6))
    assert main(["send", write(tmp_path, content), f"127.0.0.1:{other.port}", "--json"]) == 1
    problems = [row["problem"] for row in json.loads(capsys.readouterr().out)["messages"]]
    assert problems[2:] == [problems[0], *["not sent: too many messages before it got no answer"] * 3]
    assert len(other.received) == 3


def test_a_listener_that_closes_after_each_answer_is_reached_again(tmp_path, capsys):
    class Closing(Receiver):
        def _serve(self, peer):
            message = Framer().feed(peer.recv(65536))[0].content
            self.received.append(message)
            peer.sendall(framed(ack(message)))

    other = Closing(ack)
    try:
        assert main(["send", write(tmp_path, ONE + TWO), f"127.0.0.1:{other.port}", "--rate", "20"]) == 0
        assert other.connections == 2
    finally:
        other.close()
    assert "AA 2" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "as_is", "sent"),
    [
        (ONE.replace(b"\r", b"\n"), False, [ONE]),
        (ONE.replace(b"\r", b"\r\n") + b"\r\n\r\n", False, [ONE]),
        (framed(ONE) + framed(TWO), False, [ONE, TWO]),
        (b"FHS|^~\\&\rBHS|^~\\&\r" + ONE + TWO + b"BTS|2\rFTS|1\r", False, [ONE, TWO]),
        (b"\xef\xbb\xbf" + ONE, False, [b"\xef\xbb\xbf" + ONE]),
        (ONE.replace(b"\r", b"\n"), True, [ONE.replace(b"\r", b"\n")]),
        (framed(ONE + b"\n") + framed(b"junk"), True, [ONE + b"\n", b"junk"]),
        (b"", False, []),
        (b" \r\n", False, []),
        (b"", True, []),
    ],
)
def test_the_messages_of_a_file(tmp_path, content, as_is, sent):
    file = write(tmp_path, content)
    assert [message.raw for message in read_files([file], as_is=as_is)] == sent


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["{file}", "127.0.0.1"], "'127.0.0.1' is no address; write HOST:PORT"),
        (["{file}", "127.0.0.1:{closed}"], "127.0.0.1:{closed}: nobody listens there; nothing was sent."),
        (["{file}", "no.such.host.invalid:1"], "the host name is not known"),
        (["{none}", "127.0.0.1:1"], "{none}: cannot be read: No such file or directory."),
        (["{empty}", "127.0.0.1:1"], "There is no message in the files"),
        (["{file}", "127.0.0.1:1", "--tls-key", "{file}"], "--tls-key goes with --tls-cert"),
        (["{file}", "127.0.0.1:1", "--tls-fingerprint", "ab"], "--tls-fingerprint takes a SHA-256 fingerprint"),
        (["{file}", "127.0.0.1:1", "--tls-ca", "{file}"], "take PEM files"),
        (["{file}", "127.0.0.1:1", "--tls-ca", "{none}"], "cannot be read: No such file"),
    ],
)
def test_what_cannot_be_sent_is_told_in_one_sentence(tmp_path, capsys, arguments, told):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        words = {
            "file": write(tmp_path, ONE),
            "empty": write(tmp_path, b"", "empty.hl7"),
            "none": str(tmp_path / "none.hl7"),
            "closed": str(closed.getsockname()[1]),
        }
        assert main(["send", *(word.format(**words) for word in arguments)]) == 2
    shown = capsys.readouterr()
    assert told.format(**words) in shown.err
    assert shown.out == ""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["x"], "'x' is no address; write PORT or HOST:PORT"),
        (["0", "--tls-key", "k.pem"], "--tls-key and --tls-client-ca go with --tls-cert"),
        (["0", "--tls-cert", "none.pem"], "A file or folder cannot be used: No such file or directory."),
    ],
)
def test_what_cannot_be_listened_on_is_told_in_one_sentence(capsys, arguments, told):
    assert main(["listen", *arguments]) == 2
    assert told in capsys.readouterr().err


def test_a_port_in_use_is_told(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["listen", str(taken.getsockname()[1])]) == 2
    assert "Choose another port." in capsys.readouterr().err


@pytest.mark.slow
def test_mutual_tls_between_the_two(tmp_path, capsys):
    ca = Authority(tmp_path, "ca")
    ours, lab = ca.issue("ours"), ca.issue("lab")
    strange = Authority(tmp_path, "strange")
    file = write(tmp_path, ONE)
    certificate = ["--tls-cert", str(lab.certificate), "--tls-key", str(lab.key)]
    pin = read_certificate(ours.certificate).fingerprint

    def refused(*options):
        status = main(["send", file, f"localhost:{port}", *map(str, options)])
        shown = capsys.readouterr()
        return status, shown.out + shown.err

    tls = ("--tls-cert", ours.certificate, "--tls-key", ours.key, "--tls-client-ca", ca.certificate)
    with listening(*tls, "--headers") as (process, port):
        assert main(["send", file, f"localhost:{port}", "--tls-ca", str(ca.certificate), *certificate]) == 0
        assert main(["send", file, f"localhost:{port}", "--tls-fingerprint", pin, *certificate]) == 0
        capsys.readouterr()
        status, told = refused("--tls-ca", ca.certificate)
        assert status in (1, 2)  # TLS 1.3 tells the sender with its first message, 1.2 in the handshake
        assert "it refused our certificate or TLS offer: certificate required" in told
        status, told = refused("--tls-ca", strange.certificate, *certificate)
        assert status == 2
        assert "its certificate is not accepted: " in told
        status, told = refused("--tls-fingerprint", pin[::-1], *certificate)
        assert (status, "another certificate than --tls-fingerprint names" in told) == (2, True)
        status, told = refused()
        assert status == 1
        process.send_signal(signal.SIGINT)
        _, wire = process.communicate(timeout=10)
    assert "tls-refused" in wire
    assert "the sender showed no certificate" in wire
    assert "not-tls" in wire


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (b"", []),
        (b"MSH|^~\\&|||||||ACK|1|P|2.5\rMSA|AA|7\r", [("AA", "7", "", ())]),
        (b"MSH|^~\\&|||||||ACK|1|P|2.3\nMSA|AE|7|bad\nERR|OBX^1^5\n", [("AE", "7", "bad", ("OBX^1^5",))]),
        (b"MSH$%~\\&\rMSA$AE$7$bad\rERR$$OBX%1%6$101%x\r", [("AE", "7", "bad", ("OBX^1^6",))]),
        (
            b"BHS|^~\\&\rMSH|^~\\&\rMSA|AA|1\rMSH|^~\\&\rMSA|AR|2\rBTS|2\r",
            [("AA", "1", "", ()), ("AR", "2", "", ())],
        ),
        (b"ERR|x\rMSA|", [("", "", "", ())]),
    ],
)
def test_acknowledgments_are_read_whoever_wrote_them(answer, found):
    assert [(a.code, a.control_id, a.text, tuple(e["location"] for e in a.errors)) for a in decoded(answer)] == found
