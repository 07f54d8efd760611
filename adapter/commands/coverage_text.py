"""What is filled in real traffic and what becomes of it: for people, mapping by mapping, and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from adapter.commands.coverage_count import Coverage, Sighting, Span, fields_of
from adapter.commands.coverage_names import name_of, not_needed_lines
from adapter.commands.coverage_places import Feed, Place
from adapter.commands.used_fields import Class
from adapter.domain.times import instant_text

SCHEMA = 1
CLASSES: tuple[Class, ...] = ("mapped", "not needed", "unread")
Seen = Mapping[tuple[Feed, Place], Sighting]
NOTHING = "Nothing is filled that no mapping reads or calls not needed."
NOTHING_NEW = "Nothing that no mapping reads is new."


def tree_of(coverage: Coverage, listed: Seen, *, everything: bool) -> dict[str, Any]:
    """Plain values for JSON; `listed` are the places to tell of."""
    return {
        "schema": SCHEMA,
        "since": instant_text(coverage.since) if coverage.since else None,
        "messages": asdict(coverage.looked_at),
        "classes": {kind: _totals(coverage, kind) for kind in CLASSES},
        "feeds": [
            {
                "sender": feed.sender,
                "what": feed.what,
                **_span(span),
                **({"fields": fields_of(coverage, feed)} if everything else {}),
            }
            for feed, span in _sorted_feeds(coverage)
        ],
        "places": [_place(coverage, place, sightings) for place, sightings in _by_place(listed)],
        "left_out": coverage.left_out,
    }


def _totals(coverage: Coverage, kind: Class) -> dict[str, int]:
    of_kind = {place.name: 0 for _, place in coverage.places if place.kind == kind}
    filled = sum(s.span.results for (_, place), s in coverage.places.items() if place.kind == kind)
    return {"places": len(of_kind), "filled": filled}


def _span(span: Span) -> dict[str, Any]:
    times = {"first": span.first, "last": span.last}
    return {
        "messages": span.messages,
        "results": span.results,
        **{name: instant_text(at) if at else None for name, at in times.items()},
    }


def _place(coverage: Coverage, place: Place, sightings: Sequence[tuple[Feed, Sighting]]) -> dict[str, Any]:
    return {
        "place": place.name,
        "name": name_of(place.name),
        "class": place.kind,
        "new": any(coverage.is_new(sighting) for _, sighting in sightings),
        "read_by": list(place.by) if place.kind == "mapped" else [],
        "why": place.by[0] if place.kind == "not needed" else None,
        "mappings": list(place.files),
        "not_needed": not_needed_lines(place.name) if place.kind == "unread" else None,
        "copy_first": [file for file in place.files if coverage.shipped_only(file)] if place.kind == "unread" else [],
        "senders": [
            {
                "sender": feed.sender,
                **_span(sighting.span),
                "of_messages": coverage.feeds[feed].messages,
                "of_results": coverage.feeds[feed].results,
                "new": coverage.is_new(sighting),
                "example": sighting.example,
                "seen_in": sighting.seen_in,
            }
            for feed, sighting in sightings
        ],
    }


def _sorted_feeds(coverage: Coverage) -> list[tuple[Feed, Span]]:
    return sorted(coverage.feeds.items(), key=lambda found: (found[0].what, found[0].sender))


def _by_place(listed: Seen) -> list[tuple[Place, list[tuple[Feed, Sighting]]]]:
    """Places by mapping, and within it as a person counts: OBX-9 before OBX-17."""
    found: dict[Place, list[tuple[Feed, Sighting]]] = {}
    for (feed, place), sighting in listed.items():
        found.setdefault(place, []).append((feed, sighting))
    ordered = sorted(found, key=lambda place: (place.files, *counted(place.name), CLASSES.index(place.kind), place.by))
    return [(place, sorted(found[place], key=lambda one: one[0].sender)) for place in ordered]


def counted(place: str) -> tuple[str, list[int], str]:
    """A place as something that sorts by its numbers."""
    head, _, rest = place.partition("-")
    numbers = "".join(sign if sign.isascii() and sign.isdigit() else " " for sign in rest).split()
    return head, [int(number) for number in numbers], rest


def page_of(coverage: Coverage, listed: Seen, *, everything: bool, only_new: bool = False) -> str:
    """The whole answer."""
    return "\n".join([*_page(coverage, listed, everything=everything, only_new=only_new), *_not_looked_at(coverage)])


def _page(coverage: Coverage, listed: Seen, *, everything: bool, only_new: bool) -> Iterator[str]:
    if not coverage.feeds:
        yield "No message made an event with these tables and mappings, so there is nothing to judge."
        return
    for feed, span in _sorted_feeds(coverage):
        amount = f"{_many(span.messages, 'message')} with {_many(span.results, 'result')}"
        yield f"{feed.sender}: {amount} ({feed.what}), {_times(span)}"
    yield _summary(coverage)
    yield ""
    if everything:
        for feed, span in _sorted_feeds(coverage):
            yield from _profile(coverage, feed, span, listed)
        return
    if not listed:
        yield NOTHING_NEW if only_new else NOTHING
    files = dict.fromkeys(place.files for _, place in listed)
    for names in sorted(files):
        yield from _unread(coverage, names, {key: one for key, one in listed.items() if key[1].files == names})


def _summary(coverage: Coverage) -> str:
    totals = {kind: _totals(coverage, kind)["places"] for kind in CLASSES}
    new = len({place.name for _, place in coverage.unread(new=True)})
    told = ", ".join(f"{number} {kind}" for kind, number in totals.items())
    if coverage.since is None:
        return f"Filled places: {told}. No message says when it was made: what is new cannot be told."
    all_new = coverage.oldest is not None and coverage.oldest >= coverage.since
    young = " (no message is older: everything counts as new)" if all_new else ""
    return f"Filled places: {told}; of those unread {new} new since {instant_text(coverage.since)}{young}."


def _unread(coverage: Coverage, files: Sequence[str], listed: Seen) -> Iterator[str]:
    yield f"{' and '.join(files)}: filled, and read by nothing:"
    places = _by_place(listed)
    for place, sightings in places:
        new = "  NEW" if any(coverage.is_new(sighting) for _, sighting in sightings) else ""
        name = name_of(place.name)
        yield f"  {place.name}{f' ({name})' if name else ''}{new}"
        for feed, sighting in sightings:
            yield f"      {_told(coverage.feeds[feed], sighting)} from {feed.sender}, {_times(sighting.span)}"
        yield f"      for example {sightings[0][1].seen_in}: {sightings[0][1].example}"
    lines = [line for place, _ in places if (line := not_needed_lines(place.name))]
    if lines:
        yield _where_to(coverage, files)
        yield from lines
    yield ""


def _where_to(coverage: Coverage, files: Sequence[str]) -> str:
    """Into which file the lines go: never into a shipped one, which the next release replaces."""
    copied = [file for file in files if coverage.shipped_only(file)]
    if not copied:
        return f"  to add under not_needed of {' or '.join(files)}, once you have written why:"
    inner = " and ".join("/".join(file.split("/")[-2:]) for file in copied)
    return (
        f"  copy {' and '.join(copied)} into your folder first (as {inner}); to add there "
        "under not_needed, once you have written why:"
    )


def _told(of: Span, sighting: Sighting) -> str:
    span = sighting.span
    results = f"{span.results:,} of {_many(of.results, 'result')}"
    return f"{span.messages:,} of {_many(of.messages, 'message')}, {results}"


def _times(span: Span) -> str:
    if span.first is None or span.last is None:
        return "at no stated time"
    return f"first {instant_text(span.first)}, last {instant_text(span.last)}"


def _profile(coverage: Coverage, feed: Feed, span: Span, listed: Seen) -> Iterator[str]:
    """One feed: every filled place with its fill rate and what becomes of it."""
    yield f"{feed.sender} {feed.what}, of {_many(span.results, 'result')}:"
    mine = {key: sighting for key, sighting in listed.items() if key[0] == feed}
    width = max((len(place.name) for _, place in mine), default=0)
    for place, ((_, sighting),) in _by_place(mine):
        share = f"{sighting.span.results:>9,} {_percent(sighting.span.results, span.results):>6}"
        new = "NEW  " if place.kind == "unread" and coverage.is_new(sighting) else ""
        yield f"  {place.name:<{width}} {share}  {place.kind:<10}  {new}{_because(place)}".rstrip()
    yield ""


def _percent(part: int, whole: int) -> str:
    """A share that is 100 % only where nothing is missing, and 0 % never."""
    if part == whole:
        return "100 %"
    return f"{min(max(100 * part / whole, 0.1), 99.9):.1f} %"


def _because(place: Place) -> str:
    name = name_of(place.name)
    called = f"({name})" if name else ""
    by = ", ".join(place.by) if place.kind == "mapped" else "".join(place.by)
    return f"{by} {called}".strip()


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _not_looked_at(coverage: Coverage) -> Iterator[str]:
    seen = coverage.looked_at
    for number, why in (
        (seen.without_events, "of ours, or like ours, made no event: nothing there is judged."),
        (seen.irrelevant, "without a code of ours in these tables: nothing there is judged."),
        (seen.headers_only, "that did not concern us could not be read: only the header is kept."),
        (seen.pruned, "could not be read: the bytes were pruned."),
        (seen.failed, "could not be read for a fault of ours: see internal-error in the work list."),
    ):
        if number:
            yield f"{_many(number, 'message')} {why}"
    if coverage.left_out:
        yield f"{_many(coverage.left_out, 'sighting')} of further places left out: too many places are filled."
