"""Every dose of a patient judged in the order of time, for later doses are read in the light of earlier ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from adapter.domain.events import ActivityMeasured, PremedicationGiven
from adapter.rules.combine import ESTABLISHED, combined
from adapter.rules.confirmation import JudgedDose, confirmed
from adapter.rules.contradictions import Placed, contradictions
from adapter.rules.decision import undecided
from adapter.rules.episodes import Episode
from adapter.rules.limits import days
from adapter.rules.linking import collection_span
from adapter.rules.premedication import premedication_of
from adapter.rules.reactions import LinkedReactions, Reaction, any_severe, dose_name, reacted
from adapter.rules.reading import Context, Possibility, Reading, read_sample
from adapter.rules.unlinked_reactions import unlinked_by_dose

Linked = Sequence[tuple[ActivityMeasured, tuple[Placed, ...]]]


def judged(
    episodes: Sequence[Episode],
    placed: Sequence[Placed],
    linked: LinkedReactions,
    premedications: Sequence[PremedicationGiven],
) -> tuple[JudgedDose, ...]:
    """Judge all doses; `placed` are sample and dose pairs in the order of collection."""
    reactions, unlinked = linked.by_dose, unlinked_by_dose(linked, episodes)
    readings = _agreed(_readings(episodes, placed, reactions))
    before: list[JudgedDose] = []
    family: dict[str, list[JudgedDose]] = defaultdict(list)
    for episode in episodes:
        others = [old for old in before if old.episode.family != episode.family]
        own = [_without_residual(reading, others) for reading in readings[dose_name(episode)]]
        after_dose = reactions.get(dose_name(episode), ())
        dose = JudgedDose(
            episode=episode,
            reactions=after_dose,
            reacted=reacted(after_dose),
            premedication=premedication_of(episode, premedications),
            readings=tuple(own),
            combined=combined(episode, own, reacted(after_dose)),
            unlinked=unlinked.get(dose_name(episode), ()),
        )
        dose = confirmed(dose, family[episode.family])
        before.append(dose)
        family[episode.family].append(dose)
    return tuple(before)


def _readings(
    episodes: Sequence[Episode], placed: Sequence[Placed], reactions: dict[str, tuple[Reaction, ...]]
) -> dict[str, list[Reading]]:
    by_dose: dict[str, list[Placed]] = defaultdict(list)
    for sample, placement in placed:
        by_dose[dose_name(placement.episode)].append((sample, placement))
    return defaultdict(
        list,
        {
            dose_name(episode): _readings_of(episode, by_dose[dose_name(episode)], reactions)
            for episode in episodes
            if dose_name(episode) in by_dose
        },
    )


def _readings_of(
    episode: Episode, placed: Sequence[Placed], reactions: dict[str, tuple[Reaction, ...]]
) -> list[Reading]:
    linked = reactions.get(dose_name(episode), ())
    against = contradictions(episode, placed)
    context = Context(reaction=reacted(linked), severe=any_severe(linked))
    readings = [_read(pair, context, against) for pair in placed]
    if not any(reading.good_in_window and not reading.placement.ambiguous for reading in readings):
        return readings
    return [_read(pair, replace(context, ok_in_window=True), against) for pair in placed]


def _read(placed: Placed, context: Context, against: dict[str, str]) -> Reading:
    sample, placement = placed
    return read_sample(sample, placement, context, contradiction=against.get(f"{sample.source}|{sample.key}"))


def _agreed(readings: dict[str, list[Reading]]) -> dict[str, list[Reading]]:
    """Where a sample may belong to several doses, its verdict stands only if it is the same for all (ruling 6)."""
    possible: dict[str, list[Possibility]] = defaultdict(list)
    for reading in (reading for own in readings.values() for reading in own):
        possible[_name(reading)].append(_possibility(reading))
    agreed = {
        name: [_withheld(reading, tuple(possible[_name(reading)])) for reading in own] for name, own in readings.items()
    }
    return defaultdict(list, agreed)


def _possibility(reading: Reading) -> Possibility:
    return Possibility(
        episode=reading.placement.episode,
        rule=reading.rule,
        exposure=reading.exposure,
        mechanism=reading.mechanism,
        inside=reading.placement.inside and reading.placement.exact,
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


WITHOUT_REACTION = (
    "not-assessable",
    "no-evidence-of-inactivation",
    "below-target-not-inactivation",
    "suspected-silent-inactivation",
)


def _without_residual(reading: Reading, others: Sequence[JudgedDose]) -> Reading:
    """A good level is not credited to this dose while another family's dose may still be active (ruling 9)."""
    if reading.level != "ok" or not any(_still_active(old, reading) for old in reversed(others)):
        return reading
    rule = undecided(reacted=reading.mechanism not in WITHOUT_REACTION)
    return replace(reading, rule=rule.id, exposure=rule.exposure, mechanism=rule.mechanism, residual=True)


def _still_active(old: JudgedDose, reading: Reading) -> bool:
    episode, product = old.episode, old.episode.limits.product
    taken = collection_span(reading.sample)
    if product is None or episode.anchor is None or taken is None or old.combined.mechanism in ESTABLISHED:
        return False
    return taken.earliest - episode.anchor.latest < days(product.residual_days.value)
