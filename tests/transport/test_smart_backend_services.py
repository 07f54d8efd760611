"""SMART Backend Services over real sockets: a strict token server, a FHIR server that asks for its tokens."""

from __future__ import annotations

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hospital_server import HospitalServer
from signing_keys import ec_key, key_file, pem, rsa_key
from token_server import TokenServer

from adapter.transport import smart_token
from adapter.transport.fhir_client import FhirClient, SmartAuth, Timeouts, Transient, Unauthorized
from adapter.transport.smart_keys import KeyRing, public_set

pytestmark = pytest.mark.loopback

SCOPES = ("system/Patient.rs", "system/Observation.crus", "system/Flag.cu", "system/Provenance.cu")
PATIENT = ("urn:mrn", "4711")
CLIENT = "troughline"


@pytest.fixture
def tokens():
    server = TokenServer()
    yield server
    server.close()


@pytest.fixture
def hospital(tokens):
    server = HospitalServer()
    server.admits = tokens.admits
    server.smart = {"token_endpoint": tokens.url, "capabilities": ["client-confidential-asymmetric", "permission-v2"]}
    yield server
    server.close()


class Clock:
    """A clock that can be set, beside the one that only goes on."""

    def __init__(self):
        self.off_s = 0.0
        self.gone_on_s = 0.0

    def now(self):
        return datetime.now(UTC) + timedelta(seconds=self.off_s)

    def monotonic(self):
        return time.monotonic() + self.gone_on_s


@pytest.fixture
def clock(monkeypatch):
    found = Clock()
    monkeypatch.setattr(smart_token.TokenSource.__init__, "__kwdefaults__", {"monotonic": found.monotonic})
    return found


@pytest.fixture
def open_client(tmp_path, hospital, tokens, clock):
    opened = []

    def open_one(*keys, registered=True, read_s=2.0, **more):
        files = [key_file(tmp_path / f"key-{number}", pem(key)) for number, key in enumerate(keys or [ec_key()])]
        ring = KeyRing(files)
        if registered:
            tokens.clients[CLIENT] = public_set([ring])
        told = []
        auth = SmartAuth(**{"client_id": CLIENT, "keys": ring, "scopes": SCOPES, **more})
        client = FhirClient(
            hospital.url,
            auth=auth,
            timeouts=Timeouts(connect_s=1, read_s=read_s, whole_s=4),
            clock=clock.now,
            observe=lambda event, facts: told.append((event, dict(facts))),
        )
        client.told = told
        opened.append(client)
        return client

    yield open_one
    for client in opened:
        client.close()


def refusal(client):
    with pytest.raises(Unauthorized) as caught:
        client.find_patient(*PATIENT)
    return caught.value


class TestAsking:
    @pytest.mark.parametrize(("key", "algorithm"), [(rsa_key(), "RS384"), (ec_key(), "ES384")])
    def test_a_token_is_asked_for_with_a_signed_assertion(self, open_client, tokens, hospital, key, algorithm):
        client = open_client(key)
        assert client.find_patient(*PATIENT).reference == "Patient/4711"
        (form,), (claims,), (head,) = tokens.asked, tokens.assertions, tokens.heads
        assert {name: value for name, value in form.items() if name != "client_assertion"} == {
            "grant_type": "client_credentials",
            "scope": " ".join(SCOPES),
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        }
        assert (claims["iss"], claims["sub"], claims["aud"]) == (CLIENT, CLIENT, tokens.url)
        assert 200 < claims["exp"] - time.time() <= 240
        assert (head["alg"], head["kid"]) == (algorithm, tokens.clients[CLIENT]["keys"][0]["kid"])
        # Nobody is told who we are before there is a token: not where the token server is asked for either.
        assert hospital.shown == [None, f"Bearer {next(iter(tokens.tokens))}"]

    def test_the_first_key_signs(self, open_client, tokens):
        open_client(ec_key(), rsa_key()).find_patient(*PATIENT)
        assert tokens.heads[0]["alg"] == "ES384"

    def test_a_server_that_knows_the_old_key_only_refuses_and_is_told_which_key_it_was(self, open_client, tokens):
        client = open_client(ec_key(), rsa_key())
        new, old = tokens.clients[CLIENT]["keys"]
        tokens.clients[CLIENT] = {"keys": [old]}
        failure = refusal(client)
        assert str(failure) == (
            "no access token: the token server refuses: it does not accept our client id, our key or our signed "
            "assertion (invalid_client, status 401)"
        )
        assert failure.advice.endswith(f"(client_id {CLIENT}, key {new['kid']})")
        assert failure.description == "The key is not known"

    def test_a_configured_token_url_is_asked_without_looking_for_another(self, open_client, tokens, hospital):
        hospital.smart = None
        open_client(token_url=tokens.url).find_patient(*PATIENT)
        assert (hospital.asked, len(tokens.asked)) == (1, 1)

    def test_scopes_of_version_1_are_asked_for_where_a_server_knows_no_other(self, open_client, tokens, hospital):
        hospital.smart["capabilities"] = ["permission-v1"]
        tokens.allowed = "system/Patient.read system/Observation.read system/Observation.write system/Flag.write"
        token = open_client().authorize()
        assert tokens.asked[0]["scope"].split() == [*tokens.allowed.split(), "system/Provenance.write"]
        assert token.not_granted == ("system/Provenance.write",)

    @pytest.mark.parametrize("capabilities", [["permission-v1"], ["permission-v1", "permission-v2"], None])
    def test_scopes_the_site_wrote_are_asked_for_as_they_are(self, open_client, tokens, hospital, capabilities):
        hospital.smart["capabilities"] = capabilities
        open_client(scopes=("system/Patient.rs",), as_written=True).find_patient(*PATIENT)
        assert tokens.asked[0]["scope"] == "system/Patient.rs"

    def test_scopes_that_are_not_given_are_told(self, open_client, tokens):
        tokens.allowed = "system/Patient.rs system/Flag.cu"
        assert open_client().authorize().not_granted == ("system/Observation.crus", "system/Provenance.cu")

    def test_no_scope_at_all_is_a_refusal(self, open_client, tokens):
        tokens.allowed = "system/Task.rs"
        failure = refusal(open_client())
        assert "it does not give the scopes we ask for (invalid_scope, status 400)" in str(failure)
        assert failure.advice.startswith("have them granted to the client there")


