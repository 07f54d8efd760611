"""The service on a TLS port: who is let in is in the log by name, new certificates need no restart."""

from __future__ import annotations

import ssl
from contextlib import suppress

import hospital
import pytest
from authority import Authority
from running_service import Laboratory, code_of, command, eventually, refused

pytestmark = [pytest.mark.loopback, pytest.mark.slow, pytest.mark.timeout(90)]


class SecureLaboratory(Laboratory):
    """A sender that speaks TLS."""

    def __init__(self, place, context):
        super().__init__(place)
        self._socket = context.wrap_socket(self._socket, server_hostname="127.0.0.1")

    def certificate(self):
        return self._socket.getpeercert()["serialNumber"]


def config(folder, **tls):
    lines = "".join(f"    {key}: {value}\n" for key, value in tls.items())
    file = folder / "site.yaml"
    file.write_text(f"mllp:\n- name: north\n  port: 0\n  tls:\n{lines}")
    return str(file)


@pytest.fixture
def ca(tmp_path):
    return Authority(tmp_path, "ca")


def trusting(ca, issued=None):
    context = ssl.create_default_context(cafile=str(ca.certificate))
    if issued:
        context.load_cert_chain(issued.certificate, issued.key)
    return context


def told(service, event):
    return [line for line in service.logged() if line["event"] == event]


@pytest.mark.faults  # certificate files are replaced and broken under way
def test_mutual_tls_with_new_certificates_under_way(start, ca, tmp_path):
    ca.issue("ours", days=3)
    lab = ca.issue("lab")
    settings = config(tmp_path, certificate="ours.crt", key="ours.key", client_ca="ca.crt")
    service = start("--config", settings)
    assert "warning: the certificate expires on" in service.log.read_text()
    (line,) = eventually(lambda: told(service, "certificate-ends"))
    assert (line["subject"], line["reason"][:27]) == ("CN=ours", "the certificate expires on ")
    with SecureLaboratory(service.mllp, trusting(ca, lab)) as early:
        assert code_of(early.send(hospital.oru("T1"))) == "AA"
        with suppress(ssl.SSLError, ConnectionError), SecureLaboratory(service.mllp, trusting(ca)) as nobody:
            assert nobody.send(hospital.oru("T2")) == b""
        (refusal,) = eventually(lambda: told(service, "tls-refused"))
        assert (refusal["listener"], refusal["side"], refusal["reason"]) == (
            "north",
            "us",
            "the sender showed no certificate",
        )
        strange = Authority(tmp_path, "strange").issue("stranger")
        with suppress(ssl.SSLError, ConnectionError), SecureLaboratory(service.mllp, trusting(ca, strange)) as nobody:
            assert nobody.send(hospital.oru("T3")) == b""
        eventually(lambda: [line["subject"] for line in told(service, "tls-refused")] == [None, "CN=stranger"])

        before = early.certificate()
        ca.issue("ours")
        eventually(lambda: told(service, "certificates-reloaded"))
        with SecureLaboratory(service.mllp, trusting(ca, lab)) as late:
            assert late.certificate() != before
            assert code_of(late.send(hospital.oru("T4"))) == "AA"
        assert code_of(early.send(hospital.oru("T5"))) == "AA"

        (tmp_path / "ours.crt").write_text("half a file")
        eventually(lambda: told(service, "certificates-not-reloaded"))
        with SecureLaboratory(service.mllp, trusting(ca, lab)) as last:
            assert code_of(last.send(hospital.oru("T6"))) == "AA"
    metrics = service.get("/metrics").text
    assert 'troughline_alarms_total{reason="certificates-not-reloaded"} 1.0' in metrics
    assert 'troughline_certificate_end_timestamp_seconds{listener="north"}' in metrics
    assert service.stop() == 0


def test_a_key_that_does_not_match_keeps_the_service_from_starting(ca, tmp_path):
    ca.issue("ours")
    ca.issue("other")
    settings = config(tmp_path, certificate="ours.crt", key="other.key", client_cert="none")
    code, text = refused(command(tmp_path / "store", "--config", settings))
    assert code == 2
    assert "site.yaml:6: 'key' belongs to another certificate than 'certificate'" in text
    assert "Traceback" not in text
