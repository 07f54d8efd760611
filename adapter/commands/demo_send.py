"""Sends a demo day over real sockets: ORUs over MLLP on several connections, FHIR resources over HTTP."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import requests

from adapter.commands.demo_faults import OruMessage
from adapter.fhir import dumps
from adapter.transport.mllp_client import MllpClient

CONNECTIONS = 8
TIMEOUT_S = 30.0
FHIR_JSON = {"Content-Type": "application/fhir+json"}
Progress = Callable[[], None]


@dataclass(slots=True)
class Sent:
    """What came back for the messages of the day."""

    answers: Counter[str] = field(default_factory=Counter)
    unexpected: list[str] = field(default_factory=list)
    """Control ids answered otherwise than the script says."""
    seconds: list[float] = field(default_factory=list)


def send_messages(messages: Sequence[OruMessage], address: str, progress: Progress) -> Sent:
    """Send all messages; those of one patient go over one connection, in order. Raises OSError when it breaks."""
    return asyncio.run(_send_all(messages, address, progress))


async def _send_all(messages: Sequence[OruMessage], address: str, progress: Progress) -> Sent:
    lanes: list[list[OruMessage]] = [[] for _ in range(CONNECTIONS)]
    for number, message in enumerate(messages):
        lane = zlib.crc32(message.patient.encode()) if message.patient else number
        lanes[lane % CONNECTIONS].append(message)
    sent = Sent()
    await asyncio.gather(*(_send_lane(lane, address, sent, progress) for lane in lanes))
    return sent


async def _send_lane(lane: Iterable[OruMessage], address: str, sent: Sent, progress: Progress) -> None:
    host, _, port = address.rpartition(":")
    async with MllpClient() as client:
        await client.connect(host, int(port))
        for message in lane:
            started = time.perf_counter()
            answer = await client.send(message.raw)
            sent.seconds.append(time.perf_counter() - started)
            code = acknowledgment_code(answer)
            sent.answers[code] += 1
            if code != message.answer:
                sent.unexpected.append(message.control_id)
            progress()


def acknowledgment_code(answer: bytes) -> str:
    """MSA-1 of an acknowledgment, empty when there is none."""
    for segment in answer.split(b"\r"):
        if segment.startswith(b"MSA"):
            return segment.split(segment[3:4])[1].decode("ascii", "replace")
    return ""


def post_resources(resources: Iterable[dict[str, Any]], address: str, progress: Progress) -> Counter[int]:
    """Post FHIR resources to the intake, one after the other; gives how often each HTTP status came back."""
    statuses: Counter[int] = Counter()
    with requests.Session() as session:
        session.trust_env = False
        for resource in resources:
            url = f"http://{address}/ingest/fhir"
            statuses[session.post(url, data=dumps(resource), headers=FHIR_JSON, timeout=TIMEOUT_S).status_code] += 1
            progress()
    return statuses


def put_patients(patients: Iterable[dict[str, Any]], base_url: str, progress: Progress) -> None:
    """PUT the synthetic Patients on a FHIR server, as the hospital would; raises requests.RequestException."""
    with requests.Session() as session:
        session.trust_env = False
        for patient in patients:
            url = f"{base_url.rstrip('/')}/Patient/{patient['id']}"
            session.put(url, data=dumps(patient), headers=FHIR_JSON, timeout=TIMEOUT_S).raise_for_status()
            progress()


def read_all(address: str, resource_type: str) -> list[dict[str, Any]]:
    """Every resource of a type from the read-only facade, page by page."""
    found: list[dict[str, Any]] = []
    url: str | None = f"http://{address}/fhir/{resource_type}?_count=200"
    with requests.Session() as session:
        session.trust_env = False
        while url:
            page = session.get(url, timeout=TIMEOUT_S).json()
            found += [entry["resource"] for entry in page.get("entry", [])]
            url = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)
    return found
