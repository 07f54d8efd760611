"""Reversal notices: a conclusion that had been written, and that a correction or retraction turned round."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapter.domain.history import History
from adapter.domain.outputs import Wanted, Written
from adapter.domain.times import instant_text
from adapter.fhir import Canonical, content_hash, output_key
from adapter.knowledge.spec import OutputTemplate
from adapter.writeback.causes import FURTHER_RECORD, additions, corrections, dose_named
from adapter.writeback.difference import closes_at
from adapter.writeback.elements import Subject, subject_reference
from adapter.writeback.flag_text import flag_names
from adapter.writeback.notice_text import Turn, nothing_said, notice_short, notice_whole, verdict_said
from adapter.writeback.template import fill

TOPIC = "conclusion-reversed"
_OPEN_QUESTIONS = ("not-assessable", "reaction-unresolved")
_CLASSES = {"adequate": "adequate", "above-band": "adequate", "inadequate": "inadequate"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One interpretation as it was written last, as it is wanted now, and the notice that stands about it."""

    old: Written
    new: Wanted | None
    notice: Written | None

    @property
    def verdict(self) -> Mapping[str, Any]:
        """The verdict that was written last."""
        return self.old.verdict or {}


def reversal_notices(
    wanted: Sequence[Wanted],
    written: Sequence[Written],
    *,
    history: History,
    template: OutputTemplate,
    canonical: Canonical,
    subject: Subject,
    now: datetime,
) -> tuple[Wanted, ...]:
    """One Flag per written conclusion that changed because a fact it rested on was corrected or withdrawn.

    It compares with what had been written (ruling 26), so a correction that came first raises nothing, and neither
    does a new fact that adds to the old ones.  The facts are those of the dose and those of the earlier doses of its
    family in whose light it was read.  A notice names every conclusion with its value and its date, and every dose
    given meanwhile (clinical rulebook 2.9); while it stands it follows the present conclusion, whatever changes it.
    """
    known = {output.id: output for output in written if output.kind == "interpretation" and output.verdict}
    notices = []
    for case in _cases(known, wanted, written, now):
        turns, reversed_at = _turns(case, known, history, now)
        if turns and not _is_back(turns, reversed_at):
            notices.append(
                _notice(
                    case,
                    turns,
                    reversed_at,
                    history=history,
                    template=template,
                    canonical=canonical,
                    subject=subject,
                )
            )
    return tuple(notices)


def turned_back(
    wanted: Sequence[Wanted], written: Sequence[Written], *, history: History, now: datetime
) -> frozenset[str]:
    """The notices that stand about conclusions which are again what they were: nothing is reversed any more."""
    known = {output.id: output for output in written if output.kind == "interpretation" and output.verdict}
    return frozenset(
        case.notice.id
        for case in _cases(known, wanted, written, now)
        if case.notice and _is_back(*_turns(case, known, history, now))
    )


def _is_back(turns: Sequence[Turn], reversed_at: str) -> bool:
    """Whether the first conclusion stands again and was reversed once: a second reversal is itself worth telling."""
    return bool(turns) and turns[0]["said"] == turns[-1]["said"] and reversed_at == turns[1]["at"]


def _cases(
    known: Mapping[str, Written], wanted: Sequence[Wanted], written: Sequence[Written], now: datetime
) -> Iterator[_Case]:
    new = {want.id: want for want in wanted if want.kind == "interpretation"}
    notices = {
        (output.verdict or {}).get("interpretation"): output
        for output in written
        if output.topic == TOPIC and output.state == "open" and now < closes_at(output)
    }
    for output in known.values():
        yield _Case(old=output, new=new.get(output.id), notice=notices.get(output.id))


