"""A token server of SMART Backend Services in the test's own process: strict with assertions, and it can be slow."""

from __future__ import annotations

import json
import secrets
import ssl
import threading
import time
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import jwt

MOST_AHEAD_S = 300
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass
class TokenServer:
    """Gives tokens to the clients whose public keys it knows; `clients` maps a client id to its JWK Set."""

    clients: dict[str, dict[str, Any]] = field(default_factory=dict)
    allowed: str = "system/Patient.rs system/Observation.crus system/Flag.crus system/Provenance.crus"
    life_s: object = 300
    clock_ahead_s: float = 0.0
    tokens: dict[str, float] = field(default_factory=dict)
    """Those that are good, with the time they end."""
    seen: set[str] = field(default_factory=set)
    asked: list[dict[str, str]] = field(default_factory=list)
    """The forms, in order."""
    assertions: list[dict[str, Any]] = field(default_factory=list)
    heads: list[dict[str, Any]] = field(default_factory=list)
    answer: tuple[int, Any] | None = None
    """Given instead of anything else; a text `{assertion}` in it repeats what was asked with."""
    headers: dict[str, str] = field(default_factory=dict)
    release: threading.Event = field(default_factory=threading.Event)
    slow: bool = False
    """Answers only once `release` is set."""
    context: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Request, self))
        self._server.daemon_threads = True
        if self.context:
            self._server.socket = self.context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.005})
        self._thread.start()
        self.url = f"{'https' if self.context else 'http'}://127.0.0.1:{self._server.server_address[1]}/token"

    def close(self) -> None:
        self.release.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def now(self) -> float:
        return time.time() + self.clock_ahead_s

    def admits(self, authorization: str | None) -> bool:
        """Is this the header of a token that is good?"""
        token = (authorization or "").removeprefix("Bearer ")
        return self.tokens.get(token, 0.0) > time.time()

    def judged(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Status and body of the answer to one request for a token."""
        if form.get("grant_type") != "client_credentials":
            return 400, {"error": "unsupported_grant_type"}
        if form.get("client_assertion_type") != JWT_BEARER:
            return 400, {"error": "invalid_request"}
        fault = self._fault_of(form.get("client_assertion", ""))
        if fault:
            return 401, {"error": "invalid_client", "error_description": fault}
        scopes = [scope for scope in form["scope"].split() if scope in self.allowed.split()]
        if not scopes:
            return 400, {"error": "invalid_scope"}
        token = secrets.token_urlsafe(24)
        self.tokens[token] = time.time() + (self.life_s if isinstance(self.life_s, int) else 300)
        body = {"access_token": token, "token_type": "bearer", "expires_in": self.life_s, "scope": " ".join(scopes)}
        return 200, {name: value for name, value in body.items() if value is not None}

    def _fault_of(self, assertion: str) -> str | None:
        head = jwt.get_unverified_header(assertion)
        self.heads.append(head)
        unread = jwt.decode(assertion, options={"verify_signature": False})
        self.assertions.append(unread)
        known = {key["kid"]: key for key in self.clients.get(unread["iss"], {"keys": []})["keys"]}
        if head["kid"] not in known or head["alg"] not in ("RS384", "ES384") or head["typ"] != "JWT":
            return "The key is not known"
        key = jwt.PyJWK(known[head["kid"]])
        checked = jwt.decode(
            assertion, key.key, algorithms=[head["alg"]], audience=self.url, options={"verify_exp": False}
        )
        if checked["iss"] != checked["sub"] or checked["jti"] in self.seen:
            return "The assertion was used before"
        self.seen.add(checked["jti"])
        if not 0 < checked["exp"] - self.now() <= MOST_AHEAD_S:
            return "The assertion has expired, or lives too long"
        return None


class _Request(BaseHTTPRequestHandler):
    """One request for a token."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer is one packet: in two, the second waits for the confirmation of the first

    def __init__(self, server: TokenServer, *more: Any) -> None:
        self._tokens = server
        super().__init__(*more)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string(self._tokens.now() if timestamp is None else timestamp)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        self._tokens.asked.append(form)
        if self._tokens.slow:
            self._tokens.release.wait(30)
        status, answer = self._tokens.answer or self._tokens.judged(form)
        raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        raw = raw.replace(b"{assertion}", form.get("client_assertion", "").encode())
        self.send_response(status)
        for name, value in self._tokens.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)
