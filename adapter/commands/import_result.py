"""What came of an import, file by file: as JSON, and as a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from adapter.pipeline.importing import REASONS

SCHEMA = 1
SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """One line, and why it is told of."""

    number: str
    """The line, the entry, or the entries `201-400` of a Bundle."""
    reason: str
    offset: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"line": self.number, "reason": self.reason, **({} if self.offset is None else {"offset": self.offset})}


@dataclass(frozen=True, slots=True, kw_only=True)
class OfFile:
    """What came of one file."""

    file: str
    state: Literal["imported", "imported-before", "stopped", "read"]
    """`read` is a dry run."""
    lines: int
    bytes: int
    kept: int
    known: int
    rejected: Mapping[str, int]
    rejected_spots: Sequence[Spot] = ()
    """The first of them."""
    rejected_file: str | None = None
    waiting: Mapping[str, int]
    """Lines in the work list, by reason."""
    waiting_spots: Sequence[Spot] = ()
    lines_a_second: int | None
    """None where nothing was read this time."""
    fault: str | None = None
    """Why it was not read to its end."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "file": self.file,
            "state": self.state,
            "lines": self.lines,
            "bytes": self.bytes,
            "kept": self.kept,
            "known": self.known,
            "rejected": {
                "reasons": dict(self.rejected),
                "first": [spot.as_dict() for spot in self.rejected_spots],
                "file": self.rejected_file,
            },
            "waiting": {
                "reasons": dict(self.waiting),
                "first": [spot.as_dict() for spot in self.waiting_spots],
            },
            "lines_a_second": self.lines_a_second,
            "fault": self.fault,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of all files of a command."""

    source: str
    files: Sequence[OfFile]
    trial: Mapping[str, Any] | None = None
    """What a dry run says of facts, findings and resources."""

    @property
    def exit_code(self) -> int:
        """2 when a file was not read to its end, 1 when a line was rejected or waits, else 0."""
        if any(one.fault for one in self.files):
            return 2
        return int(any(one.rejected or one.waiting for one in self.files))

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        files = [one.as_dict() for one in self.files]
        trial = {"would": dict(self.trial)} if self.trial is not None else {}
        return {"schema": SCHEMA, "dry_run": self.trial is not None, "source": self.source, "files": files, **trial}

    def page(self) -> str:
        """A table, then every place that has to be looked at."""
        return "\n".join([*_head(self), *_table(self.files), *_spots(self.files), *_trial(self.trial)])


def _head(result: Result) -> Iterator[str]:
    if result.trial is not None:
        yield "DRY RUN, nothing was changed."


def _table(files: Sequence[OfFile]) -> Iterator[str]:
    heads = ("file", "state", "lines", "kept", "known", "rejected", "waiting", "lines/s")
    rows = [heads, *(_row(one) for one in files)]
    if len(files) > 1:
        sums = (sum(one.lines for one in files), sum(one.kept for one in files), sum(one.known for one in files))
        counts = (sum(sum(one.rejected.values()) for one in files), sum(sum(one.waiting.values()) for one in files))
        rows.append(("all", "", *(f"{count:,}" for count in (*sums, *counts)), ""))
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    for row in rows:
        named = [cell.ljust(width) for cell, width in zip(row[:2], widths[:2], strict=True)]
        counted = [cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True)]
        yield "  ".join([*named, *counted]).rstrip()


def _row(one: OfFile) -> tuple[str, ...]:
    counts = (one.lines, one.kept, one.known, sum(one.rejected.values()), sum(one.waiting.values()))
    rate = "-" if one.lines_a_second is None else f"{one.lines_a_second:,}"
    return (one.file, one.state, *(f"{count:,}" for count in counts), rate)


def _spots(files: Sequence[OfFile]) -> Iterator[str]:
    for one in files:
        if one.fault:
            yield f"\n{one.file} was not read to its end: {one.fault}."
        if one.rejected:
            where = f", byte for byte in {one.rejected_file}" if one.rejected_file else ""
            yield f"\n{one.file}: rejected: {_counts(one.rejected)}{where}"
            yield from (f"  {spot.number}: {spot.reason} ({REASONS[spot.reason]})" for spot in one.rejected_spots)
            yield from _more(one.rejected, one.rejected_spots)
        if one.waiting:
            yield f"\n{one.file}: in the work list: {_counts(one.waiting)} (see `troughline worklist list`)"
            yield from (f"  {spot.number}: {spot.reason}" for spot in one.waiting_spots)
            yield from _more(one.waiting, one.waiting_spots)


def _more(reasons: Mapping[str, int], spots: Sequence[Spot]) -> Iterator[str]:
    left = sum(reasons.values()) - len(spots)
    if left > 0 and spots:
        yield f"  and {left:,} more"


def _counts(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in sorted(reasons.items(), key=lambda one: -one[1]))


def _trial(trial: Mapping[str, Any] | None) -> Iterator[str]:
    if trial is not None:
        facts, resources = Counter(trial["facts"]), Counter(trial["resources"])
        told = ", ".join(f"{operation} {number:,}" for operation, number in sorted(resources.items())) or "none"
        yield f"\nWould read {facts['new']:,} new facts; resources: {told}."
