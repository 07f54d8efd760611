"""Where an arrival belongs in an inbox: a new place, or the place of the earlier message it repeats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from adapter.domain.message import Arrival, Kept, Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """What an inbox already holds under one sender and control id."""

    seq: int
    digest: str
    answer: str | None
    relevance: str = "relevant"


Place = tuple[str, str]
"""(sender, control id)"""


def with_digest(arrival: Arrival) -> Arrival:
    """The arrival with its digest filled: two contents without one would pass for repeats."""
    return arrival if arrival.digest else replace(arrival, digest=sha256(arrival.raw).hexdigest())


def place_of(arrival: Arrival) -> Place:
    """What repeats of a message share."""
    return (arrival.sender, arrival.control_id)


def place(
    batch: Sequence[Arrival], earlier: dict[Place, list[Earlier]], last_seq: int
) -> tuple[list[Kept], list[Stored]]:
    """Decide for every arrival of a batch; gives the answers in order and the messages to insert.

    `earlier` holds, oldest first, what the inbox has under the senders and control ids of the batch; it grows.
    """
    kept: list[Kept] = []
    new: list[Stored] = []
    for arrival in map(with_digest, batch):
        decision = _decide(arrival, earlier, last_seq + len(new) + 1)
        kept.append(decision)
        if decision.repeat_of is None:
            new.append(Stored(seq=decision.seq, arrival=arrival))
    return kept, new


def _decide(arrival: Arrival, earlier: dict[Place, list[Earlier]], seq: int) -> Kept:
    if arrival.kind != "hl7v2":
        return Kept(seq=seq)
    before = earlier.setdefault(place_of(arrival), [])
    same = [e for e in before if e.digest == arrival.digest and not _refused(e) and not _means_more(arrival, e)]
    if same:
        return Kept(seq=same[-1].seq, repeat_of=same[-1].seq, answer=same[-1].answer)
    reused = bool(arrival.control_id) and any(e.digest != arrival.digest for e in before)
    before.append(Earlier(seq=seq, digest=arrival.digest, answer=None, relevance=arrival.relevance))
    return Kept(seq=seq, control_id_reused=reused)


def _refused(earlier: Earlier) -> bool:
    """What was refused is read anew when it comes again: tables may have been mended since then."""
    return earlier.answer in ("AE", "AR")


def _means_more(arrival: Arrival, earlier: Earlier) -> bool:
    """A near miss whose code was mapped since then is no repeat: it has not had its effect yet."""
    return arrival.relevance == "relevant" and earlier.relevance != "relevant"
