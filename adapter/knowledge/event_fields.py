"""What a mapping may say of each field of an event: how it is read, and which keys and paths have an effect there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from adapter.knowledge.spec import Reader

Form = Literal["hl7v2", "fhir"]
Shape = Literal["chain", "fields", "whole", "keys", "repetitions", "selected", "identity"]
"""Which paths have an effect: `chain` any, several in order; `fields` whole fields, several in order; `whole` one whole
field; `keys` several, joined by +; `repetitions` whole fields with or without a repetition; `selected` those of
`select.code`; `identity` the id of the resource and nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldKind:
    """How one field of an event is read."""

    reader: Reader
    shape: Shape = "chain"
    keys: tuple[str, ...] = ()
    """Keys that have an effect, beyond `from`, `as` and `required`."""
    demands: tuple[str, ...] = ()
    """Those of them without which the field says nothing."""
    table: str | None = None
    """The only table that may be named."""
    targets: str | None = None
    """The shipped table whose targets are the words of this field."""
    mapped: bool = False
    """Whether a mapping without the field makes no event."""
    required: Literal["free", "always", "never"] = "free"
    """Whether a mapping decides that the field must be filled, or it always must, or never need be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputKind:
    """Which input an event is made of."""

    form: Form
    resource: str | None = None
    rows: tuple[str, ...] = ()
    """What `for_each` may name."""
    rows_optional: bool = True
    code: str | None = None
    """The only place a code is looked for."""
    table: str | None = None
    """The only table that code is looked up in."""


RESULTS = InputKind(form="hl7v2", rows=("OBX",), code="OBX-3", table="activity_tests")
DOSES = InputKind(form="fhir", resource="MedicationAdministration")
REACTIONS = InputKind(form="fhir", resource="AllergyIntolerance", rows=("reaction",))

EVENT_INPUT: dict[str, InputKind] = {
    "ActivityMeasured": RESULTS,
    "AsparaginaseAdministered": DOSES,
    "PremedicationGiven": DOSES,
    "HypersensitivityRecorded": REACTIONS,
}
"""Event name -> what it is made of."""

_TABLE, _JOIN, _DEFAULT = ("table",), ("join",), ("default",)
_TIME = FieldKind(reader="time")
_TEXT = FieldKind(reader="text", keys=(*_JOIN, *_DEFAULT))
_PATIENT = FieldKind(reader="reference", mapped=True, required="always")
_KEY = FieldKind(reader="key", shape="identity", required="always")
_PLACES = FieldKind(reader="reference")


def _coded(targets: str) -> FieldKind:
    return FieldKind(reader="code", keys=_TABLE, demands=_TABLE, targets=targets)


def _status(targets: str) -> FieldKind:
    return FieldKind(reader="code", keys=_TABLE, demands=_TABLE, targets=targets, mapped=True, required="always")


def _selected(targets: str, *, mapped: bool = True) -> FieldKind:
    return FieldKind(
        reader="code",
        shape="selected",
        keys=_TABLE,
        demands=_TABLE,
        targets=targets,
        mapped=mapped,
        required="always",
    )


_RESULT_FIELDS: dict[str, FieldKind] = {
    "patient": FieldKind(
        reader="identifier",
        shape="repetitions",
        keys=_TABLE,
        demands=_TABLE,
        table="identifier_systems",
        mapped=True,
        required="always",
    ),
    "key": FieldKind(reader="key", shape="keys", mapped=True, required="always"),
    "test": _selected("activity_tests", mapped=False),
    "status": _status("result_status"),
    "activity": FieldKind(
        reader="quantity",
        shape="whole",
        keys=("type", "unit", "table"),
        demands=_TABLE,
        targets="units",
        mapped=True,
        required="never",
    ),
    "collected": FieldKind(reader="time", keys=("must_agree",), mapped=True),
    "received_by_laboratory": _TIME,
    "resulted": _TIME,
    "updated": _TIME,
    "sent": _TIME,
    "order_status": FieldKind(reader="text"),
    "filler": FieldKind(reader="key", shape="fields"),
    "placer": FieldKind(reader="key", shape="fields"),
    "specimen": FieldKind(reader="text", keys=_JOIN),
    "specimen_type": FieldKind(reader="code", shape="repetitions", keys=_TABLE),
    "method": _TEXT,
    "laboratory": _TEXT,
    "reference_range": _TEXT,
    "laboratory_flag": FieldKind(reader="text", keys=_JOIN),
    "comment": _TEXT,
}
_GIVEN_FIELDS: dict[str, FieldKind] = {
    "status": _status("administration_status"),
    "started": FieldKind(reader="time", mapped=True),
    "ended": _TIME,
}
EVENT_FIELDS: dict[str, dict[str, FieldKind]] = {
    "ActivityMeasured": _RESULT_FIELDS,
    "AsparaginaseAdministered": {
        "patient": _PATIENT,
        "key": _KEY,
        "product": _selected("asparaginase_products"),
        **_GIVEN_FIELDS,
        "route": _coded("routes"),
        "amount": FieldKind(reader="quantity", keys=_TABLE, demands=_TABLE, targets="units"),
        "request": _PLACES,
        "part_of": _PLACES,
        "status_reason": _TEXT,
    },
    "PremedicationGiven": {
        "patient": _PATIENT,
        "key": _KEY,
        "role": _selected("premedication_drugs"),
        **_GIVEN_FIELDS,
        "route": FieldKind(reader="code"),
    },
    "HypersensitivityRecorded": {
        "patient": _PATIENT,
        "key": _KEY,
        "product": _selected("asparaginase_products"),
        "verification": FieldKind(
            reader="code",
            keys=("table", "default"),
            demands=_TABLE,
            targets="allergy_certainty",
            mapped=True,
        ),
        "clinical_status": _coded("allergy_active"),
        "occurred": FieldKind(reader="time", keys=("note_source",), mapped=True),
        "manifestations": FieldKind(reader="codes", keys=_TABLE, targets="reaction_concepts"),
        "severity": _coded("reaction_severity"),
        "grade": FieldKind(reader="text"),
        "text": _TEXT,
        "recorder": _TEXT,
    },
}
"""Event name -> its fields."""
