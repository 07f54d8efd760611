"""`troughline conform`: where a message departs from the tables of its HL7 version, all of it, never the first only."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from adapter.commands.conform_text import report_lines, summary_line
from adapter.commands.conform_validator import second_opinion
from adapter.commands.message_file import read_messages
from adapter.ingest.conformance import Report, check_message, finding, unreadable
from adapter.ingest.hl7v2 import NotHl7, read_batch, read_message


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One message of one file, and its report."""

    file: str
    message: int
    """Counted from 1 within the file."""
    report: Report


def run(options: argparse.Namespace) -> int:
    """0 when every message keeps to its version, 1 when one does not, 2 when a file could not be read."""
    checked: list[Checked] = []
    unread = 0
    for name in options.messages:
        try:
            raw = read_messages(name)
        except OSError as error:
            unread += 1
            print(f"{name or 'a file'}: cannot be read ({error.strerror}); nothing of it was checked", file=sys.stderr)
            continue
        for one in _checked(name, raw):
            checked.append(one)
            if not options.json:
                print("\n".join(report_lines(one.file, one.message, one.report, show_values=options.show_values)))
    if options.json:
        print(json.dumps(_as_json(checked, show_values=options.show_values), indent=2))
    else:
        print(summary_line([one.report for one in checked]))
    if unread:
        return 2
    return 1 if any(found.severity == "error" for one in checked for found in one.report.findings) else 0


def _checked(name: str, raw: bytes) -> Iterator[Checked]:
    """Every message of a file, single or batch; what a trailer says wrongly stands with the last one."""
    batch = read_batch(raw)
    last = len(batch.messages)
    trailers = tuple(finding("batch-count", "BTS[1]-1") for _ in batch.problems)
    for number, message in enumerate(batch.messages, 1):
        report = _report(message)
        if number == last:
            report = replace(report, findings=(*report.findings, *trailers))
        yield Checked(file=name, message=number, report=report)


def _report(raw: bytes) -> Report:
    try:
        message = read_message(raw)
    except NotHl7:
        return unreadable()
    report = check_message(message)
    opinions = second_opinion(message, report.checked_against, report.findings)
    return replace(report, findings=(*report.findings, *opinions))


def _as_json(checked: Sequence[Checked], *, show_values: bool) -> dict[str, Any]:
    return {
        "messages": [
            {
                "file": one.file,
                "message": one.message,
                "version": one.report.version,
                "checked_against": one.report.checked_against,
                "structure": one.report.structure,
                "segments": one.report.segments,
                "findings": [
                    {
                        "code": found.code,
                        "severity": found.severity,
                        "where": found.where,
                        "text": found.text,
                        **({"value": found.value} if show_values else {}),
                    }
                    for found in one.report.findings
                ],
            }
            for one in checked
        ],
        "errors": _count(checked, "error"),
        "warnings": _count(checked, "warning"),
    }


def _count(checked: Sequence[Checked], severity: str) -> int:
    return sum(found.severity == severity for one in checked for found in one.report.findings)
