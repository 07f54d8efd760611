"""What a sentence says of the verdict: mechanism, the reason in words, the rule, and what other doses add to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from adapter.rules.confirmation import CONFIRMED, JudgedDose, answered_by
from adapter.rules.drafts import Drafted
from adapter.rules.episodes import episode_order
from adapter.rules.families import FamilyBefore
from adapter.rules.limits import days
from adapter.rules.linking import same_day
from adapter.rules.quantities import short
from adapter.rules.reading import Possibility, Reading
from adapter.rules.wording import EXPOSURE_WORDS, MECHANISM_TEXT, MECHANISM_WORDS, RULE_TEXT, RULE_TEXT_UNQUANTIFIED
from adapter.rules.words_of_dose import STATUS_WORDS, capital, dated_dose, dose_text, product_name
from adapter.rules.words_of_levels import told_levels

SUSPECTED = "suspected-silent-inactivation"
FAULT_REASON = {
    "unit-missing": "the laboratory sent no unit",
    "unit-suspect": "the unit or the size of the number needs a check",
    "value-unreadable": "the value cannot be read",
}
CONTRADICTION_REASON = {
    "discordant": "two levels of this dose contradict each other",
    "straddles": "two tubes of one instant lie on opposite sides of the threshold",
}


def verdict_statement(draft: Drafted) -> str:
    """Mechanism, reason and rule of one dose."""
    rule = draft.rules[-1]
    reason = _reason(draft, rule)
    return f"{MECHANISM_TEXT[draft.dose.combined.mechanism]} {reason} (rule {rule})."


def _reason(draft: Drafted, rule: str) -> str:
    dose = draft.dose
    deciding = dose.combined.deciding
    match rule:
        case "D0":
            return _undecided(dose, deciding)
        case "D3" if deciding is not None:
            return _data_reason(deciding)
        case "D20" if draft.clock is not None and draft.clock.cut_short:
            return "no level is known, and the next dose is recorded before the sampling window closed"
        case "D3c" if dose.episode.route is None:
            return f"{RULE_TEXT[rule]}; the route is not known, so the longer of the two times is kept to"
        case _ if deciding is not None and deciding.level == "low-unquantified":
            return RULE_TEXT_UNQUANTIFIED.get(rule, RULE_TEXT[rule])
        case _:
            return RULE_TEXT[rule]


def _data_reason(reading: Reading) -> str:
    if reading.contradiction:
        return CONTRADICTION_REASON[reading.contradiction]
    named = next((FAULT_REASON[fault] for fault in reading.faults), None)
    return named or "the value may lie on either side of the threshold"


def _undecided(dose: JudgedDose, reading: Reading | None) -> str:
    episode = dose.episode
    if not episode.settled:
        return f"the dose record has status {STATUS_WORDS[episode.status]}, so a level cannot be assigned"
    if episode.limits.policy is None:
        if episode.began is None:
            return "the time of the dose is not known"
        return f"there is no policy for {product_name(episode.limits.product, episode.product)} in this version"
    assert reading  # noqa: S101 - without a level no other dose is undecided
    return _undecided_level(reading)


def _undecided_level(reading: Reading) -> str:
    placement = reading.placement
    if reading.residual:
        return "a dose of another family may still supply the activity"
    running = next((one.episode for one in reading.possibilities if one.inside), None)
    if placement.certainly_inside:
        return "the sample was collected during the administration, or at its end"
    if running is not None:
        return f"the sample was collected during the administration of {dated_dose(running)}"
    if placement.time_missing:
        return "without a collection time the possible times lead to different readings"
    if same_day(placement) or placement.inside:
        return "the order of sample and dose is not known"
    if reading.possibilities:
        return "the sample may belong to several doses, which lead to different readings"
    if placement.date_only:
        return "a time is known by its date only, and the possible times lead to different readings"
    return RULE_TEXT["D0"] if placement.exact else "the possible times lead to different readings"


def alternative_statements(dose: JudgedDose) -> Iterator[str]:
    """What a sample would say for each dose it may belong to, where that is not the same."""
    for reading in told_levels(dose):
        possible = sorted(reading.possibilities, key=lambda one: episode_order(one.episode))
        if not possible or any(one.inside for one in possible):
            continue
        if len(possible) == 2:
            first, second = possible
            later = dated_dose(second.episode)
            yield f"If drawn before {later}: {_verdict_words(first)}; if after: {_verdict_words(second)}."
        else:
            told = "; ".join(f"if it belongs to {dated_dose(one.episode)}: {_verdict_words(one)}" for one in possible)
            yield f"{capital(told)}."


def _verdict_words(one: Possibility) -> str:
    return f"{EXPOSURE_WORDS[one.exposure]}, {MECHANISM_WORDS[one.mechanism]}"


def family_statements(
    dose: JudgedDose, family_before: FamilyBefore, later: Sequence[JudgedDose], *, deceased: bool
) -> Iterator[str]:
    """How other doses of the family bear on this verdict."""
    if dose.combined.mechanism == SUSPECTED:
        yield from _answer(dose, later, deceased=deceased)
    last = family_before.suspicious
    if last:
        words = MECHANISM_WORDS[last.combined.mechanism]
        yield f"Earlier in this family: {words} after {dated_dose(last.episode)} ({dose_text(last.episode)})."
        if _far_apart(last, dose):
            yield f"That reading is over {_weeks(dose)} older; its predictive value at this distance was not shown."


def _answer(dose: JudgedDose, later: Sequence[JudgedDose], *, deceased: bool) -> Iterator[str]:
    answer = answered_by(later)
    if answer is None:
        for new in later[:1]:
            far = f", and was given over {_weeks(new)} later" if _far_apart(dose, new) else ""
            yield f"{capital(dated_dose(new.episode))} has no level that answers this{far}."
        if not deceased:
            yield "A second independent sample is needed before the policy calls it confirmed."
        return
    name = capital(dated_dose(answer.episode))
    if answer.adequate:
        yield f"{name} reached the threshold, so the suspicion was not confirmed on it."
    elif answer.combined.mechanism == CONFIRMED:
        yield f"It was confirmed on {dated_dose(answer.episode)}."
    else:
        words = MECHANISM_WORDS[answer.combined.mechanism]
        yield f"{name} has a level of its own, read as {words}."
    if _far_apart(dose, answer):
        yield f"That dose was given over {_weeks(answer)} later, a distance at which no predictive value was shown."


def _weeks(dose: JudgedDose) -> str:
    """The longest distance over which the policy of a dose lets two doses of a family confirm each other."""
    policy = dose.episode.limits.policy
    assert policy  # noqa: S101 - asked for only where a policy says that two doses are far apart
    return f"{short(policy.confirmation_window_days.value / 7)} weeks"


def _far_apart(old: JudgedDose, new: JudgedDose) -> bool:
    policy = new.episode.limits.policy
    if policy is None or old.episode.began is None or new.episode.began is None:
        return False
    apart = new.episode.began.earliest - old.episode.began.latest
    return apart > days(policy.confirmation_window_days.value)
