"""What a sentence says of the levels of a dose: value as sent, time, class, and what each supports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from adapter.domain.activity import Activity, Reported
from adapter.domain.events import ActivityMeasured
from adapter.domain.history import History, fact_name
from adapter.domain.policy import Policy
from adapter.rules.confirmation import JudgedDose
from adapter.rules.episodes import Episode
from adapter.rules.limits import threshold_at
from adapter.rules.linking import NOTHING, Placement
from adapter.rules.listing import MOST_LISTED, MOST_RECENT
from adapter.rules.quantities import day_text, hours_text, plain, short, time_text
from adapter.rules.reading import Reading
from adapter.rules.words_of_dose import anchored_dose, capital, dated_dose, dose_text

LEVEL_TEXT = {
    "ok": "at or above the {threshold} IU/mL threshold",
    "low": "below the {threshold} IU/mL threshold",
    "low-unquantified": "below the {threshold} IU/mL threshold; whether detectable is not known",
    "blq": "below the quantification limit and below the {threshold} IU/mL threshold",
    "straddles": "possibly below, possibly at or above the {threshold} IU/mL threshold",
}
STATUS_OF_NO_LEVEL = {
    "pending": "is reported as pending",
    "not-asked": "is reported as not asked for",
    "cancelled": "was cancelled by the laboratory",
    "final": "is reported as final without a value",
    "corrected": "is reported as corrected without a value",
}
LONGEST_COMMENT_CHARACTERS = 300


def threshold_of(reading: Reading, policy: Policy) -> Decimal:
    """The threshold in IU/mL a reading was compared with."""
    return threshold_at(policy, max(reading.placement.least, NOTHING))


def level_text(sample: ActivityMeasured, faults: Sequence[str] = ()) -> str:
    """Comparator, number and unit in IU/mL, and the text as the laboratory sent it; with a fault, only the latter."""
    activity, original = sample.activity, original_text(sample)
    if "unit-missing" in faults:
        return f"sent by the laboratory as {sample.reported.text.strip()} without a unit"
    if activity is None:
        return f'sent by the laboratory as "{original}" ({_why_unread(sample, faults)})'
    if "unit-suspect" in faults:
        converted = _in_iu_per_ml(activity)
        meant = "" if converted == original else f" (it would be {converted})"
        return f'reported as "{original}", implausible in this unit{meant}'
    return _of_activity(activity, original)


def _why_unread(sample: ActivityMeasured, faults: Sequence[str]) -> str:
    if "value-unreadable" in faults:
        return "which cannot be read as one number"
    return "two different units" if _unit_inside(sample) else "a unit not accepted for this test"


def _unit_inside(sample: ActivityMeasured) -> bool:
    """Whether the value itself ends in a unit, beside another one of its own field."""
    text, unit = sample.reported.text.strip(), (sample.reported.unit or "").strip()
    return text[:1].isdigit() and text[-1:].isalpha() and not text.endswith(unit)


def _of_activity(activity: Activity, original: str) -> str:
    if activity.kind == "below-quantification":
        return f'reported as "{original}", read as below quantification'
    number = _in_iu_per_ml(activity)
    return number if number == original else f'{number} (reported as "{original}")'


def _in_iu_per_ml(activity: Activity) -> str:
    if activity.number is None and activity.high is not None:
        return f"{plain(activity.low)} to {plain(activity.high)} IU/mL"
    return f"{activity.comparator or ''}{plain(activity.number or activity.low)} IU/mL"


def original_text(sample: ActivityMeasured) -> str:
    """Value and unit as the laboratory sent them; words have no unit."""
    if _unit_inside(sample):
        return f"{sample.reported.text.strip()} with unit {sample.reported.unit}"
    return _with_unit(sample.reported)


def _with_unit(reported: Reported) -> str:
    text, unit = reported.text.strip(), (reported.unit or "").strip()
    if text.endswith(unit) or not any(sign.isdigit() for sign in text):
        return text
    return f"{text} {unit}"


def level_statements(dose: JudgedDose, history: History) -> Iterator[str]:
    """Every level of a dose, then the samples that gave none, with what qualifies them."""
    levels, others = told_levels(dose), told_without_level(dose)
    if not levels:
        usable = "usable " if others else ""
        yield f"No {usable}asparaginase activity level is known after {anchored_dose(dose.episode)}."
    elif len(levels) == 1:
        yield _one_level(levels[0])
        yield from _compared(levels[0])
    else:
        yield _many_levels(levels)
        yield from _resting(dose)
    yield from (_without_level(reading) for reading in others)
    yield from _not_told(len(dose.readings) - len(levels) - len(others))
    for reading in levels:
        yield from _qualified(reading)
    shown = {id(reading) for reading in (*levels, *others)}
    told = [reading.sample for reading in dose.readings if id(reading) in shown]
    yield from correction_statements(told, history)
    yield from comment_statements(told)


def told_levels(dose: JudgedDose) -> list[Reading]:
    """The levels a sentence tells: all of a few; of many the latest, and those the reading rests on."""
    levels = [reading for reading in dose.readings if reading.usability != "no-level"]
    if len(levels) <= MOST_LISTED:
        return levels
    resting = [one for one in (dose.combined.headline, dose.combined.deciding, _supporting(dose)) if one]
    kept = [*resting, *levels[-MOST_RECENT:]]
    return [reading for reading in levels if any(reading is one for one in kept)]


def told_without_level(dose: JudgedDose) -> list[Reading]:
    """The samples without a level a sentence tells: all of a few, the latest of many."""
    others = [reading for reading in dose.readings if reading.usability == "no-level"]
    return others if len(others) <= MOST_LISTED else others[-MOST_RECENT:]


def _not_told(others: int) -> Iterator[str]:
    if others:
        yield f"{others} further samples of this dose stand in the evidence only."


def _one_level(reading: Reading) -> str:
    return (
        f"Asparaginase activity {level_text(reading.sample, reading.faults)}{_status(reading)}, "
        f"{_collected(reading.sample)}, {_since(reading.placement, anchored_dose(reading.placement.episode))}."
    )


def _many_levels(levels: Sequence[Reading]) -> str:
    told = "; ".join(
        f"{level_text(r.sample, r.faults)}{_status(r)}, {_collected(r.sample)}, "
        f"{_hours(r.placement) or _since(r.placement, 'that time')}{_class(r)}, by rule {r.rule}"
        for r in levels
    )
    side = "after" if all(_hours(reading.placement) for reading in levels) else "around"
    return f"Asparaginase activity {side} {anchored_dose(levels[0].placement.episode)}: {told}."


def _status(reading: Reading) -> str:
    return " (preliminary)" if reading.sample.status == "preliminary" else ""


def _collected(sample: ActivityMeasured) -> str:
    return f"collected {time_text(sample.collected)}" if sample.collected else "collection time missing"


def _since(placement: Placement, anchor: str) -> str:
    """Hours, where some can be told, and on which side of the time from which they count a sample lies."""
    hours = _hours(placement)
    return f"{hours} after {anchor}" if hours else f"{_side(placement)} {anchor}"


def _hours(placement: Placement) -> str:
    """The elapsed time, as far as it is known; nothing where the administration may not have been over."""
    least, most = hours_text(placement.least), hours_text(placement.most)
    if placement.time_missing:
        return f"at most {most} h" if placement.most > NOTHING else ""
    if placement.least <= NOTHING:
        return ""
    return f"{least} h (day {day_text(placement.least)})" if placement.exact else f"between {least} and {most} h"


def _side(placement: Placement) -> str:
    if placement.most > NOTHING:
        return "possibly before"
    if placement.time_missing:
        return "not after"
    return "at" if placement.least == NOTHING else "before"


def _class(reading: Reading) -> str:
    policy = reading.placement.episode.limits.policy
    if policy is None or reading.level is None or reading.placement.inside:
        return ""
    compared = f", {LEVEL_TEXT[reading.level].format(threshold=plain(threshold_of(reading, policy)))}"
    if reading.exposure == "above-band" and policy.band_upper:
        return f"{compared} and above the band of the policy, which ends at {plain(policy.band_upper.value)} IU/mL"
    return compared


def _compared(reading: Reading) -> Iterator[str]:
    policy = reading.placement.episode.limits.policy
    told = _class(reading).removeprefix(", ")
    if policy and told:
        yield f"{capital(told)}, policy {policy.id} version {policy.version}."


def _resting(dose: JudgedDose) -> Iterator[str]:
    """Which of several levels the verdict and the exposure rest on."""
    deciding, headline = _supporting(dose), dose.combined.headline
    policy = dose.episode.limits.policy
    if policy:
        yield f"Read by policy {policy.id} version {policy.version}."
    if any(reading.contradiction == "discordant" for reading in dose.readings):
        yield "Levels that contradict each other support no verdict; tubes and dose records need a check."
    elif deciding and headline and deciding.rule not in ("D0", "D2", "D3", "Q3"):
        yield f"The verdict rests on the level at {hours_of(deciding)}."
        if headline is not deciding:
            yield f"The exposure is that of the level at {hours_of(headline)}."
    if _fast_clearance(dose.readings):
        yield "Low but detectable on day 7 and again on day 14: a fast-clearance pattern."


def _supporting(dose: JudgedDose) -> Reading | None:
    """The sample that decides; a kept activity is shown by the level that reached the threshold, not by a later low."""
    deciding = dose.combined.deciding
    same = [r for r in dose.readings if deciding and r.mechanism == deciding.mechanism and r.level == "ok"]
    return same[-1] if same else deciding


def hours_of(reading: Reading) -> str:
    """The elapsed time of a reading: `168 h`, or its range."""
    placement = reading.placement
    if placement.exact:
        return f"{hours_text(placement.least)} h"
    return f"{hours_text(placement.least)} to {hours_text(placement.most)} h"


def _fast_clearance(readings: Sequence[Reading]) -> bool:
    low = [reading.phases for reading in readings if reading.level == "low" and reading.contradiction is None]
    return ("first-window",) in low and ("later-window",) in low


def _without_level(reading: Reading) -> str:
    sample = reading.sample
    if sample.collected is None and sample.status in ("pending", "not-asked"):
        return f"An order for a level {STATUS_OF_NO_LEVEL[sample.status]}; no collection is recorded."
    said = original_text(sample)
    what = STATUS_OF_NO_LEVEL.get(sample.status, "gave no level")
    text = sample.reported.text.strip()
    reported = f' (reported as "{said}")' if text.casefold() not in what else ""
    if sample.collected is None:
        return f"A sample without a collection time {what}{reported}."
    hours = f", {hours_of(reading)} after the dose," if not reading.placement.inside else ""
    return f"A sample collected {time_text(sample.collected)}{hours} {what}{reported}."


def _qualified(reading: Reading) -> Iterator[str]:
    sample = reading.sample
    if sample.activity is not None and sample.activity.number is not None and sample.activity.number < 0:
        yield "The laboratory reported a negative number; read as below quantification."
    if sample.status == "preliminary":
        at = f"collected {time_text(sample.collected)}" if sample.collected else "without a collection time"
        yield f"A sample {at} is reported as preliminary, so no verdict rests on it."
    if sample.collected is None:
        yield "The collection time is missing."
    if reading.residual_from is not None:
        yield _residual(reading.residual_from)


def _residual(dose: Episode) -> str:
    product = dose.limits.product
    assert product  # noqa: S101 - a dose of an unknown product supplies nothing that is counted
    return (
        f"{capital(dated_dose(dose))} ({dose_text(dose)}) is of another family and may still supply the activity; "
        f"its product is counted as active for {short(product.residual_days.value)} days."
    )


def correction_statements(samples: Sequence[ActivityMeasured], history: History) -> Iterator[str]:
    """Results whose value the laboratory changed, with both values."""
    for sample in samples:
        earlier = history.earlier_values.get(fact_name(sample))
        if earlier and sample.status == "cancelled":
            yield f'The laboratory first sent "{_with_unit(earlier)}", then cancelled the result.'
        elif earlier:
            now = original_text(sample)
            told = f'"{now}"' if now else "no value"
            yield f'A result was corrected by the laboratory from "{_with_unit(earlier)}" to {told}.'
        elif sample.status == "corrected":
            yield "A result is marked as corrected; no other value is known for it."


def comment_statements(samples: Sequence[ActivityMeasured]) -> Iterator[str]:
    """What the laboratory wrote beside a result, shortened when it is long."""
    comments = dict.fromkeys(" ".join(sample.comment.split()) for sample in samples if sample.comment)
    for comment in (text for text in comments if text):
        cut = comment[:LONGEST_COMMENT_CHARACTERS].rstrip(".")
        yield f'Laboratory comment: "{cut}{"..." if len(comment) > LONGEST_COMMENT_CHARACTERS else ""}".'
