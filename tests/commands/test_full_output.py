"""An output that is full is told in a sentence, by every command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("words", [["schema", "mapping"], ["schema", "output"], ["doc", "--csv"], ["lint", "--json"]])
def test_an_output_without_space_is_told(words):
    with Path("/dev/full").open("w") as output:
        ended = subprocess.run(
            [sys.executable, "-m", "adapter", *words], stdout=output, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (ended.returncode, ended.stderr) == (2, "The output cannot be written: no space left where it goes.\n")


def test_a_reader_that_has_seen_enough_is_no_fault():
    with subprocess.Popen(
        [sys.executable, "-m", "adapter", "doc"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as started:
        assert started.stdout is not None
        assert started.stderr is not None
        assert started.stdout.readline() == "<!DOCTYPE html>\n"
        started.stdout.close()
        assert started.stderr.read() == ""
    assert started.returncode == 2
