"""Places of the keep list that say what they hold: truth, amount, URI, character set; anything else does not pass."""

from __future__ import annotations

import re
from collections.abc import Collection

from adapter.ingest.hl7v2.charsets import codec_of

TYPED = frozenset({"truth", "amount", "uri", "charset"})
LONGEST_URI_CHARACTERS = 200
_AMOUNT = re.compile(r"[+-]?\d{1,6}(?:\.\d{1,6})?")
_WEB = re.compile(r"https?://[a-z0-9.-]{1,100}(?::\d{1,5})?(?:/[A-Za-z][A-Za-z0-9._~-]{0,63}|/\d{1,4})*/?", re.ASCII)
_OID = re.compile(r"urn:oid:[0-2](?:\.\d{1,10}){1,30}")
_LONG_NUMBER = re.compile(r"\d{5,}")
"""More digits than a version or a year of a web address has; a number of a person could stand so."""


def truth(text: str) -> str:
    """A FHIR boolean, else nothing."""
    return text if text in ("true", "false") else ""


def amount(text: str) -> str:
    """A number as doses and strengths have them: up to six digits before and after the point; else nothing."""
    return text if _AMOUNT.fullmatch(text) else ""


def uri(text: str, known: Collection[str], otherwise: str) -> str:
    """The URI of a code system: one the tables know, a web address without a long number, an OID; else `otherwise`."""
    plain = len(text) <= LONGEST_URI_CHARACTERS and bool(_OID.fullmatch(text) or _WEB.fullmatch(text))
    numbered = text.startswith("http") and bool(_LONG_NUMBER.search(text))
    return text if text in known or (plain and not numbered) else otherwise


def charset(text: str) -> str:
    """The name of a character set (MSH-18), else nothing."""
    return text if codec_of(text) else ""
