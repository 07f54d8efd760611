"""The unchanged tests: how long each takes, and which lines each runs through."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

import coverage
import pytest
from hypothesis import HealthCheck, Phase, settings
from processes import in_process

FLAGS = ("-q", "-o", "addopts=", "-m", "not slow", "-o", "timeout=0", "-p", "pytest_timeout", "-p", "no:cacheprovider")
IMPORTING = ""
"""The name under which lines stand that run while a file is imported."""


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What is known of the unchanged tests."""

    seconds: dict[str, float] = field(default_factory=dict)
    tests_of: dict[str, dict[int, list[str]]] = field(default_factory=dict)
    """The tests that run through a line, by file and line."""
    failed: tuple[str, ...] = ()

    def through(self, file: str, lines: tuple[int, int]) -> set[str]:
        """Every test that runs through some of these lines."""
        known = self.tests_of.get(file, {})
        return {test for line in range(lines[0], lines[1] + 1) for test in known.get(line, ())}

    def soonest(self, tests: Iterable[str], killers: Sequence[str]) -> list[str]:
        """Tests in the order in which they are asked: those that noticed a neighbour, then the short ones."""
        places = {test: place for place, test in enumerate(killers)}
        return sorted(tests, key=lambda test: (places.get(test, len(places)), self.seconds.get(test, 0.0), test))

    def within(self, order: Sequence[str], patience_s: float) -> list[str]:
        """The first tests of an order that together take no longer than this."""
        sums = accumulate(self.seconds.get(test, 0.0) for test in order)
        return [test for test, total in zip(order, sums, strict=True) if total <= patience_s]

    def limit_s(self, test: str) -> float:
        """Seconds of processor time after which a test counts as one that never ends."""
        return 10 + 10 * self.seconds.get(test, 0.0)


class Profile:
    """Properties with few examples, always the same ones, and nothing made smaller after a failure."""

    def pytest_configure(self, config: pytest.Config) -> None:  # noqa: ARG002 - the hook's signature
        settings.register_profile(
            "mutation",
            max_examples=15,
            derandomize=True,
            database=None,
            deadline=None,
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        )
        settings.load_profile("mutation")


class Measuring(Profile):
    """Notes the seconds of each test, and tells the watch which test runs; every test begins with empty caches."""

    def __init__(self, watch: coverage.Coverage) -> None:
        self.watch = watch
        self.seconds: dict[str, float] = {}
        self.failed: list[str] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        for module in [one for name, one in sys.modules.items() if name.startswith("adapter.")]:
            for value in list(vars(module).values()):
                if callable(getattr(value, "cache_clear", None)):
                    value.cache_clear()
        self.watch.switch_context(item.nodeid)
        answer = yield
        self.watch.switch_context(IMPORTING)
        return answer

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration
        if report.failed:
            self.failed.append(report.nodeid)


def measured(tests: Sequence[str], rooms: Sequence[str], root: Path) -> Baseline:
    """Run the unchanged tests once and note everything."""

    def run() -> dict[str, Any]:
        watch = coverage.Coverage(source=list(rooms), data_file=None, config_file=False)
        plugin = Measuring(watch)
        watch.start()
        code = pytest.main([*FLAGS, *tests], plugins=[plugin])
        watch.stop()
        data = watch.get_data()
        lines = {str(Path(file).relative_to(root)): data.contexts_by_lineno(file) for file in data.measured_files()}
        failed = plugin.failed or ([] if code == pytest.ExitCode.OK else ["the tests cannot be collected"])
        return {"seconds": plugin.seconds, "lines": lines, "failed": failed}

    state, answer = in_process(run)
    if state != "done":
        return Baseline(failed=("the tests cannot be run",))
    lines = {
        file: {int(line): [sys.intern(name) for name in names] for line, names in found.items()}
        for file, found in answer["lines"].items()
    }
    return Baseline(seconds=answer["seconds"], tests_of=lines, failed=tuple(answer["failed"]))
