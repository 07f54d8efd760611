"""`explain` shows a finding line by line, from a folder or a store, and says nothing it may not say."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import hospital
import pytest
from never_list import forbidden, forbidden_on, leaves

from adapter.app.parts import play_parts
from adapter.cli import _parser, main
from adapter.commands.explain import BETWEEN
from adapter.commands.explain_lines import bullet, paragraph, row
from adapter.commands.explain_page import page_of
from adapter.commands.explain_tree import tree_of
from adapter.commands.play_folder import play
from adapter.store.memory_state import MemoryState

ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests" / "cases"
STORIES = sorted(path.parent.name for path in CASES.glob("*/story.md"))
GOLDEN = Path(__file__).parent / "golden" / "explain"
GOLDEN_STORIES = (
    "corrected-result",
    "discordant",
    "near-threshold-per-litre",
    "neutralizing-hypersensitivity",
    "premedicated-without-level",
    "silent-inactivation",
    "unit-suspect",
)
QUOTED = ("source", "citations", "statement")
"""Keys of a tree whose texts are words of others, which the page prints in quotation marks."""
HASH = re.compile(r"^(  Content hash +)[0-9a-f]+$", re.MULTILINE)
TITLES = [
    "What it says",
    "Dose",
    "Levels",
    "Reactions",
    "Premedication",
    "Rules that decided",
    "Rules that nearly did, and why not",
    "What is missing",
    "What would change the reading",
    "Policy",
    "Quotations printed",
    "Earlier doses of the family",
    "Notice",
]
UNKNOWN_PATIENT = "No finding is known here for this patient (--patient 'SYSTEM|VALUE')."
NO_STORE = "store holds no store that can be read; name the folder that `serve --store` uses."
UNKNOWN_KEY = "No dose and no sample with this key is known here; without --dose every finding is shown with its key."
NOTICE = (
    "Decision support, not a medical device; for use after local validation. The clinical decision rests with the "
    "treating team."
)


def titles(page: str) -> list[str]:
    lines = page.splitlines()
    return [line for line, under in pairwise(lines) if line and under == "-" * len(line)]


@pytest.fixture
def explain(capsys):
    """Run the command; returns exit code, stdout and stderr."""

    def run(*arguments):
        code = main(["explain", *map(str, arguments)])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return run


@pytest.fixture(scope="module")
def explained():
    """The trees of a folder, without reading the mappings again for every one."""
    options = _parser().parse_args(["explain", "."])
    parts, faults = play_parts(options, MemoryState())
    assert faults == []

    def of(folder: Path, as_of: datetime | None = None) -> list[dict[str, Any]]:
        result = play(folder, replace(parts, state=MemoryState()), as_of=as_of)
        return [tree_of(finding) for finding in (*result["findings"], *result["unlinked"])]

    return of


@pytest.fixture(scope="module")
def trees_of(explained):
    """The trees of a story at the time it is looked at."""

    def of(name: str) -> list[dict[str, Any]]:
        as_of = CASES / name / "as-of.txt"
        return explained(CASES / name, datetime.fromisoformat(as_of.read_text().strip()) if as_of.exists() else None)

    return of


@pytest.mark.parametrize("name", GOLDEN_STORIES)
def test_the_page_of_a_story_is_the_one_a_person_has_read(name, trees_of, request):
    compare(BETWEEN.join(page_of(tree) for tree in trees_of(name)), name, request)


def test_the_page_of_a_level_without_a_dose_is_the_one_a_person_has_read(explained, tmp_path, request):
    (tmp_path / "level.hl7").write_bytes(hospital.oru("A1", value="0.30"))
    (tree,) = explained(tmp_path)
    compare(page_of(tree), "unlinked", request)


def test_the_page_of_a_low_level_72_hours_after_an_erwinia_dose_is_the_one_a_person_has_read(
    explained, tmp_path, request
):
    dose = hospital.dose()
    dose["medicationCodeableConcept"] = {"coding": [{"system": hospital.FORMULARY, "code": "CRISAN"}]}
    dose["dosage"]["route"] = {"coding": [{"system": hospital.SNOMED, "code": "78421000"}], "text": "IM"}
    dose["dosage"]["dose"]["value"] = 25000
    del dose["effectivePeriod"]
    dose["effectiveDateTime"] = "2025-03-07T10:00:00Z"
    dose["meta"]["lastUpdated"] = "2025-03-07T10:05:00Z"
    level = hospital.Sent(raw=hospital.oru("A1", value="0.06", collected="20250310100000+0000"))
    (tree,) = explained(write(tmp_path / "messages", [hospital.fhir(hospital.patient()), hospital.fhir(dose), level]))
    compare(page_of(tree), "erwinia-72-h-low", request)


def compare(page: str, name: str, request: pytest.FixtureRequest) -> None:
    """The golden page without the policy's hash, which changes with every word of the policy file."""
    golden, shown = GOLDEN / f"{name}.txt", HASH.sub(r"\1(hash)", page) + "\n"
    if request.config.getoption("--renew-goldens"):
        golden.write_text(shown, encoding="utf-8")
    assert golden.exists(), "read the page, then record it: pytest tests/commands --renew-goldens -n 0"
    assert shown == golden.read_text(encoding="utf-8"), "read the difference; then: --renew-goldens -n 0"


def test_the_command_prints_the_page_of_every_finding_of_play_and_with_json_its_tree(explain, trees_of, capsys):
    story = CASES / "re-exposure"
    main(["play", str(story), "--json"])
    sentences = [finding["sentence"] for finding in json.loads(capsys.readouterr().out)["findings"]]
    trees = trees_of("re-exposure")
    assert [tree["says"]["sentence"] for tree in trees] == sentences
    assert explain(story) == (0, BETWEEN.join(page_of(tree) for tree in trees) + "\n", "")
    code, out, err = explain(story, "--json")
    assert (code, json.loads(out), err) == (0, {"explanations": trees}, "")


