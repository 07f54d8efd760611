"""Reversal notices: when a written conclusion turned round, what they say, and when they end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from adapter.domain.outputs import Change
from adapter.writeback.difference import closing_times

Make = Callable[..., Any]
FIRST = datetime(2025, 3, 12, 12, 0, tzinfo=UTC)
SECOND = FIRST + timedelta(hours=45)
GOOD = ("no-evidence-of-inactivation", "adequate")
LOST = ("suspected-silent-inactivation", "inadequate")


def notices(changes: list[Change]) -> list[Change]:
    return [change for change in changes if change.after.topic == "conclusion-reversed"]


def spoken(notice: Change) -> str:
    """The text of a list, then the narrative."""
    return f"{notice.after.body['code']['text']}\n{notice.after.body['text']['div']}"


def golden(name: str) -> str:
    return (Path(__file__).parent / "golden" / name).read_text(encoding="utf-8").strip()


def test_a_corrected_value_that_turns_the_verdict_raises_a_notice(
    ledger: Any, story: Make, make: SimpleNamespace, check_resource: Make
) -> None:
    ledger.reads(*story(LOST, make.sample("0.05")), FIRST)
    corrected = make.sample("0.45", status="corrected")
    meanwhile = make.dose("d2", "2025-03-13T10:00:00+00:00")
    before = make.dose("d0", "2025-03-12T11:59:59+00:00")
    after = make.dose("d9", "2025-03-14T09:00:01+00:00")
    changes = ledger.reads(*story(GOOD, corrected, later=(before, meanwhile, after)), SECOND)
    (notice,) = notices(changes)
    check_resource(notice.after.body)
    assert notice.operation == "create"
    assert spoken(notice) == golden("reversal.txt")
    assert [coding["code"] for coding in notice.after.body["code"]["coding"]] == [
        "conclusion-reversed",
        "no-evidence-of-inactivation",
    ]
    assert notice.after.body["category"][0]["coding"][0]["code"] == "safety"
    assert [(c.operation, c.after.topic) for c in changes if c.after.kind == "flag" and c is not notice] == [
        ("close", "inactivation")
    ]


def test_a_correction_that_came_first_raises_nothing(ledger: Any, story: Make, make: SimpleNamespace) -> None:
    assert notices(ledger.reads(*story(GOOD, make.sample("0.45", status="corrected")), FIRST)) == []


def test_a_correction_that_leaves_the_verdict_raises_nothing(ledger: Any, story: Make, make: SimpleNamespace) -> None:
    ledger.reads(*story(LOST, make.sample("0.05")), FIRST)
    assert notices(ledger.reads(*story(LOST, make.sample("0.06", status="corrected")), SECOND)) == []


def test_a_new_fact_that_changes_the_verdict_raises_nothing(ledger: Any, story: Make, make: SimpleNamespace) -> None:
    sample = make.sample("0.05")
    ledger.reads(*story(LOST, sample), FIRST)
    second = make.sample("<0.03", key="L2")
    confirmed = story(("confirmed-silent-inactivation", "inadequate"), sample, second)
    assert notices(ledger.reads(*confirmed, SECOND)) == []
    reacted = story(("neutralizing-hypersensitivity", "inadequate"), sample, second, reactions=(make.reaction(),))
    assert notices(ledger.reads(*reacted, SECOND)) == []


def test_a_final_after_a_preliminary_raises_nothing(ledger: Any, story: Make, make: SimpleNamespace) -> None:
    final = make.sample("0.45")
    both = story(GOOD, final, make.sample("0.01", key="L2", status="preliminary"))
    ledger.reads(*both, FIRST)
    assert notices(ledger.reads(*story(LOST, final, make.sample("0.01", key="L2")), SECOND)) == []


@pytest.mark.parametrize("verdict", [("not-assessable", "indeterminate"), ("reaction-unresolved", "no-result")])
def test_an_open_question_that_is_answered_is_no_reversal(
    ledger: Any, story: Make, make: SimpleNamespace, verdict: tuple[str, str]
) -> None:
    ledger.reads(*story(verdict, make.sample("0.05"), reactions=(make.reaction(),)), FIRST)
    assert notices(ledger.reads(*story(LOST, make.sample("0.04", status="corrected")), SECOND)) == []


def test_a_retracted_reaction_turns_the_verdict(ledger: Any, story: Make, make: SimpleNamespace) -> None:
    sample = make.sample("0.05")
    ledger.reads(*story(("neutralizing-hypersensitivity", "inadequate"), sample, reactions=(make.reaction(),)), FIRST)
    changes = ledger.reads(*story(LOST, sample), SECOND)
    assert [(c.operation, c.after.topic) for c in changes if c.after.kind == "flag"] == [
        ("create", "inactivation"),
        ("create", "conclusion-reversed"),
        ("retract", "neutralizing-hypersensitivity"),
    ]


def test_a_withdrawn_result_leaves_a_notice_that_no_level_is_known(
    ledger: Any, story: Make, make: SimpleNamespace
) -> None:
    ledger.reads(*story(LOST, make.sample("0.05")), FIRST)
    withdrawn = make.history(doses=(make.dose(),), withdrawn=frozenset({f"play|{make.sample().key}"}))
    changes = ledger.reads(make.interpretation(), withdrawn, FIRST + timedelta(minutes=20))
    (notice,) = notices(changes)
    assert spoken(notice) == golden("reversal_withdrawn.txt")
    assert "extension" in notice.after.body
    assert len(notice.after.body["extension"]) == 1
    assert sorted((c.operation, c.after.kind) for c in changes) == [
        ("create", "flag"),
        ("retract", "activity"),
        ("retract", "flag"),
        ("retract", "interpretation"),
    ]


def test_a_notice_stands_for_fourteen_days_and_then_closes(ledger: Any, story: Make, make: SimpleNamespace) -> None:
    ledger.reads(*story(LOST, make.sample("0.05")), FIRST)
    good = story(GOOD, make.sample("0.45", status="corrected"))
    ledger.reads(*good, SECOND)
    end = SECOND + timedelta(days=14)
    assert closing_times(ledger.written.values()) == end
    assert ledger.reads(*good, SECOND + timedelta(minutes=1)) == []
    assert ledger.reads(*good, end - timedelta(seconds=1)) == []
    (closed,) = ledger.reads(*good, end)
    assert (closed.operation, closed.after.topic) == ("close", "conclusion-reversed")
    assert closing_times(ledger.written.values()) is None
    assert ledger.reads(*good, end + timedelta(days=1)) == []


def test_a_second_reversal_joins_the_first_and_hides_nothing(ledger: Any, story: Make, make: SimpleNamespace) -> None:
    ledger.reads(*story(LOST, make.sample("0.05")), FIRST)
    (first,) = notices(ledger.reads(*story(GOOD, make.sample("0.45", status="corrected")), SECOND))
    third = SECOND + timedelta(hours=1)
    (second,) = notices(ledger.reads(*story(LOST, make.sample("0.04", status="corrected")), third))
    assert (second.operation, second.reference) == ("update", first.reference)
    assert spoken(second) == golden("reversal_twice.txt")
    assert closing_times(ledger.written.values()) == third + timedelta(days=14)


def test_a_reversal_after_the_first_notice_has_closed_is_a_new_flag(
    ledger: Any, story: Make, make: SimpleNamespace
) -> None:
    ledger.reads(*story(LOST, make.sample("0.05")), FIRST)
    good = story(GOOD, make.sample("0.45", status="corrected"))
    (first,) = notices(ledger.reads(*good, SECOND))
    ledger.reads(*good, SECOND + timedelta(days=14))
    lost = story(LOST, make.sample("0.04", status="corrected"))
    (second,) = notices(ledger.reads(*lost, SECOND + timedelta(days=15)))
    assert (second.operation, second.reference != first.reference) == ("create", True)
    assert "(0.05 IU/mL)" not in spoken(second)
    (third,) = notices(ledger.reads(*good, SECOND + timedelta(days=16)))
    assert (third.operation, third.reference) == ("update", second.reference)
    assert third.after.body["code"]["text"].endswith(
        "Before: No evidence of inactivation, activity adequate (0.45 IU/mL); "
        "now: No evidence of inactivation, activity adequate (0.45 IU/mL)."
    )


def test_a_dose_recorded_as_not_done_is_not_named(ledger: Any, story: Make, make: SimpleNamespace) -> None:
    ledger.reads(*story(LOST, make.sample("0.05")), FIRST)
    interpretation, history = story(
        GOOD,
        make.sample("0.45", status="corrected"),
        later=(make.dose("d2", "2025-03-13T10:00:00+00:00", status="not-done"),),
    )
    not_done = replace(history, withdrawn=frozenset({"play|MedicationAdministration/d2"}))
    (notice,) = notices(ledger.reads(interpretation, not_done, SECOND))
    assert notice.after.body["text"]["div"].endswith(
        "No asparaginase dose is recorded from 2025-03-12T12:00:00Z to 2025-03-14T09:00:00Z.</p></div>"
    )
