"""What a replay would do, or did, for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from adapter.commands.finding_changes import FindingChange, verdict_words
from adapter.commands.replay_dry import Trial
from adapter.domain.message import MessageRef

SHOWN = 50


def page_of_trial(trial: Trial) -> str:
    """Summary first, then message by message and finding by finding."""
    tally = trial.tally
    summary = (
        f"DRY RUN, nothing was changed. {_messages(tally.messages)} read again: {tally.changed} would change "
        f"something, {tally.waiting} would wait in the work list."
    )
    counts = (
        f"facts: {_counts(what for _, what, _ in trial.facts)}; "
        f"findings that change: {len(trial.findings)}; "
        f"resources: {_counts(operation for operation, _ in trial.resources)}"
    )
    lines = [summary, counts]
    lines += _part("facts", (f"{_name(message)}: {what} {kind}" for message, what, kind in trial.facts))
    lines += _part("findings", map(_finding, trial.findings))
    lines += _part("resources", (f"{operation} {name}" for operation, name in trial.resources))
    lines += _part("still waiting", (f"{_name(message)}: {reason}" for message, reason in trial.waits))
    return "\n".join(lines)


def page_of_result(result: Mapping[str, Any]) -> str:
    """One line for what was done."""
    facts, resources = result["facts"], result["resources"]
    told = ", ".join(f"{operation} {number}" for operation, number in sorted(resources.items())) or "none"
    return (
        f"{_messages(result['messages'])} read again: {result['changed']} changed something, {result['waiting']} wait "
        f"in the work list; facts: {facts.get('new', 0)} new, {facts.get('gone', 0)} gone; resources: {told}.\n"
        f"Kept in the store as replays/{result['id']}.done.json, with the reason."
    )


def pruned_text(messages: Sequence[MessageRef]) -> str:
    """Which messages cannot be read again, and why."""
    named = ", ".join(map(_name, messages[:SHOWN]))
    more = f" and {len(messages) - SHOWN} more" if len(messages) > SHOWN else ""
    return (
        f"{len(messages)} that fit cannot be read again, their bytes were pruned (read_messages_days): {named}{more}. "
        "What was read from them before stands."
    )


def _messages(number: int) -> str:
    return f"{number} message{'' if number == 1 else 's'}"


def _part(title: str, lines: Iterable[str]) -> Iterator[str]:
    every = list(lines)
    if every:
        yield ""
        yield f"{title}:"
        yield from (f"  {line}" for line in every[:SHOWN])
        if len(every) > SHOWN:
            yield f"  and {len(every) - SHOWN} more (--json has all)"


def _finding(change: FindingChange) -> str:
    return f"{change.patient} {change.key}: {verdict_words(change.before)} -> {verdict_words(change.after)}"


def _counts(words: Iterable[str]) -> str:
    return ", ".join(f"{number} {word}" for word, number in sorted(Counter(words).items())) or "none"


def _name(message: MessageRef) -> str:
    return f"{message.control_id or 'FHIR'} ({message.inbox} {message.seq})"
