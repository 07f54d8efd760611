"""Whether anything about one patient gets dearer, or another, once many other patients were interpreted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from gc import collect
from itertools import islice
from statistics import median
from time import process_time_ns

from adapter.commands.bench_measuring import Advance, bar, cpu_us, memory_mib
from adapter.commands.bench_naive import sorted_and_touched
from adapter.commands.bench_patients import patient, patients
from adapter.commands.bench_rules_digest import Digest
from adapter.commands.bench_rules_growth import as_of_for
from adapter.domain.events import Recorded
from adapter.domain.findings import Interpretation
from adapter.domain.history import resolve
from adapter.domain.policy import RuleBook
from adapter.rules.interpretation import interpret

YARDSTICK_EVENTS = 300

KeyedEvents = tuple[str, list[Recorded]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """Many different patients interpreted one after the other, by processor time; making them up is not counted."""

    patients: int
    events: int
    us_per_patient: float
    patients_per_s: float
    first_us_per_event: float
    """Median over the first thousand patients."""
    last_us_per_event: float
    machine_later_over_first: float
    """How much slower the machine itself was then: a piece of work that is always the same, done between patients."""
    memory_first_mib: float
    """After the first thousand."""
    memory_last_mib: float
    same_findings_afterwards: bool
    """Whether the first thousand patients read the same after all the others."""

    @property
    def later_over_first(self) -> float:
        """Time per event of the last thousand over that of the first, without what the machine itself did."""
        return self.last_us_per_event / self.first_us_per_event / self.machine_later_over_first

    @property
    def memory_ratio(self) -> float:
        """Memory at the end over memory after the first thousand."""
        return self.memory_last_mib / self.memory_first_mib


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """The patients of one end."""

    us: float
    events: int
    us_per_event: float
    """Of the median patient."""
    yardstick_us: float
    """What the same piece of work cost between the patients: their cost cannot have made it dearer."""
    digest: str


def many_patients(rulebook: RuleBook, seed: int, *, count: int, thousand: int) -> Crowd:
    """Interpret so many different patients, then the first thousand again."""
    crowd = patients(seed)
    yardstick = patient(0, YARDSTICK_EVENTS, seed)[1]
    with bar("different patients", count + thousand) as advance:
        collect()
        first = _apart(islice(crowd, thousand), rulebook, yardstick, advance)
        memory_first = memory_mib()
        us, events = _others(islice(crowd, count - 2 * thousand), rulebook, advance)
        last = _apart(islice(crowd, thousand), rulebook, yardstick, advance)
        memory_last = memory_mib()
        again = _apart(islice(patients(seed), thousand), rulebook, yardstick, advance)
    us += first.us + last.us
    return Crowd(
        patients=count,
        events=first.events + events + last.events,
        us_per_patient=us / count,
        patients_per_s=count / us * 1e6,
        first_us_per_event=first.us_per_event,
        last_us_per_event=last.us_per_event,
        machine_later_over_first=last.yardstick_us / first.yardstick_us,
        memory_first_mib=memory_first,
        memory_last_mib=memory_last,
        same_findings_afterwards=again.digest == first.digest,
    )


def _apart(
    those: Iterator[KeyedEvents], rulebook: RuleBook, yardstick: Sequence[Recorded], advance: Advance
) -> Stretch:
    found = Digest()
    yardsticks: list[float] = []
    costs: list[tuple[float, int]] = []
    for us, events, reading in _read(those, rulebook, advance):
        costs.append((us, events))
        yardsticks.append(cpu_us(lambda: sorted_and_touched(yardstick)))
        found.add(reading)
    return Stretch(
        us=sum(us for us, _ in costs),
        events=sum(events for _, events in costs),
        us_per_event=median(us / events for us, events in costs),
        yardstick_us=median(yardsticks),
        digest=found.hex,
    )


def _others(those: Iterator[KeyedEvents], rulebook: RuleBook, advance: Advance) -> tuple[float, int]:
    """Only the sums: what this keeps would look like memory that interpretation keeps."""
    total_us, total_events = 0.0, 0
    for us, events, _ in _read(those, rulebook, advance):
        total_us += us
        total_events += events
    return total_us, total_events


def _read(
    those: Iterator[KeyedEvents], rulebook: RuleBook, advance: Advance
) -> Iterator[tuple[float, int, Interpretation]]:
    for key, recorded in those:
        as_of = as_of_for(recorded)
        started = process_time_ns()
        reading = interpret(resolve(key, recorded), rulebook, as_of)
        us = (process_time_ns() - started) / 1000
        yield us, len(recorded), reading
        advance()
