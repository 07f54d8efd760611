"""`troughline policies`: what a clinician is shown, what a script gets, and what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from policy_texts import CONS16, change, copy_config, one_policy

from adapter.app.parts import Instructions, read_everything
from adapter.cli import _parser, main
from adapter.commands.policies_words import NUMBER_WORDS, WINDOW_WORDS, days_text
from adapter.knowledge.policies import read_config
from adapter.knowledge.policy_numbers import OPTIONAL, SECTIONS, WINDOW
from adapter.knowledge.shipped import shipped

GOLDEN = Path(__file__).parent / "golden"
STORY = Path(__file__).parents[1] / "cases" / "silent-inactivation"
REFUSED = (
    "--policy: policy 'ALLT1' is a draft; not verified: day 7: target, day 7: threshold, day 14: target, "
    "day 14: threshold; it is refused without --draft (in the configuration: drafts: yes)"
)


@pytest.fixture
def told(capsys):
    def run(*arguments: str | Path) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return run


@pytest.fixture
def site(tmp_path):
    """A site's folder with a second version of CONS16, a policy of its own, and its own default."""
    root = one_policy(tmp_path / "site")
    text = (root / CONS16).read_text()
    text = text.replace("version: 1\n", "version: 2\n").replace("valid_from: 2016-01-01", "valid_from: 2025-01-01")
    (root / "policies" / "cons16-2.yaml").write_text(text.replace("value: 0.10,", "value: 0.15,"))
    (root / CONS16).unlink()
    own = text.replace("policy: CONS16", "policy: OWN").replace("title: Consensus 2016", "title: Our consensus")
    (root / "policies" / "own.yaml").write_text(own)
    (root / "products.yaml").write_text((shipped("config") / "products.yaml").read_text())
    return root


def test_without_an_action_the_policies_are_listed(told):
    code, out, err = told("policies")
    assert (code, err) == (0, "")
    assert told("policies", "list") == (code, out, err)
    lines = out.splitlines()
    assert lines[0].split() == ["policy", "valid", "from", "products", "default", "for"]
    erwinia = lines.index(next(line for line in lines if line.startswith("ERW48@1")))
    both = "crisantaspase, recombinant-crisantaspase"
    assert re.split(r"\s{2,}", lines[erwinia]) == ["ERW48@1", "2016-01-01", both, both]
    assert lines[erwinia + 1] == "    Erwinia asparaginases, 48 h and 72 h after a dose"
    assert len(lines) == 1 + 2 * 20
    assert max(map(len, lines)) <= 120


def test_drafts_are_listed_and_marked(told):
    _, out, _ = told("policies")
    assert [line.split()[0] for line in out.splitlines() if " draft " in line] == [
        "ALLT1@1",
        "ITA-ADULT@1",
        "SPECTRILA@1",
    ]


@pytest.mark.parametrize("arguments", [("--json",), ("--json", "list"), ("list", "--json")])
def test_the_list_as_json_has_a_row_for_each_policy(told, arguments):
    code, out, _ = told("policies", *arguments)
    rows = {row["policy"]: row for row in json.loads(out)}
    assert code == 0
    assert list(rows) == [policy.label for policy in read_config()[0].policies]
    row = rows["SPECTRILA@1"]
    assert len(row.pop("hash")) == 16
    assert row == {
        "policy": "SPECTRILA@1",
        "id": "SPECTRILA",
        "version": "1",
        "title": "EU text of Spectrila, trough on day 3",
        "products": ["native-ecoli"],
        "default_for": [],
        "valid_from": "2016-01-01",
        "draft": True,
        "based_on": "NATIVE72@1",
        "file": "config/policies/spectrila.yaml",
    }


@pytest.mark.parametrize("identifier", ["CONS16", "CALA-LABEL", "ERW48"])
def test_a_policy_is_shown_as_the_golden_file_has_it(told, request, identifier):
    code, out, err = told("policies", "show", identifier)
    golden = GOLDEN / f"policies_show_{identifier.lower()}.txt"
    if request.config.getoption("--renew-goldens"):
        golden.write_text(out, encoding="utf-8")
    assert (code, err) == (0, "")
    assert out == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("policy", read_config()[0].policies, ids=lambda policy: policy.label)
