"""Which targets may have what: by the authorities of a patient's numbers, and by the time a target was switched on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from adapter.domain.identities import Group
from adapter.domain.message import OwedAgain, PatientResult
from adapter.pipeline.parts import State, Target
from adapter.writeback.withholding import is_withheld


def withheld(
    results: Sequence[PatientResult], targets: Sequence[Target], again: Sequence[OwedAgain] = ()
) -> frozenset[tuple[str, str]]:
    """What a target gets only when it may hold it already.

    Flags about doses before a target's time, patients of other authorities, and the Provenance of those alone.
    """
    held: set[tuple[str, str]] = set()
    for target in targets:
        for result in results:
            elsewhere = _is_elsewhere(target, systems_of(result))
            ids = {c.after.id for c in result.changes if elsewhere or is_withheld(c.after, target.monitor_from)}
            held.update((target.name, output) for output in ids)
            held.update(
                (target.name, trail["id"])
                for trail in result.provenance
                if {t["reference"].partition("/")[2] for t in trail["target"]} & ids
            )
    foreign = {(t.name, r.patient) for t in targets for r in results if _is_elsewhere(t, systems_of(r))}
    return frozenset(held | {(one.target, one.id) for one in again if (one.target, one.patient) in foreign})


def _is_elsewhere(target: Target, systems: frozenset[str]) -> bool:
    return bool(target.authorities) and not target.authorities & systems


def systems_of(result: PatientResult) -> frozenset[str]:
    """The authorities of all identifiers of a patient."""
    return frozenset(patient.partition("|")[0] for patient in (result.patient, *result.members))


def owed_again(
    groups: Mapping[str, Group], results: Sequence[PatientResult], targets: Sequence[Target], state: State
) -> tuple[OwedAgain, ...]:
    """What stays as it was of patients who are joined or parted, for targets that get some authorities only.

    Under which of a patient's numbers such a target holds a resource, or whether it may, hangs on who he is read with.
    """
    selective = tuple(target for target in targets if target.authorities)
    changed = {change.after.id for result in results for change in result.changes}
    return tuple(one for one in _standing(groups, selective, state) if one.id not in changed) if selective else ()


def _standing(groups: Mapping[str, Group], targets: Sequence[Target], state: State) -> Iterator[OwedAgain]:
    for patient, group in groups.items():
        for output in state.recall(patient).written:
            for target in targets:
                if output.state == "open" and not is_withheld(output, target.monitor_from):
                    yield OwedAgain(
                        target=target.name, patient=group[0], resource_type=output.resource_type, id=output.id
                    )
