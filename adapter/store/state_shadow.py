"""What a target in shadow would get, in the state file: the present state, and what has become history meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, select

from adapter.domain.outputs import Written
from adapter.store.encoding import read_object
from adapter.store.state_outputs import PROVENANCE, WRITTEN, read_written
from adapter.store.state_tables import outbox, resources

Past = Literal["closed", "retracted", "withheld", "explains-no-present"]
"""Why a target that goes on need not get it."""
Withheld = Callable[[Written], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadowed:
    """One resource a target in shadow is owed."""

    patient: str
    kind: str
    resource_type: str
    id: str
    topic: str | None
    body: dict[str, Any] = field(hash=False)
    queued_at: datetime
    past: Past | None
    """None: it would be sent."""


def shadowed(connection: Connection, target: str, withheld: Withheld) -> list[Shadowed]:
    """Everything owed to a target, in the order in which it would go; `withheld` names Flags it must not get.

    Of what explains the present resources only the newest Provenance of each would be sent.
    """
    rows = list(connection.execute(_owed(target)).mappings())
    pasts: dict[str, Past | None] = {
        f"{row['resource_type']}/{row['id']}": _past(row, withheld) for row in rows if row["kind"] != PROVENANCE
    }
    pasts |= _pasts_of_trails([row for row in rows if row["kind"] == PROVENANCE], pasts)
    return [
        Shadowed(
            patient=row["owed_by"],
            kind=row["kind"],
            resource_type=row["resource_type"],
            id=row["id"],
            topic=row["topic"],
            body=read_object(row["body"]),
            queued_at=row["queued_at"],
            past=pasts[f"{row['resource_type']}/{row['id']}"],
        )
        for row in rows
    ]


def _owed(target: str) -> Any:  # noqa: ANN401 - SQLAlchemy's select of many columns
    columns = [resources.c[name] for name in WRITTEN]
    return (
        select(*columns, outbox.c.queued_at, outbox.c.patient.label("owed_by"))
        .join(resources, (resources.c.id == outbox.c.id) & (resources.c.resource_type == outbox.c.resource_type))
        .where(outbox.c.target == target, outbox.c.state == "pending")
        .order_by(outbox.c.queued_at, outbox.c.id)
    )


def _past(row: Any, withheld: Withheld) -> Past | None:  # noqa: ANN401 - a row of SQLAlchemy
    if row["state"] != "open":
        return "closed" if row["state"] == "closed" else "retracted"
    written = read_written({name: row[name] for name in WRITTEN})
    return "withheld" if withheld(written) else None


def _pasts_of_trails(trails: Sequence[Any], pasts: dict[str, Past | None]) -> Iterator[tuple[str, Past | None]]:
    """A Provenance is history once newer ones, or nothing, tell of all that it is about."""
    explained = {reference for reference, past in pasts.items() if past}
    for row in reversed(trails):
        about = {str(target.get("reference")) for target in read_object(row["body"]).get("target", [])}
        yield f"Provenance/{row['id']}", "explains-no-present" if about <= explained else None
        explained |= about
