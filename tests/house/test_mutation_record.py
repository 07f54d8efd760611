"""The recorded result of the mutation tests leaves nothing open, and is one of the files there are now."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests" / "mutation"
RECORD = json.loads((FOLDER / "last-result.json").read_text(encoding="utf-8"))


def test_no_change_went_unnoticed_without_a_reason():
    assert (RECORD["unexplained"], RECORD["stale_reasons"]) == ([], [])
    assert RECORD["all"]["noticed"] + len(RECORD["explained"]) == RECORD["all"]["mutants"]
    assert all(one["reason"] for one in RECORD["explained"])


def test_every_survivor_of_the_record_has_the_reason_that_is_written():
    groups = tomllib.loads((FOLDER / "accepted.toml").read_text(encoding="utf-8"))["accepted"]
    written = {tuple(mutant): group["reason"] for group in groups for mutant in group["mutants"]}
    recorded = {tuple(one[part] for part in ("file", "function", "was", "now")): one for one in RECORD["explained"]}
    assert {key: one["reason"] for key, one in recorded.items()} == written


def test_the_record_speaks_of_the_files_that_are_to_be_changed():
    chosen = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mutation"]["files"]
    files = {
        str(file.relative_to(ROOT))
        for name in chosen
        for file in ([ROOT / name] if name.endswith(".py") else (ROOT / name).glob("*.py"))
    }
    # A file without a statement to change (`__init__.py`) has no line.
    assert set(RECORD["files"]) <= files
    assert {file for file in files - set(RECORD["files"]) if not file.endswith("__init__.py")} == set()


def test_the_page_for_people_says_the_same():
    page = (FOLDER / "last-result.md").read_text(encoding="utf-8")
    assert f"{RECORD['all']['mutants']} mutants in {len(RECORD['files'])} files" in page
    assert "0 without." in page
    for file, numbers in RECORD["files"].items():
        assert f"| `{file}` | {numbers['mutants']} | {numbers['noticed']} | {numbers['survived']} |" in page
