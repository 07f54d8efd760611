"""The variations that are met in the field, each with the sentence that says what it is."""

from __future__ import annotations

from collections.abc import Iterator

from adapter.commands.vary_edit import Good
from adapter.commands.vary_fields import field_variations
from adapter.commands.vary_sequences import sequence_variations
from adapter.commands.vary_structure import structure_variations
from adapter.commands.vary_times import time_variations
from adapter.commands.vary_values import value_variations
from adapter.commands.vary_variation import Variation
from adapter.knowledge.spec import Knowledge


def variations_of(good: Good, knowledge: Knowledge) -> Iterator[Variation]:
    """Every variation of a message, names sorted within their kind."""
    yield from structure_variations(good)
    yield from field_variations(good, knowledge)
    yield from value_variations(good)
    yield from time_variations(good)
    yield from sequence_variations(good)
