"""Whoever reads the output of a command and has seen enough is no fault of the store."""

from __future__ import annotations

import sys

import hospital
import pytest
from kept_store import KeptStore

from adapter.cli import _parser
from adapter.commands import prune, replay, status, worklist


class Closed:
    """An output whose reader has gone."""

    def write(self, _text):
        raise BrokenPipeError

    def flush(self):
        pass


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (prune, ["prune", "--history"]),
        (prune, ["prune", "--dry-run"]),
        (status, ["status"]),
        (worklist, ["worklist", "list"]),
        (replay, ["replay", "--sender", "*|*"]),
    ],
)
def test_a_closed_output_is_left_to_the_end_of_the_program(tmp_path, monkeypatch, capsys, command, words):
    store = KeptStore(tmp_path / "store")
    store.hl7(hospital.oru("A1"))
    store.close()
    options = _parser().parse_args([*words, "--store", str(tmp_path / "store")])
    monkeypatch.setattr(sys, "stdout", Closed())
    with pytest.raises(BrokenPipeError):
        command.run(options)
    assert "written" not in capsys.readouterr().err
