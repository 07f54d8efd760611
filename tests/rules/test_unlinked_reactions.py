"""A reaction record that no dose explains is never silence: every dose it could concern shows it."""

from __future__ import annotations

import pytest

from adapter.domain.events import Version

DOSE_2 = {"key": "MedicationAdministration/d2"}
ANAPHYLAXIS = {"concepts": ("anaphylaxis",), "manifestations": (), "severity": "severe"}
UNTIED = "could not be tied to a dose."


def shown(reading):
    """For each dose, whether its sentence names the record, and whether it is urgent there."""
    return [
        (UNTIED in f.sentence, "reaction-unconfirmed" in f.modifiers, bool(f.evidence["unlinked_reactions"]))
        for f in reading.findings
    ]


def test_a_severe_record_without_a_date_is_never_green(story):
    reading = story().dose().reaction(None, **ANAPHYLAXIS).level("10 12:00", "0.5").read()
    (finding,) = reading.findings
    assert (finding.exposure, finding.mechanism) == ("adequate", "no-evidence-of-inactivation")
    assert (finding.modifiers, finding.priority) == (("first-dose", "reaction-unconfirmed"), "P2")
    assert (
        "No reaction is linked to this dose. "
        "A reaction record (anaphylaxis, grade 3 or more, severe, no date) could not be tied to a dose."
    ) in finding.sentence
    (told,) = finding.evidence["unlinked_reactions"]
    assert [record["fact"] for record in told["records"]] == ["ehr|AllergyIntolerance/a1/1"]
    assert (told["coded_for"], told["grade"], told["grade_from"]) == (["pegaspargase"], 3, "severity")
    assert (told["severe"], told["severe_because"], told["urgent"]) == (True, ["severity", "manifestation"], True)
    assert (told["verification"], told["linked_to"], told["counts"]) == ("confirmed", None, True)
    assert (finding.reactions, reading.problems) == ((), ("reaction-unlinked",))


def test_a_mild_record_without_a_date_is_shown_and_not_urgent(story):
    finding = story().dose().reaction(None, grade=2).level("10 12:00", "<0.03").only()
    assert (finding.mechanism, finding.modifiers) == ("suspected-silent-inactivation", ("first-dose",))
    assert "full dose, no linked reaction, and loss of activity" in finding.sentence
    assert "A reaction record (urticaria, grade 2, no date) could not be tied to a dose." in finding.sentence


def test_a_note_of_nausea_without_a_date_is_shown_as_a_note(story):
    finding = story().dose().reaction(None, concepts=("nausea",), severity="severe").only("4 12:00")
    assert "(nausea, grade 3, no date, not counted as an allergic reaction) could not be tied" in finding.sentence
    assert (finding.modifiers, finding.priority) == (("first-dose",), None)


def test_an_undated_record_concerns_the_doses_begun_before_it_was_recorded(story, moment_at):
    told = story().dose().dose("17 10:00", "17 12:00", **DOSE_2)
    told.reaction(None, version=Version(number=1, updated=moment_at("12 08:00")), **ANAPHYLAXIS)
    assert shown(told.read("18 12:00")) == [(True, True, True), (False, False, False)]


def test_an_undated_record_of_unknown_age_concerns_all_doses(story):
    told = story().dose().dose("17 10:00", "17 12:00", **DOSE_2).reaction(None, **ANAPHYLAXIS)
    assert shown(told.read("18 12:00")) == [(True, True, True), (True, True, True)]


def test_a_late_recording_date_is_no_date_of_the_reaction(story):
    finding = story().dose().reaction("20 09:00", occurred_from="recordedDate", **ANAPHYLAXIS).only("25 12:00")
    told = "(anaphylaxis, grade 3 or more, severe, recorded 2025-03-20T09:00Z, no date of the event)"
    assert told in finding.sentence
    assert ("reaction-unconfirmed" in finding.modifiers, finding.reactions) == (True, ())


@pytest.mark.parametrize(
    ("onset", "severe", "mild"),
    [
        ("2025-02-28T09:59:59Z", (False, False, False), (False, False, False)),
        ("2025-02-28T10:00:00Z", (True, True, True), (False, False, False)),
        ("2025-03-02T09:59:59Z", (True, True, True), (False, False, False)),
        ("2025-03-02T10:00:00Z", (True, True, True), (True, False, True)),
        ("2025-03-03T09:50:00Z", (True, True, True), (True, False, True)),
        ("2025-03-06T12:00:01Z", (True, True, True), (True, False, True)),
        ("2025-03-10T12:00:00Z", (True, True, True), (True, False, True)),
        ("2025-03-10T12:00:01Z", (True, False, True), (True, False, True)),
    ],
)
def test_a_dated_record_concerns_the_dose_before_it_and_one_that_follows_soon(story, onset, severe, mild):
    assert shown(story().dose().reaction(onset, **ANAPHYLAXIS).read()) == [severe]
    assert shown(story().dose().reaction(onset, grade=2).read()) == [mild]


def test_a_dated_record_concerns_only_the_nearest_dose_before_it(story):
    told = story().dose().dose("17 10:00", "17 12:00", **DOSE_2).reaction("25 10:00", grade=2)
    assert shown(told.read("26 12:00")) == [(False, False, False), (True, False, True)]


def test_a_dated_record_is_told_with_its_date(story):
    sentence = story().dose().reaction("7 10:00", grade=2).only("9 12:00").sentence
    assert "A reaction record (urticaria, grade 2, 2025-03-07T10:00Z) could not be tied to a dose." in sentence


def test_a_dated_record_concerns_a_dose_without_a_time(story):
    assert shown(story().dose(None, None).reaction("4 10:00", **ANAPHYLAXIS).read()) == [(True, True, True)]


def test_a_reaction_linked_to_a_dose_is_not_shown_as_unlinked(story):
    assert shown(story().dose().reaction("3 11:00", **ANAPHYLAXIS).read()) == [(False, False, False)]


def test_an_unconfirmed_or_refuted_unlinked_record_says_so(story):
    told = story().dose().reaction(None, grade=2, verification="unconfirmed")
    told.reaction(None, grade=2, verification="refuted", record="AllergyIntolerance/a2")
    sentence = told.only("4 12:00").sentence
    assert "(urticaria, grade 2, no date, unconfirmed) could not be tied to a dose." in sentence
    assert "(urticaria, grade 2, no date, allergy refuted (by whom is not recorded); the event is kept)" in sentence


def test_an_overdue_sample_stays_more_urgent_than_an_unlinked_record(story):
    told = story().dose().reaction("3 11:00", grade=2).reaction(None, record="AllergyIntolerance/a2", **ANAPHYLAXIS)
    assert told.only("12 12:00").priority == "P1"
