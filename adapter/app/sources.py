"""The FHIR servers that facts come from: polled, and heard at their hooks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from adapter.app.hooks import Hooks, hook_notes
from adapter.app.keeping import GroupKeeper
from adapter.app.polls import SourcePolls
from adapter.app.timers import Timer
from adapter.pipeline.parts import Parts
from adapter.pipeline.process import Processed
from adapter.settings import Settings
from adapter.store.faults import StoreBroken
from adapter.store.sqlite_state import SqliteState


class FhirSources:
    """Polls and hooks, and what one leaves to the other."""

    def __init__(
        self,
        settings: Settings,
        keeper: GroupKeeper,
        state: SqliteState,
        parts: Parts,
        wake_engine: Callable[[], None],
        broken: Callable[[StoreBroken], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._notes = hook_notes(settings)
        self._polls = SourcePolls(settings, keeper, state, parts, wake_engine, clock, self._notes)
        self.hooks = Hooks(settings, keeper, parts, self._polls, self._notes, wake_engine, broken)

    def start(self) -> None:
        """Poll every source once, and go on."""
        self._polls.start()

    def stop(self, patience_s: float) -> None:
        """End after what is in hand, then close the files."""
        self._polls.stop(patience_s)
        if self._notes:
            self._notes.close()

    def timers(self) -> tuple[Timer, ...]:
        """When sources are polled, and looked after."""
        return (*self._polls.timers(), *self.hooks.timers())

    def take(self, parts: Parts) -> None:
        """Judge and answer by these from now on."""
        self.hooks.take(parts)
        self._polls.take(parts)

    def told(self, done: Processed) -> None:
        """A step of the engine, which may make a poll due."""
        self._polls.told(done)
