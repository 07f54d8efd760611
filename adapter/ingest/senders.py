"""What a site says of one sender: how its messages are read where they are silent, and how they are answered."""

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
    warn_in_err: bool = False
    """Whether warnings stand in the answer too, as ERR of severity W."""
    cannot_store: Literal["close", "AR"] = "close"
    """What this sender meets when its message cannot be kept: a closed connection, or AR."""
    default_charset: str | None = None


RulesFor = Callable[[str], SenderRules]
"""The settings of a sender by its `MSH-3.1|MSH-4.1`."""
