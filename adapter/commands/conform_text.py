"""A conformance report as lines for a person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from adapter.ingest.conformance import CHECKS, Finding, Report

VALUE_LIMIT_CHARS = 60
"""Longest value shown: an embedded document is no help."""


def report_lines(file: str, number: int, report: Report, *, show_values: bool) -> Iterator[str]:
    """The head of one message and a line per finding, its advice once per kind."""
    yield f"{file}, message {number}: {_head(report)}"
    advised: set[str] = set()
    for found in report.findings:
        value = f" [{_short(found.value)}]" if show_values and found.value is not None else ""
        yield f"  {found.severity:<11} {found.where:<14} {found.text}{value}"
        if found.code not in advised:
            advised.add(found.code)
            yield f"  {'':<26} -> {CHECKS[found.code].advice}"


def summary_line(reports: Sequence[Report]) -> str:
    """How many messages were checked, and what was found in all."""
    findings = [found for report in reports for found in report.findings]
    return f"{_counted(len(reports), 'message')} checked: {_totals(findings)}"


def _head(report: Report) -> str:
    if not report.checked_against:
        return "no HL7 v2 message"
    against = report.checked_against
    version = f"version {against}" if report.version == against else f"checked as version {against}"
    structure = report.structure or "no known structure"
    return f"{structure}, {version}, {_counted(report.segments, 'segment')}: {_totals(report.findings)}"


def _totals(findings: Sequence[Finding]) -> str:
    errors = sum(found.severity == "error" for found in findings)
    warnings = sum(found.severity == "warning" for found in findings)
    return f"{_counted(errors, 'error')}, {_counted(warnings, 'warning')}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _short(value: str) -> str:
    shown = value.encode("unicode_escape").decode("ascii") if not value.isprintable() else value
    return shown if len(shown) <= VALUE_LIMIT_CHARS else f"{shown[:VALUE_LIMIT_CHARS]}..."
