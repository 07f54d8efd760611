"""The TLS of a port is tried out before any door opens: every fault with its line and what to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from authority import Authority, encrypt_key

from adapter.settings import MllpTls, load_settings
from adapter.settings.tls import SOON, validity_warning
from adapter.transport.certificates import CertificateFacts, read_certificate

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WHOLE = "    certificate: ours.crt\n    key: ours.key\n    client_ca: senders.crt\n"


@pytest.fixture
def site(tmp_path):
    Authority(tmp_path, "senders").issue("ours")
    return tmp_path


def load(site, block):
    path = site / "site.yaml"
    path.write_text(f"mllp:\n- port: 2575\n  tls:\n{block}")
    found, faults = load_settings(path, {})
    return found, [str(fault).removeprefix(f"{site.as_posix()}/site.yaml:") for fault in faults]


def test_a_whole_block_is_read_with_its_files(site):
    pin = read_certificate(site / "ours.crt").fingerprint
    colons = ":".join(pin[at : at + 2] for at in range(0, 64, 2)).upper()
    found, faults = load(site, f"{WHOLE}    client_fingerprints: {colons}\n")
    assert faults == []
    assert found.mllp[0].tls == MllpTls(
        certificate=site / "ours.crt",
        key=site / "ours.key",
        client_cert="required",
        client_ca=site / "senders.crt",
        client_fingerprints=(pin,),
    )


@pytest.mark.parametrize(
    ("block", "told"),
    [
        ("    key: ours.key\n    client_cert: none\n", ["3: 'certificate' is missing; TLS needs a PEM file here"]),
        (
            "    certificate: none.crt\n    key: ours.key\n    client_cert: none\n",
            ["4: 'certificate': there is no such file"],
        ),
        (
            "    certificate: ours.crt\n    key: ours.key\n",
            [
                (
                    "3: 'client_cert: required' needs 'client_ca': the authority of the senders' certificates, or "
                    "these themselves in one file; or let every sender in with 'client_cert: none'"
                )
            ],
        ),
        (
            f"{WHOLE}    client_cert: none\n",
            ["7: with 'client_cert: none' nobody is asked for a certificate; say required or optional"],
        ),
        (
            f"{WHOLE}    client_fingerprints: abcd\n",
            ["7: 'client_fingerprints' takes SHA-256 fingerprints of 64 hexadecimal digits"],
        ),
        (f"{WHOLE}    client_crt: none\n", ["7: 'client_crt' is not a key here; did you mean 'client_cert'?"]),
    ],
)
def test_what_is_missing_or_contradicts_is_told_with_its_line(site, block, told):
    assert load(site, block) == (None, told)


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("ours.crt", "4: 'certificate' holds no certificate that can be read; it takes a PEM file"),
        ("ours.key", "5: 'key' cannot be used with 'certificate'; it takes the private key as a PEM file"),
        ("senders.crt", "6: 'client_ca' holds no certificate; it takes a PEM file"),
    ],
)
def test_a_file_that_is_no_pem_is_told(site, file, told):
    (site / file).write_text("nothing of the kind\n")
    assert load(site, WHOLE) == (None, [told])


def test_a_key_of_another_certificate_is_told(site):
    (site / "other").mkdir()
    other = Authority(site / "other").issue("other")
    (site / "ours.key").write_bytes(other.key.read_bytes())
    assert load(site, WHOLE) == (None, ["5: 'key' belongs to another certificate than 'certificate'"])


def test_a_key_with_a_passphrase_is_told_and_nobody_is_asked(site):
    encrypt_key(site / "ours.key")
    told = "5: 'key' asks for a passphrase and nobody is there to type it; store it without one"
    assert load(site, WHOLE) == (None, [told])


@pytest.mark.parametrize(("days", "word"), [(-1, "expired on"), (5, "expires on"), (31, None)])
def test_an_old_certificate_is_a_warning_that_stops_nothing(site, days, word):
    Authority(site, "senders").issue("ours", days=days)
    found, faults = load(site, WHOLE)
    assert found is not None
    assert [("4: warning: the certificate " in told, word in told) for told in faults] == (
        [(True, True)] if word else []
    )


def facts(*, begins=timedelta(days=-1), ends):
    return CertificateFacts(subject="CN=x", not_before=NOW + begins, not_after=NOW + ends, fingerprint="")


@pytest.mark.parametrize(
    ("certificate", "begins_with"),
    [
        (facts(ends=SOON), None),
        (facts(ends=SOON - timedelta(seconds=1)), "expires on 2026-01-30"),
        (facts(ends=timedelta(seconds=1)), "expires on 2026-01-01"),
        (facts(ends=timedelta(0)), "expired on 2026-01-01"),
        (facts(begins=timedelta(seconds=1), ends=SOON), "is not valid before 2026-01-01"),
        (facts(begins=timedelta(0), ends=SOON), None),
    ],
)
def test_the_days_a_certificate_has_left_are_judged_to_the_second(certificate, begins_with):
    told = validity_warning(certificate, NOW)
    assert told is None if begins_with is None else told.startswith(begins_with)
