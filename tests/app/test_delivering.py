"""A delivery thread tells what a person must look at."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from running_service import eventually

from adapter.app import delivering
from adapter.app.counters import ALARMS, DELIVERED


class Target:
    name = "ehr-of-this-test"


def total(metric, *labels):
    return metric.labels(*labels)._value.get()


@pytest.mark.parametrize(
    ("counted", "alarm"),
    [({"parked": 2}, "delivery-parked"), ({"confirmed": 3, "several": 2}, "delivery-several"), ({"failed": 2}, None)],
)
def test_what_a_person_must_look_at_raises_an_alarm_and_is_counted_once(counted, alarm, monkeypatch):
    before = {reason: total(ALARMS, reason) for reason in ("delivery-parked", "delivery-several", "delivery-failed")}
    delivered = {state: total(DELIVERED, Target.name, state) for state in ("confirmed", "parked", "several", "failed")}
    rounds = [counted]
    monkeypatch.setattr(delivering, "deliver", lambda *_: rounds.pop() if rounds else {})
    thread = delivering.Delivering(Target(), object(), lambda: datetime.now(UTC))
    thread.start()
    reason = alarm or "delivery-failed"
    eventually(lambda: total(ALARMS, reason) == before[reason] + 2)
    thread.stop(5)
    for state, number in delivered.items():
        wanted = counted.get(state, 0) if state in ("confirmed", "parked") else 0
        assert total(DELIVERED, Target.name, state) - number == wanted
