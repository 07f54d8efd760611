"""Where findings to explain come from: a folder played in memory, or the state file of a store as it stands."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapter.app.parts import play_parts
from adapter.commands.faults import tell
from adapter.commands.find_text import merged_said
from adapter.commands.play_folder import has_errors, play
from adapter.commands.store_parts import CannotRead, opened
from adapter.domain.identities import Group
from adapter.domain.outputs import Written
from adapter.domain.times import instant_text
from adapter.rules.evidence import EVIDENCE_KEYS
from adapter.store.memory_state import MemoryState

OUTDATED = (
    "These findings were written by an earlier version of the program and hold less than a page shows; "
    "the patient's next message renews them."
)
Finding = Mapping[str, Any]
"""A finding in its printed shape (CONTRACTS 3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """Findings with the time their interpretation was last written, and how the command ends."""

    findings: tuple[tuple[Finding, str | None], ...] = ()
    code: int = 0
    said: str | None = None
    """One sentence for stderr."""


def explained_of_folder(options: argparse.Namespace) -> Explained:
    """Play a folder exactly as `play` does, and choose what was asked for."""
    if not options.folder.is_dir():
        return Explained(code=2, said=f"{options.folder} is no folder; name a folder with *.hl7 and *.json files.")
    state = MemoryState()
    parts, faults = play_parts(options, state)
    tell(faults)
    if parts is None:
        return Explained(code=2)
    try:
        result = play(options.folder, parts, as_of=options.as_of)
    except OSError as fault:
        return Explained(code=2, said=f"{fault.filename} cannot be read: {fault.strerror}.")
    group = state.group(options.patient) if options.patient else ()
    chosen = _chosen([*result["findings"], *result["unlinked"]], options, group)
    if not chosen:
        return _nothing(options)
    erroneous = has_errors(result)
    said = f"A message had an error: `troughline play {options.folder}` lists it." if erroneous else _merged(group)
    return Explained(findings=tuple((finding, None) for finding in chosen), code=int(erroneous), said=said)


def explained_of_store(options: argparse.Namespace) -> Explained:
    """Read the findings of one patient beside a running service, which is not disturbed."""
    try:
        with opened(options.store) as store:
            findings, written = store.state.findings_of(options.patient), store.state.written_of(options.patient)
            group = store.state.group(options.patient)
    except CannotRead as fault:
        return Explained(code=2, said=str(fault))
    chosen = _chosen(findings, options, group)
    if not chosen:
        return _nothing(options)
    if not all(finding["evidence"].keys() >= set(EVIDENCE_KEYS) for finding in chosen):
        return Explained(code=2, said=OUTDATED)
    told = tuple((finding, _last_written(finding, written)) for finding in chosen)
    return Explained(findings=told, said=_merged(group))


def _merged(group: Group) -> str | None:
    return merged_said(group) if len(group) > 1 else None


def _chosen(findings: Iterable[Finding], options: argparse.Namespace, group: Group) -> list[Finding]:
    """Whichever of his records a patient is asked for by: his findings stand under the surviving one."""
    of_patient = [f for f in findings if options.patient is None or f["patient"] in group]
    return [f for f in of_patient if options.dose is None or options.dose in _keys(f)]


def _keys(finding: Finding) -> set[str]:
    """Every key a finding can be asked for by: that of its dose, and those of its samples."""
    samples = {sample["key"] for sample in finding["samples"]}
    return {finding["dose"]["key"], *samples} if finding["dose"] else samples


def _nothing(options: argparse.Namespace) -> Explained:
    """The sentence names nothing that was asked for: a key or an identifier may point at a person."""
    if options.dose is not None:
        said = "No dose and no sample with this key is known here; without --dose every finding is shown with its key."
        return Explained(code=1, said=said)
    if options.patient is not None:
        return Explained(code=1, said="No finding is known here for this patient (--patient 'SYSTEM|VALUE').")
    return Explained(said="No dose and no level was found in the folder, so there is nothing to explain.")


def _last_written(finding: Finding, written: Sequence[Written]) -> str | None:
    """When the interpretation Observation of a finding last changed; None when none stands."""
    fact, alone = _fact(finding), finding["dose"] is None
    times = [
        output.last_written
        for output in written
        if output.kind == "interpretation"
        and output.state != "retracted"
        and (set(output.grounds) == {fact} if alone else fact in output.grounds)
    ]
    return instant_text(max(times)) if times else None


def _fact(finding: Finding) -> str | None:
    """`<source>|<key>` of the first row of the dose, or of the sample without a dose."""
    evidence = finding["evidence"]
    if finding["dose"]:
        rows: list[str] = evidence["dose"]["rows"]
        return rows[0]
    return next((f"{sample['source']}|{sample['key']}" for sample in evidence.get("samples", ())), None)
