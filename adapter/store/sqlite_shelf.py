"""What the facade reads of the state file: the resources as they were last rendered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from adapter.store import state_facts, state_identities, state_search
from adapter.store.search import Comparison, Entry, Place, Query, Token
from adapter.store.sql_database import Database


class SqliteShelf:
    """The part of the state file that is offered to be read and searched."""

    _database: Database

    def named_by(self, reference: str) -> tuple[str, ...]:
        """The patients (`<system>|<value>`) whom `Patient/<id>` names, whatever its source, in order."""
        with self._database.read() as connection:
            return state_facts.named_by(connection, reference)

    def resource(self, resource_type: str, resource_id: str) -> Entry | None:
        """One resource as last rendered: (body, version, last updated)."""
        with self._database.read() as connection:
            return state_search.read_resource(connection, resource_type, resource_id)

    def resources(self, *resource_types: str) -> dict[str, dict[str, Any]]:
        """`Type/id` and body of every resource of these types as last rendered, in order."""
        with self._database.read() as connection:
            return state_search.read_resources(connection, resource_types)

    def search(
        self,
        resource_type: str,
        *,
        patients: Sequence[str] | None = None,
        identifier: Sequence[Sequence[Token]] = (),
        code: Sequence[Sequence[Token]] = (),
        status: Sequence[Sequence[Token]] = (),
        last_updated: Sequence[tuple[Comparison, datetime]] = (),
        ids: Sequence[str] | None = None,
        count: int = 50,
        after: Place | None = None,
    ) -> tuple[int, list[Entry]]:
        """How many resources match, and at most `count` of them behind `after`, by last update and id."""
        query = Query(
            resource_type=resource_type,
            patients=patients,
            identifier=identifier,
            code=code,
            status=status,
            last_updated=last_updated,
            ids=ids,
        )
        with self._database.read() as connection:
            if patients is not None:
                query = replace(query, patients=state_identities.groups_of(connection, patients))
            return state_search.search(connection, query, count, after)
