"""What is known about one patient now: the newest version of every fact, whatever order the facts came in."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeVar

from adapter.domain.activity import Reported
from adapter.domain.events import (
    ActivityMeasured,
    AsparaginaseAdministered,
    Event,
    HypersensitivityRecorded,
    PatientRecord,
    PremedicationGiven,
    Recorded,
    Version,
)
from adapter.domain.times import Moment

BEFORE_ALL = datetime(1, 1, 1, tzinfo=UTC)
_RANK_OF_STATUS = {"entered-in-error": 5, "corrected": 4, "final": 3, "cancelled": 2}
_UNSETTLED = ("preliminary", "pending", "not-asked")
_VALID = ("final", "corrected")

E = TypeVar("E", ActivityMeasured, AsparaginaseAdministered, PremedicationGiven, HypersensitivityRecorded)
OneFact = TypeVar("OneFact", AsparaginaseAdministered, PremedicationGiven)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The facts of one patient that hold now, each in its newest version, in the order of their times."""

    patient: str
    doses: tuple[AsparaginaseAdministered, ...] = ()
    """Every administration row but those entered in error; `not-done` rows stay, they say that nothing was given."""
    samples: tuple[ActivityMeasured, ...] = ()
    """Every sample but those withdrawn."""
    premedications: tuple[PremedicationGiven, ...] = ()
    reactions: tuple[HypersensitivityRecorded, ...] = ()
    deceased: bool = False
    born: Moment | None = None
    """The recorded date of birth; the earliest where records disagree."""
    withdrawn: frozenset[str] = frozenset()
    """`<source>|<key>` of facts that no longer hold: withdrawn, entered in error, not done after all, moved away."""
    corrected: frozenset[str] = frozenset()
    """`<source>|<key>` of samples that carried another value in an earlier version."""
    earlier_values: dict[str, Reported] = field(default_factory=dict, hash=False)
    """The value before the last correction, by `<source>|<key>`, of every corrected sample."""
    unsettled_later: frozenset[str] = frozenset()
    """`<source>|<key>` of samples whose final value stands although a later version was preliminary or pending."""


def resolve(patient: str, recorded: Iterable[Recorded], records: Iterable[PatientRecord] = ()) -> History:
    """The history of one patient from all versions of all facts that ever named the patient (rulings 25 and 26).

    The result depends on the set of facts only; arrival counts where a fact has no version.
    """
    known, people = tuple(recorded), _newest_records(patient, records)
    doses, gone_doses = _settled(patient, _of_type(known, AsparaginaseAdministered))
    drugs, gone_drugs = _settled(patient, _of_type(known, PremedicationGiven))
    reactions, gone_reactions = _reactions(patient, _of_type(known, HypersensitivityRecorded))
    samples, gone_samples, earlier_values, unsettled_later = _samples(
        [(arrival, event) for arrival, event in _of_type(known, ActivityMeasured) if event.patient == patient]
    )
    not_done = {fact_name(dose) for dose in doses if dose.status == "not-done"}
    return History(
        patient=patient,
        doses=_in_order(doses, lambda dose: dose.started),
        samples=_in_order(samples, lambda sample: sample.collected),
        premedications=_in_order(drugs, lambda drug: drug.started),
        reactions=_in_order(reactions, lambda reaction: reaction.occurred),
        deceased=any(record.deceased for record in people),
        born=min((record.born for record in people if record.born), key=lambda at: at.earliest, default=None),
        withdrawn=frozenset(gone_doses | gone_drugs | gone_reactions | gone_samples | not_done),
        corrected=frozenset(earlier_values),
        earlier_values=earlier_values,
        unsettled_later=frozenset(unsettled_later),
    )


def fact_name(event: Event) -> str:
    """`<source>|<key>`: how a fact is named outside its own source."""
    return f"{event.source}|{event.key}"


def content_mark(event: Event) -> str:
    """A hash over the whole content of an event: the last tie-break between two versions."""
    return hashlib.sha256(repr(event).encode()).hexdigest()


def _of_type(recorded: Sequence[Recorded], kind: type[E]) -> list[tuple[int, E]]:
    return [(item.arrival, item.event) for item in recorded if isinstance(item.event, kind)]


