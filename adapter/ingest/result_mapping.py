"""A compiled HL7 v2 mapping of results: its fields as functions, its tables, and what is remembered of codes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from adapter.ingest.activity_reading import StatedUnits, lloq_iu_per_ml, stated_units
from adapter.ingest.code_lookup import look_up
from adapter.ingest.coded_fields import CodeJudge, FieldMemory, remembered
from adapter.ingest.hl7v2 import Segment
from adapter.ingest.scopes import Scope
from adapter.ingest.v2_fields import V2Field, codings, compile_field
from adapter.knowledge.paths import read_v2_path
from adapter.knowledge.spec import FieldSpec, Knowledge, Mapping, Table

LIMITS_REMEMBERED = 64
_WITH_OWN_PROBLEM = frozenset({"patient", "key", "test", "status", "activity", "collected"})
_EMPTY = Table(name="", rows=(), index={})
_LEFT_OPEN = compile_field(FieldSpec(name="", paths=()))


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultMapping:
    """A compiled HL7 v2 mapping and the tables it reads."""

    mapping: Mapping
    fields: dict[str, V2Field]
    knowledge: Knowledge
    required: tuple[V2Field, ...]
    """Fields the mapping requires beyond those whose absence has a problem of its own."""
    tests: CodeJudge
    """Judges the codes of results and orders."""
    code_field: int
    """The number of the field that names a result."""
    units: FieldMemory[StatedUnits]
    """Reads the field of the activity's unit."""
    words: dict[str, FieldMemory[str | None]]
    """Reads coded fields, by their names."""
    limit_iu_per_ml: Callable[[str, str, str], Decimal | None]
    """A quantification limit by its number, unit and sender; a laboratory has a handful of them."""

    def field(self, name: str) -> V2Field:
        """The field of that name, or one that is never filled."""
        return self.fields.get(name, _LEFT_OPEN)

    def table(self, name: str) -> Table:
        """The table a field reads, empty when it reads none."""
        return self.knowledge.tables.get(self.field(name).spec.table or "", _EMPTY)

    def coded_target(self, name: str, scope: Scope) -> str | None:
        """The table's word for the first filled alternative of a field, else its code as sent."""
        found = self.field(name).first(scope)
        if found is None:
            return None
        if found.repetition == 1 and name in self.words:
            return self.words[name].read(found.segment, found.field, scope.sender)
        return _word_of(self.table(name), found.segment, found.field, scope.sender, found.repetition)

    def requires(self, field: V2Field, scope: Scope, status: str) -> bool:
        """Whether the mapping wants a field filled in this result."""
        wanted = field.spec.required
        if wanted is None or wanted.field is None:
            return wanted is not None
        return self._word(wanted.field, scope, status) in wanted.values

    def _word(self, name: str, scope: Scope, status: str) -> str | None:
        """What the event says of a field: the word of its table where it reads one."""
        if name == "status":
            return status
        field = self.field(name)
        return self.coded_target(name, scope) if field.spec.reader == "code" else field.text(scope)


def compile_results(mapping: Mapping, knowledge: Knowledge) -> ResultMapping:
    """Compile one mapping of HL7 v2 results."""
    fields = {spec.name: compile_field(spec) for spec in mapping.fields}
    units = knowledge.tables.get(fields.get("activity", _LEFT_OPEN).spec.table or "", _EMPTY)
    return ResultMapping(
        mapping=mapping,
        fields=fields,
        knowledge=knowledge,
        required=tuple(
            field for name, field in fields.items() if field.spec.required and name not in _WITH_OWN_PROBLEM
        ),
        tests=CodeJudge(knowledge.tables[mapping.select.table], mapping.select.near),
        code_field=_number_of(mapping.select.codes[0]),
        units=FieldMemory(partial(stated_units, units)),
        words={
            name: FieldMemory(partial(_word_of, knowledge.tables.get(field.spec.table or "", _EMPTY)))
            for name, field in fields.items()
            if field.spec.reader == "code"
        },
        limit_iu_per_ml=remembered(partial(lloq_iu_per_ml, units), LIMITS_REMEMBERED),
    )


def _number_of(path: str) -> int:
    found = read_v2_path(path)
    return found.field if found else 0


def _word_of(table: Table, segment: Segment, number: int, sender: str, repetition: int = 1) -> str | None:
    triplets = codings(segment, number, repetition)
    hit = look_up(table, triplets, sender)
    return hit.row.target if hit else next((code or text for code, text, _ in triplets), None)
