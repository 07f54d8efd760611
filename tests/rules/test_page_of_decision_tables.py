"""The page of the decision tables holds every row of the code, word for word, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from adapter.rules.decision import TABLES

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "decision-tables.md").read_text(encoding="utf-8")
HEADINGS = {
    "pegylated": "Pegylated *E. coli* asparaginases",
    "native": "Native *E. coli* asparaginase",
    "erwinia": "*Erwinia* asparaginases",
}


@pytest.mark.parametrize("table", sorted(TABLES))
def test_every_row_stands_on_the_page_word_for_word(table):
    part = next(part for part in re.split(r"^## ", PAGE, flags=re.MULTILINE) if part.startswith(HEADINGS[table]))
    listed = [line for line in part.splitlines() if line.startswith("| `")]
    assert listed == [
        f"| `{rule.id}` | {'; '.join(condition.yes for condition in rule.needs)} "
        f"| `{rule.exposure}` | `{rule.mechanism}` |"
        for rule in TABLES[table]
    ]
