"""Which patient identifiers belong to one person: what merges and unlinks told, in the order of their times."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from adapter.domain.history import BEFORE_ALL
from adapter.domain.times import Moment

Group = tuple[str, ...]
"""The patient keys of one person: the surviving one first, the others in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityTold:
    """One statement about two patient identifiers: that one took the other's place, or that they are two people."""

    source: str
    key: str
    """What said it: the control id of a message, or `Patient/<id>`."""
    status: Literal["merged", "unlinked"]
    survivor: str
    """`<system>|<value>` of the record that goes on; of an unlink one of the two."""
    absorbed: str
    """`<system>|<value>` of the record that ended in it; of an unlink the other one."""
    at: Moment | None = None
    """When it happened (EVN-2, else MSH-7; meta.lastUpdated of a Patient); None counts as before all others."""

    @property
    def pair(self) -> tuple[str, str]:
        """Both patients."""
        return self.survivor, self.absorbed


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """All that one origin says of identities now, in place of whatever it said before."""

    source: str
    origin: str
    """Digest of the message, or `Patient/<id>`."""
    told: tuple[IdentityTold, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """Which record a patient's history is read under from now on: his own once he is nobody's other record."""

    patient: str
    survivor: str


def grouped(told: Iterable[IdentityTold]) -> dict[str, Group]:
    """Every patient these statements name, with all who are the same person; who stands alone is a group of one.

    The result depends on the set of statements only: they are taken in the order of their times, an unlink behind every
    merge that may have happened before it, because two histories show that something is missing and one wrong history
    does not. So only a merge that is surely later undoes an unlink.
    """
    pointers: dict[str, str] = {}
    named: set[str] = set()
    for one in sorted(told, key=_order):
        named.update(one.pair)
        if one.status == "merged":
            _merge(pointers, one)
        else:
            _part(pointers, one)
    members: dict[str, list[str]] = {}
    for patient in sorted(named):
        members.setdefault(_line(pointers, patient)[-1], []).append(patient)
    groups = {root: (root, *(one for one in every if one != root)) for root, every in members.items()}
    return {patient: group for group in groups.values() for patient in group}


def connected(
    seeds: Iterable[str], told_about: Callable[[Sequence[str]], Collection[IdentityTold]]
) -> tuple[set[str], set[IdentityTold]]:
    """All patients that statements connect with these, and those statements; `told_about` is asked for each once."""
    patients: set[str] = set()
    told: set[IdentityTold] = set()
    waiting = set(seeds)
    while waiting:
        patients |= waiting
        found = set(told_about(sorted(waiting)))
        told |= found
        waiting = {patient for one in found for patient in one.pair} - patients
    return patients, told


def _order(one: IdentityTold) -> tuple[datetime, bool, str, str]:
    parts = one.status == "unlinked"
    at = BEFORE_ALL
    if one.at:
        at = _last_instant(one.at) if parts else one.at.earliest
    return at, parts, one.survivor, one.absorbed


def _last_instant(at: Moment) -> datetime:
    """The end of the minute or second that was told: another clock may tell the same moment more finely."""
    if at.precision == "minute":
        return at.latest.replace(second=59, microsecond=999_999)
    return at.latest if at.latest.microsecond else at.latest + timedelta(microseconds=999_999)


def _merge(pointers: dict[str, str], one: IdentityTold) -> None:
    """A patient has one pointer, the newest; a merge back makes the survivor of the newest merge survive."""
    if one.survivor == one.absorbed:
        return
    if one.absorbed in _line(pointers, one.survivor):
        del pointers[one.survivor]
    pointers[one.absorbed] = one.survivor


def _part(pointers: dict[str, str], one: IdentityTold) -> None:
    """Whichever of the two ended in the other is itself again; two that ended in a third both are."""
    first, second = _line(pointers, one.survivor), _line(pointers, one.absorbed)
    if first[-1] != second[-1] or one.survivor == one.absorbed:
        return
    if one.absorbed in first:
        del pointers[one.survivor]
    elif one.survivor in second:
        del pointers[one.absorbed]
    else:
        del pointers[one.survivor]
        del pointers[one.absorbed]


def _line(pointers: dict[str, str], patient: str) -> list[str]:
    """A patient, whom he ended in, and so on to the one who stands now."""
    line = [patient]
    while line[-1] in pointers:
        line.append(pointers[line[-1]])
    return line
