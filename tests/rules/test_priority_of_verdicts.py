"""How urgent a verdict is, alone and once later doses of its family are judged (CONTRACTS 4)."""

from __future__ import annotations

import pytest

from adapter.rules.priority import Verdict, priority_of, priority_of_unlinked

SUSPECTED = "suspected-silent-inactivation"
CONFIRMED = "confirmed-silent-inactivation"
NEUTRALIZING = "neutralizing-hypersensitivity"
MAYBE_NEUTRALIZING = "suspected-neutralizing-hypersensitivity"
UNRESOLVED = "reaction-unresolved"
PRESERVED = "reaction-activity-preserved"
BELOW = "below-target-not-inactivation"
GOOD = "no-evidence-of-inactivation"
OPEN = "not-assessable"


def verdict(exposure="adequate", mechanism=GOOD, monitoring="complete", **parts):
    known = {"modifiers": (), "rules": ("D16",), "severe": False, "reacted_before": False, **parts}
    return Verdict(exposure=exposure, mechanism=mechanism, monitoring=monitoring, **{"severe_unlinked": False, **known})


ADEQUATE = verdict()
ABOVE_BAND = verdict("above-band")
LOW = verdict("inadequate", BELOW)
NO_LEVEL = verdict("no-result", OPEN, "not-due")
UNREAD = verdict("indeterminate", GOOD, "due")


@pytest.mark.parametrize("mechanism", [SUSPECTED, CONFIRMED, NEUTRALIZING, MAYBE_NEUTRALIZING])
@pytest.mark.parametrize(
    ("later", "priority"),
    [
        ((), "P1"),
        ((NO_LEVEL,), "P1"),
        ((UNREAD,), "P1"),
        ((LOW,), "P1"),
        ((ADEQUATE,), None),
        ((ABOVE_BAND,), None),
        ((NO_LEVEL, ADEQUATE, LOW), None),
    ],
)
def test_an_inactivation_is_urgent_until_a_later_dose_is_adequate(mechanism, later, priority):
    assert priority_of(verdict("inadequate", mechanism), later) == priority


@pytest.mark.parametrize(
    ("mechanism", "later"),
    [(SUSPECTED, SUSPECTED), (SUSPECTED, CONFIRMED), (NEUTRALIZING, NEUTRALIZING), (NEUTRALIZING, MAYBE_NEUTRALIZING)],
)
def test_a_later_dose_that_is_inactivated_itself_closes_nothing_though_one_level_was_adequate(mechanism, later):
    assert priority_of(verdict("inadequate", mechanism), [verdict("adequate", later)]) == "P1"


@pytest.mark.parametrize("later", [(), (ADEQUATE,), (LOW,)])
def test_a_severe_reaction_is_urgent_whatever_the_level_and_whatever_follows(later):
    assert priority_of(verdict("adequate", "severe-reaction-activity-preserved", severe=True), later) == "P1"


@pytest.mark.parametrize(
    ("own", "later", "priority"),
    [
        ({}, (), "P1"),
        ({}, (NO_LEVEL, UNREAD), "P1"),
        ({}, (verdict("inadequate", UNRESOLVED),), "P1"),
        ({}, (ADEQUATE,), None),
        ({}, (LOW,), None),
        # What asks for a level or for a check of the data stays as urgent as the reaction that waits for it.
        ({"monitoring": "sample-overdue"}, (ADEQUATE,), "P1"),
        ({"monitoring": "result-overdue"}, (ADEQUATE,), "P1"),
        ({"monitoring": "missed"}, (ADEQUATE,), None),
        ({"modifiers": ("unit-suspect",)}, (ADEQUATE,), "P1"),
        ({"rules": ("D3",)}, (ADEQUATE,), "P1"),
    ],
)
def test_an_open_reaction_is_urgent_until_a_later_dose_is_judged(own, later, priority):
    assert priority_of(verdict(**{"exposure": "indeterminate", "mechanism": UNRESOLVED, **own}), later) == priority


