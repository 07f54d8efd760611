"""Everything that qualifies a verdict without changing it, in the order of the finding codes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from adapter.domain.events import ActivityMeasured
from adapter.domain.findings import MODIFIERS
from adapter.domain.history import fact_name
from adapter.rules.confirmation import JudgedDose
from adapter.rules.episodes import UNSPECIFIED, short_gap
from adapter.rules.families import FamilyBefore
from adapter.rules.limits import Limits, days
from adapter.rules.linking import same_day
from adapter.rules.premedication import is_premedication
from adapter.rules.qualify import data_faults, method_bias, near_threshold
from adapter.rules.reading import Reading

_PLACE = {code: place for place, code in enumerate(MODIFIERS)}


def ordered(codes: Iterable[str]) -> tuple[str, ...]:
    """Modifier codes once each, in contract order; words that are no modifier are left out."""
    return tuple(sorted(_PLACE.keys() & codes, key=_PLACE.__getitem__))


def modifiers_of(dose: JudgedDose, family_before: FamilyBefore, corrected: frozenset[str]) -> tuple[str, ...]:
    """The modifiers of one dose; `family_before` are the judged doses of its family before it."""
    of_samples = (code for reading in dose.readings for code in _of_reading(reading, corrected))
    return ordered((*_of_dose(dose, family_before), *_of_reactions(dose), *of_samples))


def modifiers_of_sample(sample: ActivityMeasured, limits: Limits, corrected: frozenset[str]) -> Iterator[str]:
    """The modifiers a sample has by itself, whatever dose it belongs to."""
    not_collected = sample.status in ("pending", "not-asked") and sample.collected is None
    yield from (remark for remark in sample.remarks if not (not_collected and remark == "sample-time-missing"))
    yield from data_faults(sample, limits)
    if sample.status in ("preliminary", "cancelled"):
        yield "preliminary" if sample.status == "preliminary" else "specimen-quality"
    if sample.status == "corrected" or fact_name(sample) in corrected:
        yield "corrected"
    if sample.collected is None and not not_collected:
        yield "sample-time-missing"
    if sample.collected is not None and sample.collected.date_only:
        yield "date-only"


def _of_reading(reading: Reading, corrected: frozenset[str]) -> Iterator[str]:
    limits = reading.placement.episode.limits
    yield from modifiers_of_sample(reading.sample, limits, corrected)
    if reading.placement.date_only:
        yield "date-only"
    if same_day(reading.placement):
        yield "same-day-ambiguous"
    if reading.contradiction == "discordant":
        yield "discordant"
    if reading.residual:
        yield "cross-family-residual"
    if reading.level == "low-unquantified":
        yield "unquantified-below"
    if reading.usability != "no-level":
        yield from _of_time(reading)
    if reading.level is not None:
        yield from _of_level(reading, limits)


def _of_time(reading: Reading) -> Iterator[str]:
    if reading.early:
        yield "early"
    if reading.late:
        yield "late"


def _of_level(reading: Reading, limits: Limits) -> Iterator[str]:
    if near_threshold(reading.sample, limits, reading.placement.least):
        yield "near-threshold"
    if method_bias(reading.sample, limits):
        yield "method-bias"


def _of_dose(dose: JudgedDose, family_before: FamilyBefore) -> Iterator[str]:
    episode = dose.episode
    yield from (remark for row in episode.rows for remark in row.remarks)
    if episode.product == UNSPECIFIED:
        yield "product-ambiguous"
    if episode.settled and episode.portion != "full":
        yield "partial-dose"
    if episode.settled and episode.portion == "unknown":
        yield "dose-unknown"
    if any(is_premedication(drug) for drug in dose.premedication):
        yield "premedicated"
    if any(not is_premedication(drug) for drug in dose.premedication):
        yield "systemic-steroid"
    if not family_before:
        yield "first-dose"
    if family_before.established:
        yield "prior-inactivation"
    if _carried_over(dose, family_before):
        yield "same-family-carryover"


def _carried_over(dose: JudgedDose, family_before: FamilyBefore) -> bool:
    if not family_before or all(reading.level is None for reading in dose.readings):
        return False
    product = dose.episode.limits.product
    assert product  # noqa: S101 - a level has a policy, and a policy names known products only
    return short_gap(family_before[-1].episode, dose.episode, days(product.carryover_days.value))


def _of_reactions(dose: JudgedDose) -> Iterator[str]:
    for reaction in dose.reactions:
        if reaction.counts and reaction.grade_from in ("severity", "manifestation", "text"):
            yield "grade-mapped"
        if reaction.counts and reaction.unconfirmed:
            yield "reaction-unconfirmed"
        if reaction.counts and reaction.date_only:
            yield "date-only"
        if reaction.verification == "refuted":
            yield "reaction-refuted"
    if any(entry.urgent for entry in dose.unlinked):
        yield "reaction-unconfirmed"
