"""The sections of a page on reactions, with every record and its author, and on drugs given before the dose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from adapter.commands.explain_lines import bullet, paragraph, quoted
from adapter.rules.words_of_drugs import ROLE_WORDS
from adapter.rules.words_of_reactions import GRADE_SOURCE, NONE_LINKED, SEVERE_BECAUSE

Tree = Mapping[str, Any]


def reactions_lines(tree: Tree) -> Iterator[str]:
    """Every reaction linked to the dose with all its records, and those that only could concern it."""
    reactions = tree["reactions"]
    if tree["dose"] is None:
        yield from paragraph("Without a dose no reaction can be linked.")
        return
    yield from paragraph(f"Linked are reactions from the start of the dose to {reactions['link_h']} h after its end.")
    if not reactions["linked"]:
        yield from paragraph(NONE_LINKED)
    for reaction in reactions["linked"]:
        yield from bullet(_linked(reaction))
        yield from _records(reaction)
    if reactions["not_linked"]:
        yield from paragraph("Nothing ties these to the dose, and they could concern it:")
    for reaction in reactions["not_linked"]:
        elsewhere = f"; linked to {reaction['linked_to']}" if reaction["linked_to"] else ""
        yield from bullet(f"{_seen(reaction)}{elsewhere}")
        yield from _records(reaction)
    if reactions["not_listed"]:
        yield from paragraph(f"Further records that nothing ties to the dose, not listed: {reactions['not_listed']}.")


def _linked(reaction: Tree) -> str:
    after = reaction["hours_after_start"]
    when = (
        f"{after} h after the start of the dose"
        if after
        else f"{reaction['occurred']}, hours after the start not known"
    )
    also = f"; could also belong to {' and '.join(others)}" if (others := reaction["could_also_belong_to"]) else ""
    return f"{_seen(reaction)}; {when}{also}"


def _seen(reaction: Tree) -> str:
    what = ", ".join(word.replace("-", " ") for word in reaction["manifestations"]) or "manifestation not stated"
    graded = reaction["grade_from"]
    grade = f"grade {reaction['grade']} ({GRADE_SOURCE[graded]})" if graded else "not graded"
    reasons = " and ".join(SEVERE_BECAUSE[why] for why in reaction["severe_because"])
    severe = f"severe because of {reasons}" if reasons else "not counted as severe"
    counted = "" if reaction["counts"] else "; a note only, not counted as an allergic reaction"
    return f"{what}; {grade}; {severe}; {reaction['verification']}{counted}"


def _records(reaction: Tree) -> Iterator[str]:
    for record in reaction["records"]:
        told = [
            f"record {record['fact']}",
            f"{record['verification']}, recorder {record['recorder'] or 'not stated'}",
            f"time {record['occurred']} (from {record['occurred_from']})" if record["occurred"] else "no time",
            f"grade {record['grade']}" if record["grade"] else "",
            f"severity {record['severity']}" if record["severity"] else "",
            f"text {quoted(record['text'])}" if record["text"] else "",
        ]
        yield from paragraph("; ".join(part for part in told if part), 2)


def premedication_lines(tree: Tree) -> Iterator[str]:
    """Where drugs were looked for, and what was found."""
    drugs = tree["premedication"]
    if drugs is None:
        yield from paragraph("Without a dose no premedication is looked for.")
        return
    antihistamine, steroid = drugs["antihistamine_window_h"], drugs["steroid_window_h"]
    yield from paragraph(
        f"Searched: antihistamines {antihistamine} h, steroids {steroid} h before the start of the dose."
    )
    if not drugs["found"]:
        yield from paragraph("None is recorded there.")
    for drug in drugs["found"]:
        yield from bullet(
            f"{drug['drug'] or 'name not stated'} ({ROLE_WORDS[drug['role']]}), {drug['started']}; {drug['key']}"
        )
