from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from authority import Authority
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapter.knowledge.shipped import shipped
from adapter.settings import (
    FhirAuth,
    FhirTls,
    Http,
    MllpListener,
    MllpTls,
    Sender,
    Settings,
    Source,
    TargetSettings,
    load_settings,
    settings_from_flags,
)
from adapter.settings.checks import is_loopback
from adapter.settings.site import ApplicationAnswers, StrategyChoice

EXAMPLE = shipped("config") / "troughline.example.yaml"

FULL = """\
store: data
canonical_base: https://tdm.hospital.example/fhir/
sources:
  - name: lis
  - name: ehr
    zone: Europe/Rome
mllp:
  - name: north
    host: 0.0.0.0
    port: 2576
    source: lis
    default_charset: 8859/1
    zone: Europe/Rome
    max_connections: 8
    frame_limit_bytes: 1048576
    frame_timeout_s: 10
    keepalive_idle_s: 20
    answer_within_s: 5
    archive_irrelevant: full
    ack_mode: auto
    heartbeats:
      - PING|*
      - NMD^N02
senders:
  - match: "*|HOSP"
    decimal_comma: yes
    unsupported: AR
  - match: LIS|HOSP
    zone: Europe/Berlin
    content_errors: AA
    warn_in_err: yes
    cannot_store: AR
    silent_after_minutes: 60
    assumed_unit: IU/mL
http:
  host: 10.0.0.1
  port: 8443
  source: ehr
  token_file: token
  tls_certificate: server.crt
  tls_key: server.key
targets:
  - name: hospital
    url: https://fhir.hospital.example/r4/
    delivery: on
    monitor_from: 2025-01-01
    write_raw: never
    strategy: search-first
    status_map:
      Observation:
        preliminary: final
        entered-in-error: corrected
      Flag:
        entered-in-error: inactive
    authorities: https://hospital.example/mrn
    auth:
      kind: basic
      username: troughline
      secret_file: token
    literal_sources: ehr
    timeout_s: 5
    workers: 8
mappings:
  - site
policies:
  - CONS16@1
drafts: yes
delivery_retry_s: 5
config:
  - site-config
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The folder of a site, with the files its settings name."""
    (tmp_path / "token").write_text(" token-content \n")
    for name in ("hook-address", "hook-secret", "hook-signature"):
        (tmp_path / name).write_text("0123456789abcdef" * 2)
    (tmp_path / "site-drop").mkdir()
    authority = Authority(tmp_path, "senders")
    authority.issue("server")
    return tmp_path


def load(site: Path, text: str, **overrides: str) -> tuple[Settings | None, list[str]]:
    path = site / "site.yaml"
    path.write_text(text)
    found, faults = load_settings(path, overrides)
    return found, [str(fault).removeprefix(f"{site.as_posix()}/") for fault in faults]


def test_without_a_file_every_setting_has_its_default():
    assert load_settings(None, {}) == (Settings(), [])


def test_an_empty_file_is_the_defaults_beside_it(site: Path):
    assert load(site, "# nothing\n") == (Settings(store=site / "troughline-store"), [])


def test_the_example_file_loads_without_faults_and_is_the_defaults():
    assert load_settings(EXAMPLE, {}) == (Settings(store=EXAMPLE.parent / "troughline-store"), [])


def test_the_commented_settings_of_the_example_load_too(site: Path):
    text = re.sub(r"(?m)^( *)#(?! \S|$)", r"\1", EXAMPLE.read_text())
    text = text.replace("token_file: secrets/token", "token_file: token").replace(" secrets/", " ")
    text = text.replace("ack_mode: original", "ack_mode: enhanced")
    found, faults = load(site, text)
    assert faults == []
    assert found is not None
    assert found.senders == (
        Sender(
            match="LIS_NORTH|*",
            zone=ZoneInfo("Europe/Rome"),
            default_charset="utf-8",
            decimal_comma=True,
            silent_after_minutes=120,
            assumed_unit="IU/mL",
        ),
    )
    assert [(target.name, target.auth, target.tls) for target in found.targets] == [
        (
            "hospital",
            FhirAuth(kind="bearer", secret_environment="HOSPITAL_FHIR_TOKEN"),
            FhirTls(ca=site / "senders.crt", certificate=site / "server.crt", key=site / "server.key"),
        )
    ]
    assert (found.policies, found.mappings) == (("CONS16",), (site / "site-mappings",))


