"""The secret key of de-identification, and what is made with it: pseudonyms, days of a patient, numbers of people."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import string
from functools import lru_cache
from pathlib import Path

from adapter.commands.new_folder import write_new
from adapter.knowledge.plain_file import no_file

KEY_BYTES = 32
LONGEST_SHIFT_DAYS = 180
PEOPLE = 1000
_ROUNDS = 10
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_REMEMBERED = 100_000


class KeyFaultError(ValueError):
    """The key file cannot be used; the text says why and what to do."""


def default_key_file() -> Path:
    """Where the key lies unless --key names a file: in the configuration of the user, never beside the messages."""
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "troughline" / "deidentify.key"


def read_key(path: Path) -> tuple[bytes, bool]:
    """The key, and whether it was made just now. Raises KeyFaultError, or OSError."""
    if wrong := no_file(path):
        raise KeyFaultError(f"{path} cannot be used as the key: {wrong}; name another, and one is made there")
    try:
        found = path.open("rb")
    except FileNotFoundError:
        return _made(path), True
    with found:
        mode = os.fstat(found.fileno()).st_mode
        text = found.read(1024).strip()
    if mode & 0o077:
        raise KeyFaultError(
            f"{path}: others may read this key, and with it undo every pseudonym; run: chmod 600 {path}"
        )
    if not re.fullmatch(rb"[0-9a-f]{64}", text):
        raise KeyFaultError(f"{path}: this is no key (64 hexadecimal digits); name another file, and one is made there")
    return bytes.fromhex(text.decode()), False


def _made(path: Path) -> bytes:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = secrets.token_bytes(KEY_BYTES)
    write_new(path, f"{key.hex()}\n".encode())
    return key


class Pseudonyms:
    """What one key makes of identifiers: always the same, never the same for two that differ, never the identifier."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.of = lru_cache(maxsize=_REMEMBERED)(self._of)

    def _of(self, value: str) -> str:
        """A pseudonym of the same length and shape: digits stay digits, letters letters, everything else itself."""
        alphabets = _alphabets(value)
        plain = self._plain(value, alphabets)
        size = _size(alphabets)
        if size < 2:
            return "".join(plain)
        number = _number(plain, alphabets)
        shape = "".join(alphabets)
        step = 1 + self.number(f"step|{shape}", size - 1)
        # Moving on by a step inside a keyed permutation gives a permutation that leaves nothing where it was.
        moved = (self._permuted(number, size, shape) + step) % size
        return _text(self._permuted(moved, size, shape, back=True), plain, alphabets)

    def number(self, what: str, below: int) -> int:
        """A number from 0 that only the key can tell."""
        return int.from_bytes(self._bytes(what, (below.bit_length() + 7) // 8 + 8)) % below

    def days(self, patient: str, attempt: int = 0) -> int:
        """The days all times of a patient move: from 1 to 180, either way."""
        drawn = self.number(f"days|{attempt}|{patient}", 2 * LONGEST_SHIFT_DAYS) - LONGEST_SHIFT_DAYS
        return drawn if drawn < 0 else drawn + 1

    def person(self, name: str) -> str:
        """A practitioner: `DR001`."""
        return f"DR{self.number(f'person|{name}', PEOPLE):03d}"

    def _plain(self, value: str, alphabets: list[str]) -> list[str]:
        """The characters of the value, those of no alphabet of ours drawn anew."""
        return [
            char if not alphabet or char in alphabet else alphabet[self.number(f"{place}|{value}", len(alphabet))]
            for place, (char, alphabet) in enumerate(zip(value, alphabets, strict=True))
        ]

    def _permuted(self, number: int, size: int, shape: str, *, back: bool = False) -> int:
        """A keyed permutation of 0 to size - 1: a Feistel network, walked until it lands inside."""
        bits = max(2, (size - 1).bit_length())
        half = (bits + 1) // 2
        while True:
            number = self._network(number, half, f"{size}|{shape}", back=back)
            if number < size:
                return number

    def _network(self, number: int, half: int, shape: str, *, back: bool) -> int:
        mask = (1 << half) - 1
        left, right = number >> half, number & mask
        for turn in reversed(range(_ROUNDS)) if back else range(_ROUNDS):
            if back:
                left, right = right ^ self._round(turn, left, shape, mask), left
            else:
                left, right = right, left ^ self._round(turn, right, shape, mask)
        return (left << half) | right

    def _round(self, turn: int, part: int, shape: str, mask: int) -> int:
        return int.from_bytes(self._bytes(f"{turn}|{part}|{shape}", (mask.bit_length() + 7) // 8)) & mask

    def _bytes(self, what: str, count: int) -> bytes:
        seed = hmac.digest(self._key, what.encode("utf-8", "surrogatepass"), "sha256")
        return hashlib.shake_256(seed).digest(count) if count > len(seed) else seed[:count]


def _alphabets(value: str) -> list[str]:
    """What each character may become; empty for one that stays."""
    if _UUID.fullmatch(value):
        # Version and variant stay, so that it is still a UUID.
        digits = string.digits + ("abcdef" if value == value.lower() else "ABCDEF")
        return ["" if char == "-" or place in (14, 19) else digits for place, char in enumerate(value)]
    first = next((place for place, char in enumerate(value) if char.isalnum()), 0)
    return [_alphabet(char, leads=place == first) for place, char in enumerate(value)]


def _alphabet(char: str, *, leads: bool) -> str:
    if char.isascii() and char.isdigit():
        # A number that begins with no zero must not begin to: readers drop leading zeros.
        return "" if leads and char == "0" else string.digits[1:] if leads else string.digits
    if char.isdigit():
        return string.digits
    if char.islower():
        return string.ascii_lowercase
    return string.ascii_uppercase if char.isalnum() or ord(char) > 127 else ""


def _size(alphabets: list[str]) -> int:
    size = 1
    for alphabet in alphabets:
        size *= len(alphabet) or 1
    return size


def _number(plain: list[str], alphabets: list[str]) -> int:
    number = 0
    for char, alphabet in zip(plain, alphabets, strict=True):
        if alphabet:
            number = number * len(alphabet) + alphabet.index(char)
    return number


def _text(number: int, plain: list[str], alphabets: list[str]) -> str:
    """The characters a number stands for; those that stay are taken from the value."""
    written = list(plain)
    for place in reversed(range(len(plain))):
        if alphabets[place]:
            number, digit = divmod(number, len(alphabets[place]))
            written[place] = alphabets[place][digit]
    return "".join(written)
