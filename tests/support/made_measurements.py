"""What a bench might have measured, for tests of what is made of it."""

from __future__ import annotations

from adapter.commands.bench_load import Measured


def measured(messages: int) -> Measured:
    """So many messages in a second, all of them accepted."""
    return Measured(
        messages=messages,
        begun_at=0.0,
        seconds=1.0,
        cpu_us=10.0,
        p50_us=100.0,
        p95_us=200.0,
        p99_us=300.0,
        p999_us=400.0,
        most_us=500.0,
        codes={"AA": messages},
        bytes_per_message=480.0,
    )
