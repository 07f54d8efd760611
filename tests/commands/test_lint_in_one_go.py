"""Every mistake in one go: an error in one file, or in one line, hides none in another."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.cli import main
from adapter.knowledge.tables import read_table

HEADER = "sender,code,system,target,label,note\n"
CASE = r"""case: a plain number
input: |
  MSH|^~\&|LIS_NORTH|HOSP|TDM|HOSP|20251103101500+0100||ORU^R01^ORU_R01|A1|P|2.5.1
  PID|1||4711^^^HOSP^MR||TEST^PATIENT
"""


@pytest.fixture
def site(tmp_path):
    for folder in ("tables", "golden"):
        (tmp_path / "site" / folder).mkdir(parents=True)
    return tmp_path / "site"


def linted(capsys, *words: str | Path) -> list[str]:
    assert main(["lint", *map(str, words)]) == 1
    return capsys.readouterr().out.splitlines()


def test_faults_of_golden_cases_are_told_while_a_table_has_an_error(site, capsys):
    (site / "tables" / "units.csv").write_text(HEADER + ",xU,*,banana,,\n")
    (site / "golden" / "a.yaml").write_text(CASE + "colour: blue\n")
    (site / "golden" / "b.yaml").write_text("case: [\n")
    (site / "golden" / "c.yaml").write_text("case: no message\nmapping: v2/ours.yaml\n")
    expected = [
        f"{site}/tables/units.csv:2: 'banana' is not a target of units",
        f"{site}/golden/a.yaml:5: 'colour' is no key of a golden case",
        f"{site}/golden/b.yaml:2: not readable as YAML",
        f"{site}/golden/c.yaml:1: 'input' is missing or empty",
    ]
    told = linted(capsys, "--mappings", site)
    assert len(told) == len(expected)
    assert all(line.startswith(start) for line, start in zip(told, expected, strict=True))
    assert main(["test", "--mappings", str(site)]) == 1
    assert sorted(capsys.readouterr().err.splitlines()) == sorted(told)


@pytest.mark.parametrize("command", ["lint", "test"])
def test_a_case_that_expects_nothing_is_a_fault(site, capsys, command):
    for name, expect in (("a", "expect: {}\n"), ("b", "expect:\n  only:\n  - status\n")):
        (site / "golden" / f"{name}.yaml").write_text(CASE + expect)
    assert main([command, "--mappings", str(site)]) == 1
    told = "".join(capsys.readouterr())
    for name in ("a", "b"):
        assert f"{site}/golden/{name}.yaml:5: this expects nothing, so any outcome would pass; name parts" in told


@pytest.mark.parametrize("expect", ["expect:\n", "", "expect:\n  relevance: irrelevant\n"])
def test_a_case_without_an_outcome_and_one_with_a_part_are_no_fault(site, capsys, expect):
    (site / "golden" / "a.yaml").write_text(CASE + expect)
    assert main(["lint", "--mappings", str(site)]) == 0
    assert "a.yaml" not in capsys.readouterr().out


def test_a_unit_of_a_sender_is_looked_at_whatever_else_the_configuration_holds(tmp_path, capsys):
    config = tmp_path / "troughline.yaml"
    config.write_text("http:\n  port: many\nsenders:\n- match: LIS|*\n  assumed_unit: banana\n")
    assert [line.partition(":")[2].partition(" ")[0] for line in linted(capsys, "--config", config)] == ["2:", "5:"]


@pytest.mark.parametrize(
    ("policies", "line"), [("policies: [CONS16, FOO]", 1), ("policies:\n- CONS16\n- FOO", 3), ("policies: FOO", 1)]
)
def test_an_unknown_policy_of_the_configuration_is_told_at_its_line(tmp_path, capsys, policies, line):
    config = tmp_path / "troughline.yaml"
    config.write_text(f"{policies}\n")
    (told,) = linted(capsys, "--config", config)
    assert told.startswith(f"{config}:{line}: there is no policy 'FOO'")


def test_an_unknown_policy_of_the_command_line_is_told_as_such(tmp_path, capsys):
    config = tmp_path / "troughline.yaml"
    config.write_text("policies: CONS16\n")
    (told,) = linted(capsys, "--config", config, "--policy", "FOO")
    assert told.startswith("--policy: there is no policy 'FOO'")


def test_a_broken_quote_hides_no_other_fault_of_its_table_and_makes_none_up(site, capsys):
    (site / "tables" / "activity_tests.csv").write_text(
        HEADER + ",AS1,L,asparaginase-activity,,\n"
        ',AS2,L,asparaginase-activity,"broken" quote,\n,AS3,L,banana,,\n,AS4,L,asparaginase-activity,"open,\n'
    )
    (site / "tables" / "quantification_limits.csv").write_text(
        "sender,code,system,method,lloq,unit\n,AS2,L,,0.03,IU/mL\n"
    )
    told = linted(capsys, "--mappings", site)
    places = [line.removeprefix(f"{site}/tables/activity_tests.csv:").partition(" ")[0] for line in told]
    assert places == ["3:", "4:", "5:"]
    assert [("not readable as CSV" in line) for line in told] == [True, False, True]


CELLS = st.text(st.characters(codec="utf-8", exclude_characters='",;\t\r\n\x00'), max_size=8)


@given(st.lists(CELLS.filter(str.strip), min_size=1, max_size=6), st.integers(0, 5))
def test_every_row_beside_a_broken_one_is_read(codes, place):
    lines = [f",{code},L,asparaginase-activity,," for code in codes]
    lines.insert(min(place, len(lines)), ',x,L,y,"a" b,')
    table, faults = read_table(HEADER + "\n".join(lines), "activity_tests", "a.csv")
    kept = {row.code for row in table.rows}
    assert kept == {code.strip() for code in codes}
    assert [fault.line for fault in faults if "CSV" in fault.text] == [min(place, len(codes)) + 2]