@pytest.mark.parametrize(
    ("monitoring", "premedicated", "reacted_before", "priority"),
    [
        ("sample-overdue", True, True, "P1"),
        ("result-overdue", True, True, "P1"),
        ("sample-overdue", True, False, "P2"),
        ("sample-overdue", False, True, "P2"),
        ("result-overdue", False, False, "P2"),
        ("missed", True, True, None),
        ("due", True, True, None),
        ("confirmation-due", True, True, None),
        (None, True, True, None),
    ],
)
def test_an_overdue_level_is_urgent_where_premedication_may_hide_another_reaction(
    monitoring, premedicated, reacted_before, priority
):
    own = {"modifiers": ("premedicated",) if premedicated else (), "reacted_before": reacted_before}
    assert priority_of(verdict("no-result", OPEN, monitoring, **own), ()) == priority


@pytest.mark.parametrize(
    ("exposure", "later", "priority"),
    [
        ("no-result", (), "P1"),
        ("no-result", (NO_LEVEL, UNREAD), "P1"),
        ("no-result", (LOW,), None),
        ("no-result", (ADEQUATE, NO_LEVEL), None),
        ("adequate", (), None),
    ],
)
def test_a_dose_after_an_established_inactivation_is_urgent_until_a_level(exposure, later, priority):
    own = verdict(exposure, OPEN, "not-due", modifiers=("prior-inactivation",))
    assert priority_of(own, later) == priority


@pytest.mark.parametrize(
    ("own", "later", "priority"),
    [
        (LOW, (), "P2"),
        (LOW, (NO_LEVEL, UNREAD), "P2"),
        (LOW, (LOW,), "P2"),
        (LOW, (verdict("indeterminate", BELOW),), "P2"),
        (LOW, (verdict("adequate", BELOW),), None),
        (LOW, (ADEQUATE,), None),
        (LOW, (LOW, ADEQUATE), None),
        (verdict("adequate", PRESERVED), (), "P2"),
        (verdict("inadequate", PRESERVED), (), "P2"),
        (verdict("adequate", PRESERVED), (verdict("adequate", PRESERVED),), "P2"),
        (verdict("adequate", PRESERVED), (verdict("inadequate", PRESERVED),), "P2"),
        (verdict("adequate", PRESERVED), (NO_LEVEL,), "P2"),
        (verdict("adequate", PRESERVED), (ADEQUATE,), None),
        (verdict("adequate", PRESERVED), (LOW,), None),
        # Written, and no Flag: outside a window below the target says little.
        (verdict("indeterminate", BELOW), (), "P3"),
        (verdict("indeterminate", BELOW), (ADEQUATE,), "P3"),
        (verdict("adequate", BELOW), (), None),
        (verdict("inadequate", GOOD), (), None),
        (ADEQUATE, (), None),
    ],
)
def test_a_question_below_target_or_a_mild_reaction_stands_until_a_later_dose_is_read_otherwise(own, later, priority):
    assert priority_of(own, later) == priority


@pytest.mark.parametrize(
    ("own", "priority"),
    [
        *(
            ({"modifiers": (code,)}, "P2")
            for code in (
                "unit-suspect",
                "unit-missing",
                "value-unreadable",
                "discordant",
                "no-dose-known",
                "product-ambiguous",
                "sample-time-missing",
            )
        ),
        ({"modifiers": ("near-threshold", "date-only")}, None),
        ({"rules": ("D3", "D3")}, "P2"),
        ({"rules": ("D3", "D16"), "exposure": "adequate"}, None),
        ({"severe_unlinked": True}, "P2"),
    ],
)
def test_data_to_be_checked_and_a_severe_record_beside_the_dose_are_questions(own, priority):
    assert priority_of(verdict(**{"exposure": "indeterminate", "mechanism": OPEN, **own}), ()) == priority


@pytest.mark.parametrize(("waiting", "priority"), [(True, "P1"), (False, "P2")])
def test_a_sample_without_a_dose_is_urgent_while_a_reaction_waits(waiting, priority):
    assert priority_of_unlinked(reaction_open=waiting) == priority
