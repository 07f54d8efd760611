"""The separators a message declares in MSH-1 and MSH-2."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True, kw_only=True)
class Delimiters:
    """Field separator and encoding characters of one message (HL7 2.5 section 2.5.4); empty when not declared."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    truncation: str = ""

    def __hash__(self) -> int:
        """Of what tells nearly all senders apart: fields are remembered by their delimiters, and looked up so."""
        return hash((self.field, self.component))

    @property
    def encoding(self) -> str:
        """MSH-2 as these delimiters are declared."""
        return self.component + self.repetition + self.escape + self.subcomponent + self.truncation


STANDARD = Delimiters()


def declares(encoding: str) -> bool:
    """Whether MSH-2 declares delimiters: an empty one does not, nor one with letters, as when MSH-2 was left out."""
    return bool(encoding) and not any(mark.isalnum() for mark in encoding[:5])


def declared_delimiters(field: str, encoding: str) -> Delimiters:
    """The delimiters of MSH-1 and MSH-2: one that declares none means the standard ones, a short one no others."""
    # What a peer writes behind the fifth sign declares nothing, and is not to be remembered.
    return _declared(field, encoding[:5])


@lru_cache(maxsize=256)
def _declared(field: str, encoding: str) -> Delimiters:
    if not declares(encoding):
        return Delimiters(field=field or STANDARD.field)
    component, repetition, escape, subcomponent, truncation = (*encoding, "", "", "", "")[:5]
    return Delimiters(
        field=field,
        component=component,
        repetition=repetition,
        escape=escape,
        subcomponent=subcomponent,
        truncation=truncation,
    )
