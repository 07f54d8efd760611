"""Fixtures of tests that use the running service."""

from __future__ import annotations

import pytest
from running_service import Service


@pytest.fixture(scope="session")
def running(tmp_path_factory):
    """One service for all tests that only use it."""
    folder = tmp_path_factory.mktemp("running")
    service = Service(folder / "store", log=folder / "log")
    yield service
    service.end()


@pytest.fixture
def start(tmp_path):
    """Starts services of the test's own; all of them are ended."""
    started = []

    def begin(*more, store=None, **addresses):
        service = Service(store or tmp_path / "store", *more, log=tmp_path / "log", **addresses)
        started.append(service)
        return service

    yield begin
    for service in started:
        service.end()
