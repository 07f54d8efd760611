"""The mappings a process works with, behind each of its doors; others may take their place between two messages."""

from __future__ import annotations

from collections.abc import Callable

from adapter.domain.message import Translation
from adapter.ingest.relevance import RelevanceFilter
from adapter.ingest.senders import RulesFor
from adapter.ingest.sure_answers import near_misses_accepted
from adapter.ingest.translate import translate_hl7
from adapter.knowledge.spec import Knowledge
from adapter.pipeline.reception import Reading


class MappingsInUse:
    """Gives every door what it reads with, and all of them something else when it is told."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._doors: list[_Door] = []

    def door(self, rules: RulesFor, remembered: int, default_charset: str | None = None) -> Callable[[], Reading]:
        """What the messages of one door are read with; `remembered` is how many judgements its filter keeps."""
        door = _Door(self._knowledge, rules, remembered, default_charset)
        self._doors.append(door)
        return door.reading

    def take(self, knowledge: Knowledge) -> None:
        """Read with these from the next message on, at every door."""
        self._knowledge = knowledge
        for door in self._doors:
            door.take(knowledge)


class _Door:
    """What is particular to one door; its judgements are remembered for one set of mappings only."""

    def __init__(self, knowledge: Knowledge, rules: RulesFor, remembered: int, default_charset: str | None) -> None:
        self._rules = rules
        self._remembered = remembered
        self._default_charset = default_charset
        self.take(knowledge)

    def take(self, knowledge: Knowledge) -> None:
        def translate(raw: bytes, source: str) -> list[Translation]:
            return translate_hl7(raw, knowledge, self._rules, source=source)

        relevance = RelevanceFilter(knowledge, self._remembered, default_charset=self._default_charset)
        # One assignment: a message sees the old or the new, never a mixture.
        self._reading = Reading(
            relevance.judge_one, translate, relevance.judge_alone, near_misses_accepted(knowledge, self._rules)
        )

    def reading(self) -> Reading:
        return self._reading
