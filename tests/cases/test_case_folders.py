"""Every clinical story is whole: a text, messages that parse, and an expectation that speaks of all of them."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import hl7
import pytest
import yaml

FOLDER = Path(__file__).parent
STORIES = sorted(path.parent for path in FOLDER.glob("*/story.md"))
PROMISED = {
    "silent-inactivation",
    "allergic-like-reaction",
    "neutralizing-hypersensitivity",
    "premedicated-without-level",
    "corrected-result",
    "withdrawn-result",
    "dose-arrives-late",
    "sample-never-came",
    "unit-missing",
    "unknown-authority",
}
MESSAGES = {"ORU^R01^ORU_R01", "ADT^A40^ADT_A39", "ADT^A37^ADT_A37"}
FINDING_KEYS = {"patient", "dose", "exposure", "mechanism", "modifiers", "priority", "hours"}


def test_the_promised_stories_are_there():
    assert {story.name for story in STORIES} >= PROMISED


@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.name)
def test_a_story_names_the_rulebook(story):
    text = (story / "story.md").read_text()
    assert text.startswith("# ")
    assert "linical rulebook" in text.replace("\n", " ")
    assert "Expected:" in text


@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.name)
def test_every_message_of_a_story_can_be_parsed_and_names_an_invented_patient(story):
    for path in story.glob("*.hl7"):
        message = hl7.parse(path.read_bytes().decode().replace("\n", "\r"))
        assert str(message.segment("MSH")[9]) in MESSAGES
        assert str(message.segment("PID")[5]).startswith("ZZSTORY^")
    for path in story.glob("*.json"):
        assert "resourceType" in json.loads(path.read_text())


@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.name)
def test_the_expectation_answers_every_message_once(story):
    expected = yaml.safe_load((story / "expected" / "expected.yaml").read_text())
    assert [ack["file"] for ack in expected["acks"]] == sorted(path.name for path in story.glob("*.hl7"))
    assert {ack["code"] for ack in expected["acks"]} <= {"AA", "AE"}


@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.name)
def test_every_expected_finding_is_promised_in_full(story):
    expected = yaml.safe_load((story / "expected" / "expected.yaml").read_text())
    assert expected["findings"] or expected["unlinked"]
    for finding in (*expected["findings"], *expected["unlinked"]):
        assert finding.keys() >= FINDING_KEYS


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*/as-of.txt")), ids=lambda path: path.parent.name)
def test_the_reading_time_of_a_story_has_an_offset(path):
    assert datetime.fromisoformat(path.read_text().strip()).utcoffset() is not None
