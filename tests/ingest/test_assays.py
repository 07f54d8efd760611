"""The method and quantification limit of a test are remembered as they would be looked up."""

from __future__ import annotations

from decimal import Decimal

import pytest

from adapter.ingest import assays as module
from adapter.ingest.assays import Assay, assays
from adapter.ingest.code_lookup import Hit
from adapter.ingest.coded_fields import LONGEST_REMEMBERED
from adapter.knowledge.spec import Row, Table


def row(code: str, target: str = "", sender: str = "", **extra: str) -> Row:
    return Row(sender=sender, code=code, system="*", target=target, label="", note="", extra=extra, file="t", line=1)


def table(*rows: Row) -> Table:
    return Table(name="t", rows=rows, index={one.code: (one,) for one in rows})


UNITS = table(row("IU/L", "[IU]/L"))
LIMITS = table(
    row("ACT", lloq="25", unit="IU/L", method=" MAAT "),
    row("ANY", lloq="25", unit="IU/L"),
    row("ODD", lloq="few", unit="IU/L"),
    row("OWN", lloq="25", unit="IU/L", sender="LAB2|*"),
)
LIMIT = Decimal("0.025")


def hit(code: str) -> Hit:
    return Hit(row=row(code), code=code, system="L", text="")


@pytest.mark.parametrize(
    ("code", "sender", "method", "assay"),
    [
        ("ACT", "LAB|N", None, Assay("MAAT", LIMIT)),
        ("ACT", "LAB|N", "maat", Assay("maat", LIMIT)),
        ("ACT", "LAB|N", "AHA", Assay("AHA", None)),
        ("ANY", "LAB|N", None, Assay(None, LIMIT)),
        ("ANY", "LAB|N", "AHA", Assay("AHA", LIMIT)),
        ("ODD", "LAB|N", None, Assay(None, None)),
        ("OWN", "LAB|N", "AHA", Assay("AHA", None)),
        ("OWN", "LAB2|N", "AHA", Assay("AHA", LIMIT)),
        ("NONE", "LAB|N", None, Assay(None, None)),
    ],
)
def test_a_method_goes_with_the_limit_of_its_row(code, sender, method, assay):
    find = assays(LIMITS, UNITS)
    assert [find(hit(code), sender, method) for _ in range(2)] == [assay, assay]


def test_only_short_questions_are_remembered(monkeypatch):
    asked: list[str | None] = []

    def work(*looked_up: object) -> Assay:
        method = looked_up[-1]
        assert method is None or isinstance(method, str)
        asked.append(method)
        return Assay(method, None)

    monkeypatch.setattr(module, "_assay", work)
    find = assays(LIMITS, UNITS)
    longest, longer = "x" * (LONGEST_REMEMBERED - len("ANYLA")), "x" * LONGEST_REMEMBERED
    for method in (longest, longest, longer, longer):
        assert find(hit("ANY"), "A", method) == Assay(method, None)
    assert asked == [longest, longer, longer]
