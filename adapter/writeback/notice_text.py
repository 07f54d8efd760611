"""What a reversal notice says: every conclusion that stood, from when, and why it changed; dates first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from adapter.domain.events import AsparaginaseAdministered
from adapter.domain.history import History, fact_name
from adapter.writeback.codes import EXPOSURES, MECHANISMS
from adapter.writeback.facts import standing

Turn = Mapping[str, str]
"""One conclusion: `at` (since when it stood), `said`, `because` (empty for the first)."""
NO_LEVEL = "no level is known for this dose"


def notice_short(turns: Sequence[Turn]) -> str:
    """What a list shows: when and why the conclusion was reversed, the first conclusion and the present one."""
    first, reversed_, *further = turns
    because = "; then ".join((reversed_["because"], *(f"{turn['at']}: {turn['because']}" for turn in further)))
    return (
        f"{reversed_['at']}: an earlier conclusion was reversed, because {because}. "
        f"Before: {first['said']}; now: {turns[-1]['said']}."
    )


def notice_whole(turns: Sequence[Turn], history: History) -> str:
    """Every conclusion with its date and cause, how long the first one stood, and the doses given meanwhile."""
    first, reversed_, *_ = turns
    since, until = datetime.fromisoformat(first["at"]), datetime.fromisoformat(turns[-1]["at"])
    given = "; ".join(_given(history, since, until))
    span = f"from {first['at']} to {turns[-1]['at']}"
    meanwhile = f"Asparaginase given {span}: {given}." if given else f"No asparaginase dose is recorded {span}."
    stood = _hours(datetime.fromisoformat(reversed_["at"]) - since)
    lines = (
        f"{first['at']}, before: {first['said']}.",
        *(f"{turn['at']}, then, because {turn['because']}: {turn['said']}." for turn in turns[1:-1]),
        f"{turns[-1]['at']}, now, because {turns[-1]['because']}: {turns[-1]['said']}.",
    )
    return f"An earlier conclusion was reversed. {' '.join(lines)} The first conclusion stood for {stood}. {meanwhile}"


def verdict_said(verdict: Mapping[str, Any]) -> str:
    """A verdict with the value it rests on."""
    if verdict["exposure"] == "no-result":
        asked = verdict["mechanism"] == "not-assessable"
        return NO_LEVEL if asked else f"{MECHANISMS[verdict['mechanism']]}; {NO_LEVEL}"
    value = f" ({verdict['value']})" if verdict.get("value") else ""
    return f"{MECHANISMS[verdict['mechanism']]}, {EXPOSURES[verdict['exposure']].lower()}{value}"


def nothing_said(verdict: Mapping[str, Any], history: History) -> str:
    """What stands in place of a verdict that is no longer written."""
    facts = standing(history)
    kinds = {said["kind"] for name, said in verdict["facts"].items() if name in facts}
    if "dose" in kinds:
        return NO_LEVEL
    return "the dose no longer stands, its sample is read without it" if "result" in kinds else "nothing is left"


def _hours(span: timedelta) -> str:
    hours = span // timedelta(hours=1)
    return f"{hours} h" if hours else "less than 1 h"


def _given(history: History, since: datetime, until: datetime) -> Iterator[str]:
    for dose in history.doses:
        if fact_name(dose) not in history.withdrawn and _within(dose, since, until):
            yield f"{dose.product} {dose.started.text if dose.started else ''}"


def _within(dose: AsparaginaseAdministered, since: datetime, until: datetime) -> bool:
    return dose.started is not None and dose.started.latest >= since and dose.started.earliest <= until
