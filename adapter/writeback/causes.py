"""Why a written conclusion changed: what became of the facts it rested on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from adapter.domain.events import AsparaginaseAdministered, Event
from adapter.domain.history import History, fact_name
from adapter.writeback.facts import Print, prints

FURTHER_RECORD = "a further record was read"
_CHANGED = {
    ("result", "value"): "the result was corrected",
    ("result", "collected"): "the collection time of the result changed",
    ("dose", "product"): "the product of the dose changed",
    ("dose", "started"): "the dose time changed",
    ("dose", "ended"): "the end of the dose changed",
    ("dose", "amount"): "the amount of the dose changed",
    ("dose", "ordered_amount"): "the ordered amount of the dose changed",
    ("dose", "route"): "the route of the dose changed",
    ("dose", "status"): "the status of the dose changed",
    ("reaction", "verification"): "the verification of the reaction changed",
    ("reaction", "grade"): "the grade of the reaction changed",
    ("reaction", "severity"): "the severity of the reaction changed",
    ("reaction", "manifestations"): "the manifestations of the reaction changed",
    ("reaction", "occurred"): "the time of the reaction changed",
}

_ELSEWHERE = {
    "result": "the result is no longer this patient's",
    "dose": "the dose record is no longer this patient's",
    "reaction": "the reaction record is no longer this patient's",
}


def corrections(before: Mapping[str, Print], history: History) -> tuple[str, ...]:
    """One clause per fact that says something else than before, or that no longer holds; empty when none does."""
    now = prints(before, history)
    clauses = (
        clause
        for name, said in sorted(before.items())
        if now.get(name) != said
        for clause in (_changed(said, now[name]) if name in now else _lost(name, said, history))
    )
    return tuple(dict.fromkeys(clauses))


def additions(before: Mapping[str, Print], now: Mapping[str, Print]) -> tuple[str, ...]:
    """One clause per fact that was not there before."""
    new = (said for name, said in sorted(now.items()) if name not in before)
    return tuple(dict.fromkeys(_added(said) for said in new))


def dose_named(facts: Mapping[str, Print]) -> str:
    """Product and start of the dose among some facts."""
    doses = (said for _, said in sorted(facts.items()) if said["kind"] == "dose")
    return next((" ".join(part for part in (said["product"], said["started"]) if part) for said in doses), "")


def _changed(said: Print, now: Print) -> Iterator[str]:
    for name, old in said.items():
        if now[name] != old:
            yield f"{_CHANGED[said['kind'], name]} from {old or 'unknown'} to {now[name] or 'unknown'}"


def _lost(name: str, said: Print, history: History) -> Iterator[str]:
    rows: tuple[Event, ...] = (*history.samples, *history.doses, *history.reactions)
    if name not in history.withdrawn.union(map(fact_name, rows)):
        yield _ELSEWHERE[said["kind"]]  # two records were parted again, or it was read for another patient
        return
    match said["kind"]:
        case "result":
            still_there = any(fact_name(sample) == name for sample in history.samples)
            yield "the result is no longer final" if still_there else "the result was withdrawn"
        case "dose":
            yield _lost_dose(said, next((dose for dose in history.doses if fact_name(dose) == name), None))
        case _:
            record = name.rpartition("/")[0]
            kept = any(fact_name(row).rpartition("/")[0] == record for row in history.reactions)
            yield (
                "the reaction was taken out of its record"
                if kept
                else "the reaction record was marked entered in error"
            )


def _lost_dose(said: Print, row: AsparaginaseAdministered | None) -> str:
    if row is None:
        return "the dose record was marked entered in error"
    if row.status == "not-done":
        return "the dose record was marked not done"
    return f"the status of the dose changed from {said['status']} to {row.status}"


def _added(said: Print) -> str:
    match said["kind"]:
        case "result":
            return f"a result of {said['value']} was received"
        case "dose":
            return "a dose record was received"
        case _:
            return "a reaction record was received"
