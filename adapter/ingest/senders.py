"""What a site says of one sender: how its messages are to be read where they are silent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderRules:
    """Settings of one sender (`MSH-3.1|MSH-4.1`)."""

    zone: tzinfo | None = None
    """For times without an offset when MSH-7 has none either; None means every zone is possible."""
    decimal_comma: bool = False
    """Whether `1,23` is a number of this sender."""
    assumed_unit: str | None = None
    """The unit an empty OBX-6 stands for, as a spelling of tables/units.csv or a canonical unit."""
    unsupported: Literal["AA", "AE", "AR"] = "AE"
    """Answer to a message of another type that names an asparaginase code."""
    content_errors: Literal["AE", "AA"] = "AE"
    """Answer to a message with a problem of severity error."""
    default_charset: str | None = None


RulesFor = Callable[[str], SenderRules]
"""The settings of a sender by its `MSH-3.1|MSH-4.1`."""
