"""The report of `deid` for a person."""

from __future__ import annotations

from collections.abc import Iterator

from adapter.commands.deid_report import CAVEAT, Report

_GONE = ("cleared", "removed")
_SHOWN = 40


def told(report: Report) -> str:
    """Counts, what was withheld and why, what was cleared and where, and the caveat."""
    written = f"{report.written} of {_many(report.messages, 'message')} of {_many(report.patients, 'patient')}"
    return "\n".join(
        [
            f"{written} written to {report.out}",
            *unchecked(report),
            *_withheld(report),
            *_left_out(report),
            *_places(report),
            *_units(report),
            "",
            CAVEAT,
        ]
    )


def unchecked(report: Report) -> Iterator[str]:
    """What the check of the reading does not say, because nothing is read to begin with."""
    if report.nothing_checked:
        yield (
            f"No message has a result of ours with these tables (0 of {report.written} written): the reading was not "
            "checked. Name the tables of the site with --mappings or --config; `troughline run` names the row that "
            "is missing."
        )
    elif report.unchecked:
        have = "has" if report.unchecked == 1 else "have"
        yield (
            f"{report.unchecked} of {_many(report.written, 'message')} written {have} no result of ours with these "
            "tables: the reading was not checked there."
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


def _units(report: Report) -> Iterator[str]:
    """A unit is what a question about a unit is about: say that it is another now, and how to keep it."""
    found = [(place, count) for place, count in sorted(report.units.items()) if count]
    if found:
        number = sum(count for _, count in found)
        where = ", ".join(f"{count} in {place}" for place, count in found)
        yield ""
        yield f"{_many(number, 'unit')} in no table, and made unreadable: {where}."
        yield f"  What names nobody can be kept: give it a row in units.csv of your tables{_kept(report)}."


def _kept(report: Report) -> str:
    """The line of a keep list; none for OBX-5, where all a person wrote would be kept with the unit."""
    places = [place for place, count in sorted(report.units.items(), reverse=True) if count and place != "OBX-5"]
    if not places:
        return ""
    under = "hl7v2" if "-" in places[0] else "fhir"
    line = f"{{path: {places[0]}, do: keep, why: a unit of our laboratory}}"
    return f", or a line in a list for --keep, under {under}: - {line}"


def _places(report: Report) -> Iterator[str]:
    places = report.places()
    for heading, wanted in (("off the keep list, and gone", True), ("changed", False)):
        rows = [row for row in places if (row["done"] in _GONE) == wanted]
        if rows:
            yield from ("", heading)
            width = max(len(row["place"]) for row in rows)
            yield from (f"  {row['place']:{width}}  {row['done']:9}  {row['count']}" for row in rows)


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
