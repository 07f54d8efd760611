"""The decision table of rulebook 2.8 for pegylated and native E. coli asparaginases, as the rulings change it."""

from __future__ import annotations

from adapter.rules.conditions import (
    CONFIRMED_RECORD,
    EXPLICABLE_LOW,
    FULL,
    INSIDE_A_WINDOW,
    JUDGED_LOW,
    KEPT_IN_A_WINDOW,
    LOSS_OF_ACTIVITY,
    LOW,
    NO_REACTION,
    NOT_KEPT_IN_A_WINDOW,
    NOT_PROVISIONAL_NIL,
    NOT_SEVERE,
    OUTSIDE_THE_WINDOWS,
    PARTIAL,
    PROVISIONAL_NIL,
    REACHED,
    REACTION,
    SEVERE,
    TOO_EARLY_FOR_A_LOW,
    UNCONFIRMED_RECORD,
    WINDOW_OR_LATER,
)
from adapter.rules.row import Rule, row
from adapter.rules.shared_rows import (
    BELOW_TARGET,
    GOOD_AFTER_A_REACTION,
    GOOD_BUT_EARLY,
    NO_READING_ANY_MORE,
    NO_READING_YET,
    TOO_LITTLE_GIVEN,
    UNCLEAR_VALUE,
    UNRESOLVED,
)

NEUTRALIZING = ("inadequate", "neutralizing-hypersensitivity")
SUSPECTED_NEUTRALIZING = ("inadequate", "suspected-neutralizing-hypersensitivity")

LOW_AFTER_A_REACTION: tuple[Rule, ...] = (
    row("D4a", UNCONFIRMED_RECORD, FULL, LOSS_OF_ACTIVITY, says=NEUTRALIZING),
    row("D4", CONFIRMED_RECORD, FULL, LOSS_OF_ACTIVITY, says=NEUTRALIZING),
    row("D4b", REACTION, FULL, EXPLICABLE_LOW, NOT_KEPT_IN_A_WINDOW, says=SUSPECTED_NEUTRALIZING),
    row("D5", REACTION, PARTIAL, JUDGED_LOW, says=SUSPECTED_NEUTRALIZING),
)
LOW_AFTER_A_GOOD_LEVEL: tuple[Rule, ...] = (
    row(
        *("D8", SEVERE, FULL, EXPLICABLE_LOW, KEPT_IN_A_WINDOW, INSIDE_A_WINDOW),
        says=("inadequate", "severe-reaction-activity-preserved"),
    ),
    row(
        *("D8", SEVERE, FULL, EXPLICABLE_LOW, KEPT_IN_A_WINDOW, OUTSIDE_THE_WINDOWS),
        says=("indeterminate", "severe-reaction-activity-preserved"),
    ),
    row(
        *("D9", NOT_SEVERE, FULL, EXPLICABLE_LOW, KEPT_IN_A_WINDOW, INSIDE_A_WINDOW),
        says=("inadequate", "reaction-activity-preserved"),
    ),
    row(
        *("D9", NOT_SEVERE, FULL, EXPLICABLE_LOW, KEPT_IN_A_WINDOW, OUTSIDE_THE_WINDOWS),
        says=("indeterminate", "reaction-activity-preserved"),
    ),
)
WITHOUT_A_REACTION: tuple[Rule, ...] = (
    row("D12", NO_REACTION, FULL, LOSS_OF_ACTIVITY, says=("inadequate", "suspected-silent-inactivation")),
    row("D14", NO_REACTION, FULL, EXPLICABLE_LOW, INSIDE_A_WINDOW, says=BELOW_TARGET),
    row("D16", NO_REACTION, REACHED, WINDOW_OR_LATER, says=("adequate", "no-evidence-of-inactivation")),
    row(
        *("D18", NO_REACTION, FULL, EXPLICABLE_LOW, OUTSIDE_THE_WINDOWS),
        says=("indeterminate", "below-target-not-inactivation"),
    ),
)
PROVISIONAL = row(
    *("D3b", REACTION, TOO_EARLY_FOR_A_LOW, PROVISIONAL_NIL),
    says=("indeterminate", "suspected-neutralizing-hypersensitivity"),
)

_ALWAYS: tuple[Rule, ...] = (
    *UNCLEAR_VALUE,
    NO_READING_YET,
    *NO_READING_ANY_MORE,
    *LOW_AFTER_A_REACTION,
    *LOW_AFTER_A_GOOD_LEVEL,
    *TOO_LITTLE_GIVEN,
    *GOOD_AFTER_A_REACTION,
    *WITHOUT_A_REACTION,
    GOOD_BUT_EARLY,
)
PEGYLATED: tuple[Rule, ...] = (
    *_ALWAYS,
    PROVISIONAL,
    row("D3c", REACTION, LOW, TOO_EARLY_FOR_A_LOW, NOT_PROVISIONAL_NIL, says=UNRESOLVED),
)
NATIVE: tuple[Rule, ...] = (
    *_ALWAYS,
    # Nothing measurable on the first day is read provisionally after pegylated products only (ruling 11).
    row("D3c", REACTION, LOW, TOO_EARLY_FOR_A_LOW, says=UNRESOLVED),
)
