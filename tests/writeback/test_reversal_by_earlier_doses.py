"""Reversal notices about a dose that was read in the light of an earlier one, whose facts went away or changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from adapter.domain.outputs import Change

Make = Callable[..., Any]
FIRST = datetime(2025, 3, 25, 12, 0, tzinfo=UTC)
SECOND = FIRST + timedelta(hours=22)
SUSPECTED = ("suspected-silent-inactivation", "inadequate")
CONFIRMED = ("confirmed-silent-inactivation", "inadequate")
NEUTRALIZED = ("neutralizing-hypersensitivity", "inadequate")
NO_LEVEL = ("not-assessable", "no-result")
OF_FIRST = "(earlier dose of pegaspargase 2025-03-03T10:00:00+00:00)"


@pytest.fixture
def two_doses(make: SimpleNamespace) -> Make:
    """(interpretation, history) of two doses, the second read in the light of the first."""

    def of(
        first: tuple[str, str] | None,
        second: tuple[str, str],
        *,
        sample: Any = None,
        reactions: tuple[Any, ...] = (),
        withdrawn: tuple[str, ...] = (),
        more: tuple[Any, ...] = (),
    ) -> Any:
        early, late = make.dose(), make.dose("d2", "2025-03-17T10:00:00+00:00")
        late_samples = (make.sample("<0.03", key="L2"), *more)
        own = () if sample is None else (sample,)
        findings = [] if first is None else [make.finding(*first, dose=early, samples=own, reactions=reactions)]
        told = {"earlier_in_family": [{"dose": f"play|{early.key}"}]} if first else {}
        findings.append(make.finding(*second, dose=late, samples=late_samples, evidence=told))
        history = make.history(
            doses=(early, late) if first else (late,),
            samples=(*own, *late_samples),
            reactions=reactions,
            withdrawn=frozenset(withdrawn),
        )
        return make.interpretation(*findings), history

    return of


def notices(changes: list[Change]) -> dict[str, str]:
    """What each notice says in a list, by the start of its dose."""
    return {
        change.after.verdict["of"][:10]: change.after.body["code"]["text"]
        for change in changes
        if change.after.topic == "conclusion-reversed" and change.after.verdict
    }


def test_a_withdrawn_result_of_the_first_dose_reverses_the_confirmation_on_the_second(
    ledger: Any, two_doses: Make, make: SimpleNamespace
) -> None:
    sample = make.sample("<0.03")
    ledger.reads(*two_doses(SUSPECTED, CONFIRMED, sample=sample), FIRST)
    after = two_doses(NO_LEVEL, SUSPECTED, withdrawn=(f"play|{sample.key}",))
    lost = "Suspected silent inactivation, activity inadequate (<0.03 IU/mL)"
    assert notices(ledger.reads(*after, SECOND)) == {
        "2025-03-03": (
            "2025-03-26T10:00:00Z: an earlier conclusion was reversed, because the result was withdrawn. "
            f"Before: {lost}; now: no level is known for this dose."
        ),
        "2025-03-17": (
            f"2025-03-26T10:00:00Z: an earlier conclusion was reversed, because the result was withdrawn {OF_FIRST}. "
            f"Before: Confirmed silent inactivation, activity inadequate (<0.03 IU/mL); now: {lost}."
        ),
    }
    assert ledger.reads(*after, SECOND + timedelta(hours=1)) == []


def test_a_retracted_reaction_to_the_first_dose_reverses_the_suspicion_on_the_second(
    ledger: Any, two_doses: Make, make: SimpleNamespace
) -> None:
    sample, reaction = make.sample("<0.03"), make.reaction()
    ledger.reads(*two_doses(NEUTRALIZED, SUSPECTED, sample=sample, reactions=(reaction,)), FIRST)
    after = two_doses(SUSPECTED, CONFIRMED, sample=sample, withdrawn=(f"play|{reaction.key}",))
    said = notices(ledger.reads(*after, SECOND))
    assert said["2025-03-17"] == (
        "2025-03-26T10:00:00Z: an earlier conclusion was reversed, because the reaction record was marked entered in "
        f"error {OF_FIRST}. Before: Suspected silent inactivation, activity inadequate (<0.03 IU/mL); now: Confirmed "
        "silent inactivation, activity inadequate (<0.03 IU/mL)."
    )
    assert sorted(said) == ["2025-03-03", "2025-03-17"]


def test_a_first_dose_entered_in_error_reverses_the_confirmation_on_the_second(
    ledger: Any, two_doses: Make, make: SimpleNamespace
) -> None:
    sample = make.sample("<0.03")
    ledger.reads(*two_doses(SUSPECTED, CONFIRMED, sample=sample), FIRST)
    interpretation, history = two_doses(None, SUSPECTED)
    lone = make.finding("not-assessable", "indeterminate", samples=(sample,), modifiers=("no-dose-known",))
    after = (
        replace(interpretation, unlinked=(lone,)),
        replace(
            history,
            samples=(sample, *history.samples),
            withdrawn=frozenset({"play|MedicationAdministration/d1"}),
        ),
    )
    said = notices(ledger.reads(*after, SECOND))
    assert said["2025-03-03"].endswith("now: the dose no longer stands, its sample is read without it.")
    assert "because the dose record was marked entered in error." in said["2025-03-03"]
    assert f"because the dose record was marked entered in error {OF_FIRST}." in said["2025-03-17"]
    assert ledger.reads(*after, SECOND + timedelta(hours=1)) == []


def test_a_new_sample_of_the_second_dose_is_no_reversal_after_an_old_correction_of_the_first(
    ledger: Any, two_doses: Make, make: SimpleNamespace
) -> None:
    ledger.reads(*two_doses(SUSPECTED, SUSPECTED, sample=make.sample("0.05")), FIRST)
    corrected = make.sample("0.06", status="corrected")
    assert notices(ledger.reads(*two_doses(SUSPECTED, SUSPECTED, sample=corrected), SECOND)) == {}
    more = two_doses(SUSPECTED, CONFIRMED, sample=corrected, more=(make.sample("0.01", key="L3"),))
    assert notices(ledger.reads(*more, SECOND + timedelta(hours=1))) == {}


def test_the_facts_of_an_earlier_dose_are_no_grounds_of_the_flag_of_a_later_one(
    ledger: Any, two_doses: Make, make: SimpleNamespace
) -> None:
    sample = make.sample("0.45")
    good = ("no-evidence-of-inactivation", "adequate")
    ledger.reads(*two_doses(good, SUSPECTED, sample=sample), FIRST)
    after = two_doses(NO_LEVEL, good, withdrawn=(f"play|{sample.key}",))
    ended = [(change.operation, change.after.topic) for change in ledger.reads(*after, SECOND) if change.after.topic]
    assert ("close", "inactivation") in ended


def test_an_earlier_dose_without_an_interpretation_gives_no_cause(
    ledger: Any, two_doses: Make, make: SimpleNamespace
) -> None:
    interpretation, history = two_doses(NO_LEVEL, SUSPECTED)
    first, second = interpretation.findings
    silent = make.interpretation(replace(first, monitoring="not-due"), second)
    ledger.reads(silent, history, FIRST)
    better = replace(second, mechanism="no-evidence-of-inactivation", exposure="adequate")
    corrected = replace(history, samples=(make.sample("0.4", key="L2", status="corrected"),))
    after = (make.interpretation(silent.findings[0], better), corrected)
    assert notices(ledger.reads(*after, SECOND)) == {
        "2025-03-17": (
            "2025-03-26T10:00:00Z: an earlier conclusion was reversed, because the result was corrected from <0.03 "
            "IU/mL to 0.4 IU/mL. Before: Suspected silent inactivation, activity inadequate (<0.03 IU/mL); now: No "
            "evidence of inactivation, activity adequate (<0.03 IU/mL)."
        )
    }
