"""A finding carries whose it is, what it was read by, and which sample leads it (CONTRACTS 3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest

from adapter.domain.events import Coding
from adapter.domain.findings import DoseInFinding, PremedicationInFinding, ReactionInFinding, SampleInFinding
from adapter.rules import interpret

PATIENT = "https://hospital.example/mrn|4711"


def test_a_finding_names_patient_policy_history_and_the_sample_that_leads_it(story, rulebook):
    policy = next(policy for policy in rulebook.policies if policy.id == "CONS16")
    told = story().dose(source="pharmacy").level("10 12:00", "0.5", source="lab-a").level("13 12:00", "0.06")
    finding = told.only()
    assert (finding.patient, finding.source, finding.history_from) == (PATIENT, "pharmacy", "2025-03-03T10:00:00Z")
    assert (finding.policy, finding.policy_hash) == (policy.label, policy.hash)
    assert finding.headline_sample == "LAB/1/asparaginase-activity/1"
    assert finding.threshold_iu_per_ml == Decimal("0.10")
    assert finding.sample_sources == (
        ("LAB/1/asparaginase-activity/1", "lab-a"),
        ("LAB/2/asparaginase-activity/1", "lab"),
    )


def test_a_dose_without_a_level_has_no_leading_sample_and_no_threshold(story):
    finding = story().dose().level("10 12:00", None, letter="X").only()
    assert (finding.exposure, finding.headline_sample, finding.threshold_iu_per_ml) == ("no-result", None, None)
    assert finding.sample_sources == (("LAB/1/asparaginase-activity/1", "lab"),)


def test_a_dose_no_policy_reads_names_none(story, pegaspargase_only):
    finding = story(pegaspargase_only).dose(product="calaspargase").level("10 12:00", "0.5").only()
    assert (finding.policy, finding.policy_hash, finding.threshold_iu_per_ml) == (None, None, None)
    assert finding.headline_sample == "LAB/1/asparaginase-activity/1"


@pytest.mark.parametrize(
    ("parts", "exposure", "leads", "rule"),
    [
        # Measurable activity without a dose is a question about the data (Q10); what is not measurable is none.
        ({"value": "0.5"}, "indeterminate", True, "Q10"),
        ({"value": "0.03"}, "indeterminate", True, "Q10"),
        ({"value": "0.029"}, "indeterminate", True, "D1"),
        ({"value": "<0.03"}, "indeterminate", True, "D1"),
        ({"value": "0.5", "letter": "P"}, "indeterminate", True, "D1"),
        ({"value": "0.5", "remarks": ("unit-missing",)}, "indeterminate", True, "D1"),
        ({"value": None, "letter": "X"}, "no-result", False, "D1"),
        ({"value": None}, "no-result", False, "D1"),
    ],
)
def test_a_sample_without_a_dose_is_never_read_and_leads_its_own_finding_where_it_is_a_level(
    story, parts, exposure, leads, rule
):
    (finding,) = story().level("10 12:00", source="lab-a", **parts).read().unlinked
    assert (finding.patient, finding.source, finding.history_from) == (PATIENT, "lab-a", "2025-03-10T12:00:00Z")
    assert (finding.exposure, finding.mechanism, finding.rules) == (exposure, "not-assessable", (rule,))
    key = "LAB/1/asparaginase-activity/1"
    assert (finding.headline_sample, finding.sample_sources) == (key if leads else None, ((key, "lab-a"),))
    assert (finding.dose, finding.policy, finding.policy_hash, finding.monitoring) == (None, None, None, None)


@pytest.mark.parametrize(("level", "priority"), [(None, "P1"), ("0.5", "P2"), ("<0.03", "P2")])
def test_a_level_without_a_dose_is_urgent_only_while_a_reaction_waits_for_a_level(story, level, priority):
    told = story().level("2025-01-01T12:00Z", "0.5").dose().reaction(grade=2)
    told = told.level("10 12:00", level) if level else told
    assert told.read().unlinked[0].priority == priority


JANUARY = "2025-01-05T10:00:00Z"


@pytest.mark.parametrize(
    ("lines", "history_from"),
    [
        (lambda s: s.dose(JANUARY, None).dose().level("10 12:00", "0.5"), JANUARY),
        (lambda s: s.dose(JANUARY, None, status="not-done").dose().level("10 12:00", "0.5"), "2025-03-03T10:00:00Z"),
        (lambda s: s.dose().level("10 12:00", "0.5").level(JANUARY, "0.5"), JANUARY),
        (lambda s: s.dose().level("10 12:00", "0.5").reaction(JANUARY), JANUARY),
        (lambda s: s.dose("3", None).level("10 12:00", "0.5"), "2025-03-03"),
        # The instant counts, not the clock of the zone; of one instant written twice the first in writing.
        (
            lambda s: s.dose("2025-03-03T09:00Z", None).level("2025-03-03T13:00+05:00", "0.5"),
            "2025-03-03T13:00:00+05:00",
        ),
        (lambda s: s.dose("2025-03-03T11:00+01:00", None).reaction("2025-03-03T10:00Z"), "2025-03-03T10:00:00Z"),
        (lambda s: s.dose(None, None).level(None, "0.5"), None),
    ],
    ids=["dose", "dose-not-done", "sample", "reaction", "date", "zone", "one-instant", "no-time"],
)
def test_the_history_reaches_back_to_the_first_time_that_is_known_as_it_was_sent(story, lines, history_from):
    reading = lines(story()).read()
    assert reading.patient == PATIENT
    assert {finding.history_from for finding in (*reading.findings, *reading.unlinked)} == {history_from}


@pytest.mark.parametrize("turned", [False, True])
def test_samples_are_told_by_collection_key_and_source_however_they_arrive(story, rulebook, moment_at, turned):
    told = story().dose().level("12 12:00", "0.4", key="A").level("10 12:00", "0.5", key="C", source="one")
    told.level("10 12:00", "0.5", key="B", source="two").level("10 12:00", "0.5", key="B", source="one")
    history = told.history()
    history = replace(history, samples=history.samples[:: -1 if turned else 1])
    (finding,) = interpret(history, rulebook, moment_at("18 12:00").latest).findings
    assert finding.sample_sources == (("B", "one"), ("B", "two"), ("C", "one"), ("A", "lab"))


def test_a_history_is_not_read_at_a_time_without_a_zone(story, rulebook):
    with pytest.raises(ValueError, match=r"^interpretation needs a time with a zone$"):
        interpret(story().dose().history(), rulebook, datetime(2025, 3, 18, 12))  # noqa: DTZ001


def test_a_dose_is_shown_with_what_was_given_and_when(story):
    parts = {"amount": Decimal(1000), "ordered_amount": Decimal(3000), "status": "stopped", "route": "IM"}
    assert story().dose(**parts).only().dose == DoseInFinding(
        key="MedicationAdministration/d1",
        product="pegaspargase",
        family="ecoli",
        started="2025-03-03T10:00:00Z",
        ended="2025-03-03T12:00:00Z",
        amount="1000",
        unit="[IU]/m2",
        route="IM",
        fraction="0.3333",
    )
    bare = story().dose(None, None, amount=None, status="stopped", route=None).only().dose
    assert (bare.started, bare.ended, bare.amount, bare.unit, bare.fraction) == (None, None, None, None, None)


@pytest.mark.parametrize(
    ("collected", "hours", "hours_range"),
    [("10 12:00", "168", None), ("10", None, ("156", "180")), ("3 11:00", "-1", None)],
)
def test_a_sample_is_shown_as_sent_with_its_distance_from_the_dose(story, moment_at, collected, hours, hours_range):
    (sample,) = story().dose().level(collected, "<30", factor="0.001").only().samples
    assert sample == SampleInFinding(
        key="LAB/1/asparaginase-activity/1",
        specimen="S1",
        collected=moment_at(collected).text,
        hours_since_dose=hours,
        hours_range=hours_range,
        value="0.030",
        comparator="<",
        unit="[IU]/mL",
        reported={"value": "<30", "unit": "IU/L", "text": "<30"},
        status="final",
    )


def test_a_sample_without_a_value_or_a_dose_shows_neither(story):
    (lone,) = story().level("10 12:00", None, letter="X").read().unlinked
    (sample,) = lone.samples
    assert (sample.value, sample.comparator, sample.unit, sample.status) == (None, None, None, "cancelled")
    assert (sample.hours_since_dose, sample.hours_range) == (None, None)


@pytest.mark.parametrize(
    ("started", "onset", "hours"),
    [("3 10:00", "3 10:45", "0.75"), ("3 10:00", "3", None), ("3", "3 10:45", None)],
)
def test_a_reaction_is_shown_with_its_grade_its_records_and_its_distance_from_the_start(
    story, moment_at, started, onset, hours
):
    (reaction,) = story().dose(started, None).reaction(onset, severity="severe").only().reactions
    assert reaction == ReactionInFinding(
        key="AllergyIntolerance/a1/1",
        occurred=moment_at(onset).text,
        occurred_from="reaction.onset",
        hours_after_start=hours,
        grade=3,
        grade_from="severity",
        severe=True,
        verification="confirmed",
        manifestations=("urticaria",),
        counts=True,
        source="ehr",
        records=("ehr|AllergyIntolerance/a1/1",),
    )


@pytest.mark.parametrize(
    ("medication", "name"),
    [(Coding(code="X", text="Cetirizine"), "Cetirizine"), (Coding(code="X", text=""), "X"), (None, None)],
)
def test_a_drug_is_shown_by_its_name_else_by_its_code(story, medication, name):
    (drug,) = story().dose().drug(medication=medication).only().premedication
    assert drug == PremedicationInFinding(
        key="MedicationAdministration/p1", role="h1-antihistamine", drug=name, started="2025-03-03T09:30:00Z"
    )
