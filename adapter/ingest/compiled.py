"""Mappings compiled once per content of the knowledge: everything an analyst's file says, as plain functions."""

from __future__ import annotations

from dataclasses import dataclass

from adapter.ingest.fhir_fields import ResourceMapping, compile_resource
from adapter.ingest.patients import system_ranks
from adapter.ingest.result_mapping import ResultMapping, compile_results
from adapter.knowledge.spec import Knowledge, Table

_KEPT_COMPILATIONS = 8
_EMPTY = Table(name="", rows=(), index={})


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """The compiled form of one Knowledge."""

    knowledge: Knowledge
    results: tuple[ResultMapping, ...]
    resources: dict[str, tuple[ResourceMapping, ...]]
    """FHIR mappings by resource type, in file order."""
    identifier_systems: Table
    ranks: dict[str, int]
    """Identifier systems in table order."""


_compilations: dict[str, Compiled] = {}


def compiled(knowledge: Knowledge) -> Compiled:
    """The compiled mappings of a Knowledge, made on first use and kept by its content hash."""
    found = _compilations.get(knowledge.hash)
    # Two hand-made values may carry one hash by mistake: only the very same value is served again.
    if found and found.knowledge is knowledge:
        return found
    made = _compile(knowledge)
    if len(_compilations) >= _KEPT_COMPILATIONS:
        _compilations.clear()
    _compilations[knowledge.hash] = made
    return made


def _compile(knowledge: Knowledge) -> Compiled:
    resources: dict[str, tuple[ResourceMapping, ...]] = {}
    for mapping in knowledge.mappings:
        if mapping.format == "fhir" and mapping.resource:
            made = compile_resource(mapping, knowledge)
            resources[mapping.resource] = (*resources.get(mapping.resource, ()), made)
    systems = knowledge.tables.get("identifier_systems", _EMPTY)
    return Compiled(
        knowledge=knowledge,
        results=tuple(compile_results(m, knowledge) for m in knowledge.mappings if m.format == "hl7v2"),
        resources=resources,
        identifier_systems=systems,
        ranks=system_ranks(systems),
    )
