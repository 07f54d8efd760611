"""Where the fields of an ActivityMeasured came from, by the compiled mapping that read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from adapter.commands.judged_rows import ResultRow
from adapter.commands.run_bytes import ByteOffsets
from adapter.commands.run_trace import Origin, Place, line_of, row_names
from adapter.domain.events import ActivityMeasured
from adapter.domain.times import Moment
from adapter.ingest.activity_reading import unit_row
from adapter.ingest.code_lookup import look_up
from adapter.ingest.compiled import compiled
from adapter.ingest.hl7v2 import Segment
from adapter.ingest.patients import hl7_patient
from adapter.ingest.v2_fields import Found, V2Field, codings
from adapter.knowledge.paths import joined, read_v2_path
from adapter.knowledge.spec import Row
from adapter.pipeline.parts import Parts

_TIMES = {
    "version.updated": "updated",
    "version.sent": "sent",
    "collected": "collected",
    "received_by_laboratory": "received_by_laboratory",
    "resulted": "resulted",
}
_TEXTS = (
    "specimen",
    "method",
    "laboratory",
    "reference_range",
    "laboratory_flag",
    "comment",
    "filler",
    "placer",
)
_SIGNS = frozenset({"<", ">", "QCF"})
"""Flags that are content."""
_ZONES = {
    "MSH-7": "zone of MSH-7",
    "sender": "zone of the sender's settings",
    "unknown": "no zone: the interval of all zones",
}


def traced_results(
    rows: Sequence[ResultRow], events: Sequence[ActivityMeasured], parts: Parts
) -> list[tuple[Origin, ...]]:
    """The origins of every event, in the order of the events; none when they cannot be told apart."""
    ready = compiled(parts.knowledge)
    of_patients = [
        row
        for row in rows
        if hl7_patient(
            row.scope.segment("PID"),
            row.results.field("patient").places,
            ready.identifier_systems,
            ready.ranks,
            row.scope.sender,
        )[0]
    ]
    if len(of_patients) != len(events):
        return [() for _ in events]
    if not of_patients:
        return []
    offsets = ByteOffsets(of_patients[0].scope.message)
    return [tuple(_Trace(row, event, offsets).origins()) for row, event in zip(of_patients, events, strict=True)]


def _patient_field(row: ResultRow) -> int:
    places = row.results.field("patient").places
    return places[0].field if places else 3


class _Trace:
    """One result beside the event it became."""

    def __init__(self, row: ResultRow, event: ActivityMeasured, offsets: ByteOffsets) -> None:
        self.row = row
        self.offsets = offsets
        self.event = event
        self.scope = row.scope
        self.results = row.results

    def origins(self) -> Iterator[Origin]:
        """Every filled field of the event, in its order."""
        event = self.event
        yield self._patient()
        yield Origin(field="source", said=("name of the source in the configuration",))
        yield self._key()
        yield self._status("status")
        if event.letter:
            yield self._status("letter")
        yield from self._level()
        if event.remarks:
            yield Origin(field="remarks", said=("the problems found in it",))
        if event.promotes:
            yield self._status("promotes")
        yield from (self._time(name, field) for name, field in _TIMES.items() if self._moment(name))
        yield self._test()
        if event.specimen_type:
            yield self._specimen_type()
        yield from self._limit()
        yield from (self._text(name) for name in _TEXTS if getattr(event, name))

    def _origin(
        self, name: str, field: V2Field, founds: Sequence[Found], *rows: Row | None, said: Sequence[str] = ()
    ) -> Origin:
        return Origin(
            field=name,
            places=tuple(self._place_found(found) for found in founds),
            mapping=line_of(self.results.mapping, field.spec),
            rows=row_names(*rows),
            said=tuple(said),
        )

    def _place_found(self, found: Found) -> Place:
        path = read_v2_path(found.path)
        return self._place(found.segment, found.field, found.repetition, path.component if path else None)

    def _place(self, segment: Segment, number: int, repetition: int = 1, component: int | None = None) -> Place:
        """A place and its bytes, counted from the first of the message."""
        message = self.scope.message
        start, end = segment.span(number)
        marks = message.delimiters
        if repetition > 1 or len(segment.repetitions(number)) > 1:
            start, end = _part(segment.repetitions(number), repetition, start, marks.repetition)
        if component:
            text = message.text[start:end]
            parts = text.split(marks.component) if marks.component else [text]
            start, end = _part(parts, component, start, marks.component)
        at = f"({repetition})" if repetition > 1 else ""
        inner = f".{component}" if component else ""
        return Place(
            where=f"{segment.name}[{segment.occurrence}]-{number}{at}{inner}",
            span=self.offsets.span(segment, start, end),
        )

    def _patient(self) -> Origin:
        field = self.results.field("patient")
        segment = self.scope.segment("PID")
        number = _patient_field(self.row)
        table = self.results.table("patient")
        system, _, value = self.event.patient.rpartition("|")
        for repetition in range(1, len(segment.repetitions(number)) + 1) if segment else ():
            assert segment is not None  # noqa: S101 - the range above is empty without one
            named, kind = (segment.value(number, repetition, 4, part) or "" for part in (1, 3))
            universal = segment.value(number, repetition, 4, 2) or ""
            row = table.find(named.strip(), kind.strip(), self.scope.sender) or table.find(
                universal.strip(), kind.strip(), self.scope.sender
            )
            own = (segment.value(number, repetition) or "").strip()
            if row and row.target == system and own == value:
                places = tuple(self._place(segment, number, repetition, component) for component in (1, 4))
                mapping = line_of(self.results.mapping, field.spec)
                return Origin(field="patient", places=places, mapping=mapping, rows=row_names(row))
        return self._origin("patient", field, ())

    def _key(self) -> Origin:
        field = self.results.field("key")
        named = {"test": self.row.judged.hit.row.target if self.row.judged.hit else ""}
        mapping = line_of(self.results.mapping, field.spec)
        for text, read in zip(field.spec.paths, field.keys, strict=True):
            if not read(self.scope, named):
                continue
            paths = [path for part in joined(text) if (path := read_v2_path(part))]
            places = [
                self._place(segment, path.field, 1, path.component)
                for path in paths
                if (segment := self.scope.segment(path.segment)) and segment.field(path.field)
            ]
            header = self.scope.segment("MSH") if " + " in text else None
            facility = [self._place(header, 4, 1, 1)] if header else []
            return Origin(field="key", places=(*facility, *places), mapping=mapping)
        return Origin(field="key", mapping=mapping, said=("no order number: made of patient, time and specimen",))

    def _status(self, name: str) -> Origin:
        field = self.results.field("status")
        found = field.first(self.scope)
        if found is None:
            return self._origin(name, field, (), said=("no status counts as preliminary",))
        row = self.results.table("status").find(found.text, "", self.scope.sender)
        return self._origin(name, field, (found,), row)

    def _level(self) -> Iterator[Origin]:
        field = self.results.field("activity")
        segment, number = field.place(self.scope)
        values = [self._place(segment, number)] if segment.field(number) else []
        unit = self._unit_place()
        units = [self._place(*unit)] if unit[0].field(unit[1]) else []
        flags = self.results.field("laboratory_flag")
        signs = [self._place_found(found) for found in flags.all(self.scope) if found.text in _SIGNS]
        mapping = line_of(self.results.mapping, field.spec)
        if self.event.reported.text or self.event.reported.unit:
            yield Origin(field="reported", places=(*values, *units), mapping=mapping)
        activity = self.event.activity
        if activity is None:
            return
        assumed = "unit-assumed" in self.event.remarks
        yield Origin(
            field="activity",
            places=(*values, *units, *signs),
            mapping=mapping,
            rows=row_names(self._unit_row(*unit)),
            factor=activity.factor,
            said=("unit assumed by the sender's settings",) if assumed else (),
        )

    def _unit_place(self) -> tuple[Segment, int]:
        name, _, number = (self.results.field("activity").spec.unit_path or "OBX-6").partition("-")
        return self.scope.segment(name) or self.scope.row, int(number.split(".")[0])

    def _unit_row(self, segment: Segment, number: int) -> Row | None:
        units = self.results.table("activity")
        sent = [(said, system) for code, text, system in codings(segment, number) for said in (code, text) if said]
        if not sent and self.event.reported.unit:
            sent = [(self.event.reported.unit, "")]
        found = (unit_row(said, system, units, self.scope.sender) for said, system in sent)
        return next((row for row in found if row), None)

    def _moment(self, name: str) -> Moment | None:
        holder, _, inner = name.partition(".")
        value = getattr(self.event, holder)
        moment = getattr(value, inner) if inner else value
        return moment if isinstance(moment, Moment) else None

    def _time(self, name: str, of_mapping: str) -> Origin:
        field = self.results.field(of_mapping)
        moment = self._moment(name)
        said = _ZONES.get(moment.zone_from, "") if moment else ""
        found = field.first(self.scope)
        return self._origin(name, field, (found,) if found else (), said=(said,) if said else ())

    def _test(self) -> Origin:
        field = self.results.field("test")
        hit = self.row.judged.hit
        path = read_v2_path(self.results.mapping.select.codes[0])
        number = path.field if path else 3
        first = (self.scope.row.value(number) or "").strip()
        component = 1 if hit and first == hit.code else 4
        place = self._place(self.scope.row, number, 1, component)
        mapping = line_of(self.results.mapping, field.spec)
        return Origin(field="test", places=(place,), mapping=mapping, rows=row_names(hit.row if hit else None))

    def _specimen_type(self) -> Origin:
        field = self.results.field("specimen_type")
        found = field.first(self.scope)
        named = codings(found.segment, found.field, found.repetition) if found else []
        hit = look_up(self.results.table("specimen_type"), named, self.scope.sender)
        return self._origin("specimen_type", field, (found,) if found else (), hit.row if hit else None)

    def _limit(self) -> Iterator[Origin]:
        hit = self.row.judged.hit
        limits = self.results.knowledge.tables.get("quantification_limits")
        row = limits.find(hit.code, hit.system, self.scope.sender) if limits and hit else None
        if self.event.lloq_iu_per_ml is not None:
            yield Origin(field="lloq_iu_per_ml", rows=row_names(row))

    def _text(self, name: str) -> Origin:
        field = self.results.field(name)
        filled = next((found for read in field.alternatives if (found := list(read(self.scope)))), [])
        if not filled and name == "method":
            return Origin(field=name, said=("the method of the row with the quantification limit",))
        said = () if filled else ("the default of the mapping",)
        return self._origin(name, field, filled if field.spec.join else filled[:1], said=said)


def _part(parts: Sequence[str], number: int, start: int, mark: str) -> tuple[int, int]:
    """Where the n-th of some parts lies, when the first begins at `start`."""
    if number > len(parts):
        end = start + sum(len(part) for part in parts) + len(mark) * (len(parts) - 1)
        return end, end
    begin = start + sum(len(part) + len(mark) for part in parts[: number - 1])
    return begin, begin + len(parts[number - 1])
