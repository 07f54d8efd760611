"""What the rows of the decision tables ask of a situation, each with its words for a reader."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from adapter.rules.qualify import LOSS
from adapter.rules.situation import BEFORE_WINDOWS, IN_WINDOW, Situation


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One question a row asks of a situation."""

    holds: Callable[[Situation], bool]
    yes: str
    """What is so when it holds."""
    no: str
    """What is so when it does not."""


def opposite_of(condition: Condition) -> Condition:
    """The condition that holds exactly where another does not, in the same words."""
    return Condition(holds=lambda s: not condition.holds(s), yes=condition.no, no=condition.yes)


def _loss(s: Situation) -> bool:
    return s.level in LOSS


def _inactivating(s: Situation) -> bool:
    """Loss that normal decline cannot explain: nothing measurable, or a low where a low counts as loss."""
    return _judged_low(s) and (s.level == "blq" or s.low_is_loss)


def _judged_low(s: Situation) -> bool:
    return _loss(s) and s.phase not in ("absorbing", "expired")


def _detectable(s: Situation) -> bool:
    return s.level in ("low", "low-unquantified")


REACTION = Condition(
    holds=lambda s: s.reaction != "none",
    yes="a reaction is linked to the dose",
    no="no reaction is linked to the dose",
)
NO_REACTION = opposite_of(REACTION)
CONFIRMED_RECORD = Condition(
    holds=lambda s: s.reaction == "present",
    yes="a reaction is linked to the dose, and its record is not merely unconfirmed",
    no="no reaction is linked to the dose by a record that is not merely unconfirmed",
)
UNCONFIRMED_RECORD = Condition(
    holds=lambda s: s.reaction == "unconfirmed",
    yes="a reaction is linked to the dose by an unconfirmed record only",
    no="no reaction is linked to the dose by an unconfirmed record only",
)
SEVERE = Condition(
    holds=lambda s: s.reaction != "none" and s.severe,
    yes="a severe reaction is linked to the dose",
    no="no severe reaction is linked to the dose",
)
NOT_SEVERE = Condition(
    holds=lambda s: s.reaction != "none" and not s.severe,
    yes="a reaction of grade 1-2, or not graded, is linked to the dose",
    no="no reaction of grade 1-2, and none that is not graded, is linked to the dose",
)

FULL = Condition(
    holds=lambda s: s.portion == "full",
    yes="the dose was full",
    no="the dose was not full, or it is not known how much was given",
)
NOT_FULL = opposite_of(FULL)
PARTIAL = Condition(
    holds=lambda s: s.portion == "partial",
    yes="part of the dose was given",
    no="not just a part of the dose was given, or it is not known how much",
)
FULL_OR_PARTIAL = Condition(
    holds=lambda s: s.portion in ("full", "partial"),
    yes="the dose, or a known and relevant part of it, was given",
    no="too small or unknown a part of the dose was given",
)
TOO_LITTLE = opposite_of(FULL_OR_PARTIAL)

STRADDLES = Condition(
    holds=lambda s: s.level == "straddles",
    yes="the value may lie on either side of the threshold",
    no="the value lies on one side of the threshold",
)
REACHED = Condition(
    holds=lambda s: s.level == "ok",
    yes="the threshold was reached",
    no="the threshold was not reached",
)
LOW = Condition(
    holds=_loss,
    yes="the level is below the threshold",
    no="the level is not below the threshold",
)
NIL = Condition(
    holds=lambda s: s.level == "blq",
    yes="the level is below quantification",
    no="the level is not below quantification",
)
DETECTABLE = Condition(
    holds=_detectable,
    yes="the level is below the threshold and not known to be below quantification",
    no="the level is not one below the threshold that may be detectable",
)
LOSS_OF_ACTIVITY = Condition(
    holds=_inactivating,
    yes="the level is lost, and normal decline does not explain it",
    no="the level is not lost, or normal decline may explain it",
)
EXPLICABLE_LOW = Condition(
    holds=lambda s: _judged_low(s) and not _inactivating(s),
    yes="the level is low, and normal decline may explain it",
    no="the level is not a low one that normal decline may explain",
)
JUDGED_LOW = Condition(
    holds=_judged_low,
    yes="the level is below the threshold at a time when a low can be read",
    no="the level is not below the threshold, or was taken at a time when no low can be read",
)
PROVISIONAL_NIL = Condition(
    holds=lambda s: s.portion == "full" and s.route == "IV" and s.level == "blq",
    yes="nothing was measurable after a full intravenous dose",
    no="it is not a level below quantification after a full intravenous dose",
)
NOT_PROVISIONAL_NIL = opposite_of(PROVISIONAL_NIL)

TOO_EARLY_FOR_A_LOW = Condition(
    holds=lambda s: s.phase == "absorbing",
    yes="the sample was taken too soon after the dose for a low to be read",
    no="the sample was not taken too soon after the dose for a low to be read",
)
TOO_LATE_FOR_A_LOW = Condition(
    holds=lambda s: s.phase == "expired",
    yes="the sample was taken after the last time a low can be read",
    no="the sample was not taken after the last time a low can be read",
)
INSIDE_A_WINDOW = Condition(
    holds=lambda s: s.phase in IN_WINDOW,
    yes="the sample was taken in a sampling window",
    no="the sample was not taken in a sampling window",
)
OUTSIDE_THE_WINDOWS = opposite_of(INSIDE_A_WINDOW)
WINDOW_OR_LATER = Condition(
    holds=lambda s: s.phase not in BEFORE_WINDOWS,
    yes="the sample was taken in the first sampling window or later",
    no="the sample was taken before the first sampling window",
)
BEFORE_THE_WINDOW = opposite_of(WINDOW_OR_LATER)
BY_THE_END_OF_THE_FIRST_WINDOW = Condition(
    holds=lambda s: s.phase in ("early", "first-window"),
    yes="the sample was taken by the end of the 48-hour window, late enough for a low to be read",
    no="the sample was not taken by the end of the 48-hour window, late enough for a low to be read",
)
IN_FIRST_WINDOW = Condition(
    holds=lambda s: s.phase == "first-window",
    yes="the sample was taken in the 48-hour window",
    no="the sample was not taken in the 48-hour window",
)
IN_LATER_WINDOW = Condition(
    holds=lambda s: s.phase == "later-window",
    yes="the sample was taken in the 72-hour window",
    no="the sample was not taken in the 72-hour window",
)
BETWEEN_OR_AFTER = Condition(
    holds=lambda s: s.phase in ("between", "expired"),
    yes="the sample was taken between the windows or after the last",
    no="the sample was not taken between the windows or after the last",
)
BETWEEN_THE_WINDOWS = Condition(
    holds=lambda s: s.phase == "between",
    yes="the sample was taken between the windows",
    no="the sample was not taken between the windows",
)
KEPT_IN_A_WINDOW = Condition(
    holds=lambda s: s.ok_in_window,
    yes="another sample of the dose reached the threshold inside a window",
    no="no other sample of the dose reached the threshold inside a window",
)
NOT_KEPT_IN_A_WINDOW = opposite_of(KEPT_IN_A_WINDOW)
