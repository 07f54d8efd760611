"""The folder a site owns beside a running service: tables over the demo's, changed while it runs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from running_service import DEMO

from adapter.app.reloading import Request, ask_to_reload
from adapter.commands.asked import request_id, result_of_the_service
from adapter.domain.times import instant_text

HEADER = "sender,code,system,target,label,note"
"""Of every code table."""


class OwnedFiles:
    """A configuration whose second overlay is for the test to write."""

    def __init__(self, folder: Path) -> None:
        self.tables = folder / "ours" / "tables"
        self.tables.mkdir(parents=True)
        self.store = folder / "store"
        self.config = folder / "site.yaml"
        self.configure()
        self.table("activity_tests")

    def configure(self, *more: str) -> None:
        """Write the configuration, with more lines."""
        lines = (
            f"store: {self.store}",
            f"mappings: [{DEMO}, {self.tables.parent}]",
            "http: {host: 127.0.0.1, port: 0}",
            *(more or ("mllp: [{name: default, host: 127.0.0.1, port: 0}]",)),
        )
        self.config.write_text("\n".join(lines) + "\n")

    def table(self, name: str, *rows: str) -> None:
        """Write a code table whole."""
        (self.tables / f"{name}.csv").write_text("\n".join((HEADER, *rows)) + "\n")


def reloaded(store: Path) -> dict[str, Any]:
    """Ask the running service to reload and give what came of it."""
    now = datetime.now(UTC)
    request = Request(id=request_id(now), asked_at=instant_text(now), by="anna")
    result = result_of_the_service(store, ask_to_reload(store, request))
    assert result is not None
    return result
