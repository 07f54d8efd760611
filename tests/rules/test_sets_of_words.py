"""Which codes count for what: severe manifestations, remarks told beside the level, judged and established verdicts."""

from __future__ import annotations

import pytest

from adapter.rules import combine, families, priority, reading
from adapter.rules.sentence import STATED_APART
from adapter.rules.wording import MODIFIER_TEXT

ESTABLISHED = {"confirmed-silent-inactivation", "neutralizing-hypersensitivity"}
SUSPICIOUS = {*ESTABLISHED, "suspected-silent-inactivation"}
TOLD_BY_THEIR_OWN_SENTENCE = {
    "near-threshold",
    "early",
    "late",
    "same-family-carryover",
    "date-only",
    "method-bias",
    "prior-inactivation",
    "first-dose",
    "unit-assumed",
    "zone-assumed",
}


def test_every_modifier_is_told_once_by_its_own_sentence_or_by_that_of_the_level_dose_reaction_or_drug():
    assert {code for code in MODIFIER_TEXT if code not in STATED_APART} >= TOLD_BY_THEIR_OWN_SENTENCE
    assert {*STATED_APART, *TOLD_BY_THEIR_OWN_SENTENCE, "corrected"} == set(MODIFIER_TEXT)


@pytest.mark.parametrize("concept", ["anaphylaxis", "bronchospasm", "laryngeal-oedema", "angio-oedema", "hypotension"])
def test_each_severe_manifestation_makes_a_reaction_severe_of_grade_3_or_more(story, concept):
    finding = story().dose().reaction(concepts=(concept,), manifestations=()).level("10 12:00", "0.5").only()
    assert finding.mechanism == "severe-reaction-activity-preserved"
    assert (finding.reactions[0].grade, finding.reactions[0].severe) == (3, True)


@pytest.mark.parametrize("concept", ["urticaria", "flushing", "fever"])
def test_other_manifestations_do_not(story, concept):
    finding = story().dose().reaction(concepts=(concept,), manifestations=()).level("10 12:00", "0.5").only()
    assert finding.mechanism == "reaction-activity-preserved"


def test_which_verdicts_are_established_suspicious_judged_and_sufficient():
    assert set(combine.ESTABLISHED) == ESTABLISHED
    assert set(families.SUSPICIOUS) == SUSPICIOUS
    assert set(families.INACTIVATION) == {*SUSPICIOUS, "suspected-neutralizing-hypersensitivity"}
    assert set(priority.JUDGED) == {"adequate", "above-band", "inadequate"}
    assert set(reading.SUFFICIENT) == {"adequate", "above-band"}


def test_a_sample_without_a_value_says_so_and_nothing_of_the_mechanism():
    rule = reading.NO_LEVEL
    assert (rule.id, rule.needs, rule.exposure, rule.mechanism) == ("Q2", (), "no-result", "not-assessable")


@pytest.mark.parametrize(("characters", "cut"), [(299, False), (300, False), (301, True)])
def test_a_comment_of_the_laboratory_is_cut_behind_300_characters(story, characters, cut):
    comment = "x" * characters
    finding = story().dose().level("10 12:00", "0.5", comment=comment).only()
    told = f'Laboratory comment: "{"x" * min(characters, 300)}{"..." if cut else ""}".'
    assert told in finding.sentence
