"""Premedication is told by drug and time, apart from drugs of unknown order and from steroids of the treatment."""

from __future__ import annotations

import pytest

from adapter.domain.events import Coding

BEFORE = "Premedication before the start: "
SAME_DAY = "Premedication on the same day, order of drug and dose not known: "
TREATMENT = "Given as leukaemia treatment: "
NONE = "No premedication is recorded in the 6 h (antihistamine) or 24 h (steroid) before the start."
MASKED = "Premedicated dose without a level: symptoms may have been suppressed and activity is unknown."
HIDDEN = "Such drugs can hide symptoms, not a loss of activity."


@pytest.mark.parametrize(
    ("drugs", "told"),
    [
        ([], f" {NONE} This is"),
        ([("3 09:30", "h1-antihistamine")], f" {BEFORE}H1 antihistamine 2025-03-03T09:30Z. {MASKED} This is"),
        (
            [("3 09:00", "corticosteroid"), ("3 09:30", "h2-antihistamine")],
            f" {BEFORE}corticosteroid 2025-03-03T09:00Z, H2 antihistamine 2025-03-03T09:30Z. {MASKED} This is",
        ),
        ([("3", "h1-antihistamine")], f" {SAME_DAY}H1 antihistamine 2025-03-03. {HIDDEN} This is"),
        (
            [("3 09:30", "h1-antihistamine"), ("3", "h2-antihistamine")],
            f" {BEFORE}H1 antihistamine 2025-03-03T09:30Z. {SAME_DAY}H2 antihistamine 2025-03-03. {MASKED} This is",
        ),
        (
            [("3 09:00", "leukaemia-steroid")],
            f" {NONE} {TREATMENT}steroid 2025-03-03T09:00Z. {HIDDEN} A steroid",
        ),
        (
            [("3 09:00", "leukaemia-steroid"), ("3 09:30", "h1-antihistamine")],
            f" {BEFORE}H1 antihistamine 2025-03-03T09:30Z. {TREATMENT}steroid 2025-03-03T09:00Z. {MASKED} ",
        ),
    ],
)
def test_drugs_are_told_by_what_they_are_for_and_by_what_is_known_of_their_time(story, drugs, told):
    lines = story().dose()
    for started, role in drugs:
        lines.drug(started, role)
    assert told.removesuffix(" A steroid") in lines.only("4 12:00").sentence


@pytest.mark.parametrize(
    ("coding", "name"),
    [
        (Coding(code="R06AD", text="Promethazine"), "Promethazine"),
        (Coding(code="R06AD", text=None), "R06AD"),
        (None, "H1 antihistamine"),
    ],
)
def test_a_drug_is_named_as_it_was_sent_or_by_its_kind(story, coding, name):
    sentence = story().dose().drug(medication=coding).only("4 12:00").sentence
    assert f"{BEFORE}{name} 2025-03-03T09:30Z. " in sentence
