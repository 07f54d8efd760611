"""The FHIR client over TLS: whom it trusts, what it shows, replaced files, and the reason when a handshake fails."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import threading

import pytest
from authority import Authority
from hospital_server import HospitalServer
from signing_keys import ec_key, key_file, pem
from token_server import TokenServer

from adapter.transport.fhir_client import Ambiguous, ClientTls, FhirClient, SmartAuth, Timeouts, Transient
from adapter.transport.smart_keys import KeyRing, public_set

pytestmark = pytest.mark.loopback

PATIENT = ("urn:mrn", "4711")
FAILED = "the TLS connection failed: "


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    """Certificates that take a while to make: an authority of servers, one of clients, and one nobody asked for."""
    folder = tmp_path_factory.mktemp("pki")
    servers, clients, others = (Authority(folder, name) for name in ("servers", "clients", "others"))
    servers.issue("server")
    servers.issue("expired", days=-1)
    clients.issue("ours")
    clients.issue("ours-new")
    others.issue("stranger")
    return folder


def context_of(pki, certificate="server", *, client_ca=None, newest=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki / f"{certificate}.crt", pki / f"{certificate}.key")
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(pki / f"{client_ca}.crt")
    if newest:
        context.maximum_version = newest
    return context


@pytest.fixture
def serve(pki):
    started = []

    def begin(*names, **more):
        server = HospitalServer(context_of(pki, *names, **more))
        started.append(server)
        return server

    yield begin
    for server in started:
        server.close()


@pytest.fixture
def open_client():
    opened = []

    def open_one(url, **files):
        told = []
        client = FhirClient(
            url,
            tls=ClientTls(**files),
            timeouts=Timeouts(connect_s=2, read_s=2, whole_s=4),
            observe=lambda event, facts: told.append((event, dict(facts))),
        )
        client.told = told
        opened.append(client)
        return client

    yield open_one
    for client in opened:
        client.close()


def ours(pki, name="ours"):
    return {"authority": pki / "servers.crt", "certificate": pki / f"{name}.crt", "key": pki / f"{name}.key"}


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_asks_for_a_certificate_is_shown_ours(pki, serve, open_client, newest):
    hospital = serve(client_ca="clients", newest=newest)
    client = open_client(hospital.url, **ours(pki))
    assert client.find_patient(*PATIENT).reference == "Patient/4711"
    assert hospital.certificates == ["ours"]


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("shown", [None, "stranger"])
def test_a_certificate_the_server_does_not_accept_is_told_as_such(pki, serve, open_client, newest, shown):
    hospital = serve(client_ca="clients", newest=newest)
    files = ours(pki, shown) if shown else {"authority": pki / "servers.crt"}
    with pytest.raises((Transient, Ambiguous)) as caught:
        open_client(hospital.url, **files).find_patient(*PATIENT)
    # By TLS 1.3 a client learns of it with its first request, and sometimes only that the connection is gone.
    assert re.match(
        f"{FAILED}it (refused our certificate or TLS offer: |ended the TLS connection; it may ask for a certificate)"
        "|the connection broke",
        str(caught.value),
    )
    assert hospital.asked == 0


@pytest.mark.parametrize(
    ("certificate", "authority", "said"),
    [
        ("server", None, "its certificate is not accepted: unable to get local issuer certificate"),
        ("server", "others", "its certificate is not accepted: unable to get local issuer certificate"),
        ("expired", "servers", "its certificate is not accepted: certificate has expired"),
    ],
)
def test_a_certificate_we_do_not_accept_is_told_with_the_reason(pki, serve, open_client, certificate, authority, said):
    hospital = serve(certificate)
    files = {"authority": pki / f"{authority}.crt"} if authority else {}
    client = open_client(hospital.url, **files)
    with pytest.raises(Transient) as caught:
        client.transaction(b'{"resourceType":"Bundle","entry":[]}')
    assert str(caught.value) == FAILED + said
    assert hospital.asked == 0


def test_a_certificate_of_another_host_is_not_accepted(pki, serve, open_client):
    hospital = serve()
    client = open_client(hospital.url.replace("127.0.0.1", "127.0.0.2"), authority=pki / "servers.crt")
    # The server listens on 127.0.0.1 only: its name is put in the way of a name nobody has certified.
    with pytest.raises(Transient, match="cannot be reached"):
        client.capabilities()
    with socket.create_server(("127.0.0.2", 0)) as other:
        context = context_of(pki)

        def shake_hands():
            accepted, _ = other.accept()
            with accepted, pytest.raises(ssl.SSLError):
                context.wrap_socket(accepted, server_side=True)

        thread = threading.Thread(target=shake_hands)
        thread.start()
        client = open_client(f"https://127.0.0.2:{other.getsockname()[1]}/fhir", authority=pki / "servers.crt")
        with pytest.raises(Transient, match=r"IP address mismatch, certificate is not valid for '127\.0\.0\.2'"):
            client.capabilities()
        thread.join()


def test_a_server_that_speaks_no_tls_is_told_as_such(open_client):
    hospital = HospitalServer()
    try:
        client = open_client(hospital.url.replace("http:", "https:"))
        with pytest.raises(Transient, match=f"^{FAILED}it does not speak TLS$"):
            client.capabilities()
    finally:
        hospital.close()


def test_replaced_files_are_taken_for_the_next_request(pki, serve, open_client, tmp_path):
    hospital = serve(client_ca="clients")
    files = {name: shutil.copy(path, tmp_path / name) for name, path in ours(pki).items()}
    client = open_client(hospital.url, **files)
    client.find_patient(*PATIENT)
    client.find_patient(*PATIENT)
    shutil.copy(pki / "ours-new.crt", files["certificate"])
    client.find_patient(*PATIENT)  # the key is still the old one: they do not fit together
    client.find_patient(*PATIENT)
    shutil.copy(pki / "ours-new.key", files["key"])
    client.find_patient(*PATIENT)
    assert hospital.certificates == ["ours"] * 4 + ["ours-new"]
    assert client.told == [
        ("certificates-not-reloaded", {"reason": "key values mismatch"}),
        ("certificates-reloaded", {}),
    ]
    files["key"].unlink()
    client.find_patient(*PATIENT)
    assert client.told[2:] == [("certificates-not-reloaded", {"reason": "No such file or directory"})]


def test_a_file_that_cannot_be_used_is_told_before_anything_is_sent(pki, tmp_path):
    with pytest.raises(OSError, match="No such file"):
        FhirClient("https://127.0.0.1:9/fhir", tls=ClientTls(authority=tmp_path / "gone"))
    with pytest.raises(ssl.SSLError):
        FhirClient("https://127.0.0.1:9/fhir", tls=ClientTls(certificate=pki / "ours.crt", key=pki / "ours-new.key"))


def test_the_token_server_is_trusted_by_the_same_authority(pki, serve, tmp_path):
    tokens = TokenServer(context=context_of(pki, client_ca="clients"))
    hospital = serve(client_ca="clients")
    hospital.admits, hospital.smart = tokens.admits, {"token_endpoint": tokens.url}
    ring = KeyRing([key_file(tmp_path / "key", pem(ec_key()))])
    tokens.clients["us"] = public_set([ring])
    auth = SmartAuth(client_id="us", keys=ring, scopes=("system/Patient.rs",))
    client = FhirClient(hospital.url, auth=auth, tls=ClientTls(**ours(pki)))
    try:
        assert tokens.url.startswith("https:")
        assert client.find_patient(*PATIENT).reference == "Patient/4711"
    finally:
        client.close()
        tokens.close()
