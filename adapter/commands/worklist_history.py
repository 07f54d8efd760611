"""The audit lines of the work list: every release and every discard, as the store keeps them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from adapter.app import discarding, replay_folder
from adapter.app.asking import DONE
from adapter.store.private_json import read_object


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLine:
    """One release or one discard."""

    what: Literal["release", "discard"]
    at: str
    by: str
    because: str
    messages: tuple[tuple[str, int], ...]
    """(inbox, seq) of those it was done to."""
    came_of_it: str
    """In words, without content of any message."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "at": self.at,
            "what": self.what,
            "by": self.by,
            "because": self.because,
            "messages": [place_text(one) for one in self.messages],
            "came_of_it": self.came_of_it,
        }


def place_text(place: tuple[str, int]) -> str:
    """`inbox/412`"""
    return f"{place[0]}/{place[1]}"


def audit_lines(store: Path) -> list[AuditLine]:
    """Every release and discard that was done, the newest first; a file nobody can read is passed over."""
    found = [
        *_lines(store / discarding.FOLDER, DONE),
        *_lines(store / replay_folder.FOLDER, DONE),
    ]
    return sorted(found, key=lambda line: line.at, reverse=True)


def discards_of(lines: Sequence[AuditLine]) -> dict[tuple[str, int], list[AuditLine]]:
    """The discards of each message."""
    found: dict[tuple[str, int], list[AuditLine]] = {}
    for line in lines:
        for message in line.messages if line.what == "discard" else ():
            found.setdefault(message, []).append(line)
    return found


def _lines(folder: Path, ending: str) -> Iterator[AuditLine]:
    for file in sorted(folder.glob(f"*{ending}")):
        try:
            line = _line(read_object(file) or {})
        except (KeyError, TypeError, ValueError):
            continue
        if line:
            yield line


def _line(told: Mapping[str, Any]) -> AuditLine | None:
    if "discarded" in told:
        return _of_discard(told)
    return _of_release(told) if told.get("released") else None


def _of_discard(told: Mapping[str, Any]) -> AuditLine:
    late = len(told["not_waiting"])
    return AuditLine(
        what="discard",
        at=told["done_at"],
        by=told["by"],
        because=told["because"],
        messages=_places(told["discarded"]),
        came_of_it=f"{len(told['discarded'])} discarded" + (f", {late} waited no longer" if late else ""),
    )


def _of_release(told: Mapping[str, Any]) -> AuditLine:
    refused = "refused" in told
    return AuditLine(
        what="release",
        at=told["done_at"],
        by=told["by"],
        because=told["because"],
        messages=_places(told["asked"]),
        came_of_it="refused: the service ran with other tables" if refused else _tally(told),
    )


def _tally(told: Mapping[str, Any]) -> str:
    facts = told["facts"]
    left = told["messages"] - told["waiting"]
    return f"{left} read, {told['waiting']} wait on; facts: {facts.get('new', 0)} new, {facts.get('gone', 0)} gone"


def _places(places: Sequence[Sequence[Any]]) -> tuple[tuple[str, int], ...]:
    return tuple((str(inbox), int(seq)) for inbox, seq in places)


def history_page(lines: Sequence[AuditLine]) -> str:
    """One paragraph of two lines each."""
    return "\n".join(_paragraph(line) for line in lines) or "Nothing was released or discarded here."


def _paragraph(line: AuditLine) -> str:
    named = ", ".join(place_text(one) for one in line.messages) or "nothing"
    return f"{line.at} {line.what} by {line.by}: {named} ({line.came_of_it})\n  because: {line.because}"