def test_every_setting_is_described_in_the_example():
    text = EXAMPLE.read_text()
    names = {"kind"} | {
        name
        for kind in (
            *(Settings, Source, MllpListener, MllpTls, ApplicationAnswers, Sender, Http),
            *(TargetSettings, FhirAuth, FhirTls),
        )
        for name in kind.__slots__
    }
    assert [name for name in sorted(names) if not re.search(rf"\b{name}:", text)] == []


def test_a_full_file_becomes_typed_settings_with_paths_beside_it(site: Path):
    found, faults = load(site, FULL)
    assert faults == []
    assert found is not None
    rome = ZoneInfo("Europe/Rome")
    north = MllpListener(
        name="north",
        host="0.0.0.0",  # noqa: S104 - the very thing that is configured
        port=2576,
        source="lis",
        default_charset="8859/1",
        zone=rome,
        max_connections=8,
        frame_limit_bytes=1048576,
        frame_timeout_s=10,
        keepalive_idle_s=20,
        answer_within_s=5,
        archive_irrelevant="full",
        ack_mode="auto",
        heartbeats=("PING|*", "NMD^N02"),
    )
    assert found.store == site / "data"
    assert found.canonical_base == "https://tdm.hospital.example/fhir"
    assert found.sources == (Source(name="lis"), Source(name="ehr", zone=rome))
    assert found.mllp == (north,)
    assert found.http == Http(
        host="10.0.0.1",
        port=8443,
        source="ehr",
        token_file=site / "token",
        tls_certificate=site / "server.crt",
        tls_key=site / "server.key",
    )
    assert found.targets == (
        TargetSettings(
            name="hospital",
            url="https://fhir.hospital.example/r4",
            delivery="on",
            monitor_from=date(2025, 1, 1),
            write_raw="never",
            strategy="search-first",
            status_map=(
                ("Observation", (("preliminary", "final"), ("entered-in-error", "corrected"))),
                ("Flag", (("entered-in-error", "inactive"),)),
            ),
            authorities=("https://hospital.example/mrn",),
            auth=FhirAuth(kind="basic", username="troughline", secret_file=site / "token"),
            literal_sources=("ehr",),
            timeout_s=5,
            workers=8,
        ),
    )
    assert (found.mappings, found.policies, found.drafts) == ((site / "site",), ("CONS16@1",), True)
    assert (found.delivery_retry_s, found.config) == (5, (site / "site-config",))


