"""Every dose of a patient judged in the order of time, for later doses are read in the light of earlier ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from adapter.domain.events import PremedicationGiven
from adapter.domain.history import BEFORE_ALL
from adapter.rules.combine import ESTABLISHED, combined
from adapter.rules.confirmation import JudgedDose, confirmed, measured_in_full
from adapter.rules.contradictions import Placed, contradictions
from adapter.rules.decision import undecided
from adapter.rules.episodes import Episode
from adapter.rules.limits import days
from adapter.rules.linking import collection_span
from adapter.rules.premedication import drugs_by_time, premedication_of
from adapter.rules.reactions import LinkedReactions, Reaction, any_severe, dose_name, reacted
from adapter.rules.reading import Context, Possibility, Reading, read_sample
from adapter.rules.unlinked_reactions import Beside, unlinked_by_dose

NOTHING_BESIDE = Beside()


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """A dose that may still supply activity, and until how long after the start of the calendar."""

    until: timedelta
    dose: Episode | None


NO_SUPPLY = Supply(until=timedelta(0), dose=None)


def judged(
    episodes: Sequence[Episode],
    placed: Sequence[Placed],
    linked: LinkedReactions,
    premedications: Sequence[PremedicationGiven],
) -> tuple[JudgedDose, ...]:
    """Judge all doses; `placed` are sample and dose pairs in the order of collection."""
    unlinked, drugs = unlinked_by_dose(linked, episodes), drugs_by_time(premedications)
    readings = _agreed(_readings(episodes, placed, linked.by_dose))
    measured: dict[str, JudgedDose] = {}
    supplies: dict[str, Supply] = {}
    doses: list[JudgedDose] = []
    for episode in episodes:
        name, family = dose_name(episode), episode.family
        others = _longest(supply for other, supply in supplies.items() if other != family)
        own = [_without_residual(reading, others) for reading in readings[name]]
        beside = unlinked.get(name, NOTHING_BESIDE)
        dose = _judged(
            episode,
            confirmed(episode, own, measured.get(family)),
            linked.by_dose.get(name, ()),
            premedication_of(episode, drugs),
            beside,
        )
        doses.append(dose)
        if measured_in_full(dose):
            measured[family] = dose
        supplies[family] = _longest([supplies.get(family, NO_SUPPLY), _supply_after(dose)])
    return tuple(doses)


def _judged(
    episode: Episode,
    readings: tuple[Reading, ...],
    reactions: tuple[Reaction, ...],
    premedication: tuple[PremedicationGiven, ...],
    beside: Beside,
) -> JudgedDose:
    after_dose = reacted(reactions)
    return JudgedDose(
        episode=episode,
        reactions=reactions,
        reacted=after_dose,
        premedication=premedication,
        readings=readings,
        combined=combined(episode, readings, after_dose),
        unlinked=beside.listed,
        unlinked_not_listed=beside.others,
    )


def _readings(
    episodes: Sequence[Episode], placed: Sequence[Placed], reactions: dict[str, tuple[Reaction, ...]]
) -> dict[str, list[Reading]]:
    by_dose: dict[str, list[Placed]] = defaultdict(list)
    for sample, placement in placed:
        by_dose[dose_name(placement.episode)].append((sample, placement))
    return {dose_name(episode): _readings_of(episode, by_dose[dose_name(episode)], reactions) for episode in episodes}


def _readings_of(
    episode: Episode, placed: Sequence[Placed], reactions: dict[str, tuple[Reaction, ...]]
) -> list[Reading]:
    linked = reactions.get(dose_name(episode), ())
    against = contradictions(episode, placed)
    context = Context(reaction=reacted(linked), severe=any_severe(linked), ok_in_window=False)
    readings = [_read(pair, context, against) for pair in placed]
    good = [r for r in readings if r.good_in_window and not r.placement.ambiguous]
    if not good:
        return readings
    # What the only good level of a dose says does not hang on another one, and is not asked again.
    only, kept = good[0] if len(good) == 1 else None, replace(context, ok_in_window=True)
    return [r if r is only else _read(pair, kept, against) for r, pair in zip(readings, placed, strict=True)]


def _read(placed: Placed, context: Context, against: dict[str, str]) -> Reading:
    sample, placement = placed
    return read_sample(sample, placement, context, contradiction=against.get(f"{sample.source}|{sample.key}"))


def _agreed(readings: dict[str, list[Reading]]) -> dict[str, list[Reading]]:
    """Where a sample may belong to several doses, its verdict stands only if it is the same for all (ruling 6)."""
    possible: dict[str, list[Possibility]] = defaultdict(list)
    for reading in (reading for own in readings.values() for reading in own):
        possible[_name(reading)].append(_possibility(reading))
    return {
        name: [_owned(_withheld(reading, tuple(possible[_name(reading)])), possible[_name(reading)]) for reading in own]
        for name, own in readings.items()
    }


def _possibility(reading: Reading) -> Possibility:
    return Possibility(
        episode=reading.placement.episode,
        rule=reading.rule,
        exposure=reading.exposure,
        mechanism=reading.mechanism,
        inside=reading.placement.certainly_inside,
    )


def _name(reading: Reading) -> str:
    return f"{reading.sample.source}|{reading.sample.key}"


def _withheld(reading: Reading, possible: tuple[Possibility, ...]) -> Reading:
    if len({(one.exposure, one.mechanism) for one in possible}) == 1:
        return reading
    if reading.usability != "usable" or reading.rule == "D2":
        return reading
    has_reaction = reading.mechanism not in WITHOUT_REACTION
    rule = undecided(reacted=has_reaction)
    return replace(reading, rule=rule.id, exposure=rule.exposure, mechanism=rule.mechanism, possibilities=possible)


def _owned(reading: Reading, possible: Sequence[Possibility]) -> Reading:
    """A good level that another family's dose may own as well, and may still supply, is credited to neither."""
    family = reading.placement.episode.family
    return _without_residual(reading, _longest(_supply(o.episode) for o in possible if o.episode.family != family))


WITHOUT_REACTION = (
    "not-assessable",
    "no-evidence-of-inactivation",
    "below-target-not-inactivation",
    "suspected-silent-inactivation",
)


def _without_residual(reading: Reading, others: Supply) -> Reading:
    """A good level is not credited to this dose while another family's dose may still be active (ruling 9)."""
    taken = collection_span(reading.sample)
    assert taken  # noqa: S101 - a sample without any time has no dose to be read against
    if reading.level != "ok" or taken.earliest - BEFORE_ALL >= others.until:
        return reading
    rule = undecided(reacted=reading.mechanism not in WITHOUT_REACTION)
    return replace(reading, rule=rule.id, exposure=rule.exposure, mechanism=rule.mechanism, residual_from=others.dose)


def _supply_after(dose: JudgedDose) -> Supply:
    """What a judged dose may still supply; an established loss ends that at once."""
    return NO_SUPPLY if dose.combined.mechanism in ESTABLISHED else _supply(dose.episode)


def _supply(episode: Episode) -> Supply:
    product, anchor = episode.limits.product, episode.anchor
    if product is None or anchor is None:
        return NO_SUPPLY
    return Supply(until=anchor.latest - BEFORE_ALL + days(product.residual_days.value), dose=episode)


def _longest(supplies: Iterable[Supply]) -> Supply:
    return max(supplies, key=lambda supply: supply.until, default=NO_SUPPLY)
