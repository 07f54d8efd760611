from __future__ import annotations

import socket
import struct
import threading

import pytest

from adapter.transport.local_socket import Unheard, connected, listening, received, send


@pytest.fixture
def pair():
    one, other = socket.socketpair()
    with one, other:
        yield one, other


def test_frames_arrive_whole_and_in_order(pair):
    one, other = pair
    large = b"x" * 1_000_000
    sending = threading.Thread(target=lambda: (send(one, b"first", large), send(one, b"", b"")))
    sending.start()
    assert received(other, len(large)) == (b"first", large)
    assert received(other, 0) == (b"", b"")
    sending.join()


@pytest.mark.parametrize("sizes", [(1, 11), (2**31, 0)])
def test_a_frame_that_is_too_large_is_not_read(pair, sizes):
    one, other = pair
    one.sendall(struct.pack(">IQ", *sizes))
    with pytest.raises(Unheard, match="too large"):
        received(other, 10)


def test_the_end_of_the_other_side_is_told(pair):
    one, other = pair
    one.sendall(b"\0\0")
    one.close()
    with pytest.raises(Unheard, match="gone"):
        received(other, 10)
    with pytest.raises(Unheard, match="gone"):
        send(other, b"x", b"y")


@pytest.mark.loopback
@pytest.mark.parametrize("name", ["short", "long-" * 45])
def test_a_folder_of_any_length_has_a_socket_of_its_owner_alone(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    for _ in range(2):  # the second finds what the first has left behind
        with listening(folder, "a.sock") as door, connected(folder, "a.sock") as line:
            other, _ = door.accept()
            with other:
                send(line, b"hello")
                assert received(other, 0) == (b"hello", b"")
        assert (folder / "a.sock").stat().st_mode & 0o177 == 0


def test_nobody_who_listens_is_told(tmp_path):
    with pytest.raises(Unheard, match="nobody listens"):
        connected(tmp_path, "a.sock")
