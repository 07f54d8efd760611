"""Where application answers go: every fault with its line, and its files tried out before any door opens."""

from __future__ import annotations

import pytest
from authority import Authority

from adapter.settings import load_settings
from adapter.settings.site import ApplicationAnswers
from adapter.transport.certificates import read_certificate

PLACE = "    host: lis.example\n    port: 2576\n"


@pytest.fixture
def site(tmp_path):
    Authority(tmp_path, "lis").issue("ours")
    (tmp_path / "text.crt").write_text("no certificate")
    return tmp_path


def load(site, block, mode="enhanced"):
    path = site / "site.yaml"
    path.write_text(f"mllp:\n- ack_mode: {mode}\n  application_answers:\n{block}")
    found, faults = load_settings(path, {})
    return found, [str(fault).removeprefix(f"{site.as_posix()}/site.yaml:") for fault in faults]


@pytest.mark.parametrize("mode", ["enhanced", "auto"])
def test_a_host_and_a_port_are_enough(site, mode):
    found, faults = load(site, PLACE, mode)
    assert faults == []
    assert found.mllp[0].application_answers == ApplicationAnswers(host="lis.example", port=2576, timeout_s=30)


def test_a_whole_block_is_read_with_its_files(site):
    pin = read_certificate(site / "ours.crt").fingerprint
    files = "    tls_ca: lis.crt\n    tls_certificate: ours.crt\n    tls_key: ours.key\n"
    found, faults = load(
        site, f"{PLACE}    timeout_s: 5\n    tls: yes\n{files}    tls_any_name: yes\n    tls_fingerprint: {pin}\n"
    )
    assert faults == []
    assert found.mllp[0].application_answers == ApplicationAnswers(
        host="lis.example",
        port=2576,
        timeout_s=5,
        tls=True,
        tls_ca=site / "lis.crt",
        tls_certificate=site / "ours.crt",
        tls_key=site / "ours.key",
        tls_any_name=True,
        tls_fingerprint=pin,
    )


@pytest.mark.parametrize(
    ("block", "mode", "told"),
    [
        (PLACE, "original", "in original mode there is one answer"),
        ("    host: lis.example\n", "enhanced", "port"),
        ("    port: 2576\n", "enhanced", "host"),
        (PLACE + "    ports: 1\n", "enhanced", "'ports' is not a key here; did you mean 'port'?"),
        (PLACE + "    tls_ca: lis.crt\n", "enhanced", "without 'tls: yes' the connection is plain"),
        (PLACE + "    tls_any_name: yes\n", "enhanced", "without 'tls: yes' the connection is plain"),
        (PLACE + "    tls: yes\n    tls_ca: none.crt\n", "enhanced", "'tls_ca': there is no such file"),
        (PLACE + "    tls: yes\n    tls_ca: text.crt\n", "enhanced", "these take PEM files"),
        (PLACE + "    tls: yes\n    tls_key: ours.key\n", "enhanced", "'tls_key' goes with 'tls_certificate'"),
        (
            PLACE + "    tls: yes\n    tls_fingerprint: abc\n",
            "enhanced",
            "SHA-256 fingerprint of 64 hexadecimal digits",
        ),
    ],
)
def test_each_fault_is_told_alone(site, block, mode, told):
    found, faults = load(site, block, mode)
    assert found is None
    assert len(faults) == 1
    assert told in faults[0]
