"""The seven checks of the survey: what a system holds after the messages of each, and whether that is right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from adapter.commands.bench_peers_cases import BELOW, CORRECTED, CORRECTED_TEXT, TEXT, VALUE

Answer = Literal["yes", "no", "does not do this"]
CHECKS: Mapping[str, str] = {
    "number": "numeric value found",
    "offset": "offset of the collection time kept",
    "comparator": "comparator kept",
    "resend": "resend creates nothing",
    "late-final": "late final does not undo the correction",
    "after-specimen": "result after SPM found",
    "withdrawn": "D retracts",
}
WITHDRAWN = frozenset({"entered-in-error", "cancelled", "D", "W", "X"})
CORRECTED_STATES = frozenset({"corrected", "amended", "C"})
OFFSETS = ("20250308071500+0530", "2025-03-08T07:15:00+05:30")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One result or report as a system holds it."""

    key: str
    """What tells it from every other one."""
    number: str = ""
    comparator: str = ""
    text: str = ""
    at: str = ""
    status: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a system holds after a message: its results, and every thing it stored with its version."""

    results: tuple[Result, ...]
    stored: tuple[str, ...]

    def without(self, before: Held) -> Held:
        """What came since."""
        keys = {result.key for result in before.results}
        return Held(
            results=tuple(result for result in self.results if result.key not in keys),
            stored=tuple(one for one in self.stored if one not in before.stored),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One check with its answer and what it rests on."""

    id: str
    answer: Answer
    why: str

    def as_dict(self) -> dict[str, str]:
        """Plain values for JSON."""
        return {"id": self.id, "check": CHECKS[self.id], "answer": self.answer, "why": self.why}


def checked(check: str, after: Sequence[Held], not_claimed: Mapping[str, str]) -> Checked:
    """The answer to one check; `after`: what was held after each of its messages.

    What a system gets right counts, claimed or not; what it gets wrong counts only where it claims to do it.
    """
    why = RULES[check](after)
    if why:
        return Checked(id=check, answer="yes", why=why)
    if check in not_claimed:
        return Checked(id=check, answer="does not do this", why=not_claimed[check])
    return Checked(id=check, answer="no", why="it is not among what is held afterwards")


def _number(after: Sequence[Held]) -> str:
    return _as_number(after[-1].results, VALUE)


def _offset(after: Sequence[Held]) -> str:
    return "as sent" if any(result.at in OFFSETS for result in after[-1].results) else ""


def _comparator(after: Sequence[Held]) -> str:
    found = any(result.comparator == "<" and _is(result.number, BELOW) for result in after[-1].results)
    return "beside the number" if found else ""


def _resend(after: Sequence[Held]) -> str:
    first, again = after[-2:]
    return f"{len(again.stored)} stored, unchanged" if first.stored and first == again else ""


def _late_final(after: Sequence[Held]) -> str:
    results = [one for one in after[-1].results if one.status not in WITHDRAWN]
    if _found(results, VALUE, TEXT):
        return ""
    return _found([one for one in results if one.status in CORRECTED_STATES], CORRECTED, CORRECTED_TEXT)


def _after_specimen(after: Sequence[Held]) -> str:
    return _found(after[-1].results, VALUE, TEXT)


def _withdrawn(after: Sequence[Held]) -> str:
    first, last = (_found([o for o in held.results if o.status not in WITHDRAWN], VALUE, TEXT) for held in after[-2:])
    return "no longer valid" if first and not last else ""


RULES: Mapping[str, Callable[[Sequence[Held]], str]] = {
    "number": _number,
    "offset": _offset,
    "comparator": _comparator,
    "resend": _resend,
    "late-final": _late_final,
    "after-specimen": _after_specimen,
    "withdrawn": _withdrawn,
}
"""What a check rests on, in words; empty when it fails."""


def _found(results: Iterable[Result], number: str, text: str) -> str:
    """A number, or for a program that carries reports the text beside it."""
    given = tuple(results)
    as_text = "as text of the report" if any(text in result.text for result in given) else ""
    return _as_number(given, number) or as_text


def _as_number(results: Iterable[Result], number: str) -> str:
    return "the number itself" if any(_is(result.number, number) for result in results) else ""


def _is(given: str, wanted: str) -> bool:
    return given.replace(".", "", 1).isdigit() and Decimal(given) == Decimal(wanted)


def held_in_fhir(resources: Iterable[Mapping[str, Any]], stored: Iterable[str]) -> Held:
    """What FHIR resources hold: quantities of Observations, text of DiagnosticReports."""
    return Held(results=tuple(filter(None, map(_of_resource, resources))), stored=tuple(sorted(stored)))


def _of_resource(resource: Mapping[str, Any]) -> Result | None:
    quantity = resource.get("valueQuantity")
    if quantity is None and resource["resourceType"] != "DiagnosticReport":
        return None
    return Result(
        key=f"{resource['resourceType']}/{resource['id']}",
        number=str((quantity or {}).get("value", "")),
        comparator=(quantity or {}).get("comparator", ""),
        text=resource.get("conclusion", ""),
        at=resource.get("effectiveDateTime", ""),
        status=resource.get("status", ""),
    )


def held_by_reader(read: Sequence[Sequence[Mapping[str, str]]]) -> Held:
    """What a parser handed to its application: every OBX of every message, and nothing stored."""
    results = (
        Result(key=f"{number}/{place}", **one)
        for number, message in enumerate(read)
        for place, one in enumerate(message)
    )
    return Held(results=tuple(results), stored=())
