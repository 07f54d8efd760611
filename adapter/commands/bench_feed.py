"""Made-up laboratory feeds for benches: everyday reports, results that are ours, and near misses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Literal

from adapter.commands.demo_laboratory import everyday_message, person
from adapter.commands.demo_oru import ASPARAGINASE_TEST, Order, Row, oru

Feed = Literal["unfiltered", "relevant", "kept"]
"""`unfiltered`: 2 % are ours; `relevant`: all are; `kept`: all are near misses, kept on disk and no more."""

RELEVANT_SHARE = 0.02
KEPT_TEST = "ASPNEW^Asparaginase, new method^L"
TEMPLATES = 400
MARK = "@@@@@@@@@@"
SENT = datetime(2025, 3, 10, 12, 0, tzinfo=UTC)


def feed_of(kind: Feed, count: int, seed: int, series: str) -> Iterator[bytes]:
    """So many messages, the same for the same seed; `series` begins every control id, so that none comes twice."""
    random = Random(seed)  # noqa: S311 - repeatable, not secret
    everyday = [everyday_message(random, control_id=MARK, sent=SENT, look_alike=n % 50 == 0) for n in range(TEMPLATES)]
    for number in range(count):
        control_id = f"{series}{number}"
        if kind == "unfiltered" and random.random() >= RELEVANT_SHARE:
            yield everyday[number % TEMPLATES].replace(MARK.encode(), control_id.encode())
        else:
            test = KEPT_TEST if kind == "kept" else ASPARAGINASE_TEST
            yield result_of(random, patient=f"B{control_id}", control_id=control_id, test=test)


def result_of(random: Random, *, patient: str, control_id: str, test: str = ASPARAGINASE_TEST) -> bytes:
    """One result of a patient, with an order of its own."""
    value = f"{random.randint(0, 150) / 100:.2f}"
    order = Order(
        service=test,
        filler=f"F{control_id}",
        collected=SENT - timedelta(hours=random.randint(2, 400)),
        reported=SENT,
        rows=(Row(test=test, value=value, unit="IU/mL", reference_range=">=0.10"),),
    )
    return oru(control_id=control_id, sent=SENT, person=person(random, patient), order=order)