class TestKeeping:
    def test_one_token_serves_many_requests(self, open_client, tokens):
        client = open_client()
        for _ in range(5):
            client.find_patient(*PATIENT)
        assert len(tokens.asked) == 1

    @pytest.mark.parametrize(
        ("life", "fresh_s", "stale_s"),
        [(300, 239, 241), ("100", 79, 81), (10**9, 69_000, 70_000), (None, 47, 49), ("soon", 47, 49)],
    )
    def test_a_new_one_is_asked_for_shortly_before_its_end(self, open_client, tokens, clock, life, fresh_s, stale_s):
        tokens.life_s = life
        client = open_client()
        client.authorize()
        clock.gone_on_s = fresh_s
        client.authorize()
        assert len(tokens.asked) == 1
        clock.gone_on_s = stale_s
        client.authorize()
        assert len(tokens.asked) == 2
        assert len({claims["jti"] for claims in tokens.assertions}) == 2

    def test_a_token_that_ends_at_once_serves_one_request(self, open_client, tokens):
        tokens.life_s = 0
        client = open_client()
        first, second = client.authorize(), client.authorize()
        assert first.value != second.value
        assert first.life_s == 0

    def test_the_old_token_is_used_while_it_holds_when_no_new_one_comes(self, open_client, tokens, clock):
        client = open_client()
        first = client.authorize()
        tokens.answer = (503, {})
        clock.gone_on_s = 250
        assert client.authorize() is first
        assert len(tokens.asked) == 2
        clock.gone_on_s = 301
        with pytest.raises(Transient, match=r"^no access token: the token server: it answered with status 503$"):
            client.authorize()

    def test_many_threads_ask_once(self, open_client, tokens):
        client = open_client()
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: client.find_patient(*PATIENT).reference, range(24)))
        assert set(found) == {"Patient/4711"}
        assert len(tokens.asked) == 1

    def test_nobody_waits_for_the_next_token_as_long_as_the_old_one_holds(self, open_client, tokens, clock):
        client = open_client()
        first = client.authorize()
        tokens.slow = True
        clock.gone_on_s = 250
        asking = threading.Thread(target=client.authorize)
        asking.start()
        while len(tokens.asked) < 2:
            time.sleep(0.005)
        began = time.monotonic()
        assert client.authorize() is first
        assert time.monotonic() - began < 1
        tokens.release.set()
        asking.join()
        assert client.authorize().value != first.value
        assert len(tokens.asked) == 2


