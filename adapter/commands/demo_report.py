"""What the demo tells at its end: a table of patients, a sentence per patient with a Flag, counts and latency.

Pure functions from plain data (printed findings, Flag resources, counted answers) to text or JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from io import StringIO
from math import ceil
from typing import Any

from rich.console import Console
from rich.table import Table

Printed = Mapping[str, Any]
"""One finding, or one FHIR resource, as parsed JSON."""

PRIORITY_OF_CODE = {"PH": "P1", "PM": "P2"}
FLAG_PRIORITY_URL = "http://hl7.org/fhir/StructureDefinition/flag-priority"
ROWS_WITHOUT_FLAG = 12
SENTENCE_END = re.compile(r"(?<=\.) (?=[A-Z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of the table: one dose (or one level without a dose) of one patient."""

    key: str
    """Patient key, `<system>|<value>`."""
    patient: str
    product: str
    day: str
    level: str
    interpretation: str
    flag: str
    """Active Flags of the patient, on the patient's first row only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """The sentence of the most urgent finding of one patient with a Flag."""

    patient: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What became of the messages of the day."""

    received: int
    aa: int
    ae: int
    irrelevant: int
    parked: int
    written: int
    """FHIR resources standing on the target at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Time from sending a message to its acknowledgment, in milliseconds."""

    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything the demo prints."""

    lines: tuple[Line, ...]
    """Patients with Flags first, most urgent first."""
    sentences: tuple[Sentence, ...]
    counts: Counts
    latency: Latency | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Patient:
    key: str
    name: str
    findings: tuple[Printed, ...]
    flags: tuple[tuple[str, str], ...]
    """(priority, topic) of the active ones, most urgent first."""


def report(
    *,
    findings: Sequence[Printed],
    flags: Iterable[Printed],
    names: Mapping[str, str],
    counts: Counts,
    ack_seconds: Sequence[float] = (),
) -> Report:
    """Put the end state of a day together.

    `findings`: printed findings, those without a dose included; `flags`: Flag resources of any status;
    `names`: patient key (`<system>|<value>`) to the name to show, the key itself where absent.
    """
    patients = _patients(findings, _active_flags(flags), names)
    return Report(
        lines=tuple(line for patient in patients for line in _lines(patient)),
        sentences=tuple(Sentence(patient=p.name, text=_most_urgent(p.findings)) for p in patients if p.flags),
        counts=counts,
        latency=latency(ack_seconds),
    )


def latency(seconds: Sequence[float]) -> Latency | None:
    """Nearest-rank percentiles in milliseconds; None without a measurement."""
    if not seconds:
        return None
    ordered = sorted(seconds)

    def rank(share: float) -> float:
        return round(ordered[ceil(share * len(ordered)) - 1] * 1000, 1)

    return Latency(p50_ms=rank(0.50), p95_ms=rank(0.95), p99_ms=rank(0.99), max_ms=rank(1.0))


def as_json(result: Report) -> dict[str, Any]:
    """The report as plain JSON data."""
    return asdict(result)


def as_text(result: Report, *, width: int = 140, rows_without_flag: int = ROWS_WITHOUT_FLAG) -> str:
    """The report as lines of plain text, `width` characters wide."""
    out = StringIO()
    show(result, Console(file=out, width=width, color_system=None), rows_without_flag=rows_without_flag)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def show(result: Report, console: Console, *, rows_without_flag: int = ROWS_WITHOUT_FLAG) -> None:
    """Print the report on a console: table, sentences, counts, latency."""
    table, left_out = _table(result.lines, rows_without_flag)
    console.print(table)
    if left_out:
        console.print(f"not shown: {left_out} more without a Flag", markup=False)
    console.print()
    for sentence in result.sentences:
        console.print(f"{sentence.patient}: {in_short(sentence.text)}", markup=False, highlight=False)
    if result.sentences:
        console.print("Shortened; --json prints every text whole, with what is not known.", highlight=False)
    console.print()
    console.print(_count_line(result.counts), markup=False, highlight=False)
    if result.latency:
        console.print(_latency_line(result.latency), markup=False, highlight=False)


def in_short(text: str) -> str:
    """Of a finding's text the sentence that opens it and the one that names the deciding rule."""
    first, *others = SENTENCE_END.split(text)
    deciding = [other for other in others if "(rule " in other]
    return " ".join([first, *(deciding or others[:1])])


