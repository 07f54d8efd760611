from __future__ import annotations

from dataclasses import fields
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from policy_texts import CONS16, change

from adapter.domain.policy import Cited, Policy, RuleBook
from adapter.knowledge.policies import load_rulebook, read_config

REFUSED = "it is refused without --draft (in the configuration: drafts: yes)"


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
            point.low,
            *(str(getattr(point, part).value) for part in ("min_h", "target_h", "max_h", "threshold")),
        )
        for point in policy.time_points
    ]
    assert windows == [
        ("day 7", "loss", "144", "168", "192", "0.10"),
        ("day 14", "below-target", "312", "336", "360", "0.10"),
    ]


def test_cons16_paraphrases_its_sources_beside_two_mechanisms(config: Path):
    (policy,) = rulebook(config).policies
    assert [(one.situation, one.citation) for one in policy.quotations] == [
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


def test_a_product_without_a_default_policy_has_no_policy(config: Path):
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
    change(config, "default_policy: CONS16\n", "", "products.yaml")
    change(config, "unit: h, cites: PROJECT, grade: design", "unit: h, cites: PROJECT, grade: unverified")
    assert (rulebook(config).chosen, rulebook(config).policies) == ({}, ())
    book, faults = load_rulebook(["CONS16"], config)
    assert book is None
    assert [str(fault) for fault in faults] == [
        f"--policy: policy 'CONS16' is a draft; not verified: confirmation: gap; {REFUSED}"
    ]
    assert rulebook(config, "CONS16", drafts=True).chosen == {"pegaspargase": "CONS16"}
    shown, faults = read_config(config)
    assert faults == []
    assert [(policy.label, policy.draft) for policy in shown.policies] == [("CONS16@1", True)]


def test_a_file_may_call_itself_a_draft(config: Path):
    change(config, "default_policy: CONS16\n", "", "products.yaml")
    change(config, "version: 1\n", "version: 1\ndraft: yes\n")
    _, faults = load_rulebook(["CONS16"], config)
    assert [fault.text for fault in faults] == [
        f"policy 'CONS16' is a draft; its file says 'draft: yes', or it is based on a draft; {REFUSED}"
    ]
    assert rulebook(config, "CONS16", drafts=True).chosen == {"pegaspargase": "CONS16"}


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("# CONS16", "# Another comment: CONS16", True),
        ("note: One day in the laboratory", "note: A day in the laboratory", True),
        ("value: 0.090", "value: 0.09", False),
        ("low: loss", "low: below-target", False),
        ("statement: The label", "statement: This label", False),
        ("valid_from: 2016-01-01", "valid_from: 2016-01-02", False),
    ],
)
def test_the_hash_of_a_policy_follows_what_the_rules_can_see(config: Path, before: str, after: str, same: bool):
    first = rulebook(config).policies[0].hash
    change(config, before, after)
    assert (rulebook(config).policies[0].hash == first) is same


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


def test_an_overlay_may_set_the_default_of_a_product(whole_config: Path, tmp_path: Path):
    site = tmp_path / "site"
    site.mkdir()
    text = (whole_config / "products.yaml").read_text()
    (site / "products.yaml").write_text(text.replace("default_policy: CONS16", "default_policy: DCOG11"))
    book, faults = load_rulebook((), whole_config, [site])
    assert faults == []
    assert book is not None
    assert book.chosen["pegaspargase"] == "DCOG11"


def test_a_version_is_ordered_by_its_number(config: Path):
    for version, day in (("2", "2020-01-01"), ("10", "2024-01-01")):
        add_policy(config, f"cons16-{version}.yaml", version=version, valid_from=day)
    assert [policy.label for policy in read_config(config)[0].policies] == ["CONS16@1", "CONS16@2", "CONS16@10"]
