"""The page of what survives what names tests that exist, and no test of a fault is left out."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "what-survives.md"
NAME = re.compile(r"^def (test_\w+)", re.MULTILINE)


def names_below(folder: str) -> set[str]:
    return {
        name for path in (ROOT / folder).rglob("test_*.py") for name in NAME.findall(path.read_text(encoding="utf-8"))
    }


def named() -> set[str]:
    return set(re.findall(r"`(test_\w+)`", PAGE.read_text(encoding="utf-8")))


def test_every_test_the_page_names_exists():
    assert named() - names_below("tests") == set()


def test_every_test_of_a_fault_is_on_the_page():
    about_the_tests = {"test_nothing_happens_at_a_crash_point_unless_a_test_wants_it"}
    assert names_below("tests/faults") - named() == about_the_tests


def test_every_fault_has_what_the_sender_sees_what_is_kept_and_its_test():
    text = PAGE.read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ") and "`test_" in line]
    assert len(rows) > 20
    assert all(cell for row in rows for cell in row)
    assert {len(row) for row in rows} == {2, 4}
