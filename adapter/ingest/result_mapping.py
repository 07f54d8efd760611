"""A compiled HL7 v2 mapping of results: its fields as functions, its tables, and what is remembered of codes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import fields as all_fields
from functools import partial

from adapter.ingest.activity_reading import StatedUnits, stated_units
from adapter.ingest.assays import Assay, assays
from adapter.ingest.code_lookup import Hit, look_up
from adapter.ingest.coded_fields import CodeJudge, FieldMemory
from adapter.ingest.hl7v2 import Segment
from adapter.ingest.scopes import Scope
from adapter.ingest.v2_fields import V2Field, codings, compile_field
from adapter.knowledge.paths import read_v2_path
from adapter.knowledge.spec import FieldSpec, Knowledge, Mapping, Table

USUAL_ROW = "OBX"
_WITH_OWN_PROBLEM = frozenset({"patient", "key", "test", "status", "activity", "collected"})
_EMPTY = Table(name="", rows=(), index={})
_LEFT_OPEN = compile_field(FieldSpec(name="", paths=()))


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFields:
    """What the mapping says of each field of the event; one it leaves open is never filled."""

    activity: V2Field
    collected: V2Field
    comment: V2Field
    filler: V2Field
    key: V2Field
    laboratory: V2Field
    laboratory_flag: V2Field
    method: V2Field
    order_status: V2Field
    patient: V2Field
    placer: V2Field
    received_by_laboratory: V2Field
    reference_range: V2Field
    resulted: V2Field
    sent: V2Field
    specimen: V2Field
    status: V2Field
    updated: V2Field


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultMapping:
    """A compiled HL7 v2 mapping and the tables it reads."""

    mapping: Mapping
    fields: dict[str, V2Field]
    named: EventFields
    """The same, for those that are asked for with every result."""
    statuses: Table
    """Our words for the letters of a status."""
    activity_units: Table
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
    types: frozenset[str]
    """The message types it is for: `ORU^R01`, and a bare `ORU` as senders before HL7 2.3 write it."""
    assay: Callable[[Hit, str, str | None], Assay]
    """Method and quantification limit by test, sender and the method that was sent; a laboratory has a handful."""

    def field(self, name: str) -> V2Field:
        """The field of that name, or one that is never filled."""
        return self.fields.get(name, _LEFT_OPEN)

    def table(self, name: str) -> Table:
        """The table a field reads, empty when it reads none."""
        return self.knowledge.tables.get(self.field(name).spec.table or "", _EMPTY)

    def coded_target(self, name: str, scope: Scope) -> str | None:
        """The table's word for the first filled alternative of a field, else its code as sent."""
        field = self.field(name)
        words = self.words.get(name)
        if words and field.of_first_repetition:
            place = field.filled(scope)
            return words.read(*place, scope.sender) if place else None
        found = field.first(scope)
        if found is None:
            return None
        if found.repetition == 1 and words:
            return words.read(found.segment, found.field, scope.sender)
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
    row_name = mapping.for_each or USUAL_ROW
    fields = {spec.name: compile_field(spec, row_name) for spec in mapping.fields}
    units = knowledge.tables.get(fields.get("activity", _LEFT_OPEN).spec.table or "", _EMPTY)
    return ResultMapping(
        mapping=mapping,
        fields=fields,
        named=EventFields(**{one.name: fields.get(one.name, _LEFT_OPEN) for one in all_fields(EventFields)}),
        statuses=knowledge.tables.get(fields.get("status", _LEFT_OPEN).spec.table or "", _EMPTY),
        activity_units=units,
        types=frozenset({*mapping.messages, *(message.partition("^")[0] for message in mapping.messages)}),
        assay=assays(knowledge.tables.get("quantification_limits", _EMPTY), units),
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
    )


def _number_of(path: str) -> int:
    found = read_v2_path(path)
    return found.field if found else 0


def _word_of(table: Table, segment: Segment, number: int, sender: str, repetition: int = 1) -> str | None:
    triplets = codings(segment, number, repetition)
    hit = look_up(table, triplets, sender)
    return hit.row.target if hit else next((code or text for code, text, _ in triplets), None)
