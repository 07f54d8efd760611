"""The demo's day played through the whole corridor ends as its script says, patient by patient."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapter.cli import main
from adapter.commands.demo_hospital import Day, build_day

NOW = datetime(2026, 3, 20, 15, 0, tzinfo=UTC)
DAY = build_day(20, now=NOW)
FLAG_PRIORITY = "http://hl7.org/fhir/StructureDefinition/flag-priority"
PRIORITIES = {"PH": "P1", "PM": "P2"}


def written_out(day: Day, folder: Path) -> None:
    early = [*day.patients, *(posted.body for posted in day.resources if not posted.after_feed)]
    late = [posted.body for posted in day.resources if posted.after_feed]
    for number, body in enumerate(early):
        (folder / f"1-{number:04d}.json").write_text(json.dumps(body))
    for number, message in enumerate(day.oru):
        if message.about != "everyday":
            (folder / f"2-{number:04d}.hl7").write_bytes(message.raw)
    for number, body in enumerate(late):
        (folder / f"3-{number:04d}.json").write_text(json.dumps(body))


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    folder = tmp_path_factory.mktemp("day")
    written_out(DAY, folder)
    with pytest.MonkeyPatch.context() as patch:
        lines: list[str] = []
        patch.setattr("sys.stdout.write", lines.append)
        main(["play", str(folder), "--json", "--as-of", NOW.isoformat()])
    return json.loads("".join(lines))


def test_every_message_gets_the_answer_of_the_script(played):
    answers = [message.answer for message in DAY.oru if message.about != "everyday"]
    assert [ack["code"] for ack in played["acks"]] == answers


def test_every_promised_patient_ends_as_the_script_says(played):
    found = defaultdict(list)
    for finding in (*played["findings"], *played["unlinked"]):
        found[finding["patient"]].append(finding)
    for patient in DAY.expected.patients:
        axes = [
            [finding[axis] if promised is not None else None for axis, promised in asdict(verdict).items()]
            for verdict, finding in zip(patient.verdicts, found[patient.patient], strict=True)
        ]
        assert axes == [list(asdict(verdict).values()) for verdict in patient.verdicts], patient.slug


def test_exactly_the_promised_flags_are_active_at_the_end(played):
    active, closed = defaultdict(set), defaultdict(set)
    for body in played["resources"].values():
        if body["resourceType"] == "Flag":
            identifier = body["subject"]["identifier"]
            patient = f"{identifier['system']}|{identifier['value']}"
            topic = body["code"]["coding"][0]["code"]
            if body["status"] == "active":
                active[patient].add((topic, priority(body)))
            else:
                closed[patient].add(topic)
    for patient in DAY.expected.patients:
        assert active[patient.patient] == {(flag.topic, flag.priority) for flag in patient.flags}, patient.slug
        assert closed[patient.patient] >= set(patient.closed_topics), patient.slug


def test_every_sample_stands_as_one_activity_observation(played):
    kinds = [
        body["meta"]["tag"][0]["code"] for body in played["resources"].values() if body["resourceType"] == "Observation"
    ]
    assert kinds.count("activity") == DAY.expected.samples


def priority(body):
    (extension,) = (entry for entry in body["extension"] if entry["url"] == FLAG_PRIORITY)
    return PRIORITIES[extension["valueCodeableConcept"]["coding"][0]["code"]]
