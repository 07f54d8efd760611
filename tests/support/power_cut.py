"""What a disk may hold after the power was cut at a record of a blackbox: images, built from what was synced.

The model. What was written before a sync began is on disk once that sync has ended. Of what was written since, anything
may be there: nothing, all of it, the first writes only, some writes and not the others, or some sectors of each. A
write never harms bytes outside itself (SQLite's own assumption). Names of files and folders are on disk once their
folder was synced; of later ones the first few may be. What a failed sync should have carried is lost for good, whatever
is synced later: the kernel has marked it clean.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from blackbox import Record

SECTOR = 512


@dataclass(frozen=True, slots=True)
class Change:
    """A write (`data`), or a truncate to `place` (no data), noted at a record."""

    number: int
    place: int
    data: bytes | None


@dataclass(slots=True)
class File:
    """One file: what is surely on disk, and what was changed since."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[Change] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Naming:
    """A name that began to mean a file (or a folder, or nothing) at a record."""

    number: int
    path: str
    means: File | str | None


FOLDER = "a folder"
Loss = Callable[[list[Change], random.Random], Iterable[Change]]


def none_of_it(_: list[Change], __: random.Random) -> Iterable[Change]:
    """Only what was synced."""
    return ()


def all_of_it(pending: list[Change], _: random.Random) -> Iterable[Change]:
    """The disk was quick."""
    return pending


def the_first_writes(pending: list[Change], chance: random.Random) -> Iterable[Change]:
    """In order, up to some write."""
    return pending[: chance.randint(0, len(pending))]


def some_writes(pending: list[Change], chance: random.Random) -> Iterable[Change]:
    """Out of order: any write without any other."""
    return [change for change in pending if chance.random() < 0.5]


def some_sectors(pending: list[Change], chance: random.Random) -> Iterator[Change]:
    """Writes torn at sector boundaries; a lost sector at the end of a file reads as zeros."""
    for change in pending:
        if change.data is None:
            if chance.random() < 0.5:
                yield change
            continue
        end = change.place + len(change.data)
        at = change.place
        while at < end:
            upto = min(end, at - at % SECTOR + SECTOR)
            if chance.random() < 0.5:
                yield Change(change.number, at, change.data[at - change.place : upto - change.place])
            at = upto


LOSSES: tuple[Loss, ...] = (none_of_it, all_of_it, the_first_writes, some_writes, some_sectors)


class Disk:
    """Follows the records and can tell at any moment what a power cut would leave."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._names: dict[str, File | str] = {self._root: FOLDER}
        """As the running programs see them."""
        self._durable: dict[str, File | str] = {self._root: FOLDER}
        self._naming: list[Naming] = []
        self._begun: dict[int, int] = {}

    def apply(self, number: int, record: Record) -> None:
        """Take the next record into account."""
        match record.kind:
            case "W" | "T":
                self._changed(number, record)
            case "C":
                self._name(number, record.path, File())
            case "M":
                self._name(number, record.path, FOLDER)
            case "U":
                self._name(number, record.path, None)
            case "R":
                self._name(number, record.data.decode(), self._names[record.path])
                self._name(number, record.path, None)
            case "B":
                self._begun[record.place] = number
            case "S":
                self._synced(record.path, self._begun.pop(record.place))
            case "E":
                self._failed(record.path, self._begun.pop(record.place))

    def image(self, loss: Loss, chance: random.Random) -> dict[str, bytes]:
        """Path below the root -> content, as the cut may have left them."""
        names = dict(self._durable)
        for naming in self._namings_kept(loss, chance):
            _rename(names, naming)
        return {
            path.removeprefix(self._root + "/"): _content(file, loss, chance)
            for path, file in sorted(names.items())
            if isinstance(file, File) and self._reachable(path, names)
        }

    def _namings_kept(self, loss: Loss, chance: random.Random) -> list[Naming]:
        if loss is none_of_it:
            return []
        if loss is all_of_it:
            return self._naming
        return self._naming[: chance.randint(0, len(self._naming))]

    def _reachable(self, path: str, names: dict[str, File | str]) -> bool:
        folder = path.rpartition("/")[0]
        return folder == self._root or (names.get(folder) == FOLDER and self._reachable(folder, names))

    def _changed(self, number: int, record: Record) -> None:
        file = self._names.get(record.path)
        if isinstance(file, File):
            data = record.data if record.kind == "W" else None
            file.pending.append(Change(number, record.place, data))

    def _name(self, number: int, path: str, means: File | str | None) -> None:
        naming = Naming(number, path, means)
        _rename(self._names, naming)
        self._naming.append(naming)

    def _synced(self, path: str, begun: int) -> None:
        file = self._names.get(path)
        if isinstance(file, File):
            _apply(file.durable, [change for change in file.pending if change.number < begun])
            file.pending = [change for change in file.pending if change.number >= begun]
        elif file == FOLDER:
            for naming in self._naming:
                if naming.number < begun and naming.path.rpartition("/")[0] == path:
                    _rename(self._durable, naming)
            self._naming = [n for n in self._naming if n.number >= begun or n.path.rpartition("/")[0] != path]

    def _failed(self, path: str, begun: int) -> None:
        file = self._names.get(path)
        if isinstance(file, File):
            file.pending = [change for change in file.pending if change.number >= begun]


def _rename(names: dict[str, File | str], naming: Naming) -> None:
    if naming.means is None:
        names.pop(naming.path, None)
    else:
        names[naming.path] = naming.means


def _content(file: File, loss: Loss, chance: random.Random) -> bytes:
    content = bytearray(file.durable)
    _apply(content, loss(file.pending, chance))
    return bytes(content)


def _apply(content: bytearray, changes: Iterable[Change]) -> None:
    for change in changes:
        if change.data is None:
            del content[change.place :]
            content.extend(bytes(change.place - len(content)))
            continue
        content.extend(bytes(max(0, change.place - len(content))))
        content[change.place : change.place + len(change.data)] = change.data


def lay_down(image: dict[str, bytes], folder: Path) -> None:
    """Write an image into an empty folder."""
    for name, content in image.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
