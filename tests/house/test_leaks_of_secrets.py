"""No password, key, assertion or token is ever told: by a failure, a log line, a command, or what is published."""

from __future__ import annotations

import json
import traceback
from base64 import b64encode

import hospital as hospital_resources
import pytest
import structlog
from at_length import examples
from hospital_server import HospitalServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from running_service import Laboratory, eventually
from signing_keys import ec_key, jwk, key_file, pem
from token_server import TokenServer

from adapter.app.fhir_servers import watch_of
from adapter.cli import main
from adapter.fhir import loads
from adapter.settings import TargetSettings
from adapter.transport.fhir_auth import BasicAuth, BearerAuth, SmartAuth
from adapter.transport.fhir_client import Ambiguous, FhirClient, Permanent, Transient, Unauthorized
from adapter.transport.fhir_failures import Reply
from adapter.transport.fhir_session import FhirSession
from adapter.transport.smart_keys import KeyRing, public_set

pytestmark = pytest.mark.loopback

TOKEN = "zq8X1-opaque.access_token~of+this/test="
PASSWORD = "pass-zqw-0rd"
PIECE = 12
"""So many signs of a secret in a row are no accident."""
PLACES = (
    "error",
    "error_description",
    "error_uri",
    "token_type",
    "access_token",
    "scope",
    "expires_in",
    "token_endpoint",
)


def pieces(secret):
    return {secret[at : at + PIECE] for at in range(0, max(len(secret) - PIECE, 0) + 1, 3)}


def private_parts():
    """What of the key must never leave: its PEM lines and the secret members of its JWK."""
    lines = [line for line in pem(ec_key()).decode().splitlines() if not line.startswith("-----")]
    return {*lines, json.loads(jwk(ec_key()))["d"]}


def leaked(texts, secrets):
    found = "\n".join(texts)
    return sorted(piece for secret in secrets for piece in pieces(secret) if piece in found)


class Echo:
    """A server that answers whatever it is asked with what a test thought up, and repeats the secrets it was shown."""

    def __init__(self, script):
        self.script = list(script)
        self.shown = set()

    def __call__(self, _method, _url, body, headers):
        shown = [headers.get("Authorization", ""), (body or b"").decode("latin-1")]
        self.shown.update(part.partition(" ")[2] or part for part in shown)
        self.shown.update(part.partition("client_assertion=")[2] for part in shown if "client_assertion=" in part)
        status, place, token_in_place, more = self.script.pop(0) if self.script else (401, "error", False, "")
        echoed = f"{more} {' '.join(shown)} {TOKEN if token_in_place else ''}".strip()
        answer = {
            "access_token": TOKEN,
            "token_type": "bearer",
            "expires_in": 300,
            "token_endpoint": "https://tokens.example/token",
            "resourceType": "OperationOutcome",
            "issue": [{"severity": "error", "code": echoed, "diagnostics": echoed, "expression": [echoed]}],
            place: echoed,
        }
        answered = {"WWW-Authenticate": f'Bearer error="{echoed}"', "Location": echoed, "Retry-After": echoed}
        parsed = loads(json.dumps(answer).encode())
        return Reply(status=status, headers=answered, body=parsed, empty=False)


STEPS = st.tuples(
    st.sampled_from([200, 201, 302, 400, 401, 403, 404, 409, 422, 429, 500, 503]),
    st.sampled_from(PLACES),
    st.booleans(),
    st.sampled_from(["", "invalid_client", "invalid_scope", "The key", "insufficient_scope"]),
)
GOOD = (200, "error_uri", False, "")
"""So that the token server is found, and gives a token, before anything goes wrong."""
AUTHS = ("basic", "bearer", "smart")


@pytest.fixture(scope="module")
def ring(tmp_path_factory):
    return KeyRing([key_file(tmp_path_factory.mktemp("keys") / "key", pem(ec_key()))])


def credentials(kind, ring):
    match kind:
        case "basic":
            return BasicAuth(user="us", password=PASSWORD), {PASSWORD, b64encode(f"us:{PASSWORD}".encode()).decode()}
        case "bearer":
            return BearerAuth(token=TOKEN), {TOKEN}
        case _:
            return SmartAuth(client_id="us", keys=ring, scopes=("system/Flag.cu",)), {TOKEN, *private_parts()}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(60))
