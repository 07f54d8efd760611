"""Deliver: bring a FHIR server to the present wanted state, patient by patient, and settle what it said."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from time import monotonic

from adapter.domain.message import OutboxRow, Outcome
from adapter.pipeline.destination import Destination, Outbox
from adapter.pipeline.finding import FRESH_S, PatientsFound
from adapter.pipeline.outcomes import later
from adapter.pipeline.parcel import Parcel, made_ready, referred_to
from adapter.pipeline.standing import SEVERAL
from adapter.store.crash_points import reached
from adapter.store.faults import CannotKeep, StoreBroken

COUNTED = ("confirmed", "pending", "parked", "failed", "several")
SHARING_PATIENTS = 32
"""Patients whose notes share a commit, at most."""
SHARING_S = 0.02
"""Nobody waits longer than this for company: a server that takes its time costs more than a sync."""
SENDING_S = 0.2
"""What is made ready should be sent within this time, and a confirmation waits no longer for others.

What was looked up on the target may change there, and what was confirmed and not settled is sent again after a crash.
"""
_Ready = tuple[list[OutboxRow], Parcel | list[Outcome]]
"""What is due of one patient, and it made ready, or how it ended before."""


def deliver(
    destination: Destination, outbox: Outbox, now: datetime, clock: Callable[[], datetime] | None = None
) -> dict[str, int]:
    """Send what is due to one target; gives how many rows ended confirmed, pending or parked.

    `clock` tells when an attempt ended: it may take minutes, and the next one waits from then on; without it, from now
    on. `failed` counts patients that met a fault of ours: their rows are pending; `several` counts resources that stood
    there more than once.
    """
    with destination.writing:
        return _deliver(destination, outbox, now, clock or (lambda: now))


def _deliver(destination: Destination, outbox: Outbox, now: datetime, clock: Callable[[], datetime]) -> dict[str, int]:
    destination.known.brought_down = None  # nobody else writes it meanwhile
    rows = outbox.due(destination.name, now, destination.patients_at_once)
    waiting = deque(list(group) for _, group in groupby(rows, key=lambda row: row.patient))
    counts = Counter(dict.fromkeys(COUNTED, 0))
    workers = min(destination.workers, len(waiting))
    if not workers:
        return counts
    patients = PatientsFound(destination, [rows[0].patient for rows in waiting])
    round_ = _Round(
        destination=destination,
        outbox=outbox,
        now=now,
        clock=clock,
        patients=patients,
        waiting=waiting,
        workers=workers,
    )
    if workers == 1:
        counts.update(round_.worked_off())
        return counts
    with ThreadPoolExecutor(workers, thread_name_prefix=f"deliver-{destination.name}") as pool:
        for found in [pool.submit(round_.worked_off) for _ in range(workers)]:
            counts.update(found.result())
    return counts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """All that is due to one target now; several threads may work it off, each with patients of its own.

    What is about to be sent of several patients is noted in one commit, and how they ended in another: with a server
    that answers at once the syncs are what delivery waits for.
    """

    destination: Destination
    outbox: Outbox
    now: datetime
    clock: Callable[[], datetime]
    patients: PatientsFound
    waiting: deque[list[OutboxRow]]
    """What is due of one patient, and of the next."""
    workers: int

    def worked_off(self) -> Counter[str]:
        """Deliver to patient after patient until nobody waits any more."""
        counts: Counter[str] = Counter()
        while company := self._company(counts):
            self._note(company)
            begun = monotonic()
            sent = self._send(company, counts)
            self.destination.known.at_a_time = _at_a_time(sent, monotonic() - begun)
        return counts

    def _company(self, counts: Counter[str]) -> list[_Ready]:
        """The next patients, each with what is to be sent of him, as many as come together in a short time."""
        company: list[_Ready] = []
        held: set[str] = set()
        share = -(-len(self.waiting) // self.workers)
        most = min(SHARING_PATIENTS, self.destination.known.at_a_time, share)
        begun = monotonic()
        while self.waiting and len(company) < most and (not company or monotonic() - begun < SHARING_S):
            try:
                rows = self.waiting.popleft()
            except IndexError:  # another thread took the last
                break
            named = referred_to(rows)
            if named & held:
                # Where that stands on the target is known when it is settled.
                self.waiting.appendleft(rows)
                break
            reached("delivery-due")
            company.append((rows, self._ready(rows, named, counts)))
            held.update(f"{row.resource_type}/{row.id}" for row in rows)
        return company

    def _ready(self, rows: list[OutboxRow], named: set[str], counts: Counter[str]) -> Parcel | list[Outcome]:
        try:
            return made_ready(rows, named, self.destination, self.outbox, self.now, self.patients)
        except (CannotKeep, StoreBroken):
            raise
        except Exception:  # noqa: BLE001 - a fault of ours with one patient must not hold back the others
            return self._failed(rows, counts)

    def _note(self, company: Sequence[_Ready]) -> None:
        """Note what is about to be sent: whoever dies before its answer must know it again as ours."""
        parcels = [parcel for _, parcel in company if isinstance(parcel, Parcel)]
        try:
            if notes := [note for parcel in parcels for note in parcel.notes()]:
                self.outbox.remember_sent(notes)
        except (CannotKeep, StoreBroken):
            raise
        except Exception:  # noqa: BLE001 - whosever fault it is, each is noted alone then
            return
        for parcel in parcels:
            parcel.noted = not parcel.unseen

    def _send(self, company: Sequence[_Ready], counts: Counter[str]) -> int:
        """Send, and settle how it ended before long; gives of how many patients.

        The others were made ready too long ago, for one before them took his time: they wait on, the next to come.
        """
        outcomes: list[Outcome] = []
        too_late: list[list[OutboxRow]] = []
        ready = begun = monotonic()
        for rows, parcel in company:
            if isinstance(parcel, Parcel) and monotonic() - ready >= FRESH_S:
                too_late.append(rows)
                continue
            ended = self._sent(rows, parcel, counts) if isinstance(parcel, Parcel) else parcel
            outcomes += self._waiting_from_now_on(ended)
            reached("delivered")
            if monotonic() - begun >= SENDING_S:
                self._settle(outcomes, counts)
                outcomes, begun = [], monotonic()
        if outcomes:
            self._settle(outcomes, counts)
        self.waiting.extendleft(reversed(too_late))
        return len(company) - len(too_late)

    def _waiting_from_now_on(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """An attempt that took long is followed by the next one as late as a short one."""
        took = max(self.clock() - self.now, timedelta())
        return [one if one.retry_at is None else replace(one, retry_at=one.retry_at + took) for one in outcomes]

    def _sent(self, rows: list[OutboxRow], parcel: Parcel, counts: Counter[str]) -> list[Outcome]:
        try:
            return parcel.sent()
        except (CannotKeep, StoreBroken):
            raise
        except Exception:  # noqa: BLE001 - as above
            return self._failed(rows, counts)

    def _failed(self, rows: list[OutboxRow], counts: Counter[str]) -> list[Outcome]:
        counts["failed"] += 1
        return [later(row, "internal-error", self.now) for row in rows]

    def _settle(self, outcomes: Sequence[Outcome], counts: Counter[str]) -> None:
        self.outbox.settle(outcomes)
        reached("settled")
        for outcome in outcomes:
            counts[outcome.state] += 1
            counts["several"] += outcome.reason == SEVERAL


def _at_a_time(sent: int, took_s: float) -> int:
    """How many patients to make ready together after so many were sent within a time."""
    return max(1, min(4 * sent, int(SENDING_S * sent / max(took_s, 0.001))))
