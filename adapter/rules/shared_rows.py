"""The rows every decision table has: unclear values, times no low can be read at, and good levels after a reaction."""

from __future__ import annotations

from adapter.rules.conditions import (
    BEFORE_THE_WINDOW,
    JUDGED_LOW,
    LOW,
    NO_REACTION,
    NOT_FULL,
    NOT_SEVERE,
    REACHED,
    REACTION,
    SEVERE,
    STRADDLES,
    TOO_EARLY_FOR_A_LOW,
    TOO_LATE_FOR_A_LOW,
    TOO_LITTLE,
    WINDOW_OR_LATER,
)
from adapter.rules.row import Rule, row

UNRESOLVED = ("indeterminate", "reaction-unresolved")
NO_VERDICT = ("indeterminate", "not-assessable")
BELOW_TARGET = ("inadequate", "below-target-not-inactivation")

UNCLEAR_VALUE: tuple[Rule, ...] = (
    row("D3", NO_REACTION, STRADDLES, says=NO_VERDICT),
    row("D3", REACTION, STRADDLES, says=UNRESOLVED),
)
NO_READING_YET = row("D3c", NO_REACTION, LOW, TOO_EARLY_FOR_A_LOW, says=NO_VERDICT)
NO_READING_ANY_MORE: tuple[Rule, ...] = (
    row("D3d", REACTION, LOW, TOO_LATE_FOR_A_LOW, says=UNRESOLVED),
    row("D18b", NO_REACTION, LOW, TOO_LATE_FOR_A_LOW, says=NO_VERDICT),
)
GOOD_AFTER_A_REACTION: tuple[Rule, ...] = (
    row("D8", SEVERE, REACHED, WINDOW_OR_LATER, says=("adequate", "severe-reaction-activity-preserved")),
    row("D9", NOT_SEVERE, REACHED, WINDOW_OR_LATER, says=("adequate", "reaction-activity-preserved")),
    row("D10", REACTION, REACHED, BEFORE_THE_WINDOW, says=UNRESOLVED),
)
GOOD_BUT_EARLY = row(
    "D17", NO_REACTION, REACHED, BEFORE_THE_WINDOW, says=("indeterminate", "no-evidence-of-inactivation")
)
TOO_LITTLE_GIVEN: tuple[Rule, ...] = (
    row("D6", REACTION, TOO_LITTLE, JUDGED_LOW, says=UNRESOLVED),
    row("D15", NO_REACTION, NOT_FULL, JUDGED_LOW, says=BELOW_TARGET),
)
