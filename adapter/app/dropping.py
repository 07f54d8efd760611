"""The drop folders of core: a thread that looks, keeps the messages of whole files, and moves the files."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from adapter.app.counters import ALARMS, FILES, count
from adapter.app.in_use import MappingsInUse
from adapter.app.keeping import GroupKeeper
from adapter.app.receptions import hl7_reception
from adapter.ingest.hl7v2 import split_messages
from adapter.pipeline.parts import Parts
from adapter.pipeline.receive import Door, Reception, receive_hl7
from adapter.settings import DropFolder as DropSettings
from adapter.store.faults import CannotKeep, StoreBroken
from adapter.transport.drop_folder import DropFolder, DropLimits, UnusableFileError

RELEVANCE_BOUND = 10_000
FILE_PATIENCE_S = 60.0
"""Nobody waits for the answer to a file: it says what is wrong with a message, however long that takes to find."""
TOGETHER = 64
"""Messages of a file that wait for the disk together; they are kept in the order of the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drop:
    folder: DropFolder
    door: Door
    reception: Reception
    look_every_s: float


class DropFolders:
    """Looks into every drop folder until it is stopped; what cannot be kept or moved now is tried again."""

    def __init__(
        self,
        settings: tuple[DropSettings, ...],
        keeper: GroupKeeper,
        in_use: MappingsInUse,
        parts: Parts,
        executor: Executor,
        wake: Callable[[], None],
    ) -> None:
        self._drops = tuple(_drop(one, keeper, in_use, parts, executor) for one in settings)
        self._wake = wake
        self._stopping = threading.Event()
        self._stuck: set[str] = set()
        self._threads = [
            threading.Thread(target=self._run, args=(drop,), name="drop-folder", daemon=True) for drop in self._drops
        ]

    def start(self) -> None:
        """Begin to look."""
        for thread in self._threads:
            thread.start()

    def stop(self, patience_s: float) -> None:
        """End after the messages in hand; a file that is not read to its end stays where it is."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(patience_s)

    def _run(self, drop: _Drop) -> None:
        with suppress(StoreBroken):  # the keeper ends the process
            while not self._stopping.is_set():
                self._look(drop)
                self._stopping.wait(drop.look_every_s)

    def _look(self, drop: _Drop) -> None:
        try:
            for path in drop.folder.whole():
                if self._stopping.is_set():
                    return
                self._take(drop, path)
        except CannotKeep as fault:
            self._tell_stuck(drop, "inbox-cannot-keep", str(fault))
        except StoreBroken:
            raise
        except OSError as fault:
            self._tell_stuck(drop, "drop-folder-stuck", fault.strerror or type(fault).__name__)
        except Exception as fault:  # noqa: BLE001 - a fault of ours must not end the looking for good
            self._tell_stuck(drop, "drop-folder-stuck", type(fault).__name__)
        else:
            self._stuck.discard(drop.door.listener)

    def _take(self, drop: _Drop, path: Path) -> None:
        name = drop.door.listener
        try:
            content = drop.folder.read(path)
        except FileNotFoundError:
            return
        except UnusableFileError as fault:
            drop.folder.unusable(path, str(fault))
            FILES.labels(name, "failed").inc()
            structlog.get_logger().warning("file-unusable", listener=name, reason=str(fault))
            return
        answers = asyncio.run(self._keep(drop, split_messages(content)))
        if answers is None:
            return
        self._wake()
        accepted = all(b"\rMSA" + answer[3:4] + b"AA" in answer for answer in answers)
        drop.folder.done(path, b"".join(answers), accepted=accepted)
        FILES.labels(name, "processed" if accepted else "failed").inc()
        structlog.get_logger().info(
            "file-read", listener=name, count=len(answers), state="processed" if accepted else "failed"
        )

    async def _keep(self, drop: _Drop, messages: list[bytes]) -> list[bytes] | None:
        """The answers in the order of the file; None when the service stops before its end."""
        answers: list[bytes | None] = []
        for start in range(0, len(messages), TOGETHER):
            if self._stopping.is_set():
                return None
            group = messages[start : start + TOGETHER]
            # Tasks begin in the order in which they are made, and each hands its message over before it first waits.
            answers += await asyncio.gather(*(receive_hl7(raw, drop.door, drop.reception) for raw in group))
        return [answer for answer in answers if answer is not None]

    def _tell_stuck(self, drop: _Drop, alarm: str, reason: str) -> None:
        name = drop.door.listener
        if name in self._stuck:
            return
        self._stuck.add(name)
        if alarm == "drop-folder-stuck":
            ALARMS.labels("drop-folder-stuck").inc()
        else:
            ALARMS.labels("inbox-cannot-keep").inc()
        structlog.get_logger().error(alarm, listener=name, reason=reason)


def _drop(
    settings: DropSettings, keeper: GroupKeeper, in_use: MappingsInUse, parts: Parts, executor: Executor
) -> _Drop:
    rules = parts.rules_at(settings.name)
    reading = in_use.door(rules, RELEVANCE_BOUND, settings.default_charset)
    reception = hl7_reception(keeper, reading, rules, executor, count, prefix="F")
    door = Door(
        listener=settings.name,
        source=settings.source,
        archive_irrelevant=settings.archive_irrelevant,
        answer_within_s=FILE_PATIENCE_S,
    )
    limits = DropLimits(settle_s=float(settings.settle_s), file_limit_bytes=settings.file_limit_bytes)
    return _Drop(
        folder=DropFolder(settings.folder, limits),
        door=door,
        reception=reception,
        look_every_s=float(settings.look_every_s),
    )
