"""The pages about reading HL7 v2 and about conformance say what the code does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from adapter.ingest.conformance import CHECKS
from adapter.ingest.hl7v2 import Delimiters, unescape
from adapter.ingest.hl7v2.charsets import _CODECS, codec_of
from adapter.ingest.hl7v2.message import SEGMENTS_LIMIT

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
CELLS = re.compile(r"(?<!\\)\|")
WITH_TRUNCATION = Delimiters(truncation="#")


def rows(page: str, heading: str = "") -> list[list[str]]:
    text = (REFERENCE / page).read_text(encoding="utf-8")
    part = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0] if heading else text
    lines = [line for line in part.splitlines() if line.startswith("| `")]
    return [[cell.strip().replace("\\|", "|") for cell in CELLS.split(line)[1:-1]] for line in lines]


ESCAPES = [row[:2] for row in rows("reading-hl7v2.md", "Escapes")]


def test_every_code_of_a_conformance_report_has_its_row():
    shown = [(row[0].strip("`"), *row[1:]) for row in rows("conformance.md")]
    assert [row[:3] for row in shown] == [(check.code, check.severity, check.title) for check in CHECKS.values()]
    assert [row[3].replace("`", "") for row in shown] == [check.advice for check in CHECKS.values()]


@pytest.mark.parametrize(("escape", "read"), ESCAPES, ids=[row[0] for row in ESCAPES])
def test_every_escape_reads_as_the_page_says(escape, read):
    assert unescape(escape.strip("`"), WITH_TRUNCATION) == json.loads(read.strip("`"))


def test_every_character_set_has_its_row_with_spellings_that_are_understood():
    shown = {row[0].strip("`"): re.findall(r"`([^`]+)`", row[1]) for row in rows("reading-hl7v2.md", "Character sets")}
    assert set(shown) == set(_CODECS.values())
    assert {spelling: codec_of(spelling) for names in shown.values() for spelling in names} == {
        spelling: codec for codec, names in shown.items() for spelling in names
    }


def test_the_limit_of_lines_is_the_one_the_page_names():
    assert f"{SEGMENTS_LIMIT:,} lines" in (REFERENCE / "reading-hl7v2.md").read_text(encoding="utf-8")
