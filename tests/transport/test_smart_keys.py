"""Key files of SMART Backend Services: which are taken, under which name, and why the others are not."""

from __future__ import annotations

import json
import os

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from signing_keys import ec_key, jwk, key_file, pem, rsa_key

from adapter.transport import smart_keys
from adapter.transport.smart_keys import KeyFault, KeyRing, public_set, read_key, signed, thumbprint

RFC_7638 = {
    "kty": "RSA",
    "n": (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs"
        "tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn"
        "1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    ),
    "e": "AQAB",
    "alg": "RS256",
    "kid": "2011-04-29",
}
"""The example of RFC 7638 3.1."""


def test_the_thumbprint_is_that_of_the_standard():
    assert thumbprint(RFC_7638) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


@pytest.mark.parametrize(
    ("content", "algorithm"),
    [
        (pem(rsa_key()), "RS384"),
        (pem(rsa_key(), form="TraditionalOpenSSL"), "RS384"),
        (pem(ec_key()), "ES384"),
        (pem(ec_key(), form="TraditionalOpenSSL"), "ES384"),
        (jwk(rsa_key()), "RS384"),
        (jwk(ec_key()), "ES384"),
        (jwk(ec_key(), alg="ES384", use="sig"), "ES384"),
    ],
)
def test_a_key_signs_with_the_algorithm_of_its_kind_under_its_thumbprint(tmp_path, content, algorithm):
    key = read_key(key_file(tmp_path / "key", content))
    assert key.algorithm == algorithm
    assert key.kid == thumbprint(key.public_jwk)
    assertion = signed({"iss": "us"}, key)
    assert jwt.get_unverified_header(assertion) == {"alg": algorithm, "kid": key.kid, "typ": "JWT"}
    assert jwt.decode(assertion, jwt.PyJWK(dict(key.public_jwk)).key, algorithms=[algorithm]) == {"iss": "us"}


def test_a_jwk_keeps_the_name_it_was_registered_under(tmp_path):
    assert read_key(key_file(tmp_path / "key", jwk(ec_key(), kid="ward-2026"))).kid == "ward-2026"


@pytest.mark.parametrize("content", [pem(rsa_key()), jwk(rsa_key()), jwk(ec_key())])
def test_nothing_private_is_in_what_is_published_or_printed(tmp_path, content):
    ring = KeyRing([key_file(tmp_path / "key", content)])
    key = ring.current()[0]
    (public,) = public_set([ring, ring])["keys"]
    assert set(public) in ({"kty", "n", "e", "kid", "alg", "use"}, {"kty", "crv", "x", "y", "kid", "alg", "use"})
    numbers = key.private.private_numbers()
    secret = numbers.d if hasattr(numbers, "d") else numbers.private_value
    assert str(secret) not in f"{key!r} {ring!r}"
    assert all(word not in repr(key) for word in content.decode().split()[-3:])


PUBLIC = (
    rsa_key().public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
)
EDWARDS = ed25519.Ed25519PrivateKey.generate()
UNREADABLE = "holds no private key that can be read; it takes one as PEM or as JWK"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", UNREADABLE),
        (b"certificate", UNREADABLE),
        (b"{", UNREADABLE),
        (b"{}", UNREADABLE),
        (b'{"kty": "RSA"}', UNREADABLE),
        (b'{"kty": ["RSA"]}', UNREADABLE),
        (b'{"kty": "oct", "k": "c2VjcmV0"}', UNREADABLE),
        (b"\xff\xfe", UNREADABLE),
        (b'{"keys": [%s]}' % jwk(ec_key()), "holds a JWK Set; put one key into one file and list the files"),
        (PUBLIC, UNREADABLE),
        (
            json.dumps(
                {name: value for name, value in json.loads(jwk(rsa_key())).items() if name in ("kty", "n", "e")}
            ).encode(),
            "holds a public key; the private one is needed to sign",
        ),
        (pem(rsa_key(0, 1024)), "is an RSA key of 1024 bits; take one of 2048 at least"),
        (
            pem(ec_key(0, ec.SECP256R1)),
            "is a key of another curve than P-384, the one ES384 signs with; make one of P-384",
        ),
        (pem(EDWARDS), "is neither an RSA key (RS384) nor a key of the curve P-384 (ES384)"),
        (
            pem(rsa_key(), passphrase=b"unknown"),
            "asks for a passphrase and nobody is there to type it; store it without one",
        ),
        (
            jwk(rsa_key(), alg="RS256"),
            "is a JWK for another algorithm; SMART Backend Services signs this kind with RS384",
        ),
    ],
)
def test_a_file_that_cannot_sign_is_refused_with_what_to_do(tmp_path, content, said):
    with pytest.raises(KeyFault) as caught:
        read_key(key_file(tmp_path / "key", content))
    assert str(caught.value) == said


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o620, 0o601, 0o666])
def test_a_key_others_may_read_is_refused(tmp_path, mode):
    with pytest.raises(KeyFault, match=f"has mode {mode:04o}, so that others may read the key; close it with"):
        read_key(key_file(tmp_path / "key", pem(ec_key()), mode))


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_key_only_we_may_read_is_taken(tmp_path, mode):
    assert read_key(key_file(tmp_path / "key", pem(ec_key()), mode)).algorithm == "ES384"


@pytest.mark.parametrize(("mode", "taken"), [(0o440, True), (0o640, True), (0o660, False), (0o644, False)])
def test_a_key_another_user_hands_over_may_be_read_by_its_group(tmp_path, monkeypatch, mode, taken):
    file = key_file(tmp_path / "key", pem(ec_key()), mode)
    monkeypatch.setattr(smart_keys.os, "geteuid", lambda: os.getuid() + 1)
    if taken:
        assert read_key(file).algorithm == "ES384"
    else:
        with pytest.raises(KeyFault, match="chmod 600"):
            read_key(file)


def test_a_file_that_is_gone_is_told(tmp_path):
    with pytest.raises(KeyFault, match=r"^cannot be read: No such file or directory$"):
        KeyRing([tmp_path / "key"])
    with pytest.raises(KeyFault, match=r"^cannot be read: Is a directory$"):
        KeyRing([key_folder(tmp_path)])


def key_folder(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o700)
    return folder


def test_a_replaced_key_is_taken_and_half_of_one_is_not(tmp_path):
    file = key_file(tmp_path / "key", pem(ec_key(1)))
    ring = KeyRing([file])
    first = ring.current()[0]
    file.write_bytes(b"-----BEGIN")
    assert ring.current() == (first,)
    file.unlink()
    assert ring.current() == (first,)
    key_file(file, pem(ec_key(2)))
    (second,) = ring.current()
    assert second.kid != first.kid
    assert public_set([ring])["keys"][0]["kid"] == second.kid


def test_several_keys_are_published_in_their_order(tmp_path):
    ring = KeyRing([key_file(tmp_path / "new", pem(ec_key())), key_file(tmp_path / "old", pem(rsa_key()))])
    assert [key["alg"] for key in public_set([ring])["keys"]] == ["ES384", "RS384"]
