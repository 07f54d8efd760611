from __future__ import annotations

import re
import shutil
from dataclasses import fields
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from adapter.domain.policy import Cited, Policy, RuleBook, TimePoint
from adapter.knowledge.policies import list_policies, load_rulebook
from adapter.knowledge.shipped import shipped

CONS16 = "policies/cons16.yaml"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A copy of the shipped products and of CONS16."""
    root = tmp_path / "config"
    (root / "policies").mkdir(parents=True)
    for name in ("products.yaml", CONS16):
        shutil.copy(shipped("config") / name, root / name)
    return root


def change(config: Path, before: str, after: str, name: str = CONS16) -> int:
    """Replace a text of a file once; the line it stood in."""
    path = config / name
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))
    return text[: text.index(before)].count("\n") + 1


def rulebook(config: Path, *ids: str, drafts: bool = False) -> RuleBook:
    book, faults = load_rulebook(ids, config, drafts=drafts)
    assert faults == []
    assert book is not None
    return book


def value(cited: Cited | None) -> tuple[str, str, str] | None:
    return cited and (str(cited.value), cited.unit, cited.grade)


def test_cons16_holds_every_number_with_unit_and_grade(config: Path):
    policy = rulebook(config).policy_for("pegaspargase", date(2025, 3, 3))
    assert policy is not None
    numbers = {
        f.name: value(getattr(policy, f.name)) for f in fields(Policy) if isinstance(getattr(policy, f.name), Cited)
    }
    assert numbers == {
        "no_verdict_after": ("360", "h", "design"),
        "confirmation_gap_h": ("24", "h", "design"),
        "confirmation_window_days": ("119", "d", "published"),
        "reaction_link_h": ("72", "h", "design"),
        "premedication_antihistamine_h": ("6", "h", "design"),
        "premedication_steroid_h": ("24", "h", "design"),
        "severe_grade": ("3", "{grade}", "published"),
        "partial_fraction": ("0.5", "1", "design"),
        "negligible_fraction": ("0.1", "1", "design"),
        "result_overdue_h": ("120", "h", "design"),
        "sample_link_days": ("42", "d", "design"),
        "discordance_ratio": ("1.3", "1", "design"),
        "near_threshold_low": ("0.090", "[IU]/mL", "design"),
        "near_threshold_high": ("0.110", "[IU]/mL", "design"),
        "implausible_above": ("5", "[IU]/mL", "design"),
        "implausible_below": ("0.0025", "[IU]/mL", "published"),
    }
    assert (policy.label, policy.draft, policy.valid_from, policy.products, policy.band_upper) == (
        "CONS16@1",
        False,
        date(2016, 1, 1),
        ("pegaspargase",),
        None,
    )


def test_cons16_has_the_windows_of_day_7_and_day_14(config: Path):
    (policy,) = rulebook(config).policies
    windows = [
        (
            point.name,
            point.role,
            *(str(getattr(point, part).value) for part in ("min_h", "target_h", "max_h", "threshold")),
        )
        for point in policy.time_points
    ]
    assert windows == [
        ("day 7", "exposure+inactivation", "144", "168", "192", "0.10"),
        ("day 14", "exposure+inactivation", "312", "336", "360", "0.10"),
    ]


def test_every_citation_of_a_number_or_quotation_has_its_reference_text(config: Path):
    (policy,) = rulebook(config).policies
    texts = dict(policy.citations)
    cited = [getattr(policy, f.name) for f in fields(Policy)]
    cited += [getattr(point, f.name) for point in policy.time_points for f in fields(TimePoint)]
    keys = {c.citation for c in cited if isinstance(c, Cited)} | {key for _, _, key in policy.quotations}
    assert keys <= set(texts)
    assert all(len(text) > 10 for text in texts.values())
    assert [(situation, key) for situation, _, key in policy.quotations] == [
        ("reaction-activity-preserved", "VANDERSLUIS-2016"),
        ("reaction-activity-preserved", "AARHUS-TDM"),
        ("severe-reaction-activity-preserved", "ONCASPAR-US"),
    ]


def test_the_six_products_have_their_families_and_limits(config: Path):
    products = rulebook(config).products
    table = {
        key: (
            p.key,
            p.family,
            p.dose_unit,
            *(
                int(c.value)
                for c in (p.residual_days, p.uninterpretable_iv_h, p.uninterpretable_im_h, p.carryover_days)
            ),
        )
        for key, p in products.items()
    }
    assert table == {
        "pegaspargase": ("pegaspargase", "ecoli", "[IU]/m2", 21, 24, 120, 7),
        "calaspargase": ("calaspargase", "ecoli", "[IU]/m2", 35, 24, 120, 7),
        "native-ecoli": ("native-ecoli", "ecoli", "[IU]/m2", 5, 24, 24, 7),
        "crisantaspase": ("crisantaspase", "erwinia", "[IU]/m2", 7, 0, 24, 7),
        "recombinant-crisantaspase": ("recombinant-crisantaspase", "erwinia", "mg/m2", 7, 0, 24, 7),
        "unspecified-asparaginase": ("unspecified-asparaginase", "unknown", "[IU]/m2", 35, 24, 120, 7),
    }


def test_a_product_whose_policy_is_not_there_has_no_policy(config: Path):
    book = rulebook(config)
    assert book.chosen == {"pegaspargase": "CONS16"}
    assert book.policy_for("calaspargase", date(2025, 3, 3)) is None


def test_a_dose_before_a_policy_was_in_force_has_no_policy(config: Path):
    book = rulebook(config)
    assert book.policy_for("pegaspargase", date(2015, 12, 31)) is None
    assert book.policy_for("pegaspargase", date(2016, 1, 1)) is not None


def add_policy(config: Path, name: str, **replacements: str) -> None:
    text = (config / CONS16).read_text()
    for before, after in replacements.items():
        line = next(line for line in text.splitlines() if line.startswith(f"{before}:"))
        text = text.replace(line, f"{before}: {after}", 1)
    (config / "policies" / name).write_text(text)


def test_a_named_policy_replaces_the_default_of_its_products(config: Path):
    add_policy(config, "own.yaml", policy="OWN")
    assert rulebook(config, "OWN").chosen == {"pegaspargase": "OWN"}
    assert rulebook(config).chosen == {"pegaspargase": "CONS16"}


def test_a_dose_is_read_by_the_version_in_force_at_its_start(config: Path):
    add_policy(config, "cons16-2.yaml", version="2", valid_from="2025-01-01")
    book = rulebook(config)
    labels = [
        p.label if (p := book.policy_for("pegaspargase", day)) else None
        for day in (date(2024, 12, 31), date(2025, 1, 1))
    ]
    assert labels == ["CONS16@1", "CONS16@2"]
    pinned = rulebook(config, "CONS16@1").policy_for("pegaspargase", date(2025, 1, 1))
    assert pinned is not None
    assert pinned.label == "CONS16@1"


def test_an_unknown_policy_is_a_fault(config: Path):
    book, faults = load_rulebook(["CONS61"], config)
    assert book is None
    assert [str(fault) for fault in faults] == [
        "--policy: there is no policy 'CONS61'; did you mean 'CONS16'?; known are CONS16"
    ]
    _, faults = load_rulebook(["CONS16@9"], config)
    assert [fault.text for fault in faults] == [
        "there is no policy 'CONS16@9'; did you mean 'CONS16@1'?; known are CONS16, CONS16@1"
    ]


def test_a_policy_with_an_unverified_number_is_a_draft_and_refused_unless_asked_for(config: Path):
    change(config, "unit: h, cites: PROJECT, grade: design", "unit: h, cites: PROJECT, grade: unverified")
    assert rulebook(config).chosen == {}
    book, faults = load_rulebook(["CONS16"], config)
    assert book is None
    assert [fault.text for fault in faults] == [
        "policy 'CONS16' is a draft: a number is not verified; it is refused unless the configuration says drafts: yes"
    ]
    assert rulebook(config, "CONS16", drafts=True).chosen == {"pegaspargase": "CONS16"}
    policies, faults = list_policies(config)
    assert faults == []
    assert [(policy.label, policy.draft) for policy in policies] == [("CONS16@1", True)]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (
            "cites: KHALIL-2022",
            "cites: KHALIL-2021",
            "'KHALIL-2021' is not among the citations of this file; did you",
        ),
        ("value: 144, unit: h", "value: 144, unit: hours", "'hours' is not a unit of policies"),
        ("value: 144, unit: h", "value: 6, unit: d", "this number is in hours (unit: 'h'), not in days"),
        ("value: 144,", "value: '1,44',", "'value' takes a number with a decimal point"),
        ("value: 144,", "value: -1,", "a limit cannot be negative"),
        (
            "cites: KHALIL-2022, grade: published }",
            "cites: KHALIL-2022 }",
            "'grade' is missing",
        ),
        ("grade: secondary", "grade: certain", "'certain' is not one of design, published, secondary, unverified"),
        (
            "  - pegaspargase",
            "  - pegasparaginase",
            "there is no product 'pegasparaginase'; did you mean 'pegaspargase'?",
        ),
        ("valid_from: 2016-01-01", "valid_from: 01.01.2016", "'valid_from' takes a date written YYYY-MM-DD"),
        ("severe_grade:", "sever_grade:", "'sever_grade' is not a key here; did you mean 'severe_grade'?"),
        ("role: exposure+inactivation", "role: exposures", "; did you mean 'exposure'?"),
    ],
)
def test_a_mistake_in_a_policy_is_a_sentence_with_its_line(config: Path, before: str, after: str, words: str):
    line = change(config, before, after)
    book, faults = load_rulebook((), config)
    assert book is None
    assert any(f.file == f"config/{CONS16}" and f.line == line and words in f.text for f in faults), faults


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("to: { value: 192,", "to: { value: 312,", "the windows of 'day 7' and 'day 14' overlap"),
        ("target: { value: 168,", "target: { value: 143,", "'day 7': 'target' does not lie between 'from' and 'to'"),
        ("threshold: { value: 0.10,", "threshold: { value: 0,", "'day 7': a threshold of zero is met by every level"),
        ("to: { value: 360,", "to: { value: 361,", "'day 14' ends after 'no_verdict_after'"),
        (
            "partial_fraction: { value: 0.5,",
            "partial_fraction: { value: 0.1,",
            "'negligible_fraction' is not below its upper partner",
        ),
    ],
)
def test_numbers_that_contradict_each_other_are_faults(config: Path, before: str, after: str, words: str):
    change(config, before, after)
    book, faults = load_rulebook((), config)
    assert book is None
    assert [fault.text for fault in faults] == [words]


def test_a_number_that_is_missing_is_a_fault(config: Path):
    change(config, "  gap: { value: 24, unit: h, cites: PROJECT, grade: design }\n", "")
    _, faults = load_rulebook((), config)
    assert [fault.text for fault in faults] == ["'gap' is missing; write { value, unit: 'h', cites, grade }"]


def test_the_hash_of_a_policy_ignores_comments_and_follows_numbers(config: Path):
    before = rulebook(config).policies[0].hash
    change(config, "# CONS16", "# Another comment: CONS16")
    assert rulebook(config).policies[0].hash == before
    change(config, "value: 0.090", "value: 0.09")
    assert rulebook(config).policies[0].hash != before


def test_two_files_may_not_hold_one_version(config: Path):
    add_policy(config, "twin.yaml")
    _, faults = load_rulebook((), config)
    assert [fault.text for fault in faults] == [
        "CONS16@1 stands in another file already; give a changed policy a new version"
    ]


def test_an_overlay_replaces_a_policy_file_and_adds_others(config: Path, tmp_path: Path):
    site = tmp_path / "site"
    (site / "policies").mkdir(parents=True)
    text = (config / CONS16).read_text()
    (site / CONS16).write_text(text.replace("title: Consensus", "title: Our consensus"))
    (site / "policies" / "own.yaml").write_text(text.replace("policy: CONS16", "policy: OWN"))
    book, faults = load_rulebook(["OWN"], config, [site])
    assert faults == []
    assert book is not None
    assert [(p.id, p.title.split()[0]) for p in book.policies] == [("CONS16", "Our"), ("OWN", "Consensus")]


def test_a_band_is_read_when_a_policy_has_one(config: Path):
    band = '{ value: 0.25, unit: "[IU]/mL", cites: PROJECT, grade: design }'
    change(config, "quotations:", f"band_upper: {band}\nquotations:")
    assert rulebook(config).policies[0].band_upper == Cited(
        value=Decimal("0.25"), unit="[IU]/mL", citation="PROJECT", grade="design"
    )


def test_without_products_nothing_is_known(tmp_path: Path):
    book, faults = load_rulebook((), tmp_path)
    assert book is None
    assert [str(fault) for fault in faults] == ["products.yaml: the file is missing; without it no product is known"]


def test_mistakes_in_the_products_are_sentences(config: Path):
    change(config, "family: ecoli", "family: coli", "products.yaml")
    change(config, "residual: { value: 21, unit: d", "residual: { value: 21, unit: h", "products.yaml")
    _, faults = load_rulebook((), config)
    assert [str(fault) for fault in faults] == [
        "config/products.yaml:12: 'coli' is not one of ecoli, erwinia, unknown; did you mean 'ecoli'?",
        "config/products.yaml:16: this number is in days (unit: 'd'), not in hours",
    ]


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("valid_from", "'valid_from' is missing; a dose is read by the version in force at its start"),
        ("time_points", "'time_points' is missing; a policy has at least one sampling window"),
        ("products", "'products' is missing; say which products the policy is for"),
    ],
)
def test_a_part_that_is_missing_is_a_fault(config: Path, key: str, words: str):
    text = (config / CONS16).read_text()
    (config / CONS16).write_text(re.sub(rf"(?m)^{key}:.*\n(( .*)?\n)*?(?=\S|\n)", "", text, count=1))
    _, faults = load_rulebook((), config)
    assert [fault.text for fault in faults] == [words]


def test_products_without_products_are_a_fault(config: Path):
    (config / "products.yaml").write_text("citations:\n  PROJECT: A project decision\n")
    _, faults = load_rulebook((), config)
    assert str(faults[0]) == "config/products.yaml:1: 'products' is missing; list at least one product"
