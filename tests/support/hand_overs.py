"""What the tests of hand-overs between threads need."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

PATIENCE_S = 30


class Recording(ThreadPoolExecutor):
    """Remembers how many pieces each hand-over had."""

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.sizes = []

    def submit(self, do, pieces):
        self.sizes.append(len(pieces))
        return super().submit(do, pieces)


class Gate:
    """Work that holds its thread until it is let go."""

    def __init__(self):
        self.entered, self.open = threading.Event(), threading.Event()

    def __call__(self):
        self.entered.set()
        assert self.open.wait(PATIENCE_S)
        return "held"

    async def is_held(self):
        assert await asyncio.to_thread(self.entered.wait, PATIENCE_S)
