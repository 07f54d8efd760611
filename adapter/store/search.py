"""What the facade may ask of the written resources: FHIR search parameters as plain values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Comparison = Literal["eq", "ne", "ge", "gt", "le", "lt"]
Token = tuple[str | None, str | None]
"""(system, code) of a token search: system None is any system, `""` is none at all; code None is any code."""
Entry = tuple[dict[str, Any], int, datetime]
"""(body, version, last updated)"""
Place = tuple[datetime, str]
"""(last updated, id) of the last entry of a page: where the next page begins."""

PARAMETERS = ("identifier", "code", "status")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One search of one resource type; everything given must hold.

    `identifier`, `code`, `status`: each inner sequence is an OR, the outer one an AND.
    """

    resource_type: str
    patients: Sequence[str] | None = None
    """Patient keys `<system>|<value>`; None for all patients."""
    identifier: Sequence[Sequence[Token]] = ()
    code: Sequence[Sequence[Token]] = ()
    status: Sequence[Sequence[Token]] = ()
    last_updated: Sequence[tuple[Comparison, datetime]] = ()
    ids: Sequence[str] | None = None

    @property
    def tokens(self) -> Iterator[tuple[str, Sequence[Token]]]:
        """(parameter, alternatives) for every token condition."""
        for parameter, conditions in zip(PARAMETERS, (self.identifier, self.code, self.status), strict=True):
            for alternatives in conditions:
                yield parameter, alternatives


def tokens_of(body: dict[str, Any]) -> set[tuple[str, str, str]]:
    """(parameter, system, code) under which a resource is found; no system is the empty text."""
    found = {("identifier", i.get("system", ""), i["value"]) for i in _list(body.get("identifier")) if "value" in i}
    code = body.get("code")
    codings = _list(code.get("coding")) if isinstance(code, dict) else []
    found |= {("code", coding.get("system", ""), coding["code"]) for coding in codings if "code" in coding}
    if isinstance(body.get("status"), str):
        found.add(("status", "", body["status"]))
    return found


def _list(value: Any) -> list[dict[str, Any]]:  # noqa: ANN401 (any element of a resource)
    every = value if isinstance(value, list) else [value]
    return [element for element in every if isinstance(element, dict)]
