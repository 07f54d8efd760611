"""A Unix socket in a private folder: frames of a short text and a body, for commands beside the running service."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SIZES = struct.Struct(">IQ")
LONGEST_TEXT_BYTES = 16 * 1024 * 1024
NAME_LIMIT_BYTES = 100
"""A little less than the longest name the system takes for a socket (man 7 unix)."""


class Unheard(Exception):  # noqa: N818 - a fault of the world, not of the program
    """The other side is gone, or says what nobody says here."""


def listening(folder: Path, name: str) -> socket.socket:
    """A socket of this process in a folder that is its own; what an earlier process left there is replaced."""
    (folder / name).unlink(missing_ok=True)
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _short(folder, name) as address:
            door.bind(address)
        (folder / name).chmod(0o600)
        door.listen()
    except BaseException:
        door.close()
        raise
    return door


def connected(folder: Path, name: str) -> socket.socket:
    """A connection to the process that listens there; raises Unheard when none does."""
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _short(folder, name) as address:
            line.connect(address)
    except OSError:
        line.close()
        raise Unheard("nobody listens in the folder of the store") from None
    return line


@contextmanager
def _short(folder: Path, name: str) -> Iterator[str]:
    """The address of a socket; a long one by way of its open folder."""
    address = str(folder.absolute() / name)
    if len(os.fsencode(address)) <= NAME_LIMIT_BYTES:
        yield address
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{name}"
    finally:
        os.close(descriptor)


def send(line: socket.socket, text: bytes, body: bytes = b"") -> None:
    """Send one frame; raises Unheard when the other side is gone."""
    try:
        line.sendall(_SIZES.pack(len(text), len(body)) + text)
        line.sendall(body)
    except OSError:
        raise Unheard("the other side is gone") from None


def received(line: socket.socket, body_limit_bytes: int) -> tuple[bytes, bytes]:
    """The next frame; raises Unheard when there is none, or one that is too large."""
    text_bytes, body_bytes = _SIZES.unpack(_exactly(line, _SIZES.size))
    if text_bytes > LONGEST_TEXT_BYTES or body_bytes > body_limit_bytes:
        raise Unheard("a frame is too large")
    return _exactly(line, text_bytes), _exactly(line, body_bytes)


def _exactly(line: socket.socket, count: int) -> bytes:
    found = bytearray(count)
    view = memoryview(found)
    while view:
        try:
            got = line.recv_into(view)
        except OSError:
            got = 0
        if not got:
            raise Unheard("the other side is gone")
        view = view[got:]
    return bytes(found)
