"""Whose histories are read together after one step: what it tells of identities, laid over what was told before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from adapter.domain.events import Version
from adapter.domain.identities import Group, IdentityTold, Membership, Statements, connected, grouped
from adapter.domain.message import MessageRef, Translation
from adapter.pipeline.parts import State
from adapter.store.encoding import replaces, resource_version


@dataclass(frozen=True, slots=True, kw_only=True)
class Kinship:
    """The groups that a step changes, and everybody else as he is remembered."""

    state: State
    groups: Mapping[str, Group] = field(default_factory=dict)
    """Everybody whom the step joins with others or parts from them, with his group from now on."""
    memberships: tuple[Membership, ...] = ()

    def of(self, patient: str) -> Group:
        """Everybody who is the same person as a patient, the surviving record first."""
        return self.groups.get(patient) or self.state.group(patient)


def said(message: MessageRef, translations: Sequence[Translation], state: State) -> tuple[Statements, ...]:
    """What one message says of identities, in place of what an earlier reading of it said.

    What a Patient resource says holds until the Patient says otherwise.
    """
    patients = [translation for translation in translations if translation.patients]
    if patients:
        return tuple(_of_patients(message.source, patients, state))
    told = tuple(one for translation in translations for one in translation.identities)
    if not told and any(translation.events for translation in translations):
        return ()
    origin = message.digest or f"{message.inbox}/{message.seq}"
    if not told and not state.said_by(message.source, origin):
        return ()
    return (Statements(source=message.source, origin=origin, told=told),)


def _of_patients(source: str, translations: Sequence[Translation], state: State) -> Iterator[Statements]:
    """The links of each Patient in its newest version; an older one than is known says nothing any more."""
    newest: dict[str, tuple[Version, Statements]] = {}
    for translation in translations:
        for record in translation.patients:
            before = state.known(source, record.reference)
            held = resource_version(before) if before else None
            if record.reference in newest:
                held = newest[record.reference][0]
            if held is None or replaces(record.version, held):
                told = Statements(source=source, origin=record.reference, told=translation.identities)
                newest[record.reference] = (record.version, told)
    for reference, (_, told) in newest.items():
        if told.told or state.said_by(source, reference):
            yield told


def kinship(statements: Sequence[Statements], state: State) -> Kinship:
    """The groups after these statements, of everybody they concern."""
    before = {told for row in statements for told in state.said_by(row.source, row.origin)}
    new = {told for row in statements for told in row.told}
    if before == new:
        return Kinship(state=state)
    replaced = {(row.source, row.origin) for row in statements}

    def told_about(patients: Sequence[str]) -> set[IdentityTold]:
        standing = (row for row in state.told_about(patients) if (row.source, row.origin) not in replaced)
        asked = set(patients)
        return {told for row in standing for told in row.told} | {t for t in new if asked.intersection(t.pair)}

    patients, told = connected({patient for one in before | new for patient in one.pair}, told_about)
    groups = {patient: (patient,) for patient in sorted(patients)} | grouped(told)
    changed = {patient: group for patient, group in groups.items() if group != state.group(patient)}
    return Kinship(
        state=state,
        groups=changed,
        memberships=tuple(
            Membership(patient=patient, survivor=changed[patient][0])
            for patient in sorted(changed)
            if changed[patient][0] != state.group(patient)[0]
        ),
    )
