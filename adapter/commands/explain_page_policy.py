"""The last sections of a page: the policy with its sources, what it quotes, and earlier doses of the family."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from adapter.commands.explain_lines import bullet, paragraph, quoted, row
from adapter.domain.policy import Grade

Tree = Mapping[str, Any]
GRADES = get_args(Grade)


def policy_lines(tree: Tree) -> Iterator[str]:
    """Which policy read the dose, how well its numbers are known, and which of them wait for a signature."""
    policy = tree["policy"]
    if policy is None:
        yield from paragraph("No policy was asked: there is no dose, or none is in force for it.")
        return
    draft = " (a draft)" if policy["draft"] else ""
    yield from row("Policy", f"{policy['id']} version {policy['version']}{draft}: {policy['title']}")
    yield from row("Content hash", policy["hash"])
    if policy["based_on"]:
        yield from row("Based on", policy["based_on"])
    for point in policy["time_points"]:
        yield from row("Window", _window(point))
    yield from row("Last readable low", _number(policy["no_verdict_after"]))
    if policy["early_low_until"]:
        yield from row("Early low until", _number(policy["early_low_until"]))
    grades = policy["grades"]
    yield from row("Numbers by grade", ", ".join(f"{grades[grade]} {grade}" for grade in GRADES if grade in grades))
    for grade, numbers in policy["awaiting_sign_off"].items():
        yield from row("Awaits sign-off", f"{grade}: {'; '.join(numbers)}")
    for key, text in policy["citations"].items():
        yield from row("Source", f"{key}: {quoted(text)}")


def quotation_lines(tree: Tree) -> Iterator[str]:
    """The statements of the policy file that the finding prints, each with its source."""
    if not tree["quotations"]:
        yield from paragraph("None.")
        return
    yield from paragraph("Paraphrases of what others are reported to say; the policy file lists them:")
    for quotation in tree["quotations"]:
        yield from bullet(f"{quoted(quotation['statement'])}, source: {quoted(quotation['source'])}")


def earlier_lines(tree: Tree) -> Iterator[str]:
    """Earlier doses a reader of this one has to know, and how many more there are."""
    earlier = tree["earlier_doses"]
    if not earlier["listed"]:
        yield from paragraph("No earlier dose of the family is known." if tree["dose"] else "There is no dose.")
    for old in earlier["listed"]:
        rule = f" (rule {old['rule']})" if old["rule"] else ""
        verdict = f"{old['exposure']['words']}, {old['mechanism']['words']}"
        yield from bullet(f"{old['started'] or 'time not known'}, {old['told']}: {verdict}{rule}; {old['dose']}")
    if earlier["not_listed"]:
        yield from paragraph(f"Further earlier doses of the family, not listed: {earlier['not_listed']}.")


def _window(point: Tree) -> str:
    low = "loss of activity" if point["low"] == "loss" else "below target"
    limits = f"{point['from_h']} to {point['to_h']} h ({point['window_grade']}, {point['window_citation']})"
    threshold = f"{point['threshold_iu_per_ml']} IU/mL ({point['grade']}, {point['citation']})"
    return f"{point['name']}: {limits}, threshold {threshold}; a detectable low is read as {low}"


def _number(number: Tree) -> str:
    return f"{number['value']} {number['unit']} ({number['grade']}, {number['citation']})"
