"""Every mistake in a policy or in the products is a sentence with file and line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy_texts import CONS16, change

from adapter.knowledge.policies import load_rulebook, read_config
from adapter.knowledge.policy_bases import read_policies
from adapter.knowledge.shipped import shipped
from adapter.knowledge.text_yaml import Fault, Node, read_yaml

PRODUCTS = read_config()[0].products

BAND = 'band_upper: { value: 0.25, unit: "[IU]/mL", cites: PROJECT, grade: design }'
EARLY = "early_low_until: { value: 144, unit: h, cites: PROJECT, grade: design }"
OTHER_TABLE = "these products are read by different decision tables (erwinia, pegylated); write two policies"
PARAPHRASE = "'statement' reports what others say; write 'SOMEBODY is described as ...'"
MECHANISM = "'allergy' is not one of below-target-not-inactivation, confirmed-silent-inactivation"


def faults_of(config: Path) -> list[Fault]:
    return read_config(config)[1]


@pytest.mark.parametrize(
    ("before", "after", "below", "words"),
    [
        (
            "cites: KHALIL-2022",
            "cites: KHALIL-2021",
            0,
            "'KHALIL-2021' is not among the citations of this file; did you",
        ),
        (
            "cites: AARHUS-TDM",
            "cites: AARHUS",
            0,
            "'AARHUS' is not among the citations of this file; did you mean 'AARH",
        ),
        (
            "day 25 (VROOMAN-2021)",
            "day 25 (VROOMAN-2020)",
            0,
            "the note names (VROOMAN-2020), which is not among the ci",
        ),
        ("value: 144, unit: h", "value: 144, unit: hours", 0, "'hours' is not a unit of policies"),
        ("value: 144, unit: h", "value: 6, unit: d", 0, "this number is in hours (unit: 'h'), not in days"),
        ("value: 144,", "value: '1,44',", 0, "'value' takes a number with a decimal point"),
        ("value: 144,", "value: -1,", 0, "a limit cannot be negative"),
        ("cites: KHALIL-2022, grade: published }", "cites: KHALIL-2022 }", 0, "'grade' is missing"),
        ("grade: secondary", "grade: certain", 0, "'certain' is not one of design, published, secondary, unverified"),
        (
            "  - pegaspargase",
            "  - pegasparaginase",
            0,
            "there is no product 'pegasparaginase'; did you mean 'pegaspargase'?",
        ),
        ("  - pegaspargase", "  - pegaspargase\n  - crisantaspase", -1, OTHER_TABLE),
        (
            "  - pegaspargase",
            "  - crisantaspase",
            5,
            "'day 7': for these products a detectable low is expected; 'low' is ",
        ),
        ("valid_from: 2016-01-01", "valid_from: 01.01.2016", 0, "'valid_from' takes a date written YYYY-MM-DD"),
        ("version: 1", "version: 1.0", 0, "'version' takes a whole number from 1"),
        ("severe_grade:", "sever_grade:", 0, "'sever_grade' is not a key here; did you mean 'severe_grade'?"),
        ("low: loss", "low: lost", 0, "'lost' is not one of below-target, loss; did you mean 'loss'?"),
        ("levels:", "loss_when: detectable\nlevels:", 0, "'detectable' is not one of below-threshold, not-detectable"),
        ("levels:", "confirmed_by: one-sample\nlevels:", 0, "'one-sample' is not one of two-doses, two-samples"),
        ("low: loss", "low: loss\n    role: exposure", 1, "'role' is not a key here"),
        ("situation: reaction-activity-preserved", "situation: allergy", 0, MECHANISM),
        ("The label is described as ending", "Stop", 0, PARAPHRASE),
        (
            "ending pegaspargase",
            "giving 2,500 IU/m2 and ending pegaspargase",
            0,
            "'statement' names a dose; a sentence",
        ),
    ],
)
def test_a_mistake_in_a_policy_is_a_sentence_with_its_line(
    config: Path, before: str, after: str, below: int, words: str
):
    line = change(config, before, after) + below
    found = [fault for fault in faults_of(config) if words in fault.text]
    assert [(fault.file, fault.line, fault.severity) for fault in found] == [(f"config/{CONS16}", line, "error")]
    assert load_rulebook((), config)[0] is None


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("to: { value: 192,", "to: { value: 312,", "the windows of 'day 7' and 'day 14' overlap"),
        ("to: { value: 192,", "to: { value: 311,", None),
        ("name: day 14", "name: day 7", "there are two windows named 'day 7'"),
        ("target: { value: 168,", "target: { value: 143,", "'day 7': 'target' does not lie between 'from' and 'to'"),
        ("target: { value: 168,", "target: { value: 144,", None),
        ("target: { value: 168,", "target: { value: 193,", "'day 7': 'target' does not lie between 'from' and 'to'"),
        ("threshold: { value: 0.10,", "threshold: { value: 0,", "'day 7': a threshold of zero is met by every level"),
        ("to: { value: 360,", "to: { value: 361,", "'day 14' ends after 'no_verdict_after'"),
        ("levels:", "loss_when: not-detectable\nlevels:", "'day 7': by 'loss_when' a detectable low is never loss, so"),
        ("levels:", f"{BAND}\nlevels:", None),
        ("levels:", f"{BAND.replace('0.25', '0.10')}\nlevels:", "'band_upper' is not above every threshold"),
        ("levels:", "band_upper:\nlevels:", "'band_upper' is empty; write { value, unit: '[IU]/mL', cites, grade }"),
        ("levels:", f"{EARLY}\nlevels:", None),
        ("levels:", f"{EARLY.replace('144', '145')}\nlevels:", "'early_low_until' lies after the opening of the first"),
        ("severe_grade: { value: 3,", "severe_grade: { value: 6,", "'severe_grade' is not a CTCAE grade from 1 to 5"),
        ("severe_grade: { value: 3,", "severe_grade: { value: 5,", None),
        ("severe_grade: { value: 3,", "severe_grade: { value: 2.5,", "'severe_grade' is not a CTCAE grade from 1 to 5"),
        ("partial_fraction: { value: 0.5,", "partial_fraction: { value: 1,", None),
        (
            "partial_fraction: { value: 0.5,",
            "partial_fraction: { value: 1.1,",
            "'partial_fraction' is more than a whol",
        ),
        (
            "partial_fraction: { value: 0.5,",
            "partial_fraction: { value: 0.1,",
            "'negligible_fraction' is not below its",
        ),
        ("    value: 1.3\n", "    value: 1\n", None),
        ("    value: 1.3\n", "    value: 0.9\n", "'discordance_ratio' is below 1: every fall would contradict"),
        (
            "    value: 0.090\n",
            "    value: 0.110\n",
            "'near_threshold_from' is not below its upper partner 'near_thres",
        ),
        ("    value: 0.0025\n", "    value: 5\n", "'implausible_below' is not below its upper partner 'implausible_"),
    ],
)
def test_numbers_that_contradict_each_other_are_faults(config: Path, before: str, after: str, words: str | None):
    change(config, before, after)
    found = faults_of(config)
    assert len(found) == (words is not None)
    assert all(f.file == f"config/{CONS16}" and words and f.text.startswith(words) for f in found), found


def test_a_window_that_ends_too_late_is_found_where_it_stands(config: Path):
    change(config, "to: { value: 360,", "to: { value: 361,")
    text = (config / CONS16).read_text()
    line = text[: text.index("- name: day 14")].count("\n") + 1
    assert [str(fault) for fault in faults_of(config)] == [
        f"config/{CONS16}:{line}: 'day 14' ends after 'no_verdict_after'"
    ]


def test_a_number_that_is_missing_or_empty_is_a_fault(config: Path):
    number = "  gap: { value: 24, unit: h, cites: PROJECT, grade: design }\n"
    line = change(config, number, "  gap:\n")
    assert [str(fault) for fault in faults_of(config)] == [
        f"config/{CONS16}:{line}: 'gap' is empty; write {{ value, unit: 'h', cites, grade }}"
    ]
    change(config, "  gap:\n", "")
    assert [str(fault) for fault in faults_of(config)] == [
        f"config/{CONS16}:{line - 1}: 'gap' is missing; write {{ value, unit: 'h', cites, grade }}"
    ]


def test_a_threshold_that_is_missing_is_a_fault_of_its_window(config: Path):
    threshold = '    threshold: { value: 0.10, unit: "[IU]/mL", cites: VANDERSLUIS-2016, grade: published }\n'
    change(config, threshold, "")
    (fault,) = faults_of(config)
    assert fault.text == "'threshold' is missing; write { value, unit: '[IU]/mL', cites, grade }"
    assert (config / CONS16).read_text().splitlines()[fault.line - 1] == "  - name: day 7"


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("valid_from", "'valid_from' is missing; a dose is read by the version in force at its start"),
        ("time_points", "'time_points' is missing; a policy has at least one sampling window"),
        ("products", "'products' is missing; say which products the policy is for"),
        ("title", "'title' is missing"),
        ("version", "'version' is missing"),
    ],
)
def test_a_part_that_is_missing_is_a_fault(config: Path, key: str, words: str):
    text = (config / CONS16).read_text()
    (config / CONS16).write_text(re.sub(rf"(?m)^{key}:.*\n(( .*)?\n)*?(?=\S|\n)", "", text, count=1))
    assert [fault.text for fault in faults_of(config) if fault.severity == "error"] == [words]


def test_a_source_that_nothing_names_is_a_warning(config: Path):
    line = change(config, "citations:\n", "citations:\n  UNREAD-1999: A paper nobody cites\n") + 1
    (fault,) = faults_of(config)
    assert str(fault) == f"config/{CONS16}:{line}: warning: no number, quotation or note cites 'UNREAD-1999'"
    assert load_rulebook((), config)[0] is not None


def test_a_word_in_brackets_that_is_no_source_can_be_written_without_them(config: Path):
    change(config, "note: One day", "note: (ALL-11) One day")
    hint = "write it without brackets if it is no source"
    assert [fault.text for fault in faults_of(config)] == [
        f"the note names (ALL-11), which is not among the citations of this file; {hint}"
    ]


def second(config: Path, *changes: tuple[str, str]) -> str:
    text = (config / CONS16).read_text()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after, 1)
    (config / "policies" / "second.yaml").write_text(text)
    return text


def test_two_files_may_not_hold_one_version(config: Path):
    second(config)
    assert [str(fault) for fault in faults_of(config)] == [
        "config/policies/second.yaml:6: CONS16@1 stands in another file already; give a changed policy a new version"
    ]


@pytest.mark.parametrize(
    ("day", "words"),
    [
        ("2015-12-31", "CONS16@2 is valid from 2015-12-31, but CONS16@1 from 2016-01-01"),
        ("2016-01-01", "CONS16@2 is valid from 2016-01-01, but CONS16@1 from 2016-01-01"),
        ("2016-01-02", None),
    ],
)
def test_a_later_version_comes_into_force_later(config: Path, day: str, words: str | None):
    second(config, ("version: 1", "version: 2"), ("valid_from: 2016-01-01", f"valid_from: {day}"))
    wanted = f"config/policies/second.yaml:8: {words}; a later version comes into force later"
    assert [str(fault) for fault in faults_of(config)] == ([wanted] if words else [])


def default_line(config: Path) -> int:
    text = (config / "products.yaml").read_text()
    return text[: text.index("default_policy: ")].count("\n") + 1


def test_a_default_policy_that_is_not_there_is_a_fault(config: Path):
    change(config, "default_policy: CONS16", "default_policy: CONS17", "products.yaml")
    assert [str(fault) for fault in faults_of(config)] == [
        f"config/products.yaml:{default_line(config)}: there is no policy 'CONS17'; did you mean 'CONS16'?"
    ]
    assert load_rulebook((), config)[0] is None


def test_a_default_policy_for_another_product_is_a_fault(config: Path):
    change(config, "  - pegaspargase", "  - calaspargase")
    assert [str(fault) for fault in faults_of(config)] == [
        f"config/products.yaml:{default_line(config)}: policy 'CONS16' is not for pegaspargase"
    ]


def test_a_default_policy_that_is_a_draft_is_a_fault_unless_drafts_are_accepted(config: Path):
    change(
        config,
        "value: 6, unit: h, cites: PROJECT, grade: design",
        "value: 6, unit: h, cites: PROJECT, grade: unverified",
    )
    why = "not verified: reactions: premedication_antihistamine"
    assert [str(fault) for fault in faults_of(config)] == [
        f"config/products.yaml:{default_line(config)}: policy 'CONS16' is a draft, which cannot be a default; {why}"
    ]
    assert load_rulebook((), config)[0] is None
    book, faults = load_rulebook((), config, drafts=True)
    assert faults == []
    assert book is not None
    assert book.chosen == {"pegaspargase": "CONS16"}


def test_a_default_whose_file_has_a_fault_is_not_told_twice(config: Path):
    line = change(config, "low: loss", "low: lost")
    assert [(fault.file, fault.line) for fault in faults_of(config)] == [(f"config/{CONS16}", line)]


def test_without_products_nothing_is_known(tmp_path: Path):
    book, faults = load_rulebook((), tmp_path)
    assert book is None
    assert [str(fault) for fault in faults] == ["products.yaml: the file is missing; without it no product is known"]


def test_mistakes_in_the_products_are_sentences(config: Path):
    changes = [
        ("family: ecoli", "family: coli", "'coli' is not one of ecoli, erwinia, unknown; did you mean 'ecoli'?"),
        (
            "residual: { value: 21, unit: d",
            "residual: { value: 21, unit: h",
            "this number is in days (unit: 'd'), not in hours",
        ),
        (
            "decision_table: pegylated",
            "decision_table: native-peg",
            "'native-peg' is not one of erwinia, native, pegylated",
        ),
    ]
    wanted = [
        f"config/products.yaml:{change(config, before, after, 'products.yaml')}: {words}"
        for before, after, words in changes
    ]
    found = [str(fault) for fault in faults_of(config) if fault.file == "config/products.yaml"]
    assert [text[: len(words)] for text, words in zip(found, wanted, strict=True)] == wanted


def test_products_without_products_are_a_fault(config: Path):
    (config / "products.yaml").write_text("citations:\n  PROJECT: A project decision\n")
    assert str(faults_of(config)[0]) == "config/products.yaml:1: 'products' is missing; list at least one product"


def test_an_overlay_that_changes_nothing_and_files_nobody_reads_are_warnings(config: Path, tmp_path: Path):
    site = tmp_path / "site"
    site.mkdir()
    assert [str(fault) for fault in read_config(config, [site])[1]] == [
        f"{site.as_posix()}: warning: nothing in this folder is read; it holds no products.yaml and no policies/*.yaml"
    ]
    (site / "policies" / "old").mkdir(parents=True)
    for name in ("own.yml", "old/own.yaml"):
        (site / "policies" / name).write_text("policy: OWN\n")
    rest = "warning: nothing reads this file; policies lie directly in policies/ and end in .yaml"
    assert [str(fault) for fault in read_config(config, [site])[1]] == [
        f"{site.as_posix()}/policies/{name}: {rest}" for name in ("old/own.yaml", "own.yml")
    ]


def test_an_overlay_that_is_not_there_is_a_fault(config: Path, tmp_path: Path):
    site = tmp_path / "no-such-site"
    assert [str(fault) for fault in read_config(config, [site])[1]] == [f"{site.as_posix()}: there is no such folder"]


JUNK = st.sampled_from(
    ["", "x", "-1", "1e9", [], {}, ["x"], [["x"]], {"a": "b"}, [{"note": "(X-1)"}], {"note": {"x": "y"}}]
)


@given(data=st.data())
def test_whatever_stands_at_a_place_reading_ends_in_a_policy_or_in_faults(data: st.DataObject):
    """With any part of a shipped file, or of what it is based on, replaced by something else."""
    texts = [(shipped("config") / "policies" / name).read_text() for name in ("cons16.yaml", "native72.yaml")]
    documents = [document for text in texts for document in (read_yaml(text, "policies/some.yaml")[0],) if document]
    spoiled = data.draw(st.sampled_from(documents))
    path = data.draw(st.sampled_from(sorted(spoiled.places, key=str)))
    replaced = with_node(spoiled.data, path, data.draw(JUNK))
    read = [replace(one, data=replaced) if one is spoiled else one for one in documents]
    files, faults = read_policies(read, PRODUCTS)
    assert len(files) == 2 or [fault for fault in faults if fault.severity == "error"]


def with_node(node: Node, path: Sequence[str | int], instead: Node) -> Node:
    """A copy of a node with another one at a path."""
    if not path:
        return instead
    if isinstance(node, dict):
        return {key: with_node(item, path[1:], instead) if key == path[0] else item for key, item in node.items()}
    assert isinstance(node, list)
    return [with_node(item, path[1:], instead) if number == path[0] else item for number, item in enumerate(node)]


@pytest.mark.parametrize(
    ("products", "told"),
    [
        (b"products: [\n", "2: not readable as YAML"),
        (b"schema: 1\n", "1: 'products' is missing; list at least one product"),
        (b"products:\n  x\xff: {}\n", "2: the file is not UTF-8 here"),
    ],
)
def test_products_that_cannot_be_read_are_told_once_and_beside_other_faults(tmp_path, products, told):
    (tmp_path / "policies").mkdir()
    (tmp_path / "products.yaml").write_bytes(products)
    (tmp_path / "policies" / "wrong.yaml").write_text(
        "policy: WRONG\nversion: 1\nproducts: [pegaspargase]\ncolour: blue\n"
    )
    (tmp_path / "policies" / "ours.yaml").write_text("policy: OURS\nversion: 1\nproducts: [ours]\n")
    rulebook, faults = load_rulebook(overlays=[tmp_path])
    assert rulebook is None
    of_products = [str(fault) for fault in faults if "wrong.yaml" not in fault.file]
    assert any(line.startswith(f"{tmp_path}/products.yaml:{told}") for line in of_products)
    assert all(line.startswith(f"{tmp_path}/products.yaml:") for line in of_products)
    assert any(fault.text.startswith("'colour' is not a key here") for fault in faults)
