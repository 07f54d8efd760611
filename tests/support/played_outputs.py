"""Every version of every resource the clinical stories make the product write, as a target is sent it."""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path
from typing import Any

from adapter.app.parts import play_parts
from adapter.commands.play_folder import SOURCE, play
from adapter.domain.message import Work
from adapter.store.memory_state import MemoryState
from adapter.writeback.bundle import for_target

CASES = Path(__file__).parents[1] / "cases"
STORIES = sorted(path.parent for path in CASES.glob("*/story.md"))


class _Watched(MemoryState):
    """A store that remembers every body it was handed, not only the last."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[dict[str, Any]] = []

    def commit(self, work: Work) -> bool:
        for result in work.results:
            self.bodies += [change.after.body for change in result.changes]
            self.bodies += result.provenance
        return super().commit(work)


def outputs_of(story: Path, *, literal: bool = True) -> list[dict[str, Any]]:
    """What a target is sent while a story is played, version after version; `literal`: it holds the doses too."""
    state = _Watched()
    options = argparse.Namespace(config=None, mappings=[], policy=[], draft=False)
    parts, faults = play_parts(options, state)
    assert parts is not None, faults
    play(story, parts, as_of=_as_of(story))
    return [
        for_target(
            body,
            canonical=parts.canonical,
            literal_sources=frozenset({SOURCE} if literal else ()),
            patient_reference="Patient/of-the-target",
        )
        for body in state.bodies
    ]


def _as_of(story: Path) -> datetime | None:
    named = story / "as-of.txt"
    return datetime.fromisoformat(named.read_text().strip()) if named.exists() else None
