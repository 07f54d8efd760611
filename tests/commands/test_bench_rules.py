"""`troughline bench rules`: what it measures, which results fail it, and the patients it makes up; never how fast."""

from __future__ import annotations

import json
import re
from argparse import Namespace
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest

from adapter.cli import _parser, main
from adapter.commands import bench_rules, bench_rules_digest, bench_rules_growth
from adapter.commands.bench_measuring import growth, n_log_n_growth
from adapter.commands.bench_naive import each_with_each, resource_of, sorted_and_touched, through_models
from adapter.commands.bench_patients import REGIMENS, patient, patients
from adapter.commands.bench_rules_digest import Agreement
from adapter.commands.bench_rules_growth import ShapeGrowth, SizeCost
from adapter.commands.bench_rules_patients import Crowd
from adapter.commands.bench_shapes import SHAPES, history_of
from adapter.commands.bench_verdict import Goal, at_most, exit_status, verdict, verdict_lines
from adapter.domain.events import AsparaginaseAdministered
from adapter.domain.history import resolve
from adapter.fhir import validate
from adapter.knowledge.policies import load_rulebook
from adapter.rules.interpretation import in_words, interpret, judge

ROOT = Path(__file__).parents[2]
TINY = bench_rules.Extent(rounds=1, patients=12, thousand=3, sizes=(5, 50, 60), shape_sizes=(10, 20))
RATIO = Goal(id="R1", goal="growth <= 1.17", measured="1.53", passed=False)
WRONG = Goal(id="R0", goal="findings are equal", measured="DIFFERENT", passed=False, correctness=True)
AT = datetime(2040, 1, 1, tzinfo=UTC)
COST = SizeCost(
    events=50,
    resolve_us=100.0,
    verdicts_us=400.0,
    words_us=500.0,
    sorted_us=10.0,
    each_with_each_us=250.0,
    models_us=500.0,
)
SIZES = [
    replace(COST, events=5, words_us=9.0),
    COST,
    replace(COST, events=500, words_us=9500.0, models_us=6000.0),
]
SHAPE_GROWTHS = [
    ShapeGrowth(shape="rows of one dose", events=800, us=8000.0, exponent=0.9, n_log_n=1.18),
    ShapeGrowth(shape="two families in turn", events=800, us=9000.0, exponent=1.3, n_log_n=1.18),
]
CROWD = Crowd(
    patients=10_000,
    events=100_000,
    us_per_patient=2000.0,
    patients_per_s=500.0,
    first_us_per_event=200.0,
    last_us_per_event=300.0,
    machine_later_over_first=1.2,
    memory_first_mib=80.0,
    memory_last_mib=84.0,
    same_findings_afterwards=True,
)
SAME = Agreement(patients=3, readings=15, digest="0" * 64, equal=True)


def options(**given: object) -> Namespace:
    return Namespace(**{"quick": True, "strict": False, "gate": None, "save": None, "seed": 20, "json": False, **given})


