"""A source, or one of its subscriptions, that falls silent is told once until it is back."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from adapter.app.counters import ALARMS, HOOK_SILENT
from adapter.app.hook_silence import HookSilence


@pytest.fixture
def clock():
    class Clock:
        now_s = 1000.0

        def __call__(self):
            return self.now_s

    return Clock()


def silent():
    return HOOK_SILENT.labels("ehr")._value.get()


def test_silence_over_twice_the_heartbeat_is_told_once_and_its_end_too(clock):
    watch = HookSilence({"ehr": 60}, clock)
    alarms = ALARMS.labels("hook-silent")._value.get()
    clock.now_s += 120
    assert (watch.look(), silent()) == ([], 0)
    clock.now_s += 0.1
    with capture_logs() as lines:
        assert (watch.look(), silent()) == (["ehr"], 1)
        assert watch.look() == []
        watch.heard("ehr", "Subscription/s1")
        assert (watch.look(), silent()) == ([], 0)
    assert [line["event"] for line in lines] == ["hook-silent", "hook-heard-again"]
    assert ALARMS.labels("hook-silent")._value.get() == alarms + 1


def test_one_subscription_that_falls_silent_beside_another_is_told(clock):
    watch = HookSilence({"ehr": 60}, clock)
    watch.heard("ehr", "Subscription/s1")
    for _ in range(3):
        clock.now_s += 60
        watch.heard("ehr", "Subscription/s2")
    assert watch.look() == ["ehr"]
    watch.heard("ehr", "Subscription/s1")
    assert (watch.look(), silent()) == ([], 0)


def test_sources_without_a_heartbeat_may_be_silent_for_ever(clock):
    watch = HookSilence({}, clock)
    watch.heard("ehr", "")
    clock.now_s += 1e9
    assert watch.look() == []
