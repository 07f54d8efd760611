"""Links of a Patient that cannot be read say nothing, and nothing that stands there raises."""

from __future__ import annotations

from pathlib import Path

import hospital
import pytest

from adapter.ingest.translate import translate_fhir
from adapter.knowledge.load import load_knowledge

KNOWLEDGE, _ = load_knowledge([Path(__file__).parents[2] / "mappings" / "demo"])


@pytest.mark.parametrize(
    "link",
    [
        "none",
        ["text"],
        [{"type": "replaced-by"}],
        [{"type": "replaced-by", "other": "Patient/p2"}],
        [{"type": "replaces", "other": {"display": "somebody"}}],
        [{"type": ["replaces"], "other": {"reference": "Patient/p2"}}],
        [{"type": "replaced-by", "other": {"identifier": {"system": hospital.MRN, "value": "900001"}}}],
    ],
)
def test_a_link_that_names_nobody_else_says_nothing(link):
    told = translate_fhir({**hospital.patient(), "link": link}, KNOWLEDGE, lambda _: None, source="ward")
    assert (told.identities, told.parked, told.answer.code) == ((), None, "AA")


def test_a_patient_without_a_mapped_number_says_nothing_of_others():
    link = [{"type": "replaces", "other": {"reference": "Patient/p2"}}]
    told = translate_fhir({**hospital.patient(), "identifier": [], "link": link}, KNOWLEDGE, lambda _: None, source="x")
    assert (told.identities, told.parked) == ((), None)
