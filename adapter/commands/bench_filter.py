"""What the relevance filter costs per KB, and that it does not cost more with a thousand times the codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from adapter.commands.bench_measuring import mean_cpu_us
from adapter.ingest.hl7v2.header import envelope_of
from adapter.ingest.relevance import TABLE, RelevanceFilter
from adapter.knowledge.load import load_knowledge
from adapter.knowledge.shipped import shipped
from adapter.knowledge.spec import Knowledge, Table

FEW, MANY = 5, 5_000
BOUND = 100_000
ROUNDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterCost:
    """Microseconds of processor time per KB with few and with many codes in the table."""

    few_us_per_kb: float
    many_us_per_kb: float


def filter_cost(messages: Sequence[bytes]) -> FilterCost:
    """The least of some rounds over the same messages; a sender repeats its codes, so the first round is left out."""
    knowledge, faults = load_knowledge([shipped("mappings") / "demo"])
    assert knowledge, faults  # noqa: S101 - shipped files are checked by the tests
    return FilterCost(
        few_us_per_kb=_us_per_kb(_with_codes(knowledge, FEW), messages),
        many_us_per_kb=_us_per_kb(_with_codes(knowledge, MANY), messages),
    )


def _with_codes(knowledge: Knowledge, count: int) -> Knowledge:
    table = knowledge.tables[TABLE]
    first = table.rows[0]
    rows = (*table.rows, *(replace(first, code=f"BENCH{n}") for n in range(count - len(table.rows))))
    index = {row.code: tuple(other for other in rows if other.code == row.code) for row in table.rows}
    index |= {row.code: (row,) for row in rows[len(table.rows) :]}
    return replace(knowledge, tables={**knowledge.tables, TABLE: Table(name=table.name, rows=rows, index=index)})


def _us_per_kb(knowledge: Knowledge, messages: Sequence[bytes]) -> float:
    judge = RelevanceFilter(knowledge, BOUND).judge_one
    size_kb = sum(map(len, messages)) / 1024

    def once() -> None:
        for message in messages:
            judge(message, envelope_of(message))

    once()
    return min(mean_cpu_us(once, 1) for _ in range(ROUNDS)) / size_kb