def test_the_most_exact_sender_wins_and_takes_what_it_leaves_open_from_its_listener(site: Path):
    found, _ = load(site, FULL)
    assert found is not None
    rome, berlin = ZoneInfo("Europe/Rome"), ZoneInfo("Europe/Berlin")
    exact = Sender(
        match="LIS|HOSP",
        zone=berlin,
        content_errors="AA",
        warn_in_err=True,
        cannot_store="AR",
        silent_after_minutes=60,
        assumed_unit="IU/mL",
    )
    assert found.sender("LIS|HOSP") == exact
    assert found.sender("OTHER|HOSP", found.mllp[0]) == Sender(
        match="*|HOSP", zone=rome, default_charset="8859/1", decimal_comma=True, unsupported="AR"
    )
    assert found.sender("OTHER|ELSE", found.mllp[0]) == Sender(zone=rome, default_charset="8859/1")
    assert Settings().sender("LIS|HOSP") == Sender()


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("stroe: x\n", ["site.yaml:1: 'stroe' is not a key here; did you mean 'store'?"]),
        ("a: [\n", None),
        ("- a\n", ["site.yaml:1: the file holds no keys; it begins with lines like 'key: value'"]),
        ("http:\n  port: 70000\n", ["site.yaml:2: 'port' takes a whole number from 0 to 65535"]),
        ("http:\n  port: 80.5\n", ["site.yaml:2: 'port' takes a whole number from 0 to 65535"]),
        ("http: 8080\n", ["site.yaml:1: 'http' takes a block of keys"]),
        ("mllp:\n  port: 1\n", ["site.yaml:1: 'mllp' takes a list; begin each entry with '- '"]),
        ("mllp:\n  - 2575\n", ["site.yaml:2: an entry of 'mllp' takes a block of keys"]),
        (
            "targets:\n  - name: a\n    url: http://x\n    strategy: put\n",
            [f"site.yaml:4: 'put' is not one of {', '.join(sorted(get_args(StrategyChoice)))}"],
        ),
        (
            "targets:\n  - name: a\n    url: http://x\n    status_map:\n      Flags:\n        active: inactive\n",
            ["site.yaml:5: 'Flags' is not a key here; did you mean 'Flag'?"],
        ),
        (
            "targets:\n  - name: a\n    url: http://x\n    status_map:\n      Flag:\n        closed: inactive\n",
            ["site.yaml:6: 'closed' is not a key here"],
        ),
        (
            "targets:\n  - name: a\n    url: http://x\n    status_map:\n      Observation:\n        final: done\n",
            [
                "site.yaml:6: 'done' is not one of amended, cancelled, corrected, entered-in-error, final, preliminary",
            ],
        ),
        (
            "targets:\n  - name: a\n    url: http://x\n    status_map:\n      Flag: {active: entered-in-error}\n",
            ["site.yaml:5: 'active' is valid, and would be told as entered in error"],
        ),
        (
            "mllp:\n  - zone: Europe/Rom\n",
            ["site.yaml:2: 'Europe/Rom' is not a time zone; write one like Europe/Rome; did you mean 'Europe/Rome'?"],
        ),
        (
            "mllp:\n  - default_charset: ACSII\n",
            ["site.yaml:2: 'ACSII' is not a character set; write 8859/1 or utf-8; did you mean 'ASCII'?"],
        ),
        (
            "mllp:\n  - name: a\n  - name: a\n    port: 2576\n",
            ["site.yaml:3: 'a' stands here twice; every entry of 'mllp' has its own name"],
        ),
        ("mllp:\n  - name: a\n  - name: b\n", ["site.yaml:3: port 2575 is taken by 'a' already"]),
        ("mllp:\n  - port: 8080\n", ["site.yaml:2: port 8080 is taken by 'http' already"]),
        (
            "mllp:\n  - source: defualt\n",
            ["site.yaml:2: there is no source 'defualt'; did you mean 'default'?; it has to stand under 'sources'"],
        ),
        (
            "mllp:\n  - heartbeats:\n      - PING|*\n      - '*|*'\n      - a|b|c\n",
            [
                f"site.yaml:{line}: a heartbeat is named by MSH-3|MSH-4, either part *, or by MSH-9; "
                "for example PING|* or NMD^N02"
                for line in (4, 5)
            ],
        ),
        ("senders:\n  - match: LIS\n", ["site.yaml:2: 'match' takes MSH-3|MSH-4, either part *; for example LIS|*"]),
        ("targets:\n  - name: a\n", ["site.yaml:2: 'url' is missing"]),
        (
            "targets:\n  - name: a\n    url: ftp://x\n",
            ["site.yaml:3: 'url' takes a URL like https://fhir.hospital.example/r4, without user, '?' or '#'"],
        ),
        (
            "targets:\n  - name: a\n    url: http://u:p@x/\n",
            ["site.yaml:3: 'url' takes a URL like https://fhir.hospital.example/r4, without user, '?' or '#'"],
        ),
        (
            "targets:\n  - name: a\n    url: http://x\n    monitor_from: 2025-02-30\n",
            ["site.yaml:4: 'monitor_from' takes a date written YYYY-MM-DD"],
        ),
        (
            "targets:\n  - name: a\n    url: http://x\n    auth:\n      kind: bearer\n",
            ["site.yaml:5: 'bearer' takes its secret from either 'secret_file' or 'secret_environment'"],
        ),
        (
            "targets:\n  - name: a\n    url: http://x\n    auth:\n      kind: basic\n      secret_environment: X\n",
            ["site.yaml:5: 'basic' needs a 'username'"],
        ),
        (
            "targets:\n  - name: a\n    url: http://x\n    auth:\n      secret_environment: X\n",
            ["site.yaml:4: a secret without 'kind: basic' or 'kind: bearer' is never used"],
        ),
        ("http:\n  token_file: gone\n", ["site.yaml:2: 'token_file': there is no such file"]),
        ("http:\n  tls_key: server.key\n", ["site.yaml:2: 'tls_certificate' and 'tls_key' go together"]),
        ("store:\n  - a\n", ["site.yaml:1: 'store' takes one text, not a block"]),
        (
            "drafts: maybe\nmllp:\n  - max_connections: 0\n",
            [
                "site.yaml:1: 'maybe' is not one of false, no, true, yes",
                "site.yaml:3: 'max_connections' takes a whole number from 1 to 10000",
            ],
        ),
    ],
)
def test_every_fault_is_told_at_once_with_its_line(site: Path, text: str, faults: list[str] | None):
    found, told = load(site, text)
    assert found is None
    assert sorted(told) == faults if faults else told


