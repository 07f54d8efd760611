"""Why each sample was read as it was: every condition of the row that decided it, or what stood in the way."""

from __future__ import annotations

from collections.abc import Iterator

from adapter.rules.confirmation import SUSPECTED, JudgedDose
from adapter.rules.decision import decide
from adapter.rules.reading import Reading
from adapter.rules.row import Rule
from adapter.rules.wording import RULE_TEXT
from adapter.rules.words_of_dose import STATUS_WORDS
from adapter.rules.words_of_levels import STATUS_OF_NO_LEVEL
from adapter.rules.words_of_verdict import CONTRADICTION_REASON, FAULT_REASON

CONFIRMING_RULE = "D13"
NO_ROW = "no row of the decision table speaks of such a level"


def because(reading: Reading) -> list[str]:
    """What was so, in words: the conditions of the row that decided a sample, else why no row was asked."""
    row = deciding_row(reading)
    if row is None:
        return list(_in_the_way(reading))
    conditions = [condition.yes for condition in row.needs]
    return [*conditions, RULE_TEXT[CONFIRMING_RULE]] if reading.rule == CONFIRMING_RULE else conditions


def deciding_row(reading: Reading) -> Rule | None:
    """The row of the decision table that decided a sample; None where the table was not asked, or is silent.

    A confirmation raises a suspicion to D13; its row is then that of the suspicion.
    """
    if reading.situation is None:
        return None
    row = decide(reading.situation)
    return row if row.needs and _is_of(reading, row) else None


def surely_asked(dose: JudgedDose) -> Reading | None:
    """The headline level, if one row decided it in the very situation its alternatives are worked out from.

    Of a level that is contradicted, withheld, above a band, or known by a range of times it would else be told that
    one other fact gives another reading, and it would not.
    """
    headline = dose.combined.headline
    if headline is None or headline.situation is None or headline.situation.above_band:
        return None
    certain = headline.placement.exact and not headline.placement.ambiguous and deciding_row(headline) is not None
    return headline if certain else None


def _is_of(reading: Reading, row: Rule) -> bool:
    return row.mechanism == SUSPECTED if reading.rule == CONFIRMING_RULE else row.id == reading.rule


def _in_the_way(reading: Reading) -> Iterator[str]:
    match reading.rule:
        case "Q2":
            yield f"the sample {STATUS_OF_NO_LEVEL.get(reading.sample.status, 'gave no level')}"
        case "D3" if reading.contradiction is not None:
            yield CONTRADICTION_REASON[reading.contradiction]
        case "D3":
            yield from (FAULT_REASON[fault] for fault in reading.faults)
        case "D0":
            yield from list(_uncertainties(reading)) or [NO_ROW]
        case rule:
            yield RULE_TEXT[rule]


def _uncertainties(reading: Reading) -> Iterator[str]:
    """Everything that keeps a level from being read with certainty."""
    placement, episode = reading.placement, reading.placement.episode
    if not episode.settled:
        yield f"the dose record has status {STATUS_WORDS[episode.status]}"
    if episode.limits.policy is None:
        yield "no policy is in force for the dose"
    if reading.residual:
        yield "an earlier dose of another family may still supply the activity"
    if placement.certainly_inside or (placement.inside and placement.exact):
        yield "the sample was collected before the administration was over"
    if placement.time_missing:
        yield "the collection time is missing"
    if placement.date_only:
        yield "a time is known by its date only"
    if placement.ambiguous:
        yield "the order of sample and dose, or the dose the sample belongs to, is not known"
    if len(reading.phases) > 1:
        yield "the possible times of the sample lie in different parts of the schedule"
