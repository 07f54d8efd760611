"""What holds for every test: nothing may be skipped where the build machine could have run it."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

import compiled_files
import pytest
import read_once
from at_length import AT_LENGTH
from hypothesis import HealthCheck, settings

compiled_files.keep(Path(__file__).parents[1] / ".pytest_cache" / "bytecode")
read_once.install()
pytest_plugins = ["service_fixtures"]

SLOW_IS_FINE = [HealthCheck.too_slow]  # machines are shared and noisy
settings.register_profile("dev", max_examples=10, deadline=None, suppress_health_check=SLOW_IS_FINE)
settings.register_profile("ci", max_examples=10, deadline=None, derandomize=True, suppress_health_check=SLOW_IS_FINE)
settings.register_profile("thorough", parent=settings.get_profile("ci"), max_examples=60)
settings.load_profile("thorough" if AT_LENGTH else "ci" if os.environ.get("CI") else "dev")

NOTHING_SKIPPED = "TROUGHLINE_NOTHING_SKIPPED"
GARBAGE_AFTER = 10_000
"""New objects after which the collector looks for garbage: tests make many and keep few."""
MACHINE_CANNOT = "CAP_SYS_ADMIN"
"""The one reason that is the machine's own: mounting a small disk is forbidden there."""


@pytest.fixture
def _hostile_switching():
    """Threads take turns as often as they can, so that a race between them is met."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--renew-goldens", action="store_true", help="record expected/played.json of every story anew")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    every = reporter.stats.get("skipped", []) if reporter else []
    skipped = [report for report in every if MACHINE_CANNOT not in str(report.longrepr)]
    if os.environ.get(NOTHING_SKIPPED) and skipped and exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """What is collected stays to the end: the collector looks through none of it, and less often through the rest."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.set_threshold(GARBAGE_AFTER)
        gc.enable()
