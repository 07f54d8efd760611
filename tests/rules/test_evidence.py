"""The evidence of a finding: enough to check it line by line, and nothing that depends on arrival or on today."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from itertools import product

import pytest
from never_list import forbidden, forbidden_on, leaves

from adapter.commands.explain_page import page_of
from adapter.commands.explain_tree import tree_of
from adapter.domain.events import Coding, Version
from adapter.domain.findings import MECHANISMS
from adapter.domain.printing import printed
from adapter.rules.conditions import EXPLICABLE_LOW, INSIDE_A_WINDOW, NOT_KEPT_IN_A_WINDOW
from adapter.rules.decision import TABLES
from adapter.rules.evidence import EVIDENCE_KEYS

QUOTED = ("source", "citations", "statement")
ERWINIA = {"key": "MedicationAdministration/e1", "product": "crisantaspase", "route": "IM"}
PARTIAL = {"amount": Decimal(500), "ordered_amount": Decimal(2500)}
HOURS = {"pegaspargase": ("20", "100", "168", "250", "336", "500"), "crisantaspase": ("20", "48", "59", "72", "90")}
REACTIONS = (None, {}, {"grade": 3}, {"verification": "unconfirmed"})
VALUES = ("<0.03", "0.06", "<0.1", "0.5", "<0.2")


def told(story, after, product_key, hour, value, reaction, portion):
    """One dose with one level, perhaps with a reaction."""
    lines = story().dose(product=product_key, **(portion or {}))
    lines = lines if reaction is None else lines.reaction(**reaction)
    return lines.level(after(hour), value)


@pytest.fixture(scope="module")
def situations():
    """Every product, time, value, reaction and portion the tables tell apart."""
    return [
        (key, hour, value, reaction, portion)
        for key, hours in HOURS.items()
        for hour, value, reaction, portion in product(hours, VALUES, REACTIONS, (None, PARTIAL))
    ]


def sample_of(finding, number=0):
    return finding.evidence["samples"][number]


def test_the_evidence_of_a_dose_with_a_level_has_every_fact_a_reader_needs(story):
    lines = story().dose(medication=Coding(code="PEG", system="urn:f"), lot="L7").reaction(recorder="Practitioner/9")
    evidence = lines.level("10 12:00", "0.5", method="AHA", laboratory="LAB", comment="clear").only().evidence
    assert tuple(evidence) == EVIDENCE_KEYS
    assert evidence["samples"] == [
        {
            "key": "LAB/1/asparaginase-activity/1",
            "source": "lab",
            "told": "0.5 IU/mL",
            "faults": [],
            "lloq_iu_per_ml": "0.03",
            "method": "AHA",
            "laboratory": "LAB",
            "comment": "clear",
            "value_before_correction": None,
            "later_unsettled_version": False,
            "rule": "D9",
            "exposure": "adequate",
            "mechanism": "reaction-activity-preserved",
            "because": [
                "a reaction of grade 1-2, or not graded, is linked to the dose",
                "the threshold was reached",
                "the sample was taken in the first sampling window or later",
            ],
            "decides_exposure": True,
            "decides_mechanism": True,
            "level": "ok",
            "phases": ["first-window"],
            "windows": ["day 7"],
            "days_since_dose": "7.0",
            "threshold_iu_per_ml": "0.10",
            "threshold_of": "day 7",
            "contradiction": None,
            "ambiguous": False,
            "inside_administration": False,
            "residual": False,
            "residual_from": None,
            "possibilities": [],
        }
    ]
    assert evidence["dose"] == {
        "told": "pegaspargase 2500 IU/m2 IV",
        "rows": ["ehr|MedicationAdministration/d1"],
        "copies": [],
        "status": "completed",
        "time_precision": "second",
        "ordered_amount": None,
        "portion": "full",
        "product_code": {"code": "PEG", "system": "urn:f"},
        "lots": ["L7"],
        "low_readable_from_h": "24",
    }
    assert evidence["reactions"] == [
        {
            "records": [
                {
                    "fact": "ehr|AllergyIntolerance/a1/1",
                    "verification": "confirmed",
                    "clinical_status": None,
                    "occurred": "2025-03-03T10:20:00Z",
                    "occurred_from": "reaction.onset",
                    "grade": None,
                    "severity": None,
                    "text": None,
                    "recorder": "Practitioner/9",
                }
            ],
            "coded_for": ["pegaspargase"],
            "manifestations": ["urticaria"],
            "grade": None,
            "grade_from": None,
            "severe": False,
            "severe_because": [],
            "verification": "confirmed",
            "counts": True,
            "could_also_belong_to": [],
        }
    ]
    assert (evidence["unlinked_reactions"], evidence["unlinked_reactions_not_listed"]) == ([], 0)
    assert evidence["reaction_link_h"] == "72"
    assert evidence["premedication"] == {"antihistamine_window_h": "6", "steroid_window_h": "24", "found": []}
    assert (evidence["earlier_in_family"], evidence["earlier_not_listed"]) == ([], 0)
    assert evidence["alternatives_of"] == "LAB/1/asparaginase-activity/1"
    assert evidence["missing"] == ["premedication (none recorded)"]


def test_the_policy_is_shown_with_its_windows_sources_and_the_numbers_that_await_a_signature(story, rulebook):
    policy = next(policy for policy in rulebook.policies if policy.id == "CONS16")
    shown = story().dose().only().evidence["policy"]
    assert (shown["id"], shown["version"], shown["hash"], shown["title"]) == (
        "CONS16",
        policy.version,
        policy.hash,
        policy.title,
    )
    assert (shown["draft"], shown["based_on"], shown["early_low_until"]) == (False, None, None)
    assert shown["time_points"][0] == {
        "name": "day 7",
        "from_h": "144",
        "to_h": "192",
        "window_citation": "KHALIL-2022",
        "window_grade": "published",
        "threshold_iu_per_ml": "0.10",
        "citation": "VANDERSLUIS-2016",
        "grade": "published",
        "low": "loss",
    }
    assert [point["name"] for point in shown["time_points"]] == ["day 7", "day 14"]
    assert shown["no_verdict_after"] == {"value": "360", "unit": "h", "citation": "PROJECT", "grade": "design"}
    assert shown["reaction_link"] == {"value": "72", "unit": "h", "citation": "PROJECT", "grade": "design"}
    assert list(shown["grades"].items()) == [("design", 14), ("published", 8), ("secondary", 2)]
    assert list(shown["awaiting_sign_off"]) == ["secondary", "design"]
    assert shown["awaiting_sign_off"]["secondary"] == ["day 7: target_h 168 h", "day 14: target_h 336 h"]
    assert len(shown["awaiting_sign_off"]["design"]) == 14
    assert {"no_verdict_after 360 h", "partial_fraction 0.5"} <= set(shown["awaiting_sign_off"]["design"])
    assert list(shown["citations"]) == ["PROJECT", "VANDERSLUIS-2016", "KHALIL-2022"]
    assert all(shown["citations"][key] == text for key, text in policy.citations if key in shown["citations"])


def test_a_policy_with_an_early_low_limit_shows_it_and_its_source(story, rulebook):
    policy = next(policy for policy in rulebook.policies if policy.id == "CONS16")
    limit = replace(policy.no_verdict_after, value=Decimal(100), citation="LANVERS-2002", grade="published")
    book = replace(rulebook, policies=(replace(policy, early_low_until=limit, based_on="BASE@1"),))
    shown = story(book).dose().only().evidence["policy"]
    assert shown["early_low_until"] == {"value": "100", "unit": "h", "citation": "LANVERS-2002", "grade": "published"}
    assert shown["based_on"] == "BASE@1"
    assert "LANVERS-2002" in shown["citations"]


def test_a_finding_without_a_policy_shows_none_and_quotes_nothing(story, rulebook):
    evidence = story(replace(rulebook, policies=())).dose().level("10 12:00", "0.5").only().evidence
    assert (evidence["policy"], evidence["quotations"], evidence["alternatives_of"]) == (None, [], None)
    sample = evidence["samples"][0]
    assert (sample["windows"], sample["threshold_iu_per_ml"], sample["threshold_of"]) == ([], None, None)
    assert sample["because"] == ["no policy is in force for the dose"]


def test_quotations_are_those_the_policy_lists_for_the_mechanism(story):
    good = story().dose().reaction().level("10 12:00", "0.5").only().evidence["quotations"]
    assert [quotation["citation"] for quotation in good] == ["VANDERSLUIS-2016", "AARHUS-TDM"]
    assert good[1]["source"].startswith("Aarhus University Hospital")
    assert good[1]["statement"].startswith("ALLTogether is described as continuing")
    assert story().dose().level("10 12:00", "0.5").only().evidence["quotations"] == []


@pytest.mark.parametrize(
    ("hours", "windows", "threshold_of", "days"),
    [
        ("20", [], "day 7", "0.8"),
        ("143.9", [], "day 7", "6.0"),
        ("144", ["day 7"], "day 7", "6.0"),
        ("192", ["day 7"], "day 7", "8.0"),
        ("192.1", [], "day 7", "8.0"),
        ("311.9", [], "day 7", "13.0"),
        ("312", ["day 14"], "day 14", "13.0"),
        ("360.1", [], "day 14", "15.0"),
    ],
)
def test_a_level_names_its_window_and_the_window_whose_threshold_applies(
    story, after, hours, windows, threshold_of, days
):
    sample = sample_of(story().dose().level(after(hours), "0.5").only())
    assert (sample["windows"], sample["threshold_of"], sample["days_since_dose"]) == (windows, threshold_of, days)


def test_an_uncertain_time_names_every_window_it_may_lie_in_and_no_day(story):
    sample = sample_of(story().dose("3", None).level("9", "0.5").only())
    assert (sample["windows"], sample["phases"], sample["days_since_dose"]) == (
        ["day 7"],
        ["early", "first-window"],
        None,
    )


def test_a_sample_taken_while_the_dose_ran_has_no_day(story):
    sample = sample_of(story().dose().level("3 11:00", "0.5").only())
    assert (sample["days_since_dose"], sample["inside_administration"]) == (None, True)
    assert sample["because"] == ["the sample was collected before the administration was over"]


def test_a_sample_taken_as_the_dose_ended_has_day_zero(story):
    assert sample_of(story().dose().level("3 12:00", "0.5").only())["days_since_dose"] == "0.0"


def test_alternatives_are_told_for_the_level_the_exposure_rests_on_beside_a_second_one(story, after):
    evidence = story().dose().level(after("168"), "0.06").level(after("336"), "0.05").only().evidence
    assert evidence["alternatives_of"] == "LAB/2/asparaginase-activity/1"
    assert "D12" in {promise["rule"] for promise in evidence["would_change"]}


def test_every_level_a_row_decided_tells_all_conditions_of_that_row(story, after, situations):
    rows = {(rule.id, *(condition.yes for condition in rule.needs)) for table in TABLES.values() for rule in table}
    seen = set()
    for parts in situations:
        sample = sample_of(told(story, after, *parts).only())
        seen.add((sample["rule"], *sample["because"]))
    silent = ("D0", "no row of the decision table speaks of such a level")
    assert seen <= {*rows, silent}
    assert {rule for rule, *_ in seen} >= {
        *("D3", "D3b", "D3c", "D3d", "D4", "D4a", "D4b", "D5", "D8", "D9", "D10", "D12", "D14", "D15", "D16", "D17"),
        *("D18", "D18b", "E1", "E2", "E3", "E4", "E5", "E6"),
    }


def test_a_low_after_a_good_level_in_a_window_tells_of_that_other_level(story, after):
    lines = story().dose().reaction().level(after("168"), "0.5").level(after("336"), "0.06")
    good, low = lines.only().evidence["samples"]
    assert good["rule"] == low["rule"] == "D9"
    assert low["because"] == [
        "a reaction of grade 1-2, or not graded, is linked to the dose",
        "the dose was full",
        EXPLICABLE_LOW.yes,
        "another sample of the dose reached the threshold inside a window",
        INSIDE_A_WINDOW.yes,
    ]
    alone = story().dose().reaction().level(after("336"), "0.06").only()
    assert sample_of(alone)["because"][-1] == NOT_KEPT_IN_A_WINDOW.yes


def test_a_confirmation_tells_the_row_of_the_suspicion_and_the_second_sample(story):
    lines = story().dose().level("10 12:00", "<0.03").level("13 12:00", "<0.03")
    first, second = lines.only().evidence["samples"]
    assert (first["rule"], second["rule"]) == ("D12", "D13")
    assert second["because"] == [*first["because"], "a second independent sample shows loss of activity"]


@pytest.mark.parametrize(
    ("lines", "rule", "because"),
    [
        (
            lambda s: s.dose().level("10 12:00", "0.05").level("12 12:00", "0.41"),
            "D3",
            ["two levels of this dose contradict each other"],
        ),
        (
            lambda s: s.dose().level("10 12:00", "0.05").level("10 12:00", "0.41"),
            "D3",
            ["two tubes of one instant lie on opposite sides of the threshold"],
        ),
        (lambda s: s.dose().level("10 12:00", "7"), "D3", ["the unit or the size of the number needs a check"]),
        (
            lambda s: s.dose().level("10 12:00", "unreadable", remarks=("value-unreadable", "unit-missing")),
            "D3",
            ["the value cannot be read", "the laboratory sent no unit"],
        ),
        (lambda s: s.dose().level("10 12:00", "0.5", letter="P"), "Q3", ["the result is preliminary"]),
        (lambda s: s.dose().level("10 12:00", None, letter="X"), "Q2", ["the sample was cancelled by the laboratory"]),
        (
            lambda s: s.dose().level("10 12:00", None),
            "Q2",
            ["the sample is reported as final without a value"],
        ),
        (
            lambda s: s.dose().level("10 12:00", None, letter="P"),
            "Q2",
            ["the sample gave no level"],
        ),
        (
            lambda s: s.dose(product="unspecified-asparaginase").level("10 12:00", "0.5"),
            "D2",
            ["the record does not say which asparaginase was given"],
        ),
        (
            lambda s: s.dose(status="in-progress", ended=None).level("10 12:00", "0.5"),
            "D0",
            [
                "the dose record has status in progress",
                "the sample was collected before the administration was over",
            ],
        ),
        (
            lambda s: s.dose().level(None, "0.05", received_by_laboratory=None),
            "D0",
            [
                "the collection time is missing",
                "the possible times of the sample lie in different parts of the schedule",
            ],
        ),
        (
            lambda s: s.dose("3", None).level("9", "0.5"),
            "D0",
            [
                "a time is known by its date only",
                "the possible times of the sample lie in different parts of the schedule",
            ],
        ),
        (
            lambda s: s.dose().dose("12 10:00", None, **ERWINIA).level("14 10:00", "0.35"),
            "D0",
            ["an earlier dose of another family may still supply the activity"],
        ),
    ],
)
def test_a_level_no_row_decided_tells_what_stood_in_the_way(story, lines, rule, because):
    finding = lines(story()).read().findings[-1]
    sample = sample_of(finding)
    assert (sample["rule"], sample["because"]) == (rule, because)
    assert (finding.evidence["nearly"], finding.evidence["would_change"]) == ([], [])
    assert finding.evidence["alternatives_of"] is None


def test_a_sample_of_two_possible_doses_tells_what_it_would_say_for_each(story):
    lines = story().dose().dose("17", None, key="MedicationAdministration/d2").level("17", "0.02")
    first, second = lines.read().findings
    expected = [
        {
            "dose": "ehr|MedicationAdministration/d1",
            "dated": "the dose of 2025-03-03",
            "rule": "D12",
            "exposure": "inadequate",
            "mechanism": "suspected-silent-inactivation",
            "inside_administration": False,
        },
        {
            "dose": "ehr|MedicationAdministration/d2",
            "dated": "the dose of 2025-03-17",
            "rule": "D0",
            "exposure": "indeterminate",
            "mechanism": "not-assessable",
            "inside_administration": False,
        },
    ]
    assert sample_of(first)["possibilities"] == sample_of(second)["possibilities"] == expected
    assert (
        "the order of sample and dose, or the dose the sample belongs to, is not known" in sample_of(first)["because"]
    )


CHANGES = {
    "a reaction were linked to the dose": {"reaction": {}},
    "no reaction were linked to the dose": {"reaction": None},
    "less than half of the dose had been given": {"portion": PARTIAL},
    "the dose were known to be full": {"portion": None},
    "the level were detectable and below the threshold": {"value": "0.06"},
    "the level were at or above the threshold": {"value": "0.5"},
    "the level were below the quantification limit": {"value": "<0.03"},
}


def test_what_is_told_to_change_the_reading_does_change_it_so(story, after, situations):
    """Each promise is kept: the same facts with that one other fact are read as was told."""
    kept = 0
    for key, hour, value, reaction, portion in situations:
        finding = told(story, after, key, hour, value, reaction, portion).only()
        for promise in finding.evidence["would_change"]:
            first = "48" if key == "crisantaspase" else "168"
            change = CHANGES.get(promise["if"]) or {"hour": first}
            parts = {"hour": hour, "value": value, "reaction": reaction, "portion": portion, **change}
            other = told(story, after, key, **parts).only()
            assert (other.exposure, other.mechanism) == (promise["exposure"], promise["mechanism"]), (
                key,
                parts,
                promise,
            )
            assert other.rules[0] == promise["rule"]
            kept += 1
    assert kept > 500


def test_what_is_not_told_to_change_the_reading_does_not(story, after, situations):
    for key, hour, value, reaction, portion in situations[::2]:
        finding = told(story, after, key, hour, value, reaction, portion).only()
        if finding.evidence["alternatives_of"] is None:
            continue
        promised = {promise["if"] for promise in finding.evidence["would_change"]}
        facts = [fact for fact, change in CHANGES.items() if "value" not in change and fact not in promised]
        for fact in facts:
            parts = {"hour": hour, "value": value, "reaction": reaction, "portion": portion, **CHANGES[fact]}
            if reaction and fact == "a reaction were linked to the dose":
                continue
            other = told(story, after, key, **parts).only()
            assert (other.exposure, other.mechanism) == (finding.exposure, finding.mechanism), (key, parts, fact)


def test_the_rows_that_nearly_decided_lacked_one_condition_and_tell_what_was_so(story):
    nearly = story().dose().level("10 12:00", "<0.03").only().evidence["nearly"]
    reacted = next(row for row in nearly if row["rule"] == "D4")
    assert reacted == {
        "rule": "D4",
        "mechanism": "neutralizing-hypersensitivity",
        "exposure": "inadequate",
        "because": "no reaction is linked to the dose by a record that is not merely unconfirmed",
    }
    assert {"D12", "D3"}.isdisjoint(row["rule"] for row in nearly)


@pytest.mark.parametrize("value", ["0.25", "0.251"])
def test_alternatives_of_a_level_above_the_band_are_not_told(story, rulebook, value):
    policy = next(policy for policy in rulebook.policies if policy.id == "CONS16")
    band = replace(policy.near_threshold_low, value=Decimal("0.25"))
    book = replace(rulebook, policies=(replace(policy, band_upper=band),))
    evidence = story(book).dose().level("10 12:00", value).only().evidence
    assert bool(evidence["would_change"]) is bool(evidence["nearly"]) is (value == "0.25")


def series(story, *levels):
    """Doses of pegaspargase three weeks apart, each with a level a week later where one is given."""
    days = [f"{month:02d}-{day:02d}" for month in (1, 2, 3, 4, 5, 6) for day in (1, 11, 21)]
    lines = story()
    for number, value in enumerate(levels):
        start = f"2025-{days[number]}"
        lines.dose(f"{start}T10:00Z", None, key=f"MedicationAdministration/d{number:02d}")
        if value:
            lines.level(f"{start[:-2]}{int(start[-2:]) + 7:02d}T10:00Z", value)
    return lines.read("2025-12-31T12:00Z").findings


def shown(finding):
    listed = [old["dose"].rpartition("/")[2] for old in finding.evidence["earlier_in_family"]]
    return listed, finding.evidence["earlier_not_listed"]


def test_of_earlier_doses_the_inactivated_the_last_and_the_last_measured_are_listed(story):
    findings = series(story, "0.5", "<0.03", "0.5", "0.5", None, None)
    assert [shown(finding) for finding in findings] == [
        ([], 0),
        (["d00"], 0),
        (["d01"], 1),
        (["d01", "d02"], 1),
        (["d01", "d03"], 2),
        (["d01", "d03", "d04"], 2),
    ]
    assert findings[2].evidence["earlier_in_family"] == [
        {
            "dose": "ehr|MedicationAdministration/d01",
            "told": "pegaspargase 2500 IU/m2 IV",
            "started": "2025-01-11T10:00:00Z",
            "exposure": "inadequate",
            "mechanism": "suspected-silent-inactivation",
            "rule": "D12",
        }
    ]


def test_of_very_many_inactivated_doses_the_last_ten_are_listed(story):
    findings = series(story, *["<0.03"] * 12)
    assert shown(findings[10]) == ([f"d{number:02d}" for number in range(10)], 0)
    assert shown(findings[11]) == ([f"d{number:02d}" for number in range(1, 11)], 1)


def test_an_earlier_dose_without_a_time_is_listed_without_one(story):
    lines = story().dose(None, None).dose("10 10:00", None, key="MedicationAdministration/d2")
    (old,) = lines.read().findings[1].evidence["earlier_in_family"]
    assert (old["dose"], old["started"], old["rule"]) == ("ehr|MedicationAdministration/d1", None, "D0")


def test_a_reaction_nothing_ties_to_the_dose_is_shown_with_its_record(story):
    (entry,) = story().dose().reaction(None, text="hives").only().evidence["unlinked_reactions"]
    assert entry["records"][0]["occurred"] is None
    assert entry["records"][0]["text"] == "hives"
    assert (entry["linked_to"], entry["urgent"], entry["severe"]) == (None, False, False)


def test_a_reaction_that_could_belong_to_two_doses_is_shown_beside_both(story):
    lines = story().dose().dose("4", None, key="MedicationAdministration/d2", product="crisantaspase").reaction("4")
    first, second = lines.read().findings
    assert first.evidence["unlinked_reactions"][0]["linked_to"] == "the dose of 2025-03-04"
    assert second.evidence["reactions"][0]["could_also_belong_to"] == ["the dose of 2025-03-03"]


def test_both_records_of_one_reaction_are_shown_with_their_authors(story):
    lines = story().dose().reaction(recorder="Practitioner/1", severity="severe", clinical_status="active")
    second = {"recorder": "Practitioner/2", "verification": "refuted", "product": "calaspargase"}
    lines.reaction("3 10:40", record="AllergyIntolerance/a2", **second)
    (reaction,) = lines.only().evidence["reactions"]
    assert reaction["coded_for"] == ["calaspargase", "pegaspargase"]
    assert [(r["fact"], r["recorder"], r["verification"]) for r in reaction["records"]] == [
        ("ehr|AllergyIntolerance/a1/1", "Practitioner/1", "confirmed"),
        ("ehr|AllergyIntolerance/a2/1", "Practitioner/2", "refuted"),
    ]
    assert reaction["records"][0]["clinical_status"] == "active"
    assert (reaction["grade"], reaction["grade_from"], reaction["severe_because"]) == (3, "severity", ["severity"])


def test_what_was_given_before_the_dose_is_named_by_its_records(story):
    found = story().dose().premedicated().only().evidence["premedication"]["found"]
    assert found == [f"ehr|MedicationAdministration/p{number}" for number in (1, 2, 3)]


def test_a_dose_is_shown_with_its_order_its_copies_and_its_lots(story):
    lines = story().dose("3", None, status="stopped", lot="B", identifiers=("urn:i|1",), **PARTIAL)
    lines.dose("3", None, key="MedicationAdministration/d2", lot="C", identifiers=("urn:i|1",), **PARTIAL)
    lines.dose("3 08:00", None, key="MedicationAdministration/d3", lot="A", status="stopped", **PARTIAL)
    (finding,) = lines.read().findings
    dose = finding.evidence["dose"]
    assert dose["ordered_amount"] == "2500"
    assert dose["lots"] == ["A", "B"]
    assert dose["copies"] == ["ehr|MedicationAdministration/d2"]
    assert dose["rows"] == ["ehr|MedicationAdministration/d1", "ehr|MedicationAdministration/d3"]
    assert (dose["status"], dose["time_precision"], dose["product_code"]) == ("stopped", "day", None)


def test_a_product_nobody_knows_has_no_time_from_which_a_low_can_be_read(story):
    assert story().dose(product="other").only().evidence["dose"]["low_readable_from_h"] is None


def test_a_corrected_result_shows_both_values_and_a_later_unsettled_version(story):
    lines = story().dose().level("10 12:00", "0.03", key="K", reported="10 20:00")
    lines.level("10 12:00", "0.30", key="K", letter="C", reported="11 20:00")
    lines.level("10 12:00", "0.50", key="K", letter="P", reported="12 20:00")
    sample = sample_of(lines.only())
    assert sample["told"] == "0.30 IU/mL"
    assert sample["value_before_correction"] == {"text": "0.03", "unit": "IU/mL"}
    assert sample["later_unsettled_version"] is True


def test_the_evidence_of_a_level_without_a_dose_has_the_same_keys(story):
    (lone,) = story().level("10 12:00", "0.5", lloq_iu_per_ml=None, comment="note").read().unlinked
    assert tuple(lone.evidence) == EVIDENCE_KEYS
    linked = sample_of(story().dose().level("10 12:00", "0.5").only())
    (sample,) = lone.evidence["samples"]
    assert list(sample) == list(linked)
    assert (sample["told"], sample["comment"], sample["lloq_iu_per_ml"]) == ("0.5 IU/mL", "note", None)
    assert sample["because"] == sample["phases"] == sample["windows"] == sample["possibilities"] == []
    assert {key for key, value in sample.items() if value is False} == {
        *("decides_exposure", "decides_mechanism", "ambiguous", "inside_administration", "residual"),
        "later_unsettled_version",
    }
    evidence = {key: value for key, value in lone.evidence.items() if key not in ("samples", "missing", "rule_set")}
    assert evidence == {
        "policy": None,
        "dose": None,
        "reactions": [],
        "unlinked_reactions": [],
        "unlinked_reactions_not_listed": 0,
        "reaction_link_h": None,
        "premedication": None,
        "earlier_in_family": [],
        "earlier_not_listed": 0,
        "alternatives_of": None,
        "nearly": [],
        "would_change": [],
        "quotations": [],
    }
    assert lone.evidence["missing"] == ["dose in the 42 days before the sample"]


def test_a_level_without_a_value_has_nothing_to_tell_and_without_any_time_says_so(story):
    (pending,) = story().level("10 12:00", None, letter="I").read().unlinked
    assert pending.evidence["samples"][0]["told"] is None
    (timeless,) = story().level(None, "0.5", version=Version(number=1)).read().unlinked
    assert timeless.evidence["missing"] == ["any time of the sample"]
    (faulty,) = story().level("10 12:00", "unreadable", remarks=("value-unreadable",)).read().unlinked
    assert faulty.evidence["samples"][0]["told"].startswith('sent by the laboratory as "unreadable')


def test_the_evidence_is_the_same_at_any_time_of_reading_and_is_plain_json(story):
    lines = story().dose().premedicated().reaction().level("10 12:00", "<0.03").level("13 12:00", "<0.03")
    early, late = (lines.only(as_of).evidence for as_of in ("10 13:00", "2026-03-18T12:00Z"))
    assert early == late
    assert json.loads(json.dumps(early)) == early


def test_no_page_of_any_situation_says_what_none_may_say(story, after, situations):
    findings = [told(story, after, *parts).only() for parts in situations[::2]]
    findings += [
        finding
        for lines in (
            story().dose().level("10 12:00", "<0.03").level("13 12:00", "<0.03"),
            story().dose("3", None).premedicated().level(None, "0.05"),
            story().dose(product="unspecified-asparaginase").reaction(None, grade=4).level("10 12:00", "0.5"),
            story().dose().dose("17", None, key="MedicationAdministration/d2").level("17", "0.02"),
            story().dose(status="on-hold").reaction(concepts=("nausea",), manifestations=(Coding(code="n"),)),
        )
        for finding in lines.read().findings
    ]
    trees = [tree_of(printed(finding)) for finding in findings]
    assert forbidden(leaves(trees, without=QUOTED)) == []
    assert [said for page in {page_of(tree) for tree in trees} for said in forbidden_on(page)] == []
    assert {tree["says"]["mechanism"]["code"] for tree in trees} == set(MECHANISMS)


def test_a_severe_reaction_with_a_good_level_is_never_shown_as_clearance(story):
    finding = story().dose().reaction(grade=3).level("10 12:00", "0.5").only()
    page = " ".join(page_of(tree_of(printed(finding))).split())
    assert "the kept activity does not make it less severe" in page
    assert "ending pegaspargase after hypersensitivity of grade 3 or 4" in page
    for claim in ("no reaction occurred", "without a reaction", "no reaction recorded", "no recorded reaction"):
        assert claim not in page.lower()
