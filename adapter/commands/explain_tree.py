"""A finding as a tree with stable keys: everything a page shows, each code beside its words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapter.commands.explain_levels import level_entry, rule_words
from adapter.commands.explain_policy import policy_entry
from adapter.rules.sentence import REVIEW
from adapter.rules.sentence_of_unlinked import REVIEW as REVIEW_OF_UNLINKED
from adapter.rules.wording import (
    EXPOSURE_WORDS,
    MECHANISM_WORDS,
    MODIFIER_TEXT,
    MONITORING_TEXT,
    RULE_TEXT,
)

NOTICE = (
    "Decision support, not a medical device; for use after local validation. "
    "The clinical decision rests with the treating team."
)
Tree = dict[str, Any]
Finding = Mapping[str, Any]


def tree_of(finding: Finding, *, last_written: str | None = None, read_as_of: str | None = None) -> Tree:
    """One printed finding as a tree.

    `last_written`: when its interpretation last changed, where a store knows it.  `read_as_of`: the time a folder was
    read at, where one was asked for.
    """
    evidence = finding["evidence"]
    dose = finding["dose"]
    return {
        "patient": finding["patient"],
        "key": dose["key"] if dose else finding["samples"][0]["key"],
        "last_written": last_written,
        "read_as_of": read_as_of,
        "says": _says(finding),
        "dose": {**dose, **evidence["dose"]} if dose else None,
        "levels": [
            level_entry(sample, read, dose, evidence["policy"], rule)
            for sample, read, rule in zip(finding["samples"], evidence["samples"], finding["rules"], strict=False)
        ],
        "reactions": _reactions(finding),
        "premedication": _premedication(finding),
        "rules": _rules(finding),
        "alternatives_of": evidence["alternatives_of"],
        "nearly": [_outcome(row, "because") for row in evidence["nearly"]],
        "missing": list(evidence["missing"]),
        "would_change": {
            "facts": [_outcome(row, "if") for row in evidence["would_change"]],
            "further": REVIEW if dose else REVIEW_OF_UNLINKED,
            "next_check": finding["next_check"],
        },
        "policy": policy_entry(evidence["policy"]) if evidence["policy"] else None,
        "quotations": list(evidence["quotations"]),
        "earlier_doses": {
            "listed": [{**old, **_verdict(old)} for old in evidence["earlier_in_family"]],
            "not_listed": evidence["earlier_not_listed"],
        },
        "rule_set": evidence["rule_set"],
        "notice": NOTICE,
    }


def _says(finding: Finding) -> Tree:
    monitoring = finding["monitoring"]
    return {
        "sentence": finding["sentence"],
        **_verdict(finding),
        "monitoring": {"code": monitoring, "words": MONITORING_TEXT[monitoring]} if monitoring else None,
        "priority": finding["priority"],
        "modifiers": [{"code": code, "words": MODIFIER_TEXT[code]} for code in finding["modifiers"]],
        "history_from": finding["history_from"],
    }


def _verdict(holder: Finding) -> Tree:
    exposure, mechanism = holder["exposure"], holder["mechanism"]
    return {
        "exposure": {"code": exposure, "words": EXPOSURE_WORDS[exposure]},
        "mechanism": {"code": mechanism, "words": MECHANISM_WORDS[mechanism]},
    }


def _outcome(row: Finding, fact: str) -> Tree:
    """What another row would say, and the one fact that keeps it from it."""
    return {fact: row[fact], "rule": row["rule"], "rule_words": RULE_TEXT[row["rule"]], **_verdict(row)}


def _reactions(finding: Finding) -> Tree:
    evidence = finding["evidence"]
    linked = zip(finding["reactions"], evidence["reactions"], strict=True)
    return {
        "linked": [{**reaction, **more} for reaction, more in linked],
        "not_linked": list(evidence["unlinked_reactions"]),
        "not_listed": evidence["unlinked_reactions_not_listed"],
        "link_h": evidence["reaction_link_h"],
    }


def _premedication(finding: Finding) -> Tree | None:
    searched = finding["evidence"]["premedication"]
    if searched is None:
        return None
    return {
        "found": [dict(drug) for drug in finding["premedication"]],
        "antihistamine_window_h": searched["antihistamine_window_h"],
        "steroid_window_h": searched["steroid_window_h"],
    }


def _rules(finding: Finding) -> list[Tree]:
    """The rules that decided: one per sample, then that of the dose."""
    read = finding["evidence"]["samples"]
    subjects = [(f"level {number}", sample["level"]) for number, sample in enumerate(read, start=1)]
    deciding = next((sample["level"] for sample in read if sample["decides_mechanism"]), None)
    return [
        {"subject": subject, "rule": rule, "words": rule_words(rule, level)}
        for (subject, level), rule in zip([*subjects, ("the dose", deciding)], finding["rules"], strict=False)
    ]
