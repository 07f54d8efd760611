"""What is noticed while one message is read: problems with their places, and modifiers that are already certain."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from adapter.domain.problems import Problem, Severity, problem
from adapter.ingest.hl7v2 import Segment

LONGEST_ECHO_CHARACTERS = 20
"""A code of OBX-3 or a unit of OBX-6 stands in a text only up to this length."""


@dataclass(slots=True, kw_only=True)
class Notes:
    """Problems and remarks in the order they were met, each once."""

    problems: list[Problem] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    _known: set[Problem] = field(default_factory=set, init=False, repr=False)
    """The same problems: a message may have one for each of very many lines."""

    def remark(self, code: str) -> None:
        """A modifier code of the event."""
        if code not in self.remarks:
            self.remarks.append(code)

    def add(self, found: Problem, severity: Severity | None = None) -> None:
        """A problem, with its registered severity unless told otherwise."""
        kept = found if severity is None else replace(found, severity=severity)
        if kept not in self._known:
            self._known.add(kept)
            self.problems.append(kept)

    def has(self, code: str) -> bool:
        """Whether a problem of that code was noticed."""
        return any(found.code == code for found in self.problems)


def at_field(code: str, segment: Segment, number: int, text: str | None = None) -> Problem:
    """A problem at a field: where `OBX[2]-6`, location `OBX^2^6`."""
    return problem(
        code,
        where=f"{segment.name}[{segment.occurrence}]-{number}",
        location=f"{segment.name}^{segment.occurrence}^{number}",
        text=text,
    )


def echo(code: str) -> str:
    """A code or unit as a text may show it: printable, at most 20 characters, else only that there is one."""
    short = 0 < len(code) <= LONGEST_ECHO_CHARACTERS and code.isprintable()
    return f'"{code}"' if short else "(too long to show)"
