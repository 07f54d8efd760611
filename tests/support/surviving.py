"""The oracle of every test that hurts a running service."""

from __future__ import annotations

from collections import Counter

from feeding import Stream
from recovering import INBOXES, found_in, rebuilt, results_after
from running_service import Service

from adapter.app.parts import Loaded


def survived(service: Service, stream: Stream, loaded: Loaded) -> list[str]:
    """Stop; whatever was acknowledged is kept, once, and gave what it says. Gives the rooms whose process died."""
    assert service.stop() == 0
    found = found_in(service.store)
    assert (found.intact, found.unread) == (True, 0)
    kept = Counter(row.arrival.raw for name in INBOXES for row in found.kept[name])
    for raw, code in stream.acknowledged:
        if code == "AA" and b"|ASPACT^" in raw:
            assert kept[raw] == 1
        elif code != "AA":
            assert kept[raw] >= 1
    assert results_after(service.store, loaded) == rebuilt(found.kept, loaded)
    assert "Traceback" not in service.log.read_text()
    return [line["process"] for line in service.logged() if line["event"] == "process-died"]


def restarted(service: Service, *, since: int) -> bool:
    """Whether a process was started again after so many lines of the log."""
    return any(line["event"] == "process-restarted" for line in service.logged()[since:])
