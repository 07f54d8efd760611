"""Does the product read the same from a patient's messages afterwards, apart from dates that moved and keys?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from adapter.commands.deid_times import moved_iso

KEYS = frozenset(
    ("key", "patient", "record", "specimen", "request", "identifiers", "part_of", "control_id", "number", "lot", "code")
)
"""Fields that hold a pseudonym afterwards: equal before must be equal afterwards, different must be different."""
FREE = frozenset(
    ("text", "comment", "reference_range", "laboratory", "method", "recorder", "route_text", "status_reason", "system")
)
"""Fields that hold words: some of them may be gone. They decide nothing that does not show in another field."""
LOOSE = frozenset(("manifestations",))
"""Lists of words of which some may be gone; what is read from them shows in `concepts`."""
UNITS = frozenset(("unit",))
SKIPPED = frozenset(("sentence", "evidence", "errors", "laboratory_flag"))
"""Prose that repeats the other fields, and flags that are only carried."""
PARTS = ("events", "acks", "findings", "unlinked")
DOSE_KEY = "findings.dose.key"
NATURAL = frozenset(("charset-fallback",))
"""Problems that may go away with the text that caused them."""
_TIME = re.compile(r"\d{4}(-\d{2}(-\d{2}([T ].*)?)?)?", re.ASCII)
_WALL_CLOCK = 19


@dataclass(slots=True, kw_only=True)
class Comparison:
    """Two plays of one patient, of which the second one's times lie some days off."""

    days: int
    forward: dict[str, str] = field(default_factory=dict)
    back: dict[str, str] = field(default_factory=dict)

    def differences(self, before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
        """Every place of the output of `play` where more differs than dates and keys."""
        yield from self._problems(before["problems"], after["problems"])
        for part in PARTS:
            yield from self._any(before[part], after[part], part, "")

    def _problems(self, before: list[dict[str, Any]], after: list[dict[str, Any]]) -> Iterator[str]:
        counted = [
            Counter((p["file"], p["code"], p["where"]) for p in problems if p["code"] not in NATURAL)
            for problems in (before, after)
        ]
        for lost, found in ((counted[0] - counted[1], "gone"), (counted[1] - counted[0], "new")):
            yield from (f"problem {code} at {where or 'no place'} is {found}" for _, code, where in lost)

    def _any(self, before: Any, after: Any, path: str, name: str) -> Iterator[str]:  # noqa: ANN401 - any JSON
        match before, after:
            case dict(), dict():
                for key in dict.fromkeys((*before, *after)):
                    if key not in SKIPPED:
                        yield from self._any(before.get(key), after.get(key), f"{path}.{key}", key)
            case list(), list() if name not in LOOSE:
                yield from self._lists(before, after, path, name)
            case (list(), list()) | (str(), _) if name in FREE | LOOSE:
                return
            case str(), str():
                # Of the rows of one dose that began together the smallest id names it, and ids are others now.
                if path != DOSE_KEY and not self._same_text(before, after, name):
                    yield f"{path} differs"
            case _:
                if before != after:
                    yield f"{path} differs"

    def _lists(self, before: list[Any], after: list[Any], path: str, name: str) -> Iterator[str]:
        if len(before) != len(after):
            yield f"{path} has {len(after)} entries, was {len(before)}"
            return
        if path in ("findings", "unlinked") or path.endswith((".samples", ".reactions", ".premedication")):
            after = self._in_order(before, after)
        for one, other in zip(before, after, strict=True):
            yield from self._any(one, other, path, name)

    def _in_order(self, before: list[Any], after: list[Any]) -> list[Any]:
        """Rows of the second play beside those they stand for: new keys sort otherwise."""
        for of_before, of_after in ((self._new_key, _key), (self._signature, _signature)):
            waiting = {of_after(row): row for row in after}
            chosen = [waiting.get(of_before(row)) for row in before]
            if len(waiting) == len(after) and all(row is not None for row in chosen):
                return chosen
        return after

    def _new_key(self, row: dict[str, Any]) -> str:
        return self.forward.get(_key(row), _key(row))

    def _signature(self, row: dict[str, Any]) -> str:
        """What a finding is known by where its key is another: product, begin and samples."""
        moved = _signature(row, days=self.days)
        for old, new in self.forward.items():
            moved = moved.replace(f"<{old}>", f"<{new}>")
        return moved

    def _same_text(self, before: str, after: str, name: str) -> bool:
        if before == after:
            # A key that stayed is one as well: nothing else may come to be called so.
            return name not in KEYS or self._paired(before, after)
        if name in KEYS:
            return self._paired(before, after)
        if name in UNITS:
            return self._paired(f"{name} {before}", f"{name} {after}")
        if not _TIME.fullmatch(before):
            return False
        moved = moved_iso(before, self.days)
        if len(before) < len("2025-01-01"):
            return len(after) == len(before)
        # The offset follows the zone, which may keep another clock on the new day; hours are compared elsewhere.
        return moved[:_WALL_CLOCK].rstrip("Z") == after[:_WALL_CLOCK].rstrip("Z")

    def _paired(self, before: str, after: str) -> bool:
        return self.forward.setdefault(before, after) == after and self.back.setdefault(after, before) == before


def _key(row: dict[str, Any]) -> str:
    """The key of a finding, or of a row in it."""
    if row.get("dose"):
        return str(row["dose"]["key"])
    if "key" in row:
        return str(row["key"])
    return str(row["samples"][0]["key"]) if row.get("samples") else ""


def _signature(row: dict[str, Any], days: int = 0) -> str:
    dose, samples = row.get("dose") or {}, row.get("samples") or []
    keys = [f"<{sample['key']}>" for sample in samples]
    began = str(dose.get("started") or "")
    return f"{dose.get('product')} {moved_iso(began, days) if days and began else began} {''.join(keys)}"