@pytest.fixture(scope="module", autouse=True)
def few_events():
    """The readings that are compared, of small patients, and each cost once: what is compared is the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench_rules_growth, "LEAST_CALLS_EVENTS", 1)
        patch.setattr(bench_rules_growth, "EVENTS_OF_A_ROUND", 60)
        patch.setattr(bench_rules_digest, "EVENTS", (5, 20, 50))
        patch.setattr(bench_rules_digest, "SHAPE_EVENTS", 12)
        yield


@pytest.fixture(scope="module")
def result():
    rulebook, _ = load_rulebook()
    return bench_rules.measured(rulebook, 20, TINY)[0]


@pytest.fixture
def measuring(monkeypatch, result):
    """What a run finds, without measuring it again."""

    def found(*goals: Goal) -> None:
        monkeypatch.setattr(bench_rules, "measured", lambda *_: (result, list(goals)))

    return found


def test_the_result_holds_every_part_and_the_ratios_of_a_gate(result):
    assert list(result) == ["bench", "seed", "machine", "sizes", "growth", "shapes", "patients", "digest", "gated"]
    assert [size["events"] for size in result["sizes"]] == [5, 50, 60]
    assert [shape["shape"] for shape in result["shapes"]] == list(SHAPES)
    assert list(result["gated"]) == [
        "5 events, interpretation / FHIR models",
        "50 events, interpretation / FHIR models",
        "60 events, interpretation / FHIR models",
        "time per event after all other patients / before them",
        "memory after all other patients / before them",
    ]
    assert json.loads(json.dumps(result)) == result


def test_every_cost_is_measured_and_the_parts_add_up(result):
    for size in result["sizes"]:
        assert min(value for name, value in size.items() if name != "events") > 0
        assert size["together_us"] == size["resolve_us"] + size["verdicts_us"] + size["words_us"]


@pytest.mark.slow
def test_the_patients_of_the_crowd_are_counted_and_read_the_same_afterwards(result):
    crowd = result["patients"]
    events = sum(len(recorded) for _, recorded in islice(patients(20), 12))
    assert (crowd["patients"], crowd["events"], crowd["same_findings_afterwards"]) == (12, events, True)
    assert crowd["patients_per_s"] == pytest.approx(1e6 / crowd["us_per_patient"])


def test_the_digest_is_that_of_the_seed(result):
    rulebook, _ = load_rulebook()
    again = bench_rules.agreement(rulebook, 20)
    assert (again.digest, again.equal, again.patients) == (result["digest"]["digest"], True, 3 + len(SHAPES))


def test_json_goes_to_stdout_and_a_missed_ratio_alone_fails_nothing(capsys, measuring):
    measuring(RATIO)
    assert bench_rules.run(options(json=True)) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == [
        {"id": "R1", "goal": "growth <= 1.17", "measured": "1.53", "pass": False}
    ]


def test_strictly_a_missed_ratio_fails(capsys, measuring):
    measuring(RATIO)
    assert bench_rules.run(options(strict=True)) == 1
    assert "R1  FAILED  growth <= 1.17: 1.53\n" in capsys.readouterr().out


def test_findings_that_differ_fail_every_run(measuring):
    measuring(WRONG)
    assert bench_rules.run(options()) == 1


def test_the_goals_are_ratios_of_one_run():
    goals = bench_rules.goals_of(SIZES, SHAPE_GROWTHS, CROWD, SAME)
    assert [(goal.id, goal.measured, goal.passed, goal.correctness) for goal in goals] == [
        ("R0", "equal", True, True),
        ("R1", "1.00", True, False),
        ("R2", "1.30", False, False),
        ("R3", "1.25", True, False),
        ("R4", "1.05", True, False),
        ("R5", "2.00", True, False),
    ]
    assert goals[1].goal == "growth with a patient's events, as an exponent <= 1.20"
    assert goals[2].goal == "the same for the worst shape (two families in turn) <= 1.18"


@pytest.mark.parametrize(
    ("crowd", "same"),
    [(CROWD, replace(SAME, equal=False)), (replace(CROWD, same_findings_afterwards=False), SAME)],
)
def test_findings_that_differ_in_any_comparison_are_told_as_different(crowd, same):
    goal = bench_rules.goals_of(SIZES, SHAPE_GROWTHS, crowd, same)[0]
    assert (goal.measured, goal.passed, goal.correctness) == ("DIFFERENT", False, True)


def test_for_a_person_it_prints_costs_growth_patients_and_goals(capsys, measuring):
    measuring(RATIO, replace(WRONG, passed=True))
    assert bench_rules.run(options()) == 0
    printed = capsys.readouterr().out
    assert re.search(r"^events +resolve us +verdicts us +words us +together us", printed, re.MULTILINE)
    assert re.search(r"^growth with events: n\^-?\d\.\d\d; n log n would be n\^1\.\d\d$", printed, re.MULTILINE)
    assert re.search(r"^12 different patients of \d+\.\d events: ", printed, re.MULTILINE)
    assert "R1  missed  growth <= 1.17: 1.53\n" in printed
    assert all(shape in printed for shape in SHAPES)
    assert max(len(line) for line in printed.splitlines()) <= 120


def test_without_policies_it_does_not_run(capsys, monkeypatch):
    monkeypatch.setattr(bench_rules, "load_rulebook", lambda: (None, []))
    assert bench_rules.run(options()) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("goals", "strict", "status"), [([RATIO], False, 0), ([RATIO], True, 1), ([WRONG], False, 1)])
def test_only_wrong_results_fail_unless_strict(goals, strict, status):
    assert exit_status(goals, strict=strict) == status
    assert exit_status([replace(goal, passed=True) for goal in goals], strict=True) == 0


@pytest.mark.parametrize(("measured", "passed"), [(1.25, True), (1.2500001, False)])
def test_a_ratio_may_reach_its_limit_and_not_exceed_it(measured, passed):
    assert at_most("R3", "time", measured, 1.25).passed is passed


def test_a_verdict_tells_goal_and_measure():
    assert verdict([RATIO]) == [{"id": "R1", "goal": "growth <= 1.17", "measured": "1.53", "pass": False}]
    assert verdict_lines([RATIO, WRONG, replace(WRONG, passed=True)], strict=False) == [
        "R1  missed  growth <= 1.17: 1.53",
        "R0  WRONG   findings are equal: DIFFERENT",
        "R0  ok      findings are equal: DIFFERENT",
    ]


@pytest.mark.parametrize("exponent", [1, 2])
def test_growth_is_the_exponent_of_a_power(exponent):
    assert growth([(n, 3.0 * n**exponent) for n in (50, 500, 5000)]) == pytest.approx(exponent)


def test_n_log_n_grows_a_little_faster_than_n():
    assert n_log_n_growth((50, 500, 5000)) == pytest.approx(1.169, abs=0.001)


@pytest.mark.parametrize("events", [1, 5, 50, 500])
def test_a_patient_has_exactly_so_many_events_and_is_the_same_for_the_same_seed(events):
    assert len(patient(3, events, 20)[1]) == events
    assert patient(3, events, 20) == patient(3, events, 20)
    assert patient(3, events, 20) != patient(3, events, 21)


def test_patients_are_different_without_end_and_given_every_product():
    many = list(islice(patients(20), 200))
    assert len({key for key, _ in many}) == 200
    given = {r.event.product for _, recorded in many for r in recorded if isinstance(r.event, AsparaginaseAdministered)}
    assert given == {regimen.product for regimen in REGIMENS}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_difficult_history_has_exactly_so_many_events_and_can_be_read(shape):
    rulebook, _ = load_rulebook()
    key, recorded = history_of(shape, 30)
    assert len(recorded) == 30
    history = resolve(key, recorded)
    assert in_words(judge(history, rulebook, AT), history, AT) == interpret(history, rulebook, AT)


def test_what_interpretation_is_compared_with_reads_every_event():
    _, recorded = patient(1, 200, 20)
    resources = [resource_of(item.event) for item in recorded]
    assert [validate(resource) for resource in resources] == [[]] * 200
    assert {resource["resourceType"] for resource in resources} == {
        "Observation",
        "MedicationAdministration",
        "AllergyIntolerance",
    }
    assert through_models(resources)() == 0
    assert sorted_and_touched(recorded) == sum(len(item.event.key) for item in recorded)
    assert 0 < each_with_each(recorded) < 200 * 200


def test_a_bench_that_does_not_exist_is_refused(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["bench", "rule"])
    assert ended.value.code == 2
    assert "BENCH" in capsys.readouterr().err


def test_the_page_names_every_option_of_every_bench():
    page = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8").partition("\n## bench\n")[2]
    shown = re.findall(r"^\| ([a-z]+) \| `([^`]+)` \|", page, re.MULTILINE)
    benches = _parser()._subparsers._group_actions[0].choices["bench"]._subparsers._group_actions[0].choices
    wanted = [
        (name, " ".join([action.option_strings[0], *([action.metavar] if action.metavar else [])]))
        for name, parser in benches.items()
        for action in parser._actions
        if action.dest != "help"
    ]
    assert shown == wanted
