"""The page a clinician checks a finding on: every section in a fixed order, plain text 100 columns wide."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from adapter.commands.explain_lines import bullet, heading, paragraph, row
from adapter.commands.explain_page_levels import dose_lines, levels_lines
from adapter.commands.explain_page_policy import earlier_lines, policy_lines, quotation_lines
from adapter.commands.explain_page_reactions import premedication_lines, reactions_lines

Tree = Mapping[str, Any]
Section = Callable[[Tree], Iterator[str]]


def page_of(tree: Tree) -> str:
    """The page of one explained finding."""
    lines = list(_title(tree))
    for name, section in SECTIONS.items():
        lines += [*heading(name), *section(tree)]
    return "\n".join(lines)


def _title(tree: Tree) -> Iterator[str]:
    dose = tree["dose"]
    yield from row(
        "Finding on",
        f"{dose['told']}, started {dose['started'] or 'at an unknown time'}" if dose else "a level without a dose",
        0,
    )
    yield from row("Patient", tree["patient"], 0)
    yield from row("Key", tree["key"], 0)
    if tree["read_as_of"]:
        yield from row("Read as of", tree["read_as_of"], 0)
    if tree["last_written"]:
        yield from row("Last written", tree["last_written"], 0)


def _says(tree: Tree) -> Iterator[str]:
    says = tree["says"]
    yield from paragraph(says["sentence"])
    yield ""
    yield from row("Exposure", says["exposure"]["words"].removeprefix("exposure "))
    yield from row("Mechanism", says["mechanism"]["words"].removeprefix("mechanism "))
    yield from row("Monitoring", says["monitoring"]["words"] if says["monitoring"] else "no sampling window is known")
    yield from row("Priority", says["priority"] or "none: no Flag is called for")
    yield from row("History known from", says["history_from"])
    for modifier in says["modifiers"]:
        yield from row("Modifier", f"{modifier['code']}: {modifier['words']}")


def _rules(tree: Tree) -> Iterator[str]:
    for decided in tree["rules"]:
        yield from bullet(f"{decided['subject']}: {decided['rule']}, {decided['words']}")
    yield from paragraph(f"Rule set {tree['rule_set']}.")


def _nearly(tree: Tree) -> Iterator[str]:
    yield from paragraph(_asked(tree))
    if tree["alternatives_of"] and not tree["nearly"]:
        yield from paragraph("None: every other row lacked more than one condition.")
    for near in tree["nearly"]:
        yield from bullet(f"{near['rule']}: {near['rule_words']}. It would read: {_verdict(near)}.")
        yield from paragraph(f"Why not: {near['because']}.", 2)


def _asked(tree: Tree) -> str:
    """For which level other rows and other facts were looked at, or why for none."""
    for number, level in enumerate(tree["levels"], start=1):
        if level["decides_exposure"] and tree["alternatives_of"]:
            return f"For level {number} alone, the one the exposure rests on:"
    if any(level["class"] for level in tree["levels"]):
        return "Not worked out: the level the exposure rests on was not read by one row of the table alone."
    return "None: no level was compared with a threshold, so no row of the decision table was asked."


def _missing(tree: Tree) -> Iterator[str]:
    if not tree["missing"]:
        yield from paragraph("None of the facts the rules ask for is missing.")
    for fact in tree["missing"]:
        yield from bullet(fact)


def _would_change(tree: Tree) -> Iterator[str]:
    other = tree["would_change"]
    if other["facts"]:
        yield from paragraph(_asked(tree))
    for outcome in other["facts"]:
        yield from bullet(f"If {outcome['if']}: {_verdict(outcome)} (rule {outcome['rule']}).")
    yield from bullet(other["further"])
    if other["next_check"]:
        yield from bullet(f"By the clock alone, what is awaited changes at {other['next_check']}.")


def _notice(tree: Tree) -> Iterator[str]:
    yield from paragraph(tree["notice"])


def _verdict(outcome: Tree) -> str:
    return f"{outcome['exposure']['words']}, {outcome['mechanism']['words']}"


SECTIONS: Mapping[str, Section] = {
    "What it says": _says,
    "Dose": dose_lines,
    "Levels": levels_lines,
    "Reactions": reactions_lines,
    "Premedication": premedication_lines,
    "Rules that decided": _rules,
    "Rules that nearly did, and why not": _nearly,
    "What is missing": _missing,
    "What would change the reading": _would_change,
    "Policy": policy_lines,
    "Quotations printed": quotation_lines,
    "Earlier doses of the family": earlier_lines,
    "Notice": _notice,
}
