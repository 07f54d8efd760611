"""The page for clinicians has a paragraph for every code of the three axes, and for no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from adapter.domain.findings import EXPOSURES, MECHANISMS, MONITORING

PAGE = (Path(__file__).parents[2] / "docs" / "why" / "findings-for-clinicians.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("heading", "codes"), [("Exposure", EXPOSURES), ("Mechanism", MECHANISMS), ("Monitoring", MONITORING)]
)
def test_every_code_has_its_paragraph(heading, codes):
    part = next(part for part in re.split(r"^## ", PAGE, flags=re.MULTILINE) if part.startswith(f"{heading}\n"))
    paragraphs = dict(re.findall(r"^### `([a-z-]+)`\n(.+)", part, flags=re.MULTILINE))
    assert tuple(paragraphs) == codes
