"""Our CodeSystem: what every finding, topic, component and output code is called in front of a person."""

from __future__ import annotations

from typing import Any

from adapter.fhir import Canonical

EXPOSURES = {
    "adequate": "Activity adequate",
    "inadequate": "Activity inadequate",
    "above-band": "Activity above the band of the policy",
    "indeterminate": "Exposure cannot be judged",
    "no-result": "No result",
}
MECHANISMS = {
    "no-evidence-of-inactivation": "No evidence of inactivation",
    "below-target-not-inactivation": "Below target, not inactivation",
    "suspected-silent-inactivation": "Suspected silent inactivation",
    "confirmed-silent-inactivation": "Confirmed silent inactivation",
    "suspected-neutralizing-hypersensitivity": "Suspected neutralizing hypersensitivity",
    "neutralizing-hypersensitivity": "Neutralizing hypersensitivity",
    "reaction-activity-preserved": "Reaction, activity preserved",
    "severe-reaction-activity-preserved": "Severe reaction, activity preserved",
    "reaction-unresolved": "Reaction without a usable level",
    "not-assessable": "Not assessable",
}
MONITORING = {
    "not-due": "Level not due",
    "due": "Level due",
    "sample-overdue": "Sample overdue",
    "result-overdue": "Result overdue",
    "missed": "Level missed",
    "complete": "Monitoring complete",
    "confirmation-due": "Confirming sample due",
}
MODIFIERS = {
    "near-threshold": "Near the threshold",
    "unquantified-below": "Below the threshold, not quantified",
    "early": "Sample early",
    "late": "Sample late",
    "partial-dose": "Partial dose",
    "dose-unknown": "Amount given unknown",
    "premedicated": "Premedication recorded before the dose",
    "systemic-steroid": "Systemic steroid of the leukaemia treatment",
    "cross-family-residual": "Residual activity of another asparaginase family possible",
    "same-family-carryover": "Carry-over from the previous dose possible",
    "discordant": "Samples contradict each other",
    "unit-suspect": "Unit or magnitude suspect",
    "unit-missing": "Unit missing",
    "sample-time-missing": "Collection time missing",
    "date-only": "Only a date is known",
    "same-day-ambiguous": "Sample and dose on one day, order unknown",
    "preliminary": "Result preliminary",
    "corrected": "Result corrected",
    "specimen-quality": "Specimen unusable",
    "grade-mapped": "Reaction grade derived from severity or manifestation",
    "product-ambiguous": "Product unknown",
    "method-bias": "Method bias possible",
    "prior-inactivation": "Inactivation recorded earlier for this family",
    "first-dose": "First known dose of the family",
    "value-unreadable": "Value cannot be read",
    "unit-assumed": "Unit assumed",
    "zone-assumed": "Time zone assumed",
    "no-dose-known": "No dose known for this sample",
    "reaction-unconfirmed": "Reaction record unconfirmed",
    "reaction-refuted": "Allergy refuted",
}
TOPICS = {
    "inactivation": "Asparaginase inactivation",
    "neutralizing-hypersensitivity": "Neutralizing hypersensitivity",
    "severe-reaction": "Severe reaction to asparaginase",
    "reaction-unresolved": "Reaction without a usable level",
    "reaction-activity-preserved": "Reaction, activity preserved",
    "below-target": "Asparaginase activity below target",
    "tdm-overdue": "Asparaginase level overdue",
    "data-check": "Asparaginase data to be checked",
    "re-exposure": "Re-exposure after recorded inactivation",
    "conclusion-reversed": "Earlier conclusion reversed",
}
COMPONENTS = {
    "exposure": "Exposure",
    "monitoring": "Monitoring",
    "asparaginase-activity": "Asparaginase activity in serum or plasma",
    "hours-since-dose": "Hours since the end of the dose",
    "threshold": "Threshold applied",
    "reaction": "Reaction recorded for this dose",
    "asparaginase-activity-interpretation": "Asparaginase activity interpretation",
}
OUTPUTS = {
    "tdm-interpretation": "TDM interpretation",
    "activity": "Measured activity",
    "interpretation": "Interpretation",
    "flag": "Flag",
}
DISPLAYS = {**EXPOSURES, **MECHANISMS, **MONITORING, **MODIFIERS, **TOPICS, **COMPONENTS, **OUTPUTS}
"""Every code once; a code two groups share (`reaction-unresolved`) means the same thing in both."""


def code_system(canonical: Canonical) -> dict[str, Any]:
    """The CodeSystem resource behind every code this product writes."""
    return {
        "resourceType": "CodeSystem",
        "id": "troughline",
        "url": canonical.codes,
        "name": "Troughline",
        "title": "Findings of asparaginase activity monitoring",
        "status": "active",
        "caseSensitive": True,
        "content": "complete",
        "count": len(DISPLAYS),
        "concept": [{"code": code, "display": display} for code, display in DISPLAYS.items()],
    }
