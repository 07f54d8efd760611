"""Who we are towards a FHIR server, and whom we trust: every fault with its line, and files tried out at the start."""

from __future__ import annotations

import pytest
from authority import Authority, encrypt_key
from signing_keys import ec_key, jwk, key_file, pem, rsa_key

from adapter.settings import FhirAuth, FhirTls, load_settings

HTTPS = "https://fhir.example/r4"
SMART = "    auth:\n      kind: smart\n"


@pytest.fixture
def site(tmp_path):
    authority = Authority(tmp_path, "ca")
    authority.issue("ours")
    authority.issue("other")
    authority.issue("soon", days=3)
    authority.issue("locked")
    encrypt_key(tmp_path / "locked.key")
    key_file(tmp_path / "text", b"text")
    key_file(tmp_path / "ec.pem", pem(ec_key()))
    key_file(tmp_path / "ec.jwk", jwk(ec_key()))
    key_file(tmp_path / "rsa.pem", pem(rsa_key()))
    key_file(tmp_path / "open.pem", pem(rsa_key()), 0o644)
    return tmp_path


def load(site, block, url=HTTPS, top=""):
    path = site / "site.yaml"
    path.write_text(f"{top}targets:\n  - name: ward\n    url: {url}\n{block}")
    found, faults = load_settings(path, {})
    return found, [str(fault).removeprefix(f"{site.as_posix()}/site.yaml:") for fault in faults]


def auth_of(found):
    return found.targets[0].auth


def test_a_client_id_and_a_key_are_enough(site):
    found, faults = load(site, SMART + "      client_id: us\n      keys: ec.pem\n")
    assert faults == []
    assert auth_of(found) == FhirAuth(kind="smart", client_id="us", keys=(site / "ec.pem",))
    assert found.targets[0].tls is None


def test_a_whole_block_is_read_with_its_files_in_their_order(site):
    more = (
        "      client_id: us\n      keys:\n        - rsa.pem\n        - ec.jwk\n"
        "      token_url: https://auth.example/token/?p=1\n      scopes: system/Patient.rs  system/Flag.cu\n"
        "    tls:\n      ca: ca.crt\n      certificate: ours.crt\n      key: ours.key\n"
    )
    found, faults = load(site, SMART + more)
    assert faults == []
    assert auth_of(found) == FhirAuth(
        kind="smart",
        client_id="us",
        keys=(site / "rsa.pem", site / "ec.jwk"),
        token_url="https://auth.example/token/?p=1",
        scopes=("system/Patient.rs", "system/Flag.cu"),
    )
    assert found.targets[0].tls == FhirTls(ca=site / "ca.crt", certificate=site / "ours.crt", key=site / "ours.key")


def test_scopes_may_be_a_list(site):
    listed = "      scopes:\n        - system/Patient.rs\n        - system/Flag.cu\n"
    found, _ = load(site, SMART + "      client_id: us\n      keys: ec.pem\n" + listed)
    assert auth_of(found).scopes == ("system/Patient.rs", "system/Flag.cu")


NEEDS_KEYS = (
    "5: 'smart' needs 'keys': files with private keys, RSA for RS384 or P-384 for ES384, the first of which signs"
)


@pytest.mark.parametrize(
    ("block", "told"),
    [
        ("", ["5: 'smart' needs the 'client_id' the server gave us at registration", NEEDS_KEYS]),
        ("      client_id: us\n", [NEEDS_KEYS]),
        ("      client_id: us\n      keys: gone\n", ["7: 'keys': there is no file 'gone'"]),
        (
            "      client_id: us\n      keys:\n        - ec.pem\n        - text\n",
            ["9: 'text' holds no private key that can be read; it takes one as PEM or as JWK"],
        ),
        (
            "      client_id: us\n      keys: open.pem\n",
            ["7: 'open.pem' has mode 0644, so that others may read the key; close it with 'chmod 600'"],
        ),
        (
            "      client_id: us\n      keys:\n        - ec.pem\n        - ec.jwk\n",
            ["9: 'ec.jwk' is the same key as 'ec.pem', or has the same kid; list each once"],
        ),
        (
            "      client_id: us\n      keys: ec.pem\n      token_url: http://auth.example/token\n",
            ["8: 'token_url' takes an address with https, as the server knows itself by"],
        ),
        (
            "      client_id: us\n      keys: ec.pem\n      scopes: system/Flag.uc\n",
            ["8: 'system/Flag.uc' is no scope; write system/Type.cruds, the letters in this order"],
        ),
        (
            "      client_id: us\n      keys: ec.pem\n      secret_environment: X\n",
            ["5: a secret without 'kind: basic' or 'kind: bearer' is never used"],
        ),
        (
            "      client_id: us\n      kyes: ec.pem\n",
            [NEEDS_KEYS, "7: 'kyes' is not a key here; did you mean 'keys'?"],
        ),
    ],
)
def test_every_fault_of_smart_is_told_with_its_line(site, block, told):
    found, faults = load(site, SMART + block)
    assert found is None
    assert sorted(faults) == sorted(told)