def _instant(at: Moment | None) -> datetime:
    return at.earliest if at else BEFORE_ALL


def _in_order(facts: Iterable[E], time_of: Callable[[E], Moment | None]) -> tuple[E, ...]:
    return tuple(sorted(facts, key=lambda fact: (_instant(time_of(fact)), fact.key, fact.source)))


def _grouped(items: Iterable[tuple[int, E]], name: Callable[[E], Hashable]) -> list[list[tuple[int, E]]]:
    groups: dict[Hashable, list[tuple[int, E]]] = defaultdict(list)
    for arrival, event in items:
        groups[name(event)].append((arrival, event))
    return list(groups.values())


def _settled(patient: str, items: list[tuple[int, OneFact]]) -> tuple[list[OneFact], set[str]]:
    kept: list[OneFact] = []
    gone: set[str] = set()
    for versions in _grouped(items, fact_name):
        newest = _newest_fhir(versions)
        if newest.patient == patient and newest.status != "entered-in-error":
            kept.append(newest)
        elif any(event.patient == patient for _, event in versions):
            gone.add(fact_name(newest))
    return kept, gone


def _has_version(version: Version) -> bool:
    return version.number is not None or version.updated is not None


def _newest_fhir(versions: Sequence[tuple[int, E]]) -> E:
    if len(versions) == 1:
        return versions[0][1]
    versioned = [(arrival, event) for arrival, event in versions if _has_version(event.version)]
    by_number = all(event.version.number is not None for _, event in versioned)
    newest = max(
        versioned,
        key=lambda item: (
            (item[1].version.number or 0) if by_number else 0,
            _instant(item[1].version.updated),
            content_mark(item[1]),
        ),
        default=None,
    )
    loose = [item for item in versions if not _has_version(item[1].version)]
    if newest is None or not loose:
        return newest[1] if newest else max(loose, key=_arrival_then_content)[1]
    # A copy without a version beside versioned ones (a DELETE, say): only the order of receipt is left to decide.
    last_loose = max(loose, key=_arrival_then_content)
    return max((newest, last_loose), key=_arrival_then_content)[1]


def _arrival_then_content(item: tuple[int, E]) -> tuple[int, str]:
    return item[0], content_mark(item[1])


def _reactions(
    patient: str, items: list[tuple[int, HypersensitivityRecorded]]
) -> tuple[list[HypersensitivityRecorded], set[str]]:
    kept: list[HypersensitivityRecorded] = []
    gone: set[str] = set()
    for versions in _grouped(items, lambda event: (event.source, event.record)):
        rows = [
            row for row in _newest_rows(versions) if row.patient == patient and row.verification != "entered-in-error"
        ]
        kept.extend(rows)
        ever = {fact_name(event) for _, event in versions if event.patient == patient}
        gone |= ever - {fact_name(row) for row in rows}
    return kept, gone


def _newest_rows(versions: Sequence[tuple[int, HypersensitivityRecorded]]) -> list[HypersensitivityRecorded]:
    newest = _newest_fhir(versions)
    if _has_version(newest.version):
        same = [item for item in versions if item[1].version == newest.version]
        rows = _grouped(same, lambda event: event.key)
        return [max(row, key=lambda item: content_mark(item[1]))[1] for row in rows]
    loose = sorted(
        (item for item in versions if not _has_version(item[1].version)),
        key=lambda item: (item[0], _row_number(item[1].key)),
    )
    # Rows of one copy follow each other from row 1 upwards, so the last row 1 opens the last copy.
    last_copy: dict[str, HypersensitivityRecorded] = {}
    for _, event in reversed(loose):
        if event.key in last_copy:
            break
        last_copy[event.key] = event
        if _row_number(event.key) == 1:
            break
    return list(last_copy.values())


def _row_number(key: str) -> int:
    return int(key.rpartition("/")[2])


