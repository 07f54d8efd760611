"""`troughline listen`: an MLLP receiver that keeps nothing, for testing a sender."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import ssl
import sys
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Literal, cast

from adapter.commands.whole_file import replace_whole
from adapter.domain.message import Answer
from adapter.ingest.acknowledgment import acknowledge
from adapter.ingest.hl7v2 import peek
from adapter.transport.cannot_store import CannotStore
from adapter.transport.mllp import MllpLimits, MllpListener
from adapter.transport.tls_server import ServerTls, ServerTlsFiles

STOP_GRACE_S = 2.0
QUIET = frozenset({"connection-opened", "connection-closed"})


def run(options: argparse.Namespace) -> int:
    """0 after Ctrl-C or `--count` messages, 2 when it cannot listen."""
    try:
        tls = _tls(options)
        if options.save:
            options.save.mkdir(parents=True, exist_ok=True)
    except ssl.SSLError:
        return _refuse("--tls-cert, --tls-key and --tls-client-ca take PEM files; the key belongs to the certificate.")
    except (OSError, ValueError) as fault:
        return _refuse(f"A file or folder cannot be used: {getattr(fault, 'strerror', None) or fault}.")
    return asyncio.run(_listen(options, tls))


def _refuse(text: str) -> int:
    print(text, file=sys.stderr)
    return 2


def _tls(options: argparse.Namespace) -> ServerTls | None:
    if not options.tls_cert:
        if options.tls_key or options.tls_client_ca:
            raise ValueError("--tls-key and --tls-client-ca go with --tls-cert")
        return None
    files = ServerTlsFiles(
        certificate=options.tls_cert,
        key=options.tls_key or options.tls_cert,
        client_cert="required" if options.tls_client_ca else "none",
        client_ca=options.tls_client_ca,
    )
    return ServerTls(files)


async def _listen(options: argparse.Namespace, tls: ServerTls | None) -> int:
    host, _, port = options.address.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        return _refuse(f"'{options.address}' is no address; write PORT or HOST:PORT, for example 2575.")
    host = host.strip("[]") or "127.0.0.1"
    receiver = _Receiver(options)
    listener = MllpListener(
        handle=receiver.handle,
        too_large=receiver.answer,
        limits=MllpLimits(),
        on_event=receiver.tell,
        tls=tls,
    )
    try:
        bound = await listener.start(host, int(port))
    except OSError as fault:
        return _refuse(f"Cannot listen on {host}:{port}: {fault.strerror}. Choose another port.")
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, receiver.enough.set)
    print(f"Listening on {host}:{bound}{' with TLS' if tls else ''}, answering {options.answer}.", file=sys.stderr)
    await receiver.enough.wait()
    await listener.stop(STOP_GRACE_S)
    return 0


class _Receiver:
    """Prints what comes and answers as told."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.enough = asyncio.Event()
        self._options = options
        self._received = 0
        self._control_ids = (f"L{number}" for number in count(1))

    async def handle(self, raw: bytes, peer: str) -> bytes | None:
        self._received += 1
        self._show(raw, peer)
        if self._options.delay:
            await asyncio.sleep(self._options.delay)
        if self._received == self._options.count:
            self.enough.set()
        if self._options.answer == "close":
            raise CannotStore
        return self.answer(raw)

    def answer(self, raw: bytes) -> bytes | None:
        """The acknowledgment as told; none for an acknowledgment, which would go round for ever."""
        told = self._options.answer
        header = peek(raw)
        if told in ("none", "close") or header.message_type.startswith("ACK"):
            return None
        plain = "A" + told[1]
        answer = acknowledge(
            raw,
            Answer(code=cast("Literal['AA', 'AE', 'AR']", plain)),
            now=datetime.now(UTC),
            control_id=next(self._control_ids),
        )
        separator = (header.field_separator or "|").encode("utf-8", "replace")
        begins = b"\rMSA" + separator
        return answer.replace(begins + plain.encode(), begins + told.encode(), 1)

    def tell(self, event: str, facts: dict[str, Any]) -> None:
        """What happened on the wire, on stderr."""
        if event not in QUIET:
            print(f"{event}: {', '.join(f'{key} {value}' for key, value in facts.items())}", file=sys.stderr)

    def _show(self, raw: bytes, peer: str) -> None:
        header = peek(raw)
        file = self._saved(raw)
        if self._options.json:
            row = {
                "number": self._received,
                "received": datetime.now(UTC).isoformat(),
                "peer": peer,
                "type": header.message_type,
                "control_id": header.control_id,
                "version": header.version,
                "bytes": len(raw),
                **({"file": file} if file else {}),
                **({} if self._options.headers else {"message": raw.decode("utf-8", "replace")}),
            }
            print(json.dumps(row), flush=True)
            return
        known = f"{header.message_type or 'no message type'}, control id {header.control_id or 'missing'}"
        print(f"{self._received}. from {peer}: {known}, {len(raw)} bytes", flush=True)
        if not self._options.headers:
            text = raw.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")
            print(text, flush=True)

    def _saved(self, raw: bytes) -> str | None:
        if not self._options.save:
            return None
        path: Path = self._options.save / f"{self._received:06d}.hl7"
        replace_whole(path, raw, durable=False)
        return str(path)