OPEN = (
    "beyond this machine HTTP needs 'tls_certificate', 'tls_key' and 'token_file'; "
    "bind it to 127.0.0.1, or accept the risk with 'insecure: yes' (--insecure)"
)


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("host: 0.0.0.0", True),
        ("host: '::'", True),
        ("host: hospital.example", True),
        ("host: 0.0.0.0\n  token_file: token", True),
        ("host: 0.0.0.0\n  tls_certificate: server.crt\n  tls_key: server.key", True),
        ("host: 0.0.0.0\n  token_file: token\n  tls_certificate: server.crt\n  tls_key: server.key", False),
        ("host: 0.0.0.0\ninsecure: yes", False),
        ("host: 127.0.0.1", False),
        ("host: '::1'", False),
        ("host: localhost", False),
    ],
)
def test_http_beyond_this_machine_needs_tls_and_a_token_or_insecure_in_so_many_words(
    site: Path, text: str, refused: bool
):
    _, faults = load(site, f"http:\n  {text}\n")
    assert faults == ([f"site.yaml:2: {OPEN}"] if refused else [])


def test_loopback_is_what_only_this_machine_reaches():
    hosts = ("127.0.0.1", "127.1.2.3", "::1", "localhost", "0.0.0.0", "10.0.0.1", "localhost.example")  # noqa: S104
    assert [is_loopback(host) for host in hosts] == [True, True, True, True, False, False, False]


def test_an_override_replaces_one_setting_and_its_faults_name_the_option(site: Path):
    found, _ = load(site, FULL, **{"http.port": "9443", "mllp.0.port": "0"})
    assert found is not None
    assert (found.http.port, found.mllp[0].port, found.mllp[0].name) == (9443, 0, "north")
    _, faults = load(site, FULL, **{"http.prot": "1", "mllp.0.port": "x"})
    assert faults == [
        "--mllp: 'port' takes a whole number from 0 to 65535",
        "option http.prot: 'prot' is not a key here; did you mean 'port'?",
    ]


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path):
    found, faults = load_settings(tmp_path / "gone.yaml", {})
    assert found is None
    assert [fault.text for fault in faults] == ["cannot be read: No such file or directory"]


