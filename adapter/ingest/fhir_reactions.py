"""AllergyIntolerance to HypersensitivityRecorded: one event for each reaction row (fhir-interface 1.7)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, cast, get_args

from adapter.domain.events import Coding, HypersensitivityRecorded, Verification
from adapter.ingest.code_lookup import Hit
from adapter.ingest.fhir_fields import FhirField, ResourceMapping, Row
from adapter.ingest.fhir_reading import FhirReading, concepts_of, fact_key, moment_at, place, triplets, version
from adapter.ingest.fhir_required import look_up_concept, word_of
from adapter.ingest.reaction_bounds import begun_by

Severity = Literal["mild", "moderate", "severe"]
_VERIFICATIONS: tuple[str, ...] = get_args(Verification)
_SEVERITIES: tuple[str, ...] = get_args(Severity)
_GRADE = re.compile(r"\bgrade\s*:?\s*([1-5]|iv|v|i{1,3})\b(?!\s*(?:-|\u2013|/|or|to)\s*[1-5iv])", re.IGNORECASE)
_NOT_A_GRADE = re.compile(r"\b(no|not|never|without|below|under|less than|if)\b[^.;]*\bgrade\b", re.IGNORECASE)
_ONSETS = ("reaction.onset", "onset")
_ROMAN = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5}


def reaction_recorded(
    reading: FhirReading, mapping: ResourceMapping, row: Row, hit: Hit, patient: str
) -> HypersensitivityRecorded:
    """One reaction row, or the record itself when it has no rows."""
    record, order = fact_key(reading), version(reading)
    occurred, path = moment_at(reading, mapping.field("occurred"), row)
    came_from = _element(place(path, row)) if path and occurred else None
    if occurred and came_from in _ONSETS:
        occurred = begun_by(reading, occurred)
    manifestations, concepts = _manifestations(mapping.field("manifestations"), row, reading.source)
    severity = word_of(mapping.field("severity"), row, reading.source)
    return HypersensitivityRecorded(
        patient=patient,
        source=reading.source,
        key=f"{record}/{row.number}",
        record=record,
        verification=verification(reading, mapping, row),
        version=order,
        clinical_status=word_of(mapping.field("clinical_status"), row, reading.source),
        product=hit.row.target,
        occurred=occurred,
        occurred_from=came_from,
        manifestations=manifestations,
        concepts=concepts,
        severity=cast("Severity", severity) if severity in _SEVERITIES else None,
        grade=_grade(mapping.field("grade"), row),
        text=mapping.field("text").text(row),
        recorder=mapping.field("recorder").text(row),
        remarks=tuple(reading.notes.remarks),
    )


def record_retracted(reading: FhirReading, patient: str, product: str | None) -> HypersensitivityRecorded:
    """The withdrawal of a whole record, which needs nothing but its key."""
    record = fact_key(reading)
    return HypersensitivityRecorded(
        patient=patient,
        source=reading.source,
        key=f"{record}/1",
        record=record,
        verification="entered-in-error",
        version=version(reading, quiet=True),
        product=product,
    )


def verification(reading: FhirReading, mapping: ResourceMapping, row: Row) -> Verification:
    """The verification status by the table, else the mapping's default, else unconfirmed."""
    word = word_of(mapping.field("verification"), row, reading.source)
    return cast("Verification", word) if word in _VERIFICATIONS else "unconfirmed"


def explicit_grade(text: str) -> int | None:
    """A CTCAE grade in so many words (`grade 3`, `Grade III`); None for a range, a denial or two different grades."""
    if _NOT_A_GRADE.search(text):
        return None
    grades = {_ROMAN.get(found.lower()) or int(found) for found in _GRADE.findall(text)}
    ranged = len(re.findall(r"\bgrade\b", text, re.IGNORECASE)) != len(_GRADE.findall(text))
    return grades.pop() if len(grades) == 1 and not ranged else None


def _grade(spec: FhirField, row: Row) -> int | None:
    texts = (value for path in spec.paths for value in path.values(row) if isinstance(value, str))
    return next((grade for text in texts if (grade := explicit_grade(text)) is not None), None)


def _manifestations(spec: FhirField, row: Row, source: str) -> tuple[tuple[Coding, ...], tuple[str, ...]]:
    """Every manifestation as it was sent, and the words of the table for those it knows."""
    codings: list[Coding] = []
    words: list[str] = []
    for concept in concepts_of(spec.values(row)):
        named = triplets(concept)
        hit = look_up_concept(spec, named, source)
        codings += _as_sent(named, hit)
        if hit and hit.row.target not in words:
            words.append(hit.row.target)
    return tuple(codings), tuple(words)


def _as_sent(named: Sequence[tuple[str, str, str]], hit: Hit | None) -> list[Coding]:
    code, text, system = (hit.code, hit.text, hit.system) if hit else named[0] if named else ("", "", "")
    text = text or next((said for _, said, _ in named if said), "")
    return [Coding(code=code, system=system or None, text=text or None)] if code or text else []


def _element(where: str) -> str:
    """`reaction.onset`, `onset`, `lastOccurrence` or `recordedDate`."""
    if where.startswith("reaction["):
        return f"reaction.{where.partition('.')[2]}"
    return where.partition(".")[0]
