"""What a Flag says: its two codes, its priority, and one sentence a haematologist can check."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from itertools import pairwise
from typing import Any

from adapter.domain.events import ActivityMeasured, AsparaginaseAdministered
from adapter.domain.findings import Finding
from adapter.domain.history import History, fact_name
from adapter.domain.times import Moment
from adapter.fhir import Canonical
from adapter.writeback.codes import DISPLAYS, TOPICS
from adapter.writeback.elements import concept, device, narrative
from adapter.writeback.facts import ground, grounds_of
from adapter.writeback.flags import ESTABLISHED, FlagWant

CATEGORIES = {
    "drug": "Drug",
    "lab": "Lab",
    "admin": "Administrative",
    "clinical": "Clinical",
    "safety": "Safety",
}
"""http://terminology.hl7.org/CodeSystem/flag-category"""
PRIORITIES = {
    "P1": {"code": "PH", "display": "High priority"},
    "P2": {"code": "PM", "display": "Medium priority"},
}
"""http://hl7.org/fhir/flag-priority-code"""
SENTENCES_REMEMBERED = 4_096
_LABELLED = ("severe-reaction", "tdm-overdue", "data-check", "re-exposure")
_RECORDED, _SEVERE = "Reaction recorded: ", "It is counted as severe because of "
_SENTENCE_END = re.compile(r"(?<=\.) (?=[A-Z\d])")


def flag_names(
    *,
    topic: str,
    raised_by: str,
    category: str,
    priority: str,
    short: str,
    sentence: str,
    detail: str | None,
    canonical: Canonical,
) -> dict[str, Any]:
    """What the template `flag` can say, beside key and subject; `detail` is the interpretation it rests on.

    `short` is for a list, `sentence` is the whole of it.
    """
    return {
        "narrative": narrative([_headline(topic, raised_by), sentence]),
        "detail": detail,
        "priority": PRIORITIES[priority],
        "status": "active",
        "category": concept(category, CATEGORIES),
        "topic": concept(topic, TOPICS),
        "raised_by": concept(raised_by, DISPLAYS),
        "short": short,
        "sentence": sentence,
        "device": device(canonical),
    }


def flag_short(want: FlagWant, history: History) -> str:
    """What a list shows: the sentence that opens the finding and the one that names verdict and rule.

    The topic leads where no verdict raised the Flag.
    """
    label = f"{TOPICS[want.topic]}: " if want.topic in _LABELLED else ""
    severe = _severe_reactions(want.told_by) if want.topic == "severe-reaction" else ""
    parts = (f"{label}{severe}{_brief(want.told_by)}", given_before_known(want, history))
    return " ".join(part for part in parts if part)


def _severe_reactions(finding: Finding) -> str:
    """What was seen, its grade and its time, of the reactions that are counted as severe."""
    told = (now for now, following in pairwise(sentences(finding.sentence)) if following.startswith(_SEVERE))
    return "".join(f"{one.removeprefix(_RECORDED)} " for one in told)


def _brief(finding: Finding) -> str:
    """Levels may name rules of their own before the verdict does, so the last naming of the deciding rule counts."""
    return _brief_of(finding.sentence, finding.rules[-1] if finding.rules else "")


@lru_cache(maxsize=SENTENCES_REMEMBERED)
def _brief_of(sentence: str, rule: str) -> str:
    first, *others = sentences(sentence)
    deciding = [other for other in others if re.search(rf"\brule {re.escape(rule)}\b", other)] if rule else []
    return " ".join([first, *(deciding[-1:] or others[:1])])


def sentences(text: str) -> list[str]:
    """A text cut at its full stops, but never inside a quotation."""
    found: list[str] = []
    quoted = False
    for piece in _SENTENCE_END.split(text):
        found = [*found[:-1], f"{found[-1]} {piece}"] if quoted else [*found, piece]
        quoted ^= piece.count('"') % 2 == 1
    return found


def flag_sentence(want: FlagWant, history: History) -> str:
    """The sentence of the finding that tells it, what makes it a re-exposure, and the doses that raised it before."""
    others = [finding.dose for finding in want.doses if finding is not want.told_by]
    told = "; ".join(f"{dose.product} {dose.started or 'at an unknown time'}" for dose in others if dose)
    before = f"Raised also by the dose of {told}." if told else ""
    return " ".join(part for part in (want.told_by.sentence, given_before_known(want, history), before) if part)


def given_before_known(want: FlagWant, history: History) -> str:
    """For a re-exposure: that the dose was begun before any result behind the earlier verdict was reported.

    The report time of a corrected result says nothing about the first one, and none is claimed then.
    """
    if not want.reasons:
        return ""
    started = min((dose.started for dose in _doses(want, history) if dose.started), key=_earliest, default=None)
    samples = _confirming(want, history)
    known = [sample.resulted or sample.collected for sample in samples]
    if started is None or not known or any(sample.status == "corrected" for sample in samples):
        return ""
    if any(at is None or at.earliest <= started.latest for at in known):
        return ""
    reported = min((at for at in known if at), key=_earliest).text
    return f"The dose was given before the confirming result was known (reported {reported})."


def _doses(want: FlagWant, history: History) -> Iterator[AsparaginaseAdministered]:
    own = grounds_of(want.told_by)
    return (dose for dose in history.doses if fact_name(dose) in own)


def _confirming(want: FlagWant, history: History) -> tuple[ActivityMeasured, ...]:
    """The samples that established the earlier verdicts by themselves."""
    read = [sample for finding in want.reasons for sample in finding.evidence.get("samples", ())]
    names = {ground(sample["source"], sample["key"]) for sample in read if sample["mechanism"] in ESTABLISHED}
    if not names:
        return ()
    return tuple(sample for sample in history.samples if fact_name(sample) in names)


def _earliest(at: Moment) -> datetime:
    return at.earliest


def _headline(topic: str, raised_by: str) -> str:
    """The topic alone would call a suspicion by the name of the thing suspected."""
    names = dict.fromkeys((TOPICS[topic], DISPLAYS[raised_by]))
    return f"{': '.join(names)}."
