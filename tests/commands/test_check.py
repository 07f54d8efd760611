"""`troughline check`: every condition that would keep the service from working, and none that would not."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import ssl
from collections import namedtuple
from datetime import UTC, datetime
from pathlib import Path

import pytest
from authority import Authority
from hospital import oru
from hospital_server import HospitalServer
from kept_store import KeptStore, stored
from signing_keys import ec_key, key_file, pem
from token_server import TokenServer

from adapter.cli import main
from adapter.commands import check_store
from adapter.commands.check_store import LEAST_FREE_BYTES, LOW_FREE_BYTES, file_system, lock_holder
from adapter.settings import site
from adapter.store.answers_told import note_told
from adapter.store.folder import lock_store
from adapter.store.owed_answers import OwedAnswers
from adapter.transport.smart_keys import KeyRing, public_set

Usage = namedtuple("Usage", "total used free")  # noqa: PYI024 - as shutil gives it
FREE_PORTS = ("--mllp", "127.0.0.1:0", "--http", "127.0.0.1:0")

BEST = "strategy: update-as-create"


@pytest.fixture
def check(capsys, tmp_path):
    """Run the command; returns its exit code and (state, said, advice) by subject."""

    def run(*arguments, store=None, ports=FREE_PORTS):
        place = store or tmp_path / "store"
        code = main(["check", "--json", "--store", str(place), *ports, *map(str, arguments)])
        results = json.loads(capsys.readouterr().out)["results"]
        told: dict[str, list[tuple[str, str, str | None]]] = {}
        for result in results:
            told.setdefault(result["about"], []).append((result["state"], result["said"], result["advice"]))
        return code, told

    return run


@pytest.fixture
def hospital():
    server = HospitalServer()
    yield server
    server.close()


def nothing(_store):
    """A store that was started, and no more."""


@pytest.fixture
def kept(tmp_path):
    return stored(tmp_path / "store", nothing)


@pytest.mark.usefixtures("kept")
def test_with_nothing_wrong_it_ends_with_0(check):
    code, told = check("--thorough")
    assert code == 0
    assert {state for results in told.values() for state, _, _ in results} == {"ok", "skipped"}
    assert list(told) == [
        *("configuration", "store", "store inbox.db", "store inbox-core.db", "store state.db", "disk"),
        *("port mllp default", "port http", "targets", "clock"),
    ]
    assert told["store state.db"][0][1].startswith("schema ")
    assert told["store state.db"][0][1].endswith(", sound")


def test_the_page_names_what_was_looked_at_and_what_to_do(capsys, kept):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code = main(["check", "--store", str(kept), "--mllp", f"127.0.0.1:{port}", "--http", "127.0.0.1:0"])
    out, err = capsys.readouterr()
    assert (code, err) == (1, "")
    lines = out.splitlines()
    assert lines[0].startswith("ok       configuration        1 MLLP listener, 0 senders, 0 targets, ")
    refused = lines.index(f"failed   port mllp default    127.0.0.1:{port}: another program listens there already")
    assert lines[refused + 1].split() == ["->", "end", "that", "program,", "or", "configure", "another", "port"]


def test_mistakes_in_the_configuration_are_all_told_and_nothing_else_is_looked_at(check, tmp_path):
    config = tmp_path / "troughline.yaml"
    config.write_text("stoer: here\nhttp:\n  prot: 1\n")
    code, told = check("--config", config)
    assert code == 1
    assert [said.partition(": ")[0][-18:] for _, said, _ in told["configuration"]] == [
        "/troughline.yaml:1",
        "/troughline.yaml:3",
    ]
    assert list(told) == ["configuration", "others"]


@pytest.mark.usefixtures("kept")
def test_a_warning_of_the_configuration_is_no_failure(check, tmp_path):
    Authority(tmp_path, "ca").issue("ours", days=3)
    config = tmp_path / "troughline.yaml"
    config.write_text("mllp:\n- tls:\n    certificate: ours.crt\n    key: ours.key\n    client_cert: none\n")
    code, told = check("--config", config)
    assert code == 0
    assert [state for state, _, _ in told["configuration"]] == ["warning", "ok"]
    assert ": the certificate expires on " in told["configuration"][0][1]


def test_an_address_held_by_the_service_of_this_store_is_fine(check, kept):
    with socket.create_server(("127.0.0.1", 0)) as own, lock_store(kept):
        address = f"127.0.0.1:{own.getsockname()[1]}"
        code, told = check(ports=("--mllp", address, "--http", "127.0.0.1:0"))
    assert code == 0
    assert told["port mllp default"] == [
        ("ok", f"{address} is in use; the service runs as process {os.getpid()}", None)
    ]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("192.0.2.1:2575", "192.0.2.1:2575: no interface of this machine has that address"),
        ("no-such-host.invalid:2575", "no-such-host.invalid:2575: the name no-such-host.invalid is not known here"),
    ],
)
@pytest.mark.usefixtures("kept")
def test_an_address_that_is_not_ours_is_told(check, address, said):
    code, told = check(ports=("--mllp", address, "--http", "127.0.0.1:0"))
    assert (code, told["port mllp default"][0][:2]) == (1, ("failed", said))


def test_a_store_that_is_not_there_yet_can_be_made(check, tmp_path):
    code, told = check(store=tmp_path / "a" / "b")
    assert code == 0
    assert told["store"] == [("ok", f"{tmp_path / 'a' / 'b'} does not exist yet and can be made", None)]
    assert not (tmp_path / "a").exists()


def test_a_store_others_may_look_into_is_a_warning(check, kept):
    kept.chmod(0o755)
    code, told = check()
    assert (code, told["store"][0][0]) == (0, "warning")
    assert "has mode 0755" in told["store"][0][1]


def test_a_file_as_store_fails(check, tmp_path):
    place = tmp_path / "file"
    place.write_text("x")
    code, told = check(store=place)
    assert (code, told["store"][0][:2]) == (1, ("failed", f"{place} is no folder"))


def test_a_newer_store_and_a_file_that_is_none_fail(check, kept):
    with sqlite3.connect(kept / "state.db") as newer:
        newer.execute("insert into store_version values (99, 'state')")
    newer.close()
    (kept / "inbox.db").write_bytes(b"something else" * 1000)
    code, told = check()
    assert code == 1
    assert told["store state.db"][0][:2] == (
        "failed",
        "written by a newer version of this program (schema 99, known here: 3)",
    )
    assert told["store inbox.db"][0][0] == "failed"
    assert told["store inbox-core.db"][0][0] == "ok"


@pytest.mark.parametrize("thorough", [True, False])
def test_damaged_pages_are_found_by_a_thorough_check_only(check, kept, thorough):
    path = kept / "state.db"
    pages = bytearray(path.read_bytes())
    pages[-4096:-4032] = b"\xff" * 64
    path.write_bytes(pages)
    code, told = check(*(["--thorough"] if thorough else []))
    assert (told["store state.db"][0][0] == "failed") is thorough
    assert code == int(thorough)


@pytest.mark.parametrize(
    ("free", "state", "code"),
    [
        (LEAST_FREE_BYTES - 1, "failed", 1),
        (LEAST_FREE_BYTES, "warning", 0),
        (LOW_FREE_BYTES - 1, "warning", 0),
        (LOW_FREE_BYTES, "ok", 0),
    ],
)
@pytest.mark.usefixtures("kept")
def test_little_room_is_told_before_there_is_none(check, monkeypatch, free, state, code):
    monkeypatch.setattr(check_store.shutil, "disk_usage", lambda _: Usage(total=2**40, used=0, free=free))
    found, told = check()
    assert (found, told["disk"][0][0]) == (code, state)


@pytest.mark.parametrize(("cost_ms", "state"), [(20.0, "ok"), (20.1, "warning")])
@pytest.mark.usefixtures("kept")
def test_a_slow_disk_is_a_warning(check, monkeypatch, cost_ms, state):
    monkeypatch.setattr(check_store, "sync_ms", lambda _: cost_ms)
    assert check()[1]["disk"][1][:2] == (state, f"a sync to disk takes {cost_ms} ms (median of 21)")


def test_a_sync_is_measured_and_leaves_nothing_behind(check, kept):
    files = {"inbox.db", "inbox-core.db", "state.db"}
    said = check()[1]["disk"][1][1]
    assert float(said.split()[5]) > 0
    # A reader of a write-ahead log needs these two beside each file.
    assert {path.name.removesuffix("-wal").removesuffix("-shm") for path in kept.iterdir()} == files


@pytest.mark.parametrize(
    ("mounts", "kind"),
    [
        ("server:/x {place} nfs4 rw 0 0\n", "nfs4"),
        ("server:/x / nfs4 rw 0 0\n/dev/sda {place} ext4 rw 0 0\n", "ext4"),
        ("server:/x {place}/other nfs4 rw 0 0\n/dev/sda / xfs rw 0 0\n", "xfs"),
        ("short\n", ""),
    ],
)
def test_the_file_system_is_that_of_the_nearest_mount(tmp_path, monkeypatch, mounts, kind):
    table = tmp_path / "mounts"
    table.write_text(mounts.format(place=tmp_path))
    monkeypatch.setattr(check_store, "MOUNTS", table)
    assert file_system(tmp_path) == kind


@pytest.mark.usefixtures("kept")
def test_a_network_file_system_fails(check, monkeypatch):
    monkeypatch.setattr(check_store, "file_system", lambda _: "nfs4")
    code, told = check()
    assert code == 1
    assert "(nfs4), whose locks and syncs cannot be trusted" in told["disk"][1][1]


@pytest.mark.usefixtures("kept")
def test_a_target_that_can_do_everything_is_fine(check, hospital):
    code, told = check("--fhir", hospital.url)
    assert code == 0
    assert told["target fhir"] == [("ok", f"{hospital.url}: Hospital 7, FHIR 4.0.1, delivery: on, {BEST}", None)]
    assert told["clock"] == [("ok", "within 5 s of the nearest target", None)]


@pytest.mark.usefixtures("kept")
def test_what_a_target_does_not_offer_is_named(check, hospital):
    rest = hospital.statement["rest"][0]
    rest["interaction"] = []
    rest["resource"] = [
        {"type": "Observation", "interaction": [{"code": "update"}], "updateCreate": False},
        {"type": "Flag", "interaction": [{"code": "read"}]},
        {"type": "Provenance", "interaction": [{"code": "update"}]},
    ]
    code, told = check("--fhir", hospital.url)
    assert (code, told["target fhir"][0][0]) == (0, "warning")
    assert told["target fhir"][0][2] == (
        "it does not say that it can create a Observation, create a Flag, search Patient; "
        "try it with a test patient before going on"
    )
    assert told["target fhir"][0][1].endswith("strategy: Observation none, Flag none, Provenance update-as-create")


@pytest.mark.usefixtures("kept")
def test_the_strategy_a_target_offers_is_told(check, hospital):
    for row in hospital.statement["rest"][0]["resource"][:3]:
        row |= {"interaction": [{"code": "create"}, {"code": "update"}], "updateCreate": False}
    code, told = check("--fhir", hospital.url)
    assert code == 0
    assert told["target fhir"][0][:2] == (
        "ok",
        f"{hospital.url}: Hospital 7, FHIR 4.0.1, delivery: on, strategy: search-first",
    )


@pytest.mark.usefixtures("kept")
def test_a_target_that_takes_no_corrections_is_named(check, hospital):
    for row in hospital.statement["rest"][0]["resource"][:3]:
        row |= {"interaction": [{"code": "create"}], "updateCreate": False}
    code, told = check("--fhir", hospital.url)
    assert (code, told["target fhir"][0][0]) == (0, "warning")
    assert told["target fhir"][0][2].startswith(
        "it does not say that it can update a Observation, update a Flag; try it"
    )


@pytest.mark.usefixtures("kept")
def test_a_strategy_the_target_does_not_offer_is_named(check, hospital, tmp_path):
    settings = tmp_path / "site.yaml"
    settings.write_text(
        f"store: store\ntargets:\n  - name: ehr\n    url: {hospital.url}\n    strategy: conditional-create\n"
    )
    _, told = check("--config", str(settings))
    assert told["target ehr"][0][0] == "warning"
    assert "write a Flag by conditional-create" in told["target ehr"][0][2]


@pytest.mark.parametrize("version", ["3.0.2", "5.0.0", None])
@pytest.mark.usefixtures("kept")
def test_another_fhir_version_fails(check, hospital, version):
    hospital.statement["fhirVersion"] = version
    code, told = check("--fhir", hospital.url)
    assert (code, told["target fhir"][0][0]) == (1, "failed")
    assert told["target fhir"][0][2] == "results are FHIR R4; name an R4 endpoint"


@pytest.mark.parametrize(
    ("status", "said"), [(401, "it does not accept our credentials"), (403, "it does not allow us in")]
)
@pytest.mark.usefixtures("kept")
def test_refused_credentials_are_told_as_such(check, hospital, status, said):
    hospital.status = status
    code, told = check("--fhir", hospital.url)
    assert (code, told["target fhir"][0][:2]) == (1, ("failed", f"{hospital.url}: {said}"))


@pytest.fixture
def tokens():
    server = TokenServer()
    yield server
    server.close()


@pytest.fixture
def smart(tmp_path, hospital, tokens):
    """The configuration of a target that asks for tokens, and whose client is registered."""
    ring = KeyRing([key_file(tmp_path / "key.pem", pem(ec_key()))])
    tokens.clients["us"] = public_set([ring])
    hospital.admits = tokens.admits
    hospital.smart = {"token_endpoint": tokens.url}
    config = tmp_path / "troughline.yaml"
    auth = "    auth:\n      kind: smart\n      client_id: us\n      keys: key.pem\n"
    config.write_text(f"targets:\n  - name: ward\n    url: {hospital.url}\n{auth}")
    return config


@pytest.mark.usefixtures("kept")
def test_a_target_with_tokens_is_asked_for_one_and_whether_it_lets_us_in(check, smart, hospital, tokens):
    code, told = check("--config", smart)
    assert code == 0
    assert told["target ward token"] == [("ok", f"{tokens.url} gives a token for 300 s", None)]
    assert told["target ward"] == [("ok", f"{hospital.url}: Hospital 7, FHIR 4.0.1, delivery: shadow, {BEST}", None)]
    assert told["target ward access"] == [
        ("ok", "the access token is accepted; a Patient may be looked up", None),
    ]
    assert list(told)[-4:] == ["target ward token", "target ward", "target ward access", "clock"]
    assert (len(tokens.asked), hospital.writes) == (1, {})


@pytest.mark.usefixtures("kept")
def test_a_token_with_too_few_scopes_is_a_warning(check, smart, tokens):
    tokens.allowed = "system/Patient.rs system/Observation.crus"
    code, told = check("--config", smart)
    advice = (
        "it does not give system/Flag.crus system/Provenance.crus: have these scopes granted, or writing is refused"
    )
    assert code == 0
    assert told["target ward token"] == [("warning", f"{tokens.url} gives a token for 300 s", advice)]


@pytest.mark.usefixtures("kept")
def test_a_refused_client_is_told_with_what_the_server_says_and_what_to_do(check, smart, tokens):
    (key,) = tokens.clients.pop("us")["keys"]
    code, told = check("--config", smart)
    assert code == 1
    ((state, said, advice),) = told["target ward token"]
    assert state == "failed"
    assert said.startswith("no access token: the token server refuses: it does not accept our client id, our key or ")
    assert said.endswith("(invalid_client, status 401); it says: The key is not known")
    assert advice == (
        "is client_id as registered there? does it know our public key (/.well-known/jwks.json)? is the clock right? "
        f"(client_id us, key {key['kid']})"
    )
    assert [about for about in told if about.startswith("target")] == ["target ward token"]
    assert told["clock"][0][0] == "skipped"


@pytest.mark.usefixtures("kept")
def test_a_token_server_that_is_away_is_told_as_such(check, smart, hospital):
    hospital.smart = {"token_endpoint": "http://127.0.0.1:9/token"}
    code, told = check("--config", smart)
    assert (code, told["target ward token"][0][:2]) == (
        1,
        ("failed", "no access token: the token server: the server cannot be reached: nobody listens there"),
    )


@pytest.mark.usefixtures("kept")
def test_a_server_that_takes_no_token_of_this_token_server_is_told(check, smart, hospital):
    hospital.admits = lambda _: False
    code, told = check("--config", smart)
    assert code == 1
    assert told["target ward access"] == [
        (
            "failed",
            f"{hospital.url}: it does not accept our credentials",
            "is the token server the one of this FHIR server, and may our client use it?",
        )
    ]


@pytest.mark.parametrize(
    ("auth", "advice"),
    [
        ("", "it asks for credentials: set auth.kind, and what it gave you"),
        (
            "    auth:\n      kind: basic\n      username: us\n      secret_file: secret\n",
            "compare auth.username and the password with what it gave you; is the account locked?",
        ),
        (
            "    auth:\n      kind: bearer\n      secret_file: secret\n",
            "compare the token with what it gave you; has it expired?",
        ),
    ],
)
@pytest.mark.usefixtures("kept")
def test_credentials_refused_behind_an_open_statement_are_found(check, hospital, tmp_path, auth, advice):
    (tmp_path / "secret").write_text("s3cret")
    config = tmp_path / "troughline.yaml"
    config.write_text(f"targets:\n  - name: ward\n    url: {hospital.url}\n{auth}")
    hospital.admits = lambda _: False
    code, told = check("--config", config)
    assert (code, told["target ward"][0][0]) == (1, "ok")
    assert told["target ward access"] == [("failed", f"{hospital.url}: it does not accept our credentials", advice)]
    hospital.admits = lambda shown: shown in (None, "Bearer s3cret", "Basic dXM6czNjcmV0")
    assert check("--config", config)[0] == 0


@pytest.mark.usefixtures("kept")
def test_a_certificate_that_is_not_trusted_is_told_with_the_setting(check, tmp_path):
    issued = Authority(tmp_path, "ca").issue("server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.certificate, issued.key)
    secured = HospitalServer(context)
    config = tmp_path / "troughline.yaml"
    target = f"targets:\n  - name: ward\n    url: {secured.url}\n"
    try:
        config.write_text(target)
        code, told = check("--config", config)
        ((state, said, advice),) = told["target ward"]
        assert (code, state) == (1, "failed")
        assert said == (
            f"{secured.url}: the TLS connection failed: its certificate is not accepted: "
            "unable to get local issuer certificate"
        )
        assert advice == (
            "name the authority of its certificate under tls.ca; "
            "if it asks for a certificate of ours, name that under tls.certificate"
        )
        config.write_text(target + "    tls:\n      ca: ca.crt\n")
        assert check("--config", config)[0] == 0
    finally:
        secured.close()


@pytest.mark.usefixtures("kept")
def test_a_target_that_is_away_fails_and_the_clock_is_compared_with_none(check, hospital):
    hospital.mode = "away"
    code, told = check("--fhir", hospital.url)
    assert (code, told["target fhir"][0][0], told["clock"][0][0]) == (1, "failed", "skipped")


@pytest.mark.parametrize(("delivery", "state", "code"), [("shadow", "warning", 0), ("on", "failed", 1)])
def test_a_target_that_is_away_is_a_warning_as_long_as_nothing_is_sent_to_it(check, tmp_path, delivery, state, code):
    site = tmp_path / "site.yaml"
    site.write_text(f"targets: [{{name: ehr, url: 'http://127.0.0.1:9/fhir', delivery: {delivery}}}]\n")
    ended, told = check("--config", site)
    assert (ended, [found for found, _, _ in told["target ehr"]]) == (code, [state])


ONE_PORT_APART = """\
mllp:
- name: lab
  ack_mode: auto
  application_answers:
    host: 127.0.0.1
    port: 9
