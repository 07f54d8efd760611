"""The reading a clinician checks (rulebook 6.2): levels, verdict, reaction, drugs, what is missing; never advice."""

from __future__ import annotations

from collections.abc import Iterator

from adapter.domain.findings import Priority
from adapter.domain.history import History
from adapter.domain.policy import Policy
from adapter.rules.confirmation import JudgedDose
from adapter.rules.drafts import Drafted
from adapter.rules.quotations import grade_unknown, quoted
from adapter.rules.wording import MODIFIER_TEXT, MONITORING_TEXT
from adapter.rules.words_of_dose import AMOUNT_UNKNOWN, portion_statements, status_statements
from adapter.rules.words_of_drugs import drug_statements
from adapter.rules.words_of_levels import level_statements
from adapter.rules.words_of_oddities import oddity_statements
from adapter.rules.words_of_reactions import earlier_reactions, reaction_statements
from adapter.rules.words_of_verdict import alternative_statements, family_statements, verdict_statement

TEAM_DECIDES = "The clinical decision rests with the treating team."
REVIEW = "A corrected or further result, dose record or reaction record would lead to a new reading."
DECEASED = "The patient is recorded as deceased; no further sample is awaited."
COMPLETE_BUT_URGENT = "No further level is due for this dose by the policy."
CUT_SHORT = "The next dose of the family is recorded before a level settled the exposure of this dose."
CONFIRMED_BY_THE_NEXT_DOSE = "A confirming sample is awaited, on the next dose of its family."
ONE_PER_COURSE = "The one level its course is due belongs to another dose of it."
SEVERE = "severe-reaction-activity-preserved"
NO_PREMEDICATION = "premedication (none recorded)"
# Modifiers whose facts the statements on levels, dose, reactions and drugs already hold, with their numbers.
STATED_APART = frozenset(
    {
        "unquantified-below",
        "partial-dose",
        "dose-unknown",
        "premedicated",
        "systemic-steroid",
        "discordant",
        "unit-suspect",
        "unit-missing",
        "sample-time-missing",
        "same-day-ambiguous",
        "preliminary",
        "corrected",
        "specimen-quality",
        "product-ambiguous",
        "value-unreadable",
        "grade-mapped",
        "no-dose-known",
        "cross-family-residual",
        "reaction-unconfirmed",
        "reaction-refuted",
    }
)


def sentence_of(draft: Drafted, history: History, priority: Priority | None) -> str:
    """The whole reading of one dose, built from fixed statements, its facts, and attributed paraphrases."""
    dose, deceased = draft.dose, history.deceased
    policy = dose.episode.limits.policy
    parts = [
        *level_statements(dose, history),
        *portion_statements(dose.episode),
        *oddity_statements(dose, history),
        *_frame(dose, policy),
        verdict_statement(draft),
        *alternative_statements(dose),
        *family_statements(dose, draft.family_before, draft.later, deceased=deceased),
        *reaction_statements(dose),
        *earlier_reactions(draft.family_before),
        *_paraphrases(dose, policy),
        *drug_statements(dose),
        *(MODIFIER_TEXT[code] for code in draft.modifiers if code not in STATED_APART),
        *_monitoring(draft, priority, deceased=deceased),
        *_missing(dose),
        REVIEW,
    ]
    return " ".join(parts)


def _frame(dose: JudgedDose, policy: Policy | None) -> Iterator[str]:
    """What the verdict is read by, where no level was compared with a threshold."""
    if policy is None and dose.combined.rule != "D0":
        yield "No policy is in force for this dose, so no verdict is given."
    elif policy and not any(reading.level for reading in dose.readings):
        yield f"Read by policy {policy.id} version {policy.version}."
    if dose.combined.rule != "D0":
        yield from status_statements(dose.episode)


def _monitoring(draft: Drafted, priority: Priority | None, *, deceased: bool) -> Iterator[str]:
    if deceased:
        yield DECEASED
    elif draft.monitoring is not None:
        yield from _state_of_the_clock(draft, priority)
    elif draft.dose.episode.anchor is None:
        yield "Without a dose time no sampling window is known."


def _state_of_the_clock(draft: Drafted, priority: Priority | None) -> Iterator[str]:
    clock, policy, state = draft.clock, draft.dose.episode.limits.policy, draft.monitoring
    assert clock  # noqa: S101 - a state is one of a clock
    assert policy  # noqa: S101 - and a clock goes by a policy
    assert state  # noqa: S101 - asked by the caller
    if state == "complete" and priority == "P1":
        yield COMPLETE_BUT_URGENT
    elif state == "missed" and clock.next_dose_came_first:
        yield CUT_SHORT
    elif state == "not-due" and not clock.awaited:
        if not draft.dose.reaction_open:  # a reaction asks for a level of this dose (D11), whatever its course says
            yield ONE_PER_COURSE
    elif state == "confirmation-due" and policy.confirmed_by == "two-doses":
        yield CONFIRMED_BY_THE_NEXT_DOSE
    else:
        yield MONITORING_TEXT[state]


def _paraphrases(dose: JudgedDose, policy: Policy | None) -> Iterator[str]:
    """What others are reported to say, named and marked as a paraphrase; the decision stays with the team."""
    names = {key: text.partition(":")[0] for key, text in policy.citations} if policy else {}
    told = quoted(dose)
    for quotation in told:
        yield f"{quotation.statement} ({names[quotation.citation]}; paraphrased)."
    if grade_unknown(dose, told):
        yield "The grade is not known."
    if told or dose.combined.mechanism == SEVERE:
        yield TEAM_DECIDES


def _missing(dose: JudgedDose) -> Iterator[str]:
    told = {NO_PREMEDICATION, "collection time"}
    if AMOUNT_UNKNOWN in portion_statements(dose.episode):
        told |= {"amount given", "fraction given"}
    absent = [fact for fact in missing_facts(dose) if fact not in told]
    if absent:
        yield f"Not known: {', '.join(absent)}."


def missing_facts(dose: JudgedDose) -> Iterator[str]:
    """What the reading had to do without."""
    episode = dose.episode
    if episode.ended is None:
        yield "end of the dose"
    if episode.route is None:
        yield "route"
    if episode.amount is None:
        yield "amount given"
    if episode.portion == "unknown":
        yield "fraction given"
    if not dose.premedication:
        yield NO_PREMEDICATION
    levels = [reading.sample for reading in dose.readings if reading.usability != "no-level"]
    if any(sample.lloq_iu_per_ml is None for sample in levels):
        yield "quantification limit of the assay"
    if any(sample.collected is None for sample in levels):
        yield "collection time"
