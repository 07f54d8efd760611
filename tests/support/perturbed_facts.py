"""Facts of one patient with one field said otherwise, and which placeholders of the outputs then say otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, get_args

from adapter.domain.activity import Reported
from adapter.domain.events import (
    ActivityMeasured,
    AdministrationStatus,
    AsparaginaseAdministered,
    Coding,
    Event,
    HypersensitivityRecorded,
    PatientRecord,
    PremedicationGiven,
    PremedicationRole,
    Recorded,
    ResultStatus,
    Verification,
    Version,
)
from adapter.domain.history import fact_name, resolve
from adapter.domain.policy import RuleBook
from adapter.domain.times import Moment, exact_moment, iso_moment
from adapter.domain.values import activity_of, read_value
from adapter.fhir import Canonical
from adapter.knowledge.spec import Knowledge
from adapter.rules import interpret
from adapter.writeback.elements import Subject
from adapter.writeback.made_of import READ, WRITTEN, Made, Role, made_of, read_beside
from adapter.writeback.press import Press
from adapter.writeback.traced import TracedOutput, traced

IDENTITY = frozenset({"patient", "source", "key", "record"})
"""Fields that say which fact it is: another one is another fact."""
VALUES = (
    "0.001",
    "0.02",
    "0.05",
    "0.08",
    "0.095",
    "0.3",
    "0.45",
    "1.9",
    "9",
    "<0.03",
    "<0.2",
    ">0.1",
    ">2",
    "ND",
    "0.05-0.3",
)
PRODUCTS = (
    "native-ecoli",
    "pegaspargase",
    "calaspargase",
    "crisantaspase",
    "recombinant-crisantaspase",
    "unspecified-asparaginase",
)
REMARKS = (
    "unit-missing",
    "unit-suspect",
    "value-unreadable",
    "specimen-quality",
    "sample-time-missing",
    "zone-missing",
    "zone-assumed",
    "unit-assumed",
    "discordant",
    "status-missing",
    "weak-identity",
)
CONCEPTS = ("anaphylaxis", "urticaria", "nausea", "bronchospasm")
TEXTS = ("another text", "MAAT", "Epinephrine was given", "grade 3", "IM", None)
HOURS = (-600, -170, -30, -5, -1, 1, 5, 30, 170, 600, 3000)


def otherwise(event: Event, name: str, others: tuple[Event, ...] = ()) -> Iterator[Event]:
    """The same fact with one field said otherwise, in every way that matters to anybody."""
    value = getattr(event, name)
    for other in _others(event, name, value, others):
        if other != value:
            yield replace(event, **{name: other})


_REPORTED = (
    Reported(value=None, unit=None, text=""),
    Reported(value="450", unit="IU/L", text="450"),
    Reported(value="0.3", unit=None, text="see 0.3"),
    Reported(value=None, unit="U/ml", text="TNP"),
)
_ACTIVITIES = tuple(
    activity_of(read_value([text]), factor) for text in VALUES for factor in (Decimal(1), Decimal("0.001"))
)
_RASH, _WHEEZE, _FLUSH = (Coding(code=text, text=text) for text in ("Rash", "Wheeze", "Flush"))
_NEW_YEARS = tuple(exact_moment(datetime(year, 1, 1, tzinfo=UTC)) for year in (2001, 2030))
_CODINGS = (None, Coding(code="OTHER"), Coding(code="OTHER", system="1.2.3", text="Other name"))
_AMOUNTS = (None, *map(Decimal, (1, 300, 1500, 2500, 6000, 100_000)))
_OTHERS: dict[str, tuple[Any, ...]] = {
    "verification": tuple(kind for kind in get_args(Verification) if kind != "entered-in-error"),
    "activity": (None, *_ACTIVITIES),
    "reported": _REPORTED,
    "remarks": ((), *((code,) for code in REMARKS)),
    "product": PRODUCTS,
    "route": ("IV", "IM", None),
    "unit": ("[IU]", "[IU]/m2", "mg/m2", None),
    "amount": _AMOUNTS,
    "ordered_amount": _AMOUNTS,
    "lloq_iu_per_ml": (None, *map(Decimal, ("0.001", "0.03", "0.2", "2"))),
    "role": get_args(PremedicationRole),
    "grade": (None, 1, 2, 3, 4),
    "severity": (None, "mild", "moderate", "severe"),
    "concepts": ((), *((concept,) for concept in CONCEPTS)),
    "manifestations": ((), (_RASH,), (_RASH, _WHEEZE, _FLUSH)),
    "occurred_from": ("reaction.onset", "onset", "lastOccurrence", "recordedDate", None),
    "clinical_status": ("active", "inactive", "resolved", None),
    "version": (
        Version(),
        Version(number=1000),
        *(Version(updated=at) for at in _NEW_YEARS),
        *(Version(sent=at) for at in _NEW_YEARS),
    ),
    "promotes": (True, False),
    "part_of": ((), ("urn:a|1",)),
    "identifiers": ((), ("urn:a|1",)),
    "test": _CODINGS,
    "medication": _CODINGS,
    "filler": _CODINGS,
    "placer": _CODINGS,
    "request": (None, "ServiceRequest/other"),
}
_MOMENTS = ("started", "ended", "collected", "received_by_laboratory", "resulted", "occurred")


def _others(event: Event, name: str, value: Any, others: tuple[Event, ...]) -> Iterator[Any]:
    if name in _MOMENTS:
        yield from _times(event, value)
    elif name == "status":
        kinds = ResultStatus if isinstance(event, ActivityMeasured) else AdministrationStatus
        yield from (status for status in get_args(kinds) if status != "entered-in-error")
    else:
        yield from _OTHERS.get(name, TEXTS)
    yield from (getattr(other, name) for other in others if type(other) is type(event))


def _times(event: Event, value: Moment | None) -> Iterator[Moment | None]:
    yield None
    at = value or next(
        (moment for name in _MOMENTS if (moment := getattr(event, name, None))),
        None,
    )
    if at is None:
        yield iso_moment("2025-03-10T10:00:00+00:00")
        return
    yield at
    yield iso_moment(at.earliest.date().isoformat(), default_zone=UTC)
    yield iso_moment(at.earliest.replace(tzinfo=None).isoformat())
    yield from (exact_moment(at.earliest + timedelta(hours=hours)) for hours in HOURS)
    yield exact_moment(datetime(1991, 1, 1, tzinfo=UTC))
    yield exact_moment(datetime(2041, 1, 1, tzinfo=UTC))


FIELDS = {
    kind: tuple(field.name for field in fields(kind) if field.name not in IDENTITY)
    for kind in (ActivityMeasured, AsparaginaseAdministered, PremedicationGiven, HypersensitivityRecorded)
}


RULES = "rules and policies"
"""What a trace tells beside the elements: by which rules and policies an output was decided."""


@dataclass(frozen=True)
class Difference:
    """One placeholder of one output that says otherwise, or an output that is there or not."""

    output: TracedOutput
    name: str | None
    """None: the whole output."""
    part: tuple[str | int, ...] = ()
    of: str | None = None

    @property
    def made(self) -> Made:
        template = self.output.template.name
        if self.name == RULES:
            return Made(decided="judged")
        return WRITTEN[template] if self.name is None else made_of(template, self.name, self.part, self.of)

    def declares(self, event: Event, name: str, events: Sequence[Event]) -> bool:
        """Whether a field of a fact, one of the facts of a patient, is among what the placeholder is made of."""
        kind = type(event).__name__
        known = fact_name(event) in self.output.facts or kind in read_beside([type(one).__name__ for one in events])
        return bool(self.takes(event, name)) or (known and name in self.reads(event))

    def takes(self, event: Event, name: str) -> list[Role]:
        fact = fact_name(event)
        roles = self.made.taken.items()
        return [role for role, names in roles if name in names and fact in self.output.roles.get(role, ())]

    def reads(self, event: Event) -> tuple[str, ...]:
        return READ[self.made.decided].get(type(event).__name__, ()) if self.made.decided else ()

    def __str__(self) -> str:
        return f"{self.output.template.name} {'.'.join(map(str, (self.name or 'written', *self.part)))}"


def printed(
    events: Sequence[Event],
    as_of: datetime,
    knowledge: Knowledge,
    rulebook: RuleBook,
    records: Sequence[PatientRecord] = (),
) -> dict[str, TracedOutput]:
    """Every output of the facts of one patient, element by element."""
    patient = events[0].patient
    history = resolve(patient, [Recorded(arrival=n, event=event) for n, event in enumerate(events)], records)
    press = Press(templates=knowledge.outputs, canonical=Canonical(), subject=Subject(patient=patient))
    return {output.reference: output for output in traced(interpret(history, rulebook, as_of), history, press)}


def differences(before: dict[str, TracedOutput], after: dict[str, TracedOutput]) -> Iterator[Difference]:
    """What two printings of one patient say otherwise."""
    for reference in {**before, **after}:
        if reference not in before or reference not in after:
            yield Difference(output=before.get(reference) or after[reference], name=None)
            continue
        if decided(before[reference]) != decided(after[reference]):
            yield Difference(output=before[reference], name=RULES)
        old, new = said(before[reference]), said(after[reference])
        for name, part, of in {**old, **new}:
            if old.get((name, part, of)) != new.get((name, part, of)):
                yield Difference(output=before[reference], name=name, part=part, of=of)


Placeholder = tuple[str, tuple[str | int, ...], str | None]
"""A placeholder, the part of its value, and the kind of the entry of a list."""


def said(output: TracedOutput) -> dict[Placeholder, list[Any]]:
    """The values at every part of every placeholder of an output, wherever in the resource they stand."""
    found: dict[Placeholder, list[Any]] = {}
    for leaf in output.leaves:
        for use in leaf.uses:
            found.setdefault((use.name, use.part, use.of), []).append((leaf.node, leaf.value))
    return found


def decided(output: TracedOutput) -> list[Any]:
    return [(finding.rules, finding.policy) for finding in output.findings]