def _turns(case: _Case, known: Mapping[str, Written], history: History, now: datetime) -> tuple[Sequence[Turn], str]:
    """The conclusions a notice tells and when the last was reversed; empty when there is nothing to tell."""
    told = (case.notice.verdict or {}) if case.notice else {}
    before: Sequence[Turn] = told.get("turns", ())
    present = verdict_said(case.new.verdict) if case.new and case.new.verdict else nothing_said(case.verdict, history)
    at = instant_text(now)
    causes = _causes(case, known, history) if _flipped(case) else ()
    if causes:
        since = case.verdict.get("since") or instant_text(case.old.last_written)
        first = before or ({"at": since, "said": verdict_said(case.verdict), "because": ""},)
        return (*first, {"at": at, "said": present, "because": " and ".join(causes)}), at
    if not before or before[-1]["said"] == present:
        return before, told.get("reversed", at)
    because = " and ".join(_further(case, history))
    return (*before, {"at": at, "said": present, "because": because}), told["reversed"]


def _flipped(case: _Case) -> bool:
    if case.old.state != "open" or not _is_conclusion(case.verdict):
        return False
    return case.new is None or not case.new.verdict or not _same_conclusion(case.verdict, case.new.verdict)


def _is_conclusion(verdict: Mapping[str, Any]) -> bool:
    return verdict["mechanism"] not in _OPEN_QUESTIONS or verdict["exposure"] in _CLASSES


def _same_conclusion(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    same_exposure = _CLASSES.get(old["exposure"]) == _CLASSES.get(new["exposure"])
    return same_exposure and bool(old["mechanism"] == new["mechanism"])


def _causes(case: _Case, known: Mapping[str, Written], history: History) -> tuple[str, ...]:
    """The corrections of the dose's own facts, then those of the earlier doses its verdict was read in the light of.

    What an earlier dose said is taken from its own interpretation, which is written again whenever it changes.
    """
    causes = list(corrections(case.verdict["facts"], history))
    for key in case.verdict.get("earlier", ()):
        earlier = known.get(key)
        if earlier is not None and earlier.state == "open" and earlier.verdict:
            facts = earlier.verdict["facts"]
            causes += [f"{cause} (earlier dose of {dose_named(facts)})" for cause in corrections(facts, history)]
    return tuple(causes)


def _further(case: _Case, history: History) -> tuple[str, ...]:
    """Why the present conclusion is another one than a standing notice tells."""
    told = case.old.state == "open"
    before = {name: said for name, said in case.verdict["facts"].items() if told or said["kind"] == "dose"}
    facts = case.new.verdict["facts"] if case.new and case.new.verdict else {}
    now = {name: said for name, said in facts.items() if told or said["kind"] == "result"}
    return (*corrections(before, history), *additions(before, now)) or (FURTHER_RECORD,)


def _key(case: _Case) -> str:
    """The key of the notice that stands: a dose may have changed its family since."""
    verdict = case.verdict
    standing = (case.notice.verdict or {}).get("about") if case.notice else None
    return standing or output_key("flag", verdict["source"], verdict["key"], verdict["family"], TOPIC)


def _notice(
    case: _Case,
    turns: Sequence[Turn],
    reversed_at: str,
    *,
    history: History,
    template: OutputTemplate,
    canonical: Canonical,
    subject: Subject,
) -> Wanted:
    verdict, key = case.verdict, _key(case)
    names = flag_names(
        topic=TOPIC,
        raised_by=case.new.verdict["mechanism"] if case.new and case.new.verdict else "not-assessable",
        category="safety",
        priority="P1",
        short=notice_short(turns),
        sentence=notice_whole(turns, history),
        detail=f"Observation/{case.new.id}" if case.new else None,
        canonical=canonical,
    )
    filled = {**names, "key": key, "subject": subject_reference(subject)}
    body = fill(template, filled, constants={"canonical": canonical.base})
    return Wanted(
        kind="flag",
        resource_type="Flag",
        id=key,
        body=body,
        content_hash=content_hash(body),
        about=f"{verdict['source']}|{verdict['key']}",
        topic=TOPIC,
        verdict={
            "of": verdict.get("of"),
            "about": key,
            "interpretation": case.old.id,
            "reversed": reversed_at,
            "turns": [dict(turn) for turn in turns],
        },
    )
