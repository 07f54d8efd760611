"""Receiving behind a real MLLP port: what cannot be kept is sent again and counts once."""

from __future__ import annotations

import asyncio

import hospital
import pytest

from adapter.pipeline.receive import Door, receive_hl7
from adapter.store.faults import CannotKeep
from adapter.transport.cannot_store import CannotStore
from adapter.transport.mllp import MllpLimits, MllpListener
from adapter.transport.mllp_client import MllpClient

pytestmark = pytest.mark.loopback


def test_a14_16_a_store_that_refuses_closes_the_connection_and_the_message_sent_again_counts_once(
    keeper, make_reception
):
    kept = keeper(fault=CannotKeep("The disk is full."))
    reception, _ = make_reception(kept)

    async def handle(raw, _peer):
        try:
            return await receive_hl7(raw, Door(listener="lab", source="ward"), reception)
        except CannotKeep:
            raise CannotStore from None

    async def story():
        listener = MllpListener(handle=handle, too_large=lambda _: None, limits=MllpLimits(), on_event=lambda *_: None)
        port = await listener.start("127.0.0.1", 0)
        async with MllpClient() as sender:
            await sender.connect("127.0.0.1", port)
            with pytest.raises(ConnectionError, match="closed without an answer"):
                await sender.send(hospital.oru("A1"))
            kept._fault = None
            answers = []
            for _ in range(2):
                await sender.connect("127.0.0.1", port)
                answers.append(await sender.send(hospital.oru("A1")))
        await listener.stop(5)
        return answers

    first, second = asyncio.run(story())
    assert b"MSA|AA|A1" in first
    assert second == first
    assert kept.inbox.last_seq() == 1
