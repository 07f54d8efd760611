"""Allergy records that came again under another id: the same statement about one reaction counts once."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from datetime import datetime

from adapter.domain.events import HypersensitivityRecorded
from adapter.domain.history import BEFORE_ALL, History


def each_once(history: History) -> History:
    """The history without reaction rows that another record of the same source says word for word.

    Servers give an allergy a new id when an outside record is reconciled (fhir-interface 1.7), and the old one may
    stay. The record that was last changed first stands, so that a copy changes nothing; when that one is withdrawn the
    other stands. Records that differ in what they say both stay.
    """
    first: dict[Hashable, HypersensitivityRecorded] = {}
    for row in sorted(history.reactions, key=_age):
        first.setdefault(_statement(row), row)
    kept = tuple(row for row in history.reactions if first[_statement(row)].record == row.record)
    return history if len(kept) == len(history.reactions) else replace(history, reactions=kept)


def _age(row: HypersensitivityRecorded) -> tuple[datetime, str, str]:
    changed = row.version.updated
    return changed.earliest if changed else BEFORE_ALL, row.record, row.key


def _statement(row: HypersensitivityRecorded) -> Hashable:
    """All that a row says of the reaction, but for who said it under which id and when."""
    onset = row.occurred
    mapped = len(row.concepts) >= len(row.manifestations)
    return (
        row.source,
        row.product,
        frozenset(row.concepts),
        None if mapped else frozenset((coding.system, coding.code, coding.text) for coding in row.manifestations),
        (onset.earliest, onset.latest, row.occurred_from) if onset else None,
        row.verification,
        row.severity,
        row.grade,
        row.text,
    )
