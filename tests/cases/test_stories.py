"""Every clinical story, played through the product's own door, ends as its hand-made expectation says."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapter.cli import main

FOLDER = Path(__file__).parent
STORIES = sorted(path.parent for path in FOLDER.glob("*/story.md"))
FLAG_PRIORITY = "http://hl7.org/fhir/StructureDefinition/flag-priority"
PRIORITIES = {"PH": "P1", "PM": "P2"}
PLAIN_KEYS = ("patient", "exposure", "mechanism", "monitoring", "modifiers", "priority", "rules")


@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.name)
def test_a_story_ends_as_expected(story, capsys):
    expected = yaml.safe_load((story / "expected" / "expected.yaml").read_text())
    exit_code, played = play(story, capsys)
    assert seen(expected, played) == promised(expected)
    assert exit_code == int(any(problem["severity"] == "error" for problem in expected["problems"]))


def play(story: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    arguments = ["play", str(story), "--json"]
    as_of = story / "as-of.txt"
    if as_of.exists():
        arguments += ["--as-of", as_of.read_text().strip()]
    exit_code = main(arguments)
    return exit_code, json.loads(capsys.readouterr().out, parse_float=Decimal)


def promised(expected: dict[str, Any]) -> dict[str, Any]:
    return {
        "acks": [{"errors": [], **ack} for ack in expected["acks"]],
        "problems": expected["problems"],
        "findings": expected["findings"],
        "unlinked": expected["unlinked"],
        "flags": sorted((one_flag(flag) for flag in expected["flags"]), key=str),
        "observations": [],
        "history": expected.get("history", []),
    }


def seen(expected: dict[str, Any], played: dict[str, Any]) -> dict[str, Any]:
    """The played result reduced to what the expectation speaks of, so that a difference shows in place."""
    resources = list(played["resources"].values())
    return {
        "acks": aligned(expected["acks"], played["acks"], seen_ack),
        "problems": aligned(expected["problems"], played["problems"], same_keys),
        "findings": aligned(expected["findings"], played["findings"], seen_finding),
        "unlinked": aligned(expected["unlinked"], played["unlinked"], seen_finding),
        "flags": seen_flags(expected["flags"], [body for body in resources if body["resourceType"] == "Flag"]),
        "observations": missing_observations(expected["observations"], resources),
        "history": seen_history(expected.get("history", []), played["history"]),
    }


def aligned(wanted: list[dict[str, Any]], got: list[dict[str, Any]], reduce: Any) -> list[Any]:
    """Each played row reduced like the expected one beside it; rows beyond the expectation are shown whole."""
    return [reduce(want, row) for want, row in zip(wanted, got, strict=False)] + got[len(wanted) :]


def same_keys(want: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    return {key: row.get(key) for key in want}


def seen_ack(want: dict[str, Any], ack: dict[str, Any]) -> dict[str, Any]:
    errors = aligned(want.get("errors", []), ack["errors"], same_keys)
    return {"file": ack["file"], "code": ack["code"], "errors": errors}


def seen_finding(want: dict[str, Any], finding: dict[str, Any]) -> dict[str, Any]:
    row = {key: finding[key] for key in PLAIN_KEYS if key in want}
    row["dose"] = finding["dose"] and finding["dose"]["key"]
    row["hours"] = [sample["hours_since_dose"] for sample in finding["samples"]]
    if "fraction" in want:
        row["fraction"] = finding["dose"]["fraction"]
    if "premedication" in want:
        row["premedication"] = [drug["role"] for drug in finding["premedication"]]
    if "reactions" in want:
        row["reactions"] = aligned(want["reactions"], finding["reactions"], same_keys)
    return row


def one_flag(flag: dict[str, Any]) -> dict[str, Any]:
    statuses = flag["status"] if isinstance(flag["status"], list) else [flag["status"]]
    return {
        "patient": flag.get("patient"),
        "topic": flag["topic"],
        "second": flag.get("second"),
        "status": statuses,
        "priority": flag["priority"],
    }


def seen_flags(wanted: list[dict[str, Any]], bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    by_topic = {(flag.get("patient"), flag["topic"]): one_flag(flag) for flag in wanted}
    names_patients = any(flag.get("patient") for flag in wanted)
    rows = []
    for body in bodies:
        topic, second = (coding["code"] for coding in body["code"]["coding"])
        patient = body["subject"]["identifier"]["value"] if names_patients else None
        want = by_topic.get((patient, topic), {"second": second, "status": []})
        row = {
            "patient": patient,
            "topic": topic,
            "second": second if want["second"] else None,
            "status": want["status"] if body["status"] in want["status"] else [body["status"]],
            "priority": flag_priority(body),
        }
        rows.append(row)
    return sorted(rows, key=str)


def flag_priority(body: dict[str, Any]) -> str | None:
    for extension in body["extension"]:
        if extension["url"] == FLAG_PRIORITY:
            return PRIORITIES[extension["valueCodeableConcept"]["coding"][0]["code"]]
    return None


def missing_observations(wanted: list[dict[str, Any]], resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The expected Observations that do not stand at the end, one played Observation serving one expected."""
    standing = [observation(body) for body in resources if body["resourceType"] == "Observation"]
    missing = []
    for want in wanted:
        match = next((row for row in standing if want.items() <= row.items()), None)
        if match is None:
            missing.append({**want, "standing": list(standing)})
        else:
            standing.remove(match)
    return missing


def observation(body: dict[str, Any]) -> dict[str, Any]:
    row = {
        "patient": body["subject"]["identifier"]["value"],
        "kind": body["meta"]["tag"][0]["code"],
        "status": body["status"],
    }
    if "valueQuantity" in body:
        row["value"] = str(body["valueQuantity"]["value"])
        row["comparator"] = body["valueQuantity"].get("comparator")
    if "valueCodeableConcept" in body:
        row["value"] = body["valueCodeableConcept"]["coding"][0]["code"]
    return row


def seen_history(wanted: list[dict[str, Any]], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    counts = Counter((row["file"], row["operation"], row["resource"].split("/")[0]) for row in rows)
    return [{**want, "times": counts[want["file"], want["operation"], want["resource"]]} for want in wanted]
