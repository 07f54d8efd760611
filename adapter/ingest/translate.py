"""The door to ingest: what came in, as events, problems and answers."""

from __future__ import annotations

from adapter.ingest.fhir_bundle import FhirItem, fhir_resources, fhir_stamp
from adapter.ingest.fhir_check import check_fhir
from adapter.ingest.fhir_links import named_by
from adapter.ingest.fhir_translation import UNKNOWN_PATIENT, translate_fhir
from adapter.ingest.hl7_translation import translate_hl7
from adapter.ingest.senders import RulesFor, SenderRules

__all__ = [
    "UNKNOWN_PATIENT",
    "FhirItem",
    "RulesFor",
    "SenderRules",
    "check_fhir",
    "fhir_resources",
    "fhir_stamp",
    "named_by",
    "translate_fhir",
    "translate_hl7",
]
