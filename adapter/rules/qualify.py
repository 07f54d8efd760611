"""Is this result a level at all, and which class of level is it? (rulebook 2.3 and 2.4, rulings 1 to 4)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Literal, assert_never

from adapter.domain.activity import Activity
from adapter.domain.events import ActivityMeasured
from adapter.rules.limits import Limits, threshold_at

LevelClass = Literal["blq", "low", "low-unquantified", "ok", "straddles"]
Usability = Literal["usable", "no-level", "preliminary", "unusable"]

LOSS: tuple[LevelClass, ...] = ("blq", "low", "low-unquantified")
ZERO = Decimal(0)
PER_LITRE_FACTOR = Decimal("0.001")
# A MAAT assay, calibrated with native E. coli enzyme, reads 23 % higher than AHA in this range (rulebook 2.6, S54).
BIASED_METHOD = "MAAT"
METHOD_BIAS_FACTOR = Decimal("1.23")
_AWAITED = ("preliminary", "pending")
_NO_LEVEL = ("pending", "not-asked", "cancelled", "entered-in-error")
_UNREADABLE = ("unit-suspect", "unit-missing", "value-unreadable")


def usability(sample: ActivityMeasured, limits: Limits) -> Usability:
    """Whether a result may support a verdict, may only be shown, says nothing, or needs a check of its data."""
    if sample.status in _NO_LEVEL:
        return "no-level"
    if data_faults(sample, limits):
        return "preliminary" if sample.status == "preliminary" else "unusable"
    if sample.activity is None:
        return "no-level"
    return "preliminary" if sample.status == "preliminary" else "usable"


def result_awaited(sample: ActivityMeasured) -> bool:
    """Whether a specimen is known to have been collected and its final result is still to come."""
    return sample.status in _AWAITED


def data_faults(sample: ActivityMeasured, limits: Limits) -> tuple[str, ...]:
    """The modifiers that forbid any verdict: unit or value could not be read, or the number is implausible (Q9)."""
    faults = [remark for remark in sample.remarks if remark in _UNREADABLE]
    if not faults and sample.activity is not None and implausible(sample.activity, limits):
        faults.append("unit-suspect")
    return tuple(faults)


def implausible(activity: Activity, limits: Limits) -> bool:
    """Above what any dose can give, or a plain number so small that IU/mL was sent as IU/L (ruling 2)."""
    if activity.low > limits.implausible_above_iu_per_ml:
        return True
    number = activity.number
    return (
        activity.kind == "number"
        and number is not None
        and activity.factor <= PER_LITRE_FACTOR
        and ZERO < number < limits.implausible_below_iu_per_ml
    )


def level_class(activity: Activity, threshold: Decimal, lloq: Decimal | None) -> LevelClass:
    """The class of a level against a threshold and the quantification limit, all in IU/mL (ruling 1)."""
    match activity.kind:
        case "number":
            return _of_number(activity.low, threshold, lloq)
        case "below":
            return _of_upper_limit(activity, threshold, lloq)
        case "above":
            return "ok" if activity.low >= threshold else "straddles"
        case "range":
            return _of_range(activity, threshold)
        case "below-quantification":
            return "blq" if lloq is None or lloq <= threshold else "straddles"
        case _:
            assert_never(activity.kind)


def _of_number(value: Decimal, threshold: Decimal, lloq: Decimal | None) -> LevelClass:
    if value <= ZERO or (lloq is not None and value < lloq):
        return "blq" if lloq is None or lloq <= threshold else "straddles"
    return "ok" if value >= threshold else "low"


def _of_upper_limit(activity: Activity, threshold: Decimal, lloq: Decimal | None) -> LevelClass:
    upper = activity.high
    if upper is None or upper > threshold or (upper == threshold and activity.high_included):
        return "straddles"
    if lloq is not None and (upper < lloq or (upper == lloq and not activity.high_included)):
        return "blq"
    return "low-unquantified"


def _of_range(activity: Activity, threshold: Decimal) -> LevelClass:
    if activity.low >= threshold:
        return "ok"
    upper = activity.high
    if upper is not None and (upper < threshold or (upper == threshold and not activity.high_included)):
        return "low"
    return "straddles"


def measurable(sample: ActivityMeasured) -> bool:
    """Whether the enzyme was certainly present: lower bound above zero and not below the quantification limit."""
    if sample.activity is None or sample.activity.low <= ZERO:
        return False
    return sample.lloq_iu_per_ml is None or sample.activity.low >= sample.lloq_iu_per_ml


def upper_bound(sample: ActivityMeasured, threshold: Decimal) -> Decimal | None:
    """The most activity a result allows, in IU/mL; None when it has no upper limit."""
    activity = sample.activity
    if activity is None or activity.kind == "above":
        return None
    if activity.kind == "below-quantification":
        return threshold if sample.lloq_iu_per_ml is None else sample.lloq_iu_per_ml
    return activity.high


def near_threshold(sample: ActivityMeasured, limits: Limits, elapsed: timedelta) -> bool:
    """Whether a plain number lies where the day-to-day variation of the assay could turn the reading.

    The policy's band is about the threshold inside it; a level compared with another threshold is not near that one.
    """
    policy = limits.policy
    if policy is None or sample.activity is None or sample.activity.kind != "number":
        return False
    upper = policy.near_threshold_high.value
    if not policy.near_threshold_low.value <= threshold_at(policy, elapsed) <= upper:
        return False
    if biased_method(sample):
        upper = max(upper, METHOD_BIAS_FACTOR * first_threshold(limits))
    return policy.near_threshold_low.value <= sample.activity.low <= upper


def method_bias(sample: ActivityMeasured, limits: Limits) -> bool:
    """Whether a method reads so high that another could have read below the threshold; of pegylated products (S54)."""
    if limits.policy is None or not biased_method(sample):
        return False
    assert limits.product  # noqa: S101 - a policy names known products only
    if limits.product.decision_table != "pegylated":
        return False
    if sample.activity is None or sample.activity.kind != "number":
        return False
    threshold = first_threshold(limits)
    return threshold <= sample.activity.low <= METHOD_BIAS_FACTOR * threshold


def biased_method(sample: ActivityMeasured) -> bool:
    """Whether the laboratory names the assay that is calibrated with native E. coli asparaginase."""
    return sample.method is not None and BIASED_METHOD in sample.method.upper()


def first_threshold(limits: Limits) -> Decimal:
    """The policy's threshold of its first window, in IU/mL."""
    assert limits.policy  # noqa: S101 - asked for only where a policy is known
    return min(limits.policy.time_points, key=lambda point: point.min_h.value).threshold.value
