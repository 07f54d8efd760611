"""The private keys of a SMART Backend Services client, and their public halves as a JWK Set (RFC 7517)."""

from __future__ import annotations

import json
import os
import threading
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

Algorithm = Literal["RS384", "ES384"]
"""The two a client of SMART App Launch 2 has to know."""
LEAST_RSA_BITS = 2048
THUMBPRINT_MEMBERS = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y")}
"""RFC 7638 3.2, in the order in which they are hashed."""
OTHERS = 0o007
GROUP = 0o070
GROUP_MAY_READ = 0o040
Stamp = tuple[tuple[int, int, int], ...]


class KeyFault(Exception):  # noqa: N818 - named by what it is
    """A key file cannot be used; the text says why and what to do, and nothing of the key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """One private key with the name and the algorithm it signs under."""

    kid: str
    algorithm: Algorithm
    private: PrivateKey = field(repr=False)
    public_jwk: Mapping[str, str] = field(repr=False, hash=False)


class KeyRing:
    """The keys of one client, the first of which signs; files that are replaced are read again."""

    def __init__(self, files: Sequence[Path]) -> None:
        """Reads the files; raises KeyFault."""
        self._files = tuple(files)
        self._reading = threading.Lock()
        self._stamp, self._keys = _read_all(self._files)

    @property
    def files(self) -> tuple[Path, ...]:
        """Where the keys are."""
        return self._files

    def current(self) -> tuple[SigningKey, ...]:
        """The keys of now; those of before as long as replaced files cannot be used."""
        with self._reading:
            try:
                if _stamp(self._files) != self._stamp:
                    self._stamp, self._keys = _read_all(self._files)
            except (OSError, KeyFault):
                pass  # half of a rotation: `troughline check` and the next start tell it
            return self._keys


def signed(claims: Mapping[str, Any], key: SigningKey) -> str:
    """The claims as a signed JWT (RFC 7515), its header naming the key."""
    import jwt

    headers = {"kid": key.kid, "typ": "JWT"}
    return jwt.encode(dict(claims), key.private, algorithm=key.algorithm, headers=headers)


def public_set(rings: Sequence[KeyRing]) -> dict[str, list[dict[str, str]]]:
    """The JWK Set of all public halves, each once."""
    found = {key.kid: dict(key.public_jwk) for ring in rings for key in ring.current()}
    return {"keys": list(found.values())}


def read_key(path: Path) -> SigningKey:
    """The key of a PEM or JWK file, which nobody else may read; raises KeyFault."""
    try:
        _check_private(path)
        content = path.read_bytes()
    except OSError as fault:
        raise KeyFault(f"cannot be read: {fault.strerror}") from None
    if content.lstrip().startswith(b"{"):
        return _from_jwk(content)
    return _named(_from_pem(content), None)


def thumbprint(jwk: Mapping[str, str]) -> str:
    """The name of a public key by what it is (RFC 7638, SHA-256)."""
    members = {name: jwk[name] for name in THUMBPRINT_MEMBERS[jwk["kty"]]}
    digest = sha256(json.dumps(members, separators=(",", ":")).encode()).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def _read_all(files: Sequence[Path]) -> tuple[Stamp, tuple[SigningKey, ...]]:
    # The stamp first: a file replaced while it is read is read again next time.
    try:
        stamp = _stamp(files)
    except OSError as fault:
        raise KeyFault(f"cannot be read: {fault.strerror}") from None
    return stamp, tuple(read_key(file) for file in files)


def _stamp(files: Sequence[Path]) -> Stamp:
    return tuple((stat.st_mtime_ns, stat.st_size, stat.st_ino) for stat in (file.stat() for file in files))


def _check_private(path: Path) -> None:
    """A key of ours is ours alone; one that root hands over may be read by its group, as systemd's credentials are."""
    stat = path.stat()
    of_group = stat.st_mode & GROUP
    handed_over = stat.st_uid != os.geteuid() and of_group == GROUP_MAY_READ
    if stat.st_mode & OTHERS or (of_group and not handed_over):
        mode = f"{stat.st_mode & 0o777:04o}"
        raise KeyFault(f"has mode {mode}, so that others may read the key; close it with 'chmod 600'")


def _from_pem(content: bytes) -> object:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(content, password=None)
    except TypeError:
        raise KeyFault("asks for a passphrase and nobody is there to type it; store it without one") from None
    except (ValueError, UnsupportedAlgorithm):
        raise KeyFault("holds no private key that can be read; it takes one as PEM or as JWK") from None


def _from_jwk(content: bytes) -> SigningKey:
    from jwt.algorithms import ECAlgorithm, RSAAlgorithm
    from jwt.exceptions import InvalidKeyError

    readers: dict[object, Any] = {"RSA": RSAAlgorithm, "EC": ECAlgorithm}
    try:
        jwk = json.loads(content)
        if "keys" in jwk:
            raise KeyFault("holds a JWK Set; put one key into one file and list the files")
        private = readers[jwk.get("kty")].from_jwk(jwk)
    except (ValueError, TypeError, KeyError, InvalidKeyError):
        raise KeyFault("holds no private key that can be read; it takes one as PEM or as JWK") from None
    key = _named(private, jwk.get("kid"))
    if jwk.get("alg", key.algorithm) != key.algorithm:
        raise KeyFault(f"is a JWK for another algorithm; SMART Backend Services signs this kind with {key.algorithm}")
    return key


def _named(private: object, kid: object) -> SigningKey:
    """The key under the name its JWK gives it, else under its thumbprint."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from jwt.algorithms import ECAlgorithm, RSAAlgorithm

    algorithm: Algorithm
    match private:
        case rsa.RSAPrivateKey():
            if private.key_size < LEAST_RSA_BITS:
                raise KeyFault(f"is an RSA key of {private.key_size} bits; take one of {LEAST_RSA_BITS} at least")
            algorithm, public = "RS384", RSAAlgorithm.to_jwk(private.public_key(), as_dict=True)
        case ec.EllipticCurvePrivateKey():
            if not isinstance(private.curve, ec.SECP384R1):
                raise KeyFault("is a key of another curve than P-384, the one ES384 signs with; make one of P-384")
            algorithm, public = "ES384", ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
        case rsa.RSAPublicKey() | ec.EllipticCurvePublicKey():
            raise KeyFault("holds a public key; the private one is needed to sign")
        case _:
            raise KeyFault("is neither an RSA key (RS384) nor a key of the curve P-384 (ES384)")
    parts = {name: str(public[name]) for name in THUMBPRINT_MEMBERS[public["kty"]]}
    name = kid if isinstance(kid, str) and kid else thumbprint(parts)
    jwk = {**parts, "kid": name, "alg": algorithm, "use": "sig"}
    return SigningKey(kid=name, algorithm=algorithm, private=private, public_jwk=jwk)
