"""`troughline test` as an analyst uses it: cases differ, are accepted, and cannot be got wrong in silence."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest

from adapter.cli import main

MAPPINGS = Path(__file__).parents[2] / "mappings"
CASE = r"""# kept
case: a plain number
mapping: v2/oru_activity.yaml
input: |
  MSH|^~\&|LIS_NORTH|HOSP|TDM|HOSP|20251103101500+0100||ORU^R01^ORU_R01|A1|P|2.5.1
  PID|1||4711^^^HOSP^MR
  OBR|1|P77|F991|ASPACT^Asparaginase activity^L|||20251103080000
  OBX|1|NM|ASPACT^Asparaginase activity^L||0.42|IU/mL|||||F
"""
EXPECT = """expect:
  only:
  - status
  - activity.number
  relevance: relevant
  events:
  - event: ActivityMeasured
    status: final
    activity.number: '0.42'
  problems: []
  ack: AA
"""


@pytest.fixture
def cases(tmp_path: Path):
    folder = tmp_path / "cases"
    folder.mkdir()

    def write(text: str, name: str = "one.yaml") -> Path:
        (folder / name).write_text(text, encoding="utf-8")
        return folder

    return write


def asked(capsys, *arguments: str | Path) -> tuple[int, str, str]:
    code = main(["test", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def test_the_shipped_cases_come_out_as_accepted(capsys):
    count = len(list((MAPPINGS / "golden").glob("*.yaml")))
    assert count >= 40
    assert asked(capsys) == (0, f"{count} golden cases: {count} passed\n", "")


def test_a_case_that_comes_out_otherwise_is_shown_as_a_unified_diff(cases, capsys):
    folder = cases(CASE + EXPECT.replace("'0.42'", "'0.24'"))
    code, out, err = asked(capsys, folder)
    assert (code, err) == (1, "")
    assert out.splitlines() == [
        f"failed: {folder}/one.yaml: a plain number",
        "  --- expected",
        "  +++ found",
        "  @@ -5,6 +5,6 @@",
        "   events:",
        "   - event: ActivityMeasured",
        "     status: final",
        "  -  activity.number: '0.24'",
        "  +  activity.number: '0.42'",
        "   problems: []",
        "   ack: AA",
        "",
        "1 golden case: 1 failed",
    ]


def test_json_tells_the_same(cases, capsys):
    folder = cases(CASE + EXPECT)
    code, out, _ = asked(capsys, folder, "--json")
    assert code == 0
    assert json.loads(out) == {
        "cases": [{"file": f"{folder}/one.yaml", "case": "a plain number", "result": "passed", "diff": []}],
        "faults": [],
        "passed": 1,
        "failed": 0,
        "accepted": 0,
    }


def test_accept_writes_what_comes_out_and_leaves_the_message_alone(cases, capsys):
    folder = cases(CASE + EXPECT.replace("'0.42'", "'0.24'"))
    code, out, _ = asked(capsys, folder, "--accept")
    assert code == 0
    assert out.splitlines()[-1] == "1 golden case: 1 accepted"
    assert (folder / "one.yaml").read_text(encoding="utf-8") == CASE + EXPECT
    assert asked(capsys, folder) == (0, "1 golden case: 1 passed\n", "")


def test_accept_leaves_a_case_that_passes_byte_for_byte(cases, capsys):
    text = CASE + EXPECT.replace("problems: []", "problems: []  # none, says the laboratory")
    folder = cases(text)
    assert asked(capsys, folder, "--accept")[0] == 0
    assert (folder / "one.yaml").read_text(encoding="utf-8") == text


def test_a_case_nobody_accepted_yet_fails_until_it_is_accepted(cases, capsys):
    folder = cases(CASE)
    code, out, _ = asked(capsys, folder)
    assert code == 1
    assert "  +relevance: relevant" in out.splitlines()
    assert asked(capsys, folder, "--accept")[0] == 0
    text = (folder / "one.yaml").read_text(encoding="utf-8")
    assert text.startswith(CASE + "expect:\n  relevance: relevant\n  events:\n  - event: ActivityMeasured\n")
    assert text.endswith("  problems: []\n  ack: AA\n")
    assert asked(capsys, folder)[0] == 0


def test_a_key_behind_expect_survives_accepting(cases, capsys):
    above, message = CASE.split("mapping:")
    folder = cases(above + EXPECT.replace("final", "corrected") + "mapping:" + message)
    assert asked(capsys, folder, "--accept")[0] == 0
    assert (folder / "one.yaml").read_text(encoding="utf-8") == above + EXPECT + "mapping:" + message


@pytest.mark.parametrize("part", ["relevance", "events", "problems", "ack"])
def test_a_part_that_is_not_there_is_not_compared(part, cases, capsys):
    lines = CASE + "expect:\n  relevance: relevant\n  problems: []\n  ack: AA\n"
    kept = "\n".join(line for line in lines.splitlines() if not line.startswith(f"  {part}:"))
    assert asked(capsys, cases(kept + "\n"))[0] == 0


def test_a_message_that_waits_is_told_where_problems_are_compared(cases, capsys):
    text = CASE.replace("^^^HOSP", "^^^NORD")
    problem = "  - code: unknown-authority\n    severity: error\n    where: PID[1]-3\n"
    without = f"{text}expect:\n  problems:\n{problem}"
    code, out, _ = asked(capsys, cases(without))
    assert code == 1
    assert "  +parked: unknown-authority" in out.splitlines()
    assert asked(capsys, cases(without + "  parked: unknown-authority\n"))[0] == 0


def test_gaps_and_unread_fields_are_compared_where_a_case_is_about_them(cases, capsys):
    text = CASE.replace("IU/mL", "IU per mL")
    about = "expect:\n  gaps:\n  - 'units.csv: ,IU per mL,*,,,'\n  unread:\n  - PID[1]-1\n"
    assert asked(capsys, cases(text + about))[0] == 0
    assert asked(capsys, cases(text + about.replace("PID[1]-1", "PID[1]-2")))[0] == 1


@pytest.mark.parametrize(
    ("site", "expected"),
    [
        ("decimal_comma: yes", "1.42"),
        ("decimal_comma: no", None),
    ],
)
def test_settings_of_the_sender_belong_to_the_case(site, expected, cases, capsys):
    text = CASE.replace("|0.42|", "|1,42|").replace("input:", f"site:\n  {site}\ninput:")
    number = f"    activity.number: '{expected}'\n" if expected else ""
    about = f"expect:\n  only:\n  - activity.number\n  events:\n  - event: ActivityMeasured\n{number}"
    assert asked(capsys, cases(text + about))[0] == 0


@pytest.mark.parametrize(
    ("before", "after", "line", "text"),
    [
        ("mapping:", "maping:", 3, "'maping' is no key of a golden case; did you mean 'mapping'?; it has"),
        ("v2/oru_activity", "v2/oru_activty", 3, "there is no mapping 'v2/oru_activty.yaml'; did you mean"),
        ("  ack:", "  akc:", 19, "'akc' is no part of 'expect'; did you mean 'ack'?"),
        ("case: a plain number", "case: ''", 2, "'case' is missing or empty: write one sentence"),
        ("mapping:", "\tmapping:", 3, "a tab; YAML counts spaces, so replace the tab by spaces"),
        ("input:", "site:\n  zone: Europe/Berlyn\ninput:", 5, "'Europe/Berlyn' is no zone; write Europe/Berlin"),
        ("input:", "site:\n  decimal_comma: maybe\ninput:", 5, "'decimal_comma' is yes or no"),
        ("input:", "site:\n  decimal_coma: yes\ninput:", 5, "'decimal_coma' is no setting of a sender; did you mean"),
        ("input:", "site:\n  unsupported: XX\ninput:", 5, "'unsupported' is one of AA, AE, AR"),
        ("input:", "site: UTC\ninput:", 4, "'site' holds settings: zone"),
    ],
)
def test_a_mistake_in_a_case_is_a_sentence_with_its_line(before, after, line, text, cases, capsys):
    folder = cases((CASE + EXPECT).replace(before, after, 1))
    code, _, err = asked(capsys, folder)
    assert code == 1
    assert f"{folder}/one.yaml:{line}: " in err
    assert text in err
    assert "Traceback" not in err


def test_a_case_without_a_message_is_a_mistake(cases, capsys):
    code, _, err = asked(capsys, folder := cases("case: nothing in it\ninput: ''\n"))
    assert code == 1
    assert err == f"{folder}/one.yaml:2: 'input' is missing or empty: write the message, after '|'\n"


def test_an_expectation_that_is_no_table_of_parts_is_a_mistake(cases, capsys):
    code, _, err = asked(capsys, cases(CASE + "expect: all is well\n"))
    assert code == 1
    assert "'expect' holds parts: relevance, events" in err
    code, _, err = asked(capsys, cases("- a list\n"))
    assert code == 1
    assert "a golden case has the keys case, mapping" in err


def test_what_cannot_be_tested_at_all_ends_with_2(tmp_path, capsys):
    missing = tmp_path / "nowhere"
    for arguments in ((missing,), ("--mappings", missing)):
        code, out, err = asked(capsys, *arguments)
        assert (code, out) == (2, "")
        assert err == f"{missing} is no folder; name one with mappings, or with golden cases.\n"
    code, out, err = asked(capsys, tmp_path)
    assert (code, out, err) == (2, "", f"{tmp_path}: no golden case (*.yaml) to test.\n")


def site(tmp_path: Path, table: str, *rows: str) -> Path:
    tables = tmp_path / "site" / "tables"
    tables.mkdir(parents=True, exist_ok=True)
    text = "\n".join(["sender,code,system,target,label,note", *rows])
    (tables / f"{table}.csv").write_text(f"{text}\n", encoding="utf-8")
    return tables.parent


@pytest.mark.slow
def test_a_row_of_a_site_that_changes_a_shipped_reading_is_caught(tmp_path, capsys):
    own = site(tmp_path, "result_status", ",V,*,preliminary,Verified,")
    code, out, _ = asked(capsys, "--mappings", own, "--json")
    told = json.loads(out)
    assert code == 1
    failed = [one for one in told["cases"] if one["result"] == "failed"]
    assert [Path(one["file"]).name for one in failed] == ["oru-36-every-status-letter.yaml"]
    assert [line for line in failed[0]["diff"] if line.startswith(("-  ", "+  "))] == [
        "-  status: final",
        "+  status: preliminary",
    ]


@pytest.mark.slow
def test_a_site_accepts_its_own_cases_and_never_rewrites_the_shipped_ones(tmp_path, capsys):
    own = site(tmp_path, "result_status", ",V,*,preliminary,Verified,")
    (own / "golden").mkdir()
    (own / "golden" / "ours.yaml").write_text(CASE, encoding="utf-8")
    before = {path: path.read_bytes() for path in (MAPPINGS / "golden").glob("*.yaml")}
    code, out, _ = asked(capsys, "--mappings", own, "--accept", "--json")
    results = {Path(one["file"]).name: one["result"] for one in json.loads(out)["cases"]}
    assert (code, results["oru-36-every-status-letter.yaml"], results["ours.yaml"]) == (1, "failed", "accepted")
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.slow
def test_codes_of_a_site_leave_the_shipped_cases_alone_and_its_own_are_tested_with_its_tables(tmp_path, capsys):
    own = site(tmp_path, "identifier_systems", ",HOSP,*,https://north.example/mrn,,")
    site(tmp_path, "activity_tests", ",ASPACT,L,asparaginase-activity,,")
    (own / "golden").mkdir()
    about = "expect:\n  only:\n  - patient\n  events:\n  - event: ActivityMeasured\n"
    (own / "golden" / "ours.yaml").write_text(
        f"{CASE}{about}    patient: https://north.example/mrn|4711\n", encoding="utf-8"
    )
    count = len(list((MAPPINGS / "golden").glob("*.yaml"))) + 1
    assert asked(capsys, "--mappings", own) == (0, f"{count} golden cases: {count} passed\n", "")


def test_a_table_that_cannot_be_read_is_told_once_and_nothing_is_compared(tmp_path, capsys):
    own = site(tmp_path, "units", ",IU,L")
    (own / "golden").mkdir()
    code, out, err = asked(capsys, "--mappings", own)
    assert code == 1
    assert err == f"{own}/tables/units.csv:2: the column 'target' is empty\n"
    assert out == "0 golden cases: 1 fault in files\n"


def test_a_resource_is_compared_by_its_answer_over_http(cases, capsys):
    message = '  {"resourceType": "MedicationAdministration", "id": "d", "status": "given"}\n'
    folder = cases(f"case: a status of no list\ninput: |\n{message}")
    assert asked(capsys, folder, "--accept")[0] == 0
    text = (folder / "one.yaml").read_text(encoding="utf-8")
    assert "  http: '422'\n" in text
    assert "ack:" not in text


def test_a_case_that_cannot_be_written_ends_with_2(cases, capsys, monkeypatch):
    def refuse(**_: object) -> tuple[int, str]:
        raise PermissionError(13, "Permission denied")

    folder = cases(CASE)
    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    code, _, err = asked(capsys, folder, "--accept")
    assert code == 2
    assert err == f"{folder}/one.yaml cannot be written: Permission denied. Nothing after it was tested.\n"


def test_a_folder_that_is_called_like_a_case_is_a_fault(cases, capsys):
    folder = cases(CASE + EXPECT)
    (folder / "two.yaml").mkdir()
    code, out, err = asked(capsys, folder)
    assert (code, out) == (1, "1 golden case: 1 passed, 1 fault in files\n")
    assert err == f"{folder}/two.yaml: cannot be read: it is a folder, not a file\n"
