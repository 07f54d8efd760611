"""CASES.md names a test or a story for each of the 53 worked cases, and all of them are there."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parent
STORIES = {path.parent.name for path in (FOLDER.parent / "cases").glob("*/story.md")}


def listed():
    rows = re.findall(r"^\| (\d+) \| ([^|]*)\| ([^|]*)\|", (FOLDER / "CASES.md").read_text(), re.MULTILINE)
    return [(int(case), re.findall(r"\w+", tests), re.findall(r"[\w-]+", stories)) for case, tests, stories in rows]


def test_every_case_is_listed_once_with_a_test_or_a_story():
    assert [case for case, *_ in listed()] == list(range(1, 54))
    assert all(tests or stories for _, tests, stories in listed())


def test_every_listed_test_and_story_exists_and_every_test_of_a_case_is_listed():
    defined = set()
    for path in FOLDER.glob("test_worked_cases*.py"):
        defined |= set(re.findall(r"^def (test_cases?_\d\w+)", path.read_text(), re.MULTILINE))
    assert {test for _, tests, _ in listed() for test in tests} == defined
    assert {story for _, _, stories in listed() for story in stories} <= STORIES
