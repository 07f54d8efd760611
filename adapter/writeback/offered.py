"""Which placeholders each output template may use, so that a slip is found when templates load and not at a result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from adapter.knowledge.spec import OutputTemplate
from adapter.writeback.template import placeholders

OFFERED: Mapping[str, frozenset[str]] = {
    "observation-activity": frozenset(
        {
            "canonical",
            "key",
            "subject",
            "narrative",
            "filler",
            "placer",
            "status",
            "test",
            "collected",
            "resulted",
            "laboratory",
            "value",
            "absent",
            "laboratory_flag",
            "notes",
            "method",
            "specimen",
            "specimen_type",
            "reference_range",
        }
    ),
    "observation-interpretation": frozenset(
        {
            "canonical",
            "key",
            "subject",
            "narrative",
            "dose",
            "status",
            "effective",
            "mechanism",
            "level",
            "notes",
            "policy",
            "device",
            "samples",
            "exposure",
            "monitoring",
            "activity",
            "hours",
            "threshold",
            "premedicated",
            "reaction",
        }
    ),
    "flag": frozenset(
        {
            "canonical",
            "key",
            "subject",
            "narrative",
            "detail",
            "priority",
            "status",
            "category",
            "topic",
            "raised_by",
            "short",
            "sentence",
            "device",
        }
    ),
    "provenance": frozenset(
        {
            "canonical",
            "key",
            "targets",
            "recorded",
            "activity",
            "device",
            "performer",
            "entities",
        }
    ),
}
"""Template name to the first words of its placeholders."""


def template_faults(templates: Mapping[str, OutputTemplate]) -> Iterator[tuple[str, str]]:
    """(template name, sentence) for every missing template and every placeholder nothing will ever fill."""
    for name, offered in OFFERED.items():
        if name not in templates:
            yield name, "the output template is missing"
            continue
        for used in sorted(placeholders(templates[name])):
            if used.split(".")[0] not in offered:
                yield name, f"nothing fills ${{{used}}}"
