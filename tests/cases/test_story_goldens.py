"""The whole of what each story gives, byte for byte: recorded from a run, read by a person when it changes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adapter.cli import main

STORIES = sorted(path.parent for path in Path(__file__).parent.glob("*/story.md"))
RECORDED = "played.json"


@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.name)
def test_a_story_gives_exactly_what_was_recorded(story, capsys, request):
    arguments = ["play", str(story), "--json"]
    if (story / "as-of.txt").exists():
        arguments += ["--as-of", (story / "as-of.txt").read_text().strip()]
    main(arguments)
    played = without_hashes(capsys.readouterr().out)
    golden = story / "expected" / RECORDED
    if request.config.getoption("--renew-goldens"):
        golden.write_text(played)
    assert golden.exists(), "a new story: read its output, then record it: pytest tests/cases --renew-goldens -n 0"
    assert played == golden.read_text(), "read the difference; then: pytest tests/cases --renew-goldens -n 0"


def without_hashes(text: str) -> str:
    """Provenance names the hash of the mappings in force, and so has another id after every edit of a table."""
    played = json.loads(text, parse_float=str)
    played["provenance"] = len(played["provenance"])
    return json.dumps(played, indent=1, ensure_ascii=False) + "\n"
