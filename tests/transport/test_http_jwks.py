"""Our public keys over HTTP: open to everybody, and as they are at that moment."""

from __future__ import annotations

from signing_keys import ec_key, key_file, pem

from adapter.transport.http_app import build_app
from adapter.transport.http_jwks import JWKS_PATH, jwks_routes
from adapter.transport.smart_keys import KeyRing, public_set


def app(rings):
    return build_app(jwks_routes(lambda: public_set(rings)), token="secret", on_event=lambda *_: None)


def test_the_set_is_given_without_a_token_and_not_for_long(browser, tmp_path):
    ring = KeyRing([key_file(tmp_path / "key", pem(ec_key()))])
    answer = browser(app([ring])).get(JWKS_PATH)
    assert (answer.status_code, answer.json()) == (200, {"keys": [dict(ring.current()[0].public_jwk)]})
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "public, max-age=300"


def test_a_replaced_key_is_in_the_next_answer(browser, tmp_path):
    file = key_file(tmp_path / "key", pem(ec_key(1)))
    asking = browser(app([KeyRing([file])]))
    (before,) = asking.get(JWKS_PATH).json()["keys"]
    key_file(file, pem(ec_key(2)))
    (after,) = asking.get(JWKS_PATH).json()["keys"]
    assert before["kid"] != after["kid"]


def test_without_keys_the_set_is_empty(browser):
    assert browser(app([])).get(JWKS_PATH).json() == {"keys": []}


def test_everything_else_still_asks_for_the_token(browser):
    asking = browser(app([]))
    assert [asking.get(path).status_code for path in ("/.well-known/other", f"{JWKS_PATH}/", "/")] == [401, 401, 401]
    assert asking.post(JWKS_PATH).status_code == 405
