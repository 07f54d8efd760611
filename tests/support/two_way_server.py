"""A hospital's FHIR server that sends to us by subscriptions and is written to by us, as a test plays its staff."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport"
TOPIC = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic"
TRIGGER = "http://hl7.org/fhir/4.3/StructureDefinition/extension-SubscriptionTopic.resourceTrigger"


def _topic_url(resource_type: str) -> str:
    return f"https://ehr.example/SubscriptionTopic/{resource_type}"


def _topic(resource_type: str) -> dict[str, Any]:
    """Whatever happens to a type, as a topic of R4."""
    happens = [{"url": "supportedInteraction", "valueCode": code} for code in ("create", "update", "delete")]
    trigger = [
        {"url": "description", "valueMarkdown": "All."},
        {"url": "resource", "valueUri": resource_type},
        *happens,
    ]
    return {
        "resourceType": "Basic",
        "id": f"topic-{resource_type}",
        "code": {"coding": [{"system": "http://hl7.org/fhir/fhir-types", "code": "SubscriptionTopic"}]},
        "modifierExtension": [{"url": f"{TOPIC}.status", "valueString": "active"}],
        "extension": [
            {"url": f"{TOPIC}.url", "valueUri": _topic_url(resource_type)},
            {"url": TRIGGER, "extension": trigger},
        ],
    }


def _by_topic(resource_type: str, endpoint: str, token: str, content: str) -> dict[str, Any]:
    everything = {"url": f"{BACKPORT}-filter-criteria", "valueString": f"{resource_type}?"}
    return {
        "resourceType": "Subscription",
        "meta": {"profile": [f"{BACKPORT}-subscription"]},
        "status": "requested",
        "reason": "Asparaginase monitoring",
        "criteria": _topic_url(resource_type),
        "_criteria": {"extension": [everything]},
        "channel": {
            "type": "rest-hook",
            "endpoint": endpoint,
            "payload": "application/fhir+json",
            "_payload": {"extension": [{"url": f"{BACKPORT}-payload-content", "valueCode": content}]},
            "header": [f"Authorization: Bearer {token}"],
        },
    }


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
    def notifying(self, service: str, token: str, *, path: str = "/ingest/fhir", whole: bool = True) -> Iterator[None]:
        """R4 rest-hooks with the whole resource, or with nothing at all, whatever its status or code."""
        channel = {"endpoint": f"{service}{path}", "header": [f"Authorization: Bearer {token}"]}
        if whole:
            channel["payload"] = "application/fhir+json"
        places = [self._subscribe(criteria, channel) for criteria in SUBSCRIBED]
        try:
            eventually(lambda: all(self.held(place)["status"] == "active" for place in places), every_s=0.5)
            yield
        finally:
            for place in places:
                self.delete(place)

    def _subscribe(self, resource_type: str, channel: Mapping[str, Any]) -> str:
        subscription = {
            "resourceType": "Subscription",
            "status": "requested",
            "reason": "Asparaginase monitoring",
            "criteria": f"{resource_type}?",
            "channel": {"extension": [SENDS_DELETES], "type": "rest-hook", **channel},
        }
        return self._posted(subscription)

    def _posted(self, subscription: Mapping[str, Any]) -> str:
        answer = self._session.post(f"{self.base_url}/Subscription", json=subscription, timeout=60)
        assert answer.status_code == 201, answer.text
        return f"Subscription/{answer.json()['id']}"

    @contextmanager
    def notifying_by_topic(self, endpoint: str, token: str, types: Sequence[str], content: str) -> Iterator[None]:
        """Topic subscriptions in R4; HAPI keeps a topic as Basic, and looks for new ones by the minute."""
        for name in types:
            self.record(_topic(name))
        places = [self._posted(_by_topic(name, endpoint, token, content)) for name in types]
        try:
            eventually(lambda: all(self.held(place)["status"] == "active" for place in places), every_s=0.5)
            yield
        finally:
            for place in places:
                self.delete(place)

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
