"""The sections of a page on the dose and on every level of it, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from adapter.commands.explain_lines import paragraph, quoted, row
from adapter.rules.situation import IN_WINDOW

Tree = Mapping[str, Any]
UNREAD = ("D0", "D2", "D3", "Q3")
"""Rules that read nothing out of a level: no finding rests on it."""
PORTION_WORDS = {
    "full": "counted as full",
    "partial": "counted as partial",
    "negligible": "counted as too little for a low level to say anything",
    "unknown": "how much was given is not known",
}


def dose_lines(tree: Tree) -> Iterator[str]:
    """What was given, when, how much of it, and from which records that is known."""
    dose = tree["dose"]
    if dose is None:
        yield from paragraph("No dose explains this level.")
        return
    code = dose["product_code"]
    yield from row("Product", f"{dose['product'].replace('-', ' ')} (family {dose['family']})")
    yield from row("Code as sent", f"{code['code']} ({code['system'] or 'no system'})" if code else None)
    yield from row("Given", _amount(dose["amount"], dose["unit"]))
    yield from row("Ordered", _amount(dose["ordered_amount"], dose["unit"]))
    yield from row("Fraction", _fraction(dose))
    yield from row("Route", dose["route"])
    yield from row("Record status", dose["status"])
    yield from row("Started", _with_precision(dose))
    yield from row("Ended", dose["ended"] or "not known; hours count from the start")
    yield from row("Lot", ", ".join(dose["lots"]))
    if dose["low_readable_from_h"]:
        yield from row(
            "Low readable from", f"{dose['low_readable_from_h']} h after the dose, for its product and route"
        )
    for fact in dose["rows"]:
        yield from row("Record", fact)
    for fact in dose["copies"]:
        yield from row("Copy of a record", fact)


def _amount(amount: str | None, unit: str | None) -> str | None:
    return None if amount is None else f"{amount} {(unit or 'without a unit').replace('[IU]', 'IU')}"


def _fraction(dose: Tree) -> str:
    if dose["ordered_amount"] is None and dose["fraction"]:
        return f"taken as {dose['fraction']}, for the record says {dose['status']}; {PORTION_WORDS[dose['portion']]}"
    return f"{dose['fraction'] or 'not known'}; {PORTION_WORDS[dose['portion']]}"


def _with_precision(dose: Tree) -> str | None:
    coarse = dose["time_precision"] in ("day", "month", "year")
    return f"{dose['started']} (known by its {dose['time_precision']} only)" if coarse else dose["started"]


def levels_lines(tree: Tree) -> Iterator[str]:
    """Every level and every sample without one, line by line."""
    if not tree["levels"]:
        yield from paragraph("No level is known for this dose.")
    for number, level in enumerate(tree["levels"], start=1):
        if number > 1:
            yield ""
        yield from paragraph(f"{number}. {level['told']}")
        yield from _as_sent(level)
        yield from _timed(level)
        yield from _compared(level)
        yield from _decided(level)


def _as_sent(level: Tree) -> Iterator[str]:
    reported, before = level["reported"], level["value_before_correction"]
    yield from row("As sent", _sent(reported), 2)
    if before:
        yield from row("Before correction", _sent(before), 2)
    later = "; a later version was not final and was not used" if level["later_unsettled_version"] else ""
    yield from row("Status", f"{level['status']}{later}", 2)
    if level["comment"]:
        yield from row("Comment", quoted(level["comment"]), 2)
    yield from row("Laboratory", level["laboratory"], 2)
    yield from row("Specimen", level["specimen"], 2)
    yield from row("Key", level["key"], 2)


def _sent(reported: Tree) -> str:
    unit = f"unit {quoted(reported['unit'])}" if reported["unit"] else "no unit"
    return f"{quoted(reported['text'])}, {unit}"


def _timed(level: Tree) -> Iterator[str]:
    yield from row("Collected", level["collected"], 2)
    yield from row("Elapsed", _elapsed(level["elapsed"]), 2)
    window = level["window"]
    if window is not None:
        yield from row("Window", _window(window), 2)


def _elapsed(elapsed: Tree | None) -> str:
    if elapsed is None:
        return "not known without a dose"
    told = " to ".join(elapsed["hours_range"]) if elapsed["hours_range"] else elapsed["hours"]
    day = f" (day {elapsed['days']})" if elapsed["days"] else ""
    inside = (
        "; taken, or possibly taken, before the administration was over" if elapsed["inside_administration"] else ""
    )
    other = "; another dose is as possible" if elapsed["ambiguous"] else ""
    return f"{told} h{day} after the {elapsed['since']} of the dose{inside}{other}"


def _window(window: Tree) -> str:
    named = zip(window["names"], window["limits_h"], strict=True)
    names = " or ".join(f"{name} ({limits[0]} to {limits[1]} h)" for name, limits in named)
    outside = [phase["words"] for phase in window["phases"] if phase["code"] not in IN_WINDOW]
    return " or ".join([*([names] if names else []), *outside])


def _compared(level: Tree) -> Iterator[str]:
    threshold = level["threshold"]
    if threshold:
        yield from row(
            "Threshold",
            f"{threshold['iu_per_ml']} IU/mL, that of window {threshold['window']}; {threshold['grade']}; "
            f"{quoted(threshold['source'])}",
            2,
        )
    limit = level["quantification_limit_iu_per_ml"]
    yield from row("Quantification", f"limit {limit} IU/mL" if limit else "limit not known", 2)
    yield from row("Method", level["method"], 2)
    yield from row("Class", level["class"]["words"] if level["class"] else "none: not compared with a threshold", 2)


def _decided(level: Tree) -> Iterator[str]:
    yield from row("Rule", f"{level['rule']}: {level['rule_words']}", 2)
    for number, condition in enumerate(level["because"]):
        yield from row("because" if number == 0 else "and", condition, 2)
    if level["exposure"]:
        yield from row("Reads as", _reads_as(level), 2)
    for one in level["possibilities"]:
        read = f"{one['exposure']['words']}, {one['mechanism']['words']} (rule {one['rule']})"
        yield from row("If it belongs to", f"{one['dated']}: {read}", 2)


def _reads_as(level: Tree) -> str:
    decides = {
        (True, True): "; the finding rests on it",
        (True, False): "; the exposure of the finding rests on it",
        (False, True): "; the mechanism of the finding rests on it",
    }
    rests = decides.get((level["decides_exposure"], level["decides_mechanism"]), "")
    told = "" if level["rule"] in UNREAD else rests
    return f"{level['exposure']['words']}, {level['mechanism']['words']}{told}"
