"""Bodies nobody should send, over a real socket: an OperationOutcome, nothing kept by half, and the next is served."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hospital import MRN
from running_service import eventually

from adapter.store.sqlite_inbox import SqliteInboxReader

pytestmark = [pytest.mark.loopback, pytest.mark.timeout(300)]

MEBIBYTE = 1024 * 1024
FHIR = {"Content-Type": "application/fhir+json"}
PATIENT = b'{"resourceType": "Patient", "id": "p1"}'
BAD = {
    "a resource over its limit": (413, b'{"resourceType": "Patient", "id": "' + b"1" * 5 * MEBIBYTE + b'"}', FHIR),
    "a body over every limit": (413, b" " * (16 * MEBIBYTE + 1), FHIR),
    "a body that inflates past every limit": (
        413,
        lambda: gzip.compress(b" " * (64 * MEBIBYTE)),  # only when it is sent: every worker reads this table
        {**FHIR, "Content-Encoding": "gzip"},
    ),
    "json deeper than anything in FHIR": (400, b'{"a":' * 5_000 + b"1" + b"}" * 5_000, FHIR),
    "json deep enough to end a parser": (400, b"[" * 2_000_000, FHIR),
    "another content type": (415, PATIENT, {"Content-Type": "application/xml"}),
    "another character set": (415, PATIENT, {"Content-Type": "application/fhir+json; charset=latin-1"}),
    "gzip that ends early": (400, gzip.compress(PATIENT * 99)[:-20], {**FHIR, "Content-Encoding": "gzip"}),
    "gzip that is none": (400, PATIENT, {**FHIR, "Content-Encoding": "gzip"}),
    "bytes that are no utf-8": (400, b'{"resourceType": "Patient", "id": "\xff\xfe"}', FHIR),
    "a key that comes twice": (400, b'{"resourceType": "Patient", "id": "p1", "id": "p2"}', FHIR),
    "not a number": (400, b'{"resourceType": "Observation", "valueQuantity": {"value": NaN}}', FHIR),
    "an infinite number": (400, b'{"resourceType": "Observation", "valueQuantity": {"value": -Infinity}}', FHIR),
    "a body cut short": (400, b'{"resourceType": "Patient", "id": "p', FHIR),
    "a list": (400, b"[1]", FHIR),
}


def kept(service):
    """How many bodies the inbox of the core process holds."""
    with_file = service.store / "inbox-core.db"
    reader = SqliteInboxReader(with_file, "inbox-core")
    last = reader.last_seq()
    reader.close()
    return last


@pytest.mark.slow
@pytest.mark.parametrize("case", BAD)
def test_a_bad_body_is_an_outcome_and_nothing_of_it_is_kept(case, running):
    status, made, headers = BAD[case]
    body = made() if callable(made) else made
    before = kept(running)
    answer = running.session.post(f"{running.http}/ingest/fhir", data=body, headers=headers, timeout=60)
    told = answer.json()
    assert (answer.status_code, told["resourceType"]) == (status, "OperationOutcome")
    assert {issue["severity"] for issue in told["issue"]} == {"error"}
    assert "Traceback" not in answer.text
    assert kept(running) == before
    person = {"resourceType": "Patient", "id": "after", "identifier": [{"system": MRN, "value": "after"}]}
    assert running.post(person).status_code == 200


ROOM_BYTES = 64 * MEBIBYTE
ROOM_OF_AN_ENTRY_BYTES = 10 * 1024
"""Its object, its translation and its part of the answer; 7 KB when this was written."""


def peak_bytes(pid):
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


@pytest.mark.parametrize(
    "count", [pytest.param(5_000, marks=pytest.mark.slow), pytest.param(50_000, marks=pytest.mark.nightly)]
)
def test_a_bundle_of_many_thousand_entries_is_taken_whole_in_bounded_memory(count, start):
    service = start()
    entry = {
        "resourceType": "MedicationAdministration",
        "status": "completed",
        "medicationCodeableConcept": {"text": "Vincristine"},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2025-03-03",
    }
    entries = [{"resource": {**entry, "id": f"d{number}"}} for number in range(count)]
    raw = json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}, separators=(",", ":")).encode()
    assert len(raw) < 16 * MEBIBYTE
    core = service.pids["core"]
    before = peak_bytes(core)
    answer = service.session.post(f"{service.http}/ingest/fhir", data=raw, headers=FHIR, timeout=240)
    assert answer.status_code == 200
    told = answer.json()["entry"]
    assert len(told) == count
    assert {one["response"]["status"].split()[0] for one in told} == {"200"}
    person = {"resourceType": "Patient", "id": "after", "identifier": [{"system": MRN, "value": "after"}]}
    assert service.post(person).status_code == 200
    eventually(lambda: kept(service) == 2)
    assert service.pids["core"] == core, "it did not die of it"
    assert peak_bytes(core) - before < ROOM_BYTES + count * ROOM_OF_AN_ENTRY_BYTES
