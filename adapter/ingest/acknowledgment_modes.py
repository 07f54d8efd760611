"""Which acknowledgments a sender wants: original mode, or enhanced mode by MSH-15 and MSH-16 (HL7 2.5 section 2.9)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

AckMode = Literal["original", "enhanced", "auto"]
Condition = Literal["AL", "NE", "ER", "SU"]
"""HL7 table 0155: always, never, on error, on success."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """When a sender wants an accept acknowledgment (CA, CE, CR) and when an application one (AA, AE, AR)."""

    accept: Condition
    application: Condition
    original: bool = False
    """Whether they are those of original mode, whose one answer asks for nothing in turn."""

    def wants(self, code: str) -> bool:
        """Whether an acknowledgment with this MSA-1 is to be sent; none is for an empty code."""
        if not code:
            return False
        condition = self.accept if code.startswith("C") else self.application
        succeeded = code.endswith("A")
        return condition in ("AL", "SU" if succeeded else "ER")


ORIGINAL = Wishes(accept="NE", application="AL", original=True)
"""One AA or AE, whatever the message says: what original mode is in words of enhanced mode."""


def wishes(mode: AckMode, accept: str, application: str) -> Wishes:
    """The wishes of a message with these MSH-15 and MSH-16, on a port of this mode.

    Both empty mean original mode (`auto`), or an accept acknowledgment alone (`enhanced`). When one is filled, an empty
    one asks for nothing. A value of no table asks always: nobody shall wait in vain.
    """
    if mode == "original":
        return ORIGINAL
    asked = _condition(accept), _condition(application)
    if asked == (None, None):
        return ORIGINAL if mode == "auto" else Wishes(accept="AL", application="NE")
    return _asked(asked[0] or "NE", asked[1] or "NE")


@lru_cache(maxsize=16)
def _asked(accept: Condition, application: Condition) -> Wishes:
    return Wishes(accept=accept, application=application)


def _condition(field: str) -> Condition | None:
    match field.strip().upper():
        case "" | '""':
            return None
        case "NE":
            return "NE"
        case "ER":
            return "ER"
        case "SU":
            return "SU"
        case _:
            return "AL"
