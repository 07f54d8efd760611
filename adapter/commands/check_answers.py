"""Whether application answers wait for ports that send none to another address any more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from adapter.commands.check_result import Result
from adapter.settings import Settings
from adapter.store.answers_told import told_to
from adapter.store.faults import CannotKeep, StoreBroken
from adapter.store.owed_answers import FILE, OwedAnswersReader

ADVICE = "they stay until they are told: give the port its application_answers back for as long as that takes"


def answers(settings: Settings) -> Iterator[Result]:
    """One warning for each port whose answers nobody sends; a file that cannot be read is told with the store."""
    sent = {port.name for port in settings.mllp if port.application_answers}
    with closing(OwedAnswersReader(settings.store / FILE)) as owed:
        try:
            left = {port: owed.waiting(port, _told(settings, owed, port)) for port in owed.listeners()}
        except (CannotKeep, StoreBroken):
            return
    for port, waiting in left.items():
        if waiting and port not in sent:
            said = f"{waiting:,} wait, and no port of this name sends answers to another address"
            yield Result(about=f"answers of {port}", state="warning", said=said, advice=ADVICE)


def _told(settings: Settings, owed: OwedAnswersReader, port: str) -> int:
    """A note beyond the newest row belongs to another file."""
    told = told_to(settings.store, port)
    return told if told <= owed.last_id() else 0
