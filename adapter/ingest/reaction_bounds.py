"""How late a reaction can have begun: not after its last occurrence, nor after it was written down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from adapter.domain.times import Moment
from adapter.ingest.fhir_reading import FhirReading, elements, moment_of


def begun_by(reading: FhirReading, onset: Moment) -> Moment:
    """An onset whose interval ends where the record says that the reaction was there already.

    Its text stays as it was sent; a bound before the onset contradicts it and says nothing.
    """
    known = [bound for bound in _bounds(reading) if onset.earliest <= bound < onset.latest]
    return replace(onset, latest=min(known)) if known else onset


def _bounds(reading: FhirReading) -> Iterator[datetime]:
    resource = reading.resource
    names = ["lastOccurrence"]
    if len(elements(resource.get("reaction"))) <= 1:
        # Of several rows the later ones may have been added to a record that was made for the first.
        names.append("recordedDate")
    for name in names:
        at = moment_of(reading, resource.get(name))
        if at:
            yield at.latest
