"""Four times the events are little more than four times the work: counted in steps of the interpreter, not in time."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from functools import partial

import pytest
from counted_steps import steps

from adapter.commands.bench_shapes import SHAPES, history_of
from adapter.domain.history import resolve
from adapter.rules import interpret

pytestmark = pytest.mark.slow

FEW, MANY = 60, 240
N_LOG_N = MANY * math.log(MANY) / (FEW * math.log(FEW))
AS_OF = datetime(2040, 1, 1, tzinfo=UTC)


def read(rulebook, key, recorded):
    return interpret(resolve(key, recorded), rulebook, AS_OF)


@pytest.mark.parametrize("shape", SHAPES)
def test_work_grows_no_faster_than_n_log_n_whatever_a_history_has_much_of(rulebook, shape):
    few, many = (steps(partial(read, rulebook, *history_of(shape, size))) for size in (FEW, MANY))
    assert many / few < N_LOG_N


def test_work_that_compares_each_with_each_would_be_found():
    few, many = (steps(lambda n=n: [a < b for a in range(n) for b in range(n)]) for n in (FEW, MANY))
    assert many / few > N_LOG_N
