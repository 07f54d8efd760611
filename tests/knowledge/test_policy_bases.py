"""A policy may rest on another: what it does not say itself is the other's, with its sources."""

from __future__ import annotations

from pathlib import Path

import pytest
from policy_texts import CONS16, change

from adapter.knowledge.policies import load_rulebook, read_config
from adapter.knowledge.policy_files import PolicyFile
from adapter.knowledge.policy_numbers import SECTIONS, numbers_of

OWN = """\
policy: OWN
version: 1
title: Our own windows
valid_from: 2024-06-01
based_on: CONS16@1
products:
  - pegaspargase
time_points:
  - name: day 10
    low: below-target
    target: { value: 240, unit: h, cites: OURS, grade: design }
    from: { value: 216, unit: h, cites: OURS, grade: design }
    to: { value: 264, unit: h, cites: OURS, grade: design }
    threshold: { value: 0.12, unit: "[IU]/mL", cites: OURS, grade: published }
citations:
  OURS: The tumour board of this hospital
"""
LINK = "reactions:\n  link: { value: 48, unit: h, cites: OURS, grade: design, note: Two days }\n"
BAND = 'band_upper: { value: 0.3, unit: "[IU]/mL", cites: OURS, grade: design }\n'


def own(config: Path, text: str = OWN, name: str = "own.yaml") -> None:
    (config / "policies" / name).write_text(text)


def read(config: Path) -> dict[str, PolicyFile]:
    found, faults = read_config(config)
    assert faults == []
    return {file.policy.label: file for file in found.files}


def told(config: Path) -> list[str]:
    return [str(fault) for fault in read_config(config)[1]]


def test_every_number_the_file_does_not_give_is_that_of_its_base(config: Path):
    own(config, OWN + LINK)
    files = read(config)
    mine, base = files["OWN@1"], files["CONS16@1"]
    standing = dict(numbers_of(base.policy))
    for section, keys in SECTIONS.items():
        for key in keys:
            place = f"{section}: {key}"
            number = dict(numbers_of(mine.policy))[place]
            if place == "reactions: link":
                assert (str(number.value), number.citation) == ("48", "OURS")
            else:
                assert number == standing[place]
    assert mine.inherited == {
        place: "CONS16@1" for place in standing if not place.startswith("day ") and place != "reactions: link"
    }
    assert base.inherited == {}
    assert mine.policy.based_on == "CONS16@1"


def test_windows_quotations_and_what_names_the_policy_are_never_inherited(config: Path):
    change(config, "levels:", "confirmed_by: two-doses\nlevels:")
    own(config)
    policy = read(config)["OWN@1"].policy
    assert [point.name for point in policy.time_points] == ["day 10"]
    assert (policy.quotations, policy.confirmed_by, policy.loss_when) == ((), "two-samples", "below-threshold")
    assert (policy.title, policy.valid_from.isoformat(), policy.products) == (
        "Our own windows",
        "2024-06-01",
        ("pegaspargase",),
    )


def test_sources_and_notes_come_with_the_numbers_they_belong_to(config: Path):
    own(config)
    files = read(config)
    policy, base = files["OWN@1"].policy, files["CONS16@1"].policy
    texts = dict(base.citations)
    used = ("PROJECT", "LANVERS-2020", "LANVERS-2002", "VROOMAN-2021", "HENRIKSEN-2015", "ONCASPAR-US")
    assert dict(policy.citations) == {
        "OURS": "The tumour board of this hospital",
        **{key: texts[key] for key in used},
    }
    assert policy.notes == tuple(note for note in base.notes if not note[0].startswith("day 14"))


def test_an_own_number_brings_its_own_note(config: Path):
    own(config, OWN + LINK)
    notes = dict(read(config)["OWN@1"].policy.notes)
    assert notes["reactions: link"] == "Two days"
    assert "HENRIKSEN-2015" not in dict(read(config)["OWN@1"].policy.citations)


def test_optional_numbers_are_inherited_too(config: Path):
    change(config, "levels:", BAND.replace("OURS", "PROJECT") + "levels:")
    own(config)
    assert str(read(config)["OWN@1"].policy.band_upper.value) == "0.3"
    own(config, OWN + BAND.replace("0.3", "0.4"))
    assert str(read(config)["OWN@1"].policy.band_upper.value) == "0.4"


def test_a_base_may_rest_on_a_base_and_each_number_names_the_file_that_states_it(config: Path):
    own(config, OWN + LINK)
    own(config, OWN.replace("policy: OWN", "policy: AFTER").replace("CONS16@1", "OWN@1"), "after.yaml")
    inherited = read(config)["AFTER@1"].inherited
    assert {inherited[place] for place in inherited if place != "reactions: link"} == {"CONS16@1"}
    assert inherited["reactions: link"] == "OWN@1"


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("value: 0.090", "value: 0.09", False),
        ("note: One day", "note: A day", True),
        ("# CONS16", "# Another comment", True),
        ("title: Consensus", "title: The consensus", True),
        ("target: { value: 168,", "target: { value: 169,", True),
        ("LANVERS-2020: Lanvers", "LANVERS-2020: Dr Lanvers", False),
    ],
)
def test_a_change_of_what_is_inherited_changes_the_hash(config: Path, before: str, after: str, same: bool):
    own(config)
    first = read(config)["OWN@1"].policy.hash
    change(config, before, after)
    assert (read(config)["OWN@1"].policy.hash == first) is same


