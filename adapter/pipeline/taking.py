"""Take one message: judge it, keep it if it matters, and know what its answer says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import lru_cache, partial

from adapter.domain.message import Answer, Arrival, Kept, Translation
from adapter.domain.problems import Problem, problem
from adapter.ingest.acknowledgment_modes import Wishes
from adapter.ingest.hl7v2 import peek
from adapter.ingest.hl7v2.header import is_acknowledgment
from adapter.ingest.relevance import Judgement
from adapter.knowledge.spec import sender_rank
from adapter.pipeline.handing import handing
from adapter.pipeline.reception import (
    NAME_LIMIT_CHARS,
    Door,
    Incoming,
    Reading,
    Reception,
    arrival_of,
    header_of,
    incoming,
)
from adapter.store.crash_points import reached
from adapter.store.faults import CannotKeep

ACCEPTED = Answer(code="AA")
COMMITTED = Answer(code="CA")
NOTHING = Answer(code="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A message that is on disk, or need not be, or could not be put there."""

    message: Incoming
    answer: Answer | None = None
    """The application answer where it is known already."""
    kept: Kept | None = None
    wording: asyncio.Future[Answer] | None = None
    """The application answer under way."""

    def accept(self) -> Answer:
        """Its accept acknowledgment: CA once it is safe, CE for what nobody can name again, CR for a full disk."""
        message = self.message
        if is_acknowledgment(message.message_type):
            return NOTHING
        if self.answer and self.answer.code == "AR":
            return replace(self.answer, code="CR")
        if not message.control_id:
            named = bool(peek(message.raw).field_separator)
            return Answer(code="CE", errors=(_no_control_id() if named else problem("unreadable-message"),))
        return COMMITTED


def frame_received() -> None:
    """A frame is in hand, and nothing was done with it."""
    reached("received")


def answer_worded() -> None:
    """The answer to a frame is ready to go."""
    reached("answer-worded")


def _no_control_id() -> Problem:
    return problem("control-id-missing", where="MSH[1]-10", location="MSH^1^10")


def judged(message: Incoming, reading: Reading, reception: Reception) -> Judgement:
    """The filter's judgement; a fault of the filter may never make a message irrelevant."""
    try:
        return reading.judge(message.raw, message.envelope)
    except Exception:  # noqa: BLE001 - a bug of ours must not lose a message
        reception.observe("problem", {"code": "internal-error"})
        return Judgement(relevance="relevant")


async def take(raw: bytes, door: Door, reception: Reception) -> Taken:
    """Take a message: when this returns it is on disk, or irrelevant, or refused as its sender wants it.

    Hands the message over before it first waits. Raises whatever the keeper raises.
    """
    message = incoming(raw, reception.clock())
    reading = reception.reading()
    judgement = judged(message, reading, reception)
    if judgement.relevance == "irrelevant" and message.control_id:
        if is_acknowledgment(message.message_type):
            return Taken(message=message, answer=NOTHING)
        note_irrelevant(message, judgement, door, reception, _told(message, door))
        return Taken(message=message, answer=ACCEPTED)
    note_codes(message, judgement, reception)
    reception.heard(door.listener, message.sender)
    return await _keep(message, arrival_of(message, door, judgement), reading, door, reception)


def note_irrelevant(message: Incoming, judgement: Judgement, door: Door, reception: Reception, code: str) -> None:
    """Remember what the site wants of an irrelevant message; it takes no custody and never waits for the disk."""
    reception.heard(door.listener, message.sender)
    if door.heartbeats and _asks_whether_we_are_there(message, door):
        reception.observe("heartbeat", {"listener": door.listener, "code": code})
        return
    note_codes(message, judgement, reception)
    if door.archive_irrelevant == "headers":
        reception.keeper.note_irrelevant(header_of(message, door))
    elif door.archive_irrelevant == "full":
        archiving = reception.keeper.submit(arrival_of(message, door, judgement))
        if code:
            archiving.add_done_callback(partial(_note_answer, reception, code))
    reception.observe("irrelevant", {"listener": door.listener, "code": code})


def _note_answer(reception: Reception, code: str, archiving: Future[Kept]) -> None:
    """Remember what an archived message was told, once it has a place."""
    if not archiving.cancelled() and archiving.exception() is None:
        reception.keeper.answered(archiving.result().seq, code)


def _asks_whether_we_are_there(message: Incoming, door: Door) -> bool:
    names = message.sender, message.message_type
    # What is longer than any name is looked at and not remembered: a peer writes there what it likes.
    short = sum(map(len, names)) <= NAME_LIMIT_CHARS
    return (_is_heartbeat if short else is_heartbeat)(door.heartbeats, *names)


