"""Whether the same facts give the same findings, run after run and in whatever order they arrived."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from random import Random

from adapter.commands.bench_patients import arrived, patient
from adapter.commands.bench_rules_growth import as_of_for
from adapter.commands.bench_shapes import SHAPES, history_of
from adapter.domain.findings import Interpretation
from adapter.domain.history import resolve
from adapter.domain.policy import RuleBook
from adapter.rules.interpretation import interpret

EVENTS = (5, 50, 500)
SHAPE_EVENTS = 60
SHUFFLES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Whether every reading of the same patients was the same."""

    patients: int
    readings: int
    digest: str
    """Of all findings, every field of them."""
    equal: bool


def agreement(rulebook: RuleBook, seed: int) -> Agreement:
    """Read usual and difficult patients twice, backwards and shuffled."""
    random = Random(seed)  # noqa: S311 - repeatable, not secret
    those = [patient(number, events, seed) for number, events in enumerate(EVENTS)]
    those += [history_of(shape, SHAPE_EVENTS) for shape in SHAPES]
    told = Digest()
    readings, equal = 0, True
    for key, recorded in those:
        as_of, events = as_of_for(recorded), [item.event for item in recorded]
        orders = [events, events, events[::-1], *(random.sample(events, k=len(events)) for _ in range(SHUFFLES))]
        first, *others = [interpret(resolve(key, arrived(order)), rulebook, as_of) for order in orders]
        told.add(first)
        readings += len(orders)
        equal = equal and all(other == first for other in others)
    return Agreement(patients=len(those), readings=readings, digest=told.hex, equal=equal)


class Digest:
    """A hash over every field of some readings."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, reading: Interpretation) -> None:
        """One more reading."""
        self._hash.update(repr(reading).encode())

    @property
    def hex(self) -> str:
        """The hash so far."""
        return self._hash.hexdigest()
