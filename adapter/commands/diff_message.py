"""One message as either side reads it, and what differs, the most harmful first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from adapter.commands.diff_fields import FieldChange, differences
from adapter.commands.play_folder import Piece, answer_code
from adapter.commands.run_message import is_bundle
from adapter.domain.event_text import printed_event, printed_identity
from adapter.domain.message import Translation
from adapter.ingest.acknowledgment_errors import error_rows
from adapter.pipeline.answer_fhir import answer_fhir

Said = tuple[Translation, ...]
Weight = Literal["lost", "withdrawn", "new", "otherwise", "told"]
WEIGHTS: tuple[Weight, ...] = ("lost", "withdrawn", "new", "otherwise", "told")
"""From harmful to harmless: no longer read; a result without its level, as its status says; read for the first time;
read otherwise; only told otherwise."""
WITHDRAWN = ("cancelled", "entered-in-error")
"""Statuses by which the laboratory itself says that there is no level."""
EVENT = "event"
"""The path of a whole event."""
_RANKS = ("irrelevant", "near-miss", "relevant")
_ANSWERS = ("AA", "200", "202", "AE", "422", "AR")
"""From good to bad."""
_TOLD = ("problems", "answer.errors")
_VITAL = (
    "activity.",
    "collected",
    "patient",
    "product",
    "amount",
    "unit",
    "started",
    "ended",
    "status",
    "verification",
)
"""Fields of events on which verdicts turn."""
_LEVEL = "activity."


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """One field of a message, or of one of its events, that differs."""

    event: str | None
    """`ActivityMeasured HOSP/F1`; None for what concerns the whole message."""
    change: FieldChange

    @property
    def field(self) -> str:
        """What it counts under: `activity.number`, `relevance`, `problems.unit-missing`, `ActivityMeasured gone`."""
        return f"{self.change.field} {self.change.how}" if self.change.path == EVENT else self.change.field

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"event": self.event, **self.change.as_dict()}

    def swapped(self) -> Changed:
        """The same seen from the other side."""
        return replace(self, change=self.change.swapped())


def same(before: Said, after: Said) -> bool:
    """Whether two readings say the same, whichever mappings said it."""
    return [_without_hash(t) for t in before] == [_without_hash(t) for t in after]


def _without_hash(translation: Translation) -> Translation:
    return replace(translation, mapping_hash="", codes_seen=())


def changes_of(piece: Piece, before: Said, after: Said) -> tuple[Changed, ...]:
    """Every field in which two readings of a message differ: relevance, answer, waiting, problems, events."""
    old, new = _whole(piece, before), _whole(piece, after)
    if old["problems"] != new["problems"] or old["answer"]["code"] != new["answer"]["code"]:
        # The rows of the answer follow from these: told once is enough.
        old["answer"].pop("errors")
        new["answer"].pop("errors")
    whole = (Changed(event=None, change=_known_by_problem(change)) for change in differences(old, new))
    return (*whole, *_events(before, after))


def _whole(piece: Piece, said: Said) -> dict[str, Any]:
    return {
        "relevance": max((t.relevance for t in said), key=_RANKS.index, default="irrelevant"),
        "answer": _answer(piece, said),
        "waits_for_a_person": next((t.parked for t in said if t.parked), None),
        "identities": [printed_identity(told) for t in said for told in t.identities],
        "problems": [
            {"code": p.code, "where": p.where, "severity": p.severity, "text": p.text} for t in said for p in t.problems
        ],
    }


def _answer(piece: Piece, said: Said) -> dict[str, Any]:
    if piece.arrival.kind == "fhir":
        return {"code": str(answer_fhir(said, bundle=is_bundle(piece.arrival.raw)).status), "errors": []}
    rows = [row for t in said for row in error_rows(t.answer)]
    return {"code": answer_code(said) or None, "errors": rows}


def _known_by_problem(change: FieldChange) -> FieldChange:
    """A problem that came or went counts under its own name."""
    row = change.before or change.after
    if change.field == "problems" and isinstance(row, dict):
        return replace(change, field=f"problems.{row['code']}")
    return change


def _events(before: Said, after: Said) -> Iterator[Changed]:
    old, new = ([printed_event(event) for t in said for event in t.events] for said in (before, after))
    for name, was, is_now in _paired(old, new):
        if was is None or is_now is None:
            how: Literal["added", "gone"] = "added" if was is None else "gone"
            kind = str((was or is_now or {})["event"])
            gone = FieldChange(path=EVENT, field=kind, how=how, before=was, after=is_now)
            yield Changed(event=name, change=gone)
        else:
            yield from (Changed(event=name, change=change) for change in differences(was, is_now))


def _paired(
    old: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]]
) -> Iterator[tuple[str, dict[str, Any] | None, dict[str, Any] | None]]:
    """Events beside each other by kind and key; where as many of a kind are left on both sides, by their order."""
    before, after = _numbered(old), _numbered(new)
    gone = [place for place in before if place not in after]
    come = [place for place in after if place not in before]
    kinds = {place[0] for place in (*gone, *come)}
    for place, event in before.items():
        if place in after:
            yield _name(place), event, after[place]
    for kind in sorted(kinds):
        lost, won = [p for p in gone if p[0] == kind], [p for p in come if p[0] == kind]
        if len(lost) == len(won):
            yield from ((kind, before[p], after[q]) for p, q in zip(lost, won, strict=True))
        else:
            yield from ((_name(p), before[p], None) for p in lost)
            yield from ((_name(p), None, after[p]) for p in won)


def _numbered(events: Sequence[dict[str, Any]]) -> dict[tuple[str, str, int], dict[str, Any]]:
    """Events by kind and key, and by their order where a message says one thing twice."""
    seen: Counter[tuple[str, str]] = Counter()
    numbered: dict[tuple[str, str, int], dict[str, Any]] = {}
    for event in events:
        place = (str(event["event"]), str(event["key"]))
        seen[place] += 1
        numbered[*place, seen[place]] = event
    return numbered


def _name(place: tuple[str, str, int]) -> str:
    kind, key, number = place
    return f"{kind} {key}" + (f" ({number})" if number > 1 else "")


def weight_of(changes: Sequence[Changed]) -> Weight:
    """How harmful the changes of a message are; whatever is lost outweighs whatever is won."""
    withdrawn = _withdrawn(changes)
    losses = {one.event for one in changes if _loses(one.change)}
    if losses - withdrawn:
        return "lost"
    if withdrawn:
        return "withdrawn"
    back = [one.swapped() for one in changes]
    if any(_loses(one.change) for one in back) or _withdrawn(back):
        return "new"
    return "told" if all(one.event is None and one.field.startswith(_TOLD) for one in changes) else "otherwise"


def _withdrawn(changes: Sequence[Changed]) -> set[str | None]:
    """The events that count no longer, for so their status says now and did not before."""
    return {
        one.event
        for one in changes
        if one.event is not None
        and one.field == "status"
        and one.change.after in WITHDRAWN
        and one.change.before not in WITHDRAWN
    }


def is_vital(changes: Sequence[Changed]) -> bool:
    """Whether a field differs on which verdicts turn."""
    return any(one.event is not None and one.field.startswith(_VITAL) for one in changes)


def _loses(change: FieldChange) -> bool:
    """Whether a message, a fact or a level is read no longer, or the sender hears no from now on."""
    if change.path == EVENT:
        return change.how == "gone"
    match change.field:
        case "relevance":
            return _RANKS.index(change.after) < _RANKS.index(change.before)
        case "waits_for_a_person":
            return change.before is None
        case "answer.code":
            return _badness(change.after) > _badness(change.before)
        case field:
            return field == f"{_LEVEL}number" and change.before is not None and change.after is None


def _badness(answer: str | None) -> int:
    return _ANSWERS.index(answer) if answer in _ANSWERS else 0
