"""What the parent has read goes to its processes whole: both work with the very same, whatever the files say meanwhile.

A process that died gets it again. So it comes back as it was, even when the files do not lint any more.
"""

from __future__ import annotations

import base64
import pickle
import zlib

from adapter.app.parts import Loaded
from adapter.ingest.compiled import compiled

FASTEST = 1


def packed(loaded: Loaded) -> str:
    """As text for one line of JSON."""
    return base64.b64encode(zlib.compress(pickle.dumps(loaded), FASTEST)).decode()


def unpacked(text: str) -> Loaded:
    """What `packed` was given, compiled before anybody waits for it; only ever read from the pipe of our own parent."""
    loaded = pickle.loads(zlib.decompress(base64.b64decode(text)))  # noqa: S301 - our parent wrote it, nobody else can
    if not isinstance(loaded, Loaded):
        raise TypeError("the parent handed over something else")
    compiled(loaded.knowledge)
    return loaded
