"""What the standards themselves wrote into a message: the type in a reference, the words of a required code set."""

from __future__ import annotations

from dataclasses import replace

from adapter.commands.deid_leaf import Left

_STATES = frozenset(
    {
        *("completed", "in-progress", "on-hold", "not-done", "stopped", "unknown", "entered-in-error"),
        *("active", "inactive", "cancelled", "draft"),
    }
)
_MESSAGES = frozenset(
    {"ACK", "ADT", "BAR", "DFT", "MDM", "OML", "ORM", "ORR", "ORU", "OUL", "RAS", "RDE", "RDS", "SIU"}
)
FIXED: dict[str, frozenset[str]] = {
    "Bundle.type": frozenset(
        {"batch", "collection", "document", "history", "message", "searchset", "transaction", "batch-response"}
    ),
    "Bundle.entry.request.method": frozenset({"DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"}),
    "Bundle.entry.search.mode": frozenset({"include", "match", "outcome"}),
    "Patient.gender": frozenset({"female", "male", "other", "unknown"}),
    "Patient.link.type": frozenset({"refer", "replaced-by", "replaces", "seealso"}),
    "Medication.status": _STATES,
    "MedicationRequest.status": _STATES,
    "MedicationRequest.intent": frozenset({"filler-order", "instance-order", "option", "order", "plan", "proposal"}),
    "MedicationAdministration.status": _STATES,
    "MedicationAdministration.category.coding.code": frozenset({"community", "inpatient", "outpatient"}),
    "AllergyIntolerance.type": frozenset({"allergy", "intolerance"}),
    "AllergyIntolerance.category": frozenset({"biologic", "environment", "food", "medication"}),
    "AllergyIntolerance.criticality": frozenset({"high", "low", "unable-to-assess"}),
    "AllergyIntolerance.clinicalStatus.coding.code": frozenset({"active", "inactive", "resolved"}),
    "AllergyIntolerance.verificationStatus.coding.code": frozenset(
        {"confirmed", "entered-in-error", "presumed", "refuted", "unconfirmed"}
    ),
    "AllergyIntolerance.reaction.severity": frozenset({"mild", "moderate", "severe"}),
}
"""Words of one place each: at any other place the same word is looked for like every other."""


def without_standard_words(left: Left, types: frozenset[str]) -> Left:
    """What of a value was chosen by whoever sent it; `types` are the record types a reference may name."""
    is_record_type = left.place.endswith(".type") and left.text in types
    is_message = left.place.startswith("MSH-9") and left.text.partition("_")[0] in _MESSAGES
    if is_record_type or is_message or left.text in FIXED.get(left.place, ()):
        return replace(left, text="")
    if left.do != "reference":
        return left
    server_and_type, _, identity = left.text.rpartition("/")
    is_ours = server_and_type.rpartition("/")[2] in types or left.text in types
    return replace(left, text="" if left.text in types else identity) if is_ours else left