class TestRefusedTokens:
    def test_after_a_401_a_new_token_is_asked_for_and_the_request_sent_again(self, open_client, tokens, hospital):
        client = open_client()
        client.find_patient(*PATIENT)
        tokens.tokens.clear()
        bundle = (
            b'{"resourceType":"Bundle","type":"transaction","entry":[{"resource":{"resourceType":"Flag","id":"f"}}]}'
        )
        assert client.transaction(bundle).done
        assert hospital.writes == {"Flag/f": 1}
        assert len(tokens.asked) == 2
        assert client.told == []

    def test_a_401_to_the_new_token_is_told_once_and_not_tried_for_ever(self, open_client, tokens, hospital, clock):
        client = open_client()
        hospital.admits = lambda _: False
        said = "status 401 (invalid_token) to an access token issued a moment ago"
        assert str(refusal(client)) == said
        assert (len(tokens.asked), len(hospital.shown)) == (2, 3)
        again = refusal(client)
        assert 0 < again.retry_after_s <= 2
        assert (len(tokens.asked), len(hospital.shown)) == (2, 3)
        assert client.told == [("not-authorized", {"reason": said})]
        hospital.admits = tokens.admits
        clock.gone_on_s = 3
        client.find_patient(*PATIENT)
        assert client.told[1:] == [("authorized", {})]

    def test_a_refusal_is_not_repeated_before_its_pause_is_over(self, open_client, tokens, clock):
        client = open_client(registered=False)
        pauses = []
        for _ in range(8):
            asked = len(tokens.asked)
            pauses.append(round(refusal(client).retry_after_s))
            refusal(client)
            assert len(tokens.asked) == asked + 1
            clock.gone_on_s += pauses[-1] + 0.1
        assert pauses == [2, 4, 8, 16, 32, 60, 60, 60]
        assert [event for event, _ in client.told] == ["not-authorized"]

    def test_a_server_that_takes_no_token_is_asked_less_and_less_often(self, open_client, tokens, hospital, clock):
        client = open_client()
        hospital.admits = lambda _: False
        pauses = []
        for _ in range(7):
            pauses.append(round(refusal(client).retry_after_s))
            clock.gone_on_s += pauses[-1] + 0.1
        assert pauses == [2, 4, 8, 16, 32, 60, 60]
        hospital.admits = tokens.admits
        client.find_patient(*PATIENT)
        hospital.admits = lambda _: False
        assert round(refusal(client).retry_after_s) == 2

    @pytest.mark.parametrize(("asked_s", "wait_s"), [("30", 30), ("1", 2), ("7200", 3600)])
    def test_a_pause_the_token_server_asks_for_is_kept(self, open_client, tokens, asked_s, wait_s):
        tokens.answer, tokens.headers = (429, {}), {"Retry-After": asked_s}
        client = open_client()
        with pytest.raises(Transient) as caught:
            client.find_patient(*PATIENT)
        assert (type(caught.value), caught.value.retry_after_s) == (Transient, wait_s)

    def test_an_assertion_is_never_sent_twice(self, open_client, tokens, clock):
        client = open_client()
        for _ in range(4):
            client.authorize()
            clock.gone_on_s += 1000
        tokens.tokens.clear()
        client.find_patient(*PATIENT)
        used = [claims["jti"] for claims in tokens.assertions]
        assert len(set(used)) == len(used) == 5

    def test_a_replayed_assertion_would_be_refused(self, open_client, tokens, monkeypatch):
        monkeypatch.setattr(smart_token, "uuid4", lambda: "always-the-same")
        client = open_client()
        client.find_patient(*PATIENT)
        tokens.tokens.clear()
        assert refusal(client).description == "The assertion was used before"


class TestClocks:
    @pytest.mark.parametrize("off_s", [-200, -45, 50])
    def test_a_clock_a_little_off_does_no_harm(self, open_client, tokens, clock, off_s):
        clock.off_s = off_s
        client = open_client()
        assert client.find_patient(*PATIENT).reference == "Patient/4711"
        assert len(tokens.asked) == 1

    @pytest.mark.parametrize("off_s", [-86_400, -400, 400, 86_400])
    def test_with_a_clock_far_off_the_token_server_s_own_is_used_once(self, open_client, tokens, clock, off_s):
        clock.off_s = off_s
        client = open_client()
        client.find_patient(*PATIENT)
        assert len(tokens.asked) == 2
        clock.gone_on_s += 1000
        tokens.tokens.clear()
        client.find_patient(*PATIENT)
        assert len(tokens.asked) == 3

    @pytest.mark.parametrize(("off_s", "side"), [(-400, "behind"), (400, "ahead of")])
    def test_a_refusal_names_a_clock_that_is_off(self, open_client, clock, off_s, side):
        clock.off_s = off_s
        assert re.search(f"; our clock is (399|400|401) s {side} its$", str(refusal(open_client(registered=False))))

    def test_a_clock_that_is_right_is_no_reason(self, open_client):
        assert "clock" not in str(refusal(open_client(registered=False)))


