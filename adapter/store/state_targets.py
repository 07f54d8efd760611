"""Since which day each target is written to, in the state file."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection, insert, select

from adapter.store.state_tables import targets_on


def first_on(connection: Connection, target: str, today: date) -> date:
    """The day a target first went on; today, and remembered, when it never did before."""
    found = connection.execute(select(targets_on.c.first_on).where(targets_on.c.target == target)).scalar_one_or_none()
    if found is not None:
        return date.fromisoformat(found)
    connection.execute(insert(targets_on).values(target=target, first_on=today.isoformat()))
    return today
