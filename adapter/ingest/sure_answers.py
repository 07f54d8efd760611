"""Answers that a judgement alone tells, so that nothing has to be read to word them."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

from adapter.ingest.compiled import compiled
from adapter.ingest.senders import RulesFor
from adapter.knowledge.spec import Knowledge


def near_misses_accepted(knowledge: Knowledge, rules: RulesFor) -> Callable[[str, str], bool]:
    """Whether a message of this sender (`MSH-3|MSH-4`) and type (MSH-9) is told AA for certain when it is a near miss.

    For one of which `RelevanceFilter.judge_alone` says so: every line is a segment, and no result is ours. Then no
    event is made of it, and what it lacks is nobody's error (CONTRACTS 1, Relevance); only a warning may be told.
    """
    types = [results.types for results in compiled(knowledge).results]
    common = reduce(frozenset[str].intersection, types) if types else frozenset[str]()

    def accepted(sender: str, message_type: str) -> bool:
        return message_type in common and not rules(sender).warn_in_err

    return accepted
