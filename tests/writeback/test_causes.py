"""Why a conclusion changed: one clause per fact, with both values."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from adapter.domain.times import iso_moment
from adapter.writeback.causes import additions, corrections, dose_named
from adapter.writeback.facts import prints

LATER = "2025-03-04T10:00:00+00:00"


@pytest.mark.parametrize(
    ("changes", "clause"),
    [
        ({"started": iso_moment(LATER)}, f"the dose time changed from 2025-03-03T10:00:00+00:00 to {LATER}"),
        ({"ended": iso_moment(LATER)}, f"the end of the dose changed from unknown to {LATER}"),
        ({"product": "calaspargase"}, "the product of the dose changed from pegaspargase to calaspargase"),
        ({"amount": 500}, "the amount of the dose changed from 2500 IU to 500 IU"),
        ({"ordered_amount": 5000}, "the ordered amount of the dose changed from unknown to 5000 IU"),
        ({"route": "IM"}, "the route of the dose changed from IV to IM"),
        ({"status": "stopped"}, "the status of the dose changed from completed to stopped"),
        ({"status": "on-hold"}, "the status of the dose changed from completed to on-hold"),
        ({"status": "not-done"}, "the dose record was marked not done"),
    ],
)
def test_a_changed_dose_is_told_with_both_values(make: SimpleNamespace, changes: dict[str, Any], clause: str) -> None:
    before = prints([f"play|{make.dose().key}"], make.history(doses=(make.dose(),)))
    assert corrections(before, make.history(doses=(replace(make.dose(), **changes),))) == (clause,)


@pytest.mark.parametrize(
    ("changes", "clause"),
    [
        ({"verification": "refuted"}, "the verification of the reaction changed from confirmed to refuted"),
        ({"grade": 3}, "the grade of the reaction changed from 2 to 3"),
        ({"severity": "severe"}, "the severity of the reaction changed from unknown to severe"),
        ({"concepts": ("anaphylaxis",)}, "the manifestations of the reaction changed from urticaria to anaphylaxis"),
        ({"occurred": iso_moment("2025-03-03")}, "the time of the reaction changed from unknown to 2025-03-03"),
    ],
)
def test_a_changed_reaction_is_told_with_both_values(
    make: SimpleNamespace, changes: dict[str, Any], clause: str
) -> None:
    before = prints([f"play|{make.reaction().key}"], make.history(reactions=(make.reaction(),)))
    assert corrections(before, make.history(reactions=(make.reaction(**changes),))) == (clause,)


@pytest.mark.parametrize(
    ("text", "changes", "clause"),
    [
        ("0.45", {}, "the result was corrected from <0.03 IU/mL to 0.45 IU/mL"),
        ("not detected", {}, "the result was corrected from <0.03 IU/mL to not detected"),
        ("0.1-0.2", {}, "the result was corrected from <0.03 IU/mL to 0.1-0.2 IU/mL"),
        (
            "<0.03",
            {"collected": iso_moment("2025-03-11")},
            "the collection time of the result changed from 2025-03-10T11:30:00+00:00 to 2025-03-11",
        ),
        ("0.45", {"status": "preliminary"}, "the result is no longer final"),
    ],
)
def test_a_changed_result_is_told_with_both_values(
    make: SimpleNamespace, text: str, changes: dict[str, Any], clause: str
) -> None:
    first = make.sample("<0.03")
    before = prints([f"play|{first.key}"], make.history(samples=(first,)))
    assert corrections(before, make.history(samples=(make.sample(text, **changes),))) == (clause,)


def test_what_is_gone_is_told_by_its_kind(make: SimpleNamespace) -> None:
    facts = (make.dose(), make.sample(), make.reaction())
    names = [f"play|{fact.key}" for fact in facts]
    before = prints(names, make.history(doses=facts[:1], samples=facts[1:2], reactions=facts[2:]))
    assert corrections(before, make.history(withdrawn=frozenset(names))) == (
        "the reaction record was marked entered in error",
        "the result was withdrawn",
        "the dose record was marked entered in error",
    )


def test_what_is_another_patients_now_is_not_called_withdrawn(make: SimpleNamespace) -> None:
    facts = (make.dose(), make.sample(), make.reaction())
    history = make.history(doses=facts[:1], samples=facts[1:2], reactions=facts[2:])
    before = prints([f"play|{fact.key}" for fact in facts], history)
    assert corrections(before, make.history()) == (
        "the reaction record is no longer this patient's",
        "the result is no longer this patient's",
        "the dose record is no longer this patient's",
    )


def test_a_reaction_row_that_left_its_record_is_not_called_entered_in_error(make: SimpleNamespace) -> None:
    second = make.reaction("AllergyIntolerance/a1/2")
    before = prints([f"play|{second.key}"], make.history(reactions=(make.reaction(), second)))
    left = make.history(reactions=(make.reaction(),), withdrawn=frozenset({f"play|{second.key}"}))
    assert corrections(before, left) == ("the reaction was taken out of its record",)


def test_equal_facts_have_no_cause_and_new_ones_are_told(make: SimpleNamespace) -> None:
    history = make.history(doses=(make.dose(),), samples=(make.sample("0.50"),), reactions=(make.reaction(),))
    known = prints([f"play|{fact.key}" for fact in (make.dose(), make.sample(), make.reaction())], history)
    assert corrections(known, history) == ()
    assert additions(known, known) == ()
    assert additions({}, known) == (
        "a reaction record was received",
        "a result of 0.50 IU/mL was received",
        "a dose record was received",
    )


def test_a_dose_in_progress_says_nothing_yet(make: SimpleNamespace) -> None:
    running = make.dose(status="in-progress")
    assert prints([f"play|{running.key}"], make.history(doses=(running,))) == {}


def test_a_dose_is_named_by_product_and_start(make: SimpleNamespace) -> None:
    timeless = replace(make.dose(), started=None)
    assert dose_named(prints([f"play|{timeless.key}"], make.history(doses=(timeless,)))) == "pegaspargase"
    assert dose_named({}) == ""
