"""The reception of HL7 v2 behind every door: one filter, one translation, one way to count."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import UTC, datetime, tzinfo
from functools import lru_cache

from adapter.app import counters
from adapter.app.control_ids import control_ids
from adapter.app.keeping import GroupKeeper
from adapter.app.observing import Observe
from adapter.ingest.senders import RulesFor
from adapter.pipeline.receive import Reception
from adapter.pipeline.reception import Reading
from adapter.store.group_commit import Request


@lru_cache(maxsize=2)
def _zone(second: int) -> tzinfo | None:
    return datetime.fromtimestamp(second, UTC).astimezone().tzinfo


def local_now() -> datetime:
    """Now, with the offset of this machine, which is asked for once a second."""
    now = time.time()
    return datetime.fromtimestamp(now, _zone(int(now)))


def hl7_reception(
    keeper: GroupKeeper,
    reading: Callable[[], Reading],
    rules: RulesFor,
    executor: Executor,
    observe: Observe,
    *,
    prefix: str,
    heard: Callable[[str, str], None] = counters.heard,
    hand_over: Callable[[Request], None] | None = None,
) -> Reception:
    """How messages are judged, kept and answered there; `prefix` begins the control ids of its answers."""
    return Reception(
        keeper=keeper,
        reading=reading,
        executor=executor,
        clock=local_now,
        next_control_id=control_ids(prefix, time.time_ns()),
        observe=observe,
        rules=rules,
        heard=heard,
        hand_over=hand_over,
    )
