from __future__ import annotations

import pytest
from blackbox import Blackbox, build


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
