"""A reversal notice that stands follows the present conclusion, whatever changes it, and tells every date."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from adapter.domain.outputs import Change
from adapter.writeback.difference import closing_times

Make = Callable[..., Any]
FIRST = datetime(2025, 3, 10, 18, 0, tzinfo=UTC)
SECOND = FIRST + timedelta(hours=16)
THIRD = SECOND + timedelta(hours=24)
GOOD = ("no-evidence-of-inactivation", "adequate")
LOST = ("suspected-silent-inactivation", "inadequate")
OPENING = "<p>An earlier conclusion was reversed. "


def notices(changes: list[Change]) -> list[Change]:
    return [change for change in changes if change.after.topic == "conclusion-reversed"]


def told(notice: Change) -> str:
    """The dated part of the narrative."""
    after = notice.after.body["text"]["div"].partition(OPENING)[2]
    return str(after.partition(" The first conclusion stood")[0])


def withdrawn_result(ledger: Any, story: Make, make: SimpleNamespace) -> Change:
    """A suspicion, then the withdrawal of its result."""
    ledger.reads(*story(LOST, make.sample("0.05")), FIRST)
    gone = make.history(doses=(make.dose(),), withdrawn=frozenset({f"play|{make.sample().key}"}))
    (notice,) = notices(ledger.reads(make.interpretation(), gone, SECOND))
    return notice


def test_a_new_result_after_a_withdrawal_is_the_present_conclusion(
    ledger: Any, story: Make, make: SimpleNamespace, check_resource: Make
) -> None:
    first = withdrawn_result(ledger, story, make)
    again = story(GOOD, make.sample("0.5"))
    (notice,) = notices(ledger.reads(*again, THIRD))
    check_resource(notice.after.body)
    assert (notice.operation, notice.reference) == ("update", first.reference)
    assert notice.after.body["code"]["text"] == (
        "2025-03-11T10:00:00Z: an earlier conclusion was reversed, because the result was withdrawn; then "
        "2025-03-12T10:00:00Z: a result of 0.5 IU/mL was received. Before: Suspected silent inactivation, activity "
        "inadequate (0.05 IU/mL); now: No evidence of inactivation, activity adequate (0.5 IU/mL)."
    )
    assert told(notice) == (
        "2025-03-10T18:00:00Z, before: Suspected silent inactivation, activity inadequate (0.05 IU/mL). "
        "2025-03-11T10:00:00Z, then, because the result was withdrawn: no level is known for this dose. "
        "2025-03-12T10:00:00Z, now, because a result of 0.5 IU/mL was received: "
        "No evidence of inactivation, activity adequate (0.5 IU/mL)."
    )
    assert [coding["code"] for coding in notice.after.body["code"]["coding"]] == [
        "conclusion-reversed",
        "no-evidence-of-inactivation",
    ]
    assert ledger.reads(*again, THIRD + timedelta(hours=1)) == []


def test_a_conclusion_that_is_back_as_it_was_closes_its_notice(ledger: Any, story: Make, make: SimpleNamespace) -> None:
    first = withdrawn_result(ledger, story, make)
    again = story(LOST, make.sample("0.05"))
    (notice,) = notices(ledger.reads(*again, THIRD))
    assert (notice.operation, notice.reference) == ("close", first.reference)
    assert closing_times(ledger.written.values()) is None
    assert notices(ledger.reads(*again, THIRD + timedelta(hours=1))) == []


def test_a_second_reversal_stands_though_it_leads_back(ledger: Any, story: Make, make: SimpleNamespace) -> None:
    ledger.reads(*story(LOST, make.sample("0.05")), FIRST)
    ledger.reads(*story(GOOD, make.sample("0.5", status="corrected")), SECOND)
    back = story(LOST, make.sample("0.05", status="corrected"))
    (notice,) = notices(ledger.reads(*back, THIRD))
    assert (notice.operation, notice.after.body["status"]) == ("update", "active")
    assert notices(ledger.reads(*back, THIRD + timedelta(hours=1))) == []


def test_following_the_present_conclusion_does_not_lengthen_a_notice(
    ledger: Any, story: Make, make: SimpleNamespace
) -> None:
    withdrawn_result(ledger, story, make)
    again = story(GOOD, make.sample("0.5"))
    ledger.reads(*again, THIRD)
    end = SECOND + timedelta(days=14)
    assert closing_times(ledger.written.values()) == end
    assert ledger.reads(*again, end - timedelta(seconds=1)) == []
    (closed,) = ledger.reads(*again, end)
    assert (closed.operation, closed.after.topic) == ("close", "conclusion-reversed")


def test_a_dose_that_goes_too_is_told(ledger: Any, story: Make, make: SimpleNamespace) -> None:
    withdrawn_result(ledger, story, make)
    gone = frozenset({f"play|{make.sample().key}", f"play|{make.dose().key}"})
    (notice,) = notices(ledger.reads(make.interpretation(), make.history(withdrawn=gone), THIRD))
    assert told(notice).endswith(
        "2025-03-12T10:00:00Z, now, because the dose record was marked entered in error: nothing is left."
    )


def test_a_further_record_that_changes_the_conclusion_is_told(ledger: Any, story: Make, make: SimpleNamespace) -> None:
    ledger.reads(*story(GOOD, make.sample("0.45")), FIRST)
    low = make.sample("0.045", status="corrected")
    ledger.reads(*story(LOST, low), SECOND)
    reacted = story(("neutralizing-hypersensitivity", "inadequate"), low, reactions=(make.reaction(),))
    (notice,) = notices(ledger.reads(*reacted, THIRD))
    assert told(notice).endswith(
        "now, because a reaction record was received: Neutralizing hypersensitivity, activity inadequate (0.045 IU/mL)."
    )
    unexplained = story(("reaction-unresolved", "indeterminate"), low, reactions=(make.reaction(),))
    (notice,) = notices(ledger.reads(*unexplained, THIRD + timedelta(hours=1)))
    assert "now, because a further record was read: Reaction without a usable level" in told(notice)


def test_another_value_with_the_same_conclusion_is_told(ledger: Any, story: Make, make: SimpleNamespace) -> None:
    ledger.reads(*story(LOST, make.sample("0.05")), FIRST)
    ledger.reads(*story(GOOD, make.sample("0.45", status="corrected")), SECOND)
    (notice,) = notices(ledger.reads(*story(GOOD, make.sample("0.46", status="corrected")), THIRD))
    assert notice.after.body["code"]["text"].endswith("activity adequate (0.46 IU/mL).")
    assert closing_times(ledger.written.values()) == SECOND + timedelta(days=14)


def test_a_notice_keeps_its_key_when_the_family_of_the_dose_changes(
    ledger: Any, story: Make, make: SimpleNamespace
) -> None:
    ledger.reads(*story(LOST, make.sample("0.05")), FIRST)
    (first,) = notices(ledger.reads(*story(GOOD, make.sample("0.45", status="corrected")), SECOND))
    interpretation, history = story(LOST, make.sample("0.04", status="corrected"))
    (finding,) = interpretation.findings
    erwinia = replace(finding, dose=replace(finding.dose, family="erwinia"))
    changed = (replace(interpretation, findings=(erwinia,)), history)
    (second,) = notices(ledger.reads(*changed, THIRD))
    assert second.reference == first.reference
    assert notices(ledger.reads(*changed, THIRD + timedelta(hours=1))) == []


def test_one_of_two_records_of_a_reaction_turns_the_verdict(ledger: Any, story: Make, make: SimpleNamespace) -> None:
    sample, mild, grave = make.sample("0.45"), make.reaction(), make.reaction("AllergyIntolerance/a2/1", grade=3)
    both = story(("severe-reaction-activity-preserved", "adequate"), sample, reactions=(mild, grave))
    (finding,) = both[0].findings
    one_event = replace(
        finding.reactions[0], severe=True, records=(f"play|{mild.key}", f"play|{grave.key}"), source="play"
    )
    ledger.reads(make.interpretation(replace(finding, reactions=(one_event,))), both[1], FIRST)
    interpretation, history = story(("reaction-activity-preserved", "adequate"), sample, reactions=(mild,))
    left = replace(history, withdrawn=frozenset({f"play|{grave.key}"}))
    (notice,) = notices(ledger.reads(interpretation, left, SECOND))
    assert "because the reaction record was marked entered in error." in notice.after.body["code"]["text"]
