"""Lint of mappings/: everything loading checks, and what is worth a second look or too slow to check on every start."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from difflib import get_close_matches
from functools import lru_cache
from importlib import import_module
from pathlib import Path as FilePath
from typing import Any

from adapter.knowledge.event_fields import EVENT_FIELDS
from adapter.knowledge.hl7_names import unknown_place
from adapter.knowledge.load import Reading, read_folders, whole_tables
from adapter.knowledge.paths import covers, joined, read_v2_path
from adapter.knowledge.rows_together import hidden_rows, meet, switched_off
from adapter.knowledge.spec import NOT_OURS, Mapping, Table
from adapter.knowledge.strays import OUTPUTS
from adapter.knowledge.text_yaml import Document, Fault, Node, Path, did_you_mean

READ_BY_CODE = ("identifier_systems", "quantification_limits", "units")
READ_AS_A_WHOLE = ("grade",)
"""Fields that look at every path, not at the first filled one."""
NEARLY = 0.85
"""How alike the name of a table must be to that of another to be taken for a slip."""
_PATH_KEYS = ("from", "type", "unit", "code", "path")


def lint(overlays: Sequence[FilePath] = (), base: FilePath | None = None) -> list[Fault]:
    """Every fault and warning in the mappings, tables and outputs, in the order of files and lines."""
    return lint_reading(read_folders(overlays, base))


def lint_reading(reading: Reading) -> list[Fault]:
    """The same for what has been read already."""
    faults = list(reading.faults)
    for relative, document in reading.documents.items():
        if relative.startswith("v2/"):
            faults.extend(_hl7_faults(document))
        elif relative.startswith("fhir/"):
            faults.extend(_fhirpath_faults(document))
    faults.extend(_missing_fields(reading))
    faults.extend(_never_reached(reading))
    faults.extend(_no_near_words(reading))
    faults.extend(_unread_tables(reading))
    faults.extend(_limits_of_no_test(whole_tables(reading.tables, reading.faults)))
    for table in reading.tables.values():
        faults.extend((*hidden_rows(table), *switched_off(table)))
    return in_order(faults)


def in_order(faults: Iterable[Fault]) -> list[Fault]:
    """Each fault once, by file, line and column."""
    return sorted(set(faults), key=lambda fault: (fault.file, fault.line, fault.column or 0, fault.text))


def _missing_fields(reading: Reading) -> Iterator[Fault]:
    """A field without which no event stands may not be missing from a mapping."""
    for mapping in reading.mappings:
        needed = [name for name, kind in EVENT_FIELDS[mapping.event].items() if kind.mapped]
        missing = [name for name in needed if mapping.field(name) is None]
        if missing:
            text = f"'fields' lacks {', '.join(missing)}; without them there is no {mapping.event}"
            yield _document(reading, mapping).fault(("fields",), text)


def _hl7_faults(document: Document) -> Iterator[Fault]:
    for place, text in _paths(document.data, ()):
        for part in joined(text):
            path = read_v2_path(part)
            if path and (wrong := unknown_place(path)):
                yield document.fault(place, wrong)


def _never_reached(reading: Reading) -> Iterator[Fault]:
    """Warnings for a later path of a chain that lies inside an earlier one: the earlier is filled whenever it is."""
    for mapping in reading.mappings:
        for spec in mapping.fields:
            if spec.name in READ_AS_A_WHOLE:
                continue
            for number, text in enumerate(spec.paths):
                earlier = next((first for first in spec.paths[:number] if covers(first, text, mapping.format)), None)
                if earlier:
                    wrong = f"{spec.name}: '{text}' is never reached; '{earlier}' is filled whenever it is"
                    yield _document(reading, mapping).fault(("fields", spec.name, "from", number), wrong, "warning")


def _document(reading: Reading, mapping: Mapping) -> Document:
    return next(document for document in reading.documents.values() if document.file == mapping.file)


def _fhirpath_faults(document: Document) -> Iterator[Fault]:
    for place, text in _paths(document.data, ()):
        for part in joined(text):
            if not re.fullmatch(r"\([a-z_]+\)", part) and not _is_fhirpath(part):
                yield document.fault(place, f"'{part}' is not readable as FHIRPath")


@lru_cache(maxsize=4096)
def _is_fhirpath(text: str) -> bool:
    """Does the grammar read the whole text?  fhirpathpy's own compile passes over what it cannot read."""
    grammar: Any = import_module("fhirpathpy.parser")  # slow to load, and without types
    lexer = grammar.FHIRPathLexer(grammar.InputStream(text))
    lexer.removeErrorListeners()
    parser = grammar.FHIRPathParser(grammar.CommonTokenStream(lexer))
    parser.removeErrorListeners()
    parser.expression()
    whole: bool = parser.getCurrentToken().type == grammar.Token.EOF
    return whole and int(parser.getNumberOfSyntaxErrors()) == 0


