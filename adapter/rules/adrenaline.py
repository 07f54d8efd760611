"""Whether the text of a reaction record says that adrenaline was given for it: a sign of severity (rulebook 2.8)."""

from __future__ import annotations

import re

_DRUG = r"\b(?:adrenaline?|epinephrine?)\b"
_SENTENCE_END = re.compile(r"[.;!?\n]+")
_NAMED = re.compile(_DRUG)
# An order or a syringe at the bedside is no dose given (rulebook 2.10), and a denial is none either.
_NOT_GIVEN = re.compile(
    rf"\b(?:no|not|without|never|neither|nor|kein|keine|ohne)\b[^,]*{_DRUG}"
    rf"|{_DRUG}\W*(?:\w+\s+){{0,3}}?(?:not|never|withheld|nicht)\b"
    rf"|{_DRUG}\s*[:=(-]\s*(?:no|none|nil)\b"
    r"|\bnot (?:given|needed|required|used|administered|necessary)\b"
    r"|\b(?:if|in case|prn|as needed|stand-?by|available|prepared|at hand|bedside)\b"
)


def adrenaline_given(text: str) -> bool:
    """Whether a sentence names adrenaline or epinephrine without denying it or keeping it ready only."""
    sentences = _SENTENCE_END.split(text.casefold())
    return any(_NAMED.search(sentence) and not _NOT_GIVEN.search(sentence) for sentence in sentences)