def test_the_fhir_option_is_one_target_with_delivery_on(tmp_path: Path):
    found, faults = settings_from_flags(
        store=str(tmp_path), mllp="0", http="[::1]:0", fhir="http://127.0.0.1:9/fhir", insecure=True
    )
    assert faults == []
    assert found == Settings(
        store=tmp_path,
        mllp=(MllpListener(port=0),),
        http=Http(host="::1", port=0),
        targets=(TargetSettings(name="fhir", url="http://127.0.0.1:9/fhir", delivery="on"),),
        insecure=True,
    )


def test_the_fhir_option_replaces_the_targets_of_the_file(site: Path):
    (site / "site.yaml").write_text(FULL)
    found, faults = settings_from_flags(mllp=":2600", fhir="http://127.0.0.1:9", config=site / "site.yaml")
    assert faults == []
    assert found is not None
    assert [(target.name, target.delivery) for target in found.targets] == [("fhir", "on")]
    assert (found.mllp[0].name, found.mllp[0].host, found.mllp[0].port) == ("north", "127.0.0.1", 2600)


def test_a_secret_comes_from_its_file_or_from_the_environment(site: Path, monkeypatch: pytest.MonkeyPatch):
    auth = FhirAuth(kind="bearer")
    named = replace(auth, secret_environment="TROUGHLINE_TEST_TOKEN")
    assert replace(auth, secret_file=site / "token").secret() == "token-content"
    assert (auth.secret(), named.secret()) == (None, None)
    monkeypatch.setenv("TROUGHLINE_TEST_TOKEN", " abc\n")
    assert named.secret() == "abc"
    assert (Http().token(), Http(token_file=site / "token").token()) == (None, "token-content")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.one_of(
        st.binary(max_size=120),
        st.sampled_from(FULL.splitlines()).flatmap(
            lambda line: st.tuples(st.just(line), st.text(max_size=12)).map(lambda pair: FULL.replace(*pair).encode())
        ),
    )
)
def test_no_content_raises_in_settings(site: Path, content: bytes):
    path = site / "any.yaml"
    path.write_bytes(content)
    found, faults = load_settings(path, {})
    assert isinstance(found, Settings) != any(fault.severity == "error" for fault in faults)


@pytest.mark.parametrize(
    ("sender", "name"), [("LIS|HOSP", "LIS|HOSP"), ("X|HOSP", "*|HOSP"), ("X|Y", "other"), ("ZZTEST^4711|Y", "other")]
)
def test_a_sender_is_called_by_what_the_site_wrote_never_by_what_a_message_says(sender, name):
    settings = Settings(senders=(Sender(match="*|HOSP"), Sender(match="LIS|HOSP")))
    assert settings.sender_name(sender) == name


@pytest.mark.parametrize(
    ("text", "archive", "read"),
    [
        ("store: s\n", 90, None),
        ("archive_days: 1\n", 1, None),
        ("read_messages_days: 90\n", 90, 90),
        ("archive_days: 400\nread_messages_days: 36525\n", 400, 36525),
        ("archive_days: 30\nread_messages_days:\n", 30, None),
    ],
)
def test_days_after_which_something_goes(site, text, archive, read):
    found, faults = load(site, text)
    assert faults == []
    assert (found.archive_days, found.read_messages_days) == (archive, read)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("archive_days: 0\n", "site.yaml:1: 'archive_days' takes a whole number from 1 to 36525"),
        ("archive_days: 36526\n", "site.yaml:1: 'archive_days' takes a whole number from 1 to 36525"),
        ("read_messages_days: 89\n", "site.yaml:1: 'read_messages_days' takes a whole number from 90 to 36525"),
        (
            "archive_days: 400\nread_messages_days: 399\n",
            "site.yaml:2: 'read_messages_days' takes a whole number from 400 to 36525",
        ),
        ("read_messages_days: never\n", "site.yaml:1: 'read_messages_days' takes a whole number from 90 to 36525"),
    ],
)
def test_read_messages_stay_as_long_as_the_archive_at_least(site, text, fault):
    found, faults = load(site, text)
    assert found is None
    assert len(faults) == 1
    assert fault in faults[0]
