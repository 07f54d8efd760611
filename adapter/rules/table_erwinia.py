"""The Erwinia table of rulebook 2.8 as ruling 12 reads it: a low at 72 h is expected decline, never inactivation."""

from __future__ import annotations

from adapter.rules.conditions import (
    BETWEEN_OR_AFTER,
    BETWEEN_THE_WINDOWS,
    BY_THE_END_OF_THE_FIRST_WINDOW,
    CONFIRMED_RECORD,
    DETECTABLE,
    FULL,
    FULL_OR_PARTIAL,
    IN_FIRST_WINDOW,
    IN_LATER_WINDOW,
    LOW,
    NIL,
    NO_REACTION,
    PARTIAL,
    REACHED,
    REACTION,
    TOO_EARLY_FOR_A_LOW,
    UNCONFIRMED_RECORD,
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
from adapter.rules.table_pegylated import NEUTRALIZING, SUSPECTED_NEUTRALIZING

TARGET_MET = ("adequate", "no-evidence-of-inactivation")
REPEAT_AT_48_H = ("inadequate", "reaction-unresolved")

LOW_AFTER_A_REACTION: tuple[Rule, ...] = (
    row("D3c", REACTION, LOW, TOO_EARLY_FOR_A_LOW, says=UNRESOLVED),
    row("D4a", UNCONFIRMED_RECORD, FULL, LOW, BY_THE_END_OF_THE_FIRST_WINDOW, says=NEUTRALIZING),
    row("D4", CONFIRMED_RECORD, FULL, LOW, BY_THE_END_OF_THE_FIRST_WINDOW, says=NEUTRALIZING),
    row("D5", REACTION, PARTIAL, LOW, BY_THE_END_OF_THE_FIRST_WINDOW, says=SUSPECTED_NEUTRALIZING),
    row("E5", REACTION, FULL_OR_PARTIAL, DETECTABLE, IN_LATER_WINDOW, says=REPEAT_AT_48_H),
    row("E6", REACTION, FULL_OR_PARTIAL, NIL, IN_LATER_WINDOW, says=REPEAT_AT_48_H),
)
WITHOUT_A_REACTION: tuple[Rule, ...] = (
    row("E1", NO_REACTION, REACHED, IN_FIRST_WINDOW, says=TARGET_MET),
    row("E2", NO_REACTION, FULL, DETECTABLE, BY_THE_END_OF_THE_FIRST_WINDOW, says=BELOW_TARGET),
    row(
        *("E3", NO_REACTION, FULL, NIL, BY_THE_END_OF_THE_FIRST_WINDOW),
        says=("inadequate", "suspected-silent-inactivation"),
    ),
    row("E4", NO_REACTION, REACHED, IN_LATER_WINDOW, says=TARGET_MET),
    row("E5", NO_REACTION, FULL, DETECTABLE, IN_LATER_WINDOW, says=BELOW_TARGET),
    row("E6", NO_REACTION, FULL, NIL, IN_LATER_WINDOW, says=BELOW_TARGET),
    row("D16", NO_REACTION, REACHED, BETWEEN_OR_AFTER, says=TARGET_MET),
    row(
        *("D18", NO_REACTION, FULL, LOW, BETWEEN_THE_WINDOWS),
        says=("indeterminate", "below-target-not-inactivation"),
    ),
)
ERWINIA: tuple[Rule, ...] = (
    *UNCLEAR_VALUE,
    NO_READING_YET,
    *NO_READING_ANY_MORE,
    *LOW_AFTER_A_REACTION,
    *TOO_LITTLE_GIVEN,
    *GOOD_AFTER_A_REACTION,
    *WITHOUT_A_REACTION,
    GOOD_BUT_EARLY,
)
