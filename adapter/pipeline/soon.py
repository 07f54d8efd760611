"""Kept messages of a usual kind: handed to the disk at once, answered once they are there.

Nothing is awaited on the way, and what is there is told in the middle of a turn of the loop: under load each turn takes
as long as the answers to all other connections.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from adapter.domain.message import Answer, Arrival, Kept
from adapter.ingest.acknowledgment import acknowledge
from adapter.ingest.acknowledgment_modes import ORIGINAL
from adapter.ingest.relevance import Judgement
from adapter.pipeline.handing import Handing, handing
from adapter.pipeline.reception import Door, Incoming, Reading, Reception, arrival_of
from adapter.pipeline.taking import (
    ACCEPTED,
    answer_worded,
    frame_received,
    note_codes,
    remembered,
    told_before,
    worded,
)
from adapter.store.group_commit import Request

SOON_LIMIT_BYTES = 8 * 1024
"""Of a longer message the answer is worded beside the loop: it may take long."""
SOON_LIMIT_LINES = 100
"""Of a message of more lines too: each may hold a result of ours with something wrong."""


def may_take_long(raw: bytes) -> bool:
    """Whether a message is left to the careful way, which words its answer beside the loop."""
    return len(raw) > SOON_LIMIT_BYTES or max(raw.count(b"\r"), raw.count(b"\n")) > SOON_LIMIT_LINES


class Coming:
    """The answer to a kept message, on its way."""

    __slots__ = ("_tell",)

    def __init__(self) -> None:
        self._tell: Callable[[bytes | None], None] | None = None

    def then(self, tell: Callable[[bytes | None], None]) -> None:
        """Have it told on the loop; None where the message has to be taken with more care, from its beginning."""
        self._tell = tell

    def came(self, answer: bytes | None) -> None:
        """Here it is."""
        if self._tell:
            self._tell(answer)


class _Soon:
    """A message on its way to the disk, with its answer."""

    __slots__ = ("_answer", "arrival", "coming", "judgement", "message", "reading")

    def __init__(self, message: Incoming, arrival: Arrival, judgement: Judgement, reading: Reading) -> None:
        self.message = message
        self.arrival = arrival
        self.judgement = judgement
        self.reading = reading
        self.coming = Coming()
        sure = judgement.relevance == "near-miss" and reading.near_misses_accepted(message.sender, message.message_type)
        self._answer: Answer | None = ACCEPTED if sure else None

    @property
    def is_worded(self) -> bool:
        """Whether nothing has to be read any more to answer it."""
        return self._answer is not None

    def answer(self) -> Answer:
        """What it deserves by the tables it was judged by, worded once, where anything has to be."""
        if self._answer is None:
            self._answer = worded(self.arrival, self.reading.translate)
        return self._answer


class _Waiter:
    """Waits for one message as a future does, for less; brings what came of it to the loop."""

    __slots__ = ("_hands", "_told")

    def __init__(self, hands: Handing, told: Callable[[Kept | None], None]) -> None:
        self._hands = hands
        self._told = told

    def set_running_or_notify_cancel(self) -> bool:
        """It always wants to be told."""
        return True

    def set_result(self, kept: Kept, /) -> None:
        """The message is on disk."""
        self._hands.bring(partial(self._told, kept))

    def set_exception(self, _fault: BaseException, /) -> None:
        """It is not; the careful way will meet the same fault, and tell it."""
        self._hands.bring(partial(self._told, None))


class Soon:
    """Takes kept messages at one door; to be used by what runs on one loop."""

    def __init__(self, door: Door, reception: Reception) -> None:
        self._door = door
        self._reception = reception
        self._turn: list[_Soon] = []
        self._hands: Handing | None = None

    def take(self, message: Incoming, judgement: Judgement, reading: Reading) -> Coming:
        """Have a message kept."""
        hand_over = self._reception.hand_over
        assert hand_over  # noqa: S101 - else nothing is taken this way
        frame_received()
        hands = self._hands = handing()
        one = _Soon(message, arrival_of(message, self._door, judgement), judgement, reading)
        hand_over(Request(one.arrival, _Waiter(hands, partial(self._kept, one))))
        if not one.is_worded:
            if not self._turn:
                hands.loop.call_soon(self._word)
            self._turn.append(one)
        return one.coming

    def tell(self) -> None:
        """Tell what was kept meanwhile, without waiting for the end of this turn."""
        if self._hands:
            self._hands.tell()

    def _word(self) -> None:
        """Beside the disk, which takes as long."""
        turn, self._turn = self._turn, []
        for one in turn:
            one.answer()

    def _kept(self, one: _Soon, kept: Kept | None) -> None:
        try:
            told = self._told(one, kept) if kept else None
        except Exception:  # noqa: BLE001 - the careful way tells it; what is kept already is then a repeat
            told = None
        one.coming.came(told)

    def _told(self, one: _Soon, kept: Kept) -> bytes | None:
        message, door, reception = one.message, self._door, self._reception
        note_codes(message, one.judgement, reception)
        reception.heard(door.listener, message.sender)
        if told_before(message, kept, door, reception):
            answer = ACCEPTED
        else:
            answer = remembered(message, kept, one.answer(), ORIGINAL, door, reception)
        told = acknowledge(
            message.raw,
            answer,
            now=reception.clock(),
            control_id=reception.next_control_id(),
            envelope=message.envelope,
        )
        answer_worded()
        return told or None
