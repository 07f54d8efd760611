"""Scopes of SMART Backend Services: `system/Type.cruds` of version 2, `.read` and `.write` of version 1."""

from __future__ import annotations

import re
from collections.abc import Sequence

SYSTEM_SCOPE = re.compile(r"system/(?P<type>\*|[A-Za-z]+)\.(?P<rights>\*|read|write|c?r?u?d?s?)")
"""https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html; the letters in this order."""
VERSION_1 = {"read": "rs", "write": "cud", "*": "cruds"}
Scope = tuple[str, frozenset[str]]


def is_scope(text: str) -> bool:
    """May this be asked for: letters of RFC 6749 3.3, and the rights in their order where it is one of the system?"""
    return bool(re.fullmatch(r"[\x21\x23-\x5b\x5d-\x7e]+", text)) and (
        not text.startswith("system/") or _parsed(text.partition("?")[0]) is not None
    )


def as_version_1(scopes: Sequence[str]) -> tuple[str, ...]:
    """The same in words of version 1, which knows only to read (search too) and to write (create, update, delete)."""
    found: list[str] = []
    for scope in scopes:
        parsed = _parsed(scope)
        if parsed is None:
            found.append(scope)
            continue
        resource_type, rights = parsed
        found += [f"system/{resource_type}.{word}" for word in ("read", "write") if rights & set(VERSION_1[word])]
    return tuple(found)


def not_granted(asked: Sequence[str], granted: Sequence[str]) -> tuple[str, ...]:
    """What was asked for and is not, or not wholly, among what was granted."""
    held = [parsed for scope in granted if (parsed := _parsed(scope))]
    return tuple(scope for scope in asked if not _covered(scope, held, granted))


def _covered(scope: str, held: Sequence[Scope], granted: Sequence[str]) -> bool:
    parsed = _parsed(scope)
    if parsed is None:
        return scope in granted
    resource_type, rights = parsed
    given = [letters for other, letters in held if other in ("*", resource_type)]
    return rights <= frozenset().union(*given)


def _parsed(scope: str) -> Scope | None:
    """Type and rights of a scope of the system; a finer one (`?category=`) and one of another kind are None."""
    found = SYSTEM_SCOPE.fullmatch(scope)
    if found is None or not found["rights"]:
        return None
    return found["type"], frozenset(VERSION_1.get(found["rights"], found["rights"]))
