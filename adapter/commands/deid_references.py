"""FHIR references and URLs of resources: the type stays, the id becomes its pseudonym, the server a made-up one."""

from __future__ import annotations

import re
from collections.abc import Callable

SERVER = "https://server.example/fhir"
_URN = re.compile(r"(urn:(?:uuid|oid):)(.+)", re.IGNORECASE | re.DOTALL)
_RESOURCE = re.compile(
    r"(?P<server>[a-z][a-z0-9+.-]*://.*/|/)?(?P<type>[A-Za-z]+)/(?P<id>[^/?#]+)(?P<version>/_history/[^/?#]+)?/?"
)


def moved_reference(text: str, pseudonym: Callable[[str], str], types: frozenset[str]) -> str:
    """A reference with its id as pseudonym; a search keeps its type only, and what is none of these nothing at all."""
    text = text.strip()
    if text.startswith("#"):
        return f"#{pseudonym(text[1:])}" if len(text) > 1 else text
    urn = _URN.fullmatch(text)
    if urn:
        return f"{urn[1].lower()}{pseudonym(urn[2])}"
    found = _RESOURCE.fullmatch(text)
    if found and found["type"] in types:
        server = f"{SERVER}/" if found["server"] and "://" in found["server"] else ""
        return f"{server}{found['type']}/{pseudonym(found['id'])}"
    kind = text.partition("?")[0]
    return kind if kind in types else ""
