"""How the cost of interpreting one patient grows with the patient's events, for usual and for difficult histories."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from gc import collect
from statistics import mean, median

from adapter.commands.bench_measuring import Advance, bar, growth, mean_cpu_us, n_log_n_growth
from adapter.commands.bench_naive import each_with_each, resource_of, sorted_and_touched, through_models, time_of
from adapter.commands.bench_patients import patient
from adapter.commands.bench_shapes import SHAPES, history_of
from adapter.domain.events import Recorded
from adapter.domain.history import History, resolve
from adapter.domain.policy import RuleBook
from adapter.rules.interpretation import in_words, interpret, judge

EVENTS_OF_A_ROUND = 600
"""So many events in small patients, but no fewer than one patient and no more than forty, are measured in a round."""
LEAST_CALLS_EVENTS = 25
"""Small patients are interpreted again and again until so many events were read: a clock has a grain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeCost:
    """Microseconds of processor time per patient with so many events, medians over rounds."""

    events: int
    resolve_us: float
    """From all versions of all facts to the history that holds now."""
    verdicts_us: float
    words_us: float
    """Sentences, evidence and the printed shape."""
    sorted_us: float
    each_with_each_us: float
    models_us: float

    @property
    def together_us(self) -> float:
        """A whole re-interpretation: resolve, verdicts, words."""
        return self.resolve_us + self.verdicts_us + self.words_us


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeGrowth:
    """How cost grows where a history has much of one kind."""

    shape: str
    events: int
    us: float
    """Of the larger history."""
    exponent: float
    n_log_n: float
    """The exponent of n log n between the same two sizes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """One patient, ready to be measured."""

    key: str
    recorded: Sequence[Recorded]
    history: History
    as_of: datetime


def prepared(key: str, recorded: Sequence[Recorded]) -> Prepared:
    """A patient with its history resolved, and the time it is read at."""
    return Prepared(key=key, recorded=recorded, history=resolve(key, recorded), as_of=as_of_for(recorded))


def as_of_for(recorded: Sequence[Recorded]) -> datetime:
    """One day after the last thing that happened."""
    return max(time_of(item.event) for item in recorded) + timedelta(days=1)


def cost_by_size(rulebook: RuleBook, seed: int, *, rounds: int, sizes: Sequence[int]) -> list[SizeCost]:
    """The cost of usual patients; every round measures everything once, so that a noisy minute touches all alike."""
    patients = {
        events: [
            prepared(*patient(number, events, seed)) for number in range(min(40, max(1, EVENTS_OF_A_ROUND // events)))
        ]
        for events in sizes
    }
    measured: dict[int, list[SizeCost]] = {events: [] for events in patients}
    with bar("events of one patient", rounds * len(patients)) as advance:
        for _ in range(rounds):
            for events, those in patients.items():
                collect()
                measured[events].append(_over([_cost(each, rulebook) for each in those], mean))
                advance()
    return [_over(costs, median) for costs in measured.values()]


def _cost(patient: Prepared, rulebook: RuleBook) -> SizeCost:
    key, recorded, history, as_of = patient.key, patient.recorded, patient.history, patient.as_of
    events = len(recorded)
    calls = max(1, LEAST_CALLS_EVENTS // events)
    judged = judge(history, rulebook, as_of)
    models = through_models([resource_of(item.event) for item in recorded])
    return SizeCost(
        events=events,
        resolve_us=mean_cpu_us(lambda: resolve(key, recorded), calls),
        verdicts_us=mean_cpu_us(lambda: judge(history, rulebook, as_of), calls),
        words_us=mean_cpu_us(lambda: in_words(judged, history, as_of), calls),
        sorted_us=mean_cpu_us(lambda: sorted_and_touched(recorded), calls),
        each_with_each_us=mean_cpu_us(lambda: each_with_each(recorded), calls),
        models_us=mean_cpu_us(models, calls),
    )


def _over(costs: Sequence[SizeCost], taken: Callable[[Sequence[float]], float]) -> SizeCost:
    """One value per column from several costs of the same size."""
    columns = [field.name for field in fields(SizeCost) if field.name != "events"]
    values = {column: taken([getattr(cost, column) for cost in costs]) for column in columns}
    return SizeCost(events=costs[0].events, **values)


def cost_by_shape(rulebook: RuleBook, *, rounds: int, sizes: tuple[int, int]) -> list[ShapeGrowth]:
    """The growth of cost for histories that are hard to interpret fast."""
    histories = {shape: [prepared(*history_of(shape, size)) for size in sizes] for shape in SHAPES}
    with bar("difficult histories", len(histories)) as advance:
        return list(_shape_growths(histories, rulebook, rounds, advance))


def _shape_growths(
    histories: dict[str, list[Prepared]], rulebook: RuleBook, rounds: int, advance: Advance
) -> Iterator[ShapeGrowth]:
    for shape, (small, large) in histories.items():
        collect()
        sizes = (len(small.recorded), len(large.recorded))
        # As many events in one measurement as in the other, and compared within a round: a busy minute slows both.
        calls = max(1, sizes[1] // sizes[0])
        costs = [(_whole(small, rulebook, calls=calls), _whole(large, rulebook, calls=1)) for _ in range(rounds)]
        yield ShapeGrowth(
            shape=shape,
            events=sizes[1],
            us=median(many for _, many in costs),
            exponent=median(growth([(sizes[0], few), (sizes[1], many)]) for few, many in costs),
            n_log_n=n_log_n_growth(sizes),
        )
        advance()


def _whole(patient: Prepared, rulebook: RuleBook, *, calls: int) -> float:
    return mean_cpu_us(
        lambda: interpret(resolve(patient.key, patient.recorded), rulebook, patient.as_of),
        calls,
    )
