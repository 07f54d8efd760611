"""The fields a mapping may fill for each event, and those without which the event cannot stand."""

from __future__ import annotations

_TIMES = ("collected", "received_by_laboratory", "resulted", "updated", "sent")
_ORDER = ("order_status", "filler", "placer")
_SAMPLE = ("specimen", "specimen_type", "method", "laboratory", "reference_range", "laboratory_flag", "comment")
_GIVEN = ("status", "started", "ended", "route")

EVENT_FIELDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "ActivityMeasured": (
        ("patient", "key", "test", "status", "activity", *_TIMES, *_ORDER, *_SAMPLE),
        ("key", "status", "activity", "collected"),
    ),
    "AsparaginaseAdministered": (
        ("patient", "key", "product", *_GIVEN, "amount", "request", "part_of", "status_reason"),
        ("patient", "product", "status", "started"),
    ),
    "PremedicationGiven": (
        ("patient", "key", "role", *_GIVEN),
        ("patient", "role", "status", "started"),
    ),
    "HypersensitivityRecorded": (
        (
            "patient",
            "key",
            "product",
            "verification",
            "clinical_status",
            "occurred",
            "manifestations",
            "severity",
            "grade",
            "text",
            "recorder",
        ),
        ("patient", "product", "verification", "occurred"),
    ),
}
"""Event name -> (all fields, needed fields)."""
