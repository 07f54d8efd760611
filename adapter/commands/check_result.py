"""One result of `troughline check`, as a line for people and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

State = Literal["ok", "warning", "failed", "skipped"]
SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What was looked at, how it stands, and what to do about it."""

    about: str
    """`configuration`, `port mllp lab`, `store`, `disk`, `target hospital`, `clock`"""
    state: State
    said: str
    advice: str | None = None


def exit_code(results: Sequence[Result]) -> int:
    """1 when anything failed; a warning alone is no failure."""
    return int(any(result.state == "failed" for result in results))


def as_text(results: Sequence[Result]) -> str:
    """One line each, the advice under it."""
    width = max(len(result.about) for result in results)
    lines: list[str] = []
    for result in results:
        lines.append(f"{result.state:<8} {result.about:<{width}}  {result.said}")
        if result.advice:
            lines.append(f"{'':<8} {'':<{width}}  -> {result.advice}")
    return "\n".join(lines)


def as_json(results: Sequence[Result]) -> str:
    """`schema` and `results` with about, state, said and advice."""
    return json.dumps(
        {"schema": SCHEMA, "results": [asdict(result) for result in results]}, indent=2, ensure_ascii=False
    )
