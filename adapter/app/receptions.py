"""The reception of HL7 v2 behind every door: one filter, one translation, one way to count."""

from __future__ import annotations

import time
from concurrent.futures import Executor
from datetime import UTC, datetime

from adapter.app.control_ids import control_ids
from adapter.app.counters import heard
from adapter.app.keeping import GroupKeeper
from adapter.app.observing import Observe
from adapter.domain.message import Translation
from adapter.ingest.relevance import RelevanceFilter
from adapter.ingest.senders import RulesFor
from adapter.ingest.translate import translate_hl7
from adapter.knowledge.spec import Knowledge
from adapter.pipeline.receive import Reception


def hl7_reception(
    keeper: GroupKeeper,
    knowledge: Knowledge,
    rules: RulesFor,
    executor: Executor,
    observe: Observe,
    *,
    prefix: str,
    remembered: int,
    default_charset: str | None = None,
) -> Reception:
    """How messages are judged, kept and answered there.

    `prefix` begins the control ids of its answers; `remembered` is how many judgements its filter keeps.
    """

    def translate(raw: bytes, source: str) -> list[Translation]:
        return translate_hl7(raw, knowledge, rules, source=source)

    return Reception(
        keeper=keeper,
        judge=RelevanceFilter(knowledge, remembered, default_charset=default_charset).judge_one,
        translate=translate,
        executor=executor,
        clock=lambda: datetime.now(UTC).astimezone(),
        next_control_id=control_ids(prefix, time.time_ns()),
        observe=observe,
        rules=rules,
        heard=heard,
    )
