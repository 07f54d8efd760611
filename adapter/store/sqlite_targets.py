"""What the state file holds of targets: since when each is on, what it is owed, how it was written, what it refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from adapter.domain.message import OutboxRow, Outcome
from adapter.store import state_due, state_outbox, state_parked_deliveries, state_targets
from adapter.store.sql_database import Database
from adapter.store.state_parked_deliveries import Delivered
from adapter.store.state_shadow import Withheld


class SqliteTargets:
    """The part of the state file that delivery works with."""

    _database: Database

    def first_on(self, target: str, today: date, withheld: Withheld = lambda _: False) -> date:
        """The day a target first went on; today, and remembered, when it never did before.

        What was history by then, or must not be sent there (`withheld`), never is.
        """
        with self._database.write() as connection:
            return state_targets.first_on(connection, target, today, withheld)

    def release_when_changed(self, target: str, settings_hash: str) -> int:
        """Owe a target again what it refused under other settings; gives how many resources."""
        with self._database.write() as connection:
            return state_targets.release_when_changed(connection, target, settings_hash)

    def due(self, target: str, now: datetime, limit_patients: int) -> list[OutboxRow]:
        """All that is owed to a target about patients with something due now, the longest waiting patient first."""
        with self._database.read() as connection:
            return state_due.due(connection, target, now, limit_patients)

    def places(self, target: str, ids: Sequence[str]) -> dict[str, str | None]:
        """Where a target holds resources with these ids: `Type/id` -> its reference there, None when it does not."""
        with self._database.read() as connection:
            return state_outbox.places(connection, target, ids)

    def strategies(self, target: str) -> dict[str, str]:
        """The strategies remembered for a target after it refused a better one, by resource type."""
        with self._database.read() as connection:
            return state_targets.strategies_of(connection, target)

    def remember_strategy(self, target: str, resource_type: str, strategy: str) -> None:
        """Write resources of this type to the target like this from now on."""
        with self._database.write() as connection:
            state_targets.remember_strategy(connection, target, resource_type, strategy)

    def mark_sent(self, rows: Sequence[OutboxRow]) -> None:
        """Note that these rows are under way; they are not due again until settled, or until a restart."""
        with self._database.write() as connection:
            state_outbox.mark_sent(connection, rows)

    def remember_sent(self, rows: Sequence[OutboxRow]) -> None:
        """Note the `sent_hash` of these rows before they are sent: what stands there after a crash is known as ours."""
        with self._database.write() as connection:
            state_outbox.remember_sent(connection, rows)

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Note how attempts ended; that of an older generation tells only what the target holds since."""
        with self._database.write() as connection:
            state_outbox.settle(connection, outcomes)

    def outbox_counts(self, target: str) -> dict[str, int]:
        """How many resources of a target are pending, sent, confirmed and parked."""
        with self._database.read() as connection:
            return state_outbox.outbox_counts(connection, target)

    def oldest_pending(self, target: str) -> datetime | None:
        """Since when the longest waiting resource of a target waits, None when nothing does."""
        with self._database.read() as connection:
            return state_outbox.oldest_pending(connection, target)

    def parked_deliveries(self, target: str | None = None) -> list[Delivered]:
        """Everything targets, or one target, would not take, the longest owed first."""
        with self._database.read() as connection:
            return state_parked_deliveries.parked_deliveries(connection, target)

    def owe_again(self, places: Sequence[tuple[str, str, str]]) -> int:
        """Owe these resources (target, type, id) again, without what a person edited or deleted; gives how many."""
        with self._database.write() as connection:
            return state_parked_deliveries.owe_again(connection, places)