def test_what_rests_on_an_unverified_number_or_on_a_draft_is_a_draft(config: Path):
    own(config)
    assert not read(config)["OWN@1"].policy.draft
    change(config, "default_policy: CONS16\n", "", "products.yaml")
    change(config, "version: 1\n", "version: 1\ndraft: yes\n")
    assert read(config)["OWN@1"].policy.draft
    change(config, "draft: yes\n", "")
    change(
        config,
        "value: 24, unit: h, cites: PROJECT, grade: design",
        "value: 24, unit: h, cites: PROJECT, grade: unverified",
    )
    _, faults = load_rulebook(["OWN"], config)
    assert [fault.text.partition("; it is")[0] for fault in faults] == [
        "policy 'OWN' is a draft; not verified: confirmation: gap"
    ]


def test_what_rests_on_a_draft_is_a_draft_even_if_it_does_not_use_the_unverified_number(config: Path):
    change(config, "default_policy: CONS16\n", "", "products.yaml")
    change(config, "cites: VANDERSLUIS-2016, grade: secondary", "cites: VANDERSLUIS-2016, grade: unverified")
    own(config)
    _, faults = load_rulebook(["OWN"], config)
    assert [fault.text.partition("; it is")[0] for fault in faults] == [
        "policy 'OWN' is a draft; its file says 'draft: yes', or it is based on a draft"
    ]


@pytest.mark.parametrize(
    ("base", "words"),
    [
        (
            "CONS17@1",
            "there is no policy 'CONS17@1' to be based on; did you mean 'CONS16@1'?; write for example CONS16@1",
        ),
        (
            "CONS16@2",
            "there is no policy 'CONS16@2' to be based on; did you mean 'CONS16@1'?; write for example CONS16@1",
        ),
        ("CONS16", "there is no policy 'CONS16' to be based on; did you mean 'CONS16@1'?; write for example CONS16@1"),
        ("OWN@1", "this policy is based on itself: OWN@1 -> OWN@1"),
    ],
)
def test_a_base_that_cannot_be_rested_on_is_a_fault(config: Path, base: str, words: str):
    own(config, OWN.replace("CONS16@1", base))
    assert told(config) == [f"config/policies/own.yaml:5: {words}"]
    assert load_rulebook((), config)[0] is None


def test_policies_based_on_each_other_are_faults_and_so_is_what_rests_on_them(config: Path):
    own(config, OWN.replace("policy: OWN", "policy: ONE").replace("CONS16@1", "TWO@1"), "a.yaml")
    own(config, OWN.replace("policy: OWN", "policy: TWO").replace("CONS16@1", "ONE@1"), "b.yaml")
    own(config, OWN.replace("policy: OWN", "policy: THREE").replace("CONS16@1", "TWO@1"), "c.yaml")
    assert told(config) == [
        "config/policies/a.yaml:5: this policy is based on itself: ONE@1 -> TWO@1 -> ONE@1",
        "config/policies/b.yaml:5: this policy is based on itself: TWO@1 -> ONE@1 -> TWO@1",
        "config/policies/c.yaml:5: it is based on TWO@1, which cannot be read itself",
    ]


def test_a_base_with_a_fault_of_its_own_is_named_where_it_is_needed(config: Path):
    line = change(config, "low: loss", "low: lost")
    own(config)
    assert told(config)[-1] == "config/policies/own.yaml:5: it is based on CONS16@1, which cannot be read itself"
    assert told(config)[0].startswith(f"config/{CONS16}:{line}: 'lost' is not one of")


def test_one_source_has_one_text_in_a_policy_and_its_base(config: Path):
    own(config, OWN.replace("OURS", "ONCASPAR-US"))
    assert told(config) == [
        "config/policies/own.yaml:16: 'ONCASPAR-US' has another text in CONS16@1, on which this policy is based"
    ]


def test_a_source_of_the_base_that_the_file_cites_itself_needs_its_text_here(config: Path):
    own(config, OWN.replace("cites: OURS, grade: published", "cites: KHALIL-2022, grade: published"))
    assert told(config) == ["config/policies/own.yaml:14: 'KHALIL-2022' is not among the citations of this file"]


def test_a_number_without_a_value_is_not_taken_from_the_base(config: Path):
    own(config, OWN + "confirmation:\n  gap:\n")
    assert told(config) == ["config/policies/own.yaml:18: 'gap' is empty; write { value, unit: 'h', cites, grade }"]


def test_an_own_window_is_measured_against_the_limits_of_the_base(config: Path):
    own(config, OWN.replace("value: 264,", "value: 361,"))
    assert told(config) == ["config/policies/own.yaml:9: 'day 10' ends after 'no_verdict_after'"]
