"""Requests to the running service as files of its store; each answer stays as an audit line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import structlog

from adapter.store.folder import FOLDER_MODE
from adapter.store.private_json import read_object, replace_object

ASKED, DONE = ".asked.json", ".done.json"
SCHEMA = 1

Request = TypeVar("Request")


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """The requests of one kind, in a folder of the store."""

    folder: Path

    def ask(self, name: str, content: Mapping[str, Any]) -> Path:
        """Put a request down, or write it anew; gives where its answer will stand (OSError: it cannot be written)."""
        self.folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
        replace_object(self.folder / f"{name}{ASKED}", {"schema": SCHEMA, **content}, durable=True)
        return self.folder / f"{name}{DONE}"

    def waiting(self, read: Callable[[Mapping[str, Any]], Request]) -> Iterator[Request]:
        """Every request that has no answer, the oldest first; what `read` cannot read is passed over."""
        for place in sorted(self.folder.glob(f"*{ASKED}")):
            told = read_object(place)
            with suppress(KeyError, TypeError):
                if told:
                    yield read(told)

    def do_each(
        self, read: Callable[[Mapping[str, Any]], Request], do: Callable[[Request], None], *, unwritten: str
    ) -> None:
        """Do every request that waits; one whose answer cannot be written stands, is told as `unwritten`, and waits."""
        for request in self.waiting(read):
            try:
                do(request)
            except OSError:
                structlog.get_logger().error(unwritten, reason="the store cannot be written")

    def answer(self, name: str, content: Mapping[str, Any]) -> bool:
        """Write down what came of a request (OSError: it cannot be written, and the request stands).

        Whether the request is gone; one that cannot be removed will be seen again.
        """
        self.folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
        replace_object(self.folder / f"{name}{DONE}", {"schema": SCHEMA, **content}, durable=True)
        try:
            (self.folder / f"{name}{ASKED}").unlink(missing_ok=True)
        except OSError:
            return False
        return True