class TestDiscovery:
    @pytest.mark.parametrize(
        ("told", "said"),
        [
            (None, "answers with something else than JSON"),
            ({}, "names no token endpoint with https"),
            ({"token_endpoint": "http://tokens.example/token"}, "names no token endpoint with https"),
            ({"token_endpoint": "https://tokens.example/to ken"}, "names no token endpoint with https"),
            ({"token_endpoint": "https://[broken/token"}, "names no token endpoint with https"),
            ({"token_endpoint": ["https://tokens.example"]}, "names no token endpoint with https"),
            (
                {"token_endpoint": "{url}", "token_endpoint_auth_methods_supported": ["client_secret_post"]},
                "does not list private_key_jwt in token_endpoint_auth_methods_supported",
            ),
            (
                {"token_endpoint": "{url}", "token_endpoint_auth_signing_alg_values_supported": ["RS384"]},
                "does not list ES384 in token_endpoint_auth_signing_alg_values_supported",
            ),
        ],
    )
    def test_what_keeps_the_token_server_from_being_found_is_told(self, open_client, tokens, hospital, told, said):
        hospital.smart = told and {name: tokens.url if value == "{url}" else value for name, value in told.items()}
        if told is None:
            hospital.smart = [1]
        failure = refusal(open_client())
        assert str(failure).startswith("no access token: ")
        assert str(failure).endswith(said)
        assert "auth.token_url" in failure.advice
        assert tokens.asked == []

    def test_a_server_without_a_configuration_is_told(self, open_client, hospital):
        hospital.smart, hospital.status = {}, 404
        assert str(refusal(open_client())).endswith("/.well-known/smart-configuration answers with status 404")

    def test_a_list_that_has_ours_is_fine(self, open_client, hospital):
        hospital.smart["token_endpoint_auth_methods_supported"] = ["client_secret_post", "private_key_jwt"]
        hospital.smart["token_endpoint_auth_signing_alg_values_supported"] = ["RS384", "ES384"]
        assert open_client().authorize().life_s == 300

    def test_a_token_server_that_moved_is_found_again(self, open_client, tokens, hospital, clock):
        hospital.smart["token_endpoint"] = "http://127.0.0.1:9/token"
        client = open_client()
        with pytest.raises(Transient, match=r"the token server: the server cannot be reached: nobody listens there$"):
            client.find_patient(*PATIENT)
        hospital.smart["token_endpoint"] = tokens.url
        clock.gone_on_s = 3
        client.find_patient(*PATIENT)


class TestAnswers:
    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            ((200, {}), "the token server's answer holds none"),
            ((200, [1]), "the token server's answer holds none"),
            ((200, {"access_token": "", "token_type": "bearer"}), "the token server's answer holds none"),
            ((200, {"access_token": "a\r\nb", "token_type": "bearer"}), "the token server's answer holds none"),
            ((200, {"access_token": "a b", "token_type": "bearer"}), "the token server's answer holds none"),
            ((200, {"access_token": 7, "token_type": "bearer"}), "the token server's answer holds none"),
            ((200, {"access_token": "abc", "token_type": "mac"}), "gives tokens of another type than Bearer"),
            ((200, {"access_token": "abc"}), "gives tokens of another type than Bearer"),
            ((200, b"<html>"), "the token server's answer holds none"),
            ((302, {}), "it answered with status 302"),
            ((404, b"<html>"), "it answered with status 404"),
            ((400, {"error": "made_up"}), "it answered with status 400"),
            ((400, {"error": ["invalid_client"]}), "it answered with status 400"),
            (
                (400, {"error": "unauthorized_client"}),
                "may not ask for tokens of its own (unauthorized_client, status 400)",
            ),
            ((400, {"error": "invalid_grant"}), "it does not accept our signed assertion (invalid_grant, status 400)"),
            (
                (400, {"error": "unsupported_grant_type"}),
                "know client_credentials (unsupported_grant_type, status 400)",
            ),
        ],
    )
    def test_an_answer_without_a_token_is_a_refusal_in_words(self, open_client, tokens, answer, said):
        tokens.answer = answer
        failure = refusal(open_client())
        assert str(failure).startswith("no access token: the token server")
        assert str(failure).endswith(said)
        assert failure.advice

    @pytest.mark.parametrize("status", [500, 502, 503, 429])
    def test_a_token_server_with_a_fault_of_its_own_is_waited_for(self, open_client, tokens, status):
        tokens.answer = (status, {"error": "server_error"})
        client = open_client()
        with pytest.raises(Transient) as caught:
            client.find_patient(*PATIENT)
        assert type(caught.value) is Transient
        assert client.told == []

    def test_a_token_type_may_be_written_as_the_server_likes(self, open_client, tokens, hospital):
        tokens.answer = (200, {"access_token": "abc", "token_type": "BEARER", "expires_in": 300})
        hospital.admits = lambda shown: shown == "Bearer abc"
        client = open_client()
        client.find_patient(*PATIENT)
        assert client.authorize().not_granted == ()

    def test_a_token_server_that_does_not_answer_is_given_up_in_time(self, open_client, tokens):
        tokens.slow = True
        client = open_client(read_s=0.2)
        began = time.monotonic()
        with pytest.raises(Transient, match=r"the token server: the server did not answer in time$"):
            client.find_patient(*PATIENT)
        assert time.monotonic() - began < 30
