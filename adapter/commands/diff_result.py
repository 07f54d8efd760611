"""What a comparison found, as plain values: the same for the page and for --json."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from adapter.commands.diff_message import WEIGHTS, is_vital
from adapter.commands.diff_patients import GRADES, PatientChange
from adapter.commands.diff_sides import Sides
from adapter.commands.diff_survey import MessageChange

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """All that differs, the most harmful first."""

    sides: Sides
    read: int
    """Messages that were compared; 0 where both sides are one version."""
    relevant: int
    messages: tuple[MessageChange, ...]
    patients: tuple[PatientChange, ...]

    @property
    def changes(self) -> bool:
        """Whether anything does."""
        return bool(self.messages or self.patients)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "schema": SCHEMA,
            "from": self.sides.old.as_dict(),
            "to": self.sides.new.as_dict(),
            "same": self.sides.nothing_to_compare,
            "read": self.read,
            "relevant": self.relevant,
            "summary": {
                "messages": len(self.messages),
                "weights": _each(WEIGHTS, (one.weight for one in self.messages)),
                "fields": dict(message_fields(self.messages)),
                "patients": len(self.patients),
                "patient_weights": _each(GRADES, (one.grade for one in self.patients)),
                "findings": dict(finding_fields(self.patients)),
                "resources": dict(resource_kinds(self.patients)),
            },
            "messages": [one.as_dict() for one in self.messages],
            "patients": [one.as_dict() for one in self.patients],
        }


def _each(names: Sequence[str], found: Iterable[str]) -> dict[str, int]:
    counted = Counter(found)
    return {name: counted[name] for name in names}


def sorted_by_harm(
    messages: Iterable[MessageChange], patients: Iterable[PatientChange]
) -> tuple[tuple[MessageChange, ...], tuple[PatientChange, ...]]:
    """What is lost first, then what is new, then what verdicts turn on; otherwise in the order of the corpus."""
    return (
        tuple(sorted(messages, key=lambda one: (WEIGHTS.index(one.weight), not is_vital(one.changes)))),
        tuple(sorted(patients, key=lambda one: GRADES.index(one.grade))),
    )


def message_fields(messages: Iterable[MessageChange]) -> list[tuple[str, int]]:
    """(field, messages in which it differs), the most frequent first."""
    return _ordered(field for one in messages for field in {change.field for change in one.changes})


def finding_fields(patients: Iterable[PatientChange]) -> list[tuple[str, int]]:
    """(part of a finding, findings in which it differs); a finding that comes or goes counts once."""
    named: list[str] = []
    for one in (finding for patient in patients for finding in patient.findings):
        if one.whole.before is None or one.whole.after is None:
            named.append("gone" if one.whole.after is None else "added")
        named += sorted({change.field.partition(".")[0] for change in one.changes})
    return _ordered(named)


def resource_kinds(patients: Iterable[PatientChange]) -> list[tuple[str, int]]:
    """(`flag inactivation gone`, how many)."""
    return _ordered(f"{one.kind} {one.how}" for patient in patients for one in patient.resources)


def _ordered(words: Iterable[str]) -> list[tuple[str, int]]:
    return sorted(Counter(words).items(), key=lambda item: (-item[1], item[0]))