- name: plain
  port: 2576
"""


@pytest.mark.parametrize(
    ("port", "told_to", "waiting"),
    [("gone", 0, "3"), ("gone", 2, "1"), ("gone", 3, None), ("gone", 4, "3"), ("lab", 0, None), ("plain", 0, "3")],
)
def test_answers_of_a_port_that_sends_none_any_more_are_named(check, kept, tmp_path, port, told_to, waiting):
    owed = OwedAnswers(kept / "answers.db", on_lost=lambda: None, on_broken=lambda _: None)
    for _ in range(3):
        owed.owe(port, b"MSH|", datetime(2026, 3, 10, tzinfo=UTC))
    owed.close()
    note_told(kept, port, told_to)
    config = tmp_path / "troughline.yaml"
    config.write_text(ONE_PORT_APART)
    _, told = check("--config", config)
    assert told["store answers.db"][0][0] == "ok"
    found = told.get(f"answers of {port}", [])
    assert [(state, said.split()[0]) for state, said, _ in found] == ([("warning", waiting)] if waiting else [])


def test_answers_in_a_file_that_is_none_are_told_with_the_store(check, kept):
    (kept / "answers.db").write_bytes(b"nothing" * 1000)
    code, told = check()
    assert (code, told["store answers.db"][0][0]) == (1, "failed")
    assert not any(about.startswith("answers of") for about in told)


@pytest.mark.parametrize("pruned", [False, True])
def test_a_state_that_is_missing_beside_pruned_bytes_fails(check, tmp_path, monkeypatch, pruned):
    store = KeptStore(tmp_path / "store")
    store.hl7(oru("A1"))
    folder = store.close()
    monkeypatch.setattr("adapter.app.rebuilding.last_emptied", lambda inbox: int(pruned and inbox.name == "inbox"))
    assert check(store=folder)[0] == 0
    for file in folder.glob("state.db*"):
        file.unlink()
    code, told = check(store=folder)
    assert code == int(pruned)
    said = [text for state, text, _ in told["store"] if state == "failed"]
    assert ["state.db is missing or too old" in text for text in said] == [True] * pruned


@pytest.mark.parametrize(
    ("ahead_s", "state", "said", "code"),
    [
        (3, "ok", "within 5 s of the nearest target", 0),
        (60, "warning", " s behind the nearest target", 0),
        (-60, "warning", " s ahead of the nearest target", 0),
        (400, "failed", " s behind the nearest target", 1),
        (-400, "failed", " s ahead of the nearest target", 1),
    ],
)
@pytest.mark.usefixtures("kept")
def test_a_clock_that_is_off_is_told(check, hospital, ahead_s, state, said, code):
    hospital.clock_ahead_s = ahead_s
    found, told = check("--fhir", hospital.url)
    assert (found, told["clock"][0][0]) == (code, state)
    assert told["clock"][0][1].endswith(said)


@pytest.mark.usefixtures("kept")
def test_a_secret_that_is_not_there_is_told_with_its_place(check, tmp_path):
    config = tmp_path / "troughline.yaml"
    config.write_text(
        "targets:\n  - name: ward\n    url: http://127.0.0.1:9/fhir\n    auth:\n      kind: bearer\n"
        "      secret_file: nowhere\n"
    )
    code, told = check("--config", config)
    assert (code, list(told)) == (1, ["configuration", "others"])
    assert told["configuration"][0][1].endswith(":6: 'secret_file': there is no such file")


@pytest.mark.usefixtures("kept")
def test_a_secret_that_has_become_unreadable_fails_its_target(check, hospital, monkeypatch, tmp_path):
    def unreadable(*_, **__):
        raise PermissionError(13, "Permission denied")

    config = tmp_path / "troughline.yaml"
    (tmp_path / "token").write_text("t0k")
    auth = "    auth:\n      kind: bearer\n      secret_file: token\n"
    config.write_text(f"targets:\n  - name: ward\n    url: {hospital.url}\n{auth}")
    monkeypatch.setattr(site, "read_secret", unreadable)  # a test run as root could read any file
    code, told = check("--config", config)
    assert (code, told["target ward"][0][:2]) == (1, ("failed", "its secret cannot be read: Permission denied"))


def test_a_folder_without_a_running_service_has_no_holder(tmp_path):
    assert lock_holder(tmp_path) is None
    with lock_store(tmp_path):
        assert lock_holder(tmp_path) == os.getpid()
    assert lock_holder(tmp_path) is None
    assert lock_holder(Path("/nonexistent")) is None