def _paths(node: Node, path: Path) -> Iterator[tuple[Path, str]]:
    """Every path of a mapping with its place in the file."""
    match node:
        case str():
            key = path[-2] if path and isinstance(path[-1], int) else path[-1] if path else ""
            if key in _PATH_KEYS and len(path) > 1:
                yield path, node
        case list():
            for number, item in enumerate(node):
                yield from _paths(item, (*path, number))
        case dict():
            for key, item in node.items():
                yield from _paths(item, (*path, key))


def _no_near_words(reading: Reading) -> Iterator[Fault]:
    for mapping in reading.mappings:
        if not mapping.select.near:
            text = "'near' lists no words: a code that is renamed would vanish in silence"
            yield _document(reading, mapping).fault(("select", "near"), text, "warning")


def _unread_tables(reading: Reading) -> Iterator[Fault]:
    """Warnings for tables nobody asks; none while a mapping cannot be read, for it may be the one that does."""
    files = [name for name in reading.documents if not name.startswith(OUTPUTS)]
    unread = [name for name in reading.unread if not name.startswith(OUTPUTS)]
    if unread or len(reading.mappings) < len(files):
        return
    read = {mapping.select.table for mapping in reading.mappings}
    read |= {field.table for mapping in reading.mappings for field in mapping.fields if field.table}
    for table in reading.tables.values():
        if table.name not in read and table.name not in READ_BY_CODE and table.rows:
            yield _unread_table(table, read | set(READ_BY_CODE))


def _unread_table(table: Table, read: Collection[str]) -> Fault:
    """An error when its name is nearly that of a table that is read: its rows were meant to count."""
    meant = [name for name in read if _folded(name) == _folded(table.name)] or get_close_matches(
        table.name.casefold(), read, n=1, cutoff=NEARLY
    )
    file = table.rows[0].file
    if not meant:
        return Fault(file=file, line=1, column=1, text="no mapping reads this table", severity="warning")
    text = f"no mapping reads this table; did you mean {meant[0]}.csv? Rename it"
    return Fault(file=file, line=1, column=1, text=text)


def _folded(name: str) -> str:
    """The name without what people confuse: capitals, what joins words, a second ending."""
    return re.sub(r"[-_ ]|\.csv$", "", name.casefold())


def _limits_of_no_test(tables: dict[str, Table]) -> Iterator[Fault]:
    """Warnings for limits that no result is ever held against: its code is none of our tests."""
    tests, limits = tables.get("activity_tests"), tables.get("quantification_limits")
    if tests is None or limits is None:
        return
    ours = [row for row in tests.rows if row.target != NOT_OURS]
    for limit in limits.rows:
        if not any(meet(limit, test) for test in ours):
            hint = did_you_mean(limit.code, {row.code for row in ours} - {limit.code})
            text = f"'{limit.code}' is no test of activity_tests for this sender and system: no result has this limit"
            yield limit.fault("code", f"{text}{hint}", "warning")
