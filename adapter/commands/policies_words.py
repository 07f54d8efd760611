"""The numbers and choices of a policy in the words of a clinician."""

from __future__ import annotations

from decimal import Decimal

from adapter.domain.policy import Cited, ConfirmedBy, LossWhen, LowMeans, Quotation
from adapter.knowledge.numbers import ACTIVITY, CTCAE, DAYS, HOURS

HOURS_OF_A_DAY = 24
WINDOW_WORDS = {"target": "aimed at", "from": "opens", "to": "closes", "threshold": "adequate from"}
NUMBER_WORDS = {
    "early_low_until": "a low before the first window is loss until",
    "band_upper": "above the band when higher than",
    "levels: no_verdict_after": "a low level says nothing after",
    "levels: near_threshold_from": "near the threshold from",
    "levels: near_threshold_to": "near the threshold to",
    "levels: implausible_above": "implausible above",
    "levels: implausible_below": "implausible below, if sent per litre",
    "levels: discordance_ratio": "contradicts an earlier level by more than times",
    "confirmation: gap": "samples of one dose at least this far apart",
    "confirmation: window": "next dose at most this much later",
    "reactions: link": "a reaction belongs to a dose for",
    "reactions: severe_grade": "severe from",
    "reactions: premedication_antihistamine": "antihistamine looked for before the dose",
    "reactions: premedication_steroid": "steroid looked for before the dose",
    "doses: partial_fraction": "partial below this part of the dose",
    "doses: negligible_fraction": "negligible below this part of the dose",
    "doses: sample_link": "a sample belongs to a dose for",
    "monitoring: result_overdue": "a result is overdue after",
}
"""By the name of the place in the file; those of the windows are WINDOW_WORDS."""
LOW_WORDS: dict[LowMeans, str] = {
    "loss": "A detectable level below the threshold counts as loss of activity.",
    "below-target": "A detectable level below the threshold is below target; only below quantification is loss.",
}
LOSS_WORDS: dict[LossWhen, str] = {
    "below-threshold": "What a detectable low means is said at each window.",
    "not-detectable": "A detectable low is never read as loss of activity, at no time.",
}
CONFIRMED_WORDS: dict[ConfirmedBy, str] = {
    "two-samples": "Confirmed by a second independent sample, of the same dose or of the next one.",
    "two-doses": "Confirmed by a sample of the next dose only.",
}


def value_text(number: Cited) -> str:
    """`168 h (7 d)`, `0.10 IU/mL`, `grade 3`."""
    match number.unit:
        case str(unit) if unit == HOURS:
            return f"{number.value} h ({days_text(number.value)} d)"
        case str(unit) if unit == DAYS:
            return f"{number.value} d"
        case str(unit) if unit == ACTIVITY:
            return f"{number.value} IU/mL"
        case str(unit) if unit == CTCAE:
            return f"grade {number.value}"
        case _:
            return str(number.value)


def days_text(hours: Decimal) -> str:
    """Days with at most two places."""
    return f"{(hours / HOURS_OF_A_DAY).quantize(Decimal('0.01')).normalize():f}"


def limits_of(quotation: Quotation) -> tuple[str, ...]:
    """To what a quotation is narrowed: `IV only`, `level of 72 h only`, `from grade 2`."""
    return tuple(
        words
        for holds, words in (
            (quotation.route, f"{quotation.route} only"),
            (quotation.window, f"level of {quotation.window} only"),
            (quotation.from_grade, f"from grade {quotation.from_grade}"),
        )
        if holds
    )
