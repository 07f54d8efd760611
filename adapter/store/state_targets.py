"""Since which day each target is written to, and how, in the state file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection, bindparam, func, insert, select, update

from adapter.store.ledger import LEFT_OUT
from adapter.store.sql_database import upsert
from adapter.store.sql_prepared import Prepared
from adapter.store.state_parked_deliveries import of_a_person
from adapter.store.state_shadow import Withheld, shadowed
from adapter.store.state_tables import outbox, settings_seen, strategies, targets_on

PAST = "before-it-went-on"
_STRATEGIES = Prepared(
    select(strategies.c.resource_type, strategies.c.strategy).where(strategies.c.target == bindparam("of_target"))
)


def first_on(connection: Connection, target: str, today: date, withheld: Withheld) -> date:
    """The day a target first went on; today, and remembered, when it never did before.

    What was history by then, or must not be sent there (`withheld`), never is.
    """
    found = connection.execute(select(targets_on.c.first_on).where(targets_on.c.target == target)).scalar_one_or_none()
    if found is not None:
        return date.fromisoformat(found)
    connection.execute(insert(targets_on).values(target=target, first_on=today.isoformat()))
    past = [(row.resource_type, row.id) for row in shadowed(connection, target, withheld) if row.past]
    _leave_out(connection, target, past)
    return today


def _leave_out(connection: Connection, target: str, places: Sequence[tuple[str, str]]) -> None:
    # What stands there already was written before this was remembered: its closing must reach it.
    unwritten = outbox.c.remote_id.is_(None)
    for resource_type, resource_id in places:
        of_it = (outbox.c.target == target, outbox.c.id == resource_id, outbox.c.resource_type == resource_type)
        connection.execute(
            update(outbox).where(*of_it, unwritten).values(state="confirmed", reason=PAST, strategy=LEFT_OUT)
        )


def left_out(connection: Connection, target: str) -> int:
    """How many resources count as confirmed and were never sent: it holds them in no copy, on purpose."""
    settled = (outbox.c.state == "confirmed", outbox.c.strategy == "left-out", outbox.c.remote_id.is_(None))
    query = select(func.count()).where(outbox.c.target == target, *settled)
    return int(connection.execute(query).scalar_one())


def strategies_of(connection: Connection, target: str) -> dict[str, str]:
    """The strategies remembered for a target after it refused a better one, by resource type."""
    return dict(_STRATEGIES.rows(connection, {"of_target": target}))


def remember_strategy(connection: Connection, target: str, resource_type: str, strategy: str) -> None:
    """Write resources of this type to the target like this from now on."""
    upsert(connection, strategies, [{"target": target, "resource_type": resource_type, "strategy": strategy}])


def release_when_changed(connection: Connection, target: str, settings_hash: str) -> int:
    """Owe a target again what it refused under other settings; gives how many, and remembers the settings.

    What somebody edited or deleted there is his, whatever the settings.
    """
    before = connection.execute(
        select(settings_seen.c.hash).where(settings_seen.c.target == target)
    ).scalar_one_or_none()
    if before == settings_hash:
        return 0
    upsert(connection, settings_seen, [{"target": target, "hash": settings_hash}])
    refused = (outbox.c.target == target, outbox.c.state == "parked")
    released = update(outbox).where(*refused, ~of_a_person())
    return connection.execute(released.values(state="pending", attempts=0, retry_at=None)).rowcount
