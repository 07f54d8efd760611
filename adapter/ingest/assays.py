"""How an activity was measured: the method, and the quantification limit of the laboratory's own table."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from adapter.ingest.activity_reading import lloq_iu_per_ml
from adapter.ingest.code_lookup import Hit
from adapter.ingest.coded_fields import LONGEST_REMEMBERED
from adapter.knowledge.spec import Table

ASSAYS_REMEMBERED = 256


class Assay(NamedTuple):
    """What is known of how a result was measured."""

    method: str | None
    lloq_iu_per_ml: Decimal | None


def assays(limits: Table, units: Table) -> Callable[[Hit, str, str | None], Assay]:
    """The assay by test, sender and the method that was sent, remembered where these are short."""

    def work(code: str, system: str, sender: str, method: str | None) -> Assay:
        return _assay(limits, units, (code, system, sender), method)

    kept = lru_cache(maxsize=ASSAYS_REMEMBERED)(work)

    def answer(test: Hit, sender: str, method: str | None) -> Assay:
        short = len(test.code) + len(test.system) + len(sender) + len(method or "") <= LONGEST_REMEMBERED
        return (kept if short else work)(test.code, test.system, sender, method)

    return answer


def _assay(limits: Table, units: Table, test: tuple[str, str, str], method: str | None) -> Assay:
    row = limits.find(*test)
    if row is None:
        return Assay(method, None)
    stated = row.extra.get("method", "").strip()
    if stated and method and stated.casefold() != method.casefold():
        return Assay(method, None)
    sender = test[2]
    limit = lloq_iu_per_ml(units, row.extra.get("lloq", ""), row.extra.get("unit", ""), sender)
    return Assay(method or stated or None, limit)
