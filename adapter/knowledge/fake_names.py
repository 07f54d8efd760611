"""Names that belong to nobody: the only ones a golden case may show as a patient's."""

from __future__ import annotations

import re

FAKE_NAMES = frozenset(
    {
        "ANONYMOUS",
        "BEISPIEL",
        "DEIDENTIFIED",
        "DEMO",
        "DOE",
        "DUMMY",
        "ESEMPIO",
        "EXAMPLE",
        "FAKE",
        "JANE",
        "JOHN",
        "MAX",
        "MUSTERFRAU",
        "MUSTERMANN",
        "NAME",
        "NOBODY",
        "OTHER",
        "PATIENT",
        "PAZIENTE",
        "PROVA",
        "SAMPLE",
        "SECOND",
        "SYNTHETIC",
        "TEST",
        "UNKNOWN",
    }
)
_PARTS = re.compile(r"[\^~&\s]+")
_MAKERS = re.compile(r"\d+|\"\"|[A-Z]", re.ASCII)
"""Numbers, the explicit null, single letters and codes of a name's kind (`L`) tell nobody."""


TEST_FAMILY = "ZZ"
"""How hospitals let the names of made-up patients begin, so that they stand last in every list."""


def is_fake(name: str) -> bool:
    """Whether each word of a PID-5 is on the list or says nothing, or its family name is marked as made up."""
    if name.upper().startswith(TEST_FAMILY):
        return True
    words = [word for word in _PARTS.split(name.upper()) if word]
    return all(word in FAKE_NAMES or _MAKERS.fullmatch(word) for word in words)
