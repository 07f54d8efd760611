"""The pages on `explain` say what the code has: every key of evidence and tree, and lines of a real page."""

from __future__ import annotations

import json
import re
from pathlib import Path

import hospital
import pytest

from adapter.cli import main

ROOT = Path(__file__).parents[2]
FINDINGS = (ROOT / "docs" / "reference" / "findings.md").read_text(encoding="utf-8")
HOWTO = (ROOT / "docs" / "howto" / "check-a-finding.md").read_text(encoding="utf-8")
GOLDEN = ROOT / "tests" / "commands" / "golden" / "explain" / "silent-inactivation.txt"


def keys_under(heading: str) -> list[str]:
    """The first cells of the table with this heading cell."""
    table = FINDINGS.partition(f"| {heading} |")[2].partition("\n\n")[0]
    return re.findall(r"^\| `([a-z_]+)` \|", table, flags=re.MULTILINE)


@pytest.fixture
def shown(tmp_path, capsys):
    """The evidence of one finding, and its tree."""
    for name, resource in (("1.json", hospital.patient()), ("2.json", hospital.dose())):
        (tmp_path / name).write_bytes(hospital.fhir(resource).raw)
    (tmp_path / "3.hl7").write_bytes(hospital.oru("A1", value="<0.03"))
    main(["play", str(tmp_path), "--json"])
    evidence = json.loads(capsys.readouterr().out)["findings"][0]["evidence"]
    main(["explain", str(tmp_path), "--json"])
    (tree,) = json.loads(capsys.readouterr().out)["explanations"]
    return evidence, tree


def test_every_key_of_evidence_and_tree_has_its_row(shown):
    evidence, tree = shown
    section = FINDINGS.partition("\n## The evidence\n")[2]
    top = section.partition("| key |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `([a-z_]+)` \|", top, flags=re.MULTILINE) == list(evidence)
    assert keys_under("key of a sample") == list(evidence["samples"][0])
    assert keys_under("key of a tree") == list(tree)
    assert keys_under("key of a level") == list(tree["levels"][0])


def test_every_page_line_of_the_how_to_is_a_line_of_a_real_page():
    blocks = re.findall(r"^```text\n(.*?)^```$", HOWTO, flags=re.MULTILINE | re.DOTALL)
    page = GOLDEN.read_text(encoding="utf-8")
    assert len(blocks) == 6
    assert [block for block in blocks if block not in page] == []
