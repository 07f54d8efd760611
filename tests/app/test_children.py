"""What a parent says goes out whole however slowly it is read, and what it hears is taken in line by line."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace

import pytest

from adapter.app.children import Child
from adapter.app.versions import Versions

OLD, NEW = Versions(mappings="a", policies="c"), Versions(mappings="b", policies="c")


@pytest.fixture
def pipes():
    """A child behind two pipes, and the ends the child would hold."""
    its_stdin, our_stdin = os.pipe()
    our_stdout, its_stdout = os.pipe()
    os.set_blocking(our_stdin, False)
    os.set_blocking(our_stdout, False)
    stdin, stdout = os.fdopen(our_stdin, "wb", buffering=0), os.fdopen(our_stdout, "rb", buffering=0)
    child = Child(name="core", process=SimpleNamespace(stdin=stdin, stdout=stdout), started_at=0.0, runs=OLD)
    made = SimpleNamespace(child=child, stdin=its_stdin, stdout=its_stdout, open=[its_stdin, its_stdout])
    yield made
    stdin.close()
    stdout.close()
    for descriptor in made.open:
        os.close(descriptor)


def test_an_order_longer_than_a_pipe_goes_out_as_it_is_read(pipes):
    order = {"order": "prepare", "loaded": "x" * 1_000_000}
    pipes.child.tell(order)
    pipes.child.tell({"order": "hold"})
    read = b""
    while read.count(b"\n") < 2:
        read += os.read(pipes.stdin, 65536)
        pipes.child.flush()
    assert [json.loads(line) for line in read.splitlines()] == [order, {"order": "hold"}]


def test_a_process_that_is_gone_is_told_nothing_and_nothing_fails(pipes):
    pipes.open.remove(pipes.stdin)
    os.close(pipes.stdin)
    pipes.child.tell({"order": "hold"})
    pipes.child.flush()
    assert pipes.child.hear() is False


def test_a_line_that_comes_in_pieces_is_one_answer(pipes):
    line = json.dumps({"change": "r1", "said": "taken", "versions": NEW.as_dict(), "until": {"inbox": 4}}).encode()
    os.write(pipes.stdout, b"\n" + line[:20])
    assert pipes.child.hear() is True
    assert (pipes.child.said, pipes.child.runs) == (("", ""), OLD)
    os.write(pipes.stdout, line[20:] + b"\n")
    assert pipes.child.hear() is True
    assert (pipes.child.said, pipes.child.runs, pipes.child.until) == (("r1", "taken"), NEW, {"inbox": 4})
    assert pipes.child.hear() is False


@pytest.mark.parametrize("line", [b"a library prints\n", b'{"other": 1}\n', b"[1]\n", b"\xff\n"])
def test_a_line_that_is_no_answer_is_heard_and_passed_over(pipes, line):
    os.write(pipes.stdout, line + b'{"change": "r1", "said": "held"}\n')
    assert pipes.child.hear() is True
    assert pipes.child.said == ("r1", "held")
