"""Private keys of a test, as files only their owner may read."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm


@cache
def rsa_key(number: int = 0, bits: int = 2048) -> rsa.RSAPrivateKey:
    """An RSA key; the same number gives the same key, for they take long to make."""
    assert number >= 0
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@cache
def ec_key(number: int = 0, curve: type[ec.EllipticCurve] = ec.SECP384R1) -> ec.EllipticCurvePrivateKey:
    """A key of a curve."""
    assert number >= 0
    return ec.generate_private_key(curve())


def pem(key: Any, *, form: str = "PKCS8", passphrase: bytes | None = None) -> bytes:
    """The private key as PEM."""
    locked: Any = serialization.NoEncryption()
    if passphrase:
        locked = serialization.BestAvailableEncryption(passphrase)
    return key.private_bytes(serialization.Encoding.PEM, getattr(serialization.PrivateFormat, form), locked)


def jwk(key: Any, **more: Any) -> bytes:
    """The private key as JWK."""
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    parts = algorithm.to_jwk(key, as_dict=True)
    parts.pop("key_ops", None)
    return json.dumps({**parts, **more}).encode()


def key_file(path: Path, content: bytes, mode: int = 0o600) -> Path:
    """A file of this mode."""
    path.write_bytes(content)
    path.chmod(mode)
    return path
