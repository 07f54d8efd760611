"""What a finding says in words: checkable, attributed, and never advice (rulebook 6.1 to 6.3)."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import product

import pytest
from never_list import IMPERATIVE, NEVER, QUOTATION

from adapter.domain.findings import MECHANISMS, MODIFIERS, MONITORING, PRINTED_KEYS
from adapter.domain.printing import printed
from adapter.rules.decision import TABLES
from adapter.rules.wording import MECHANISM_TEXT, MODIFIER_TEXT, MONITORING_TEXT, RULE_TEXT

DOSE_2 = {"key": "MedicationAdministration/d2"}
READ_AS_WORDS = {"first-dose"}


def every_finding(story, after):
    """Findings for every shape of dose, reaction and level the rules tell apart."""
    hours = ("20", "100", "168", "250", "336", "500")
    values = ("<0.03", "0.06", "<0.1", "0.5", "<0.2", "7", "unreadable", None)
    reactions = (None, {"grade": 2}, {"grade": 3}, {"verification": "unconfirmed"}, {"concepts": ("nausea",)})
    portions = ({}, {"status": "stopped", "amount": None}, {"amount": Decimal(500), "ordered_amount": Decimal(2500)})
    for hour, value, reaction, portion in product(hours, values, reactions, portions):
        told = story().dose(**portion).premedicated()
        told = told.reaction(**reaction) if reaction else told
        yield from (told.level(after(hour), value) if value else told).read(after("200")).findings
    for letter in "PXI":
        yield from story().dose().level("10 12:00", "0.3", letter=letter).read("25 12:00").findings
    for value in ("0.3", "<0.03", None):
        yield from story().level("10 12:00", value, letter="F").read().unlinked
    for second in ("0.5", "<0.03", "0.06"):
        told = story().dose().level("10 12:00", "<0.03").level("13 12:00", "<0.03")
        told.dose("17 10:00", None, **DOSE_2).level("24 12:00", second)
        yield from told.read("2025-04-24T12:00Z").findings
    yield from story().dose(product="unspecified-asparaginase").level("10 12:00", "0.5").read().findings
    yield from story().dose(product="calaspargase", amount=None, route=None).read().findings
    yield from story().dose(None, None).read().findings


@pytest.fixture(scope="module")
def findings(story, after):
    return list(every_finding(story, after))


def test_no_sentence_advises_promises_or_prophesies(findings):
    told = {QUOTATION.sub("", finding.sentence) for finding in findings}
    fixed = {*MECHANISM_TEXT.values(), *RULE_TEXT.values(), *MODIFIER_TEXT.values(), *MONITORING_TEXT.values()}
    assert len(told) > 500
    for text in told | fixed:
        assert not NEVER.search(text), text
        assert not IMPERATIVE.search(text), text


def test_the_never_list_finds_what_it_forbids():
    for phrase in ("It is safe to continue.", "Switch now to Erwinia.", "The prognosis is good.", "No allergy."):
        assert NEVER.search(phrase) or IMPERATIVE.search(phrase)
    assert IMPERATIVE.search("A low level. Give another dose.")


def test_paraphrases_stand_only_with_their_source_and_the_teams_decision(findings, rulebook):
    names = {
        "VANDERSLUIS-2016": "van der Sluis et al. 2016, as reported by Cecconello et al. 2020",
        "AARHUS-TDM": "Aarhus University Hospital",
        "ONCASPAR-US": "Oncaspar, US prescribing information",
    }
    cons16 = next(policy for policy in rulebook.policies if policy.id == "CONS16")
    statements = {quotation.statement: names[quotation.citation] for quotation in cons16.quotations}
    told = 0
    for finding in findings:
        for statement, source in statements.items():
            if statement in finding.sentence:
                told += 1
                assert f"{statement} ({source}; paraphrased)." in finding.sentence
                assert "The clinical decision rests with the treating team." in finding.sentence
    assert told > 50


@pytest.mark.parametrize(
    ("parts", "switch_told", "grade_missing"),
    [
        ({"grade": 1}, False, False),
        ({"grade": 2}, True, False),
        ({}, True, True),
    ],
)
def test_a_statement_from_a_grade_upwards_is_printed_for_that_grade_or_without_one(
    story, parts, switch_told, grade_missing
):
    sentence = story().dose().reaction(**parts).level("10 12:00", "0.5").only().sentence
    assert ("changing the product after a reaction of grade 2 or more" in sentence) is switch_told
    assert ("The grade is not known." in sentence) is grade_missing
    assert "ALLTogether is described as continuing" in sentence


def test_every_code_has_its_statement():
    assert set(MECHANISM_TEXT) == set(MECHANISMS)
    assert set(MONITORING_TEXT) == set(MONITORING)
    assert set(MODIFIER_TEXT) == set(MODIFIERS)
    assert {rule.id for table in TABLES.values() for rule in table} <= set(RULE_TEXT)


def test_a_good_level_after_a_severe_reaction_never_reads_as_clearance(findings):
    severe = [f for f in findings if f.mechanism == "severe-reaction-activity-preserved"]
    assert severe
    for finding in severe:
        assert "does not make it less severe" in finding.sentence
        assert finding.priority == "P1"


def test_no_reaction_record_is_never_told_as_no_reaction(findings):
    for finding in findings:
        for claim in ("no reaction occurred", "without a reaction", "no reaction recorded", "no recorded reaction"):
            assert claim not in finding.sentence.lower()
        assert finding.dose is None or finding.reactions or "No reaction is linked to this dose." in finding.sentence


def test_no_sentence_holds_a_code_or_a_machines_unit(findings):
    codes = {code for code in (*MECHANISMS, *MODIFIERS, *MONITORING) if "-" in code} - READ_AS_WORDS
    for finding in findings:
        told = QUOTATION.sub("", finding.sentence)
        assert "[IU]" not in told
        assert not {code for code in codes if code in told}, told


def test_a_sentence_holds_number_unit_original_hours_dose_policy_and_rule(story):
    finding = story().dose().level("10 11:30", "60", factor="0.001").only()
    assert finding.sentence == (
        'Asparaginase activity 0.060 IU/mL (reported as "60 IU/L"), collected 2025-03-10T11:30Z, 167.5 h (day 7.0) '
        "after the end (2025-03-03T12:00Z) of pegaspargase 2500 IU/m2 IV. "
        "Below the 0.10 IU/mL threshold, policy CONS16 version 1. "
        "This meets the first-sample criterion for suspected silent inactivation: full dose, no linked reaction, and "
        "loss of activity that normal decline does not explain (rule D12). "
        "A second independent sample is needed before the policy calls it confirmed. "
        "No reaction is linked to this dose. "
        "No premedication is recorded in the 6 h (antihistamine) or 24 h (steroid) before the start. "
        "This is the first known dose of its family. "
        "A confirming sample is awaited, on this dose or on the next of its family. "
        "A corrected or further result, dose record or reaction record would lead to a new reading."
    )


def test_a_reaction_is_told_with_its_grade_and_where_the_grade_came_from(story):
    sentence = story().dose().reaction("3 12:20", severity="moderate").only("4 12:00").sentence
    assert "Reaction recorded: urticaria, grade 2 (from the severity), confirmed, 2.33 h after the start." in sentence


def test_an_uncertain_time_is_told_as_a_range(story):
    sentence = story().dose("3", None).level("10 12:00", "0.4").only().sentence
    assert "collected 2025-03-10T12:00Z, between 156 and 180 h after the start (2025-03-03) of" in sentence


def test_a_printed_finding_is_json_with_every_key_in_order(findings):
    for finding in findings:
        page = printed(finding)
        assert tuple(page) == PRINTED_KEYS
        assert json.loads(json.dumps(page)) == page
