"""The files a site owns, beside the running service: read for a reload, and looked at for changes meanwhile."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Protocol

from adapter.app.checked_files import wrong_units
from adapter.app.parts import Loaded
from adapter.app.versions import Versions, versions_of
from adapter.knowledge.shipped import shipped
from adapter.knowledge.text_yaml import Fault
from adapter.settings import Settings

LOOK_EVERY_S = 5.0
TAKEN = frozenset({"mappings", "config", "policies", "drafts"})
"""Settings that say which mappings and policies are meant: a reload takes them, all others need a restart."""
CONFIGURATION = "the configuration"

Stamp = frozenset[tuple[str, int, int, int]]


class Read(Protocol):
    """Reads settings, mappings and policies, as `read_everything` does."""

    def __call__(self, *, thorough: bool) -> tuple[Loaded | None, list[Fault]]:
        """All of it, or every fault."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the files say now."""

    loaded: Loaded | None
    """With the settings of the running service; None when there are errors."""
    faults: tuple[Fault, ...] = ()
    """Errors first, then warnings."""
    needs_restart: tuple[str, ...] = ()
    """Settings that differ from those of the running service."""

    @cached_property
    def versions(self) -> Versions | None:
        """None when they cannot be read."""
        return versions_of(self.loaded) if self.loaded else None


class SiteFiles:
    """Reads in a thread of its own: a file system that hangs must not keep the parent from its processes."""

    def __init__(self, read: Read, running: Loaded, config: Path | None, *, look_every_s: float = LOOK_EVERY_S) -> None:
        self._read = read
        self._settings = running.settings
        self._newest = running.settings
        """The settings that name the folders."""
        self._config = config
        self._look_every_s = look_every_s
        self._asked: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._stamp: Stamp | None = None
        self.answers: SimpleQueue[Seen] = SimpleQueue()
        """One for each time it was asked."""
        self.seen: Seen | None = None
        """What the last look found; None before the first."""

    def start(self) -> None:
        """Begin to look; a thread that hangs ends with the process."""
        threading.Thread(target=self._run, name="site-files", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._asked.put(None)

    def ask(self) -> None:
        """Have everything read and linted; what was found will stand in `answers`."""
        self._asked.put(self.answer)

    def look(self) -> None:
        """Read the files again if one of them was touched."""
        stamp = self._stamped()
        if stamp != self._stamp:
            self.seen, self._stamp = self._all(thorough=False), stamp

    def answer(self) -> None:
        """Read the files as `troughline lint` does."""
        stamp = self._stamped()
        self.seen, self._stamp = self._all(thorough=True), stamp
        self.answers.put(self.seen)

    def _run(self) -> None:
        while True:
            try:
                do = self._asked.get(timeout=self._look_every_s)
            except Empty:
                do = self.look
            if do is None:
                return
            do()

    def _stamped(self) -> Stamp:
        return stamp_of(places_of(self._newest, self._config))

    def _all(self, *, thorough: bool) -> Seen:
        try:
            loaded, faults = self._read(thorough=thorough)
        except OSError as fault:
            return _unread(f"a file or folder cannot be read: {fault.strerror}")
        except Exception as fault:  # noqa: BLE001 - a file we cannot cope with must not end the looking
            return _unread(f"it meets a fault of ours: {type(fault).__name__}")
        if loaded is None:
            return Seen(loaded=None, faults=_errors_first(faults))
        self._newest = loaded.settings
        # The settings in use may assume a unit that the new tables no longer know.
        wrong = tuple(wrong_units(self._settings, loaded.knowledge.tables.get("units"), self._config))
        with_ours = Loaded(settings=self._settings, knowledge=loaded.knowledge, rulebook=loaded.rulebook)
        changed = tuple(changed_settings(self._settings, loaded.settings))
        told = _errors_first([*wrong, *faults])
        return Seen(loaded=None if wrong else with_ours, faults=told, needs_restart=changed)


def _errors_first(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    return tuple(sorted(dict.fromkeys(faults), key=lambda fault: fault.severity != "error"))


def _unread(text: str) -> Seen:
    return Seen(loaded=None, faults=(Fault(file=CONFIGURATION, line=0, text=text),))


def changed_settings(ours: Settings, others: Settings) -> Iterator[str]:
    """The names of settings that differ and are not taken by a reload."""
    for one in fields(Settings):
        if one.name not in TAKEN and getattr(ours, one.name) != getattr(others, one.name):
            yield one.name


def places_of(settings: Settings, config: Path | None) -> tuple[Path, ...]:
    """Every folder and file that mappings and policies are read from."""
    named = (config,) if config else ()
    return (shipped("mappings"), shipped("config"), *settings.mappings, *settings.config, *named)


def stamp_of(places: Iterable[Path]) -> Stamp:
    """Name, time, size and inode of every file there: equal as long as nobody touched one."""
    found: set[tuple[str, int, int, int]] = set()
    for place in places:
        with suppress(OSError):  # somebody else's: reading it tells that
            found.update(filter(None, map(_stamp, _files(place))))
    return frozenset(found)


def _stamp(path: Path) -> tuple[str, int, int, int] | None:
    try:
        status = path.stat()
    except OSError:  # gone meanwhile: the next look sees that too
        return None
    return str(path), status.st_mtime_ns, status.st_size, status.st_ino


def _files(place: Path) -> Iterator[Path]:
    if not place.is_dir():
        yield place
        return
    for folder, _, names in os.walk(place):
        yield from (Path(folder, name) for name in names)