@given(kind=st.sampled_from(AUTHS), good=st.integers(0, 2), script=st.lists(STEPS, max_size=5), writing=st.booleans())
def test_no_failure_and_no_log_line_ever_holds_a_secret(ring, monkeypatch, kind, good, script, writing):
    auth, secrets = credentials(kind, ring)
    echo = Echo([GOOD] * good + script)
    monkeypatch.setattr(FhirSession, "_exchange", lambda _, *asked, **__: echo(*asked))
    told = [repr(auth)]
    with structlog.testing.capture_logs() as lines:
        client = FhirClient(
            "https://fhir.example", auth=auth, observe=watch_of(TargetSettings(name="ward", url="https://fhir.example"))
        )
        for _ in range(3):
            try:
                client.put("Flag", "f", b"{}") if writing else client.capabilities()
            except (Transient, Ambiguous, Permanent) as failure:
                told += [str(failure), repr(failure), failure.reason, "".join(traceback.format_exception(failure))]
                if isinstance(failure, Unauthorized):
                    told += [failure.description, str(failure.advice)]
        client.close()
    told += [json.dumps(lines, default=repr)]
    assertions = {shown for shown in echo.shown if shown.count(".") == 2}
    # A client id and the public name of a key are told on purpose; the head of an assertion is no secret either.
    assert leaked(told, secrets | {assertion.partition(".")[2] for assertion in assertions}) == []


@pytest.fixture
def hospital():
    server = HospitalServer()
    yield server
    server.close()


@pytest.fixture
def tokens():
    server = TokenServer()
    yield server
    server.close()


def site(folder, hospital, tokens, delivery="on"):
    key = key_file(folder / "key.pem", pem(ec_key()))
    (folder / "password").write_text(PASSWORD)
    hospital.smart = {"token_endpoint": tokens.url}
    auths = (
        "      kind: smart\n      client_id: us\n      keys: key.pem\n",
        "      kind: basic\n      username: us\n      secret_file: password\n",
        "      kind: bearer\n      secret_environment: TROUGHLINE_TEST_TOKEN\n",
    )
    targets = "".join(
        f"  - name: ward{number}\n    url: {hospital.url}\n    delivery: {delivery}\n    auth:\n{auth}"
        for number, auth in enumerate(auths)
    )
    file = folder / "site.yaml"
    file.write_text(f"targets:\n{targets}")
    tokens.clients["us"] = public_set([KeyRing([key])])
    return file


@pytest.mark.parametrize("answer", [None, (400, {"error": "invalid_client", "error_description": "{assertion}"})])
def test_check_tells_no_secret(tmp_path, hospital, tokens, monkeypatch, capsys, answer):
    monkeypatch.setenv("TROUGHLINE_TEST_TOKEN", TOKEN)
    file = site(tmp_path, hospital, tokens)
    hospital.admits = lambda _: False
    tokens.answer = answer
    for form in ((), ("--json",)):
        code = main(
            ["check", "--config", str(file), "--store", str(tmp_path / "store"), "--http", "127.0.0.1:0", *form]
        )
        assert code == 1
    out, err = capsys.readouterr()
    assert out.count("ward2") >= 2
    assert tokens.asked
    secrets = {TOKEN, PASSWORD, *private_parts(), *tokens.tokens, *(form["client_assertion"] for form in tokens.asked)}
    assert leaked([out, err], secrets) == []


@pytest.mark.slow
def test_the_service_tells_no_secret_and_publishes_its_public_keys_without_a_token(start, tmp_path, hospital, tokens):
    file = site(tmp_path, hospital, tokens)
    (tmp_path / "http-token").write_text("http-secret")
    with file.open("a") as more:
        more.write("http:\n  port: 0\n  token_file: http-token\nmllp:\n  - port: 0\n")
    hospital.admits = lambda _: False
    service = start("--config", str(file), environment={"TROUGHLINE_TEST_TOKEN": TOKEN})
    answer = service.get("/.well-known/jwks.json")
    assert (answer.status_code, answer.json()) == (200, tokens.clients["us"])
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert service.get("/metrics").status_code == 401
    assert set(answer.json()["keys"][0]) == {"kty", "crv", "x", "y", "kid", "alg", "use"}
    service.session.headers["Authorization"] = "Bearer http-secret"
    service.post(hospital_resources.patient())
    service.post(hospital_resources.dose())
    with Laboratory(service.mllp) as laboratory:
        laboratory.send(hospital_resources.oru("S1", value="<0.03"))
    told = eventually(lambda: [line for line in service.logged() if line["event"] == "target-not-authorized"][2:])
    assert {line["target"] for line in told} <= {"ward0", "ward1", "ward2"}
    hospital.admits = tokens.admits
    eventually(lambda: [reference for reference in hospital.writes if reference.startswith("Flag/")])
    eventually(lambda: [line for line in service.logged() if line["event"] == "target-authorized"])
    assert service.stop() == 0
    secrets = {TOKEN, PASSWORD, *private_parts(), *tokens.tokens, *(form["client_assertion"] for form in tokens.asked)}
    assert tokens.asked
    assert leaked([service.log.read_text(), answer.text], secrets) == []