@pytest.mark.parametrize("name", STORIES)
def test_every_page_of_a_story_has_its_sections_and_its_notice_and_says_nothing_forbidden(name, trees_of):
    for tree in trees_of(name):
        page = page_of(tree)
        assert titles(page) == TITLES
        assert " ".join(page.split()).endswith(NOTICE)
        assert max(map(len, page.splitlines())) <= 100
        assert [q for q in tree["quotations"] if q["statement"] not in tree["says"]["sentence"]] == []
        assert forbidden_on(page) == []
        assert forbidden(leaves(tree, without=QUOTED)) == []


def test_what_a_sender_wrote_cannot_steer_the_terminal_or_fake_a_line():
    told = [*row("Comment", "first\x1b[31m\nPriority  none"), *bullet("a\u202eb"), *paragraph("c\x07d\te")]
    assert told == ["  Comment             first [31m Priority none", "  - a b", "  c d e"]


def test_a_fact_that_is_not_known_says_so():
    assert row("Route", None) == ["  Route               not known"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Name either a FOLDER of messages or a store with --store DIR."),
        (["folder", "--store", "store"], "Name either a FOLDER of messages or a store with --store DIR."),
        (["--store", "store"], "A store holds many patients: name one with --patient 'SYSTEM|VALUE'."),
        (
            ["--store", "store", "--patient", "a|1", "--policy", "CONS16", "--as-of", "2025-03-10T12:00:00Z"],
            "A store is read as it stands: --as-of, --policy goes with a FOLDER only.",
        ),
        (["--store", "store", "--patient", "a|1"], NO_STORE),
        (["no-such-folder"], "no-such-folder is no folder; name a folder with *.hl7 and *.json files."),
    ],
)
def test_what_cannot_run_says_why_in_one_sentence_and_ends_with_2(arguments, said, explain, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert explain(*arguments) == (2, "", said + "\n")


def test_a_faulty_policy_is_told_with_a_suggestion_and_ends_with_2(explain, tmp_path):
    code, out, err = explain(tmp_path, "--policy", "CONS61")
    assert (code, out) == (2, "")
    assert "did you mean" in err


def test_a_folder_without_a_dose_or_a_level_says_so(explain, tmp_path):
    said = "No dose and no level was found in the folder, so there is nothing to explain.\n"
    assert explain(tmp_path) == (0, "", said)
    assert explain(tmp_path, "--json") == (0, '{\n  "explanations": []\n}\n', said)


def write(folder: Path, sent: list[hospital.Sent]) -> Path:
    folder.mkdir(exist_ok=True)
    for place, one in enumerate(sent):
        (folder / f"{place:02d}.{'hl7' if one.is_hl7 else 'json'}").write_bytes(one.raw)
    return folder


@pytest.fixture
def two_patients(tmp_path):
    """Two patients with two doses each, one level without a dose, and a message that has an error."""
    lone = hospital.Sent(raw=hospital.oru("L", mrn="900009", filler="L1"))
    return write(tmp_path / "messages", [*hospital.course("900001"), *hospital.course("900002"), lone])


def keys(out: str) -> list[str]:
    return [tree["key"] for tree in json.loads(out)["explanations"]]


ALL_KEYS = [
    "MedicationAdministration/dose-900001-1",
    "MedicationAdministration/dose-900001-2",
    "MedicationAdministration/dose-900002-1",
    "MedicationAdministration/dose-900002-2",
    "HOSP/L1^HOSPLAB/asparaginase-activity/",
]


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ((), ALL_KEYS),
        (("--patient", f"{hospital.MRN}|900002"), ALL_KEYS[2:4]),
        (("--dose", ALL_KEYS[1]), ALL_KEYS[1:2]),
        (("--dose", "HOSP/900001B^HOSPLAB/asparaginase-activity/"), ALL_KEYS[1:2]),
        (("--dose", ALL_KEYS[4]), ALL_KEYS[4:]),
        (("--dose", ALL_KEYS[3], "--patient", f"{hospital.MRN}|900002"), ALL_KEYS[3:4]),
    ],
)
def test_findings_are_chosen_by_patient_dose_and_sample(options, shown, explain, two_patients):
    code, out, err = explain(two_patients, *options, "--json")
    assert (code, keys(out)) == (1, shown)
    assert err == f"A message had an error: `troughline play {two_patients}` lists it.\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--patient", f"{hospital.MRN}|900003"), UNKNOWN_PATIENT),
        (("--patient", f"{hospital.MRN}|900002", "--dose", ALL_KEYS[0]), UNKNOWN_KEY),
        (("--dose", "MedicationAdministration/other"), UNKNOWN_KEY),
    ],
)
def test_an_unknown_patient_or_key_ends_with_1_and_is_not_repeated(options, said, explain, two_patients):
    code, out, err = explain(two_patients, *options)
    assert (code, out, err) == (1, "", f"{said}\n")
    assert "9000" not in err


def test_the_time_a_folder_was_read_at_stands_on_the_page_when_it_was_asked_for(explain, tmp_path):
    folder = write(tmp_path / "messages", [hospital.fhir(hospital.patient()), hospital.fhir(hospital.dose())])
    _, page, _ = explain(folder, "--as-of", "2025-03-11T12:00:01+00:00")
    assert "\nRead as of          2025-03-11T12:00:01+00:00\n" in page
    assert "\n  Monitoring          The first sampling window has passed" in page
    _, page, _ = explain(folder)
    assert "Read as of" not in page
