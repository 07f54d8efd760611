"""A hospital's FHIR server that sends to us by subscriptions and is written to by us, as a test plays its staff."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import requests
from running_service import eventually

from adapter import fhir
from adapter.transport.fhir_client import FhirClient

SUBSCRIBED = ("Patient", "MedicationAdministration", "AllergyIntolerance", "Observation", "Flag")
"""What we read, and what we write: our own results come back to us and must mean nothing."""
SENDS_DELETES = {
    "url": "http://hapifhir.io/fhir/StructureDefinition/subscription-send-delete-messages",
    "valueBoolean": True,
}
KEYS = "https://troughline.example/fhir/sid/output-key"


class TwoWayServer:
    """One FHIR server; what the ward records there comes to us, what we conclude is read there."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.client = FhirClient(base_url)
        self._session = requests.Session()
        self._session.trust_env = False

    def close(self) -> None:
        self.client.close()
        self._session.close()

    @contextmanager
    def notifying(self, service: str, token: str) -> Iterator[None]:
        """R4 rest-hooks with the whole resource, whatever its status or code."""
        places = [self._subscribe(criteria, service, token) for criteria in SUBSCRIBED]
        try:
            eventually(lambda: all(self.held(place)["status"] == "active" for place in places), every_s=0.5)
            yield
        finally:
            for place in places:
                self.delete(place)

    def _subscribe(self, resource_type: str, service: str, token: str) -> str:
        subscription = {
            "resourceType": "Subscription",
            "status": "requested",
            "reason": "Asparaginase monitoring",
            "criteria": f"{resource_type}?",
            "channel": {
                "extension": [SENDS_DELETES],
                "type": "rest-hook",
                "endpoint": f"{service}/ingest/fhir",
                "payload": "application/fhir+json",
                "header": [f"Authorization: Bearer {token}"],
            },
        }
        answer = self._session.post(f"{self.base_url}/Subscription", json=subscription, timeout=60)
        assert answer.status_code == 201, answer.text
        return f"Subscription/{answer.json()['id']}"

    def record(self, resource: Mapping[str, Any]) -> None:
        """What the ward's own programs do: PUT a Patient, a dose, an allergy."""
        assert self.client.put(resource["resourceType"], resource["id"], fhir.dumps(resource)).done

    def delete(self, place: str) -> None:
        answer = self._session.delete(f"{self.base_url}/{place}", timeout=60)
        assert answer.ok, answer.text

    def bytes_of(self, place: str) -> bytes:
        """A resource as it comes over the wire, digit by digit."""
        answer = self._session.get(f"{self.base_url}/{place}", timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.content

    def held(self, place: str) -> dict[str, Any]:
        return fhir.loads(self.bytes_of(place))

    def ours(self, resource_type: str, patient: str) -> dict[str, dict[str, Any]]:
        """Our resources about one patient, by id; one for each output key, and nobody else's, or the test fails."""
        found = self.client.search(resource_type, {"subject": f"Patient/{patient}", "_count": "100"}).resources
        keys = [row["value"] for one in found for row in one["identifier"] if row.get("system") == KEYS]
        assert sorted(keys) == sorted(one["id"] for one in found)
        return {one["id"]: one for one in found}

    def levels(self, patient: str) -> list[tuple[Decimal, str]]:
        """Value and status of every activity."""
        return sorted(
            (Decimal(one["valueQuantity"]["value"]), one["status"])
            for one in self.ours("Observation", patient).values()
            if "valueQuantity" in one
        )

    def verdicts(self, patient: str) -> list[str]:
        """What the interpretations that still stand say."""
        return [
            one["valueCodeableConcept"]["coding"][0]["code"]
            for one in self.ours("Observation", patient).values()
            if "valueCodeableConcept" in one and one["status"] != "entered-in-error"
        ]

    def flags(self, patient: str) -> dict[str, str]:
        """Status of each Flag by its topic."""
        return {one["code"]["coding"][0]["code"]: one["status"] for one in self.ours("Flag", patient).values()}
