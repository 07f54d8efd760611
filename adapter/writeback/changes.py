"""Write-back in one step: from findings, facts and what was written to the changes that are due."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from adapter.domain.findings import Interpretation
from adapter.domain.history import History
from adapter.domain.outputs import Change, Written
from adapter.fhir import Canonical
from adapter.knowledge.spec import OutputTemplate
from adapter.writeback.difference import difference
from adapter.writeback.elements import Subject
from adapter.writeback.facts import gone
from adapter.writeback.render import render
from adapter.writeback.reversal import reversal_notices, turned_back


def changes_due(
    interpretation: Interpretation,
    history: History,
    written: Sequence[Written],
    templates: Mapping[str, OutputTemplate],
    *,
    canonical: Canonical,
    subject: Subject,
    now: datetime,
    attempts: Mapping[str, int] | None = None,
) -> tuple[Change, ...]:
    """Render, add reversal notices, and compare with what was written; an unchanged history changes nothing.

    `templates`: `Knowledge.outputs`, by name; `written`: every output of the patient, all states.
    Raises what `render` raises.
    """
    withdrawn = gone(history, written)
    wanted = render(
        interpretation,
        history,
        templates,
        canonical=canonical,
        subject=subject,
        attempts=attempts,
        kept=frozenset(_kept(written, withdrawn)),
        standing={output.id: output for output in written},
    )
    notices = reversal_notices(
        wanted,
        written,
        history=history,
        template=templates["flag"],
        canonical=canonical,
        subject=subject,
        now=now,
    )
    back = turned_back(wanted, written, history=history, now=now)
    return difference((*wanted, *notices), written, withdrawn=withdrawn, now=now, turned_back=back)


def _kept(written: Sequence[Written], withdrawn: frozenset[str]) -> Iterator[str]:
    """Open interpretations of which nothing was withdrawn.

    They stay with what their findings say now, even when that would not be written anew: the overdue level of a
    patient who has died since, say.
    """
    for output in written:
        if output.kind == "interpretation" and output.state == "open" and not withdrawn.intersection(output.grounds):
            yield output.id
