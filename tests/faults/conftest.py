from __future__ import annotations

import pytest
from blackbox import Blackbox, build
from recovering import load
from running_service import Service


@pytest.fixture(scope="session")
def recorder(tmp_path_factory):
    """The compiled recorder."""
    return build(tmp_path_factory.mktemp("recorder"))


@pytest.fixture
def blackbox(recorder, tmp_path):
    """A watched folder of the test's own."""
    folder = tmp_path / "watched"
    folder.mkdir()
    with Blackbox(recorder, folder) as made:
        yield made


@pytest.fixture(scope="session")
def loaded():
    """What the services of the tests work with."""
    return load()


@pytest.fixture
def troubled(blackbox, tmp_path):
    """A service with the recorder in every process; `blackbox.control` says what goes wrong."""
    service = Service(blackbox.folder / "store", log=tmp_path / "log", environment=blackbox.environment)
    yield service
    service.end()