def test_every_policy_can_be_shown_whole(told, policy):
    code, out, err = told("policies", "show", policy.label)
    assert (code, err) == (0, "")
    squeezed = " ".join(out.split())
    assert policy.title in squeezed
    assert policy.hash in squeezed
    for key, text in policy.citations:
        assert f"{key}: {text}" in squeezed
    for one in policy.quotations:
        only = [f"{one.route} only"] if one.route else []
        only += [f"level of {one.window} only"] if one.window else []
        only += [f"from grade {one.from_grade}"] if one.from_grade else []
        assert f"{', '.join([one.situation, *only])}: {one.statement} ({one.citation})" in squeezed
    for _, note in policy.notes:
        assert f"note: {note}" in squeezed
    assert ("DRAFT, refused without --draft; not verified: " in squeezed) is policy.draft


@pytest.mark.parametrize("policy", read_config()[0].policies, ids=lambda policy: policy.label)
def test_a_policy_as_json_is_whole_and_says_where_each_number_stands(told, policy):
    code, out, _ = told("policies", "show", policy.label, "--json")
    shown = json.loads(out)
    assert code == 0
    numbers = {number["place"]: number for number in shown["numbers"]}
    for section, keys in SECTIONS.items():
        for key, (name, unit) in keys.items():
            number, cited = numbers[f"{section}: {key}"], getattr(policy, name)
            assert (number["value"], number["unit"], number["grade"]) == (str(cited.value), unit, cited.grade)
            assert number["source"] == dict(policy.citations)[cited.citation]
    assert {number["stated_in"] for number in numbers.values()} >= {policy.label}
    assert shown["awaiting_sign_off"] == [place for place, number in numbers.items() if number["awaits_sign_off"]]
    assert {numbers[place]["grade"] for place in shown["awaiting_sign_off"]} <= {"secondary", "design", "unverified"}
    assert {number["grade"] for number in numbers.values() if not number["awaits_sign_off"]} == {"published"}
    assert [window["low"] for window in shown["windows"]] == [point.low for point in policy.time_points]


def test_a_number_of_the_base_is_named_as_one(told):
    numbers = json.loads(told("policies", "show", "SPECTRILA", "--json")[1])["numbers"]
    stated = {number["place"]: number["stated_in"] for number in numbers}
    assert (stated["day 3: threshold"], stated["levels: no_verdict_after"], stated["doses: sample_link"]) == (
        "SPECTRILA@1",
        "NATIVE72@1",
        "CONS16@1",
    )


def test_every_number_has_its_words():
    assert set(NUMBER_WORDS) == {
        *OPTIONAL,
        *(f"{section}: {key}" for section, keys in SECTIONS.items() for key in keys),
    }
    assert set(WINDOW_WORDS) == set(WINDOW)


def test_hours_are_told_as_days_too():
    numbers = [point.max_h.value for point in read_config()[0].policies[-1].time_points]
    assert [days_text(hours) for hours in numbers] == ["3.25"]


@pytest.mark.parametrize("name", ["cons16", "CONS16@1", "Cons16@1"])
def test_a_policy_is_found_whatever_the_case_of_its_name(told, name):
    assert told("policies", "show", name) == told("policies", "show", "CONS16")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("CONS61", "; did you mean 'CONS16'?"),
        ("erw84", "; did you mean 'ERW48'?"),
        ("CONS16@2", "; did you mean"),
        ("x", ""),
    ],
)
def test_a_policy_that_is_not_there_is_told_with_what_is(told, name, hint):
    code, out, err = told("policies", "show", name)
    assert (code, out) == (2, "")
    assert err.startswith(f"there is no policy '{name}'{hint}")
    assert "known are AIEOP09@1, ALLT1@1, " in err


def test_the_newest_version_is_shown_unless_another_is_named(told, site):
    _, out, _ = told("policies", "show", "CONS16", "--config", site)
    facts = dict(re.split(r"\s{2,}", line, maxsplit=1) for line in out.splitlines()[1:8])
    assert facts["valid from"] == "2025-01-01, for doses that begin on this day or later"
    assert facts["other versions"] == "CONS16@1"
    assert facts["file"] == f"{site.as_posix()}/policies/cons16-2.yaml"
    assert "CONS16@1: Consensus" in told("policies", "show", "CONS16@1", "--config", site)[1]


