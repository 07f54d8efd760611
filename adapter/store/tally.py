"""What the commits of one group have put off: written at once when the group ends, or when somebody asks for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import get_ident

from sqlalchemy import Connection

from adapter.domain.identities import Group
from adapter.domain.message import Work
from adapter.store import state_facts, state_identities, state_outbox, state_outputs, state_worklist
from adapter.store.encoding import travels
from adapter.store.faults import CannotKeep, GroupUndone, StoreBroken

MOST_PUT_OFF = 32
"""Steps held in memory; by then their statements have run often enough to be as fast as they get."""


@dataclass(slots=True)
class Tally:
    """Steps that are not written yet, and what all steps of one transaction of one thread add up to."""

    thread: int = field(default_factory=get_ident)
    groups: dict[str, Group] = field(default_factory=dict)
    """Who is the same person as whom, of those asked for since the last step that changed it."""
    strangers: set[str] = field(default_factory=set)
    """Patients of whom nothing is known, of those looked for ahead."""
    unheard: set[str] = field(default_factory=set)
    """Digests of messages of which nothing is known, of those looked for ahead."""
    unowned: set[str] = field(default_factory=set)
    """Ids under which nothing was written, of those looked for ahead."""
    _put_off: list[Work] = field(default_factory=list)
    _about: set[str] = field(default_factory=set)
    """The patients, origins and resource ids that these steps may change."""
    _places: dict[str, int] = field(default_factory=dict)
    _messages: Counter[str] = field(default_factory=Counter)
    _problems: Counter[str] = field(default_factory=Counter)

    def place(self, connection: Connection, inbox: str) -> int:
        """How far an inbox was read, what is not written yet included."""
        if inbox not in self._places:
            self._places[inbox] = state_worklist.cursor(connection, inbox)
        return self._places[inbox]

    def add(self, work: Work) -> None:
        """Count one step."""
        if work.message:
            self._places[work.message.inbox] = work.message.seq
            self._messages[work.message.inbox] += 1
        for problem in work.problems:
            self._problems[problem.code] += 1
        if may_wait(work):
            spoken_of = set(_spoken_of(work))
            self.strangers -= spoken_of
            self.unheard -= spoken_of
            self.unowned -= spoken_of
            return
        self.strangers.clear()
        self.unheard.clear()
        self.unowned.clear()
        if work.memberships:
            self.groups.clear()

    def holds(self, patients: Iterable[str] = (), origins: Iterable[str] = (), ids: Iterable[str] = ()) -> bool:
        """Whether what waits to be written speaks of one of these."""
        return bool(self._put_off) and not self._about.isdisjoint((*patients, *origins, *ids))

    def put_off(self, connection: Connection, work: Work) -> None:
        """Let one step wait, and write them all when they are many, or when it is not for the same targets."""
        if self._put_off and self._put_off[-1].deliver_to != work.deliver_to:
            self.settle(connection)
        self._put_off.append(work)
        self._about.update(_spoken_of(work))
        if len(self._put_off) >= MOST_PUT_OFF:
            self.settle(connection)

    def settle(self, connection: Connection) -> None:
        """Write the steps that wait."""
        if self._put_off:
            steps = tuple(self._put_off)
            self._put_off.clear()
            self._about.clear()
            _write_all(connection, steps)

    def write(self, connection: Connection) -> None:
        """Write what was counted."""
        for inbox, messages in self._messages.items():
            state_worklist.move_cursor(connection, inbox, self._places[inbox], messages)
        state_worklist.count_problems(connection, self._problems)
        self._messages.clear()
        self._problems.clear()


def may_wait(work: Work) -> bool:
    """Whether a step only adds results of patients and what was made of them, as nearly all do.

    Whoever may look for what it writes then names its patient, its message or one of its resources.
    """
    moves = work.superseded or work.patients or work.statements or work.memberships or work.known or work.owed_again
    listed = work.parked or work.waiting or work.resolved
    return bool(work.results) and not moves and not listed and not any(travels(row.event) for row in work.events)


def _spoken_of(work: Work) -> Iterator[str]:
    for row in work.events:
        yield row.event.patient
        yield row.origin
    for person in work.people:
        yield person.patient
    for result in work.results:
        yield result.patient
        yield from result.members  # a resource stays with the record it was first written for
        for one, owner in result.owners:
            yield one
            yield owner
        for change in result.changes:
            yield change.after.id
        for trail in result.provenance:
            yield trail["id"]


def _write_all(connection: Connection, steps: Sequence[Work]) -> None:
    """Table by table: a statement that has just run, and pages that were just looked at, cost a fraction."""
    state_facts.add_events(connection, [row for work in steps for row in work.events])
    state_identities.add_people(connection, [person for work in steps for person in work.people])
    state_outputs.put_findings(connection, [result for work in steps for result in work.results])
    changed = state_outputs.put_all(connection, [(result, work.at) for work in steps for result in work.results])
    # No two of these steps tell of one resource: whoever makes another recalls its patient, and so settles these.
    withheld = frozenset(place for work in steps for place in work.withheld)
    for target in steps[0].deliver_to:
        owed = state_outbox.owed_there(connection, target, changed, withheld)
        state_outbox.enqueue(connection, owed, target)


@contextmanager
def undone() -> Iterator[None]:
    """A fault of ours while the end of a group is written is told as that of one of its steps would be."""
    try:
        yield
    except (CannotKeep, StoreBroken):
        raise
    except Exception as fault:
        raise GroupUndone("What was to be written together is undone.") from fault
