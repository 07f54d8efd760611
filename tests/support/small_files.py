"""A disk that is full, as far as one process sees it: no file may grow beyond a size."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_file_larger_than(size_bytes: int) -> Iterator[None]:
    """What is written beyond that fails as on a full disk, half written."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Python takes a compiled file it could only half write for whole, and whoever loads that module next would fail.
    writes_none, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        sys.dont_write_bytecode = writes_none