def test_folders_of_a_site_are_laid_over_the_shipped_ones_before_and_after_the_action(told, site, tmp_path):
    second = tmp_path / "second"
    (second / "policies").mkdir(parents=True)
    text = (site / "policies" / "own.yaml").read_text()
    (second / "policies" / "next.yaml").write_text(text.replace("policy: OWN", "policy: NEXT"))
    code, out, _ = told("policies", "--config", site, "list", "--config", second, "--json")
    assert code == 0
    assert {"OWN@2", "NEXT@2", "CONS16@1", "CONS16@2"} <= {row["policy"] for row in json.loads(out)}


def test_what_is_shipped_is_clean(told):
    assert told("policies", "check") == (0, "20 policies and 6 products are clean\n", "")
    assert told("policies", "check", "--json") == (0, "[]\n", "")


@pytest.mark.parametrize("place", ["--config before", "--config after", "DIR"])
def test_a_mistake_in_a_folder_of_a_site_is_told_with_file_and_line(told, site, place):
    line = change(site, "low: loss", "low: lost", "policies/own.yaml")
    arguments = {
        "--config before": ("--config", site, "check"),
        "--config after": ("check", "--config", site),
        "DIR": ("check", site),
    }
    code, out, err = told("policies", *arguments[place])
    file = f"{site.as_posix()}/policies/own.yaml"
    text = "'lost' is not one of below-target, loss; did you mean 'loss'?"
    assert (code, out, err) == (1, f"{file}:{line}: {text}\n", "")
    code, out, _ = told("policies", *arguments[place], "--json")
    (fault,) = json.loads(out)
    assert (code, fault["file"], fault["line"], fault["text"]) == (1, file, line, text)


def test_a_warning_alone_is_no_fault(told, tmp_path):
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "own.yml").write_text("policy: OWN\n")
    code, out, _ = told("policies", "check", tmp_path)
    assert code == 0
    assert "own.yml: warning: nothing reads this file" in out


def test_what_can_be_read_is_listed_beside_the_faults_of_the_rest(told, site):
    change(site, "low: loss", "low: lost", "policies/own.yaml")
    code, out, err = told("policies", "--config", site)
    assert code == 1
    assert "'lost' is not one of" in err
    assert "CONS16@2" in out
    assert "OWN@2" not in out
    assert told("policies", "show", "CONS16", "--config", site)[0] == 1


def test_lint_finds_what_check_finds(told, tmp_path, monkeypatch):
    root = copy_config(tmp_path / "config")
    monkeypatch.setattr("adapter.knowledge.policies.shipped", lambda _: root)
    assert told("lint") == (0, "mappings, tables, outputs, golden cases, products and policies are clean\n", "")
    line = change(root, "default_policy: CALA-LABEL", "default_policy: CALA", "products.yaml")
    fault = f"config/products.yaml:{line}: there is no policy 'CALA'; did you mean 'COLO-CALA'?\n"
    assert told("lint") == told("policies", "check") == (1, fault, "")


def test_a_draft_is_refused_by_name_and_accepted_on_demand(told):
    code, out, err = told("play", STORY, "--json", "--policy", "ALLT1")
    assert (code, out, err) == (2, "", f"{REFUSED}\n")
    _, out, err = told("play", STORY, "--json", "--policy", "ALLT1", "--draft")
    assert err == ""
    assert [finding["policy"] for finding in json.loads(out)["findings"]] == ["ALLT1@1"]


def test_lint_refuses_a_draft_unless_it_is_accepted(told):
    assert told("lint", "--policy", "ALLT1") == (1, f"{REFUSED}\n", "")
    assert told("lint", "--policy", "ALLT1", "--draft")[0] == 0


def test_the_service_refuses_a_draft_unless_it_is_accepted(told, tmp_path):
    arguments = ["serve", "--store", str(tmp_path / "store"), "--policy", "ALLT1"]
    assert told(*arguments) == (2, "", f"{REFUSED}\n")
    accepted = Instructions.from_options(_parser().parse_args([*arguments, "--draft"]))
    loaded, faults = read_everything(accepted, thorough=False)
    assert faults == []
    assert loaded is not None
    assert loaded.rulebook.chosen["pegaspargase"] == "ALLT1"
