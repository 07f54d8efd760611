"""What the facade can do, as a CapabilityStatement (http://hl7.org/fhir/R4/capabilitystatement.html)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from adapter import fhir
from adapter.publish.parameters import PARAMETERS, SearchParameter


def capability_statement(*, base_url: str, version: str, at: datetime) -> dict[str, Any]:
    """The statement of one running facade; `at` is when it was made, `version` that of the software."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": at.isoformat(timespec="seconds"),
        "kind": "instance",
        "software": {"name": "Troughline", "version": version},
        "implementation": {"description": "Interpreted asparaginase activity, read only", "url": base_url},
        "fhirVersion": fhir.FHIR_RELEASE,
        "format": ["json"],
        "rest": [{"mode": "server", "resource": [_resource(name) for name in PARAMETERS]}],
    }


def _resource(resource_type: str) -> dict[str, Any]:
    return {
        "type": resource_type,
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "versioning": "versioned",
        "conditionalRead": "not-match",
        "searchParam": [_search_parameter(one) for one in PARAMETERS[resource_type]],
    }


def _search_parameter(one: SearchParameter) -> dict[str, Any]:
    return {"name": one.name, "type": one.kind, "documentation": one.documentation}