@pytest.mark.parametrize("kind", ["none", "basic", "bearer"])
def test_what_belongs_to_smart_is_never_used_by_another_kind(site, kind):
    secret = "" if kind == "none" else "      username: us\n      secret_environment: X\n"
    block = f"    auth:\n      kind: {kind}\n{secret}      client_id: us\n      keys: ec.pem\n"
    found, faults = load(site, block)
    assert found is None
    assert [fault.partition(": ")[2] for fault in faults] == [
        "'client_id' without 'kind: smart' is never used",
        "'keys' without 'kind: smart' is never used",
    ]


FILES = "these take PEM files; the key belongs to the certificate and has no passphrase"


@pytest.mark.parametrize(
    ("block", "told"),
    [
        ("      ca: gone\n", ["5: 'ca': there is no such file"]),
        ("      ca: text\n", [f"4: {FILES}"]),
        ("      certificate: ours.crt\n      key: other.key\n", [f"4: {FILES}"]),
        ("      certificate: ours.crt\n", [f"4: {FILES}"]),
        ("      certificate: locked.crt\n      key: locked.key\n", [f"4: {FILES}"]),
        ("      key: ours.key\n", ["5: 'key' goes with 'certificate': the certificate the key belongs to"]),
        ("      cert: ours.crt\n", ["5: 'cert' is not a key here; did you mean 'certificate'?"]),
    ],
)
def test_every_fault_of_tls_is_told_with_its_line(site, block, told):
    found, faults = load(site, f"    tls:\n{block}")
    assert found is None
    assert [fault.partition(";")[0] for fault in faults] == [fault.partition(";")[0] for fault in told]


def test_tls_of_a_plain_address_is_a_fault(site):
    found, faults = load(site, "    tls:\n      ca: ca.crt\n", url="http://127.0.0.1/fhir")
    assert found is None
    assert faults == [
        "4: the connection to an http:// address is plain, and these files are never used; write https://"
    ]


def test_certificate_and_key_may_be_one_file(site):
    (site / "both.pem").write_bytes((site / "ours.crt").read_bytes() + (site / "ours.key").read_bytes())
    found, faults = load(site, "    tls:\n      certificate: both.pem\n")
    assert faults == []
    assert found.targets[0].tls == FhirTls(certificate=site / "both.pem")


def test_a_certificate_that_ends_soon_is_a_warning(site):
    found, (warning,) = load(site, "    tls:\n      certificate: soon.crt\n      key: soon.key\n")
    assert found is not None
    assert warning.startswith("5: warning: the certificate expires on ")
    assert warning.endswith(": renew it before the server refuses us")


BEARER = "    auth:\n      kind: bearer\n      secret_environment: X\n"
SIGNED = SMART + "      client_id: us\n      keys: ec.pem\n"


@pytest.mark.parametrize(
    ("url", "block", "top", "told"),
    [
        ("https://fhir.example", BEARER, "", []),
        ("http://127.0.0.1:8080/fhir", BEARER, "", []),
        ("http://localhost/fhir", SIGNED, "", []),
        ("http://fhir.example", "", "", []),
        ("http://fhir.example", BEARER, "", ["warning: what we show this server (password, token)"]),
        ("http://fhir.example", BEARER, "insecure: yes\n", ["warning: what we show this server (password, token)"]),
        ("http://fhir.example", SIGNED, "", ["SMART Backend Services needs https"]),
        ("http://fhir.example", SIGNED, "insecure: yes\n", ["warning: what we show this server (password, token)"]),
    ],
)
def test_a_secret_over_plain_http_beyond_this_machine_is_told(site, url, block, top, told):
    found, faults = load(site, block, url=url, top=top)
    assert [fault.partition(": ")[2].partition(" can be read")[0].partition(";")[0] for fault in faults] == told
    assert (found is None) is any("SMART" in fault for fault in told)
