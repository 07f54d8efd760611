"""The FHIR client against FHIR servers others wrote."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import hapi_peer
import pytest

from adapter import fhir
from adapter.transport.fhir_client import Ambiguous, EntryResult, FhirClient, PatientMatch, Permanent

pytestmark = [pytest.mark.peers, pytest.mark.timeout(600)]

KEYS = "https://troughline.example/fhir/sid/output-key"


@pytest.fixture(params=[pytest.param("hapi", marks=hapi_peer.NEEDS_HAPI), "sekmet"])
def client(request) -> Iterator[FhirClient]:
    opened = FhirClient(request.getfixturevalue(request.param))
    yield opened
    opened.close()


def put_patient(client: FhirClient, mrn: str, **more: Any) -> str:
    resource_id = str(uuid.uuid4())
    body = {"resourceType": "Patient", "id": resource_id, "identifier": [{"system": "urn:mrn", "value": mrn}], **more}
    assert client.put("Patient", resource_id, fhir.dumps(body)).done
    return f"Patient/{resource_id}"


def observation(patient: str, value: str) -> dict[str, Any]:
    resource_id = str(uuid.uuid4())
    return {
        "resourceType": "Observation",
        "id": resource_id,
        "identifier": [{"system": KEYS, "value": resource_id}],
        "status": "final",
        "code": {"text": "Asparaginase activity"},
        "subject": {"reference": patient},
        "valueQuantity": {"value": Decimal(value), "unit": "[IU]/mL"},
    }


def flag(patient: str) -> dict[str, Any]:
    resource_id = str(uuid.uuid4())
    return {
        "resourceType": "Flag",
        "id": resource_id,
        "identifier": [{"system": KEYS, "value": resource_id}],
        "status": "active",
        "code": {"text": "Suspected silent inactivation"},
        "subject": {"reference": patient},
    }


def transaction(*resources: dict[str, Any]) -> bytes:
    entries = [
        {
            "fullUrl": f"https://troughline.example/fhir/{one['resourceType']}/{one['id']}",
            "resource": one,
            "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"},
        }
        for one in resources
    ]
    return fhir.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries})


def test_the_server_says_it_speaks_r4(client) -> None:
    assert client.capabilities()["fhirVersion"] == fhir.FHIR_RELEASE


def test_the_same_transaction_twice_leaves_one_of_each(client) -> None:
    patient = put_patient(client, str(uuid.uuid4()))
    level, raised = observation(patient, "0.10"), flag(patient)
    bundle = transaction(level, raised)
    first, second = client.transaction(bundle), client.transaction(bundle)
    assert [entry.status for entry in first.entries] == [201, 201]
    assert [entry.version for entry in first.entries] == ["1", "1"]
    assert (second.done, [entry.status for entry in second.entries]) == (True, [200, 200])
    for one in (level, raised):
        found = client.search(one["resourceType"], {"identifier": f"{KEYS}|{one['id']}"})
        assert [resource["id"] for resource in found.resources] == [one["id"]]
    held = client.read("Observation", level["id"])
    assert Decimal(str(held["valueQuantity"]["value"])) == Decimal("0.10")


def test_a_refused_entry_undoes_the_transaction_and_single_puts_save_the_rest(client) -> None:
    patient = put_patient(client, str(uuid.uuid4()))
    good, bad = observation(patient, "0.62"), observation(patient, "0.62")
    bad["effectiveDateTime"] = "yesterday"
    with pytest.raises(Permanent) as caught:
        client.transaction(transaction(good, bad))
    assert caught.value.status in {400, 422}
    with pytest.raises(Permanent, match="404"):
        client.read("Observation", good["id"])
    assert client.put("Observation", good["id"], fhir.dumps(good)).done
    with pytest.raises(Permanent):
        client.put("Observation", bad["id"], fhir.dumps(bad))
    assert client.read("Observation", good["id"])["status"] == "final"


def test_a_version_somebody_else_changed_is_not_overwritten(client) -> None:
    raised = flag(put_patient(client, str(uuid.uuid4())))
    assert client.put("Flag", raised["id"], fhir.dumps(raised)) == EntryResult(status=201, version="1")
    assert client.put("Flag", raised["id"], fhir.dumps({**raised, "status": "inactive"}), if_match="1").version == "2"
    # R4 says 412, which waits for a person; HAPI says 409: look what stands there, then decide.
    with pytest.raises((Permanent, Ambiguous)) as caught:
        client.put("Flag", raised["id"], fhir.dumps(raised), if_match="1")
    assert (type(caught.value), caught.value.status) in {(Permanent, 412), (Ambiguous, 409)}
    assert client.read("Flag", raised["id"])["status"] == "inactive"


def test_a_patient_is_found_by_identifier_whatever_is_in_it(client) -> None:
    mrn = f"{uuid.uuid4()} &+/"
    reference = put_patient(client, mrn)
    assert client.find_patient("urn:mrn", mrn) == PatientMatch(reference=reference)
    assert client.find_patient("urn:other", mrn) == PatientMatch()
    put_patient(client, mrn)
    assert client.find_patient("urn:mrn", mrn) == PatientMatch(ambiguous=True)


def test_a_merged_patient_leads_to_the_surviving_one(client) -> None:
    old, new = str(uuid.uuid4()), str(uuid.uuid4())
    survivor = put_patient(client, new)
    link = [{"type": "replaced-by", "other": {"reference": survivor}}]
    put_patient(client, old, active=False, link=link)
    assert client.find_patient("urn:mrn", old) == PatientMatch(reference=survivor)


def test_a_result_the_laboratory_wrote_is_found(client) -> None:
    level = observation(put_patient(client, str(uuid.uuid4())), "0.31")
    assert client.has_result([(KEYS, level["id"])], not_of="urn:other") is None
    assert client.put("Observation", level["id"], fhir.dumps(level)).done
    assert client.has_result([(KEYS, "none"), (KEYS, level["id"])], not_of="urn:other") == f"Observation/{level['id']}"
