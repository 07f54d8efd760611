"""Application answers that go to another address: how they ask to be confirmed, and what is heard of them there."""

from __future__ import annotations

from enum import Enum

_ACCEPT, _APPLICATION = 14, 15
"""Places of MSH-15 and MSH-16 in a header that is split at its separators."""
_CONTROL_ID = 9
_ALWAYS, _NEVER = b"AL", b"NE"
_AGAIN = (b"CR", b"AR")


class Heard(Enum):
    """What the receiver of an answer says of it."""

    TAKEN = "taken"
    REFUSED = "refused"
    NOTHING_OF_IT = "nothing of it"
    """Or that it has no room now: the answer has to be sent again."""


def can_go_apart(answer: bytes) -> bool:
    """Whether an answer is one message of one byte a character, as another connection can be told."""
    return answer.startswith(b"MSH")


def asking(answer: bytes) -> bytes:
    """The answer with MSH-15 AL and MSH-16 NE: kept until it is confirmed by an accept acknowledgment."""
    separator = answer[3:4]
    header, line_end, behind = answer.partition(b"\r")
    fields = header.split(separator)
    fields += [b""] * (_APPLICATION + 1 - len(fields))
    fields[_ACCEPT], fields[_APPLICATION] = _ALWAYS, _NEVER
    return separator.join(fields) + line_end + behind


def heard_of(answer: bytes, reply: bytes) -> Heard:
    """What a reply says of the answer that was sent; a reply about another message says nothing."""
    fields = answer.partition(b"\r")[0].split(answer[3:4])
    own = fields[_CONTROL_ID] if len(fields) > _CONTROL_ID else b""
    separator = reply[3:4]
    for segment in reply.replace(b"\n", b"\r").split(b"\r"):
        msa = segment.split(separator) if separator and segment.startswith(b"MSA") else []
        if len(msa) > 2 and msa[2] == own and len(msa[1]) == 2:
            return _by_code(msa[1])
    return Heard.NOTHING_OF_IT


def _by_code(code: bytes) -> Heard:
    if code in _AGAIN:
        return Heard.NOTHING_OF_IT
    return Heard.TAKEN if code.endswith(b"A") else Heard.REFUSED