def _active_flags(flags: Iterable[Printed]) -> dict[str, list[tuple[str, str]]]:
    active: dict[str, list[tuple[str, str]]] = {}
    for flag in flags:
        if flag["status"] == "active":
            subject = flag["subject"]["identifier"]
            patient = f"{subject['system']}|{subject['value']}"
            active.setdefault(patient, []).append((_priority(flag), flag["code"]["coding"][0]["code"]))
    return active


def _priority(flag: Printed) -> str:
    for extension in flag.get("extension", ()):
        if extension["url"] == FLAG_PRIORITY_URL:
            return PRIORITY_OF_CODE.get(extension["valueCodeableConcept"]["coding"][0]["code"], "P3")
    return "P3"


def _patients(
    findings: Sequence[Printed], flags: Mapping[str, list[tuple[str, str]]], names: Mapping[str, str]
) -> list[_Patient]:
    by_patient: dict[str, list[Printed]] = {}
    for finding in findings:
        by_patient.setdefault(finding["patient"], []).append(finding)
    patients = [
        _Patient(
            key=patient,
            name=names.get(patient, patient),
            findings=tuple(theirs),
            flags=tuple(sorted(flags.get(patient, ()))),
        )
        for patient, theirs in by_patient.items()
    ]
    return sorted(patients, key=lambda p: (p.flags[0][0] if p.flags else "P9", p.name, p.key))


def _lines(patient: _Patient) -> Iterable[Line]:
    flags = ", ".join(f"{topic} ({priority})" for priority, topic in patient.flags)
    for number, finding in enumerate(patient.findings):
        yield Line(
            key=patient.key,
            patient=patient.name,
            product=finding["dose"]["product"] if finding["dose"] else "no dose known",
            day=_day(finding["samples"]),
            level=_level(finding["samples"]),
            interpretation=_interpretation(finding),
            flag=flags if number == 0 else "",
        )


def _day(samples: Sequence[Printed]) -> str:
    hours = samples[-1]["hours_since_dose"] if samples else None
    return f"{Decimal(hours) / 24:.1f}" if hours is not None else "-"


def _level(samples: Sequence[Printed]) -> str:
    if not samples:
        return "-"
    last = samples[-1]
    if last["value"] is None:
        return str(last["reported"]["text"] or "-")
    unit = (last["unit"] or "").replace("[IU]", "IU")
    return f"{last['comparator'] or ''}{last['value']} {unit}".rstrip()


def _interpretation(finding: Printed) -> str:
    words = [finding["exposure"], finding["mechanism"]]
    if finding["monitoring"] not in (None, "complete", "not-due", "due"):
        words.append(finding["monitoring"])
    return "; ".join(word.replace("-", " ") for word in words)


def _most_urgent(findings: Sequence[Printed]) -> str:
    return str(min(findings, key=lambda finding: finding["priority"] or "P9")["sentence"])


def _table(lines: Sequence[Line], rows_without_flag: int) -> tuple[Table, int]:
    flagged = {line.key for line in lines if line.flag}
    quiet = [line for line in lines if line.key not in flagged]
    table = Table("Patient", "Product", "Day", "Level", "Interpretation", "Flag", highlight=False)
    shown = [line for line in lines if line.key in flagged] + quiet[:rows_without_flag]
    previous = ""
    for line in shown:
        name = line.patient if line.key != previous else ""
        table.add_row(name, line.product, line.day, line.level, line.interpretation, line.flag)
        previous = line.key
    return table, len(quiet) - len(quiet[:rows_without_flag])


def _count_line(counts: Counts) -> str:
    return (
        f"{counts.received} messages received: {counts.aa} AA, {counts.ae} AE; {counts.irrelevant} irrelevant, "
        f"{counts.parked} parked; {counts.written} resources written"
    )


def _latency_line(measured: Latency) -> str:
    return (
        f"acknowledged after (ms): p50 {measured.p50_ms}, p95 {measured.p95_ms}, p99 {measured.p99_ms}, "
        f"max {measured.max_ms}"
    )
