"""The page of all fixed statements holds the words of the code, every one and no other: a haematologist reads it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from adapter.rules import (
    alternatives,
    evidence,
    evidence_of_rows,
    sentence,
    wording,
    words_of_dose,
    words_of_levels,
    words_of_oddities,
    words_of_reactions,
    words_of_verdict,
)
from adapter.rules import conditions as asked
from adapter.rules.conditions import Condition

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "statements.md"
SECTIONS = {
    "Exposure": ("In a few words.", wording.EXPOSURE_WORDS),
    "Mechanism": ("In a few words.", wording.MECHANISM_WORDS),
    "Mechanism, as a sentence begins": (
        "What follows the colon is the level with its threshold.",
        wording.MECHANISM_TEXT,
    ),
    "Rules": ("What the rule that decided says.", wording.RULE_TEXT),
    "Rules, when it is not known whether the level is detectable": (
        "For a level sent as an upper limit only.",
        wording.RULE_TEXT_UNQUANTIFIED,
    ),
    "Monitoring": ("Where the dose stands.", wording.MONITORING_TEXT),
    "Modifiers": ("What else a reader must know.", wording.MODIFIER_TEXT),
    "A level": ("With the threshold of the policy.", words_of_levels.LEVEL_TEXT),
    "A sample without a level": ("What the laboratory said of it.", words_of_levels.STATUS_OF_NO_LEVEL),
    "A dose": ("How its record stands, when it is not completed.", words_of_dose.STATUS_WORDS),
    "A route": ("Where knowing it would change the reading.", dict(alternatives.ROUTES)),
    "The grade of a reaction": ("Where it comes from.", words_of_reactions.GRADE_SOURCE),
    "A severe reaction": ("What makes it severe.", words_of_reactions.SEVERE_BECAUSE),
    "Data that cannot be used": ("Why a level is not read.", words_of_verdict.FAULT_REASON),
    "Levels against each other": ("Why a dose is not judged.", words_of_verdict.CONTRADICTION_REASON),
    "Whole sentences": (
        "Said where they are true.",
        {
            "team-decides": sentence.TEAM_DECIDES,
            "review": sentence.REVIEW,
            "deceased": sentence.DECEASED,
            "complete-but-urgent": sentence.COMPLETE_BUT_URGENT,
            "cut-short": sentence.CUT_SHORT,
            "confirmed-by-the-next-dose": sentence.CONFIRMED_BY_THE_NEXT_DOSE,
            "one-per-course": sentence.ONE_PER_COURSE,
            "amount-unknown": words_of_dose.AMOUNT_UNKNOWN,
            "none-linked": words_of_reactions.NONE_LINKED,
            "dose-after-record": words_of_oddities.DOSE_AFTER_RECORD,
            "sample-after-report": words_of_oddities.SAMPLE_AFTER_REPORT,
            "dose-before-birth": words_of_oddities.DOSE_BEFORE_BIRTH,
            "sample-before-birth": words_of_oddities.SAMPLE_BEFORE_BIRTH,
        },
    ),
    "What is missing": (
        "Named by the page of a finding.",
        {
            "premedication": sentence.NO_PREMEDICATION,
            "dose": evidence.NO_DOSE,
            "time": evidence.NO_TIME,
            "row": evidence_of_rows.NO_ROW,
        },
    ),
}
PARTS = {part.partition("\n")[0]: part for part in re.split(r"(?m)^## ", PAGE.read_text(encoding="utf-8"))[1:]}
ROW = re.compile(r"(?m)^\| `(.+?)` \| (.+) \|$")
QUESTION = re.compile(r"(?m)^\| ([^-].*?) \| (.*?) \|$")


def conditions():
    """Every condition of the decision tables, in the order of the code."""
    return [value for value in vars(asked).values() if isinstance(value, Condition)]


@pytest.mark.parametrize("title", SECTIONS)
def test_every_statement_stands_on_the_page_word_for_word(title):
    assert ROW.findall(PARTS[title]) == list(SECTIONS[title][1].items())


def test_every_question_stands_on_the_page_word_for_word():
    _, *rows = QUESTION.findall(PARTS["Questions of the decision tables"])
    assert rows == [(condition.yes, condition.no) for condition in conditions()]


def test_the_page_has_no_other_part():
    assert list(PARTS) == [*SECTIONS, "Questions of the decision tables"]
