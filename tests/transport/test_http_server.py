"""The HTTP server on real sockets: start, serve, refuse, stop."""

from __future__ import annotations

import http.client
import logging
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from adapter.transport.http_app import build_app
from adapter.transport.http_body import read_body
from adapter.transport.http_server import CannotListen, HttpServer, PortInUse, ServerSettings, ServerTls

pytestmark = pytest.mark.loopback

ANY_PORT = ServerSettings(port=0, stop_grace_s=2)


class Slow:
    """An application with one quick address and one that answers when it is let go."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.leave = threading.Event()
        self.events: list[tuple[str, dict[str, object]]] = []
        routes = [Route("/quick", self.quick), Route("/slow", self.slow), Route("/body", self.body, methods=["POST"])]
        self.app = build_app(routes, token=None, on_event=lambda name, facts: self.events.append((name, facts)))

    async def quick(self, _: Request) -> Response:
        return PlainTextResponse("quick")

    async def slow(self, _: Request) -> Response:
        self.entered.set()
        await run_in_threadpool(self.leave.wait, 5)
        return PlainTextResponse("slow")

    async def body(self, request: Request) -> Response:
        raw = await read_body(request, limit_bytes=100, timeout_s=0.2)
        return PlainTextResponse(str(len(raw)))


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def server(slow: Slow) -> Iterator[HttpServer]:
    running = HttpServer(slow.app, ANY_PORT)
    yield running
    slow.leave.set()
    running.stop()


def get(port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", path)
    response = connection.getresponse()
    found = response.status, response.read()
    connection.close()
    return found


def test_a_free_port_is_taken_and_given_back(server) -> None:
    port = server.start()
    assert get(port, "/quick") == (200, b"quick")
    assert server.alive
    server.stop()
    assert not server.alive
    with pytest.raises(ConnectionRefusedError):
        get(port, "/quick")


def test_a_port_that_is_taken_is_one_clear_sentence(server, slow) -> None:
    port = server.start()
    second = HttpServer(slow.app, ServerSettings(port=port))
    with pytest.raises(PortInUse) as caught:
        second.start()
    assert str(caught.value) == f"Port {port} on 127.0.0.1 is in use by another program."
    second.stop()


def test_the_port_is_free_at_once_after_stop(server, slow) -> None:
    port = server.start()
    get(port, "/quick")
    server.stop()
    again = HttpServer(slow.app, ServerSettings(port=port))
    assert again.start() == port
    again.stop()


def test_an_answer_in_progress_is_finished_before_the_end(server, slow) -> None:
    port = server.start()
    answers: list[tuple[int, bytes]] = []
    asking = threading.Thread(target=lambda: answers.append(get(port, "/slow")))
    asking.start()
    assert slow.entered.wait(5)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    slow.leave.set()
    stopping.join(5)
    asking.join(5)
    assert answers == [(200, b"slow")]


def test_stopping_twice_or_before_starting_is_nothing(slow) -> None:
    server = HttpServer(slow.app, ANY_PORT)
    server.stop()
    server.start()
    server.stop()
    server.stop()
    assert not server.alive


@pytest.mark.parametrize("host", ["no-such-host.invalid", "203.0.113.1"])
def test_an_address_that_is_not_ours_is_one_clear_sentence(slow, host) -> None:
    with pytest.raises(CannotListen, match=host):
        HttpServer(slow.app, ServerSettings(host=host, port=0)).start()


def test_a_certificate_that_cannot_be_read_is_one_clear_sentence(slow, tmp_path: Path) -> None:
    tls = ServerTls(certificate=tmp_path / "none.pem", key=tmp_path / "none.key")
    with pytest.raises(CannotListen, match="certificate"):
        HttpServer(slow.app, ServerSettings(port=0, tls=tls)).start()
    broken = tmp_path / "broken.pem"
    broken.write_text("nothing")
    with pytest.raises(CannotListen, match="certificate"):
        HttpServer(slow.app, ServerSettings(port=0, tls=ServerTls(certificate=broken, key=broken))).start()


def test_a_body_that_never_comes_is_408(server) -> None:
    with socket.create_connection(("127.0.0.1", server.start()), timeout=5) as sender:
        sender.sendall(b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nhalf")
        assert sender.recv(1000).startswith(b"HTTP/1.1 408 ")


def test_a_sender_that_goes_away_is_only_noted(server, slow) -> None:
    with socket.create_connection(("127.0.0.1", server.start()), timeout=5) as sender:
        sender.sendall(b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nhalf")
    deadline = time.monotonic() + 5
    while not slow.events and time.monotonic() < deadline:
        time.sleep(0.01)
    assert slow.events == [("http-client-gone", {})]


def test_a_request_leaves_no_line_in_the_log(server, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    get(server.start(), "/quick?patient=Mustermann")
    server.stop()
    assert "Mustermann" not in caplog.text


def test_what_is_not_http_is_refused_and_others_are_served_on(server) -> None:
    port = server.start()
    with socket.create_connection(("127.0.0.1", port), timeout=5) as sender:
        sender.sendall(b"\x0bMSH|^~\\&|\x1c\r\n\r\n")
        assert sender.recv(1000).startswith(b"HTTP/1.1 400 ")
    assert get(port, "/quick") == (200, b"quick")
