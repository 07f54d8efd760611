"""What always holds of access tokens, whatever the token server does and however time goes on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from signing_keys import ec_key, key_file, pem

from adapter.transport.fhir_auth import SmartAuth
from adapter.transport.fhir_failures import Reply, Transient
from adapter.transport.smart_keys import KeyRing
from adapter.transport.smart_token import TokenSource

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def ring(tmp_path_factory):
    return KeyRing([key_file(tmp_path_factory.mktemp("keys") / "key", pem(ec_key()))])


class Server:
    """Gives numbered tokens, refuses, or is away; remembers when it was asked and with what."""

    def __init__(self):
        self.now_s = 0.0
        self.mood = "gives"
        self.life_s = 300
        self.ends = {}
        self.asked_at = []
        self.jtis = []

    def __call__(self, _method, _url, body, _headers):
        self.asked_at.append(self.now_s)
        assertion = parse_qs(body.decode())["client_assertion"][0]
        self.jtis.append(jwt.decode(assertion, options={"verify_signature": False})["jti"])
        if self.mood == "away":
            raise Transient("the server cannot be reached")
        if self.mood == "refuses":
            return Reply(status=401, headers={}, body={"error": "invalid_client"}, empty=False)
        value = f"token-{len(self.asked_at)}"
        self.ends[f"Bearer {value}"] = self.now_s + self.life_s
        answer = {"access_token": value, "token_type": "bearer", "expires_in": self.life_s}
        return Reply(status=200, headers={}, body=answer, empty=False)


WAITS_S = (0.0, 0.5, 1.0, 1.5, 1.9, 2.0, 3.9, 4.1, 8.5, 59.9, 60.1, 239.0, 241.0, 299.9, 300.1)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.sampled_from(WAITS_S)),
        st.tuples(st.just("mood"), st.sampled_from(["gives", "refuses", "away"])),
        st.tuples(st.just("life"), st.sampled_from([1, 10, 300])),
        st.tuples(st.just("refused"), st.none()),
        st.tuples(st.just("refused twice"), st.none()),
        st.tuples(st.just("accepted"), st.none()),
        st.tuples(st.just("ask"), st.none()),
    ),
    max_size=40,
)


@pytest.mark.slow
@settings(max_examples=150)
@given(steps=STEPS)
def test_no_ended_token_is_shown_no_pause_is_cut_short_and_no_assertion_is_used_twice(ring, steps):
    server = Server()
    source = TokenSource(
        SmartAuth(client_id="us", keys=ring, token_url="https://tokens.example", scopes=("system/Flag.cu",)),
        "https://fhir.example",
        server,
        clock=lambda: START + timedelta(seconds=server.now_s),
        monotonic=lambda: server.now_s,
    )
    refused, quiet_until = set(), 0.0
    for step, value in [*steps, ("ask", None)]:
        asked_before, may_ask_at = len(server.asked_at), quiet_until
        match step:
            case "wait":
                server.now_s += value
            case "mood":
                server.mood = value
            case "life":
                server.life_s = value
            case "accepted":
                source.accepted()
                quiet_until = 0.0
            case _:
                shown, wait_s = shown_by(source)
                quiet_until = server.now_s + wait_s
                if shown is not None:
                    assert server.ends[shown] > server.now_s
                    assert shown not in refused
                    quiet_until = server.now_s + refuse(source, shown, refused, times=step)
        asked_at = server.asked_at[asked_before:]
        assert len(asked_at) <= 1
        assert all(at >= may_ask_at for at in asked_at)
    assert len(set(server.jtis)) == len(server.jtis)


def shown_by(source):
    """What would be shown, or None and how long to wait."""
    try:
        return source.header(), 0.0
    except Transient as failure:
        return None, failure.retry_after_s


def refuse(source, shown, refused, *, times):
    """The FHIR server refuses what was shown; gives how long to wait then."""
    if times == "ask":
        return 0.0
    refused.add(shown)
    assert source.refused(shown)
    return source.pause(Transient("status 401", status=401)).retry_after_s if times == "refused twice" else 0.0
