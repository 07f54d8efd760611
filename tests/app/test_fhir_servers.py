"""A target as the service talks to it: secrets read and checked, what happens to our access told in log and alarms."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from authority import Authority
from hospital_server import HospitalServer
from running_service import eventually
from signing_keys import ec_key, key_file, pem
from token_server import TokenServer

from adapter.app.counters import ALARMS, CERTIFICATE_END
from adapter.app.delivering import Delivering
from adapter.app.destinations import SCOPES, client_of, destinations
from adapter.app.fhir_servers import SecretMissing, auth_of, fhir_client, key_rings, watch_of
from adapter.domain.message import OutboxRow
from adapter.settings import FhirAuth, FhirTls, Settings, TargetSettings
from adapter.transport.fhir_client import BasicAuth, BearerAuth, NoAuth, SmartAuth, Unauthorized
from adapter.transport.smart_keys import KeyRing, public_set

VARIABLE = "TROUGHLINE_TEST_SECRET"


def auth(kind, **more):
    return FhirAuth(kind=kind, **more)


@pytest.fixture
def key(tmp_path):
    return key_file(tmp_path / "key", pem(ec_key()))


def test_each_kind_is_what_the_transport_takes(tmp_path, monkeypatch, key):
    (tmp_path / "secret").write_text("t0k\n")
    monkeypatch.setenv(VARIABLE, "pass")
    assert auth_of(auth("none"), ()) == NoAuth()
    assert auth_of(auth("bearer", secret_file=tmp_path / "secret"), ()) == BearerAuth(token="t0k")
    basic = auth("basic", username="us", secret_environment=VARIABLE)
    assert auth_of(basic, ()) == BasicAuth(user="us", password="pass")
    smart = auth_of(auth("smart", client_id="us", keys=(key,)), ["system/Flag.cu"])
    assert isinstance(smart, SmartAuth)
    assert (smart.client_id, smart.scopes, smart.as_written, smart.token_url) == (
        "us",
        ("system/Flag.cu",),
        False,
        None,
    )
    assert smart.keys.files == (key,)
    written = auth_of(auth("smart", client_id="us", keys=(key,), scopes=("a",), token_url="https://t"), ["b"])
    assert isinstance(written, SmartAuth)
    assert (written.scopes, written.as_written, written.token_url) == (("a",), True, "https://t")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "its secret is empty: nothing stands in the file secret_file names"),
        (b" \n", "its secret is empty: nothing stands in the file secret_file names"),
        (b"one\ntwo", "its secret holds line breaks or other signs that no header may hold"),
        ("zażółć".encode(), "its secret holds line breaks or other signs that no header may hold"),
        (b"\xff\xfe\xff", "its secret is no text of UTF-8"),
    ],
)
def test_a_secret_that_cannot_be_shown_is_told_and_never_quoted(tmp_path, content, said):
    file = tmp_path / "secret"
    file.write_bytes(content)
    with pytest.raises(SecretMissing) as caught:
        auth_of(auth("bearer", secret_file=file), ())
    assert str(caught.value) == said
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_secret_that_is_not_there_is_told_with_its_place(tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(SecretMissing, match=f"^its secret is empty: nothing stands in the variable {VARIABLE}$"):
        auth_of(auth("bearer", secret_environment=VARIABLE), ())
    with pytest.raises(SecretMissing, match=r"^its secret cannot be read: No such file or directory$"):
        auth_of(auth("bearer", secret_file=tmp_path / "gone"), ())
    with pytest.raises(SecretMissing, match=r"^one of its keys cannot be read: No such file or directory$"):
        auth_of(auth("smart", keys=(tmp_path / "gone",)), ())
    with pytest.raises(SecretMissing, match=r"^a file of its tls cannot be used: No such file or directory$"):
        fhir_client("https://x", auth("none"), FhirTls(ca=tmp_path / "gone"), timeout_s=1, scopes=())


def test_a_target_without_its_secret_keeps_the_service_from_starting_with_a_sentence(tmp_path, capsys):
    wanting = auth("bearer", secret_file=tmp_path / "gone")
    shadow = TargetSettings(name="shadow", url="http://127.0.0.1:9", auth=wanting)
    assert destinations(Settings(targets=(shadow,))) == []
    on = TargetSettings(name="ward", url="http://127.0.0.1:9", auth=wanting, delivery="on")
    with pytest.raises(SystemExit) as caught:
        destinations(Settings(targets=(on,)))
    assert caught.value.code == 2
    said = "The target ward cannot be written to: its secret cannot be read: No such file or directory.\n"
    assert capsys.readouterr() == ("", said)


def test_keys_of_all_targets_are_published_whatever_their_delivery(key, tmp_path):
    other = key_file(tmp_path / "other", pem(ec_key(1)))
    targets = [
        TargetSettings(name=name, url="https://x", auth=auth("smart", client_id="us", keys=files))
        for name, files in (("a", (key,)), ("b", (other, key)))
    ]
    none = TargetSettings(name="c", url="https://x")
    rings = key_rings(Settings(targets=(*targets, none)))
    assert [ring.files for ring in rings] == [(key,), (other, key)]
    assert len(public_set(rings)["keys"]) == 2


def alarms(reason):
    return ALARMS.labels(reason)._value.get()


@pytest.mark.parametrize(
    ("event", "facts", "logged", "level", "alarm"),
    [
        ("not-authorized", {"reason": "why"}, "target-not-authorized", "error", "target-not-authorized"),
        ("authorized", {}, "target-authorized", "info", None),
        (
            "certificates-not-reloaded",
            {"reason": "why"},
            "certificates-not-reloaded",
            "error",
            "certificates-not-reloaded",
        ),
        ("certificates-reloaded", {}, "certificates-reloaded", "info", None),
    ],
)
def test_what_happens_to_our_access_is_in_the_log(event, facts, logged, level, alarm):
    reasons = ("target-not-authorized", "certificates-not-reloaded")
    before = {reason: alarms(reason) for reason in reasons}
    with structlog.testing.capture_logs() as lines:
        watch_of(TargetSettings(name="ward", url="https://x"))(event, facts)
    assert lines == [{"event": logged, "log_level": level, "target": "ward", **facts}]
    assert {reason: alarms(reason) - before[reason] for reason in reasons} == {
        reason: float(reason == alarm) for reason in reasons
    }


def certificate_end(name):
    return CERTIFICATE_END.labels(name)._value.get()


def test_the_end_of_the_certificate_we_show_is_a_figure_and_follows_its_file(tmp_path):
    authority = Authority(tmp_path, "ca")
    issued = authority.issue("ours", days=10)
    target = TargetSettings(name="ends", url="https://x", tls=FhirTls(certificate=issued.certificate, key=issued.key))
    happened = watch_of(target)
    in_days = (certificate_end("target ends") - time.time()) / 86_400
    assert 9.9 < in_days < 10.1
    authority.issue("ours", days=20)
    happened("certificates-reloaded", {})
    in_days = (certificate_end("target ends") - time.time()) / 86_400
    assert 19.9 < in_days < 20.1
    issued.certificate.unlink()
    happened("certificates-reloaded", {})
    assert (certificate_end("target ends") - time.time()) / 86_400 == pytest.approx(in_days, abs=0.1)


class Outbox:
    """One Flag for each target, due until it is confirmed."""

    def __init__(self):
        self.outcomes = []
        self.confirmed = set()

    def due(self, target, now, limit_patients):
        assert now <= datetime.now(UTC)
        assert limit_patients > 0
        return [] if target in self.confirmed else [row_for(target)]

    def remember_sent(self, rows):
        """Nothing is kept."""

    def settle(self, outcomes):
        self.outcomes += outcomes
        self.confirmed |= {outcome.row.target for outcome in outcomes if outcome.state == "confirmed"}

    def places(self, *_):
        return {}

    def strategies(self, _):
        return {}

    def group(self, patient):
        return (patient,)


def row_for(target):
    body = {"resourceType": "Flag", "id": "f1", "subject": {"identifier": {"system": "urn:mrn", "value": "4711"}}}
    return OutboxRow(
        target=target,
        patient="urn:mrn|4711",
        resource_type="Flag",
        id="f1",
        body=body,
        content_hash="h",
        attempts=0,
        generation=1,
    )


@pytest.fixture
def tokens():
    server = TokenServer()
    yield server
    server.close()


@pytest.fixture
def hospitals():
    servers = [HospitalServer(), HospitalServer()]
    yield servers
    for server in servers:
        server.close()


def smart_target(name, hospital, tokens, key):
    tokens.clients["us"] = public_set([KeyRing([key])])
    hospital.admits = tokens.admits
    who = auth("smart", client_id="us", keys=(key,), token_url=tokens.url)
    return TargetSettings(name=name, url=hospital.url, delivery="on", auth=who)


@pytest.mark.loopback
def test_a_slow_token_server_delays_no_other_target(tokens, hospitals, key):
    slow, quick = hospitals
    tokens.slow = True
    targets = (
        smart_target("slow", slow, tokens, key),
        TargetSettings(name="quick", url=quick.url, delivery="on"),
    )
    outbox = Outbox()
    began = time.monotonic()
    deliveries = [Delivering(one, outbox, lambda: datetime.now(UTC)) for one in destinations(Settings(targets=targets))]
    for delivery in deliveries:
        delivery.start()
    try:
        eventually(lambda: quick.writes)
        assert time.monotonic() - began < 15
        eventually(lambda: tokens.asked)
        assert slow.writes == {}
        tokens.release.set()
        eventually(lambda: slow.writes)
    finally:
        for delivery in deliveries:
            delivery.stop(5)
    assert (slow.writes, quick.writes) == ({"Flag/f1": 1}, {"Flag/f1": 1})


@pytest.mark.loopback
def test_a_refused_client_leaves_its_results_waiting_and_is_told_once(tokens, hospitals, key):
    target = smart_target("ward", hospitals[0], tokens, key)
    tokens.clients = {}
    outbox = Outbox()
    with structlog.testing.capture_logs() as lines:
        (destination,) = destinations(Settings(targets=(target,)))
        delivery = Delivering(destination, outbox, lambda: datetime.now(UTC))
        delivery.start()
        eventually(lambda: outbox.outcomes)
        delivery.wake()
        eventually(lambda: len(outbox.outcomes) > 1)
        assert len(tokens.asked) == 1
        delivery.stop(5)
    assert {outcome.state for outcome in outbox.outcomes} == {"pending"}
    assert all(outcome.retry_at <= datetime.now(UTC) + timedelta(seconds=2) for outcome in outbox.outcomes)
    told = [line for line in lines if line["event"] == "target-not-authorized"]
    assert [(line["target"], line["reason"]) for line in told] == [("ward", outbox.outcomes[0].reason)]
    assert "(invalid_client, status 401)" in told[0]["reason"]


@pytest.mark.loopback
def test_a_replaced_secret_file_is_read_when_the_old_secret_is_refused(hospitals, tmp_path):
    file = tmp_path / "token"
    file.write_text("old")
    hospital = hospitals[0]
    hospital.admits = lambda shown: shown == "Bearer new"
    who = auth("bearer", secret_file=file)
    client = client_of(TargetSettings(name="ward", url=hospital.url, auth=who))
    try:
        with pytest.raises(Unauthorized):
            client.find_patient("urn:mrn", "4711")
        file.unlink()
        with pytest.raises(Unauthorized):
            client.find_patient("urn:mrn", "4711")
        file.write_text("new")
        assert client.find_patient("urn:mrn", "4711").reference == "Patient/4711"
    finally:
        client.close()
    assert hospital.shown == ["Bearer old", "Bearer new"]


@pytest.mark.loopback
def test_the_client_of_a_target_has_its_token_and_its_certificates(tokens, hospitals, key, tmp_path):
    Authority(tmp_path, "ca")
    target = smart_target("ward", hospitals[0], tokens, key)
    client = client_of(target)
    try:
        assert client.authorize().endpoint == tokens.url
    finally:
        client.close()
    assert tokens.asked[0]["scope"] == " ".join(SCOPES)
    wrong = TargetSettings(name="x", url="https://x", tls=FhirTls(ca=Path("/nonexistent")))
    with pytest.raises(SecretMissing):
        client_of(wrong)
