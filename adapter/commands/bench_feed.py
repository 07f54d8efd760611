"""Made-up laboratory feeds for benches: everyday reports, results that are ours, and near misses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Literal

from adapter.commands.demo_laboratory import PANELS, everyday_message, measured_row, person
from adapter.commands.demo_oru import ASPARAGINASE_TEST, Order, Row, oru

Feed = Literal["unfiltered", "relevant", "kept"]
"""`unfiltered`: 2 % are ours; `relevant`: all are; `kept`: all are near misses, kept on disk and no more."""

RELEVANT_SHARE = 0.02
KEPT_TEST = "ASPNEW^Asparaginase, new method^L"
TEMPLATES = 400
LOOK_ALIKE_EVERY = 50
RESULTS_OF_A_REPORT = (1, 2, 3, 4, 5, 8, 10, 12, 14, 19, 30)
"""Results of everyday reports, each as often: 9.8 on average, as in the feeds of whole laboratories."""
VISIT = (
    b"PV1|1|I|ONC^12^3^GENERAL^^^^^ONCOLOGY|R|||1234^ATTENDING^ANNE^^^DR|5678^REFERRING^RALPH^^^DR|PED||||||"
    b"|1234^ATTENDING^ANNE^^^DR|INP|V0815^^^HOSP|||||||||||||||||||||||||20250301081500+0000\r"
)
REMARK = b"NTE|1|L|Reference ranges are those of children; the method was changed in January, see the handbook.\r"
MEASURED_BY = b"|||20250310115800+0000|CENTRAL^Central laboratory^L|4711^ANALYST^ADA\r"
"""OBX-14 to 16."""
MARK = "@@@@@@@@@@"
SENT = datetime(2025, 3, 10, 12, 0, tzinfo=UTC)


def feed_of(kind: Feed, count: int, seed: int, series: str) -> Iterator[bytes]:
    """So many messages, the same for the same seed; `series` begins every control id, so that none comes twice."""
    random = Random(seed)  # noqa: S311 - repeatable, not secret
    everyday = [_everyday(random, number) for number in range(TEMPLATES)]
    for number in range(count):
        control_id = f"{series}{number}"
        if kind == "unfiltered" and random.random() >= RELEVANT_SHARE:
            yield everyday[number % TEMPLATES].replace(MARK.encode(), control_id.encode())
        else:
            test = KEPT_TEST if kind == "kept" else ASPARAGINASE_TEST
            yield result_of(random, patient=f"B{control_id}", control_id=control_id, test=test)


def _everyday(random: Random, number: int) -> bytes:
    """A report as large as they are where a whole laboratory is connected: 1.6 KB on average."""
    if number % LOOK_ALIKE_EVERY == 0:
        return everyday_message(random, control_id=MARK, sent=SENT, look_alike=True)
    tests = [test for panel in PANELS.values() for test in panel]
    count = RESULTS_OF_A_REPORT[number % len(RESULTS_OF_A_REPORT)]
    order = Order(
        service="PROFILE^Laboratory profile^L",
        filler=f"R{MARK}",
        collected=SENT - timedelta(minutes=random.randint(25, 300)),
        reported=SENT - timedelta(minutes=2),
        rows=tuple(measured_row(random, test) for test in random.choices(tests, k=count)),
    )
    raw = oru(control_id=MARK, sent=SENT, person=person(random, f"7{random.randint(0, 399):05d}"), order=order)
    head, order_on = raw.split(b"OBR|", 1)
    request, *results = order_on.split(b"OBX|")
    told = (b"OBX|" + result.replace(b"\r", MEASURED_BY, 1) for result in results)
    return head + VISIT + b"OBR|" + request + REMARK + b"".join(told)


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
