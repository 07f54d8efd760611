"""A stand-in FHIR server in a process of its own: answers as a good server does, and tells afterwards what it holds."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections import Counter
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from adapter.fhir import content_hash, loads

Json = dict[str, Any]
KINDS = ("Observation", "Flag", "Provenance")
RAW = "/raw"
"""Bodies posted here are read and forgotten: for whoever only wants to know what sending them costs."""
HELD = "/held"
STATEMENT: Json = {
    "resourceType": "CapabilityStatement",
    "fhirVersion": "4.0.1",
    "rest": [
        {
            "mode": "server",
            "interaction": [{"code": "transaction"}],
            "resource": [
                {
                    "type": kind,
                    "interaction": [{"code": "create"}, {"code": "update"}],
                    "updateCreate": True,
                    "versioning": "versioned-update",
                }
                for kind in KINDS
            ],
        }
    ],
}


class Holds:
    """What was written: bytes are kept as they came, and read only when somebody asks."""

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        self._bodies: list[tuple[str, bytes]] = []
        """(`Type/id`, empty for a transaction; body), in order."""

    def answer(self, method: str, target: str, body: bytes) -> tuple[int, Json, str]:
        """Status, body and further header lines of one request."""
        parts = urlsplit(target)
        match method, parts.path.strip("/").split("/"):
            case "GET", ["metadata"]:
                return 200, STATEMENT, ""
            case "GET", ["held"]:
                return 200, self._held(), ""
            case "GET", [kind]:
                return 200, _found(kind, parts.query), ""
            case "POST", ["raw"]:
                return 200, {"resourceType": "Bundle", "type": "transaction-response"}, ""
            case "POST", [""]:
                self._bodies.append(("", body))
                entries = [_written(entry) for entry in msgspec.json.decode(body)["entry"]]
                return 200, {"resourceType": "Bundle", "type": "transaction-response", "entry": entries}, ""
            case "PUT", [kind, resource_id]:
                self._bodies.append((f"{kind}/{resource_id}", body))
                return 201, {}, f'ETag: W/"1"\r\nLocation: /{kind}/{resource_id}/_history/1\r\n'
            case _:
                return 404, {"resourceType": "OperationOutcome"}, ""

    def _held(self) -> Json:
        """`Type/id` -> how often it was written, and the hash of what it is now; then it begins anew."""
        writes: Counter[str] = Counter()
        now: dict[str, str] = {}
        for place, body in self._bodies:
            resources = [loads(body)] if place else [entry["resource"] for entry in loads(body)["entry"]]
            for resource in resources:
                reference = f"{resource['resourceType']}/{resource['id']}"
                writes[reference] += 1
                now[reference] = content_hash(resource)
        self._bodies.clear()
        return {reference: [writes[reference], digest] for reference, digest in now.items()}


def _found(kind: str, query: str) -> Json:
    """Every Patient is known, by the value of an identifier; of anything else there is none."""
    found: list[Json] = []
    if kind == "Patient":
        for asked in parse_qs(query)["identifier"][0].split(","):
            system, _, value = asked.partition("|")
            identifier = {"system": system, "value": value}
            found.append({"resourceType": "Patient", "id": value, "identifier": [identifier]})
    entries = [{"resource": one} for one in found]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(found), "entry": entries}


def _written(entry: Json) -> Json:
    told = {"status": "201", "etag": 'W/"1"', "location": f"{entry['request']['url']}/_history/1"}
    return {"response": told}


class Connection(asyncio.Protocol):
    """HTTP/1.1 with kept connections; as much of it as the clients of a bench speak."""

    def __init__(self, holds: Holds) -> None:
        self._holds = holds
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer every whole request."""
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end].decode("latin-1").split("\r\n")
            named = (line.partition(":") for line in head[1:])
            headers = {name.lower(): value.strip() for name, _, value in named}
            whole = end + 4 + int(headers.get("content-length", "0"))
            if len(self._received) < whole:
                return
            body = bytes(self._received[end + 4 : whole])
            del self._received[:whole]
            method, target, _ = head[0].split(" ", 2)
            status, told, more = self._holds.answer(method, unquote(target) if "?" not in target else target, body)
            raw = msgspec.json.encode(told)
            answer = f"HTTP/1.1 {status} OK\r\nContent-Type: application/fhir+json\r\n{more}Content-Length: {len(raw)}"
            asyncio.get_running_loop().call_later(self._holds.delay_s, self._say, answer.encode() + b"\r\n\r\n" + raw)

    def _say(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)


async def _serve(delay_s: float) -> None:
    loop = asyncio.get_running_loop()
    holds = Holds(delay_s)
    server = await loop.create_server(lambda: Connection(holds), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)  # until the one who started it closes the pipe
    server.close()


def main() -> int:
    """Print the port, then answer until stdin closes; the argument is the pause before each answer, in seconds."""
    delay_s = float(sys.argv[1]) if len(sys.argv) > 1 else 0.0
    with contextlib.suppress(ImportError):
        import uvloop

        uvloop.run(_serve(delay_s))
        return 0
    asyncio.run(_serve(delay_s))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
