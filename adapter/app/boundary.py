"""The boundary between two messages where the engine exchanges what it reads with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from adapter.domain.message import Stored
from adapter.pipeline.parts import Parts


@dataclass(slots=True, kw_only=True)
class _Hold:
    """A wish that nothing new is begun."""

    tell: Callable[[], None]
    told: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """What the engine works with once it has passed a place in each inbox."""

    parts: Parts
    until: Mapping[str, int]
    taken: Callable[[], None]


class Boundary:
    """Asked for by one thread, kept by the engine's; every state is one assignment."""

    def __init__(self, wake: Callable[[], object]) -> None:
        self._wake = wake
        self._hold: _Hold | None = None
        self.following: Following | None = None

    def hold(self, held: Callable[[], None]) -> None:
        """Begin nothing new once what was asked to be read again is read; then tell it, in the thread of the engine."""
        self._hold = _Hold(tell=held)
        self._wake()

    def go_on(self) -> None:
        """End the hold, with nothing changed."""
        self._hold = None
        self._wake()

    def take(self, parts: Parts, until: Mapping[str, int], taken: Callable[[], None]) -> None:
        """End the hold: what lies in an inbox up to these places is read as before, all that follows with `parts`.

        `taken` is called in the thread of the engine when the places are passed.
        """
        self.following = Following(parts=parts, until=until, taken=taken)
        self._hold = None
        self._wake()

    @property
    def wanted(self) -> bool:
        """Whether nothing new may be begun."""
        return self._hold is not None

    def holds(self) -> bool:
        """Whether nothing new may be begun; that nothing is in hand is told with the first answer."""
        hold = self._hold
        if hold is None:
            return False
        if not hold.told:
            hold.told = True
            hold.tell()
        return True

    def before(self, inbox: str, found: list[Stored]) -> list[Stored]:
        """Of these messages those that are read with what is in use now."""
        following = self.following
        return [one for one in found if one.seq <= following.until.get(inbox, 0)] if following else found

    def pass_it(self) -> None:
        """The engine has exchanged its parts."""
        following, self.following = self.following, None
        if following:
            following.taken()