def is_heartbeat(heartbeats: tuple[str, ...], sender: str, message_type: str) -> bool:
    """Whether a message without anything for us is one that only asks whether we are there."""
    return any(
        sender_rank(one, sender) >= 0 if "|" in one else one in (message_type, message_type.partition("^")[0])
        for one in heartbeats
    )


_is_heartbeat = lru_cache(maxsize=4096)(is_heartbeat)


def _told(message: Incoming, door: Door) -> str:
    """The application answer an irrelevant message is told."""
    return "AA" if message.wishes(door).wants("AA") else ""


def note_codes(message: Incoming, judgement: Judgement, reception: Reception) -> None:
    """Count the codes of a message that no table knows."""
    if judgement.codes:
        reception.keeper.note_codes(message.sender[:NAME_LIMIT_CHARS], judgement.codes, message.received_at)


async def _keep(message: Incoming, arrival: Arrival, reading: Reading, door: Door, reception: Reception) -> Taken:
    hands = handing()
    keeping = hands.back(reception.keeper.submit(arrival))
    word = partial(worded, arrival, reading.translate)
    wording = hands.done_by(reception.executor, word, size_bytes=len(arrival.raw))
    try:
        kept = await keeping
    except CannotKeep as fault:
        wording.cancel()
        if not _may_refuse(message, door, reception):
            raise
        reception.observe("refused", {"listener": door.listener, "code": "AR", "reason": str(fault)})
        return Taken(message=message, answer=Answer(code="AR", errors=(problem("cannot-store"),)))
    except BaseException:
        wording.cancel()
        raise
    if told_before(message, kept, door, reception):
        wording.cancel()
        return Taken(message=message, answer=ACCEPTED)
    return Taken(message=message, kept=kept, wording=wording)


def told_before(message: Incoming, kept: Kept, door: Door, reception: Reception) -> bool:
    """Count what is odd about a kept message; whether it is one that was told AA before, and is told so again."""
    told_again = kept.repeat_of is not None and kept.answer == "AA"
    if kept.repeat_of is not None:
        answer = {"code": _told(message, door)} if told_again else {}
        reception.observe("repeat", {"listener": door.listener, **answer})
    if kept.control_id_reused:
        reception.observe("problem", {"listener": door.listener, "code": "control-id-reused"})
    return told_again


def _may_refuse(message: Incoming, door: Door, reception: Reception) -> bool:
    """Whether the sender wants a refusal in words, and will hear it."""
    wishes = message.wishes(door)
    heard = wishes.wants("CR") or wishes.wants("AR")
    return door.may_refuse and heard and reception.rules(message.sender).cannot_store == "AR"


async def answer_to(taken: Taken, wishes: Wishes, door: Door, reception: Reception) -> Answer:
    """The application answer of a message, remembered and counted; AA when it takes too long to word."""
    if taken.answer is not None or taken.wording is None or taken.kept is None:
        return taken.answer or NOTHING
    wording = taken.wording
    if not wording.done():
        await asyncio.wait((wording,), timeout=door.answer_within_s)
    if wording.done():
        answer = wording.result()
    else:
        reception.observe("answered-before-translated", {"listener": door.listener})
        answer = ACCEPTED
    return remembered(taken.message, taken.kept, answer, wishes, door, reception)


def remembered(
    message: Incoming, kept: Kept, answer: Answer, wishes: Wishes, door: Door, reception: Reception
) -> Answer:
    """The application answer of a kept message as its sender gets it, remembered and counted."""
    if is_acknowledgment(message.message_type):
        answer = NOTHING
    reception.keeper.answered(kept.seq, answer.code)
    reception.observe(
        "answered",
        {
            "listener": door.listener,
            "code": answer.code if wishes.wants(answer.code) else "",
            "problems": [found.code for found in answer.errors if found.severity == "error"],
        },
    )
    if kept.control_id_reused and answer.code and reception.rules(message.sender).warn_in_err:
        reused = problem("control-id-reused", where="MSH[1]-10", location="MSH^1^10")
        return replace(answer, errors=(*answer.errors, reused))
    return answer


def worded(arrival: Arrival, translate: Callable[[bytes, str], Sequence[Translation]]) -> Answer:
    """The answer a kept message deserves; a fault of ours is never the sender's error."""
    try:
        translations = translate(arrival.raw, arrival.source)
    except Exception:  # noqa: BLE001 - the engine parks the message; the sender did nothing wrong
        return ACCEPTED
    errors = tuple(p for t in translations for p in t.answer.errors)
    codes = [t.answer.code for t in translations]
    for code in ("AR", "AE", "AA"):
        if code in codes:
            return Answer(code=code, errors=errors)
    return NOTHING
