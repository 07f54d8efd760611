"""Policies as a clinician reads them: windows, every number with grade and source, and what awaits sign-off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import fill

from adapter.commands.policies_words import (
    CONFIRMED_WORDS,
    LOSS_WORDS,
    LOW_WORDS,
    NUMBER_WORDS,
    WINDOW_WORDS,
    days_text,
    limits_of,
    value_text,
)
from adapter.domain.policy import Policy, TimePoint
from adapter.knowledge.policies import Config
from adapter.knowledge.policy_files import PolicyFile
from adapter.knowledge.policy_numbers import (
    OPTIONAL,
    SECTIONS,
    WHOLE,
    WINDOW,
    awaiting_sign_off,
    numbers_of,
    why_draft,
)

WIDTH = 120
DRAFT = "draft"
CLOCK = "hours since the end of the dose, or since its start when the end is unknown; both ends included"


def listed(config: Config) -> str:
    """A table of all policies, two lines each."""
    rows = [("policy", "valid from", "", "products", "default for")]
    for file in config.files:
        policy = file.policy
        defaults = ", ".join(config.default_for(policy)) or "-"
        products = ", ".join(policy.products)
        rows.append((policy.label, str(policy.valid_from), DRAFT if policy.draft else "", products, defaults))
    head, *lines = columns(rows)
    titled = (f"{line}\n    {file.policy.title}" for line, file in zip(lines, config.files, strict=True))
    return "\n".join((head, *titled))


def shown(file: PolicyFile, config: Config) -> str:
    """One policy, whole."""
    policy = file.policy
    parts = [
        _head(file, config),
        _windows(file),
        _part(file, "How a low or high level is read", [LOSS_WORDS[policy.loss_when]], OPTIONAL),
        *(_part(file, section.capitalize(), _choices(policy, section), _places(section)) for section in SECTIONS),
        _quotations(policy),
        _sources(policy),
        _sign_off(file),
    ]
    return "\n\n".join("\n".join(part) for part in parts)


def columns(rows: Iterable[tuple[str, ...]], indent: str = "") -> list[str]:
    """Rows as lines whose cells stand below each other."""
    kept = list(rows)
    widths = [max(len(row[place]) for row in kept) for place in range(len(kept[0]))] if kept else []
    return [
        (indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))).rstrip()
        for row in kept
    ]


def _head(file: PolicyFile, config: Config) -> Iterator[str]:
    policy = file.policy
    yield f"{policy.label}: {policy.title}"
    if policy.draft:
        yield _told(f"DRAFT, refused without --draft; {why_draft(policy)}")
    others = [f.policy.label for f in config.files if f.policy.id == policy.id and f is not file]
    facts = [
        ("products", ", ".join(policy.products)),
        ("default for", ", ".join(config.default_for(policy)) or "-"),
        ("valid from", f"{policy.valid_from}, for doses that begin on this day or later"),
        ("other versions", ", ".join(others) or "-"),
        ("based on", policy.based_on or "-"),
        ("file", file.document.file),
        ("hash", policy.hash),
    ]
    yield from columns(facts)
    yield from (_told(f"note: {note}") for place, note in policy.notes if place == WHOLE)


def _windows(file: PolicyFile) -> Iterator[str]:
    yield f"Sampling windows ({CLOCK})"
    for point in file.policy.time_points:
        yield f"  {_window(point)}"
        yield f"    {LOW_WORDS[point.low]}"
        yield from _numbers(file, {f"{point.name}: {key}": WINDOW_WORDS[key] for key in WINDOW}, indent="    ")


def _window(point: TimePoint) -> str:
    opens, closes = point.min_h.value, point.max_h.value
    return f"{point.name}: {opens} to {closes} h (day {days_text(opens)} to {days_text(closes)})"


def _part(file: PolicyFile, title: str, said: Iterable[str], places: Iterable[str]) -> Iterator[str]:
    yield title
    yield from (f"  {sentence}" for sentence in said)
    yield from _numbers(file, {place: NUMBER_WORDS[place] for place in places}, indent="  ")


def _choices(policy: Policy, section: str) -> list[str]:
    return [CONFIRMED_WORDS[policy.confirmed_by]] if section == "confirmation" else []


def _places(section: str) -> list[str]:
    return [f"{section}: {key}" for key in SECTIONS[section]]


def _numbers(file: PolicyFile, words: dict[str, str], indent: str) -> Iterator[str]:
    """Each number with its grade, its source and the file that states it; its note below."""
    numbers, notes = dict(numbers_of(file.policy)), dict(file.policy.notes)
    there = [place for place in words if place in numbers]
    rows = columns(((words[place], *_cells(file, place)) for place in there), indent)
    for place, row in zip(there, rows, strict=True):
        yield row
        if place in notes:
            yield _told(f"{indent}    note: {notes[place]}")


def _cells(file: PolicyFile, place: str) -> tuple[str, ...]:
    number = dict(numbers_of(file.policy))[place]
    origin = file.inherited.get(place)
    return value_text(number), number.grade, number.citation, f"from {origin}" if origin else ""


def _quotations(policy: Policy) -> Iterator[str]:
    yield "Paraphrased beside a reading (what others are reported to say, not verbatim)"
    for quotation in policy.quotations:
        only = ", ".join((quotation.situation, *limits_of(quotation)))
        yield _told(f"  {only}: {quotation.statement} ({quotation.citation})")
    if not policy.quotations:
        yield "  -"


def _sources(policy: Policy) -> Iterator[str]:
    yield "Sources"
    for key, text in policy.citations:
        yield _told(f"  {key}: {text}")


def _sign_off(file: PolicyFile) -> Iterator[str]:
    """Every number that is a project decision, comes second hand, or was recalled."""
    waiting = awaiting_sign_off(file.policy)
    yield f"Awaiting clinical sign-off: {len(waiting)} of {len(list(numbers_of(file.policy)))} numbers"
    rows = [(place, *_cells(file, place)) for place in waiting]
    yield from columns(((grade, place, value, origin) for place, value, grade, _, origin in rows), "  ")


def _told(text: str) -> str:
    """A long line, its continuation indented."""
    indent = " " * (len(text) - len(text.lstrip()) + 4)
    return fill(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
