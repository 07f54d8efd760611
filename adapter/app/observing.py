"""Log lines as JSON and counters; names and codes only, never a patient value."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

METRICS_FOLDER = "metrics"
METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
COUNTER_KINDS = ("counter", "histogram", "gauge_livesum", "gauge_mostrecent")
"""The files the metrics library keeps for each process."""
COUNTERS_BYTES = 256 * 1024
"""Of each such file: some thousand label values."""
LIVE_KINDS = ("gauge_livesum",)
COUNTERS_USED_BYTES = 4
"""The head of such a file says how much of it is used."""
SAFE_KEYS = frozenset(
    {
        "bytes", "code", "codes", "connections", "count", "error", "exception", "inbox", "kind", "limit", "limit_bytes",
        "limit_s", "listener", "looks_like", "mappings", "peer", "pid", "policies", "port", "problem", "problems",
        "process", "reason",
        "retry_after_s", "seconds", "sender", "seq", "side", "signal", "size", "skipped_bytes", "source", "speaks",
        "state", "status", "subject", "target", "version",
    }
)  # fmt: skip
"""The only keys a log line may carry: everything else is dropped, so that content cannot slip in."""

Observe = Callable[[str, dict[str, Any]], None]


def configure_logging(process: str, *, only_errors: bool = False) -> None:
    """One JSON object per line on stderr; third-party loggers are silenced below warnings and carry no arguments."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR if only_errors else logging.NOTSET),
        processors=[
            _spoken_by(process),
            _only_safe_keys,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.getLogger().addHandler(logging.NullHandler())
    logging.getLogger().setLevel(logging.CRITICAL)


def _spoken_by(process: str) -> structlog.typing.Processor:
    def spoken_by(
        _logger: structlog.typing.WrappedLogger, _method: str, entry: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        # A line about another process already names that one.
        return {"process": process, **entry}

    return spoken_by


def _only_safe_keys(
    _logger: structlog.typing.WrappedLogger, _method: str, entry: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    return {key: value for key, value in entry.items() if key in SAFE_KEYS or key == "event"}


def prepare_metrics_folder(store: Path) -> Path:
    """An empty folder the processes share their counters through; the environment names it before they start."""
    folder = store / METRICS_FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    for left in folder.glob("*.db"):
        left.unlink(missing_ok=True)
    return folder


def share_counters(process: str) -> None:
    """Let this process count under its name, where a restarted one goes on counting; before anything is counted.

    The room is taken on disk now: a memory map that meets a full disk later would kill the process (SIGBUS). Without
    room it counts for itself alone and says so: counters never keep a process from its work.
    """
    from prometheus_client import values

    folder = os.environ.get(METRICS_VARIABLE)
    if not folder:
        return
    try:
        for kind in COUNTER_KINDS:
            _take_room(Path(folder) / f"{kind}_{process}.db")
    except OSError:
        values.ValueClass = values.MutexValue
        structlog.get_logger().error("counters-not-shared")
        return
    # The library leaves it untyped.
    values.ValueClass = values.MultiProcessValue(process_identifier=lambda: process)  # type: ignore[no-untyped-call]


def _take_room(file: Path) -> None:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, COUNTERS_BYTES)
    finally:
        os.close(descriptor)


def forget_live_gauges(process: str, folder: Path) -> None:
    """What a dead process had open counts no more; its file keeps its room, for a full disk would not give it back."""
    for kind in LIVE_KINDS:
        with contextlib.suppress(OSError), (folder / f"{kind}_{process}.db").open("r+b") as file:
            file.write(bytes(COUNTERS_USED_BYTES))


def exposition() -> tuple[bytes, str]:
    """All counters of all processes in the Prometheus text format, with their content type."""
    from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

    return generate_latest(_registry()), CONTENT_TYPE_LATEST


def newest_by(metric: str, label: str) -> dict[str, float]:
    """The largest value of a metric of all processes for each value of one label."""
    found: dict[str, float] = {}
    for family in _registry().collect():
        for sample in family.samples:
            if sample.name == metric:
                name = sample.labels[label]
                found[name] = max(found.get(name, sample.value), sample.value)
    return found


def _registry() -> CollectorRegistry:
    from prometheus_client import REGISTRY, CollectorRegistry
    from prometheus_client.multiprocess import MultiProcessCollector

    if not os.environ.get(METRICS_VARIABLE):
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library leaves it untyped
    return registry
