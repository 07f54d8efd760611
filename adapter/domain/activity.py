"""An asparaginase activity as an interval in IU/mL, and what the laboratory actually wrote."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Comparator = Literal["<", "<=", ">", ">="]
ActivityKind = Literal["number", "below", "above", "range", "below-quantification"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """The interval, in IU/mL, that a reported value stands for (clinical rulebook 2.4).

    `number`: a plain value, low == high.  `below`/`above`: sent with a comparator.  `range`: `0.1-0.2`.
    `below-quantification`: zero, a negative number, or words such as "not detected"; `high` is then None
    and the quantification limit of the event decides.
    """

    kind: ActivityKind
    low: Decimal
    high: Decimal | None
    low_included: bool = True
    high_included: bool = True
    comparator: Comparator | None = None
    number: Decimal | None = None
    """The single number that was sent, in IU/mL, digits kept; None for ranges and words."""
    factor: Decimal = Decimal(1)
    """The unit factor that led to IU/mL: 0.001 came from IU/L (plausibility, ruling 2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """The value as the laboratory sent it: number and unit separated, and the whole text."""

    value: str | None
    unit: str | None
    text: str