def _samples(
    items: list[tuple[int, ActivityMeasured]],
) -> tuple[list[ActivityMeasured], set[str], dict[str, Reported], set[str]]:
    """What stands, what was withdrawn, what corrected results said before, and which have a later unsettled version."""
    kept: list[ActivityMeasured] = []
    gone: set[str] = set()
    earlier_values: dict[str, Reported] = {}
    unsettled_later: set[str] = set()
    for versions in _grouped(items, fact_name):
        known = _result_order(versions)
        ordered = _up_to_the_last_settled(known)
        newest = _promoted(ordered)
        name = fact_name(newest)
        if newest.status == "entered-in-error":
            gone.add(name)
            continue
        kept.append(_contested(newest, ordered))
        earlier = next((old for old in reversed(ordered[:-1]) if _other_value(old, newest)), None)
        if earlier:
            earlier_values[name] = earlier.reported
        if len(ordered) < len(known):
            unsettled_later.add(name)
    return kept, gone, earlier_values, unsettled_later


def _up_to_the_last_settled(ordered: list[ActivityMeasured]) -> list[ActivityMeasured]:
    """Without the preliminary and pending versions that follow a final or corrected one: they never replace it."""
    settled = [number for number, event in enumerate(ordered) if event.status not in _UNSETTLED]
    if not settled or ordered[settled[-1]].status not in _VALID:
        return ordered
    return ordered[: settled[-1] + 1]


def _result_order(versions: Sequence[tuple[int, ActivityMeasured]]) -> list[ActivityMeasured]:
    """Oldest first: OBR-22 (else MSH-7), status rank, MSH-7, content hash (ruling 25)."""
    ordered = sorted(versions, key=_result_key) if len(versions) > 1 else versions
    return [event for _, event in ordered]


def _result_key(item: tuple[int, ActivityMeasured]) -> tuple[datetime, int, datetime, int, str]:
    arrival, event = item
    return (*_told_version(event), 0 if _tells_version(event) else arrival, content_mark(event))


def _tells_version(event: ActivityMeasured) -> bool:
    return event.version.updated is not None or event.version.sent is not None


def _told_version(event: ActivityMeasured) -> tuple[datetime, int, datetime]:
    """OBR-22, status rank, MSH-7; of results that tell neither time only the order of receipt counts."""
    rank = _RANK_OF_STATUS.get(event.status, 1) if _tells_version(event) else 0
    return _instant(event.version.updated), rank, _instant(event.version.sent)


def _promoted(ordered: Sequence[ActivityMeasured]) -> ActivityMeasured:
    """The newest version; an OBX-11 `U` without a value takes the value of the newest earlier version that has one."""
    newest = ordered[-1]
    if not newest.promotes or newest.activity is not None:
        return newest
    for earlier in reversed(ordered[:-1]):
        if earlier.status == "entered-in-error":
            return newest
        if earlier.activity is not None or earlier.remarks:
            return replace(
                newest,
                activity=earlier.activity,
                reported=earlier.reported,
                remarks=tuple(dict.fromkeys((*newest.remarks, *earlier.remarks))),
                collected=newest.collected or earlier.collected,
                received_by_laboratory=newest.received_by_laboratory or earlier.received_by_laboratory,
                specimen=newest.specimen or earlier.specimen,
                lloq_iu_per_ml=earlier.lloq_iu_per_ml if newest.lloq_iu_per_ml is None else newest.lloq_iu_per_ml,
                method=newest.method or earlier.method,
            )
    return newest


def _contested(newest: ActivityMeasured, ordered: Sequence[ActivityMeasured]) -> ActivityMeasured:
    """A result sent with two values, and nothing that says which is the newer, is no level anybody can rely on."""
    rivals = (old for old in ordered[:-1] if _told_version(old) == _told_version(newest))
    if _tells_version(newest) and any(_other_value(old, newest) for old in rivals):
        return replace(newest, remarks=tuple(dict.fromkeys((*newest.remarks, "discordant"))))
    return newest


def _other_value(earlier: ActivityMeasured, newest: ActivityMeasured) -> bool:
    return earlier.activity is not None and earlier.status in _VALID and earlier.activity != newest.activity


def _newest_records(patient: str, records: Iterable[PatientRecord]) -> list[PatientRecord]:
    newest: dict[tuple[str, str], PatientRecord] = {}
    for record in records:
        name = (record.source, record.reference)
        newest[name] = max(newest.get(name, record), record, key=_record_key)
    return [record for record in newest.values() if record.patient == patient]


def _record_key(record: PatientRecord) -> tuple[int, datetime, str]:
    return record.version.number or 0, _instant(record.version.updated), repr(record)
