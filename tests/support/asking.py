"""A sender that asks for acknowledgments, and what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from adapter.pipeline.receive import Door, Reception, receive_in_mode

ENHANCED = Door(listener="lab", source="ward", ack_mode="enhanced", may_refuse=True)
ACK = b"MSH|^~\\&|A|B|C|D|20250311130500+0000||ACK^R01^ACK|K1|P|2.5.1|||AL|AL\rMSA|AA|X\r"


def asking(message: bytes, accept: str = "AL", application: str = "AL") -> bytes:
    """The message with its MSH-15 and MSH-16 filled."""
    return message.replace(b"|P|2.5.1\r", f"|P|2.5.1|||{accept}|{application}\r".encode())


async def _both(raw: bytes, door: Door, reception: Reception) -> tuple[bytes | None, bytes | None]:
    replies = await receive_in_mode(raw, door, reception)
    return replies.first, await replies.later() if replies.later else None


def received(raw: bytes, reception: Reception, door: Door = ENHANCED) -> tuple[bytes | None, bytes | None]:
    """What a frame is told first, and what later."""
    return asyncio.run(_both(raw, door, reception))


def codes(answers: Iterable[bytes | None]) -> list[list[str]]:
    """MSA-1 of every acknowledgment of each answer."""
    return [
        [line.split(b"|")[1].decode() for line in (answer or b"").split(b"\r") if line.startswith(b"MSA")]
        for answer in answers
    ]
