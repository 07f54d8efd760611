"""An interpretation that stands is taken back only when what it rests on was withdrawn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

FIRST = datetime(2025, 3, 12, 12, 0, tzinfo=UTC)
SECOND = FIRST + timedelta(days=1)


def of_components(body: dict[str, Any]) -> list[str]:
    return [part["code"]["coding"][0]["code"] for part in body["component"]]


def overdue(make: SimpleNamespace, monitoring: str | None) -> Any:
    """A dose without a level."""
    finding = make.finding("not-assessable", "no-result", dose=make.dose(), monitoring=monitoring, priority="P2")
    return make.interpretation(finding), make.history(doses=(make.dose(),))


def test_the_overdue_level_of_a_patient_who_died_stays_without_monitoring(ledger: Any, make: SimpleNamespace) -> None:
    ledger.reads(*overdue(make, "sample-overdue"), FIRST)
    changes = ledger.reads(*overdue(make, None), SECOND)
    assert [(change.operation, change.after.kind, change.after.topic) for change in changes] == [
        ("update", "interpretation", None),
        ("close", "flag", "tdm-overdue"),
    ]
    body = changes[0].after.body
    assert body["status"] == "preliminary"
    assert of_components(body) == ["exposure", "asparaginase-activity", "threshold", "premedicated", "reaction"]
    assert ledger.reads(*overdue(make, None), SECOND + timedelta(days=1)) == []


def test_a_dose_that_was_never_overdue_is_not_written_for_a_patient_who_died(
    ledger: Any, make: SimpleNamespace
) -> None:
    assert ledger.reads(*overdue(make, None), FIRST) == []


@pytest.mark.parametrize("lost", ["dose", "sample"])
def test_what_rests_on_a_withdrawn_fact_is_taken_back(ledger: Any, make: SimpleNamespace, lost: str) -> None:
    dose, sample = make.dose(), make.sample()
    found = make.finding(dose=dose, samples=(sample,))
    ledger.reads(make.interpretation(found), make.history(doses=(dose,), samples=(sample,)), FIRST)
    gone = frozenset({f"play|{dose.key if lost == 'dose' else sample.key}"})
    left = make.finding("not-assessable", "no-result", dose=dose, monitoring="due", priority=None)
    after = (
        make.interpretation(*([] if lost == "dose" else [left])),
        make.history(doses=(dose,), samples=(sample,), withdrawn=gone),
    )
    operations = [change.operation for change in ledger.reads(*after, SECOND) if change.after.kind == "interpretation"]
    assert operations == ["retract"]
