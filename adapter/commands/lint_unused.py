"""Rows of tables that no golden case reads: nobody would notice if they were wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from adapter.commands.golden_outcome import outcome_of
from adapter.commands.golden_suites import read_suite, suites_of
from adapter.commands.test import parts_of
from adapter.domain.policy import RuleBook
from adapter.knowledge.load import load_knowledge
from adapter.knowledge.spec import Knowledge, Row, Table
from adapter.knowledge.text_yaml import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class _Watched(Table):
    """A table that remembers which of its rows were asked for."""

    used: set[tuple[str, int]] = field(default_factory=set, hash=False)

    def find(self, code: str, system: str = "", sender: str = "") -> Row | None:
        row = Table.find(self, code, system, sender)
        if row:
            self.used.add((row.file, row.line))
        return row


def unused_rows(mappings: Sequence[Path], rulebook: RuleBook) -> Iterator[Fault]:
    """A note for each row of the site's own tables that no case reads; without any, for each of the shipped ones."""
    used: set[tuple[str, int]] = set()
    for suite in suites_of(None, mappings):
        knowledge, _ = load_knowledge(suite.overlays)
        if knowledge is None:
            continue
        watched = _watched(knowledge, used)
        parts = parts_of(watched, rulebook)
        for case in read_suite(suite, watched, []):
            outcome_of(case, parts)
    own, _ = load_knowledge(mappings)
    folders = [path.as_posix() for path in mappings] or ["mappings"]
    for table in own.tables.values() if own else ():
        for row in table.rows:
            of_site = any(row.file.startswith(f"{folder}/") for folder in folders)
            if of_site and (row.file, row.line) not in used:
                yield replace(row.fault("code", f"no golden case reads '{row.code}'"), severity="information")


def _watched(knowledge: Knowledge, used: set[tuple[str, int]]) -> Knowledge:
    tables: dict[str, Table] = {
        name: _Watched(name=name, rows=table.rows, index=table.index, used=used)
        for name, table in knowledge.tables.items()
    }
    return replace(knowledge, tables=tables)
