"""What `troughline run` shows as the answer to a body that HTTP refuses is what the service answers."""

from __future__ import annotations

import asyncio
import json
from unittest.mock import AsyncMock

import httpx
import pytest

from adapter.cli import main
from adapter.transport.http_app import build_app
from adapter.transport.http_body import HttpLimits
from adapter.transport.http_intake import intake_routes

BODIES = [
    b"{",
    b"[]",
    b"{}",
    b'{"resourceType": 7}',
    b'{"resourceType": ""}',
    b'{"a": 1e999}',
    b'{"a": 1, "a": 2}',
    b"\xef\xbb\xbf{}",
]


async def _posted(body: bytes) -> httpx.Response:
    nobody = AsyncMock(side_effect=AssertionError("it was let in"))
    doors = intake_routes(receive_hl7=nobody, receive_fhir=nobody, limits=HttpLimits())
    app = build_app(doors, token=None, on_event=lambda _event, _facts: None)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        return await client.post("/ingest/fhir", content=body, headers={"Content-Type": "application/fhir+json"})


@pytest.mark.parametrize("body", BODIES)
def test_a_refused_body_is_shown_with_the_answer_of_the_service(tmp_path, capsys, body):
    file = tmp_path / "body.json"
    file.write_bytes(body)
    assert main(["run", str(file), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)["messages"][0]["answer"]
    answered = asyncio.run(_posted(body))
    assert (told["status"], told["body"]) == (400, answered.json())
    assert answered.status_code == 400


def test_a_body_the_service_takes_is_answered_by_what_stands_in_it(tmp_path, capsys):
    file = tmp_path / "body.json"
    file.write_bytes(b'\xef\xbb\xbf{"resourceType": "MedicationAdministration", "id": "d", "status": "given"}')
    assert main(["run", str(file), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["messages"][0]["answer"]["status"] == 422
