"""The report of `deid` for a person."""

from __future__ import annotations

from collections.abc import Iterator

from adapter.commands.deid_report import CAVEAT, Report

_GONE = ("cleared", "removed")
_SHOWN = 40


def told(report: Report) -> str:
    """Counts, what was withheld and why, what was cleared and where, and the caveat."""
    return "\n".join(
        [
            f"{report.written} of {report.messages} messages of {report.patients} patients written to {report.out}",
            *_withheld(report),
            *_left_out(report),
            *_places(report),
            "",
            CAVEAT,
        ]
    )


def _withheld(report: Report) -> Iterator[str]:
    if report.withheld:
        yield from ("", f"withheld: {len(report.withheld)}, and no file of them was written")
    for one in report.withheld:
        yield f"  {one.file} message {one.message}"
        yield from (f"    {why}" for why in one.why)


def _left_out(report: Report) -> Iterator[str]:
    if report.left_out:
        yield from ("", f"left out, for the keep list names nothing of their resource type: {len(report.left_out)}")
        yield from (f"  {file}" for file, _ in report.left_out[:_SHOWN])
    if report.aside:
        yield from (
            "",
            f"not read, for they end neither in .hl7 nor in .json: {', '.join(sorted(report.aside)[:_SHOWN])}",
        )


def _places(report: Report) -> Iterator[str]:
    places = report.places()
    for heading, wanted in (("off the keep list, and gone", True), ("changed", False)):
        rows = [row for row in places if (row["done"] in _GONE) == wanted]
        if rows:
            yield from ("", heading)
            width = max(len(row["place"]) for row in rows)
            yield from (f"  {row['place']:{width}}  {row['done']:9}  {row['count']}" for row in rows)
